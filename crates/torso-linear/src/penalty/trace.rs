//! `strength * |W|_*`, the sum of singular values, and its square: low rank.

use faer::{Mat, MatRef};
use torso_math::{shrink_spectrum, shrink_spectrum_squared, singular_values, trace_norm};

use super::Penalty;

/// The trace norm, times a strength.
#[derive(Debug, Clone, Copy)]
pub struct Trace(pub f64);

impl Penalty for Trace {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        self.0 * trace_norm(w)
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        shrink_spectrum(w, step * self.0);
    }

    fn dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        Some(singular_values(g).first().copied().unwrap_or(0.0) / self.0)
    }
}

/// Half the squared trace norm, times a strength: `strength / 2 * |W|_*^2`.
#[derive(Debug, Clone, Copy)]
pub struct SquaredTrace(pub f64);

impl Penalty for SquaredTrace {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        0.5 * self.0 * trace_norm(w).powi(2)
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        shrink_spectrum_squared(w, step * self.0);
    }

    fn dual(&self, _: MatRef<'_, f64>) -> Option<f64> {
        None
    }

    fn squared_dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        Some(singular_values(g).first().copied().unwrap_or(0.0).powi(2) / self.0)
    }
}
