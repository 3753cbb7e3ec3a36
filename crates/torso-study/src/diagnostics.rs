//! How out-of-fold predictions lie beside their labels, in a form small enough for a report.
//!
//! Classes are counted over all repeats. Calibration and residuals take the mean of a row's
//! predictions over repeats first: a row is then one observation, and an interval is as wide as
//! that many rows make it, not as that many predictions would. They so tell of the mean of the
//! repeats' models.

use statrs::distribution::{ContinuousCDF, StudentsT};
use torso_core::data::{Task, TaskData, TaskKind};
use torso_core::metric::class_index;
use torso_core::record::{CalibrationBin, Confusion, Diagnostic, Figures, Interval, ResidualBin};

use crate::runner::{FoldScores, TestRow};
use crate::verdict::WORST;

/// With more tasks than this, nothing is kept.
pub const MOST_TASKS: usize = 20;
/// The most classes that are told one by one.
const MOST_CLASSES: usize = 12;
/// The most bins of probabilities.
const MOST_CALIBRATION_BINS: usize = 10;
/// The most bins of residuals.
const MOST_RESIDUAL_BINS: usize = 20;
/// The rows that a bin has at least, if there are as many: percentiles of fewer say little.
const LEAST_ROWS: usize = 10;

/// An entry for each arm, by its place in `arms`, and each task of which it predicted rows; none
/// with more than [`MOST_TASKS`] tasks.
pub fn summarize(data: &TaskData, arms: &[String], scores: &[FoldScores]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if data.n_tasks() > MOST_TASKS {
        return diagnostics;
    }
    for (index, arm) in arms.iter().enumerate() {
        let own: Vec<&FoldScores> = scores.iter().filter(|fold| fold.arm == index).collect();
        for (t, task) in data.tasks().iter().enumerate() {
            let tests: Vec<TestRow> = own.iter().flat_map(|fold| &fold.tasks[t]).copied().collect();
            let tested = own.iter().filter(|fold| !fold.tasks[t].is_empty());
            let mut repeats: Vec<usize> = tested.map(|fold| fold.repeat).collect();
            repeats.sort_unstable();
            repeats.dedup();
            if !tests.is_empty() {
                diagnostics.push(diagnostic(arm, task, repeats.len(), &tests));
            }
        }
    }
    diagnostics
}

fn diagnostic(arm: &str, task: &Task, repeats: usize, tests: &[TestRow]) -> Diagnostic {
    let rows = mean_over_repeats(task, tests);
    Diagnostic {
        arm: arm.to_string(),
        task: task.name.clone(),
        rows: rows.len(),
        repeats,
        predictions: tests.len(),
        figures: match &task.kind {
            TaskKind::Regression => Figures::Regression { residuals: residuals(rows) },
            TaskKind::Binary { .. } => Figures::Binary {
                confusion: confusion(task, tests),
                calibration: calibration(rows),
            },
            TaskKind::Multiclass { .. } => {
                Figures::Multiclass { confusion: confusion(task, tests) }
            }
        },
    }
}

/// A row, its label, and the mean of its predictions.
#[derive(Debug, Clone, Copy)]
struct Row {
    label: f64,
    prediction: f64,
}

/// The rows, ascending by number.
fn mean_over_repeats(task: &Task, tests: &[TestRow]) -> Vec<Row> {
    let mut tests = tests.to_vec();
    tests.sort_by_key(|test| test.row);
    let row = |same: &[TestRow]| {
        let sum: f64 = same.iter().map(|test| test.prediction).sum();
        let label = task.labels.get(same[0].row).expect("a tested row has a label");
        Row { label, prediction: sum / same.len() as f64 }
    };
    tests.chunk_by(|a, b| a.row == b.row).map(row).collect()
}

fn confusion(task: &Task, tests: &[TestRow]) -> Confusion {
    let names = task.kind.classes();
    let label =
        |test: &TestRow| class_index(task.labels.get(test.row).expect("a tested row has a label"));
    let mut frequency = vec![0usize; names.len()];
    for test in tests {
        frequency[label(test)] += 1;
    }
    let mut kept: Vec<usize> = (0..names.len()).collect();
    kept.sort_by_key(|class| std::cmp::Reverse(frequency[*class]));
    kept.truncate(MOST_CLASSES);
    kept.sort_unstable();
    let others = names.len() - kept.len();
    // All classes that are not kept share the place behind the others.
    let place = |class: usize| kept.binary_search(&class).unwrap_or(kept.len());
    let n_places = kept.len() + usize::from(others > 0);
    let mut counts = vec![vec![0; n_places]; n_places];
    for test in tests {
        counts[place(label(test))][place(test.class)] += 1;
    }
    Confusion { classes: kept.iter().map(|class| names[*class].clone()).collect(), others, counts }
}

fn calibration(rows: Vec<Row>) -> Vec<CalibrationBin> {
    let bin = |bin: &[Row]| {
        let positive = bin.iter().filter(|row| row.label > 0.5).count();
        CalibrationBin {
            n: bin.len(),
            predicted: mean(bin.iter().map(|row| row.prediction)),
            observed: wilson(positive, bin.len()),
        }
    };
    equal_counts(rows, MOST_CALIBRATION_BINS, bin)
}

fn residuals(rows: Vec<Row>) -> Vec<ResidualBin> {
    let bin = |bin: &[Row]| {
        let mut residuals: Vec<f64> = bin.iter().map(|row| row.label - row.prediction).collect();
        residuals.sort_by(f64::total_cmp);
        let residual = mean(residuals.iter().copied());
        let half = t_half(&residuals, residual);
        ResidualBin {
            n: bin.len(),
            predicted: mean(bin.iter().map(|row| row.prediction)),
            residual,
            range: half.map(|half| (residual - half, residual + half)),
            percentiles: (quantile(&residuals, 0.1), quantile(&residuals, 0.9)),
        }
    };
    equal_counts(rows, MOST_RESIDUAL_BINS, bin)
}

/// Bins of about as many rows each, by ascending prediction. Equal predictions share a bin, so that
/// what is in it follows from the values. Rows whose prediction is no usable number are left out.
fn equal_counts<B>(mut rows: Vec<Row>, most: usize, bin: impl Fn(&[Row]) -> B) -> Vec<B> {
    rows.retain(|row| row.prediction.abs() <= WORST);
    rows.sort_by(|a, b| a.prediction.total_cmp(&b.prediction));
    let n_bins = most.min(rows.len() / LEAST_ROWS).max(1);
    let same = |a: &Row, b: &Row| a.prediction.total_cmp(&b.prediction).is_eq();
    let mut bins: Vec<(usize, Vec<Row>)> = Vec::new();
    let mut before = 0;
    for equal in rows.chunk_by(same) {
        let place = before * n_bins / rows.len();
        match bins.last_mut() {
            Some((last, bin)) if *last == place => bin.extend_from_slice(equal),
            _ => bins.push((place, equal.to_vec())),
        }
        before += equal.len();
    }
    bins.iter().map(|(_, rows)| bin(rows)).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// The share of `positive` among `n`, with Wilson's 95% interval.
fn wilson(positive: usize, n: usize) -> Interval {
    const Z: f64 = 1.959_963_984_540_054;
    let n = n as f64;
    let share = positive as f64 / n;
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    let (low, high) = ((middle - half) / scale, (middle + half) / scale);
    Interval { mean: share, low: low.clamp(0.0, share), high: high.clamp(share, 1.0) }
}

/// Half of the 95% interval of a mean; none of a single value.
fn t_half(values: &[f64], mean: f64) -> Option<f64> {
    // Above so many degrees of freedom t is normal to four digits, and quantiles lose theirs.
    const MOST_DF: f64 = 1e5;
    let n = values.len() as f64;
    let t = StudentsT::new(0.0, 1.0, (n - 1.0).min(MOST_DF)).ok()?.inverse_cdf(0.975);
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(t * (variance / n).sqrt())
}

/// Between ascending values, linear between two.
fn quantile(values: &[f64], share: f64) -> f64 {
    let at = share * (values.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the values"
    )]
    let below = at.floor() as usize;
    let low = values[below];
    let high = values.get(below + 1).copied().unwrap_or(low);
    low + (high - low) * at.fract()
}

#[cfg(test)]
mod tests;
