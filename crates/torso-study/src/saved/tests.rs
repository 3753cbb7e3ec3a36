use super::*;
use crate::arm::{ArmSettings, parse_all};
use crate::train::{TrainOptions, Trained, train};
use torso_core::data::{Layout, TaskData};
use torso_core::estimator::{Batch, Budget};
use torso_core::journal::NoJournal;
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::{PreprocessOptions, Table, task_data};

fn penguins() -> TaskData {
    task_data(&Table::penguins(), &Table::penguins_roles()).unwrap().data
}

fn trained(arm: &str, data: &TaskData) -> Trained {
    let settings = ArmSettings::parse(&[("points".to_string(), 4.into())]).unwrap();
    let arms = parse_all(&[arm.to_string()], Layout::Columns, &settings).unwrap();
    let options = TrainOptions {
        rule: SplitRule::Random,
        split: SplitOptions::default(),
        all_rows: false,
        budget: Budget { trials: 1, epochs: 5, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
    };
    train(data, arms.last().unwrap(), &options, &NoJournal).unwrap()
}

fn saved(arm: &str) -> SavedModel {
    let data = penguins();
    let Trained { model, preprocessor, .. } = trained(arm, &data);
    let card = |task: &torso_core::data::Task| TaskCard {
        name: task.name.clone(),
        kind: task.kind.clone(),
    };
    SavedModel {
        card: ModelCard {
            schema: MODEL_SCHEMA.to_string(),
            torso: "0.0.0".to_string(),
            method: arm.to_string(),
            layout: SavedLayout::Columns,
            tasks: data.tasks().iter().map(card).collect(),
            preprocessor,
            missing: vec!["?".to_string()],
            data: data.name().to_string(),
            blake3: data.blake3().to_string(),
        },
        model,
    }
}

#[test]
fn a_file_is_the_model() {
    let data = penguins();
    for arm in ["apart", "hard+uncertainty", "ridge", "l21"] {
        let saved = saved(arm);
        let read = SavedModel::from_bytes(&saved.to_bytes()).unwrap();
        assert_eq!(read.card, saved.card);
        let design = read.card.preprocessor.transform(data.features());
        let rows: Vec<u32> = (0..344).collect();
        for task in 0..3 {
            let of = |model: &SavedModel| model.model.predict(&design, task, &rows);
            assert_eq!(of(&read), of(&saved), "{arm}");
        }
        assert_eq!(read.to_bytes(), saved.to_bytes());
        assert_eq!(read.model.n_parameters(), saved.model.n_parameters());
    }
    assert_eq!(saved("apart").to_bytes(), saved("apart").to_bytes(), "the same training");
}

#[test]
fn a_card_that_does_not_fit_is_refused() {
    for arm in ["hard+equal", "ridge"] {
        let refused = |change: fn(&mut ModelCard)| {
            let mut saved = saved(arm);
            change(&mut saved.card);
            SavedModel::from_bytes(&saved.to_bytes()).err().expect("it does not fit").to_string()
        };
        assert!(refused(|card| card.schema = "torso.model/9".into()).contains("torso.model/9"));
        assert!(refused(|card| drop(card.tasks.pop())).contains("something else"));
        assert!(refused(|card| card.tasks.swap(0, 1)).contains("something else"));
        let words = refused(|card| drop(card.preprocessor.columns.pop()));
        assert!(words.contains("columns") || words.contains("coefficients"), "{words}");
    }
}

#[test]
fn what_is_no_model_file_is_refused_before_it_is_read() {
    let directory = std::env::temp_dir().join(format!("torso-saved-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("model.safetensors");
    assert!(matches!(SavedModel::read(&path), Err(SavedModelError::Read { .. })));
    let file = File::create(&path).unwrap();
    file.set_len(MOST_BYTES + 1).unwrap(); // sparse: it takes no place
    assert!(matches!(SavedModel::read(&path), Err(SavedModelError::TooLarge { .. })));
    std::fs::write(&path, "species,sex\n").unwrap();
    let error = SavedModel::read(&path).err().unwrap().to_string();
    assert!(error.contains("model.safetensors") && error.contains("no file that Torso wrote"));
    assert!(SavedModel::read(&directory).is_err(), "a directory");
    std::fs::remove_dir_all(&directory).unwrap();
}
