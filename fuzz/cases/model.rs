//! Any bytes as a model file; what can be read predicts, and is written and read again.
//!
//! A hash guards the file, so that damaged bytes rarely get further. Unless the first byte is 0,
//! the rest therefore says how the parts of a real model are replaced, and the hash is made anew.

use std::io::Cursor;
use std::sync::LazyLock;

use serde_json::{Value, json};
use torso_core::data::{Layout, TaskData};
use torso_core::estimator::{Batch, Budget};
use torso_core::features::Design;
use torso_core::journal::NoJournal;
use torso_core::snapshot::Snapshot;
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::{
    PreprocessOptions, ReadOptions, Roles, Schema, Stream, Table, TableError, task_data,
};
use torso_study::arm::{ArmSettings, parse};
use torso_study::saved::{MODEL_SCHEMA, ModelCard, SavedLayout, SavedModel, TaskCard};
use torso_study::train::{TrainOptions, train};

/// One model of every kind, with two hidden units.
static REAL: LazyLock<Vec<Snapshot>> = LazyLock::new(|| {
    let columns = Table::penguins_roles();
    let groups = Roles::groups("island", "bill_length_mm");
    let of_groups = SavedLayout::Groups { group: "island".into(), target: "bill_length_mm".into() };
    vec![
        real("hard+equal", &columns, SavedLayout::Columns),
        real("apart", &columns, SavedLayout::Columns),
        real("hard+rotograd", &columns, SavedLayout::Columns),
        real("hard+equal", &groups, of_groups.clone()),
        real("pooled", &groups, of_groups.clone()),
        real("l21", &columns, SavedLayout::Columns),
        real("mean-regularized", &groups, of_groups),
    ]
});

fn real(id: &str, roles: &Roles, saved: SavedLayout) -> Snapshot {
    let data: TaskData = task_data(&Table::penguins(), roles).expect("these are valid").data;
    let settings = [("hidden".into(), json!([2])), ("points".into(), json!(2))];
    let settings = ArmSettings::parse(&settings).expect("it is valid");
    let layout = if saved == SavedLayout::Columns { Layout::Columns } else { Layout::Groups };
    let arm = parse(id, layout, &settings).expect("the arm exists");
    let options = TrainOptions {
        rule: SplitRule::Random,
        split: SplitOptions::default(),
        all_rows: false,
        budget: Budget { trials: 1, epochs: 1, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
    };
    let trained = train(&data, &arm, &options, &NoJournal).expect("it can be learned");
    let task = |task: &torso_core::data::Task| TaskCard {
        name: task.name.clone(),
        kind: task.kind.clone(),
    };
    let card = ModelCard {
        schema: MODEL_SCHEMA.to_string(),
        torso: "0".to_string(),
        method: id.to_string(),
        layout: saved,
        tasks: data.tasks().iter().map(task).collect(),
        preprocessor: trained.preprocessor,
        missing: Vec::new(),
        data: String::new(),
        blake3: String::new(),
    };
    let bytes = SavedModel { card, model: trained.model }.to_bytes();
    Snapshot::from_bytes(&bytes).expect("it was just written")
}

pub(crate) fn check(bytes: &[u8]) {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let read = match kind.checked_sub(1) {
        None => SavedModel::from_bytes(bytes),
        Some(kind) => {
            SavedModel::from_bytes(&changed(&REAL[usize::from(kind) % REAL.len()], bytes))
        }
    };
    match read {
        Ok(saved) => check_model(&saved),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_model(saved: &SavedModel) {
    let n_columns = saved.card.preprocessor.n_columns();
    let names = (0..n_columns).map(|column| column.to_string()).collect();
    check_predictions(saved, &Design::new(names, 2, vec![0.5; 2 * n_columns]));
    if let Ok(design) = streamed(saved) {
        check_predictions(saved, &design);
    }
    let again = SavedModel::from_bytes(&saved.to_bytes()).expect("it was just written");
    assert_eq!(again.card, saved.card);
    assert_eq!(again.model.n_parameters(), saved.model.n_parameters());
}

fn check_predictions(saved: &SavedModel, design: &Design) {
    let n_tasks = saved.card.tasks.len();
    let rows: Vec<u32> = (0..2).collect();
    let all = saved.model.predict_all(design, n_tasks, &rows);
    assert_eq!(all.len(), n_tasks);
    for (number, (task, predictions)) in saved.card.tasks.iter().zip(&all).enumerate() {
        assert_eq!(predictions.len(), rows.len() * task.kind.width());
        let alone = saved.model.predict(design, number, &rows);
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        assert!(alone.iter().zip(predictions).all(same), "{alone:?}, {predictions:?}");
    }
}

/// The design of a table of two rows with the columns that the model asks for.
fn streamed(saved: &SavedModel) -> Result<Design, TableError> {
    let columns = &saved.card.preprocessor.columns;
    let names = columns.iter().map(|column| format!("\"{}\"", column.name.replace('"', "\"\"")));
    let header = names.collect::<Vec<_>>().join(",");
    let row = |cell: &str| vec![cell; columns.len()].join(",");
    let text = format!("{header}\n{}\n{}\n", row("1.5"), row("NA"));
    let options = ReadOptions {
        delimiter: Some(b','),
        missing: saved.card.missing.clone(),
        labels: Vec::new(),
    };
    let mut stream = Stream::new("table.csv", Cursor::new(text.into_bytes()), &options)?;
    let schema = Schema::new(&saved.card.preprocessor, &[], &stream)?;
    let block = stream.next_block()?.expect("there are rows");
    let chunk = schema.rows(&block).next_chunk(2)?.expect("there are rows");
    Ok(chunk.design)
}

/// The bytes of a model of which some parts are replaced, each as three bytes say.
fn changed(real: &Snapshot, bytes: &[u8]) -> Vec<u8> {
    let mut snapshot = real.clone();
    for change in bytes.chunks_exact(3).take(8) {
        let [what, place, by] = [change[0], change[1], change[2]];
        if what % 2 == 0 {
            let mut about = Value::Object(std::mem::take(&mut snapshot.about));
            replace_value(&mut about, &mut usize::from(place), by);
            if let Value::Object(about) = about {
                snapshot.about = about;
            }
        } else {
            replace_array(&mut snapshot, usize::from(place), by);
        }
    }
    snapshot.to_bytes()
}

/// Replaces the `place`-th value of a description, counted depth first from the object itself;
/// gives whether it was found.
fn replace_value(value: &mut Value, place: &mut usize, by: u8) -> bool {
    if *place == 0 {
        *value = match by % 16 {
            0 => Value::Null,
            1 => json!(0),
            2 => json!(u64::MAX),
            3 => json!(by),
            4 => json!(-1),
            5 => json!(1e308),
            6 => json!(""),
            7 => json!("regression"),
            8 => json!("pooled"),
            9 => json!([]),
            10 => json!([65_536, 65_536, 65_536]),
            11 => json!(["a", "a"]),
            12 => json!({}),
            13 => json!(true),
            14 => json!(false),
            _ => match value.take() {
                Value::Array(values) => Value::Array(values.into_iter().rev().skip(1).collect()),
                Value::String(text) => Value::String(text.repeat(2)),
                other => json!([other]),
            },
        };
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(values) => values.iter_mut().any(|value| replace_value(value, place, by)),
        Value::Object(values) => values.values_mut().any(|value| replace_value(value, place, by)),
        _ => false,
    }
}

/// Replaces the `place`-th array by one of other elements, or of another shape.
fn replace_array(snapshot: &mut Snapshot, place: usize, by: u8) {
    let names: Vec<String> = snapshot.names().map(String::from).collect();
    let name = names[place % names.len()].clone();
    let wide = snapshot.array::<f64>(&name).ok().map(|(shape, _)| shape.to_vec());
    let narrow = snapshot.array::<f32>(&name).ok().map(|(shape, _)| shape.to_vec());
    let shape = wide.clone().or(narrow).unwrap_or_default();
    let n = shape.iter().product();
    let value = [f64::NAN, f64::INFINITY, f64::MAX, 0.0, -1.0][usize::from(by % 5)];
    match by / 5 % 5 {
        0 if wide.is_some() => snapshot.put(name, &shape, vec![value; n]),
        #[expect(clippy::cast_possible_truncation, reason = "infinity will do for the largest")]
        0 => snapshot.put(name, &shape, vec![value as f32; n]),
        1 => snapshot.put(name, &[0], Vec::<f32>::new()),
        2 => snapshot.put(name, &[1, n], vec![0.5f32; n]),
        3 => snapshot.put(name, &shape, vec![value; n]),
        _ => snapshot.put(name, &shape, vec![1u32; n]),
    }
}
