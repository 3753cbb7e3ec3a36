//! What is written down: the comparison that `compare` prints as JSON, and the run around it.
//!
//! Fields are added, never renamed: programs read these forms.

mod diagnostic;
mod ranks;
mod train;

use serde::{Deserialize, Serialize};

use crate::data::{Task, TaskData};
use crate::finding::Finding;
use crate::metric::Metric;

pub use diagnostic::{CalibrationBin, Confusion, Diagnostic, Figures, ResidualBin};
pub use ranks::{Friedman, Ranks};
pub use train::{TRAIN_RUN_SCHEMA, TrainRecord, TrainedTask};

/// The form of [`Comparison`].
pub const COMPARE_SCHEMA: &str = "torso.compare/1";
/// The form of [`RunRecord`].
pub const RUN_SCHEMA: &str = "torso.run/1";

/// The outcome of a comparison. Every field but `seconds` follows from data, options and seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`COMPARE_SCHEMA`].
    pub schema: String,
    /// What was learned from.
    pub data: DataSummary,
    /// The number of repeats.
    pub seeds: usize,
    /// The number of folds in each; 1 for splits by time or by given parts.
    pub folds: usize,
    /// Wall time.
    pub seconds: f64,
    /// The tasks.
    pub tasks: Vec<TaskSummary>,
    /// The arms, the baseline first.
    pub arms: Vec<ArmResult>,
}

/// The data of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// The table's name.
    pub name: String,
    /// Its rows, all kept.
    pub rows: usize,
    /// Rows with at least one label.
    pub labeled_rows: usize,
    /// The features' names in the table.
    pub features: Vec<String>,
    /// The hash of the bytes.
    pub blake3: String,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// The task's name.
    pub name: String,
    /// `regression`, `binary` or `multiclass`.
    pub kind: String,
    /// The metric that scores and gains are told in.
    pub metric: String,
    /// `lower` or `higher`.
    pub better: String,
    /// The number of labels.
    pub labels: usize,
    /// The classes, if any.
    pub classes: Vec<String>,
}

impl DataSummary {
    /// What was learned from.
    pub fn of(data: &TaskData) -> Self {
        let features = data.features().columns.iter().map(|column| column.name.clone());
        Self {
            name: data.name().to_string(),
            rows: data.n_rows(),
            labeled_rows: data.labeled_rows().len(),
            features: features.collect(),
            blake3: data.blake3().to_string(),
        }
    }
}

impl TaskSummary {
    /// A task in its default metric.
    pub fn of(task: &Task) -> Self {
        Self {
            name: task.name.clone(),
            kind: task.kind.name().to_string(),
            metric: Metric::of(&task.kind).name().to_string(),
            better: "lower".to_string(),
            labels: task.labels.len(),
            classes: task.kind.classes().to_vec(),
        }
    }
}

/// The outcome of one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmResult {
    /// The arm's id.
    pub name: String,
    /// `baseline`, `sharing`, `linear` or `bayes`.
    pub family: String,
    /// The mean over tasks of the gain in percent of the baseline's score; 0 for the baseline.
    pub delta_m: Interval,
    /// The mean over tasks of the arm's rank by score; 1 is best.
    pub mean_rank: f64,
    /// All tasks together.
    pub overall: Overall,
    /// Each task.
    pub tasks: Vec<TaskResult>,
    /// Share of the variance of all labels that is explained, `1 - SSE / SST` with SST about the
    /// mean of all scored labels; only where all tasks are regressions on one target.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explained_variance: Option<f64>,
}

/// An estimate with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The test of an arm over all tasks: each task's loss divided by the spread of its labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overall {
    /// Mean gain over the baseline; positive is better.
    pub loss_gain: f64,
    /// Lower end of its 95% interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Two-sided p.
    pub p: f64,
    /// In words.
    pub verdict: Verdict,
}

/// One task in one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The task's name.
    pub task: String,
    /// The metric, out of fold, averaged over repeats.
    pub score: f64,
    /// Gain over the baseline in the metric's unit; positive is better.
    pub gain: f64,
    /// The gain in percent of the baseline's score; none where that is 0 or near it.
    pub gain_percent: Option<f64>,
    /// Lower end of the gain's 95% interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The test behind the word.
    pub test: LossTest,
    /// In words.
    pub verdict: Verdict,
    /// Area under the ROC curve, for a binary task.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auc: Option<f64>,
}

/// A test of paired loss differences, rows x repeats; positive is better than the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LossTest {
    /// `squared error` or `log loss`.
    pub loss: String,
    /// Mean difference.
    pub mean: f64,
    /// Lower end of its 95% interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Degrees of freedom (Satterthwaite).
    pub df: f64,
    /// Two-sided p.
    pub p: f64,
    /// p after Holm's correction over the arm's tasks.
    pub p_holm: f64,
}

/// What is said of an arm, or of a task in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// Better than learning the task alone.
    #[serde(rename = "helps")]
    Helps,
    /// Worse than learning the task alone.
    #[serde(rename = "harms")]
    Harms,
    /// Neither was shown.
    #[serde(rename = "no difference shown")]
    NoDifference,
    /// This is learning alone.
    #[serde(rename = "baseline")]
    Baseline,
    /// Too few repeats for a word.
    #[serde(rename = "too few repeats")]
    TooFewRepeats,
}

impl Verdict {
    /// The word itself.
    pub fn word(self) -> &'static str {
        match self {
            Self::Helps => "helps",
            Self::Harms => "harms",
            Self::NoDifference => "no difference shown",
            Self::Baseline => "baseline",
            Self::TooFewRepeats => "too few repeats",
        }
    }
}

/// A comparison and everything that the report shows besides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`RUN_SCHEMA`].
    pub schema: String,
    /// Torso's version.
    pub torso: String,
    /// The command line that repeats the run.
    pub command: String,
    /// The options in force, as (name, value).
    pub options: Vec<(String, String)>,
    /// The outcome.
    pub comparison: Comparison,
    /// What each arm is, in a sentence, as (id, sentence).
    pub about_arms: Vec<(String, String)>,
    /// Learning curves, one entry per arm and task.
    pub curves: Vec<Curve>,
    /// How arms balanced their tasks, one entry per arm that did.
    #[serde(default)]
    pub balance: Vec<ArmBalance>,
    /// How out-of-fold predictions lie beside the labels, one entry per arm and task; empty where
    /// tasks are many.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
    /// Ranks of the arms over tasks; none with few tasks or arms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ranks: Option<Ranks>,
    /// What arms found out about tasks and features, in their fits on the first fold of the first
    /// repeat; one entry per arm that found out something.
    #[serde(default)]
    pub findings: Vec<ArmFindings>,
    /// What the user should know: cells without labels, constant columns, methods that gave up.
    pub notes: Vec<String>,
}

/// What one arm found out about tasks and features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmFindings {
    /// The arm.
    pub arm: String,
    /// One picture each.
    pub findings: Vec<Finding>,
}

/// A learning curve: the mean over repeats and folds of the fits still learning in each epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The arm.
    pub arm: String,
    /// The task, or `mean` for the mean over tasks.
    pub task: String,
    /// Training loss per epoch, in units of the labels' spread.
    pub train: Vec<f64>,
    /// Validation loss per epoch.
    pub validation: Vec<f64>,
    /// The mean over fits of the epoch whose weights were kept, from 1.
    pub best_epoch: f64,
}

/// How one arm balanced its tasks: sums and means over repeats and folds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmBalance {
    /// The arm.
    pub arm: String,
    /// The steps of all kept trainings in which the method was asked.
    pub steps: usize,
    /// What it said where it had no answer of its own, with the number of such steps.
    pub statuses: Vec<(String, usize)>,
    /// Each task's share of the sum of the weights' sizes, per epoch, `[n_tasks][epochs]`: the mean
    /// over the fits still learning. Empty where the method gives no weights, or tasks are many.
    pub weights: Vec<Vec<f64>>,
    /// The mean cosine between the gradients of two tasks, per epoch; below 0 they conflict. Empty
    /// where gradients were not seen.
    pub cosine: Vec<f64>,
    /// The mean cosine between the gradients of each two tasks, `[n_tasks, n_tasks]`, row-major;
    /// none for a task with itself, or where two never met. Empty as `cosine`, or if tasks are many.
    pub cosines: Vec<Option<f64>>,
}
