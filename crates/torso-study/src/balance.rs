//! How arms balanced their tasks: the fits' traces, added up for the record.

use std::collections::BTreeMap;

use torso_core::estimator::{BalanceTrace, Trace};
use torso_core::record::ArmBalance;

use crate::curves::{MOST_TASKS, average};

/// What one fit says of its balancing.
pub(crate) struct FitBalance {
    trace: BalanceTrace,
    /// Each task's share of the weights, `[epochs][n_tasks]`; empty with many tasks.
    shares: Vec<Vec<f64>>,
    /// `[epochs][1]`.
    cosine: Vec<Vec<f64>>,
}

impl FitBalance {
    pub(crate) fn new(trace: &Trace) -> Self {
        let shares = trace.epochs.iter().map(|epoch| shares(&epoch.weights)).collect();
        let cosine = trace.epochs.iter().map(|epoch| vec![epoch.cosine]).collect();
        Self { trace: trace.balance.clone(), shares, cosine }
    }
}

fn shares(weights: &[f64]) -> Vec<f64> {
    if weights.len() > MOST_TASKS {
        return Vec::new();
    }
    let sum: f64 = weights.iter().map(|w| w.abs()).sum();
    weights.iter().map(|w| w / sum).collect()
}

/// One entry for each arm that balanced tasks, from all fits as (arm, fit).
pub(crate) fn summarize(arms: &[String], fits: &[(usize, &FitBalance)]) -> Vec<ArmBalance> {
    let of_arm = |(index, arm): (usize, &String)| {
        let own: Vec<&FitBalance> =
            fits.iter().filter(|(of, _)| *of == index).map(|(_, fit)| *fit).collect();
        let steps = own.iter().map(|fit| fit.trace.steps).sum();
        (steps > 0).then(|| ArmBalance {
            arm: arm.clone(),
            steps,
            statuses: statuses(&own),
            weights: lines(&own, |fit| &fit.shares),
            cosine: lines(&own, |fit| &fit.cosine).pop().unwrap_or_default(),
            cosines: cosines(&own),
        })
    };
    arms.iter().enumerate().filter_map(of_arm).collect()
}

fn statuses(fits: &[&FitBalance]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (text, n) in fits.iter().flat_map(|fit| &fit.trace.statuses) {
        *counts.entry(text).or_default() += n;
    }
    counts.into_iter().map(|(text, n)| (text.to_string(), n)).collect()
}

/// The means over fits of each line, without lines that were never seen.
fn lines(fits: &[&FitBalance], part: fn(&FitBalance) -> &Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let parts: Vec<&Vec<Vec<f64>>> = fits.iter().map(|fit| part(fit)).collect();
    let n_lines = parts.iter().filter_map(|part| part.first()).map(Vec::len).max().unwrap_or(0);
    let lines: Vec<Vec<f64>> = (0..n_lines).map(|line| average(&parts, line)).collect();
    if lines.iter().all(Vec::is_empty) { Vec::new() } else { lines }
}

fn cosines(fits: &[&FitBalance]) -> Vec<Option<f64>> {
    let n = fits.iter().map(|fit| fit.trace.cosines.len()).max().unwrap_or(0);
    let at = |at: usize| {
        let seen = fits.iter().filter_map(|fit| fit.trace.cosines.get(at));
        let mean = crate::curves::mean(seen.copied());
        (!mean.is_nan()).then_some(mean)
    };
    (0..n).map(at).collect()
}

/// What an arm's method said where it had no answer of its own, for the notes.
pub(crate) fn status_notes(balance: &ArmBalance) -> impl Iterator<Item = String> {
    let share = |n: usize| {
        let percent = 100.0 * n as f64 / balance.steps as f64;
        if percent < 0.1 { "less than 0.1".to_string() } else { format!("{percent:.1}") }
    };
    let note = move |(text, n): &(String, usize)| {
        format!("{}: {text} ({}% of steps)", balance.arm, share(*n))
    };
    balance.statuses.iter().map(note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::estimator::Epoch;

    fn fit(weights: [f64; 2], n: usize) -> FitBalance {
        let epoch = Epoch { weights: weights.to_vec(), cosine: -0.5, ..Epoch::default() };
        FitBalance::new(&Trace {
            epochs: vec![epoch; 2],
            balance: BalanceTrace {
                steps: 10,
                statuses: vec![("no solution: a; b".to_string(), n)],
                cosines: vec![f64::NAN, 0.2, 0.2, f64::NAN],
            },
            ..Trace::default()
        })
    }

    #[test]
    fn fits_are_added_up() {
        let (one, other) = (fit([1.0, 3.0], 1), fit([-2.0, 2.0], 2));
        let alone = FitBalance::new(&Trace::default());
        let arms = ["apart".to_string(), "hard+x".to_string()];
        let sums = summarize(&arms, &[(0, &alone), (1, &one), (1, &other)]);
        assert_eq!(sums.len(), 1);
        assert_eq!((sums[0].steps, sums[0].statuses[0].1), (20, 3));
        assert_eq!(sums[0].weights, [[-0.125, -0.125], [0.625, 0.625]]);
        assert_eq!(sums[0].cosine, [-0.5, -0.5]);
        assert_eq!(sums[0].cosines, [None, Some(0.2), Some(0.2), None]);
        let notes: Vec<String> = status_notes(&sums[0]).collect();
        assert_eq!(notes, ["hard+x: no solution: a; b (15.0% of steps)"]);
    }
}
