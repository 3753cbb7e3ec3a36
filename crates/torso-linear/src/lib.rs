//! Linear models of several tasks: `min loss(W) + penalty(W)`, `W [n_features, n_tasks]`, in `f64`.
//!
//! A method ([`LinearMethod`]) sees weighted least squares over centered features ([`Tasks`]) and
//! gives a [`Solution`] with its certificate. All else is done once for all methods: intercepts,
//! units, other losses (`majorize.rs`), the choice of open parameters by cross-validation
//! (`cross_validation.rs`), the model and its file ([`Linear`]). A new method is one file in
//! `methods/` and a line in its list.
//!
//! | what | where |
//! |---|---|
//! | penalties with proximal maps | [`penalty`] |
//! | solvers | [`solver`] |
//! | methods | [`methods`] |
//! | learners of one example at a time | [`online`] |
//! | nearest neighbors of task clusters | [`tc`] |

#[cfg(test)]
mod contract;
mod correlation;
mod cross_validation;
mod design;
mod estimator;
mod linkage;
mod loss;
mod majorize;
pub mod method;
pub mod methods;
mod model;
pub mod online;
pub mod penalty;
mod pictures;
mod settings;
pub mod solution;
pub mod solver;
mod task_names;
pub mod tasks;
pub mod tc;
pub mod testing;

pub use estimator::Linear;
pub use loss::Loss;
pub use method::{LinearEntry, LinearError, LinearMethod, Names, Sees, SettingError};
pub use settings::{FIT_SETTINGS, FitSettings};
pub use solution::{Effort, Solution};
pub use tasks::{Rows, TaskRows, Tasks};

use torso_core::data::TaskKind;
use torso_core::estimator::Model;
use torso_core::snapshot::{Snapshot, SnapshotError};

/// Whether a snapshot is that of a linear model.
pub fn is_linear(snapshot: &Snapshot) -> bool {
    snapshot.described::<String>("model").is_ok_and(|kind| kind == "linear")
}

/// The model of a snapshot that a linear model made, for a design of `n_inputs` columns and tasks
/// of these kinds.
pub fn restore(
    snapshot: &Snapshot,
    n_inputs: usize,
    kinds: &[TaskKind],
) -> Result<Box<dyn Model>, SnapshotError> {
    Ok(Box::new(model::LinearModel::restore(snapshot, n_inputs, kinds)?))
}
