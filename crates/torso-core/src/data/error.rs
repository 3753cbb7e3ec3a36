//! Why labels or task data can be refused.

/// Why labels or task data are not valid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// As many labels as rows.
    #[error("expected as many labels as rows, found {values} for {rows} rows")]
    LabelCount {
        /// Rows given.
        rows: usize,
        /// Values given.
        values: usize,
    },
    /// Label rows ascend.
    #[error("expected ascending rows, found row {after} after row {before}")]
    RowOrder {
        /// The earlier entry.
        before: u32,
        /// The entry behind it.
        after: u32,
    },
    /// A label's row lies outside the table.
    #[error("task `{task}` has a label for row {row}, but there are {n_rows} rows")]
    LabelRow {
        /// The task.
        task: String,
        /// The row of the label.
        row: u32,
        /// The rows of the table.
        n_rows: usize,
    },
    /// A label is not a number, or not a class.
    #[error("task `{task}` has the label {found} in row {row}: not finite, or not a class")]
    LabelValue {
        /// The task.
        task: String,
        /// The row of the label.
        row: u32,
        /// The label.
        found: f64,
    },
    /// A weight is negative or not finite.
    #[error("expected row weights of at least 0, found {found} in row {row}")]
    Weight {
        /// The row, from 0.
        row: usize,
        /// The weight.
        found: f64,
    },
    /// A feature column has another number of rows.
    #[error("feature `{column}` has {found} rows, expected {expected}")]
    FeatureLength {
        /// The column.
        column: String,
        /// Rows of the first column.
        expected: usize,
        /// Rows of this one.
        found: usize,
    },
    /// In group mode a row belongs to one task.
    #[error("row {row} belongs to two groups, `{}` and `{}`", tasks[0], tasks[1])]
    SharedRow {
        /// The row.
        row: u32,
        /// The two tasks.
        tasks: [String; 2],
    },
    /// In group mode the tasks share one target.
    #[error("group `{task}` has another kind of target than the first group")]
    MixedGroups {
        /// The task.
        task: String,
    },
    /// Nothing to learn.
    #[error("expected at least one task, found none")]
    NoTasks,
}
