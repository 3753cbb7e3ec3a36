//! `strength * sum_i max_t |W_it|`: a row costs what its largest coefficient does.

use faer::{Mat, MatRef};
use torso_math::shrink_max;

use super::Penalty;
use super::l21::for_each_row;

/// The sum of the largest absolute coefficients of the rows, times a strength.
#[derive(Debug, Clone, Copy)]
pub struct L1Inf(pub f64);

impl Penalty for L1Inf {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        let largest = |i: usize| w.row(i).iter().fold(0.0_f64, |max, v| max.max(v.abs()));
        self.0 * (0..w.nrows()).map(largest).sum::<f64>()
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        for_each_row(w, |row| shrink_max(row, step * self.0));
    }

    fn dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        let sum = |i: usize| g.row(i).iter().map(|v| v.abs()).sum::<f64>();
        Some((0..g.nrows()).map(sum).fold(0.0, f64::max) / self.0)
    }
}
