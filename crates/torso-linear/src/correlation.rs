//! How tasks correlate, before they are learned together: what trees and graphs of tasks are made
//! from where none is given.
//!
//! Tasks that label the same rows correlate as their labels do: `r_st = cor(y_s, y_t)`, weighted
//! as the rows. Other tasks have no labels in common; then `r_st` is the cosine of the coefficients
//! of ridge regressions of each task alone, with the mean eigenvalue of the task's Gram matrix as
//! the strength. A task without information correlates with none.

use faer::{Mat, MatRef};

use crate::solver::metric;
use crate::tasks::{TaskRows, Tasks};

/// `[n_tasks, n_tasks]`, with 1 on the diagonal.
pub(crate) fn correlations(tasks: &Tasks) -> Mat<f64> {
    match tasks.shared() {
        Some((rows, _)) => cosines(labels(tasks, rows.weights()).as_ref()),
        None => cosines(metric::ridge_alone(tasks).as_ref()),
    }
}

/// The labels of all tasks around their means, times the roots of the rows' weights.
fn labels(tasks: &Tasks, weights: &[f64]) -> Mat<f64> {
    let sum: f64 = weights.iter().sum();
    let mean = |task: &TaskRows| -> f64 {
        let weighted: f64 = task.y.iter().zip(weights).map(|(y, o)| o * y).sum();
        if sum > 0.0 { weighted / sum } else { 0.0 }
    };
    let means: Vec<f64> = tasks.tasks().iter().map(mean).collect();
    let entry = |i: usize, t: usize| weights[i].sqrt() * (tasks.task(t).y[i] - means[t]);
    Mat::from_fn(weights.len(), tasks.n_tasks(), entry)
}

/// The cosines between columns; 0 where one of them is zero.
fn cosines(m: MatRef<'_, f64>) -> Mat<f64> {
    let norms: Vec<f64> = (0..m.ncols()).map(|t| m.col(t).norm_l2()).collect();
    let cosine = |s: usize, t: usize| {
        if s == t {
            return 1.0;
        }
        let inner: f64 = m.col(s).iter().zip(m.col(t).iter()).map(|(a, b)| a * b).sum();
        let norm = norms[s] * norms[t];
        if norm > 0.0 { (inner / norm).clamp(-1.0, 1.0) } else { 0.0 }
    };
    Mat::from_fn(m.ncols(), m.ncols(), cosine)
}

/// The correlations `C_st / sqrt(C_ss C_tt)` of a covariance; what has no variance correlates with
/// nothing but itself.
pub(crate) fn of_covariance(covariance: MatRef<'_, f64>) -> Mat<f64> {
    let deviation = |t: usize| covariance[(t, t)].max(0.0).sqrt();
    let deviations: Vec<f64> = (0..covariance.nrows()).map(deviation).collect();
    Mat::from_fn(covariance.nrows(), covariance.ncols(), |s, t| {
        let size = deviations[s] * deviations[t];
        if s == t {
            1.0
        } else if size > 0.0 {
            (covariance[(s, t)] / size).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    })
}
