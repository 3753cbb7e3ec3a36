//! What every architecture keeps, whatever it shares: over all methods of the registry.

use serde_json::{Map, Value, json};
use torso_core::data::TaskData;
use torso_core::estimator::{Estimator, FitError};
use torso_core::features::Design;
use torso_core::seed::{Seed, normal};

use super::{SharingMethod, methods};
use crate::arms::Joint;
use crate::arms::tests::{columns, fit, groups, small};
use crate::layout::LayoutError;
use crate::network::{Blueprint, Network};
use crate::settings::{NetworkSettings, TaskGradients};
use crate::supervision::Outputs;

/// Settings without which an architecture cannot know what to do, for the tables of the tests.
pub(crate) fn needed(id: &str) -> Map<String, Value> {
    let settings = match id {
        "low-supervision" => json!({ "at": { "a": 1 } }),
        _ => json!({}),
    };
    settings.as_object().unwrap().clone()
}

fn settings() -> NetworkSettings {
    NetworkSettings { hidden: vec![12, 8], ..small() }
}

fn joint(entry: &'static SharingMethod, balance: &str, settings: NetworkSettings) -> Joint {
    let balance = torso_balance::find(balance).unwrap();
    Joint::new((entry, needed(entry.method.id)), (balance, Map::new()), settings)
}

/// Both tables on which the architecture can be used; all can be on columns.
fn tables(entry: &'static SharingMethod) -> Vec<(TaskData, Design)> {
    let mut tables = vec![columns(), groups()];
    tables.retain(|(data, _)| match joint(entry, "equal", settings()).check(data) {
        Ok(()) => true,
        Err(FitError::Unsuitable { .. }) => false,
        Err(error) => panic!("{}: {error}", entry.method.id),
    });
    assert!(!tables.is_empty(), "{}", entry.method.id);
    tables
}

#[test]
fn every_architecture_learns_all_kinds_of_tasks() {
    for entry in methods() {
        for table in tables(entry) {
            let dropout = NetworkSettings { dropout: 0.1, ..settings() };
            let model = fit(&joint(entry, "equal", dropout), &table, 1).unwrap();
            let best = &model.trace().epochs[model.trace().best_epoch];
            let id = entry.method.id;
            assert!(best.train.iter().all(|loss| *loss < 0.8), "{id}: {:?}", best.train);
            for task in 0..table.0.n_tasks() {
                let predictions = model.predict(&table.1, task, &[0, 7, 50]);
                assert!(predictions.iter().all(|p| p.is_finite()), "{id}");
            }
            let all = model.predict_all(&table.1, table.0.n_tasks(), &[3, 4]);
            for (task, predictions) in all.iter().enumerate() {
                assert_eq!(*predictions, model.predict(&table.1, task, &[3, 4]), "{id}");
            }
        }
    }
}

#[test]
fn a_fit_repeats_to_the_bit() {
    for entry in methods() {
        for table in tables(entry) {
            let dropout = NetworkSettings { dropout: 0.2, ..settings() };
            let predict = || {
                let model = fit(&joint(entry, "equal", dropout.clone()), &table, 1).unwrap();
                (model.predict(&table.1, 0, &[0, 7, 9]), model.trace().findings.clone())
            };
            assert_eq!(predict(), predict(), "{}", entry.method.id);
        }
    }
}

#[test]
fn every_kind_of_balancing_goes_with_it_or_says_why_not() {
    let own_heads =
        NetworkSettings { heads: Some(crate::settings::HeadsFollow::Own), ..settings() };
    let look = NetworkSettings { conflict_steps: 1, ..settings() };
    let cut = NetworkSettings { task_gradients: TaskGradients::Representation, ..settings() };
    for entry in methods() {
        for table in tables(entry) {
            for (balance, settings) in [
                ("uncertainty", own_heads.clone()),
                ("equal", look.clone()),
                ("upgrad", self::settings()),
                ("upgrad", cut.clone()),
                ("graddrop", self::settings()),
                ("gradnorm", self::settings()),
                ("rotograd", self::settings()),
            ] {
                let id = entry.method.id;
                match fit(&joint(entry, balance, settings), &table, 1) {
                    Ok(model) => {
                        let predictions = model.predict(&table.1, 0, &[0, 1]);
                        assert!(predictions.iter().all(|p| p.is_finite()), "{id}+{balance}");
                    }
                    Err(FitError::Unsuitable { .. }) => {
                        assert!(
                            !entry.has_trunk || table.0.n_tasks() == 4,
                            "{id}+{balance} has a trunk"
                        );
                    }
                    Err(error) => panic!("{id}+{balance}: {error}"),
                }
            }
        }
    }
}

/// The mixed tasks on images of 16 x 16 pixels, told from a bright quarter.
fn images() -> (TaskData, Design) {
    let (data, design) = columns();
    let mut stream = Seed(8).stream("test", "pixels", 0);
    let pixels = design.values().chunks_exact(2).flat_map(|x| {
        let row: Vec<f64> = (0..256).map(|_| 0.3 * normal(&mut stream)).collect();
        let at = |(i, p): (usize, f64)| p + if i % 16 < 8 { x[0] } else { x[1] };
        row.into_iter().enumerate().map(at).collect::<Vec<f64>>()
    });
    let pixels: Vec<f64> = pixels.collect();
    let names = (0..256).map(|i| format!("p{i}")).collect();
    let design = Design::new(names, pixels.len() / 256, pixels);
    (data, design)
}

#[test]
fn every_architecture_learns_from_images() {
    let lenet = NetworkSettings {
        encoder: Some(crate::settings::EncoderKind::Lenet),
        filters: vec![3, 4],
        ..settings()
    };
    let table = images();
    for entry in methods() {
        let own = needed(entry.method.id);
        let equal = (torso_balance::find("equal").unwrap(), Map::new());
        let model = fit(&Joint::new((entry, own), equal, lenet.clone()), &table, 1).unwrap();
        let best = &model.trace().epochs[model.trace().best_epoch];
        let id = entry.method.id;
        let mean = best.train.iter().sum::<f64>() / best.train.len() as f64;
        assert!(mean < 0.8, "{id}: {:?}", best.train);
        let predictions = model.predict(&table.1, 2, &[0, 7, 50]);
        assert!(predictions.iter().all(|p| p.is_finite()), "{id}");
    }
}

#[test]
fn settings_are_those_that_are_described() {
    let outputs = Outputs::of(&columns().0);
    for entry in methods() {
        let id = entry.method.id;
        let check = |own: &Map<String, Value>| {
            let context = crate::layout::Context { outputs: &outputs, settings: &settings(), own };
            (entry.check)(&context)
        };
        assert_eq!(check(&needed(id)), Ok(()), "{id}");
        let mut misspelled = needed(id);
        misspelled.insert("no-such-setting".to_string(), 1.into());
        assert!(matches!(check(&misspelled), Err(LayoutError::Settings { .. })), "{id}");
        for parameter in entry.method.parameters {
            let mut wrong = needed(id);
            wrong.insert(parameter.name.to_string(), json!({ "no": ["such", "value"] }));
            let error = check(&wrong).expect_err(parameter.name).to_string();
            assert!(!error.contains("unknown field"), "{id} has no setting {}", parameter.name);
            let mut given = needed(id);
            let default: Option<Value> = serde_json::from_str(parameter.default).ok();
            let default = default.unwrap_or_else(|| parameter.default.into());
            if !given.contains_key(parameter.name) && parameter.default != "none" {
                given.insert(parameter.name.to_string(), default);
                assert_eq!(check(&given), Ok(()), "{id}: the default of {}", parameter.name);
            }
        }
        for (name, _) in entry.tuned {
            let parameter = entry.method.parameters.iter().find(|p| p.name == *name);
            let default = parameter.expect("what is tuned is a parameter").default;
            assert!(default.parse::<f64>().is_ok(), "{id}: {name}");
        }
    }
}

/// A network of the architecture for the tasks of a table, at draws that are not its start.
pub(crate) fn network(
    entry: &'static SharingMethod,
    data: &TaskData,
    own: Map<String, Value>,
) -> Network {
    let blueprint = Blueprint {
        sharing: entry,
        own,
        plan: Value::Null,
        n_inputs: 2,
        image: None,
        outputs: Outputs::of(data),
        rotates: false,
        settings: settings(),
    };
    let mut network = Network::new(blueprint, Seed(5), usize::MAX).unwrap();
    let mut stream = Seed(6).stream("test", "moved", 0);
    #[expect(clippy::cast_possible_truncation, reason = "draws")]
    network.params.values_mut().iter_mut().for_each(|v| *v += 0.3 * normal(&mut stream) as f32);
    network
}

#[test]
fn penalties_have_the_gradient_they_say() {
    for entry in methods() {
        for (data, _) in tables(entry) {
            let mut network = network(entry, &data, needed(entry.method.id));
            let n = network.params.len();
            let mut gradient = vec![0.0; n];
            let value = network.penalty(&mut gradient);
            assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()));
            let unit = gradient.iter().map(|g| g.abs()).fold(1e-3, f32::max);
            for at in (0..n).step_by(n / 60 + 1) {
                let start = network.params.values()[at];
                let mut at_step = |step: f32| {
                    network.params.values_mut()[at] = start + step;
                    network.penalty(&mut vec![0.0; n])
                };
                let step = 2e-3;
                let slope = (at_step(step) - at_step(-step)) / f64::from(2.0 * step);
                network.params.values_mut()[at] = start;
                let off = (slope - f64::from(gradient[at])).abs() / f64::from(unit);
                assert!(off < 2e-2, "{}: {slope}, {}", entry.method.id, gradient[at]);
            }
        }
    }
}

#[test]
fn every_file_is_registered_and_ids_are_unique() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sharing");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("\npub static METHOD"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
        .collect();
    files.sort();
    let mut ids: Vec<&str> = methods().iter().map(|entry| entry.method.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, files);
}
