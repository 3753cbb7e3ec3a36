//! `strength * sum_i |W_i.|_2`: rows are zero or not, together for all tasks.

use faer::{Mat, MatRef};
use torso_math::shrink_norm;

use super::Penalty;

/// The sum of the Euclidean norms of the rows, times a strength.
#[derive(Debug, Clone, Copy)]
pub struct L21(pub f64);

/// The Euclidean norm of each row.
pub fn row_norms(w: MatRef<'_, f64>) -> Vec<f64> {
    (0..w.nrows()).map(|i| w.row(i).norm_l2()).collect()
}

impl Penalty for L21 {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        self.0 * row_norms(w).iter().sum::<f64>()
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        for_each_row(w, |row| shrink_norm(row, step * self.0));
    }

    fn dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        Some(row_norms(g).into_iter().fold(0.0, f64::max) / self.0)
    }
}

/// Half the squared sum of the Euclidean norms of the rows, times a strength.
#[derive(Debug, Clone, Copy)]
pub struct SquaredL21(pub f64);

impl Penalty for SquaredL21 {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        0.5 * self.0 * row_norms(w).iter().sum::<f64>().powi(2)
    }

    /// Every row gets shorter by `tau S`, `tau = step * strength`, `S` the sum of the norms of the
    /// result: with the `r` longest kept, `S = (n_1 + ... + n_r) / (1 + r tau)`.
    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        let tau = step * self.0;
        let mut norms = row_norms(w.as_ref());
        norms.sort_unstable_by(|a, b| b.total_cmp(a));
        let (mut sum, mut threshold) = (0.0, 0.0);
        for (at, norm) in norms.iter().enumerate() {
            sum += norm;
            let candidate = sum / (tau.recip() + (at + 1) as f64);
            if *norm < candidate {
                break;
            }
            threshold = candidate;
        }
        for_each_row(w, |row| shrink_norm(row, threshold));
    }

    fn dual(&self, _: MatRef<'_, f64>) -> Option<f64> {
        None
    }

    fn squared_dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        Some(row_norms(g).into_iter().fold(0.0, f64::max).powi(2) / self.0)
    }
}

/// Changes each row of `w`, which lies in columns.
pub(crate) fn for_each_row(w: &mut Mat<f64>, mut change: impl FnMut(&mut [f64])) {
    let mut row = vec![0.0; w.ncols()];
    for i in 0..w.nrows() {
        row.iter_mut().enumerate().for_each(|(t, v)| *v = w[(i, t)]);
        change(&mut row);
        row.iter().enumerate().for_each(|(t, v)| w[(i, t)] = *v);
    }
}
