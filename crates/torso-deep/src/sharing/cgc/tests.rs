use serde_json::{Map, Value, json};
use torso_core::data::{Labels, Layout, Task, TaskData, TaskKind};
use torso_core::estimator::{Batch, Budget, Estimator, Model, Problem};
use torso_core::features::{Design, Feature, FeatureValues, Features};
use torso_core::journal::NoJournal;
use torso_core::seed::{Seed, normal};

use crate::arms::tests::{columns, fit, groups, rows};
use crate::arms::{Apart, Joint};
use crate::settings::NetworkSettings;
use crate::sharing::{SharingMethod, mmoe, ple};

const ROWS: usize = 120;

/// Two regressions, all of whose labels are there.
fn complete() -> (TaskData, Design) {
    let mut stream = Seed(4).stream("test", "complete", 0);
    let x: Vec<f64> = (0..2 * ROWS).map(|_| normal(&mut stream)).collect();
    let task = |(name, f): (&str, fn(&[f64]) -> f64)| Task {
        name: name.to_string(),
        kind: TaskKind::Regression,
        labels: Labels::from_column(&x.chunks(2).map(f).collect::<Vec<f64>>()),
    };
    let tasks = vec![task(("a", |x| x[0] + x[1])), task(("b", |x| x[0] - 0.5 * x[1] * x[1]))];
    let values = FeatureValues::Numeric(vec![0.0; ROWS]);
    let features = Features { columns: vec![Feature { name: "x".into(), values }], image: None };
    let data = TaskData::new("t", "", features, tasks, Layout::Columns).unwrap();
    (data, Design::new(vec!["x".into(), "y".into()], ROWS, x))
}

fn joint(entry: &'static SharingMethod, own: &Value, settings: &NetworkSettings) -> Joint {
    let own: Map<String, Value> = serde_json::from_value(own.clone()).unwrap();
    let equal = (&torso_balance::scalarizer::equal::METHOD, Map::new());
    Joint::new((entry, own), equal, settings.clone())
}

/// Three epochs in which every one is the best so far, and no gradient is clipped.
fn three_epochs(estimator: &dyn Estimator, (data, design): &(TaskData, Design)) -> Box<dyn Model> {
    let (train, validation) = (rows(|row| row % 5 > 0), rows(|row| row % 5 == 0));
    let problem = Problem {
        data,
        design,
        train: &train,
        validation: &validation,
        seed: Seed(1),
        budget: Budget { trials: 1, epochs: 3, batch: Batch::Rows(32) },
        journal: &NoJournal,
    };
    let model = estimator.fit(&problem).unwrap();
    assert_eq!(model.trace().best_epoch, 2, "the last epoch is the best");
    model
}

fn settings() -> NetworkSettings {
    NetworkSettings { hidden: vec![12, 8, 8], ..NetworkSettings::default() }
}

#[test]
fn own_experts_alone_are_the_tasks_alone() {
    let table = complete();
    let settings = NetworkSettings { clip: 1e9, ..settings() };
    let apart = three_epochs(&Apart::new(settings.clone()), &table);
    for entry in [&super::METHOD, &ple::METHOD] {
        let alone = joint(entry, &json!({ "shared": 0, "own": 1 }), &settings);
        let joint = three_epochs(&alone, &table);
        for task in 0..2 {
            let all = rows(|_| true);
            let predictions = joint.predict(&table.1, task, &all);
            assert_eq!(predictions, apart.predict(&table.1, task, &all), "{}", entry.method.id);
        }
    }
}

/// Whether two architectures learn the same, to the bit.
#[track_caller]
fn same(a: &(&'static SharingMethod, Value), b: &(&'static SharingMethod, Value)) {
    for table in [columns(), groups()] {
        let dropout = NetworkSettings { dropout: 0.1, ..settings() };
        let predict = |(entry, own): &(&'static SharingMethod, Value)| {
            let model = fit(&joint(entry, own, &dropout), &table, 1).unwrap();
            let all = rows(|_| true);
            let tasks = 0..table.0.n_tasks();
            tasks.flat_map(|t| model.predict(&table.1, t, &all)).collect::<Vec<f64>>()
        };
        assert_eq!(predict(a), predict(b));
    }
}

#[test]
fn shared_experts_alone_are_multi_gate_experts() {
    let shared = (&super::METHOD, json!({ "shared": 3, "own": 0 }));
    same(&shared, &(&mmoe::METHOD, json!({ "experts": 3 })));
}

#[test]
fn one_level_of_extraction_is_this() {
    let level = (&super::METHOD, json!({ "shared": 2, "own": 1 }));
    same(&level, &(&ple::METHOD, json!({ "shared": 2, "own": 1, "levels": 1 })));
}
