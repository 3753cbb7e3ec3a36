//! The multitask perceptron: on a mistake of task `i`, `w_j += y (A^-1)_ji x` for all tasks `j`.
//!
//! It is the perceptron with the kernel `(A^-1)_st x'z`. Its mistakes in any stream are at most
//! `h + R^2 b |u|_A^2 + R sqrt(b |u|_A^2 h)` for every `u [d, T]`, where `R` is the largest norm of
//! an `x`, `b` the largest diagonal entry of `A^-1`, `|u|_A^2 = tr(u A u')`, and `h` the sum of the
//! hinge losses of `u`.

use faer::{Mat, MatRef};

use super::{Interaction, OnlineLearner};

/// The learner; its steps cost `d T`.
#[derive(Debug, Clone)]
pub struct FirstOrder {
    w: Mat<f64>,
    interaction: Interaction,
}

impl FirstOrder {
    /// Coefficients of 0.
    pub fn new(n_features: usize, interaction: Interaction) -> Self {
        Self { w: Mat::zeros(n_features, interaction.n_tasks()), interaction }
    }
}

impl OnlineLearner for FirstOrder {
    fn weights(&self) -> MatRef<'_, f64> {
        self.w.as_ref()
    }

    fn correct(&mut self, x: &[f64], task: usize, y: f64, weight: f64) {
        teach(&mut self.w, self.interaction.matrix(), x, task, weight * y);
    }
}

/// `w_j += step (A^-1)_ji x` for all tasks `j`.
pub(super) fn teach(
    w: &mut Mat<f64>,
    interaction: MatRef<'_, f64>,
    x: &[f64],
    task: usize,
    step: f64,
) {
    for j in 0..w.ncols() {
        let step = step * interaction[(j, task)];
        w.col_as_slice_mut(j).iter_mut().zip(x).for_each(|(w, x)| *w += step * x);
    }
}
