//! A forest plot: gains with their intervals in rows over one axis.

use torso_core::record::Verdict;

use super::scale::Scale;
use super::{class, line, mark};
use crate::svg::{Element, picture};

const ROW: f64 = 28.0;
/// Marks and numbers at the ends keep this share of the width free.
const MARGIN: f64 = 0.05;

/// One row to draw.
pub(crate) struct Gain {
    /// Gain, lower and upper end, in the axis' unit.
    pub values: [f64; 3],
    pub verdict: Verdict,
    /// What the row says, in words.
    pub title: String,
}

/// The rows of one axis.
pub(crate) struct Forest {
    scale: Option<Scale>,
}

impl Forest {
    pub(crate) fn new(gains: &[Gain]) -> Self {
        let values = gains.iter().flat_map(|gain| gain.values);
        Self { scale: Scale::over(values.chain([0.0])) }
    }

    /// The picture of one row; rows stacked without gaps make one plot.
    pub(crate) fn row(&self, gain: &Gain) -> String {
        let svg = picture(class(gain.verdict), ROW, &gain.title);
        let Some(scale) = &self.scale else { return svg.render() };
        let middle = ROW / 2.0;
        let [mean, low, high] = gain.values;
        let mut svg = svg.children(grid(scale));
        if low.is_finite() && high.is_finite() {
            let ends = [low, high].map(|end| place(scale, end));
            let interval = line((ends[0], middle), (ends[1], middle)).set("class", "interval");
            svg = svg.child(interval);
        }
        if mean.is_finite() {
            svg = svg.child(mark(gain.verdict, place(scale, mean), middle));
        }
        svg.render()
    }

    /// The numbers under the rows, and which way is better than what.
    pub(crate) fn axis(&self, better: &str) -> String {
        const HEIGHT: f64 = 40.0;
        let svg = picture("axis", HEIGHT, "The scale of the gains above");
        let Some(scale) = &self.scale else { return svg.render() };
        let number = |(value, text): (f64, String)| label(place(scale, value), 14.0, &text);
        let zero = place(scale, 0.0);
        // Words that would not fit at the right of the zero line end at the picture's edge.
        let (x, anchor) = if zero > 0.5 { (1.0, "end") } else { (zero, "start") };
        let better = label(x, 32.0, better).set("text-anchor", anchor);
        svg.children(scale.ticks(true).into_iter().map(number)).child(better).render()
    }
}

/// Lines behind the marks, as high as the row is; the one at zero is learning alone.
fn grid(scale: &Scale) -> Vec<Element> {
    let line = |value: f64, class: &str| {
        let x = place(scale, value);
        let line = Element::new("line").share("x1", x).share("x2", x);
        line.set("y1", 0).set("y2", "100%").set("class", class)
    };
    let others = scale.ticks(true).into_iter().map(|(value, _)| value).filter(|v| *v != 0.0);
    others.map(|value| line(value, "grid")).chain([line(0.0, "zero")]).collect()
}

fn place(scale: &Scale, value: f64) -> f64 {
    MARGIN + (1.0 - 2.0 * MARGIN) * scale.at(value)
}

fn label(x: f64, y: f64, text: &str) -> Element {
    Element::new("text").share("x", x).set("y", y).text(text)
}
