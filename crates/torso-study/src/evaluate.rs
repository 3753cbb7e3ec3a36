//! Scores of a model's predictions on labels that it did not learn from, each with an interval.
//!
//! An interval is the middle 95% of the scores of [`RESAMPLES`] resamples of as many rows, drawn
//! with replacement (percentile bootstrap). It says how sure the score of *this* model is for rows
//! like these, not what another training would give; with few labels it is too narrow.
//!
//! Above 10,000 labels, rows are drawn in that many sets of about the same size, as if one
//! row: an interval then costs the same for any number of rows, and the spread of its ends, which
//! comes from the number of sets, is about 1% of its width.

use rand::RngExt;
use rayon::prelude::*;
use torso_core::data::TaskKind;
use torso_core::metric::{Metric, auc, score};
use torso_core::record::Interval;
use torso_core::seed::Seed;

use crate::verdict::WORST;
use crate::verdict::bootstrap::middle;

/// The number of resamples behind an interval.
pub const RESAMPLES: usize = 2000;
/// The most sets in which rows are drawn.
const MOST_UNITS: usize = 10_000;

/// How good the predictions of one task are.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskScores {
    /// The number of labels.
    pub n: usize,
    /// What `score` is.
    pub metric: Metric,
    /// The metric, with its 95% interval.
    pub score: Interval,
    /// The area under the ROC curve, where there are two classes and both have labels.
    pub auc: Option<Interval>,
    /// The mean squared error, or the mean log loss.
    pub loss: f64,
}

/// Scores predictions, `[labels.len(), kind.width()]`, against their labels; `None` without any.
/// What is not finite counts as the worst prediction there is.
///
/// # Panics
/// If there are not `kind.width()` numbers for each label.
pub fn evaluate(
    kind: &TaskKind,
    predictions: &[f64],
    labels: &[f64],
    seed: Seed,
) -> Option<TaskScores> {
    assert_eq!(predictions.len(), labels.len() * kind.width(), "a prediction for each label");
    if labels.is_empty() {
        return None;
    }
    let n = labels.len();
    let finite = |value: f64| if value.is_finite() { value.min(WORST) } else { WORST };
    let mut units = vec![Unit::default(); n.min(MOST_UNITS)];
    let n_units = units.len();
    let mut loss = 0.0;
    for (row, (prediction, &label)) in
        predictions.chunks_exact(kind.width()).zip(labels).enumerate()
    {
        let scored = score(kind, prediction, label);
        units[row % n_units].add(finite(scored.contribution));
        loss += finite(scored.loss);
    }
    let ranking =
        matches!(kind, TaskKind::Binary { .. }).then(|| Ranking::new(predictions, labels, n_units));
    let metric = Metric::of(kind);
    let resamples: Vec<(f64, f64)> = (0..RESAMPLES as u64)
        .into_par_iter()
        .map(|resample| {
            let times = draw(n_units, seed, resample);
            let auc = ranking.as_ref().map_or(f64::NAN, |ranking| ranking.auc(&times));
            (weighted(&units, &times, metric), auc)
        })
        .collect();
    let interval = |mean: f64, of: fn(&(f64, f64)) -> f64| {
        let (low, high) = middle(resamples.iter().map(of));
        Interval { mean, low, high }
    };
    let positive: Vec<bool> = labels.iter().map(|label| *label > 0.5).collect();
    let area = ranking.is_some().then(|| auc(predictions, &positive)).flatten();
    Some(TaskScores {
        n,
        metric,
        score: interval(weighted(&units, &vec![1; n_units], metric), |(score, _)| *score),
        auc: area.map(|area| interval(area, |(_, auc)| *auc)),
        loss: loss / n as f64,
    })
}

/// Rows that are drawn together.
#[derive(Clone, Default)]
struct Unit {
    contributions: f64,
    rows: f64,
}

impl Unit {
    fn add(&mut self, contribution: f64) {
        self.contributions += contribution;
        self.rows += 1.0;
    }
}

/// How often each unit is in a resample.
fn draw(n_units: usize, seed: Seed, resample: u64) -> Vec<u32> {
    let mut stream = seed.stream("evaluate", "", resample);
    let mut times = vec![0; n_units];
    (0..n_units).for_each(|_| times[stream.random_range(0..n_units)] += 1);
    times
}

fn weighted(units: &[Unit], times: &[u32], metric: Metric) -> f64 {
    let (mut sum, mut rows) = (0.0, 0.0);
    for (unit, &times) in units.iter().zip(times) {
        sum += f64::from(times) * unit.contributions;
        rows += f64::from(times) * unit.rows;
    }
    metric.from_mean(sum / rows)
}

/// The rows of a binary task by their predictions, ascending.
struct Ranking {
    rows: Vec<Ranked>,
}

struct Ranked {
    unit: u32,
    positive: bool,
    /// Whether it is ranked above the row before, not equal.
    above: bool,
}

impl Ranking {
    fn new(predictions: &[f64], labels: &[f64], n_units: usize) -> Self {
        let mut order: Vec<usize> = (0..predictions.len()).collect();
        order.sort_by(|&a, &b| predictions[a].total_cmp(&predictions[b]));
        let ranked = |at: usize| Ranked {
            unit: torso_core::data::row_index(order[at] % n_units),
            positive: labels[order[at]] > 0.5,
            above: at > 0 && predictions[order[at - 1]].total_cmp(&predictions[order[at]]).is_lt(),
        };
        Self { rows: (0..order.len()).map(ranked).collect() }
    }

    /// The share of pairs in which the positive is ranked higher, ties half; `NaN` without a pair.
    fn auc(&self, times: &[u32]) -> f64 {
        let (mut negatives_below, mut positives) = (0.0, 0.0);
        let mut tied = [0.0, 0.0]; // negatives, positives
        let mut pairs = 0.0;
        for row in &self.rows {
            if row.above {
                pairs += tied[1] * (negatives_below + tied[0] / 2.0);
                negatives_below += tied[0];
                positives += tied[1];
                tied = [0.0, 0.0];
            }
            tied[usize::from(row.positive)] += f64::from(times[row.unit as usize]);
        }
        pairs += tied[1] * (negatives_below + tied[0] / 2.0);
        pairs / ((negatives_below + tied[0]) * (positives + tied[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::normal;

    fn binary() -> TaskKind {
        TaskKind::Binary { classes: ["no".into(), "yes".into()] }
    }

    /// Labels of a standard normal, predicted as 0.
    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut stream = Seed(seed).stream("test", "noise", 0);
        (0..n).map(|_| normal(&mut stream)).collect()
    }

    #[test]
    fn scores_are_those_of_the_definitions() {
        let scores = evaluate(&TaskKind::Regression, &[1.0, 2.0, 3.0], &[1.0, 4.0, 4.0], Seed(0));
        let scores = scores.unwrap();
        assert!((scores.score.mean - (5f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((scores.loss - 5.0 / 3.0).abs() < 1e-15);
        assert_eq!((scores.n, scores.metric, scores.auc), (3, Metric::Rmse, None));

        let (p, y) = ([0.1, 0.4, 0.4, 0.8], [0.0, 1.0, 0.0, 1.0]);
        let scores = evaluate(&binary(), &p, &y, Seed(0)).unwrap();
        assert!((scores.score.mean - 0.25).abs() < 1e-15, "only the tied positive is wrong");
        assert!((scores.auc.unwrap().mean - 3.5 / 4.0).abs() < 1e-15);

        let three = TaskKind::Multiclass { classes: ["a", "b", "c"].map(String::from).to_vec() };
        let p = [0.2, 0.5, 0.3, 0.6, 0.3, 0.1];
        let scores = evaluate(&three, &p, &[1.0, 2.0], Seed(0)).unwrap();
        assert!((scores.score.mean - 0.5).abs() < 1e-15 && scores.auc.is_none());
        assert!((scores.loss + f64::midpoint(0.5f64.ln(), 0.1f64.ln())).abs() < 1e-15);
    }

    #[test]
    fn no_labels_no_scores() {
        assert_eq!(evaluate(&TaskKind::Regression, &[], &[], Seed(0)), None);
    }

    #[test]
    fn one_class_has_no_area() {
        assert_eq!(evaluate(&binary(), &[0.1, 0.9], &[1.0, 1.0], Seed(0)).unwrap().auc, None);
    }

    #[test]
    fn what_is_not_finite_is_the_worst() {
        let scores = evaluate(&TaskKind::Regression, &[f64::NAN, 0.0], &[0.0, 0.0], Seed(0));
        assert!(scores.unwrap().score.mean > 1e49);
    }

    #[test]
    fn the_area_of_a_resample_without_repeats_is_the_area() {
        let labels: Vec<f64> = (0..200).map(|i| f64::from(i % 3 / 2)).collect();
        // Ties among rows of both classes.
        let p: Vec<f64> = (0..200).map(|i| f64::from(i * i % 17) / 17.0).collect();
        let positive: Vec<bool> = labels.iter().map(|label| *label > 0.5).collect();
        let ranking = Ranking::new(&p, &labels, 200);
        let expected = auc(&p, &positive).unwrap();
        assert!((ranking.auc(&[1; 200]) - expected).abs() < 1e-12);
        assert!((ranking.auc(&[3; 200]) - expected).abs() < 1e-12, "weights alike");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_on_any_number_of_threads() {
        let labels = noise(300, 1);
        let run = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let scores = || evaluate(&TaskKind::Regression, &[0.0; 300], &labels, Seed(seed));
            pool.install(scores).unwrap()
        };
        assert_eq!(run(1, 7), run(3, 7));
        assert_ne!(run(1, 7).score.low.to_bits(), run(1, 8).score.low.to_bits());
    }

    #[test]
    fn an_interval_has_the_width_that_theory_says() {
        // The RMSE of standard normal errors has the standard error 1 / sqrt(2 n).
        for n in [2000, 50_000] {
            let scores =
                evaluate(&TaskKind::Regression, &vec![0.0; n], &noise(n, 2), Seed(0)).unwrap();
            let width = scores.score.high - scores.score.low;
            let expected = 2.0 * 1.96 / (2.0 * n as f64).sqrt();
            assert!((width / expected - 1.0).abs() < 0.1, "{n}: {width} and {expected}");
            assert!(scores.score.low < scores.score.mean && scores.score.mean < scores.score.high);
        }
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        // The true RMSE is 1; 95% of 300 are 285, with a standard deviation of 3.8.
        let holds = |seed: &u64| {
            let labels = noise(200, 100 + seed);
            let scores = evaluate(&TaskKind::Regression, &[0.0; 200], &labels, Seed(*seed));
            let score = scores.unwrap().score;
            score.low <= 1.0 && 1.0 <= score.high
        };
        let held = (0..300).filter(holds).count();
        assert!((265..=299).contains(&held), "{held} of 300");
    }
}
