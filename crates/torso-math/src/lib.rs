//! Small numerics in `f64` that several families of methods share.
//!
//! Decompositions are `faer`'s. What is here is what no library has in the form that balancing
//! needs: [`NonnegativeQp`], exact on singular [`Gramian`]s, and what follows from it; and what
//! linear models need: proximal maps and projections, of vectors and of spectra.

mod barrier;
mod box_sum;
mod dual_cone;
mod gramian;
mod l1_ball;
mod min_norm;
mod nonnegative_qp;
#[cfg(test)]
mod random_vectors;
mod rotation;
mod shrink;
mod simplex;
mod spectral;
mod water_filling;

pub use barrier::{BarrierFailure, minimize_barrier};
pub use box_sum::project_onto_box_sum;
pub use dual_cone::DualCone;
pub use gramian::{Eigen, Gramian};
pub use l1_ball::project_onto_l1_ball;
pub use min_norm::min_norm;
pub use nonnegative_qp::{NonnegativeQp, QpFailure};
pub use rotation::Rotation;
pub use shrink::{shrink_max, shrink_norm, soft_threshold};
pub use simplex::project_onto_simplex;
pub use spectral::{
    Spectrum, SymmetricEigen, shrink_spectrum, shrink_spectrum_squared, singular_values, trace_norm,
};
pub use water_filling::water_fill;
