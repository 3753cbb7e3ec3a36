//! The record of one trained model.

use serde::{Deserialize, Serialize};

use crate::estimator::Certificate;
use crate::finding::Finding;

use super::{ArmBalance, Curve, DataSummary, Diagnostic, Interval, TaskSummary};

/// The form of [`TrainRecord`].
pub const TRAIN_RUN_SCHEMA: &str = "torso.train-run/1";

/// One training and everything that its report shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainRecord {
    /// [`TRAIN_RUN_SCHEMA`].
    pub schema: String,
    /// Torso's version.
    pub torso: String,
    /// The command line that repeats the training.
    pub command: String,
    /// The options in force, as (name, value).
    pub options: Vec<(String, String)>,
    /// What was learned from.
    pub data: DataSummary,
    /// The method's id, such as `hard+equal`.
    pub method: String,
    /// What the method is, in a sentence.
    pub about: String,
    /// Why the learning ended: `converged`, `stopped early` or `limit reached`.
    pub status: String,
    /// Wall time.
    pub seconds: f64,
    /// The epoch whose weights were kept, from 1.
    pub best_epoch: usize,
    /// The epochs learned.
    pub epochs: usize,
    /// The number of numbers learned.
    pub parameters: usize,
    /// The tasks.
    pub tasks: Vec<TrainedTask>,
    /// Learning curves, one for each task or one for their mean; `arm` is the method.
    #[serde(default)]
    pub curves: Vec<Curve>,
    /// How the tasks were balanced; empty where nothing was.
    #[serde(default)]
    pub balance: Vec<ArmBalance>,
    /// The predictions of test rows, one entry per task; `arm` is the method.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
    /// How good the solution is, where a solver can tell.
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// The method's parameters that were chosen or given, as (name, value).
    #[serde(default)]
    pub chosen: Vec<(String, f64)>,
    /// What was found out about tasks and features.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// How well a trained model predicts one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedTask {
    /// The task.
    pub task: TaskSummary,
    /// Its labels among the test rows.
    pub n_test: usize,
    /// The metric on them, with a bootstrap interval over rows; none without labels to test with.
    pub score: Option<Interval>,
    /// The metric, on the same rows, of the best constant that the training rows show.
    pub constant: Option<f64>,
    /// The area under the ROC curve, for a binary task.
    pub auc: Option<f64>,
}
