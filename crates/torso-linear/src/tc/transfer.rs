//! The transfer matrix: how well the metric of each task serves each other one.
//!
//! Rows of a task are in two halves. A metric that was learned from one half of its task's rows is
//! judged by the other half of every task's, so that no row is classified with a metric that has
//! seen it; and partitions that are made with the judgements of one half are judged by the other.

use faer::{Mat, Scale};
use torso_core::seed::Seed;

use super::examples::Examples;
use super::metric::{Metric, Pairs};
use super::partition::{partition, parts};

/// The most rows of a task that are classified, and vote.
const MOST_ROWS: usize = 200;

/// How many standard errors a smaller number of clusters may be below the best one: three, since
/// the best of many is good by chance, too.
const ERRORS: f64 = 3.0;

/// What clusters are made from.
pub(super) struct Transfer {
    /// The accuracy for rows of each half of each task (row), with the metric of each (column) that
    /// the other half taught, `[n_tasks, n_tasks]`.
    halves: [Mat<f64>; 2],
}

impl Transfer {
    /// At most [`MOST_ROWS`] rows of each task, in an order by chance.
    pub(super) fn samples(examples: &[Examples], seed: Seed) -> Vec<Examples> {
        let some = |(t, examples): (usize, &Examples)| {
            examples.some(MOST_ROWS, &mut seed.stream("tc rows", "", t as u64))
        };
        examples.iter().enumerate().map(some).collect()
    }

    /// Learns and judges the metrics.
    pub(super) fn measure(samples: &[Examples], neighbors: usize, seed: Seed) -> Self {
        let learned = |half: usize| -> Vec<Metric> {
            let metric = |(t, sample): (usize, &Examples)| {
                let mut stream = seed.stream("tc pairs of a half", "", (2 * t + half) as u64);
                let pairs = Pairs::among(sample, &rows(sample, half), &mut stream);
                Metric::learn(sample.n_features(), &[&pairs])
            };
            samples.iter().enumerate().map(metric).collect()
        };
        let metrics = [learned(0), learned(1)];
        let judged = |half: usize| {
            let of =
                |n: usize, m: usize| accuracy(&samples[n], half, &metrics[1 - half][m], neighbors);
            Mat::from_fn(samples.len(), samples.len(), of)
        };
        Self { halves: [judged(0), judged(1)] }
    }

    /// `c_nm`, `[n_tasks, n_tasks]`: the mean of both halves.
    pub(super) fn accuracy(&self) -> Mat<f64> {
        let [a, b] = &self.halves;
        Scale(0.5) * (a + b)
    }

    /// The cluster of each task, for a given number of clusters, or the fewest whose `J` is near
    /// to the best.
    pub(super) fn clusters(&self, count: Option<usize>) -> Vec<usize> {
        let n_tasks = self.halves[0].nrows();
        let chosen = count.unwrap_or_else(|| {
            let judged: Vec<Vec<f64>> = (1..=n_tasks).map(|count| self.judged(count)).collect();
            let sum = |parts: &Vec<f64>| parts.iter().sum::<f64>();
            let best = judged.iter().max_by(|a, b| sum(a).total_cmp(&sum(b)));
            let is_near = |parts: &Vec<f64>| best.is_none_or(|best| within_error(best, parts));
            1 + judged.iter().position(is_near).unwrap_or(0)
        });
        partition(self.accuracy().as_ref(), chosen.min(n_tasks))
    }

    /// Each task's part of `J`, the mean of both halves: clusters are made with one and judged by
    /// the other.
    fn judged(&self, count: usize) -> Vec<f64> {
        let [a, b] = &self.halves;
        let one = |made: &Mat<f64>, judge: &Mat<f64>| {
            parts(judge.as_ref(), &partition(made.as_ref(), count))
        };
        one(a, b).into_iter().zip(one(b, a)).map(|(x, y)| f64::midpoint(x, y)).collect()
    }
}

/// The rows of a half, 0 or 1.
fn rows(sample: &Examples, half: usize) -> Vec<usize> {
    (half..sample.len()).step_by(2).collect()
}

/// The share of rows of a half that get their class from their neighbors; 0 of none.
fn accuracy(sample: &Examples, half: usize, metric: &Metric, neighbors: usize) -> f64 {
    let rows = rows(sample, half);
    sample.hits(metric, neighbors, &rows) as f64 / rows.len().max(1) as f64
}

/// Whether the mean of `parts` is below that of `best` by at most [`ERRORS`] standard errors of
/// their differences.
fn within_error(best: &[f64], parts: &[f64]) -> bool {
    let n = best.len() as f64;
    let differences: Vec<f64> = best.iter().zip(parts).map(|(b, p)| b - p).collect();
    let mean = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
    mean <= ERRORS * (squares / (n - 1.0).max(1.0) / n).sqrt()
}
