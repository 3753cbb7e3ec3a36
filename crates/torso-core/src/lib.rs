//! Tasks, labels, splits, metrics and the records that cross crates.
//!
//! Everything else in Torso depends on this crate, and this crate on no other of Torso's: it holds
//! no algorithm and no tensor. Read [`data::TaskData`] first (what is learned from), then
//! [`estimator::Estimator`] (what learns) and [`record::Comparison`] (what is said about it).

pub mod data;
pub mod estimator;
pub mod features;
pub mod finding;
pub mod journal;
pub mod method;
pub mod metric;
pub mod record;
pub mod seed;
pub mod snapshot;
pub mod split;
