//! Intervals of the metrics' gains: a bootstrap that resamples rows and repeats together.
//!
//! A resample draws each table row Poisson(1) times, which is what drawing n rows of n with
//! replacement comes to, and R of the R repeats with replacement. A cell counts as often as its
//! row and its repeat were drawn, multiplied. The draws of a table row are the same for all arms
//! and tasks: gains are paired, targets of one row move together, and another arm or task changes
//! no draw. In a resample the score is what it is in the data, with these counts: the metric of the
//! weighted mean within each repeat, then the mean over the repeats drawn. Holes weigh nothing.
//!
//! An interval is the middle 95% of the resampled gains. A resample without any test row of a task
//! is left out for that task.
//!
//! For the mean over tasks in percent, the resampled gains are divided by the baseline's score as
//! observed, not as resampled, which in a task of few errors can come near 0.
//!
//! # Cost
//! Resamples x cells of all arms, multiplied and added.
//!
//! # References
//! Rows and columns drawn together: A. B. Owen, The pigeonhole bootstrap, Annals of Applied
//! Statistics 1, 2007 (the noise of single cells counts up to three times, so that intervals are
//! rather too wide than too narrow). Independent draws of each row: A. B. Owen, D. Eckles,
//! Bootstrapping data arrays of arbitrary order, Annals of Applied Statistics 6, 2012.

use rand::RngExt;
use rayon::prelude::*;
use torso_core::metric::Metric;
use torso_core::seed::Seed;

use super::ArmCells;
use super::crossed::CONFIDENCE;

/// The number of resamples.
pub(super) const RESAMPLES: usize = 1000;
/// Resamples that visit a task's cells together, while these are in the cache.
const BLOCK: usize = 50;
/// More draws of one row would have a chance below that of the smallest uniform draw.
const MOST_DRAWS: usize = 17;

/// The gains of all arms and tasks in all resamples.
pub(super) struct Gains {
    n_arms: usize,
    n_tasks: usize,
    // `[RESAMPLES, n_tasks, n_arms]`, `NaN` where no row of the task was drawn.
    values: Vec<f64>,
}

impl Gains {
    /// Resamples the gains over the first arm. `metrics` has one entry per task.
    pub(super) fn resample(arms: &[ArmCells], metrics: &[Metric], seed: Seed) -> Self {
        let panels: Vec<Panel> = (0..metrics.len())
            .into_par_iter()
            .map(|task| Panel::new(arms, task, metrics[task]))
            .collect();
        let sampler = Sampler::new(&panels, seed);
        let blocks = (0..RESAMPLES / BLOCK).into_par_iter().map(|block| {
            let draws: Vec<Draws> =
                (0..BLOCK).map(|i| sampler.draw((block * BLOCK + i) as u64)).collect();
            let mut gains = vec![0.0; BLOCK * panels.len() * arms.len()];
            for (task, panel) in panels.iter().enumerate() {
                for (i, draws) in draws.iter().enumerate() {
                    let at = (i * panels.len() + task) * arms.len();
                    panel.gains(draws, &mut gains[at..at + arms.len()]);
                }
            }
            gains
        });
        let values = blocks.collect::<Vec<_>>().concat();
        Self { n_arms: arms.len(), n_tasks: metrics.len(), values }
    }

    /// The interval of the gain of one arm in one task, as (low, high).
    pub(super) fn interval(&self, arm: usize, task: usize) -> (f64, f64) {
        middle(self.resamples().map(|gains| gains[task * self.n_arms + arm]))
    }

    /// The interval of the mean over tasks of the gain multiplied with the task's factor, where it
    /// has one; as (low, high).
    pub(super) fn mean_interval(&self, arm: usize, factors: &[Option<f64>]) -> (f64, f64) {
        middle(self.resamples().map(|gains| {
            let gain = |task: usize| Some(gains[task * self.n_arms + arm] * factors[task]?);
            mean((0..self.n_tasks).filter_map(gain).filter(|gain| !gain.is_nan()))
        }))
    }

    fn resamples(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.n_tasks * self.n_arms)
    }
}

/// How often each table row and each repeat was drawn.
struct Draws {
    rows: Vec<u8>,
    repeats: Vec<u32>,
}

struct Sampler {
    seed: Seed,
    n_rows: usize,
    n_repeats: usize,
    // P(a row is drawn at most k times); the last is 1, which no uniform draw reaches.
    at_most: [f64; MOST_DRAWS + 1],
}

impl Sampler {
    fn new(panels: &[Panel], seed: Seed) -> Self {
        let rows = panels.iter().filter_map(|panel| panel.rows.last());
        let n_rows = rows.max().map_or(0, |&row| row as usize + 1);
        let n_repeats = panels.first().map_or(0, |panel| panel.n_repeats);
        let mut at_most = [1.0; MOST_DRAWS + 1];
        let mut share = (-1f64).exp();
        let mut sum = 0.0;
        for (k, at_most) in at_most[..MOST_DRAWS].iter_mut().enumerate() {
            sum += share;
            share /= (k + 1) as f64;
            *at_most = sum;
        }
        Self { seed, n_rows, n_repeats, at_most }
    }

    fn draw(&self, resample: u64) -> Draws {
        let mut stream = self.seed.stream("bootstrap-rows", "", resample);
        let mut row = |_| {
            let uniform: f64 = stream.random();
            let mut times = 0;
            while uniform >= self.at_most[usize::from(times)] {
                times += 1;
            }
            times
        };
        let rows = (0..self.n_rows).map(&mut row).collect();
        let mut stream = self.seed.stream("bootstrap-repeats", "", resample);
        let mut repeats = vec![0; self.n_repeats];
        for _ in 0..self.n_repeats {
            repeats[stream.random_range(0..self.n_repeats)] += 1;
        }
        Draws { rows, repeats }
    }
}

/// The contributions of all arms to one task, laid out for weighted sums over rows.
struct Panel {
    metric: Metric,
    n_repeats: usize,
    n_arms: usize,
    rows: Vec<u32>,
    // `[rows, n_arms + 1, n_repeats]`: 0 in the holes; the last arm is 1 where a row was tested.
    values: Vec<f64>,
}

impl Panel {
    fn new(arms: &[ArmCells], task: usize, metric: Metric) -> Self {
        let rows = arms[0].tasks[task].rows().to_vec();
        let n_repeats = arms[0].tasks[task].n_repeats();
        let width = (arms.len() + 1) * n_repeats;
        let mut values = vec![0.0; rows.len() * width];
        for (arm, cells) in arms.iter().enumerate() {
            for repeat in 0..n_repeats {
                let contributions = cells.tasks[task].contributions(repeat).iter();
                for (row, &value) in values.chunks_exact_mut(width).zip(contributions) {
                    if !value.is_nan() {
                        row[arm * n_repeats + repeat] = value;
                        row[arms.len() * n_repeats + repeat] = 1.0;
                    }
                }
            }
        }
        Self { metric, n_repeats, n_arms: arms.len(), rows, values }
    }

    /// Writes the gain of each arm.
    fn gains(&self, draws: &Draws, gains: &mut [f64]) {
        let sums = self.weighted_sums(&draws.rows);
        let (sums, counts) = sums.split_at(self.n_arms * self.n_repeats);
        let score = |sums: &[f64]| {
            let repeats = sums.iter().zip(counts).zip(&draws.repeats);
            let drawn = repeats.filter(|((_, count), times)| **count > 0.0 && **times > 0);
            let (sum, n) = drawn.fold((0.0, 0.0), |(sum, n), ((of_repeat, count), &times)| {
                let times = f64::from(times);
                (sum + times * self.metric.from_mean(of_repeat / count), n + times)
            });
            sum / n
        };
        let scores: Vec<f64> = sums.chunks_exact(self.n_repeats).map(score).collect();
        for (gain, score) in gains.iter_mut().zip(&scores) {
            *gain = scores[0] - score;
        }
    }

    fn weighted_sums(&self, weights: &[u8]) -> Vec<f64> {
        let width = (self.n_arms + 1) * self.n_repeats;
        let mut sums = vec![0.0; width];
        for (&row, values) in self.rows.iter().zip(self.values.chunks_exact(width)) {
            let weight = f64::from(weights[row as usize]);
            if weight > 0.0 {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        sums
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

/// The middle part of a sample, as (low, high), without what is `NaN`.
pub(crate) fn middle(sample: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut sorted: Vec<f64> = sample.filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    (quantile(&sorted, tail), quantile(&sorted, 1.0 - tail))
}

/// A quantile of a sorted sample, between its values by proportion; 0 of an empty one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position")]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let position = share * last as f64;
    let below = position as usize;
    let above = (below + 1).min(last);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests;
