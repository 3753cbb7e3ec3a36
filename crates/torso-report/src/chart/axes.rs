//! Axes of values over epochs, and the lines in them.

use std::fmt::Write;

use super::scale::Scale;
use super::tenth;
use crate::number::Digits;
use crate::svg::Element;

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 30.0;
const TOP: f64 = 8.0;
const RIGHT: f64 = 8.0;

/// The class that gives a line its color and dash: 25 lines differ. The first has the text's color;
/// there are six others, which further lines take again with another dash.
pub(super) fn line_class(line: usize) -> String {
    const COLORS: usize = 6;
    match line.checked_sub(1) {
        None => "line0".to_string(),
        Some(i) => format!("line{} dash{}", i % COLORS + 1, (i + i / (2 * COLORS)) % 4),
    }
}

/// The look of a line for a legend: strokes, each with its place down and its class.
pub(super) fn key(line: usize, strokes: &[(f64, &str)]) -> String {
    let stroke = |(y, class): &(f64, &str)| {
        Element::new("path").set("d", format_args!("M0 {y}H32")).set("class", class)
    };
    Element::new("svg")
        .set("class", format_args!("key {}", line_class(line)))
        .set("aria-hidden", "true")
        .set("width", 32)
        .set("height", 16)
        .children(strokes.iter().map(stroke))
        .render()
}

/// A picture with nothing in it yet.
pub(super) fn frame(title: &str) -> Element {
    Element::new("svg")
        .set("class", "curves")
        .set("role", "img")
        .set("viewBox", format_args!("0 0 {WIDTH} {HEIGHT}"))
        .title(title)
}

/// Epochs across, values up.
pub(super) struct Axes {
    epochs: Scale,
    values: Scale,
}

impl Axes {
    /// Axes from the first epoch to the last, and over these values; none without a finite value.
    pub(super) fn over(n_epochs: usize, values: impl Iterator<Item = f64>) -> Option<Self> {
        let epochs = Scale::over([1.0, n_epochs.max(2) as f64].into_iter())?;
        Some(Self { epochs, values: Scale::over(values)? })
    }

    /// The axes with these lines between them.
    pub(super) fn picture(&self, title: &str, lines: impl IntoIterator<Item = Element>) -> String {
        // Lines that leave the axes are cut by a picture in the picture.
        let inside = Element::new("svg")
            .set("width", WIDTH - RIGHT / 2.0)
            .set("height", HEIGHT - BOTTOM)
            .children(lines);
        frame(title).children(self.grid()).child(inside).render()
    }

    pub(super) fn x(&self, epoch: f64) -> f64 {
        tenth(LEFT + (WIDTH - LEFT - RIGHT) * self.epochs.at(epoch))
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        tenth(TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - self.values.at(value)))
    }

    /// Values from the first epoch on, as a path that breaks where a value is not known. At most
    /// some eighty points, the last one among them.
    pub(super) fn path(&self, values: &[f64]) -> String {
        const POINTS: usize = 80;
        let stride = values.len().div_ceil(POINTS).max(1);
        let last = values.len().saturating_sub(1);
        let point = |(i, value): (usize, &f64)| {
            value.is_finite().then(|| format!("{} {}", self.x(i as f64 + 1.0), self.y(*value)))
        };
        let points: Vec<Option<String>> = values
            .iter()
            .enumerate()
            .filter(|(i, _)| i % stride == 0 || *i == last)
            .map(point)
            .collect();
        let mut path = String::new();
        for run in points.split(Option::is_none) {
            let run: Vec<&str> = run.iter().flatten().map(String::as_str).collect();
            match run.as_slice() {
                [] => Ok(()),
                // A single point would not be seen.
                [point] => write!(path, "M{point}h2"),
                points => write!(path, "M{}", points.join("L")),
            }
            .expect("strings take all text");
        }
        path
    }

    /// A line across at zero.
    pub(super) fn zero(&self) -> Element {
        Element::new("path").set("class", "zero").set("d", self.across(0.0))
    }

    fn across(&self, value: f64) -> String {
        format!("M{LEFT} {}H{}", self.y(value), WIDTH - RIGHT)
    }

    fn grid(&self) -> Vec<Element> {
        let text = |x: f64, y: f64, text: &str| {
            Element::new("text").set("x", tenth(x)).set("y", tenth(y)).text(text)
        };
        let mut marks = Vec::new();
        for (value, label) in self.values.ticks(false) {
            marks.push(Element::new("path").set("class", "grid").set("d", self.across(value)));
            marks.push(text(LEFT - 6.0, self.y(value) + 4.0, &label).set("text-anchor", "end"));
        }
        let bottom = HEIGHT - BOTTOM + 14.0;
        let whole =
            self.epochs.ticks(false).into_iter().filter(|(v, _)| *v >= 1.0 && v.fract() == 0.0);
        for (value, _) in whole {
            let label = Digits::Decimals(0).plain(value);
            marks.push(text(self.x(value), bottom, &label).set("text-anchor", "middle"));
        }
        marks.push(text(WIDTH - RIGHT, bottom + 13.0, "epoch").set("text-anchor", "end"));
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_picture_differ() {
        let classes: std::collections::BTreeSet<String> = (0..25).map(line_class).collect();
        assert_eq!(classes.len(), 25);
    }

    #[test]
    fn lines_break_where_nothing_is_known_and_single_points_are_seen() {
        let values = [0.0, 1.0, f64::NAN, 0.5, f64::INFINITY];
        let axes = Axes::over(values.len(), values.into_iter()).unwrap();
        let path = axes.path(&values);
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
        assert!(path.ends_with("h2"), "{path}");
        assert_eq!(axes.path(&[]), "");
        assert_eq!(axes.path(&[f64::NAN]), "");
    }

    #[test]
    fn long_lines_keep_few_points_and_their_end() {
        let values: Vec<f64> = (0..1003).map(f64::from).collect();
        let axes = Axes::over(values.len(), values.iter().copied()).unwrap();
        let path = axes.path(&values);
        assert!(path.matches('L').count() <= 81);
        assert!(path.ends_with(&format!("L{} {}", axes.x(1003.0), axes.y(1002.0))), "{path}");
    }
}
