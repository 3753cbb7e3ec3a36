//! A number for each item as bars across, the name on its bar.

use crate::svg::{Element, picture as svg};

const ROW: f64 = 22.0;

/// One item to draw.
pub(crate) struct Bar {
    /// At least 0.
    pub value: f64,
    /// Short enough for a phone.
    pub name: String,
    /// The value as text.
    pub number: String,
    /// What the bar says, in words.
    pub title: String,
}

/// Bars from top to bottom; the longest is as wide as the picture.
pub(crate) fn picture(bars: &[Bar], title: &str) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let row = |(i, bar): (usize, &Bar)| {
        let top = ROW * i as f64;
        let share = if bar.value > 0.0 { (bar.value / most).max(0.003) } else { 0.0 };
        let rect =
            Element::new("rect").set("y", top + 1.0).set("height", ROW - 2.0).share("width", share);
        let text = |text: &str| Element::new("text").set("y", top + 15.0).text(text);
        Element::new("g")
            .title(&bar.title)
            .child(rect)
            .child(text(&bar.name).set("x", 6))
            .child(text(&bar.number).share("x", 0.99).set("text-anchor", "end"))
    };
    let rows = bars.iter().enumerate().map(row);
    svg("bars", ROW * bars.len() as f64, title).children(rows).render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: f64) -> Bar {
        Bar { value, name: "a".into(), number: "1".into(), title: format!("is {value}") }
    }

    /// The widths of the bars, in percent.
    fn widths(values: &[f64]) -> Vec<f64> {
        let bars: Vec<Bar> = values.iter().map(|value| bar(*value)).collect();
        let picture = picture(&bars, "t");
        let parts =
            picture.split("<rect ").skip(1).map(|part| part.split_once("width=\"").unwrap().1);
        parts.map(|part| part.split('%').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn lengths_are_shares_of_the_largest_and_nothing_but_zero_has_none() {
        assert_eq!(widths(&[4.0, 1.0, 0.0]), [100.0, 25.0, 0.0]);
        assert_eq!(widths(&[1.0, 1e-9]), [100.0, 0.3]);
        assert_eq!(widths(&[0.0]), [0.0]);
        assert_eq!(widths(&[f64::MAX, f64::MIN_POSITIVE]), [100.0, 0.3]);
    }

    #[test]
    fn every_bar_has_its_words() {
        let picture = picture(&[bar(2.0), bar(1.0)], "all");
        assert!(picture.contains("<title>all</title>") && picture.contains("height=\"44\""));
        assert!(picture.contains("<g><title>is 2</title>") && picture.contains("is 1"));
    }
}
