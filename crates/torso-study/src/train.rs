//! One model, trained and scored on rows that it did not see.

use torso_core::data::{TaskData, TaskKind};
use torso_core::estimator::{Budget, Certificate, FitError, FitStatus, Model, Problem};
use torso_core::finding::Finding;
use torso_core::journal::Journal;
use torso_core::metric::{Metric, score};
use torso_core::record::{ArmBalance, Curve, Diagnostic};
use torso_core::seed::Seed;
use torso_core::split::{Fold, SplitError, SplitOptions, SplitRule, plan, without_test};
use torso_data::{PreprocessOptions, Preprocessor};

use crate::arm::Arm;
use crate::balance;
use crate::curves;
use crate::diagnostics;
use crate::evaluate::{TaskScores, evaluate};
use crate::fitted::Fitted;
use crate::runner::fit_seed;

/// What to train on, and what it may take.
pub struct TrainOptions {
    /// How rows are dealt to parts.
    pub rule: SplitRule,
    /// The sizes of the parts; the first fold of the first repeat is taken.
    pub split: SplitOptions,
    /// Whether all rows learn or validate, and none is left for a test.
    pub all_rows: bool,
    /// What the fit may spend.
    pub budget: Budget,
    /// How features are preprocessed.
    pub preprocess: PreprocessOptions,
}

/// The outcome of [`train`].
pub struct Trained {
    /// The model.
    pub model: Box<dyn Model>,
    /// How features become its inputs.
    pub preprocessor: Preprocessor,
    /// The rows of each part.
    pub parts: Fold,
    /// Each task's test.
    pub tests: Vec<TaskTest>,
    /// Why the learning ended.
    pub status: FitStatus,
    /// The passes over the training rows; 0 of a fit that makes none.
    pub epochs: usize,
    /// The epoch whose weights were kept, from 1; 0 without epochs.
    pub best_epoch: usize,
    /// How good the solution is, where a solver can tell.
    pub certificate: Option<Certificate>,
    /// The parameters that were chosen or given, as (name, value).
    pub chosen: Vec<(String, f64)>,
    /// What was found out about tasks and features.
    pub findings: Vec<Finding>,
    /// Learning curves.
    pub curves: Vec<Curve>,
    /// How the tasks were balanced.
    pub balance: Vec<ArmBalance>,
    /// How the predictions of test rows are off.
    pub diagnostics: Vec<Diagnostic>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// How good the model is on a task's test rows.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskTest {
    /// The labels among the training rows.
    pub n_train: usize,
    /// The scores; none without test labels.
    pub scores: Option<TaskScores>,
    /// The metric of the best constant of the training rows, on the same test rows.
    pub constant: Option<f64>,
}

/// Trains `arm` as the first fit of a comparison with the same options would.
pub fn train(
    data: &TaskData,
    arm: &Arm,
    options: &TrainOptions,
    journal: &dyn Journal,
) -> Result<Trained, TrainError> {
    arm.estimator.check(data)?;
    let parts = parts(data, options)?;
    let preprocessor = Preprocessor::fit_with(data.features(), &parts.train, options.preprocess);
    let design = preprocessor.transform(data.features());
    let model = arm.estimator.fit(&Problem {
        data,
        design: &design,
        train: &parts.train,
        validation: &parts.validation,
        seed: fit_seed(Seed(options.split.seed), 0),
        budget: options.budget,
        journal,
    })?;
    let notes = preprocessor.notes.clone();
    let fitted = Fitted::new(data, &*model, &design, notes, &parts.test);
    let tests = tests(data, &parts, &fitted.predictions, Seed(options.split.seed));
    let trace = fitted.trace.clone();
    let scores = fitted.scores(data, &parts.test, 0, &arm.id, 0);
    let ids = [arm.id.clone()];
    let names: Vec<String> = data.tasks().iter().map(|task| task.name.clone()).collect();
    Ok(Trained {
        tests,
        status: trace.status,
        epochs: trace.epochs.len(),
        best_epoch: if trace.epochs.is_empty() { 0 } else { trace.best_epoch + 1 },
        certificate: trace.certificate,
        chosen: trace.settings,
        findings: trace.findings,
        curves: curves::summarize(&ids, &names, &[(0, &scores.curve)]),
        balance: balance::summarize(&ids, &[(0, &scores.balance)]),
        diagnostics: diagnostics::summarize(data, &ids, std::slice::from_ref(&scores)),
        notes: scores.notes,
        model,
        preprocessor,
        parts,
    })
}

fn parts(data: &TaskData, options: &TrainOptions) -> Result<Fold, SplitError> {
    if options.all_rows {
        return without_test(data, &options.rule, &options.split);
    }
    let one = SplitOptions { repeats: 1, ..options.split };
    let repeat = plan(data, &options.rule, &one)?.into_iter().next();
    Ok(repeat.and_then(|repeat| repeat.folds.into_iter().next()).unwrap_or_default())
}

fn tests(data: &TaskData, parts: &Fold, predictions: &[Vec<f64>], seed: Seed) -> Vec<TaskTest> {
    let of_task = |(task, predictions): (&torso_core::data::Task, &Vec<f64>)| {
        let learned: Vec<f64> = task.labels.among(&parts.train).map(|(_, y)| y).collect();
        let labels: Vec<f64> = task.labels.among(&parts.test).map(|(_, y)| y).collect();
        let scores = evaluate(&task.kind, predictions, &labels, seed.derive(&task.name, 0));
        TaskTest {
            n_train: learned.len(),
            constant: scores.is_some().then(|| constant_score(&task.kind, &learned, &labels)),
            scores,
        }
    };
    data.tasks().iter().zip(predictions).map(of_task).collect()
}

/// The metric of the mean, or of the shares of the classes, of the training labels.
fn constant_score(kind: &TaskKind, learned: &[f64], labels: &[f64]) -> f64 {
    let mean = |of: &dyn Fn(f64) -> f64| {
        learned.iter().map(|y| of(*y)).sum::<f64>() / learned.len().max(1) as f64
    };
    let constant = match kind {
        TaskKind::Regression | TaskKind::Binary { .. } => vec![mean(&|y| y)],
        TaskKind::Multiclass { classes } => {
            let share =
                |class: usize| mean(&|y| f64::from(u8::from((y - class as f64).abs() < 0.5)));
            (0..classes.len()).map(share).collect()
        }
    };
    let sum: f64 = labels.iter().map(|y| score(kind, &constant, *y).contribution).sum();
    Metric::of(kind).from_mean(sum / labels.len() as f64)
}

/// Why a training failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The rows cannot be split as asked.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The fit failed, or was refused.
    #[error(transparent)]
    Fit(#[from] FitError),
}
