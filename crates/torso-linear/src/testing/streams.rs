//! Streams of examples for online learners.

use std::sync::Arc;

use faer::{Mat, MatRef};
use rand::RngExt;
use torso_core::seed::{Seed, normal};

use crate::online::OnlineLearner;
use crate::tasks::{Rows, TaskRows, Tasks};

/// One example of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Features.
    pub x: Vec<f64>,
    /// The task.
    pub task: usize,
    /// -1 or 1.
    pub y: f64,
}

/// `n` rounds of tasks drawn by chance, with standard normal features: labels are the signs of
/// `w_t'x`, `weights [n_features, n_tasks]`, but for a share of `flipped` ones.
pub fn stream(weights: MatRef<'_, f64>, n: usize, flipped: f64, seed: Seed) -> Vec<Round> {
    let mut draws = seed.stream("rounds", "", 0);
    let round = |_| {
        let task = draws.random_range(0..weights.ncols());
        let x: Vec<f64> = (0..weights.nrows()).map(|_| normal(&mut draws)).collect();
        let f: f64 = weights.col(task).iter().zip(&x).map(|(w, x)| w * x).sum();
        let sign = if draws.random::<f64>() < flipped { -1.0 } else { 1.0 };
        Round { x, task, y: sign * f.signum() }
    };
    (0..n).map(round).collect()
}

/// `w_t = sign_t w_0 + apart v_t` with standard normal `w_0` and `v_t`, `[d, n_tasks]`.
pub fn around_one(d: usize, signs: &[f64], apart: f64, seed: Seed) -> Mat<f64> {
    let mut draws = seed.stream("weights", "", 0);
    let center: Vec<f64> = (0..d).map(|_| normal(&mut draws)).collect();
    Mat::from_fn(d, signs.len(), |i, t| signs[t] * center[i] + apart * normal(&mut draws))
}

/// The mistakes of a learner in a stream.
pub fn mistakes(learner: &mut dyn OnlineLearner, rounds: &[Round]) -> usize {
    rounds.iter().filter(|round| learner.partial_fit(&round.x, round.task, round.y)).count()
}

/// The rounds as rows of `n_tasks` tasks `y0`, `y1`, ..., each of its own.
pub fn tasks(rounds: &[Round], n_tasks: usize) -> Tasks {
    let d = rounds.first().map_or(0, |round| round.x.len());
    let task = |t: usize| {
        let own: Vec<&Round> = rounds.iter().filter(|round| round.task == t).collect();
        let x = Mat::from_fn(own.len(), d, |i, j| own[i].x[j]);
        TaskRows {
            name: format!("y{t}"),
            rows: Arc::new(Rows::new(x, vec![1.0; own.len()])),
            y: own.iter().map(|round| round.y).collect(),
            scale: 1.0,
        }
    };
    Tasks::new(d, (0..n_tasks).map(task).collect())
}
