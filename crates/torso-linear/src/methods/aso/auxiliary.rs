//! A subspace from rows without labels: auxiliary problems that need none.
//!
//! Features are split into two views. Each feature of one view is an auxiliary task, predicted from
//! the other view by ridge regression, on any number of rows. What a good predictor of the target
//! has in common with these tasks is their structure: the first left singular vectors of their
//! coefficients. The target is then learned from `[x, x Theta']`.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};

use super::subspace;
use crate::tasks::product;

/// Why a structure was refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum AuxiliaryError {
    /// A feature that there is not, or that is in both views.
    #[error("feature {feature} is in both views, or is none of {n_features}")]
    Feature {
        /// The feature.
        feature: usize,
        /// The number of features.
        n_features: usize,
    },
    /// A strength that does not make ridge regression unique.
    #[error("the strength is {lambda}, but must be above 0")]
    Strength {
        /// The strength.
        lambda: f64,
    },
}

/// The structure of the problems "predict each feature in `targets` from those in `view`", as
/// `Theta' [n_features, h]` with orthonormal columns that are zero outside of the view. `x [n,
/// n_features]` are rows without labels; `lambda` is the strength of the ridge regressions
/// `1/2 sum of squares + lambda/2 |w|^2`. Nothing is centered. Fewer than `h` columns come back
/// where the problems have a lower rank.
///
/// # Panics
/// If an entry of `x` is not finite.
pub fn structure(
    x: MatRef<'_, f64>,
    view: &[usize],
    targets: &[usize],
    lambda: f64,
    h: usize,
) -> Result<Mat<f64>, AuxiliaryError> {
    let n_features = x.ncols();
    let is_wrong = |j: &&usize| **j >= n_features || (targets.contains(j) && view.contains(j));
    if let Some(&feature) = view.iter().chain(targets).find(is_wrong) {
        return Err(AuxiliaryError::Feature { feature, n_features });
    }
    if !(lambda.is_finite() && lambda > 0.0) {
        return Err(AuxiliaryError::Strength { lambda });
    }
    let columns = |which: &[usize]| Mat::from_fn(x.nrows(), which.len(), |i, k| x[(i, which[k])]);
    let inputs = columns(view);
    let mut gram = product(inputs.transpose(), inputs.as_ref());
    for k in 0..view.len() {
        gram[(k, k)] += lambda;
    }
    let factor: Llt<f64> =
        gram.llt(Side::Lower).expect("a positive definite matrix has a Cholesky factorization");
    let mut w = product(inputs.transpose(), columns(targets).as_ref());
    factor.solve_in_place(w.as_mut());
    let basis = subspace(w.as_ref(), h);
    let mut theta = Mat::zeros(n_features, basis.ncols());
    for (k, &j) in view.iter().enumerate() {
        theta.row_mut(j).copy_from(basis.row(k));
    }
    Ok(theta)
}

/// `[x, x Theta']`, `[n, n_features + h]`: what the target is learned from.
///
/// # Panics
/// If the structure is of another number of features.
pub fn extend(x: MatRef<'_, f64>, theta: MatRef<'_, f64>) -> Mat<f64> {
    assert_eq!(x.ncols(), theta.nrows(), "the structure is of the same features");
    let shared = product(x, theta);
    let d = x.ncols();
    Mat::from_fn(
        x.nrows(),
        d + shared.ncols(),
        |i, j| {
            if j < d { x[(i, j)] } else { shared[(i, j - d)] }
        },
    )
}
