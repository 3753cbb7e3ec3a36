//! The second-order multitask perceptron: mistakes in directions seen before count for less.
//!
//! With `phi` the features of a mistake in the space of the kernel `(A^-1)_st x'z`, `S` those of
//! all mistakes and `y` their labels, it predicts with `u = (I + S S')^-1 S y`. In coefficients of
//! tasks that is the ridge regression `min 1/2 sum (y - w_i'x)^2 + 1/2 tr(W A W')` over the
//! mistakes so far, which recursive least squares keeps up to date. The paper's rule has `phi phi'`
//! of the row to predict in the inverse, too; that divides all margins by a positive number, so
//! predictions are the same.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use super::{Interaction, OnlineLearner};
use crate::tasks::product;

/// The learner; a step costs `(d T)^2`, and so does its memory.
#[derive(Debug, Clone)]
pub struct SecondOrder {
    n_features: usize,
    n_tasks: usize,
    /// `[n_features, n_tasks]`, task after task.
    w: Vec<f64>,
    /// The inverse of the ridge regression's Hessian, `[d T, d T]`, in the order of `w`.
    inverse: Mat<f64>,
}

impl SecondOrder {
    /// Coefficients of 0.
    pub fn new(n_features: usize, interaction: &Interaction) -> Self {
        let d = n_features;
        let n_tasks = interaction.n_tasks();
        let size = d * n_tasks;
        let entry = |i: usize, j: usize| {
            if i % d == j % d { interaction.matrix()[(i / d, j / d)] } else { 0.0 }
        };
        let inverse = Mat::from_fn(size, size, entry);
        Self { n_features, n_tasks, w: vec![0.0; size], inverse }
    }
}

impl OnlineLearner for SecondOrder {
    fn weights(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.w, self.n_features, self.n_tasks)
    }

    fn correct(&mut self, x: &[f64], task: usize, y: f64, weight: f64) {
        let error = y - self.margin(x, task);
        let from = task * self.n_features;
        let x = MatRef::from_column_major_slice(x, self.n_features, 1);
        let gain = product(self.inverse.subcols(from, self.n_features), x);
        let spread = product(gain.subrows(from, self.n_features).transpose(), x)[(0, 0)];
        let factor = 1.0 / (1.0 / weight + spread);
        self.w.iter_mut().zip(gain.col(0).iter()).for_each(|(w, g)| *w += factor * error * g);
        let (column, row) = (gain.as_ref(), gain.transpose());
        matmul(self.inverse.as_mut(), Accum::Add, column, row, -factor, Par::Seq);
    }
}
