//! `strength * sum_ij |W_ij|`.

use faer::{Mat, MatRef};
use torso_math::soft_threshold;

use super::Penalty;

/// The sum of absolute coefficients, times a strength.
#[derive(Debug, Clone, Copy)]
pub struct L1(pub f64);

impl Penalty for L1 {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        self.0 * (0..w.ncols()).map(|t| w.col(t).iter().map(|v| v.abs()).sum::<f64>()).sum::<f64>()
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        for t in 0..w.ncols() {
            soft_threshold(w.col_as_slice_mut(t), step * self.0);
        }
    }

    fn dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        let largest = |t: usize| g.col(t).iter().fold(0.0_f64, |max, v| max.max(v.abs()));
        Some((0..g.ncols()).map(largest).fold(0.0, f64::max) / self.0)
    }
}
