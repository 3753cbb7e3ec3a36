//! Axes, and the lines in them.

use super::scale::Scale;
use super::tenth;
use crate::number::{Digits, floor_log10};
use crate::svg::Element;

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 220.0;
/// The least room for the numbers at the left.
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

/// One quantity across, another one up.
pub(super) struct Axes {
    across: Scale,
    up: Scale,
    /// The numbers below the axis, each with its text.
    numbers: Vec<(f64, String)>,
    /// What is across, and what is up; the latter can be empty.
    names: [String; 2],
    /// Where the plane begins.
    left: f64,
    /// Whether equal factors are equal steps across.
    is_log: bool,
}

impl Axes {
    /// Axes from the first epoch to the last, and over these values; none without a finite value.
    pub(super) fn over(n_epochs: usize, values: impl Iterator<Item = f64>) -> Option<Self> {
        let across = Scale::over([1.0, n_epochs.max(2) as f64].into_iter())?;
        let whole = |(value, _): &(f64, String)| *value >= 1.0 && value.fract() == 0.0;
        let numbers = across.ticks(false).into_iter().filter(whole);
        let numbers = numbers.map(|(value, _)| (value, Digits::Decimals(0).plain(value))).collect();
        Some(Self::new(across, Scale::over(values)?, numbers, ["epoch", ""].map(String::from)))
    }

    /// Axes over the values of two quantities; none without a finite value of each.
    pub(super) fn plane(
        across: impl Iterator<Item = f64>,
        up: impl Iterator<Item = f64>,
        names: [&'static str; 2],
    ) -> Option<Self> {
        let across = Scale::over(across)?;
        let numbers = across.ticks(false);
        Some(Self::new(across, Scale::over(up)?, numbers, names.map(String::from)))
    }

    /// Axes over the values of a strength and their losses; logarithmic across where all values are
    /// above 0. None without a finite value of each.
    pub(super) fn strength(
        values: &[f64],
        losses: impl Iterator<Item = f64>,
        name: &str,
    ) -> Option<Self> {
        let plain = Scale::over(values.iter().copied());
        let losses = Scale::over(losses)?;
        if values.iter().any(|value| *value <= 0.0) {
            let (plain, names) = (plain?, [name.to_string(), String::new()]);
            let numbers = plain.ticks(false);
            return Some(Self::new(plain, losses, numbers, names));
        }
        let across = Scale::over(values.iter().map(|value| value.log10()))?;
        let numbers = match (decades(values), plain) {
            (few, Some(plain)) if few.len() < 2 => plain.ticks(false),
            (decades, _) => decades,
        };
        let names = [format!("{name}, log scale"), String::new()];
        Some(Self { is_log: true, ..Self::new(across, losses, numbers, names) })
    }

    fn new(across: Scale, up: Scale, mut numbers: Vec<(f64, String)>, names: [String; 2]) -> Self {
        const DIGIT: f64 = 6.7;
        let width = |text: &str| DIGIT * text.chars().count() as f64;
        let left = up.ticks(false).iter().map(|(_, text)| width(text) + 10.0).fold(LEFT, f64::max);
        let needed: f64 = numbers.iter().map(|(_, text)| width(text) + DIGIT).sum();
        if needed > WIDTH - left {
            let mut place = 0;
            numbers.retain(|_| (place += 1, place % 2 == 1).1);
        }
        Self { across, up, numbers, names, left: left.min(WIDTH / 2.0), is_log: false }
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

    pub(super) fn x(&self, value: f64) -> f64 {
        let value = if self.is_log { value.log10() } else { value };
        tenth(self.left + (WIDTH - self.left - RIGHT) * self.across.at(value))
    }

    /// The path of a line from a point down to the axis.
    pub(super) fn line_down(&self, across: f64, up: f64) -> String {
        format!("M{} {}V{}", self.x(across), self.y(up), HEIGHT - BOTTOM)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        tenth(TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - self.up.at(value)))
    }

    /// Values from the first epoch on, as a path that breaks where a value is not known. At most
    /// some sixty points, the last one among them, each told by its distance from the one before:
    /// a page holds hundreds of lines.
    pub(super) fn path(&self, values: &[f64]) -> String {
        const POINTS: usize = 60;
        let stride = values.len().div_ceil(POINTS).max(1);
        let last = values.len().saturating_sub(1);
        let point = |(i, value): (usize, &f64)| {
            value.is_finite().then(|| (self.x(i as f64 + 1.0), self.y(*value)))
        };
        let points: Vec<Option<(f64, f64)>> = values
            .iter()
            .enumerate()
            .filter(|(i, _)| i % stride == 0 || *i == last)
            .map(point)
            .collect();
        points
            .split(Option::is_none)
            .map(|run| run_path(&run.iter().flatten().collect::<Vec<_>>()))
            .collect()
    }

    /// A line across at zero.
    pub(super) fn zero(&self) -> Element {
        Element::new("path").set("class", "zero").set("d", self.line_across(0.0))
    }

    fn line_across(&self, value: f64) -> String {
        format!("M{} {}H{}", tenth(self.left), self.y(value), WIDTH - RIGHT)
    }

    fn grid(&self) -> Vec<Element> {
        let text = |x: f64, y: f64, text: &str| {
            Element::new("text").set("x", tenth(x)).set("y", tenth(y)).text(text)
        };
        let mut marks = Vec::new();
        for (value, label) in self.up.ticks(false) {
            let line = Element::new("path").set("class", "grid").set("d", self.line_across(value));
            marks.push(line);
            let place = self.y(value) + 4.0;
            marks.push(text(self.left - 6.0, place, &label).set("text-anchor", "end"));
        }
        let bottom = HEIGHT - BOTTOM + 14.0;
        for (value, label) in &self.numbers {
            marks.push(text(self.x(*value), bottom, label).set("text-anchor", "middle"));
        }
        let [across, up] = &self.names;
        marks.push(text(WIDTH - RIGHT, bottom + 13.0, across).set("text-anchor", "end"));
        if !up.is_empty() {
            marks.push(text(self.left + 2.0, TOP + 6.0, up).set("class", "over"));
        }
        marks
    }
}

/// Powers of ten among values above 0, with their text; few of many, and with halves and fifths of
/// them where the values are near each other.
fn decades(values: &[f64]) -> Vec<(f64, String)> {
    const MOST: i32 = 6;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    let (first, last) = (floor_log10(low), floor_log10(high));
    let stride = (last - first) / MOST + 1;
    let factors: &[f64] = if last - first > 2 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all = (first..=last).filter(|power| power % stride == 0);
    let all = all.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
    let text = |value: f64| Digits::significant(value, 1).plain(value);
    let within = all.filter(|value| (low..=high).contains(value));
    within.map(|value| (value, text(value))).collect()
}

/// A line through points.
fn run_path(points: &[&(f64, f64)]) -> String {
    let Some((x, y)) = points.first() else { return String::new() };
    if points.len() == 1 {
        // A single point would not be seen.
        return format!("M{x} {y}h2");
    }
    let steps = points.windows(2).map(|pair| {
        let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        format!("{} {}", tenth(dx), tenth(dy))
    });
    let steps = steps.collect::<Vec<_>>().join(" ").replace(" -", "-");
    format!("M{x} {y}l{steps}")
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
    fn strengths_have_round_numbers() {
        let texts = |values: &[f64]| -> Vec<String> {
            decades(values).into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(&[0.09, 20.0]), ["0.1", "1", "10"]);
        assert_eq!(texts(&[3.0, 40.0]), ["5", "10", "20"]);
        assert_eq!(texts(&[1e-20, 1.0]).len(), 6);
        for values in [[3.0, 3.1], [1.0, 1.0], [f64::MIN_POSITIVE, f64::MAX]] {
            let axes = Axes::strength(&values, [0.0, 1.0].into_iter(), "a").unwrap();
            assert!((2..=8).contains(&axes.numbers.len()), "{:?}", axes.numbers);
            assert!(axes.numbers.iter().all(|(value, _)| axes.x(*value).is_finite()));
        }
        assert!(Axes::strength(&[], [0.0].into_iter(), "a").is_none());
    }

    #[test]
    fn lines_break_where_nothing_is_known_and_single_points_are_seen() {
        let values = [0.0, 1.0, f64::NAN, 0.5, f64::INFINITY];
        let axes = Axes::over(values.len(), values.into_iter()).unwrap();
        let path = axes.path(&values);
        assert_eq!((path.matches('M').count(), path.matches('l').count()), (2, 1), "{path}");
        assert!(path.ends_with("h2"), "{path}");
        assert_eq!(axes.path(&[]), "");
        assert_eq!(axes.path(&[f64::NAN]), "");
    }

    #[test]
    fn long_lines_keep_few_points_and_their_end() {
        let values: Vec<f64> = (0..1003).map(f64::from).collect();
        let axes = Axes::over(values.len(), values.iter().copied()).unwrap();
        let path = axes.path(&values);
        let (start, steps) = path.strip_prefix('M').unwrap().split_once('l').unwrap();
        let steps = steps.replace('-', " -");
        let numbers = |text: &str| -> Vec<f64> {
            text.split_whitespace().map(|number| number.parse().unwrap()).collect()
        };
        let (start, steps) = (numbers(start), numbers(&steps));
        assert!(steps.len() <= 2 * 61, "{path}");
        let end = |axis: usize| start[axis] + steps.iter().skip(axis).step_by(2).sum::<f64>();
        assert!((end(0) - axes.x(1003.0)).abs() < 1e-6, "steps add up without drift");
        assert!((end(1) - axes.y(1002.0)).abs() < 1e-6);
    }
}
