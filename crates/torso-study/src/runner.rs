//! Fits every arm on every fold, side by side over the cores, and scores the test rows once.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use torso_core::data::TaskData;
use torso_core::estimator::{Budget, FitError, Problem};
use torso_core::journal::NoJournal;
use torso_core::metric::{Scored, score};
use torso_core::split::{Fold, Repeat};
use torso_data::Preprocessor;

use crate::arm::Arm;
use crate::balance::FitBalance;
use crate::curves::FitCurve;

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
    pub(crate) notes: Vec<String>,
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

/// Fits all arms on all folds. The outcome does not depend on the number of threads: fits are
/// single-threaded and their results keep their order. `done` is called with the number of
/// finished fits.
pub fn run(
    data: &TaskData,
    repeats: &[Repeat],
    arms: &[Arm],
    budget: Budget,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<FoldScores>, RunError> {
    let jobs = jobs(repeats, arms);
    let finished = AtomicUsize::new(0);
    let fit = |job: &Job| {
        let scores = fit_and_score(data, job, budget)?;
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

fn fit_and_score(data: &TaskData, job: &Job, budget: Budget) -> Result<FoldScores, RunError> {
    let preprocessor = Preprocessor::fit(data.features(), &job.fold_of.train);
    let design = preprocessor.transform(data.features());
    let problem = Problem {
        data,
        design: &design,
        train: &job.fold_of.train,
        validation: &job.fold_of.validation,
        // The same for all arms: initialization and batches are paired.
        seed: job.repeat_of.seed.derive("fold", job.fold as u64),
        budget,
        journal: &NoJournal,
    };
    let model = job.arm_of.estimator.fit(&problem).map_err(|source| RunError {
        arm: job.arm_of.id.clone(),
        repeat: job.repeat,
        fold: job.fold,
        source,
    })?;
    let test = |task: usize| {
        let of = &data.tasks()[task];
        let (rows, labels): (Vec<u32>, Vec<f64>) = of.labels.among(&job.fold_of.test).unzip();
        let predictions = model.predict(&design, task, &rows);
        let predictions = predictions.chunks_exact(of.kind.width());
        let rows = rows.into_iter().zip(labels).zip(predictions);
        rows.map(|((row, label), prediction)| TestRow {
            row,
            scored: score(&of.kind, prediction, label),
            prediction: prediction[0],
        })
        .collect()
    };
    let own_notes = model.trace().notes.iter().map(|note| format!("{}: {note}", job.arm_of.id));
    Ok(FoldScores {
        arm: job.arm,
        repeat: job.repeat,
        tasks: (0..data.n_tasks()).map(test).collect(),
        curve: FitCurve::new(model.trace()),
        balance: FitBalance::new(model.trace()),
        notes: preprocessor.notes.iter().cloned().chain(own_notes).collect(),
    })
}
