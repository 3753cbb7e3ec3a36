//! What may be wrong with data, in sentences.

use std::fmt;

use serde::Serialize;

use super::leaks::Evidence;
use crate::tasks::some_names;

/// Something that may be wrong. It displays as a sentence that says what, and what to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Warning {
    /// A feature that tells the label.
    Leak {
        /// The feature.
        feature: String,
        /// The task; none where tasks are groups of rows, for all of them.
        task: Option<String>,
        /// What shows it.
        evidence: Evidence,
        /// The distinct rows that show it.
        rows: usize,
    },
    /// Rows that are there more than once.
    RepeatedRows {
        /// Labeled rows that equal an earlier one in features and labels.
        rows: usize,
        /// Rows that are tested although an equal one is learned from.
        across: usize,
    },
    /// Rows with the same features and other labels.
    ContradictingRows {
        /// These rows.
        rows: usize,
    },
    /// Features that are the same in every row.
    ConstantFeatures {
        /// The features.
        features: Vec<String>,
    },
    /// Features with a value in at most one row of twenty.
    EmptyFeatures {
        /// The features.
        features: Vec<String>,
    },
    /// A class that cannot be in every fold.
    RareClass {
        /// The task.
        task: String,
        /// The class.
        class: String,
        /// Its labels.
        labels: usize,
        /// The number of folds.
        folds: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Leak { feature, task, evidence, rows } => {
                let task =
                    task.as_ref().map_or("the target".to_owned(), |task| format!("`{task}`"));
                match evidence {
                    Evidence::Values => write!(
                        f,
                        "feature `{feature}` may tell {task}: each of its values has one label, \
                         in all {rows} rows with a value that repeats"
                    )?,
                    Evidence::Order => write!(
                        f,
                        "feature `{feature}` may tell {task}: in its order, the labels are in \
                         order too, in all {rows} rows"
                    )?,
                    Evidence::Correlation { r } => write!(
                        f,
                        "feature `{feature}` may tell {task}: their correlation is {r:.5}, \
                         in {rows} rows"
                    )?,
                }
                write!(f, "; leave it out if it is not known before {task}")
            }
            Self::RepeatedRows { rows, across } => {
                write!(f, "rows that repeat an earlier one: {rows}")?;
                match across {
                    0 => write!(f, "; the split keeps all copies of a row together"),
                    _ => write!(
                        f,
                        "; rows that are tested although a copy is learned from: {across}; drop \
                         the copies, or keep them together with --split group:COLUMN"
                    ),
                }
            }
            Self::ContradictingRows { rows } => {
                write!(f, "rows with the features of another row and other labels: {rows}")
            }
            Self::ConstantFeatures { features } => {
                write!(f, "the same in every row: {}", some_names("feature", features))
            }
            Self::EmptyFeatures { features } => {
                write!(
                    f,
                    "at least 95% of the cells are missing: {}",
                    some_names("feature", features)
                )
            }
            Self::RareClass { task, class, labels, folds } => write!(
                f,
                "class `{class}` of `{task}` has fewer labels ({labels}) than there are folds \
                 ({folds}): some folds never test it"
            ),
        }
    }
}
