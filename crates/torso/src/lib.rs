//! Torso learns several related prediction tasks together, and proves, task by task, whether that
//! helped. This is the library's front door; the `torso` binary is built on it.
//!
//! ```no_run
//! use torso::data::{Table, task_data};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let table = Table::penguins();
//! let prepared = task_data(&table, &Table::penguins_roles())?;
//! println!("{} tasks", prepared.data.n_tasks());
//! # Ok(())
//! # }
//! ```

pub use torso_core as core;
pub use torso_data as data;
pub use torso_deep as deep;
pub use torso_linear as linear;
pub use torso_report as report;
pub use torso_study as study;
