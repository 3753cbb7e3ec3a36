//! Pictures: inline SVG that takes its colors from the page.
//!
//! Lengths across are shares of the width, so that a picture fits a phone and its text keeps its
//! size. Verdicts differ in shape as well as in color.

mod axes;
pub(crate) mod balance;
pub(crate) mod caterpillar;
pub(crate) mod curves;
pub(crate) mod findings;
pub(crate) mod gains;
pub(crate) mod predictions;
pub(crate) mod ranks;
mod scale;

use std::collections::BTreeSet;

use torso_core::record::{Comparison, Verdict};

use crate::reading::others;
use crate::svg::Element;

/// The class that gives a verdict its color.
pub(crate) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Helps => "helps",
        Verdict::Harms => "harms",
        Verdict::NoDifference => "neither",
        Verdict::Baseline => "baseline",
        Verdict::TooFewRepeats => "few",
    }
}

/// The mark of a verdict, a dozen pixels wide: a triangle towards better or worse, a ring, a
/// square.
fn mark(verdict: Verdict, x: f64, y: f64) -> Element {
    let shape = match verdict {
        Verdict::Helps => Element::new("path").set("d", "M-5-6L7 0-5 6Z"),
        Verdict::Harms => Element::new("path").set("d", "M5-6L-7 0 5 6Z"),
        Verdict::NoDifference | Verdict::Baseline => Element::new("circle").set("r", 4.5),
        Verdict::TooFewRepeats => Element::new("path").set("d", "M-4-4H4V4H-4Z"),
    };
    // A picture in the picture can be placed by a share; a path cannot.
    Element::new("svg").set("class", "mark").share("x", x).set("y", y).child(shape)
}

/// The marks of the verdicts that a comparison says, for a legend, as (picture, word).
pub(crate) fn legend(comparison: &Comparison) -> Vec<(String, &'static str)> {
    let said: BTreeSet<Verdict> = others(comparison)
        .iter()
        .flat_map(|arm| arm.tasks.iter().map(|task| task.verdict).chain([arm.overall.verdict]))
        .collect();
    said.into_iter().map(|verdict| (key(verdict), verdict.word())).collect()
}

/// The mark of a verdict with a piece of its line, for a legend.
pub(crate) fn key(verdict: Verdict) -> String {
    Element::new("svg")
        .set("class", format_args!("key {}", class(verdict)))
        .set("aria-hidden", "true")
        .set("width", 28)
        .set("height", 16)
        .child(line((0.0, 8.0), (1.0, 8.0)).set("class", "interval"))
        .child(mark(verdict, 0.5, 8.0))
        .render()
}

/// A line between two points, each (share of the width, pixels down).
fn line(from: (f64, f64), to: (f64, f64)) -> Element {
    Element::new("line")
        .share("x1", from.0)
        .set("y1", tenth(from.1))
        .share("x2", to.0)
        .set("y2", tenth(to.1))
}

/// Pixels to a tenth.
fn tenth(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}
