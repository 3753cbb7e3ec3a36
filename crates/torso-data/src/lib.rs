//! Tables in, task data out.
//!
//! A [`Table`] is what a file holds: text cells, or images and their labels. [`task_data`] says what the columns are, with a
//! reason for each, and makes the [`TaskData`](torso_core::data::TaskData) that everything else
//! learns from. A [`Preprocessor`] is fitted on training rows and gives the design matrix.
//! [`split_rule`] and [`read_splits`] say how rows are dealt to parts. [`generate`] makes data
//! whose truth is known. A [`Stream`] with a [`Schema`] reads a table of any length for a model.
//! [`suggest`] looks for targets in a table, and a [`Checkup`] for what may be wrong with data.
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

mod checkup;
mod error;
pub mod generate;
mod idx;
mod infer;
mod preprocess;
mod read;
mod roles;
mod schema;
mod splits;
mod stream;
mod suggest;
mod table;
mod tasks;
mod time;

pub use checkup::{
    Balance, Checkup, ClassCount, Duplicates, Evidence, Overlap, PairCount, TaskCheckup, Warning,
};
pub use error::{Place, TableError};
pub use idx::{Idx, IdxKind, LabelFile};
pub use preprocess::{ColumnEncoding, Encoding, PreprocessOptions, Preprocessor, Scaling};
pub use read::{ReadOptions, file_hash};
pub use roles::{ColumnRole, KindOverride, Roles, Targets};
pub use schema::{Chunk, Labels, Rows, Schema, UnknownClass, UnseenLevels};
pub use splits::{SplitSpec, read_splits, split_rule};
pub use stream::{Block, Stream};
pub use suggest::{Remark, Suggestion, suggest};
pub use table::Table;
pub use tasks::{ColumnKind, ColumnReport, Prepared, task_data};
