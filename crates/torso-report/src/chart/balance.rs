//! How an arm balanced its tasks over epochs: shares of the weights, cosines of the gradients.

use super::axes::{self, Axes, line_class};
use crate::svg::Element;

/// One task's share of the weights.
pub(crate) struct Share<'a> {
    /// The task's place in the record.
    pub task: usize,
    /// Per epoch.
    pub values: &'a [f64],
    /// What the line says, in words.
    pub title: &'a str,
}

/// The values that are known of some; shares and cosines lie between -1 and 1.
pub(crate) fn known(values: &[f64]) -> impl DoubleEndedIterator<Item = f64> {
    const MOST: f64 = 1.0 + 1e-6;
    values.iter().copied().filter(|value| value.abs() <= MOST)
}

/// The line of a task, for a legend.
pub(crate) fn key(task: usize) -> String {
    axes::key(task, &[(8.0, "value")])
}

/// The shares of all tasks of an arm.
pub(crate) fn shares(shares: &[Share], title: &str) -> String {
    let longest = shares.iter().map(|share| share.values.len()).max().unwrap_or(0);
    let values = shares.iter().flat_map(|share| known(share.values));
    let Some(axes) = Axes::over(longest, values.chain([0.0])) else {
        return axes::frame(title).render();
    };
    let lines = shares.iter().map(|share| {
        let line = line(&axes, share.values);
        Element::new("g").set("class", line_class(share.task)).title(share.title).child(line)
    });
    axes.picture(title, [axes.zero()].into_iter().chain(lines))
}

/// The mean cosine between the gradients of an arm's tasks. Both sides of zero are seen, and small
/// values stay small.
pub(crate) fn cosine(values: &[f64], title: &str) -> String {
    const LEAST: f64 = 0.1;
    let Some(axes) = Axes::over(values.len(), known(values).chain([-LEAST, LEAST])) else {
        return axes::frame(title).render();
    };
    let line = Element::new("g").set("class", line_class(0)).child(line(&axes, values));
    axes.picture(title, [axes.zero(), line])
}

/// The class that colors the cell of a cosine: its sign by hue, its size by strength in tenths.
pub(crate) fn cell_class(cosine: f64) -> String {
    let side = if cosine < 0.0 { "conflict" } else { "agree" };
    format!("{side} tenth{}", (10.0 * cosine.abs()).round())
}

fn line(axes: &Axes, values: &[f64]) -> Element {
    Element::new("path").set("class", "value").set("d", axes.path(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_colored_by_sign_and_size() {
        assert_eq!(cell_class(-0.72), "conflict tenth7");
        assert_eq!(cell_class(0.04), "agree tenth0");
        assert_eq!(cell_class(1.0 + 1e-9), "agree tenth10");
    }

    /// Where the zero line is, in pixels down.
    fn zero(picture: &str) -> f64 {
        let (_, path) = picture.split_once("class=\"zero\" d=\"M44 ").unwrap();
        path.split_once('H').unwrap().0.parse().unwrap()
    }

    #[test]
    fn zero_is_on_every_axis() {
        let share = |values: &'static [f64]| Share { task: 0, values, title: "" };
        let positive = shares(&[share(&[0.4, 0.6])], "");
        let negative = shares(&[share(&[0.4, 0.6]), share(&[-0.6, f64::NAN])], "");
        assert!(zero(&positive) > 180.0 && (80.0..120.0).contains(&zero(&negative)));
        for values in [[0.0, 0.0], [0.9, f64::NAN], [-1.0, 1.0], [f64::NAN; 2]] {
            let picture = cosine(&values, "");
            assert!((15.0..185.0).contains(&zero(&picture)), "{picture}");
        }
    }
}
