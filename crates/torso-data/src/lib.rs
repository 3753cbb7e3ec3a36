//! Tables in, task data out.
//!
//! A [`Table`] is what a file holds: text cells. [`task_data`] says what the columns are, with a
//! reason for each, and makes the [`TaskData`](torso_core::data::TaskData) that everything else
//! learns from. A [`Preprocessor`] is fitted on training rows and gives the design matrix.
//! [`split_rule`] and [`read_splits`] say how rows are dealt to parts. [`generate`] makes data
//! whose truth is known.
//!
//! ```
//! use torso_data::{Preprocessor, Table, task_data};
//!
//! let table = Table::penguins();
//! let prepared = task_data(&table, &Table::penguins_roles())?;
//! assert_eq!(prepared.data.n_tasks(), 3);
//!
//! let train_rows: Vec<u32> = (0..200).collect();
//! let preprocessor = Preprocessor::fit(prepared.data.features(), &train_rows);
//! let design = preprocessor.transform(prepared.data.features());
//! assert_eq!(design.n_rows(), 344);
//! # Ok::<(), torso_data::TableError>(())
//! ```

mod error;
pub mod generate;
mod infer;
mod preprocess;
mod read;
mod roles;
mod splits;
mod table;
mod tasks;
mod time;

pub use error::{Place, TableError};
pub use preprocess::{ColumnEncoding, Encoding, PreprocessOptions, Preprocessor, Scaling};
pub use read::ReadOptions;
pub use roles::{ColumnRole, KindOverride, Roles, Targets};
pub use splits::{SplitSpec, read_splits, split_rule};
pub use table::Table;
pub use tasks::{ColumnKind, ColumnReport, Prepared, task_data};
