//! The matrix p-norm perceptron: coefficients are drawn into few common directions.
//!
//! Mistakes add up in `V [d, T]`, `v_i += y x`, and the coefficients are the gradient of
//! `1/2 |V|_2p^2`, the Schatten norm of order `2p`: `W = V (V'V)^(p-1) / |V|_2p^(2p-2)`. `p = 1` is
//! a perceptron for each task; large `p` comes near to a bound on the trace norm. Its mistakes are
//! at most `h + (2p - 1) R^2 |u|^2 + R |u| sqrt((2p - 1) h)` for every `u [d, T]`, where `|u|` is
//! the Schatten norm of order `2p / (2p - 1)`, and `R` and `h` are as for the first order.

use faer::{Mat, MatRef, Scale};

use super::OnlineLearner;
use crate::tasks::{inner, product};

/// The learner; a step costs `d T min(d, T) p`.
#[derive(Debug, Clone)]
pub struct PNorm {
    sum: Mat<f64>,
    w: Mat<f64>,
    p: usize,
}

impl PNorm {
    /// Coefficients of 0. `p` is at least 1.
    pub fn new(n_features: usize, n_tasks: usize, p: usize) -> Self {
        let zeros = Mat::zeros(n_features, n_tasks);
        Self { sum: zeros.clone(), w: zeros, p }
    }
}

impl OnlineLearner for PNorm {
    fn weights(&self) -> MatRef<'_, f64> {
        self.w.as_ref()
    }

    fn correct(&mut self, x: &[f64], task: usize, y: f64, weight: f64) {
        let own = self.sum.col_as_slice_mut(task);
        own.iter_mut().zip(x).for_each(|(v, x)| *v += weight * y * x);
        self.w = gradient(&self.sum, self.p);
    }
}

/// The gradient of `1/2 |V|_2p^2`. Gram matrices are divided by their trace, so that no power
/// overflows.
fn gradient(v: &Mat<f64>, p: usize) -> Mat<f64> {
    let trace = v.squared_norm_l2();
    if p == 1 || trace == 0.0 {
        return v.clone();
    }
    let is_wide = v.ncols() > v.nrows();
    let (a, b) = (v.as_ref(), v.transpose());
    let gram = Scale(1.0 / trace) * if is_wide { product(a, b) } else { product(b, a) };
    let mut power = v.clone();
    for _ in 1..p {
        power = if is_wide {
            product(gram.as_ref(), power.as_ref())
        } else {
            product(power.as_ref(), gram.as_ref())
        };
    }
    // |V|_2p^2p = <V, power> trace^(p-1).
    let share = trace / inner(v.as_ref(), power.as_ref());
    Scale(share.powf((p - 1) as f64 / p as f64)) * power
}
