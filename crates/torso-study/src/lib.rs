//! Arms trained side by side, and the verdict on them.
//!
//! [`compare`](compare::compare) is the main job: it plans repeats and folds, fits every arm on
//! every fold ([`runner`]), and lets the [`verdict`] say, task by task, whether learning together
//! helped.

pub mod arm;
mod balance;
pub mod coefficients;
pub mod compare;
mod curves;
pub mod diagnostics;
pub mod evaluate;
mod fitted;
pub mod ranks;
pub mod runner;
pub mod saved;
pub mod train;
pub mod verdict;
