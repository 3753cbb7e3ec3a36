//! Small numerics in `f64` that several families of methods share.
//!
//! Decompositions are `faer`'s. What is here is what no library has in the form that balancing
//! needs: [`NonnegativeQp`], exact on singular [`Gramian`]s, and what follows from it.

mod barrier;
mod dual_cone;
mod gramian;
mod min_norm;
mod nonnegative_qp;
mod rotation;
mod simplex;

pub use barrier::{BarrierFailure, minimize_barrier};
pub use dual_cone::DualCone;
pub use gramian::{Eigen, Gramian};
pub use min_norm::min_norm;
pub use nonnegative_qp::{NonnegativeQp, QpFailure};
pub use rotation::Rotation;
pub use simplex::project_onto_simplex;
