//! Every linear method as an arm: what is learned is finite, is the same again, and is read back from
//! its file to the bit.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;

use torso_core::data::{Task, TaskData};
use torso_core::estimator::{Batch, Budget, FitError};
use torso_core::journal::NoJournal;
use torso_core::method::Family;
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::{PreprocessOptions, ReadOptions, Roles, Table, task_data};
use torso_study::arm::{ArmSettings, methods, parse};
use torso_study::coefficients::TableCoefficients;
use torso_study::saved::{MODEL_SCHEMA, ModelCard, SavedLayout, SavedModel, TaskCard};
use torso_study::train::{TrainError, TrainOptions, train};

/// 60 rows with holes in features and labels.
fn table() -> Table {
    let mut text = String::from("a,b,color,school,score,grade,passed\n");
    for i in 0..60 {
        let (a, b) = (i * i % 13, i * 7 % 11);
        let score = 2 * a - b + i % 3;
        let b = if i == 5 { String::new() } else { b.to_string() };
        let grade = if i == 9 { "" } else { ["x", "y", "z"][(a % 6) / 2] };
        let color = ["red", "green", "blue"][i % 3];
        let (school, passed) = (["A", "B", "C", "D"][i % 4], ["no", "yes"][i / 2 % 2]);
        writeln!(text, "{a},{b},{color},{school},{score},{grade},{passed}").unwrap();
    }
    Table::from_bytes("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

/// Tasks of all kinds, and groups with a number and with two classes.
fn problems() -> Vec<(TaskData, SavedLayout)> {
    let groups = |target: &str| {
        let layout = SavedLayout::Groups { group: "school".into(), target: target.into() };
        (task_data(&table(), &Roles::groups("school", target)).unwrap().data, layout)
    };
    let columns = Roles::columns(["score", "grade", "passed"]);
    let columns = task_data(&table(), &columns).unwrap().data;
    vec![(columns, SavedLayout::Columns), groups("score"), groups("passed")]
}

/// A quick training; none where the method says that it is not for such tasks, or needs a setting.
fn trained(id: &str, data: &TaskData, layout: &SavedLayout) -> Option<SavedModel> {
    let pairs = [("points", 2.into()), ("folds", 2.into()), ("tolerance", 1e-4.into())];
    let pairs = pairs.map(|(key, value): (&str, serde_json::Value)| (key.to_string(), value));
    let arm = parse(id, data.layout(), &ArmSettings::parse(&pairs).unwrap()).unwrap();
    let options = TrainOptions {
        rule: SplitRule::Random,
        split: SplitOptions::default(),
        all_rows: false,
        budget: Budget { trials: 1, epochs: 1, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
    };
    let trained = match train(data, &arm, &options, &NoJournal) {
        Ok(trained) => trained,
        Err(TrainError::Fit(FitError::Unsuitable { .. } | FitError::Settings { .. })) => {
            return None;
        }
        Err(error) => panic!("{id}: {error}"),
    };
    assert_eq!((trained.epochs, trained.best_epoch), (0, 0), "{id}");
    let card = |task: &Task| TaskCard { name: task.name.clone(), kind: task.kind.clone() };
    let card = ModelCard {
        schema: MODEL_SCHEMA.to_string(),
        torso: "0.0.0".to_string(),
        method: id.to_string(),
        layout: layout.clone(),
        tasks: data.tasks().iter().map(card).collect(),
        preprocessor: trained.preprocessor,
        missing: Vec::new(),
        data: data.name().to_string(),
        blake3: data.blake3().to_string(),
    };
    Some(SavedModel { card, model: trained.model })
}

fn bits(values: &[f64]) -> Vec<u64> {
    assert!(values.iter().all(|value| value.is_finite()), "{values:?}");
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn every_linear_method_learns_keeps_and_predicts() {
    let problems = problems();
    for method in methods().into_iter().filter(|method| method.family == Family::Linear) {
        let id = method.id;
        let mut learned = 0;
        for (data, layout) in &problems {
            let Some(saved) = trained(id, data, layout) else { continue };
            learned += 1;
            let bytes = saved.to_bytes();
            assert!(trained(id, data, layout).unwrap().to_bytes() == bytes, "{id}: again");
            let read =
                SavedModel::from_bytes(&bytes).unwrap_or_else(|error| panic!("{id}: {error}"));
            assert!(read.to_bytes() == bytes, "{id}: a file of what was read");
            let design = read.card.preprocessor.transform(data.features());
            let rows: Vec<u32> = (0..60).collect();
            for task in 0..data.n_tasks() {
                let of = |saved: &SavedModel| bits(&saved.model.predict(&design, task, &rows));
                assert_eq!(of(&read), of(&saved), "{id}, task {task}");
            }
            let new = |saved: &SavedModel| saved.model.predict_new_task(&design, &rows);
            assert_eq!(new(&read).map(|p| bits(&p)), new(&saved).map(|p| bits(&p)), "{id}");
            if let Some(coefficients) = read.model.coefficients() {
                let table = TableCoefficients::new(coefficients, &read.card.preprocessor);
                assert_eq!(table.features, design.names(), "{id}");
            }
        }
        assert!(learned > 0, "{id} learns from nothing");
        println!("{id}: {learned} of {}", problems.len());
    }
}
