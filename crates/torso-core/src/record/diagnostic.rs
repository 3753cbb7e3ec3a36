//! How predictions of rows that were not learned from lie beside their labels.

use serde::{Deserialize, Serialize};

/// The predictions of one arm for one task, beside the labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The arm, or the method of a trained model.
    pub arm: String,
    /// The task.
    pub task: String,
    /// The distinct rows that were predicted.
    pub rows: usize,
    /// The repeats over which they were.
    pub repeats: usize,
    /// All predictions: at most one for each row and repeat.
    pub predictions: usize,
    /// What is told of them.
    pub figures: Figures,
}

/// What is told of predictions, by the kind of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Figures {
    /// Of numbers.
    Regression {
        /// At most 20, by ascending prediction.
        residuals: Vec<ResidualBin>,
    },
    /// Of one of two classes.
    Binary {
        /// Classes against predicted classes.
        confusion: Confusion,
        /// At most 10, by ascending probability of the second class.
        calibration: Vec<CalibrationBin>,
    },
    /// Of one of many classes.
    Multiclass {
        /// Classes against predicted classes.
        confusion: Confusion,
    },
}

/// How often each class was predicted as each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// The classes that are told one by one: all, or the most frequent.
    pub classes: Vec<String>,
    /// How many classes are counted together in a last row and column of `counts`; 0 without one.
    pub others: usize,
    /// The number of predictions, over all repeats, `[class][predicted class]`.
    pub counts: Vec<Vec<usize>>,
}

/// Rows with about the same predicted probability; each row's is averaged over repeats first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// The number of rows.
    pub n: usize,
    /// Their mean predicted probability of the second class.
    pub predicted: f64,
    /// The share of them that are of the second class, with Wilson's interval over rows.
    pub observed: super::Interval,
}

/// Rows with about the same prediction; each row's is averaged over repeats first. A residual is
/// the label minus the prediction, in the target's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResidualBin {
    /// The number of rows.
    pub n: usize,
    /// Their mean prediction.
    pub predicted: f64,
    /// Their mean residual.
    pub residual: f64,
    /// Both ends of its 95% interval (t over rows); none for a single row.
    pub range: Option<(f64, f64)>,
    /// The 10th and the 90th percentile of the residuals.
    pub percentiles: (f64, f64),
}
