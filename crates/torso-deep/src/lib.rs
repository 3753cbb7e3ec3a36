//! Neural multi-task learning: encoders, sharing, heads, the trainer.
//!
//! A network is an encoder arranged by a [`sharing`] architecture, and a head for each task
//! (`heads.rs`). The trainer (`trainer.rs`) makes one gradient of the tasks' by a balancing method
//! (`balancing.rs`), stops early on validation rows and keeps the best weights. The [`arms`] are the
//! estimators that a comparison runs.

pub mod arms;
mod balancing;
pub mod encoder;
mod heads;
mod layout;
mod network;
pub mod settings;
pub mod sharing;
mod supervision;
mod trainer;
mod tuning;

pub use trainer::{CostShape, StepCost, step_cost};
