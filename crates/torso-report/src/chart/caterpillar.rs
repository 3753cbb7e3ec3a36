//! Many tasks of one arm: their gains in ascending order, each with its interval.

use torso_core::record::Verdict;

use super::scale::Scale;
use super::{class, line};
use crate::svg::{Element, picture};

const HEIGHT: f64 = 200.0;
/// Room for the numbers at the left.
const LEFT: f64 = 0.07;

/// One task to draw.
pub(crate) struct Gain {
    /// Gain, lower and upper end.
    pub values: [f64; 3],
    pub verdict: Verdict,
    /// What is said of it, in words.
    pub title: String,
}

/// An axis that all arms share: it holds all gains, and all but the widest twentieth of the
/// intervals' ends, so that a few unsure tasks do not flatten the rest.
pub(crate) struct Axis(Option<Scale>);

impl Axis {
    pub(crate) fn over(gains: &[Vec<Gain>]) -> Self {
        let all = || gains.iter().flatten();
        let ends = |end: usize| {
            let mut ends: Vec<f64> =
                all().map(|gain| gain.values[end]).filter(|value| value.is_finite()).collect();
            ends.sort_by(f64::total_cmp);
            ends
        };
        let (lows, highs) = (ends(1), ends(2));
        let low = lows.get(lows.len() / 20).copied();
        let high = highs.iter().nth_back(highs.len() / 20).copied();
        let gains = all().map(|gain| gain.values[0]);
        Self(Scale::over(gains.chain(low).chain(high).chain([0.0])))
    }

    /// The picture of one arm.
    pub(crate) fn picture(&self, mut gains: Vec<Gain>, title: &str) -> String {
        let svg = picture("caterpillar", HEIGHT, title);
        let Some(scale) = &self.0 else { return svg.render() };
        gains.retain(|gain| gain.values[0].is_finite());
        gains.sort_by(|a, b| a.values[0].total_cmp(&b.values[0]));
        let n = gains.len().max(1) as f64;
        let x = |i: usize| LEFT + (1.0 - LEFT) * (i as f64 + 0.5) / n;
        let tasks = gains.iter().enumerate().map(|(i, gain)| task(scale, gain, x(i)));
        svg.children(grid(scale)).children(tasks).render()
    }
}

fn task(scale: &Scale, gain: &Gain, x: f64) -> Element {
    let [mean, low, high] = gain.values;
    let mut group = Element::new("g").set("class", class(gain.verdict)).title(&gain.title);
    if low.is_finite() && high.is_finite() {
        group = group.child(line((x, y(scale, low)), (x, y(scale, high))));
    }
    group.child(shape(gain.verdict, x, y(scale, mean)))
}

/// A triangle up or down where a word was said, a small dot elsewhere.
fn shape(verdict: Verdict, x: f64, y: f64) -> Element {
    let path = match verdict {
        Verdict::Helps => "M-5 4L0-6 5 4Z",
        Verdict::Harms => "M-5-4L0 6 5-4Z",
        _ => {
            return Element::new("circle").share("cx", x).set("cy", super::tenth(y)).set("r", 1.8);
        }
    };
    let shape = Element::new("path").set("d", path);
    let place = Element::new("svg").set("class", "mark");
    place.share("x", x).set("y", super::tenth(y)).child(shape)
}

fn grid(scale: &Scale) -> Vec<Element> {
    let mut lines = Vec::new();
    for (value, text) in scale.ticks(true) {
        let y = y(scale, value);
        let class = if value == 0.0 { "zero" } else { "grid" };
        lines.push(line((0.0, y), (1.0, y)).set("class", class));
        lines.push(Element::new("text").set("x", 0).set("y", super::tenth(y - 3.0)).text(&text));
    }
    lines
}

/// Better is up.
fn y(scale: &Scale, value: f64) -> f64 {
    const TOP: f64 = 14.0;
    TOP + (HEIGHT - TOP - 4.0) * (1.0 - scale.at(value))
}
