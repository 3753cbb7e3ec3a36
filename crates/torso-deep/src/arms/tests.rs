use super::*;
use serde_json::Map;
use torso_core::data::{Labels, Layout, Task, TaskData, TaskKind};
use torso_core::estimator::{Batch, Budget, Estimator};
use torso_core::features::{Feature, FeatureValues, Features};
use torso_core::journal::NoJournal;
use torso_core::seed::{Seed, normal};

use crate::settings::{GroupHead, NetworkSettings};
use crate::sharing;

const ROWS: usize = 120;

fn numbers(name: &str, n: usize) -> Vec<f64> {
    let mut stream = Seed(4).stream("test", name, 0);
    (0..n).map(|_| normal(&mut stream)).collect()
}

/// Two features, and tasks `a` (regression, a third of the labels missing), `b` (binary) and `c`
/// (three classes).
pub(crate) fn columns() -> (TaskData, Design) {
    let x = numbers("x", 2 * ROWS);
    let label = |f: fn(f64, f64) -> f64| x.chunks(2).map(move |x| f(x[0], x[1]));
    let a: Vec<f64> = label(|x, y| 50.0 + 8.0 * (x + y * y)).collect();
    let a: Vec<f64> =
        a.into_iter().enumerate().map(|(i, v)| if i % 3 == 0 { f64::NAN } else { v }).collect();
    let b: Vec<f64> = label(|x, y| f64::from(u8::from(x > y))).collect();
    let c: Vec<f64> = label(|x, y| (x + 2.0 * y).clamp(-1.0, 1.0).round() + 1.0).collect();
    let classes = |n: usize| (0..n).map(|k| format!("k{k}")).collect::<Vec<String>>();
    let binary = TaskKind::Binary { classes: ["no".into(), "yes".into()] };
    let task = |name: &str, kind, column: &[f64]| Task {
        name: name.into(),
        kind,
        labels: Labels::from_column(column),
    };
    let tasks = vec![
        task("a", TaskKind::Regression, &a),
        task("b", binary, &b),
        task("c", TaskKind::Multiclass { classes: classes(3) }, &c),
    ];
    (with_tasks(tasks, Layout::Columns), Design::new(vec!["x".into(), "y".into()], ROWS, x))
}

fn with_tasks(tasks: Vec<Task>, layout: Layout) -> TaskData {
    let values = FeatureValues::Numeric(vec![0.0; ROWS]);
    let features = Features::new(vec![Feature { name: "x".into(), values }]);
    TaskData::new("t", "", features, tasks, layout).unwrap()
}

/// Four groups of rows with one target.
pub(crate) fn groups() -> (TaskData, Design) {
    let x = numbers("x", 2 * ROWS);
    let group = |g: usize| Task {
        name: format!("g{g}"),
        kind: TaskKind::Regression,
        labels: Labels::from_column(
            &(0..ROWS)
                .map(|i| if i % 4 == g { x[2 * i] + g as f64 } else { f64::NAN })
                .collect::<Vec<f64>>(),
        ),
    };
    let data = with_tasks((0..4).map(group).collect(), Layout::Groups);
    (data, Design::new(vec!["x".into(), "y".into()], ROWS, x))
}

pub(crate) fn rows(of: impl Fn(u32) -> bool) -> Vec<u32> {
    (0..120).filter(|row| of(*row)).collect()
}

pub(crate) fn fit(
    estimator: &dyn Estimator,
    (data, design): &(TaskData, Design),
    trials: usize,
) -> Result<Box<dyn Model>, FitError> {
    let (train, validation) = (rows(|row| row % 5 > 0), rows(|row| row % 5 == 0));
    estimator.fit(&Problem {
        data,
        design,
        train: &train,
        validation: &validation,
        seed: Seed(1),
        budget: Budget { trials, epochs: 60, batch: Batch::Rows(32) },
        journal: &NoJournal,
    })
}

fn hard(settings: NetworkSettings) -> Joint {
    let balance = &torso_balance::scalarizer::equal::METHOD;
    Joint::new((&sharing::hard::METHOD, Map::new()), (balance, Map::new()), settings)
}

pub(crate) fn small() -> NetworkSettings {
    NetworkSettings { hidden: vec![16], patience: 10, ..NetworkSettings::default() }
}

#[test]
fn the_weights_of_the_best_epoch_are_kept() {
    let data = columns();
    let overfits = NetworkSettings { hidden: vec![64], lr: 0.05, ..small() };
    let model = fit(&hard(overfits), &data, 1).unwrap();
    let trace = model.trace();
    let mean = |epoch: &torso_core::estimator::Epoch| epoch.validation.iter().sum::<f64>();
    let best = &trace.epochs[trace.best_epoch];
    assert!(trace.epochs.iter().all(|epoch| mean(epoch) >= mean(best)));
    assert!(trace.epochs.len() > trace.best_epoch + 1, "the last epoch is not the best here");

    // Task `a` on the validation rows, in units of the training labels' variance.
    let labels = &data.0.tasks()[0].labels;
    let train: Vec<f64> = labels.among(&rows(|row| row % 5 > 0)).map(|(_, y)| y).collect();
    let n = train.len() as f64;
    let center = train.iter().sum::<f64>() / n;
    let variance = train.iter().map(|y| (y - center).powi(2)).sum::<f64>() / n;
    let (rows, labels): (Vec<u32>, Vec<f64>) = labels.among(&rows(|row| row % 5 == 0)).unzip();
    let predictions = model.predict(&data.1, 0, &rows);
    let errors = predictions.iter().zip(&labels).map(|(p, y)| (p - y).powi(2));
    let loss = errors.sum::<f64>() / labels.len() as f64 / variance;
    assert!((loss / best.validation[0] - 1.0).abs() < 1e-4, "{loss}, {}", best.validation[0]);
}

#[test]
fn all_kinds_of_tasks_are_learned() {
    let data = columns();
    for estimator in [&hard(small()) as &dyn Estimator, &Apart::new(small())] {
        let model = fit(estimator, &data, 1).unwrap();
        let last = &model.trace().epochs[model.trace().best_epoch];
        assert!(last.train.iter().all(|loss| *loss < 0.6), "{:?}", last.train);
        let probabilities = model.predict(&data.1, 2, &[0, 1, 2]);
        assert_eq!(probabilities.len(), 9);
        for row in probabilities.chunks(3) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        assert!(model.predict(&data.1, 1, &[5]).iter().all(|p| (0.0..=1.0).contains(p)));
    }
}

#[test]
fn a_fit_repeats_to_the_bit() {
    let data = columns();
    let dropout = NetworkSettings { dropout: 0.2, ..small() };
    let predict = || fit(&hard(dropout.clone()), &data, 2).unwrap().predict(&data.1, 0, &[0, 7, 9]);
    assert_eq!(predict(), predict());
}

#[test]
fn one_task_alone_is_the_baseline_to_the_bit() {
    let (data, design) = columns();
    let one = (with_tasks(vec![data.tasks()[1].clone()], Layout::Columns), design);
    let joint = fit(&hard(small()), &one, 1).unwrap().predict(&one.1, 0, &[1, 2, 3]);
    let apart = fit(&Apart::new(small()), &one, 1).unwrap().predict(&one.1, 0, &[1, 2, 3]);
    assert_eq!(joint, apart);
}

#[test]
fn a_strong_penalty_makes_all_groups_one() {
    let data = groups();
    let spread = |settings: NetworkSettings| {
        let model = fit(&hard(settings), &data, 1).unwrap();
        let of_group = |g| model.predict(&data.1, g, &[0])[0];
        (of_group(0) - of_group(3)).abs()
    };
    let deviation = |deviation| NetworkSettings { deviation, ..small() };
    assert!(spread(deviation(1e4)) < 0.02, "{}", spread(deviation(1e4)));
    assert!(spread(deviation(1e-3)) > 1.0, "{}", spread(deviation(1e-3)));
    let separate = NetworkSettings { head: GroupHead::Separate, ..small() };
    assert!(spread(separate) > 1.0);
    let pooled = fit(&Pooled::new(small()), &data, 1).unwrap();
    assert_eq!(pooled.predict(&data.1, 0, &[0]), pooled.predict(&data.1, 3, &[0]));
}

#[test]
fn what_cannot_be_learned_is_said() {
    let data = columns();
    let Err(FitError::Diverged { task, .. }) =
        fit(&hard(NetworkSettings { lr: 1e30, ..small() }), &data, 1)
    else {
        panic!("a learning rate of 1e30 cannot work");
    };
    assert!(["a", "b", "c"].contains(&task.as_str()));
    let pooled = fit(&Pooled::new(small()), &data, 1);
    assert!(matches!(pooled, Err(FitError::Unsuitable { .. })));
    let misspelled = Map::from_iter([("spraed".to_string(), 1.into())]);
    let tuned = &torso_balance::scalarizer::tuned::METHOD;
    let hard = (&sharing::hard::METHOD, Map::new());
    let joint = Joint::new(hard, (tuned, misspelled), small());
    assert!(matches!(fit(&joint, &data, 1), Err(FitError::Settings { .. })));
    assert!(matches!(joint.check(&data.0), Err(FitError::Settings { .. })));
}

#[test]
fn more_trials_are_never_worse_on_validation_rows() {
    let data = columns();
    let best = |trials| {
        let model = fit(&hard(small()), &data, trials).unwrap();
        let trace = model.trace();
        (trace.best_trial, trace.epochs[trace.best_epoch].validation.iter().sum::<f64>())
    };
    let (one, four) = (best(1), best(4));
    assert_eq!(one.0, 0);
    assert!(four.1 <= one.1);
    let given = Recipe {
        sharing: &sharing::hard::METHOD,
        own: Map::new(),
        balance: &torso_balance::scalarizer::equal::METHOD,
        balance_settings: Map::new(),
        settings: small(),
    };
    let changed = trial_recipe(&given, Seed(1), 1).settings;
    assert_ne!(changed, small());
    assert_eq!(changed, trial_recipe(&given, Seed(1), 1).settings, "every arm draws the same");
}
