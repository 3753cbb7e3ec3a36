//! What a linear method gives back, with the proof of how good it is.

use std::collections::BTreeMap;

use faer::Mat;
use torso_core::estimator::FitStatus;

/// How far an iterative solver goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Ends when the duality gap relative to the objective, or the residual relative to its scale,
    /// is at most this.
    pub tolerance: f64,
    /// The most iterations.
    pub iterations: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { tolerance: 1e-9, iterations: 20_000 }
    }
}

/// Coefficients, and what is known of their quality.
#[derive(Debug, Clone)]
pub struct Solution {
    /// Coefficients, `[n_features, n_tasks]`.
    pub w: Mat<f64>,
    /// The value of the penalty, its strength included; the objective is loss plus penalty.
    pub penalty: f64,
    /// Why the solver ended.
    pub status: FitStatus,
    /// How far from optimal: the duality gap relative to the objective where there is one, else the
    /// norm of the fixed-point residual relative to the gradient at 0.
    pub residual: f64,
    /// Iterations of the solver.
    pub iterations: usize,
    /// Further matrices that the method learned, by name: what a next fit starts from, and what
    /// `findings` show.
    pub parts: BTreeMap<&'static str, Mat<f64>>,
}

impl Solution {
    /// A solution in closed form.
    pub fn exact(w: Mat<f64>, penalty: f64) -> Self {
        let (status, parts) = (FitStatus::Converged, BTreeMap::new());
        Self { w, penalty, status, residual: 0.0, iterations: 1, parts }
    }

    /// With a further matrix.
    pub fn with(mut self, name: &'static str, part: Mat<f64>) -> Self {
        self.parts.insert(name, part);
        self
    }

    /// A matrix that the method learned besides the coefficients.
    pub fn part(&self, name: &str) -> Option<&Mat<f64>> {
        self.parts.get(name)
    }
}
