//! `strength * sum_t |W_.t|_2`: columns, which are tasks, are zero or not as a whole.

use faer::{Mat, MatRef};
use torso_math::shrink_norm;

use super::{Penalty, row_norms};

/// The sum of the Euclidean norms of the columns, times a strength.
#[derive(Debug, Clone, Copy)]
pub struct ColumnNorms(pub f64);

impl Penalty for ColumnNorms {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        self.0 * row_norms(w.transpose()).iter().sum::<f64>()
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        for t in 0..w.ncols() {
            shrink_norm(w.col_as_slice_mut(t), step * self.0);
        }
    }

    fn dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        Some(row_norms(g.transpose()).into_iter().fold(0.0, f64::max) / self.0)
    }
}
