//! Ridge regression of each task in a metric of the features: weighted least squares plus
//! `1/2 sum_t w_t' Q w_t`.
//!
//! `(G_t + Q) w_t = c_t`, `Q [n_features, n_features]` positive definite and the same for all
//! tasks. Methods that learn a subspace of features solve it in turn with better metrics.
//!
//! # Cost
//! A Cholesky factorization of `[d, d]` for each task; one for all where they share their rows.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};

use crate::tasks::Tasks;

/// The coefficients `[n_features, n_tasks]`.
///
/// # Panics
/// If the metric is not positive definite.
pub fn solve(tasks: &Tasks, metric: MatRef<'_, f64>) -> Mat<f64> {
    if tasks.shared().is_some() {
        return factor(&(tasks.gram(0) + metric)).solve(tasks.moments());
    }
    let mut w = tasks.moments().to_owned();
    for t in 0..tasks.n_tasks() {
        factor(&(tasks.gram(t) + metric)).solve_in_place(w.as_mut().subcols_mut(t, 1));
    }
    w
}

/// Ridge regression of each task alone with the mean eigenvalue of its Gram matrix as the strength:
/// where methods begin that have several optima. A task without information is 0.
pub(crate) fn ridge_alone(tasks: &Tasks) -> Mat<f64> {
    let d = tasks.n_features();
    let mut w = tasks.moments().to_owned();
    for t in 0..tasks.n_tasks() {
        let mut gram = tasks.gram(t);
        let mean = (0..d).map(|i| gram[(i, i)]).sum::<f64>() / d.max(1) as f64;
        for i in 0..d {
            gram[(i, i)] += if mean > 0.0 { mean } else { 1.0 };
        }
        factor(&gram).solve_in_place(w.as_mut().subcols_mut(t, 1));
    }
    w
}

fn factor(m: &Mat<f64>) -> Llt<f64> {
    m.llt(Side::Lower).expect("a positive definite matrix has a Cholesky factorization")
}
