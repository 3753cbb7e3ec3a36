//! Linear tasks whose coefficients have a known structure.

mod low_rank;
mod related;
mod sparse;
mod structure;

use torso_core::data::{Labels, Layout, TaskData};
use torso_core::seed::{Seed, Stream, normal};

use super::{dot, normals, regressions, tasks_on};

pub use related::{balanced_tree, block_correlation};
pub use structure::Structure;

/// Linear tasks and the coefficients that made them.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearTruth {
    /// The tasks.
    pub data: TaskData,
    /// The true coefficients, `[d, n_tasks]`, row-major.
    pub weights: Vec<f64>,
    /// The group of each task, `[n_tasks]`, numbered from 0; `None` if the structure has no
    /// groups. A task that has nothing to do with any other is a group of its own.
    pub groups: Option<Vec<usize>>,
}

impl LinearTruth {
    /// `||w_t - w*_t||^2` of each task, for other `weights` `[d, n_tasks]`, row-major: how much
    /// larger than the least possible their mean squared error is on new rows (exactly, since
    /// inputs are standard normal and a model without intercept is compared).
    ///
    /// # Panics
    /// If there are not as many weights as true ones.
    pub fn excess_risks(&self, weights: &[f64]) -> Vec<f64> {
        assert_eq!(weights.len(), self.weights.len(), "a weight for each true one");
        let n_tasks = self.data.n_tasks();
        let mut risks = vec![0.0; n_tasks];
        for (at, (found, truth)) in weights.iter().zip(&self.weights).enumerate() {
            risks[at % n_tasks] += (found - truth).powi(2);
        }
        risks
    }

    /// The mean of [`Self::excess_risks`] over tasks.
    pub fn excess_risk(&self, weights: &[f64]) -> f64 {
        self.excess_risks(weights).iter().sum::<f64>() / self.data.n_tasks() as f64
    }
}

/// Linear regressions `y_t = w_t' x + noise * e`, with standard normal `x` `[d]` and `e`, and
/// `w_t` as `structure` says. All tasks label the same `n` rows.
///
/// # Panics
/// If `n`, `d` or `n_tasks` is 0, or the structure does not fit ([`Structure`]).
pub fn linear(
    structure: Structure,
    n: usize,
    d: usize,
    n_tasks: usize,
    noise: f64,
    seed: Seed,
) -> LinearTruth {
    let parameters = parameters(structure, [n, d, n_tasks], noise, seed);
    let weights = structure.weights(d, n_tasks, seed);
    let inputs = normals(n * d, &mut seed.stream("inputs", "", 0));
    let labels: Vec<Vec<f64>> = (0..n_tasks)
        .map(|task| {
            let errors = seed.stream("noise", "", task as u64);
            labels(&inputs, &column(&weights, n_tasks, task), noise, errors)
        })
        .collect();
    let data = regressions(structure.name(), &parameters, &inputs, d, &labels);
    LinearTruth { data, weights, groups: structure.groups(n_tasks) }
}

/// [`linear`], but each task has `n` rows of its own: a table of `n * n_tasks` rows, task after
/// task, in which tasks are groups of rows ([`Layout::Groups`]). The coefficients are those that
/// [`linear`] draws with the same seed.
///
/// # Panics
/// As [`linear`].
pub fn linear_own_rows(
    structure: Structure,
    n: usize,
    d: usize,
    n_tasks: usize,
    noise: f64,
    seed: Seed,
) -> LinearTruth {
    let parameters = format!("own rows {}", parameters(structure, [n, d, n_tasks], noise, seed));
    let weights = structure.weights(d, n_tasks, seed);
    let mut inputs = Vec::with_capacity(n_tasks * n * d);
    let tasks = (0..n_tasks).map(|task| {
        let own = normals(n * d, &mut seed.stream("inputs", "own rows", task as u64));
        let errors = seed.stream("noise", "own rows", task as u64);
        let labels = labels(&own, &column(&weights, n_tasks, task), noise, errors);
        inputs.extend(own);
        let rows = (task * n..(task + 1) * n).map(torso_core::data::row_index).collect();
        Labels::new(rows, labels).expect("a label for each row, rows in order")
    });
    let tasks = tasks.collect();
    let data = tasks_on(structure.name(), &parameters, &inputs, d, tasks, Layout::Groups);
    LinearTruth { data, weights, groups: structure.groups(n_tasks) }
}

/// What tells data apart, as text.
fn parameters(structure: Structure, sizes: [usize; 3], noise: f64, seed: Seed) -> String {
    let [n, d, n_tasks] = sizes;
    assert!(n > 0 && d > 0 && n_tasks > 0, "there are rows, inputs and tasks");
    format!("{structure:?} n={n} d={d} n_tasks={n_tasks} noise={noise} {seed:?}")
}

/// The coefficients of one task, `[d]`.
fn column(weights: &[f64], n_tasks: usize, task: usize) -> Vec<f64> {
    weights.iter().skip(task).step_by(n_tasks).copied().collect()
}

/// `x' w + noise * e` for each row of `inputs` `[n, d]`.
fn labels(inputs: &[f64], w: &[f64], noise: f64, mut errors: Stream) -> Vec<f64> {
    inputs.chunks_exact(w.len()).map(|x| dot(x, w) + noise * normal(&mut errors)).collect()
}

#[cfg(test)]
mod tests;
