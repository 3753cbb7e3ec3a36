//! A batch method of an online learner: passes over the rows, and the mean of all its coefficients.
//!
//! Predictions are made with the mean of the coefficients over all rounds, which is steadier than
//! the last ones (Freund and Schapire 1999). Perceptrons have no scale, but predictions need one:
//! the mean is multiplied by the one number that makes its margins the best in least squares.

use faer::{Mat, MatRef, Scale};
use serde::Deserialize;
use torso_core::estimator::FitStatus;
use torso_core::seed::{Seed, shuffle};

use super::OnlineLearner;
use crate::solution::Solution;
use crate::tasks::{TaskRows, Tasks, product};

/// The order of rows in a pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Drawn anew for each pass, all tasks mixed.
    #[default]
    Shuffled,
    /// As in the table, the first row of each task before the second of any.
    Given,
}

/// How often rows are seen, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passes {
    /// The most passes; a pass without a mistake is the last one.
    pub epochs: usize,
    /// The order of rows in a pass.
    pub order: Order,
}

/// Passes over the labels, -1 or 1, of `tasks`. The solution's value is the sum of hinge losses,
/// and its residual the share of mistakes in the last pass.
pub fn passes(
    tasks: &Tasks,
    learner: &mut dyn OnlineLearner,
    plan: Passes,
    seed: Seed,
) -> Solution {
    let mut rounds = rounds(tasks);
    let mut mean = Average::new(learner.weights());
    let mut x = vec![0.0; tasks.n_features()];
    let (mut mistakes, mut epochs) = (0_usize, 0);
    for epoch in 0..plan.epochs {
        if plan.order == Order::Shuffled {
            shuffle(&mut rounds, &mut seed.stream("online rounds", "", epoch as u64));
        }
        (mistakes, epochs) = (0, epoch + 1);
        for &(row, task) in &rounds {
            let TaskRows { rows, y, .. } = tasks.task(task);
            x.iter_mut().zip(rows.x().row(row).iter()).for_each(|(x, value)| *x = *value);
            if learner.partial_fit_weighted(&x, task, y[row], rows.weights()[row]) {
                mistakes += 1;
                mean.changed(learner.weights());
            }
            mean.round();
        }
        if mistakes == 0 {
            break;
        }
    }
    let (w, hinge) = scaled(tasks, mean.finish());
    let status = if mistakes == 0 { FitStatus::Converged } else { FitStatus::LimitReached };
    let residual = mistakes as f64 / rounds.len().max(1) as f64;
    Solution { penalty: hinge, status, residual, iterations: epochs, ..Solution::exact(w, 0.0) }
}

/// Rows that count, as (row, task).
fn rounds(tasks: &Tasks) -> Vec<(usize, usize)> {
    let of_task = |(t, task): (usize, &TaskRows)| {
        let counts = |row: &usize| task.scale > 0.0 && task.rows.weights()[*row] > 0.0;
        (0..task.y.len()).filter(counts).map(|row| (row, t)).collect::<Vec<_>>()
    };
    let mut rounds: Vec<_> = tasks.tasks().iter().enumerate().flat_map(of_task).collect();
    rounds.sort_unstable();
    rounds
}

/// The mean of coefficients over rounds.
struct Average {
    sum: Mat<f64>,
    last: Mat<f64>,
    /// Rounds since the last change, and all.
    age: f64,
    rounds: f64,
}

impl Average {
    fn new(w: MatRef<'_, f64>) -> Self {
        Self { sum: Mat::zeros(w.nrows(), w.ncols()), last: w.to_owned(), age: 0.0, rounds: 0.0 }
    }

    fn changed(&mut self, w: MatRef<'_, f64>) {
        self.sum += Scale(self.age) * &self.last;
        self.last.copy_from(w);
        self.age = 0.0;
    }

    fn round(&mut self) {
        self.age += 1.0;
        self.rounds += 1.0;
    }

    fn finish(mut self) -> Mat<f64> {
        let last = self.last.clone();
        self.changed(last.as_ref());
        Scale(1.0 / self.rounds.max(1.0)) * self.sum
    }
}

/// `w` times the factor of the least squared error of its margins, and the sum of hinge losses
/// then. Where margins are worse than none, the factor is 0.
fn scaled(tasks: &Tasks, w: Mat<f64>) -> (Mat<f64>, f64) {
    let mut margins = Vec::with_capacity(tasks.n_labels());
    for (t, task) in tasks.tasks().iter().enumerate().filter(|(_, task)| task.scale > 0.0) {
        let f = product(task.rows.x(), w.as_ref().subcols(t, 1));
        let own = f.col(0).iter().zip(&task.y).zip(task.rows.weights());
        margins.extend(own.map(|((f, y), o)| (*o, y * f)));
    }
    let right: f64 = margins.iter().map(|(o, m)| o * m).sum();
    let squares: f64 = margins.iter().map(|(o, m)| o * m * m).sum();
    let factor = if right > 0.0 && squares > 0.0 { right / squares } else { 0.0 };
    let hinge = margins.iter().map(|(o, m)| o * (1.0 - factor * m).max(0.0)).sum();
    (Scale(factor) * w, hinge)
}
