//! What a fit found out about tasks and features, as pictures for people: sharing that was learned.

use serde::{Deserialize, Serialize};

/// One picture of what was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Finding {
    /// A table of numbers, such as the correlation of tasks; negative ones have another color.
    Matrix {
        /// What it shows.
        name: String,
        /// One per row.
        rows: Vec<String>,
        /// One per column.
        columns: Vec<String>,
        /// `[rows, columns]`, row-major.
        values: Vec<f64>,
    },
    /// A partition, such as clusters of tasks.
    Groups {
        /// What it shows.
        name: String,
        /// What is dealt to groups.
        items: Vec<String>,
        /// The group of each item, from 0.
        groups: Vec<usize>,
    },
    /// A number for each item, such as the strength of each feature; 0 is not in use.
    Bars {
        /// What it shows.
        name: String,
        /// What the numbers belong to.
        items: Vec<String>,
        /// One per item, at least 0.
        values: Vec<f64>,
    },
    /// The loss of cross-validation along the path of a strength.
    Path {
        /// What it shows.
        name: String,
        /// The strength, by name.
        parameter: String,
        /// Its values, from the strongest to the weakest.
        values: Vec<f64>,
        /// The mean loss over folds.
        losses: Vec<f64>,
        /// The standard error of each mean.
        errors: Vec<f64>,
        /// The position of the value that was chosen.
        chosen: usize,
    },
}

impl Finding {
    /// What it shows.
    pub fn name(&self) -> &str {
        match self {
            Self::Matrix { name, .. }
            | Self::Groups { name, .. }
            | Self::Bars { name, .. }
            | Self::Path { name, .. } => name,
        }
    }
}
