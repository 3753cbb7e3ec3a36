//! The main job: learn tasks apart and together, and say whether it helped.

use std::slice;
use std::time::Instant;

use rayon::prelude::*;
use torso_core::data::{Layout, TaskData, TaskKind};
use torso_core::estimator::{Budget, FitError};
use torso_core::journal::Signal;
use torso_core::metric::auc;
use torso_core::record::{
    ArmBalance, ArmFindings, ArmResult, COMPARE_SCHEMA, Comparison, Curve, DataSummary, Diagnostic,
    Ranks, TaskSummary,
};
use torso_core::seed::Seed;
use torso_core::split::{Repeat, SplitError, SplitOptions, SplitRule, plan};
use torso_data::PreprocessOptions;

use crate::arm::Arm;
use crate::balance::{self, status_notes};
use crate::curves::{FitCurve, summarize};
use crate::diagnostics;
use crate::ranks::ranks;
use crate::runner::{FitOptions, FitStore, FoldScores, NoStore, RunError, run};
use crate::verdict::{ArmCells, CellMatrix, TaskInfo, judge};

/// What to compare, and how.
pub struct CompareOptions {
    /// How rows are dealt to parts.
    pub rule: SplitRule,
    /// Repeats and folds.
    pub split: SplitOptions,
    /// What each fit may spend.
    pub budget: Budget,
    /// How features are preprocessed, the same for all arms.
    pub preprocess: PreprocessOptions,
    /// Fits side by side.
    pub threads: usize,
}

/// How far a comparison is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Before the work: the fits to do and the most seconds that they should take.
    Planned {
        /// Fits to do.
        fits: usize,
        /// An upper estimate: no fit stops early.
        seconds: f64,
    },
    /// A number of fits are done.
    Done {
        /// Fits done.
        fits: usize,
    },
}

/// The outcome of [`compare`].
pub struct Compared {
    /// What is said of each arm and task.
    pub comparison: Comparison,
    /// Learning curves.
    pub curves: Vec<Curve>,
    /// How arms balanced their tasks.
    pub balance: Vec<ArmBalance>,
    /// How out-of-fold predictions lie beside the labels; empty where tasks are many.
    pub diagnostics: Vec<Diagnostic>,
    /// Ranks of the arms over tasks; none with few tasks or arms.
    pub ranks: Option<Ranks>,
    /// What arms found out in their fits on the first fold of the first repeat.
    pub findings: Vec<ArmFindings>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Compares `arms`, the first of which is the baseline. Fits that `store` kept are not done again;
/// when it says that the time is up, the repeats that are whole by then are compared.
pub fn compare(
    data: &TaskData,
    arms: &[Arm],
    options: &CompareOptions,
    store: &dyn FitStore,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Compared, CompareError> {
    let started = Instant::now();
    for arm in arms {
        arm.estimator
            .check(data)
            .map_err(|source| CompareError::Refused { arm: arm.id.clone(), source })?;
    }
    let mut repeats = plan(data, &options.rule, &options.split)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.max(1)).build()?;
    let fits = repeats.iter().map(|repeat| repeat.folds.len()).sum::<usize>() * arms.len();
    let seconds = pool.install(|| estimate(data, &repeats, arms, options))?;
    progress(Progress::Planned { fits, seconds });
    let done = |fits| progress(Progress::Done { fits });
    let fit = FitOptions { budget: options.budget, preprocess: options.preprocess };
    let scores = pool.install(|| run(data, &repeats, arms, fit, store, &done))?;
    let n_planned = repeats.len();
    let scores = whole_repeats(scores, &mut repeats, arms.len());
    if repeats.is_empty() || (repeats.len() < n_planned && store.signal() == Signal::Stop) {
        return Err(CompareError::Stopped { repeats: repeats.len(), of: n_planned });
    }

    let cells: Vec<ArmCells> = arms
        .iter()
        .enumerate()
        .map(|(i, arm)| arm_cells(data, arm, i, &scores, repeats.len()))
        .collect();
    let infos: Vec<TaskInfo> = data.tasks().iter().map(TaskInfo::new).collect();
    let mut results = pool.install(|| judge(&cells, &infos, Seed(options.split.seed)));
    if data.layout() == Layout::Groups && data.tasks()[0].kind == TaskKind::Regression {
        for (result, cells) in results.iter_mut().zip(&cells) {
            result.explained_variance = Some(explained_variance(data, cells));
        }
    }
    let names: Vec<String> = arms.iter().map(|arm| arm.id.clone()).collect();
    let fits: Vec<_> = scores.iter().map(|fold| (fold.arm, &fold.balance)).collect();
    let balance = balance::summarize(&names, &fits);
    Ok(Compared {
        ranks: ranks(&results),
        diagnostics: diagnostics::summarize(data, &names, &scores),
        comparison: comparison(data, &repeats, results, started.elapsed().as_secs_f64()),
        curves: curves(data, arms, &scores),
        findings: findings(arms, &scores),
        notes: cut_note(repeats.len(), n_planned)
            .into_iter()
            .chain(notes(&scores))
            .chain(balance.iter().flat_map(status_notes))
            .collect(),
        balance,
    })
}

fn comparison(
    data: &TaskData,
    repeats: &[Repeat],
    arms: Vec<ArmResult>,
    seconds: f64,
) -> Comparison {
    Comparison {
        schema: COMPARE_SCHEMA.to_string(),
        data: DataSummary::of(data),
        seeds: repeats.len(),
        folds: repeats.first().map_or(0, |repeat| repeat.folds.len()),
        seconds,
        tasks: data.tasks().iter().map(TaskSummary::of).collect(),
        arms,
    }
}

/// An upper estimate of the wall time: every arm on the first fold, for a few epochs if it has any,
/// multiplied.
fn estimate(
    data: &TaskData,
    repeats: &[Repeat],
    arms: &[Arm],
    options: &CompareOptions,
) -> Result<f64, RunError> {
    const EPOCHS: usize = 2;
    let Some(first) = repeats.first() else { return Ok(0.0) };
    let sample = [Repeat { seed: first.seed, folds: first.folds[..1].to_vec() }];
    let budget = Budget { epochs: EPOCHS.min(options.budget.epochs), trials: 1, ..options.budget };
    let fit = FitOptions { budget, preprocess: options.preprocess };
    let epochs = options.budget.epochs as f64 / budget.epochs.max(1) as f64;
    let whole = epochs * options.budget.trials.max(1) as f64;
    let seconds = |arm: &Arm| {
        let started = Instant::now();
        let scores = run(data, &sample, slice::from_ref(arm), fit, &NoStore, &|_| ())?;
        let has_epochs = scores.iter().flatten().any(|fold| fold.curve.has_epochs());
        Ok(started.elapsed().as_secs_f64() * if has_epochs { whole } else { 1.0 })
    };
    let seconds: Vec<f64> = arms.par_iter().map(seconds).collect::<Result<_, RunError>>()?;
    let folds: usize = repeats.iter().map(|repeat| repeat.folds.len()).sum();
    let threads = options.threads.max(1).min(folds * arms.len()) as f64;
    Ok(seconds.iter().sum::<f64>() * folds as f64 / threads)
}

/// The scores of the first repeats that are whole; drops the others.
fn whole_repeats(
    scores: Vec<Option<FoldScores>>,
    repeats: &mut Vec<Repeat>,
    n_arms: usize,
) -> Vec<FoldScores> {
    let n_done = scores.iter().take_while(|fold| fold.is_some()).count();
    let ends = repeats.iter().scan(0, |end, repeat| {
        *end += repeat.folds.len() * n_arms;
        Some(*end)
    });
    let (mut n_repeats, mut n_kept) = (0, 0);
    for end in ends.take_while(|end| *end <= n_done) {
        (n_repeats, n_kept) = (n_repeats + 1, end);
    }
    repeats.truncate(n_repeats);
    scores.into_iter().take(n_kept).flatten().collect()
}

/// The out-of-fold losses of one arm, gathered from its folds.
fn arm_cells(
    data: &TaskData,
    arm: &Arm,
    index: usize,
    scores: &[FoldScores],
    n_repeats: usize,
) -> ArmCells {
    let own: Vec<&FoldScores> = scores.iter().filter(|fold| fold.arm == index).collect();
    let mut cells = ArmCells {
        name: arm.id.clone(),
        family: arm.family.name().to_string(),
        tasks: Vec::new(),
        auc: Vec::new(),
    };
    for (task, of) in data.tasks().iter().enumerate() {
        let mut matrix = CellMatrix::new(tested_rows(&own, task), n_repeats);
        for fold in &own {
            for test in &fold.tasks[task] {
                matrix.set(test.row, fold.repeat, test.scored);
            }
        }
        cells.tasks.push(matrix);
        let binary = matches!(of.kind, TaskKind::Binary { .. });
        cells.auc.push(if binary { mean_auc(data, &own, task, n_repeats) } else { None });
    }
    cells
}

/// The rows of a task that were ever tested, ascending.
fn tested_rows(own: &[&FoldScores], task: usize) -> Vec<u32> {
    let mut rows: Vec<u32> =
        own.iter().flat_map(|fold| &fold.tasks[task]).map(|test| test.row).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The area under the ROC curve of each repeat's out-of-fold predictions, averaged.
fn mean_auc(data: &TaskData, own: &[&FoldScores], task: usize, n_repeats: usize) -> Option<f64> {
    let of_repeat = |repeat: usize| {
        let folds = own.iter().filter(|fold| fold.repeat == repeat);
        let tests: Vec<_> = folds.flat_map(|fold| &fold.tasks[task]).collect();
        let predictions: Vec<f64> = tests.iter().map(|test| test.prediction).collect();
        let labels = &data.tasks()[task].labels;
        let positive: Vec<bool> =
            tests.iter().map(|test| labels.get(test.row).is_some_and(|y| y > 0.5)).collect();
        auc(&predictions, &positive)
    };
    let areas: Vec<f64> = (0..n_repeats).filter_map(of_repeat).collect();
    if areas.is_empty() { None } else { Some(areas.iter().sum::<f64>() / areas.len() as f64) }
}

/// `1 - SSE / SST` over the rows of all groups, averaged over repeats.
fn explained_variance(data: &TaskData, cells: &ArmCells) -> f64 {
    let n_repeats = cells.tasks[0].n_repeats();
    let of_repeat = |repeat: usize| {
        let mut errors = 0.0;
        let mut labels = Vec::new();
        for (matrix, task) in cells.tasks.iter().zip(data.tasks()) {
            for (&row, contribution) in matrix.rows().iter().zip(matrix.contributions(repeat)) {
                if let (false, Some(label)) = (contribution.is_nan(), task.labels.get(row)) {
                    errors += contribution;
                    labels.push(label);
                }
            }
        }
        let mean = labels.iter().sum::<f64>() / labels.len() as f64;
        1.0 - errors / labels.iter().map(|label| (label - mean).powi(2)).sum::<f64>()
    };
    (0..n_repeats).map(of_repeat).sum::<f64>() / n_repeats as f64
}

fn curves(data: &TaskData, arms: &[Arm], scores: &[FoldScores]) -> Vec<Curve> {
    let names: Vec<String> = arms.iter().map(|arm| arm.id.clone()).collect();
    let tasks: Vec<String> = data.tasks().iter().map(|task| task.name.clone()).collect();
    let fits: Vec<(usize, &FitCurve)> = scores.iter().map(|fold| (fold.arm, &fold.curve)).collect();
    summarize(&names, &tasks, &fits)
}

/// What arms found out on the first fold of the first repeat.
fn findings(arms: &[Arm], scores: &[FoldScores]) -> Vec<ArmFindings> {
    let of_arm = |(index, arm): (usize, &Arm)| {
        let first = scores.iter().find(|fold| fold.arm == index)?;
        let findings = first.findings.clone();
        (!findings.is_empty()).then(|| ArmFindings { arm: arm.id.clone(), findings })
    };
    arms.iter().enumerate().filter_map(of_arm).collect()
}

/// What to know of a comparison that the time limit ended.
fn cut_note(done: usize, planned: usize) -> Option<String> {
    let note = format!("the time limit came after {done} of {planned} repeats: these are compared");
    (done < planned).then_some(note)
}

/// What fits had to say, each once.
fn notes(scores: &[FoldScores]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for note in scores.iter().flat_map(|fold| &fold.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes
}

/// Why a comparison failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The rows cannot be split as asked.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// An arm cannot be fitted on such data with its settings.
    #[error("arm `{arm}`: {source}")]
    Refused {
        /// The arm's id.
        arm: String,
        /// Why.
        source: FitError,
    },
    /// A fit failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It was told to stop.
    #[error("stopped after {repeats} of {of} repeats")]
    Stopped {
        /// Repeats that are whole.
        repeats: usize,
        /// Repeats that were planned.
        of: usize,
    },
    /// The threads could not be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}
