//! Learning curves of one task: an arm's training loss thin, its validation loss thick.

use std::fmt::Write;

use torso_core::record::Curve;

use super::scale::Scale;
use super::tenth;
use crate::svg::Element;

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 34.0;
const BOTTOM: f64 = 30.0;
const TOP: f64 = 8.0;
const RIGHT: f64 = 8.0;

/// Arms with colors of their own; further arms take them again with another dash.
const COLORS: usize = 6;

/// The class that gives an arm's lines their color and dash.
pub(crate) fn arm_class(arm: usize) -> String {
    match arm.checked_sub(1) {
        None => "arm0".to_string(),
        Some(other) => format!("arm{} dash{}", other % COLORS + 1, other % 4),
    }
}

/// The line of an arm, for a legend.
pub(crate) fn key(arm: usize) -> String {
    let line = |y: f64, class: &str| {
        Element::new("path").set("d", format_args!("M0 {y}H32")).set("class", class)
    };
    Element::new("svg")
        .set("class", format_args!("key {}", arm_class(arm)))
        .set("aria-hidden", "true")
        .set("width", 32)
        .set("height", 16)
        .child(line(4.0, "train"))
        .child(line(11.0, "validation"))
        .render()
}

/// The picture of one task; each curve with its arm's place in the record.
pub(crate) fn picture(curves: &[(usize, &Curve)], title: &str) -> String {
    let svg = Element::new("svg")
        .set("class", "curves")
        .set("role", "img")
        .set("viewBox", format_args!("0 0 {WIDTH} {HEIGHT}"))
        .title(title);
    let Some(axes) = Axes::over(curves) else { return svg.render() };
    let lines = curves.iter().map(|(arm, curve)| axes.arm(*arm, curve));
    // Lines that leave the axes are cut by a picture in the picture.
    let inside = Element::new("svg")
        .set("width", WIDTH - RIGHT / 2.0)
        .set("height", HEIGHT - BOTTOM)
        .children(lines);
    svg.children(axes.grid()).child(inside).render()
}

struct Axes {
    epochs: Scale,
    loss: Scale,
}

impl Axes {
    /// Axes over all epochs, and over the losses after a tenth of each line but for the highest
    /// fiftieth: first steps and fits that blow up would flatten what tells the arms apart.
    fn over(curves: &[(usize, &Curve)]) -> Option<Self> {
        let lines = || curves.iter().flat_map(|(_, curve)| [&curve.train, &curve.validation]);
        let longest = lines().map(Vec::len).max()?;
        let late = lines().flat_map(|line| &line[line.len() / 10..]);
        let mut losses: Vec<f64> = late.copied().filter(|loss| loss.is_finite()).collect();
        losses.sort_by(f64::total_cmp);
        let highest = *losses.iter().nth_back(losses.len() / 50)?;
        let loss = Scale::over(losses.first().copied().into_iter().chain([highest]))?;
        Some(Self { epochs: Scale::over([1.0, longest.max(2) as f64].into_iter())?, loss })
    }

    fn x(&self, epoch: f64) -> f64 {
        tenth(LEFT + (WIDTH - LEFT - RIGHT) * self.epochs.at(epoch))
    }

    fn y(&self, loss: f64) -> f64 {
        tenth(TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - self.loss.at(loss)))
    }

    fn arm(&self, arm: usize, curve: &Curve) -> Element {
        let path = |values: &[f64], class: &str| {
            Element::new("path").set("class", class).set("d", self.path(values))
        };
        let group = Element::new("g")
            .set("class", arm_class(arm))
            .title(&format!("{}: {}", curve.arm, said(curve)))
            .child(path(&curve.train, "train"))
            .child(path(&curve.validation, "validation"));
        let Some(loss) = at_epoch(&curve.validation, curve.best_epoch) else { return group };
        let best = Element::new("circle")
            .set("cx", self.x(curve.best_epoch))
            .set("cy", self.y(loss))
            .set("r", 4);
        group.child(best)
    }

    /// At most some eighty points of a line, its last one among them.
    fn path(&self, values: &[f64]) -> String {
        const POINTS: usize = 80;
        let stride = values.len().div_ceil(POINTS).max(1);
        let last = values.len().saturating_sub(1);
        let mut path = String::new();
        let mut is_drawing = false;
        for (i, value) in values.iter().enumerate() {
            if i % stride != 0 && i != last {
                continue;
            }
            if value.is_finite() {
                let step = if is_drawing { 'L' } else { 'M' };
                write!(path, "{step}{} {}", self.x(i as f64 + 1.0), self.y(*value))
                    .expect("strings take all text");
            }
            is_drawing = value.is_finite();
        }
        path
    }

    fn grid(&self) -> Vec<Element> {
        let text = |x: f64, y: f64, text: &str| {
            Element::new("text").set("x", tenth(x)).set("y", tenth(y)).text(text)
        };
        let line = |d: String| Element::new("path").set("class", "grid").set("d", d);
        let mut marks = Vec::new();
        for (value, label) in self.loss.ticks(false) {
            let y = self.y(value);
            marks.push(line(format!("M{LEFT} {y}H{}", WIDTH - RIGHT)));
            marks.push(text(LEFT - 6.0, y + 4.0, &label).set("text-anchor", "end"));
        }
        let bottom = HEIGHT - BOTTOM + 14.0;
        let whole =
            self.epochs.ticks(false).into_iter().filter(|(v, _)| *v >= 1.0 && v.fract() == 0.0);
        for (value, label) in whole {
            marks.push(text(self.x(value), bottom, &label).set("text-anchor", "middle"));
        }
        marks.push(text(WIDTH - RIGHT, bottom + 13.0, "epoch").set("text-anchor", "end"));
        marks
    }
}

/// The loss at an epoch, counted from 1, that may lie between two.
fn at_epoch(losses: &[f64], epoch: f64) -> Option<f64> {
    if !(epoch >= 1.0 && epoch <= losses.len() as f64) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the line")]
    let before = epoch.floor() as usize;
    let from = losses[before - 1];
    let to = losses.get(before).copied().unwrap_or(from);
    Some(from + (to - from) * epoch.fract()).filter(|loss| loss.is_finite())
}

/// What a curve shows, in words.
fn said(curve: &Curve) -> String {
    use crate::number::three;
    let epochs = crate::number::counted(curve.validation.len(), "epoch");
    match at_epoch(&curve.validation, curve.best_epoch) {
        Some(loss) => format!(
            "validation loss {} at the mean best epoch, {}; drawn for {epochs}",
            three(loss),
            three(curve.best_epoch)
        ),
        None => format!("drawn for {epochs}"),
    }
}
