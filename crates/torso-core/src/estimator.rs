//! What learns: an [`Estimator`] is fitted on a [`Problem`] and gives a [`Model`].
//!
//! A model is another type than its estimator, so predicting before fitting cannot be written.

use serde::{Deserialize, Serialize};

use crate::data::TaskData;
use crate::features::Design;
use crate::finding::Finding;
use crate::journal::Journal;
use crate::seed::Seed;
use crate::snapshot::{Snapshot, SnapshotError};

mod kept;

/// What an estimator may see: everything but the test rows' labels.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// Tasks and labels. Labels outside `train` and `validation` must not be read.
    pub data: &'a TaskData,
    /// The features of all rows, preprocessed with what the training rows show.
    pub design: &'a Design,
    /// Rows to learn from, ascending.
    pub train: &'a [u32],
    /// Rows that stop the learning and choose among trials, ascending.
    pub validation: &'a [u32],
    /// Fixes every random draw.
    pub seed: Seed,
    /// What may be spent.
    pub budget: Budget,
    /// Where the fit keeps how far it is.
    pub journal: &'a dyn Journal,
}

/// What one fit may spend; the same for all arms of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Tuning trials, chosen among on the validation rows; the first takes the defaults.
    pub trials: usize,
    /// The most passes over the training rows in each trial.
    pub epochs: usize,
    /// Rows in a step.
    pub batch: Batch,
}

/// Rows in a step of an iterative estimator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// So many, in an order drawn anew each epoch.
    Rows(usize),
    /// All.
    Full,
    /// What the estimator thinks best for the number of training rows.
    Auto,
}

/// A method that learns tasks.
pub trait Estimator: Send + Sync {
    /// The id in arms and records, such as `hard+equal`.
    fn id(&self) -> String;

    /// Refuses settings that no problem on this data could be fitted with, before any work.
    fn check(&self, _data: &TaskData) -> Result<(), FitError> {
        Ok(())
    }

    /// Learns. The same problem gives the same model, bit for bit.
    fn fit(&self, problem: &Problem) -> Result<Box<dyn Model>, FitError>;
}

/// What an estimator learned.
pub trait Model: Send + Sync {
    /// Predictions of `task` for some rows of `design`, `[rows.len(), task kind's width]`:
    /// a value in the target's unit, the probability of the second class, or one of each class.
    fn predict(&self, design: &Design, task: usize, rows: &[u32]) -> Vec<f64>;

    /// Predictions of the first `n_tasks` tasks for some rows of `design`, each as
    /// [`Self::predict`] gives it; at the price of one pass where tasks share one.
    fn predict_all(&self, design: &Design, n_tasks: usize, rows: &[u32]) -> Vec<Vec<f64>> {
        (0..n_tasks).map(|task| self.predict(design, task, rows)).collect()
    }

    /// How the learning went; nothing in a model that was read from a file.
    fn trace(&self) -> &Trace;

    /// All that predictions depend on.
    fn snapshot(&self) -> Snapshot;

    /// How many numbers were learned.
    fn n_parameters(&self) -> usize;

    /// The coefficients of a linear model.
    fn coefficients(&self) -> Option<Coefficients> {
        None
    }

    /// Predictions for rows of a task that was not learned, in the form of [`Self::predict`],
    /// where the model allows it: tasks of one kind, and one model that is near all of theirs.
    fn predict_new_task(&self, _design: &Design, _rows: &[u32]) -> Option<Vec<f64>> {
        None
    }
}

/// The coefficients of a linear model, in units of the design and of the targets; those of a class
/// are in units of its log-odds or margin.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// One per column of coefficients: a task's name, or `TASK: CLASS`.
    pub columns: Vec<String>,
    /// `[n_features, columns]`, row-major.
    pub values: Vec<f64>,
    /// One per column; 0 in a model without intercepts.
    pub intercepts: Vec<f64>,
}

/// How a fit went, epoch by epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// One entry per epoch.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights were kept, from 0.
    pub best_epoch: usize,
    /// The trial that was kept, from 0.
    pub best_trial: usize,
    /// The settings of that trial, as (name, value).
    pub settings: Vec<(String, f64)>,
    /// What the user should know, such as a solver that did not converge.
    pub notes: Vec<String>,
    /// How the tasks were balanced; nothing where one task is learned alone.
    pub balance: BalanceTrace,
    /// Why the learning ended.
    pub status: FitStatus,
    /// How good the solution is, where a solver can tell.
    pub certificate: Option<Certificate>,
    /// What was found out about tasks and features.
    pub findings: Vec<Finding>,
}

/// What a solver vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Loss plus penalty at the solution, in the units that the method learned in.
    pub objective: f64,
    /// How far from optimal: the relative duality gap, or the relative residual of the optimality
    /// conditions.
    pub residual: f64,
    /// Iterations of the solver.
    pub iterations: usize,
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FitStatus {
    /// At an optimum, to the tolerance asked for.
    Converged,
    /// Validation rows showed no more gain.
    #[default]
    StoppedEarly,
    /// The budget of epochs or of time was spent.
    LimitReached,
}

impl FitStatus {
    /// The status in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::StoppedEarly => "stopped early",
            Self::LimitReached => "limit reached",
        }
    }
}

/// What a balancing method did in a fit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BalanceTrace {
    /// The steps in which it was asked.
    pub steps: usize,
    /// What it said where it had no answer of its own, with the number of such steps.
    pub statuses: Vec<(String, usize)>,
    /// The mean cosine between the gradients of two tasks, `[n_tasks, n_tasks]`, `NaN` on the
    /// diagonal; empty where gradients were not seen or tasks are many.
    pub cosines: Vec<f64>,
}

/// One epoch. Losses are in units of the training labels' spread: squared errors divided by their
/// variance, log losses as they are. `NaN` where a task has no label.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Epoch {
    /// Training loss of each task.
    pub train: Vec<f64>,
    /// Validation loss of each task.
    pub validation: Vec<f64>,
    /// The weight of each task's loss in the last step; `NaN` where a method gives none.
    pub weights: Vec<f64>,
    /// The mean cosine between the gradients of two tasks; `NaN` where they were not seen.
    pub cosine: f64,
}

/// Why a fit failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// A loss stopped being a number.
    #[error("the loss of task `{task}` is not finite from epoch {epoch} on")]
    Diverged {
        /// The task.
        task: String,
        /// The epoch, from 1.
        epoch: usize,
    },
    /// The journal said so.
    #[error("stopped")]
    Stopped,
    /// What the journal kept is no part of this fit.
    #[error("cannot go on from what was kept: {0}")]
    Kept(#[from] SnapshotError),
    /// A method's own settings are not valid.
    #[error("{message}")]
    Settings {
        /// The method's id.
        method: String,
        /// What is wrong with them.
        message: String,
    },
    /// A method does not fit the problem.
    #[error("`{method}` {why}")]
    Unsuitable {
        /// The method's id.
        method: String,
        /// Why, as the end of a sentence.
        why: String,
    },
}
