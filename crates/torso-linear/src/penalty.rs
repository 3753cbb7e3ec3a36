//! Penalties that have a proximal map: `min loss(W) + strength * penalty(W)`.

use faer::{Mat, MatRef};

mod cluster_norm;
mod column_norms;
mod l1;
mod l1_inf;
mod l21;
mod trace;
mod tree;

pub use cluster_norm::ClusterNorm;
pub use column_norms::ColumnNorms;
pub use l1::L1;
pub use l1_inf::L1Inf;
pub use l21::{L21, SquaredL21, row_norms};
pub use trace::{SquaredTrace, Trace};
pub use tree::{Node, Tree, TreeError, TreeNorm};

/// A convex penalty of coefficients `W [n_features, n_tasks]`.
pub trait Penalty {
    /// Its value, strength included.
    fn value(&self, w: MatRef<'_, f64>) -> f64;

    /// The proximal map, in place: `argmin_U 1/2 |U - W|^2 + step * value(U)`.
    fn shrink(&self, w: &mut Mat<f64>, step: f64);

    /// For a norm times its strength: the norm's dual at `g` divided by the strength, so that 0 is
    /// optimal exactly where this is at most 1. `None` where it is no norm, or its dual is costly;
    /// then solutions are certified by their fixed-point residual.
    fn dual(&self, g: MatRef<'_, f64>) -> Option<f64>;

    /// For half the square of a norm times its strength: the square of the norm's dual at `g`
    /// divided by the strength.
    fn squared_dual(&self, _g: MatRef<'_, f64>) -> Option<f64> {
        None
    }
}
