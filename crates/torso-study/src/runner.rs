//! Fits every arm on every fold, side by side over the cores, and scores the test rows once.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use torso_core::data::TaskData;
use torso_core::estimator::{Budget, Epoch, FitError, Problem};
use torso_core::finding::Finding;
use torso_core::journal::{Journal, Signal};
use torso_core::metric::Scored;
use torso_core::seed::Seed;
use torso_core::snapshot::Snapshot;
use torso_core::split::{Fold, Repeat};
use torso_data::{PreprocessOptions, Preprocessor};

use crate::arm::Arm;
use crate::balance::FitBalance;
use crate::curves::FitCurve;
use crate::fitted::Fitted;

/// The scored test rows of one arm on one fold.
pub struct FoldScores {
    /// The arm, from 0.
    pub arm: usize,
    /// The repeat, from 0.
    pub repeat: usize,
    /// For each task, its test rows.
    pub tasks: Vec<Vec<TestRow>>,
    pub(crate) curve: FitCurve,
    pub(crate) balance: FitBalance,
    /// What was found out; only on the first fold of the first repeat.
    pub(crate) findings: Vec<Finding>,
    pub(crate) notes: Vec<String>,
}

/// What each fit gets besides its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitOptions {
    /// What it may spend.
    pub budget: Budget,
    /// How features are preprocessed.
    pub preprocess: PreprocessOptions,
}

/// One scored test row of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestRow {
    /// The row in the table.
    pub row: u32,
    /// Loss, and contribution to the metric.
    pub scored: Scored,
    /// The first number of the prediction: a value, or a probability, for ranking.
    pub prediction: f64,
    /// The predicted class; 0 for a regression.
    pub class: usize,
}

/// A fit that failed, and where.
#[derive(Debug, thiserror::Error)]
#[error("arm `{arm}`, repeat {}, fold {}: {source}", repeat + 1, fold + 1)]
pub struct RunError {
    /// The arm's id.
    pub arm: String,
    /// The repeat, from 0.
    pub repeat: usize,
    /// The fold, from 0.
    pub fold: usize,
    /// Why.
    pub source: FitError,
}

/// The keeper of a run's finished fits, asked from several threads.
pub trait FitStore: Sync {
    /// What was kept of a fit in an earlier session.
    fn recall(&self, fit: &str) -> Option<Snapshot>;

    /// A fit is finished.
    fn keep(&self, fit: &str, state: &Snapshot);

    /// Whether to go on with further fits.
    fn signal(&self) -> Signal;
}

/// Keeps nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStore;

impl FitStore for NoStore {
    fn recall(&self, _: &str) -> Option<Snapshot> {
        None
    }

    fn keep(&self, _: &str, _: &Snapshot) {}

    fn signal(&self) -> Signal {
        Signal::Continue
    }
}

/// Fits all arms on all folds. The outcome does not depend on the number of threads: fits are
/// single-threaded and their results keep their order. `done` is called with the number of
/// finished fits. A fit that `store` stopped is an entry without scores.
pub fn run(
    data: &TaskData,
    repeats: &[Repeat],
    arms: &[Arm],
    options: FitOptions,
    store: &dyn FitStore,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Option<FoldScores>>, RunError> {
    let jobs = jobs(repeats, arms);
    let finished = AtomicUsize::new(0);
    let fit = |job: &Job| {
        let scores = match job.fitted(data, options, store) {
            Ok(fitted) => Some(job.scores(data, fitted)),
            Err(FitError::Stopped) => None,
            Err(source) => return Err(job.error(source)),
        };
        done(finished.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(scores)
    };
    jobs.par_iter().with_max_len(1).map(fit).collect()
}

/// One arm on one fold.
struct Job<'a> {
    arm: usize,
    arm_of: &'a Arm,
    repeat: usize,
    repeat_of: &'a Repeat,
    fold: usize,
    fold_of: &'a Fold,
}

fn jobs<'a>(repeats: &'a [Repeat], arms: &'a [Arm]) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for (repeat, repeat_of) in repeats.iter().enumerate() {
        for (fold, fold_of) in repeat_of.folds.iter().enumerate() {
            for (arm, arm_of) in arms.iter().enumerate() {
                jobs.push(Job { arm, arm_of, repeat, repeat_of, fold, fold_of });
            }
        }
    }
    jobs
}

impl Job<'_> {
    /// What the fit gave, from the store or learned now.
    fn fitted(
        &self,
        data: &TaskData,
        options: FitOptions,
        store: &dyn FitStore,
    ) -> Result<Fitted, FitError> {
        let name =
            format!("{}, repeat {}, fold {}", self.arm_of.id, self.repeat + 1, self.fold + 1);
        if let Some(kept) = store.recall(&name) {
            return Ok(Fitted::from_snapshot(&kept, data)?);
        }
        if store.signal() != Signal::Continue {
            return Err(FitError::Stopped);
        }
        let (train, preprocess) = (&self.fold_of.train, options.preprocess);
        let preprocessor = Preprocessor::fit_with(data.features(), train, preprocess);
        let design = preprocessor.transform(data.features());
        let model = self.arm_of.estimator.fit(&Problem {
            data,
            design: &design,
            train,
            validation: &self.fold_of.validation,
            // The same for all arms: initialization and batches are paired.
            seed: fit_seed(self.repeat_of.seed, self.fold),
            budget: options.budget,
            journal: &Interruption(store),
        })?;
        let fitted = Fitted::new(data, &*model, &design, preprocessor.notes, &self.fold_of.test);
        store.keep(&name, &fitted.snapshot());
        Ok(fitted)
    }

    fn scores(&self, data: &TaskData, fitted: Fitted) -> FoldScores {
        let id = &self.arm_of.id;
        let scores = fitted.scores(data, &self.fold_of.test, self.arm, id, self.repeat);
        let is_first = (self.repeat, self.fold) == (0, 0);
        let findings = if is_first { scores.findings } else { Vec::new() };
        FoldScores { findings, ..scores }
    }

    fn error(&self, source: FitError) -> RunError {
        RunError { arm: self.arm_of.id.clone(), repeat: self.repeat, fold: self.fold, source }
    }
}

/// The seed of all fits on one fold of a repeat.
pub(crate) fn fit_seed(repeat: Seed, fold: usize) -> Seed {
    repeat.derive("fold", fold as u64)
}

/// Ends a fit as soon as the run is to end.
struct Interruption<'a>(&'a dyn FitStore);

impl std::fmt::Debug for Interruption<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("Interruption")
    }
}

impl Journal for Interruption<'_> {
    fn recall(&self, _: &str) -> Option<Snapshot> {
        None
    }

    fn epoch_done(&self, _: &str, _: usize, _: &Epoch, _: &mut dyn FnMut() -> Snapshot) -> Signal {
        self.signal()
    }

    fn part_done(&self, _: &str, _: &mut dyn FnMut() -> Snapshot) {}

    fn signal(&self) -> Signal {
        // A fit that is cut short is no fair one: it is left out instead.
        if self.0.signal() == Signal::Continue { Signal::Continue } else { Signal::Stop }
    }
}
