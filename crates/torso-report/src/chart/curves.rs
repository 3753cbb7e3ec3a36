//! Learning curves of one task: an arm's training loss thin, its validation loss thick.

use torso_core::record::Curve;

use super::axes::{self, Axes, line_class};
use crate::svg::Element;

/// The lines of an arm, for a legend.
pub(crate) fn key(arm: usize) -> String {
    axes::key(arm, &[(4.0, "train"), (11.0, "validation")])
}

/// The picture of one task; each curve with its arm's place in the record.
pub(crate) fn picture(curves: &[(usize, &Curve)], title: &str) -> String {
    let Some(axes) = axes_over(curves) else { return axes::frame(title).render() };
    axes.picture(title, curves.iter().map(|(arm, curve)| lines(&axes, *arm, curve)))
}

/// Axes over all epochs, and over the losses after a tenth of each line but for the highest
/// fiftieth: first steps and fits that blow up would flatten what tells the arms apart.
fn axes_over(curves: &[(usize, &Curve)]) -> Option<Axes> {
    let lines = || curves.iter().flat_map(|(_, curve)| [&curve.train, &curve.validation]);
    let longest = lines().map(Vec::len).max()?;
    let late = lines().flat_map(|line| &line[line.len() / 10..]);
    let mut losses: Vec<f64> = late.copied().filter(|loss| loss.is_finite()).collect();
    losses.sort_by(f64::total_cmp);
    let highest = *losses.iter().nth_back(losses.len() / 50)?;
    Axes::over(longest, losses.first().copied().into_iter().chain([highest]))
}

/// The lines of an arm, and a dot at its best epoch.
fn lines(axes: &Axes, arm: usize, curve: &Curve) -> Element {
    let path = |values: &[f64], class: &str| {
        Element::new("path").set("class", class).set("d", axes.path(values))
    };
    let group = Element::new("g")
        .set("class", line_class(arm))
        .title(&format!("{}: {}", curve.arm, said(curve)))
        .child(path(&curve.train, "train"))
        .child(path(&curve.validation, "validation"));
    let Some(loss) = at_epoch(&curve.validation, curve.best_epoch) else { return group };
    let best = Element::new("circle")
        .set("cx", axes.x(curve.best_epoch))
        .set("cy", axes.y(loss))
        .set("r", 4);
    group.child(best)
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
