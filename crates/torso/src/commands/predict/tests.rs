use std::io;

use torso_core::data::TaskData;
use torso_core::estimator::{Batch, Budget};
use torso_core::journal::NoJournal;
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::{PreprocessOptions, Roles, Table, task_data};
use torso_study::arm::{ArmSettings, parse_all};
use torso_study::saved::{MODEL_SCHEMA, ModelCard, SavedLayout, TaskCard};
use torso_study::train::{TrainOptions, train};

use super::*;

/// A model trained for a few epochs on a table.
fn model(text: &str, roles: &Roles, layout: SavedLayout, arm: &str) -> (TaskData, SavedModel) {
    let table = Table::from_bytes("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
    let data = task_data(&table, roles).unwrap().data;
    let arms = parse_all(&[arm.to_string()], data.layout(), &ArmSettings::default()).unwrap();
    let options = TrainOptions {
        rule: SplitRule::Random,
        split: SplitOptions::default(),
        all_rows: false,
        budget: Budget { trials: 1, epochs: 3, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
    };
    let trained = train(&data, arms.last().unwrap(), &options, &NoJournal).unwrap();
    let card = |task: &torso_core::data::Task| TaskCard {
        name: task.name.clone(),
        kind: task.kind.clone(),
    };
    let card = ModelCard {
        schema: MODEL_SCHEMA.to_string(),
        torso: "0.0.0".to_string(),
        method: arm.to_string(),
        layout,
        tasks: data.tasks().iter().map(card).collect(),
        preprocessor: trained.preprocessor,
        missing: Vec::new(),
        data: "t".to_string(),
        blake3: String::new(),
    };
    (data, SavedModel { card, model: trained.model })
}

fn penguins() -> &'static str {
    include_str!("../../../../torso-data/data/penguins.csv")
}

/// What is written for a table, read in blocks of so many bytes on so many threads.
fn written(
    saved: &SavedModel,
    text: &str,
    keep: &[&str],
    (block_bytes, threads): (usize, usize),
) -> Result<String, CliError> {
    let forecaster = Forecaster::new(saved);
    let keep: Vec<String> = keep.iter().map(ToString::to_string).collect();
    let form = Form::new(Format::Csv, &keep, &forecaster.targets());
    let source = io::Cursor::new(text.as_bytes().to_vec());
    let stream =
        Stream::new("t.csv", source, &ReadOptions::default())?.with_block_bytes(block_bytes);
    let mut texts = keep.clone();
    texts.extend(forecaster.group_column().map(String::from));
    let schema = Schema::new(&saved.card.preprocessor, &texts, &stream)?;
    let job = Job { forecaster: &forecaster, schema: &schema, form: &form };
    let mut out = form.header();
    let take = |(bytes, _): (Vec<u8>, Tally)| {
        out.extend(bytes);
        Ok(Flow::Continue)
    };
    in_order(stream, threads, |block| job.predict(block), take)?;
    Ok(String::from_utf8(out).unwrap())
}

const SIZES: [(usize, usize); 6] =
    [(1, 1), (1, 4), (100, 2), (3000, 3), (1 << 18, 1), (1 << 18, 8)];

#[test]
fn any_block_size_and_number_of_threads_give_the_same_bytes() {
    for arm in ["apart", "hard+equal", "hard+rotograd"] {
        let (data, saved) = model(penguins(), &Table::penguins_roles(), SavedLayout::Columns, arm);
        let reference = written(&saved, penguins(), &["year"], (1 << 18, 1)).unwrap();
        for size in SIZES {
            assert!(written(&saved, penguins(), &["year"], size).unwrap() == reference, "{size:?}");
        }
        // And they are the predictions of the whole table, to the digits that are written.
        let design = saved.card.preprocessor.transform(data.features());
        let rows: Vec<u32> = (0..344).collect();
        let table =
            Table::from_bytes("p.csv", reference.as_bytes(), &ReadOptions::default()).unwrap();
        assert_eq!(table.n_rows(), 344);
        for (task, card) in saved.card.tasks.iter().enumerate() {
            let expected = saved.model.predict(&design, task, &rows);
            let names: Vec<String> = match &card.kind {
                torso_core::data::TaskKind::Regression => vec![card.name.clone()],
                // The width is 1: the probability of the second class.
                torso_core::data::TaskKind::Binary { classes } => {
                    vec![format!("{}={}", card.name, classes[1])]
                }
                torso_core::data::TaskKind::Multiclass { classes } => {
                    classes.iter().map(|class| format!("{}={class}", card.name)).collect()
                }
            };
            for (at, name) in names.iter().enumerate() {
                let column = table.column(name).unwrap();
                for (row, cell) in table.cells(column).enumerate() {
                    let (found, expected): (f64, f64) =
                        (cell.parse().unwrap(), expected[row * names.len() + at]);
                    assert!((found - expected).abs() <= 1e-11 * expected.abs(), "{name} {row}");
                }
            }
        }
    }
}

#[test]
fn the_likeliest_class_is_named() {
    let (_, saved) =
        model(penguins(), &Table::penguins_roles(), SavedLayout::Columns, "hard+equal");
    let out = written(&saved, penguins(), &[], (1 << 18, 2)).unwrap();
    let table = Table::from_bytes("p.csv", out.as_bytes(), &ReadOptions::default()).unwrap();
    for (task, classes) in
        [("species", &["Adelie", "Chinstrap", "Gentoo"][..]), ("sex", &["female", "male"])]
    {
        let p = |row: usize, class: &str| -> f64 {
            let column = table.column(&format!("{task}={class}")).unwrap();
            table.cell(row, column).parse().unwrap()
        };
        for row in 0..table.n_rows() {
            let best = table.cell(row, table.column(task).unwrap());
            assert!(classes.iter().all(|class| p(row, class) <= p(row, best)));
            let sum: f64 = classes.iter().map(|class| p(row, class)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
    }
}

/// Three groups of rows with one target.
fn groups() -> String {
    let row =
        |i: usize| format!("{}.5,{},{}\n", i % 7, ["a", "\"b, c\"", "d"][i % 3], (i * 3) % 13);
    format!("x,school,score\n{}", (0..90).map(row).collect::<String>())
}

#[test]
fn groups_are_predicted_by_their_tasks() {
    let roles = Roles::groups("school", "score");
    let layout = || SavedLayout::Groups { group: "school".into(), target: "score".into() };
    for arm in ["hard+equal", "pooled", "apart"] {
        let (data, saved) = model(&groups(), &roles, layout(), arm);
        let text = format!("{}1,unknown,\n2,,\n3,d,\n", groups());
        let reference = written(&saved, &text, &["school"], (1 << 18, 1)).unwrap();
        for size in SIZES {
            assert!(written(&saved, &text, &["school"], size).unwrap() == reference, "{size:?}");
        }
        let lines: Vec<&str> = reference.lines().collect();
        assert_eq!(lines[0], "school,score");
        assert!(lines[2].starts_with("\"b, c\","));
        assert_eq!((lines[91], lines[92]), ("unknown,", ","));
        let design = saved.card.preprocessor.transform(data.features());
        for (task, card) in saved.card.tasks.iter().enumerate() {
            let rows = data.tasks()[task].labels.rows();
            for (row, expected) in rows.iter().zip(saved.model.predict(&design, task, rows)) {
                let cell = lines[*row as usize + 1].rsplit(',').next().unwrap();
                let found: f64 = cell.parse().unwrap();
                assert!((found - expected).abs() <= 1e-11 * expected.abs(), "{}", card.name);
            }
        }
        // A row that is not predicted is a row all the same where it is the only column.
        let alone = written(&saved, &text, &[], (1 << 18, 1)).unwrap();
        assert_eq!(alone.lines().nth(91), Some("\"\""));
        let table = Table::from_bytes("p.csv", alone.as_bytes(), &ReadOptions::default()).unwrap();
        assert_eq!(table.n_rows(), 93);
    }
}

#[test]
fn the_first_error_of_the_table_is_told_whatever_the_threads() {
    let (_, saved) =
        model(penguins(), &Table::penguins_roles(), SavedLayout::Columns, "hard+equal");
    let bad = penguins().lines().enumerate().map(|(line, text)| match line {
        200 => text.replacen(",1", ",first", 1),
        201..=300 => format!("{text},too many"),
        _ => text.to_string(),
    });
    let bad = bad.collect::<Vec<_>>().join("\n");
    let reference = written(&saved, &bad, &[], (1, 1)).unwrap_err();
    assert_eq!(reference.place.as_deref(), Some("t.csv, line 201, column `bill_depth_mm`"));
    for size in SIZES {
        for _ in 0..20 {
            let error = written(&saved, &bad, &[], size).unwrap_err();
            assert_eq!(error.message, reference.message);
            assert_eq!(error.place, reference.place);
        }
    }
}

#[test]
fn a_panic_ends_all_threads() {
    let stream = || {
        let source = io::Cursor::new("a\n1\n2\n3\n4\n5\n".as_bytes().to_vec());
        Stream::new("t.csv", source, &ReadOptions::default()).unwrap().with_block_bytes(1)
    };
    let caught = std::panic::catch_unwind(|| {
        let work = |_: &Block| -> Result<(), CliError> { panic!("on purpose") };
        in_order(stream(), 3, work, |()| Ok(Flow::Continue))
    });
    assert!(caught.is_err());
    let mut taken = 0;
    let take = |()| {
        taken += 1;
        Ok(if taken == 2 { Flow::Stop } else { Flow::Continue })
    };
    assert!(in_order(stream(), 3, |_| Ok(()), take).is_ok());
    assert_eq!(taken, 2, "nothing is taken after the end");
}
