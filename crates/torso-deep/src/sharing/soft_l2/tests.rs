use serde_json::{Map, Value, json};
use torso_core::data::{Labels, Layout as TaskLayout, Task, TaskData, TaskKind};
use torso_core::estimator::{Batch, Budget, Estimator, Model, Problem};
use torso_core::features::{Design, Feature, FeatureValues, Features};
use torso_core::journal::NoJournal;
use torso_core::seed::{Seed, normal};

use super::*;
use crate::arms::{Apart, Joint};
use crate::settings::NetworkSettings;
use crate::sharing::contract::network;
use crate::sharing::hard;

const ROWS: usize = 120;

/// A table of `d` features whose tasks all have labels on all rows.
pub(in crate::sharing) fn table(d: usize, tasks: Vec<(TaskKind, Vec<f64>)>) -> TaskData {
    let values = FeatureValues::Numeric(vec![0.0; ROWS]);
    let column = |j: usize| Feature { name: format!("x{j}"), values: values.clone() };
    let features = Features::new((0..d).map(column).collect());
    let task = |(t, (kind, labels)): (usize, (TaskKind, Vec<f64>))| Task {
        name: format!("y{t}"),
        kind,
        labels: Labels::from_column(&labels),
    };
    let tasks = tasks.into_iter().enumerate().map(task).collect();
    TaskData::new("t", "", features, tasks, TaskLayout::Columns).unwrap()
}

/// A regression, a binary task and one of three classes, on two features.
pub(in crate::sharing) fn complete() -> (TaskData, Design) {
    let mut stream = Seed(4).stream("test", "complete", 0);
    let x: Vec<f64> = (0..2 * ROWS).map(|_| normal(&mut stream)).collect();
    let labels = |f: fn(f64, f64) -> f64| x.chunks(2).map(|x| f(x[0], x[1])).collect();
    let classes = (0..3).map(|k| format!("k{k}")).collect();
    let tasks = vec![
        (TaskKind::Regression, labels(|x, y| 5.0 + x + y * y)),
        (
            TaskKind::Binary { classes: ["no".into(), "yes".into()] },
            labels(|x, y| f64::from(u8::from(x > y))),
        ),
        (
            TaskKind::Multiclass { classes },
            labels(|x, y| (x + 2.0 * y).clamp(-1.0, 1.0).round() + 1.0),
        ),
    ];
    (table(2, tasks), Design::new(vec!["x".into(), "y".into()], ROWS, x))
}

pub(in crate::sharing) fn arm(
    entry: &'static SharingMethod,
    own: &Value,
    settings: NetworkSettings,
) -> Joint {
    let own: Map<String, Value> = own.as_object().unwrap().clone();
    let equal = &torso_balance::scalarizer::equal::METHOD;
    Joint::new((entry, own), (equal, Map::new()), settings)
}

pub(in crate::sharing) fn fit(
    estimator: &dyn Estimator,
    (data, design): &(TaskData, Design),
    (epochs, batch): (usize, Batch),
    validation: fn(u32) -> bool,
) -> Box<dyn Model> {
    let rows = |of: fn(u32) -> bool| (0..120).filter(|row| of(*row)).collect::<Vec<u32>>();
    let fitted = estimator.fit(&Problem {
        data,
        design,
        train: &rows(|row| row % 5 > 0),
        validation: &rows(validation),
        seed: Seed(1),
        budget: Budget { trials: 1, epochs, batch },
        journal: &NoJournal,
    });
    fitted.unwrap_or_else(|error| panic!("{error}"))
}

/// Asserts that the architecture is each task alone, to the bit, after a few epochs in which all
/// tasks gain, without clipping.
pub(in crate::sharing) fn assert_is_apart(entry: &'static SharingMethod, own: &Value) {
    let table = complete();
    let settings =
        NetworkSettings { hidden: vec![12, 8], clip: 1e9, lr: 1e-3, ..NetworkSettings::default() };
    let budget = (3, Batch::Rows(32));
    let apart = fit(&Apart::new(settings.clone()), &table, budget, |row| row % 5 == 0);
    let joint = fit(&arm(entry, own, settings), &table, budget, |row| row % 5 == 0);
    assert_eq!(
        (apart.trace().best_epoch, joint.trace().best_epoch),
        (2, 2),
        "the last is the best"
    );
    let rows: Vec<u32> = (0..120).collect();
    for task in 0..3 {
        assert_eq!(
            joint.predict(&table.1, task, &rows),
            apart.predict(&table.1, task, &rows),
            "{} {task}",
            entry.method.id
        );
    }
}

#[test]
fn with_strength_0_it_is_the_tasks_alone() {
    assert_is_apart(&METHOD, &json!({ "strength": 0 }));
}

#[test]
#[expect(clippy::float_cmp, reason = "an exact zero")]
fn networks_that_start_alike_feel_no_pull() {
    let (data, _) = complete();
    let blueprint = network(&METHOD, &data, Map::new()).blueprint().clone();
    let start = crate::network::Network::new(blueprint, Seed(5), usize::MAX).unwrap();
    let mut gradient = vec![0.0; start.params.len()];
    assert_eq!(start.penalty(&mut gradient), 0.0);
    assert!(gradient.iter().all(|g| *g == 0.0));
}

/// Two regressions whose best network is one of two units; noise draws each task alone elsewhere.
fn two_units() -> (TaskData, Design) {
    let mut stream = Seed(8).stream("test", "units", 0);
    let x: Vec<f64> = (0..2 * ROWS).map(|_| normal(&mut stream)).collect();
    let mut task = |a: f64, b: f64| {
        let label = |x: &[f64]| {
            let units = [(x[0] + 0.5).max(0.0), (x[1] - 0.5 * x[0] + 0.3).max(0.0)];
            a * units[0] + b * units[1] + 0.5 * normal(&mut stream)
        };
        (TaskKind::Regression, x.chunks(2).map(label).collect())
    };
    let tasks = vec![task(1.0, 0.5), task(-0.5, 1.0)];
    (table(2, tasks), Design::new(vec!["x".into(), "y".into()], ROWS, x))
}

/// Not to any precision: distances fall as 1 / strength, but from about 100 on AdamW, which sets its
/// steps by the pull then, no longer gets there; and in endless training layers shrink and heads
/// grow, so that distances cost less.
#[test]
fn with_a_large_strength_it_ends_where_hard_sharing_does() {
    let table = two_units();
    let settings = NetworkSettings {
        hidden: vec![2],
        lr: 1e-3,
        weight_decay: 0.0,
        patience: usize::MAX,
        conflict_steps: 0,
        ..NetworkSettings::default()
    };
    let rows: Vec<u32> = (0..120).collect();
    let predict = |entry: &'static SharingMethod, own: Value| {
        let arm = arm(entry, &own, settings.clone());
        // The training rows choose the epoch, so that all come to the end of their descent.
        let model = fit(&arm, &table, (2000, Batch::Full), |row| row % 5 > 0);
        [0, 1].map(|task| model.predict(&table.1, task, &rows)).concat()
    };
    let hard = predict(&hard::METHOD, json!({}));
    let off = [0.0, 10.0, 30.0].map(|strength| {
        let soft = predict(&METHOD, json!({ "strength": strength }));
        soft.iter().zip(&hard).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    });
    assert!(off[0] > 0.4, "each task alone learns something else: {off:?}");
    assert!(off[2] < 3e-3 && off[2] < 0.7 * off[1], "{off:?}");
}

#[test]
fn the_penalty_is_that_of_pairs_and_of_the_best_common_point() {
    let (data, _) = complete();
    let network = network(&METHOD, &data, Map::from_iter([("strength".to_string(), json!(0.7))]));
    let n = network.params.len();
    let mut gradient = vec![0.0f32; n];
    let penalty = network.penalty(&mut gradient);
    let of = |task: &str, part: &str| -> Vec<f64> {
        let layers = ["0", "1"].iter().flat_map(|l| {
            let id = network.params.find(&format!("soft.{l}.{task}.{part}")).unwrap();
            network.params.get(id).to_vec()
        });
        layers.map(f64::from).collect()
    };
    let tasks = ["y0", "y1", "y2"].map(|task| [of(task, "weight"), of(task, "bias")].concat());
    let square = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let pairs =
        square(&tasks[0], &tasks[1]) + square(&tasks[0], &tasks[2]) + square(&tasks[1], &tasks[2]);
    let expected = 0.7 / (2.0 * 3.0) * pairs;
    assert!((penalty / expected - 1.0).abs() < 1e-5, "{penalty}, {expected}");
    // Evgeniou and Pontil: |w_t - w_0|^2 at the best w_0, which is the mean.
    let mean: Vec<f64> =
        (0..tasks[0].len()).map(|k| tasks.iter().map(|task| task[k]).sum::<f64>() / 3.0).collect();
    let around: f64 = tasks.iter().map(|task| square(task, &mean)).sum();
    assert!((penalty / (0.35 * around) - 1.0).abs() < 1e-5);
    let id = network.params.find("soft.0.y1.weight").unwrap();
    let span = network.params.range(id).span();
    for ((g, w), mean) in gradient[span].iter().zip(&tasks[1]).zip(&mean) {
        assert!((f64::from(*g) - 0.7 * (w - mean)).abs() < 1e-5);
    }
}
