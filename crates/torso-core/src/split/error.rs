//! Why a split can fail.

/// Why rows could not be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// Fewer labeled rows than the split needs.
    #[error("{folds} folds need at least {needed} rows with a label, found {found}")]
    TooFewRows {
        /// Rows that are needed.
        needed: usize,
        /// Rows that have a label.
        found: usize,
        /// The folds asked for.
        folds: usize,
    },
    /// Fewer groups than folds.
    #[error("{needed} folds need at least {needed} groups, found {found}")]
    TooFewGroups {
        /// Groups that are needed.
        needed: usize,
        /// Groups that have labels.
        found: usize,
    },
    /// All rows have the same time.
    #[error("expected different times to split by, found one moment only")]
    OneMoment,
    /// A task has no label in a part.
    #[error(
        "task `{task}` ({labels} labels) has none in the {part} part of fold {} of repeat {}",
        fold + 1, repeat + 1
    )]
    NoLabels {
        /// The task.
        task: String,
        /// `training`, `validation` or `test`.
        part: &'static str,
        /// The labels that the task has in all.
        labels: usize,
        /// The repeat, from 0.
        repeat: usize,
        /// The fold, from 0.
        fold: usize,
    },
}
