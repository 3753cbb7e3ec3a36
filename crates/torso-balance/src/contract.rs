//! What every registered method must do, whatever it is.

use serde_json::{Map, json};

use super::*;

const FORMS: [LossForm; 3] = [LossForm::Squared, LossForm::CrossEntropy, LossForm::Squared];

fn setup<'a>(forms: &'a [LossForm], settings: &'a Map<String, Value>) -> Setup<'a> {
    Setup { forms, settings, trial: 1, seed: Seed(7) }
}

fn run(entry: &BalanceMethod, forms: &[LossForm], losses: &[f64], steps: usize) -> Vec<f64> {
    let settings = Map::new();
    let Balancer::Scalarizer(mut method) = (entry.build)(&setup(forms, &settings)).unwrap();
    let mut weights = vec![f64::NAN; forms.len()];
    let observed = vec![true; forms.len()];
    for step in 0..steps {
        let view = StepView { losses, observed: &observed, step, epoch: step / 10 };
        method.weigh(&view, &mut weights);
    }
    weights
}

#[test]
fn ids_are_unique_and_sorted() {
    let ids: Vec<&str> = methods().iter().map(|entry| entry.method.id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert!(methods().iter().all(|entry| find(entry.method.id).is_some()));
    assert!(find("no-such-method").is_none());
}

#[test]
fn every_method_file_is_registered() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scalarizer");
    let files = std::fs::read_dir(folder).unwrap();
    assert_eq!(files.count(), methods().len(), "a method's file, but no line in `methods`?");
}

#[test]
fn weights_are_finite_at_every_scale_and_repeat() {
    for entry in methods() {
        for scale in [0.0, 1e-10, 1.0, 1e10, 1e15] {
            let losses = [scale, 2.0 * scale, 0.5 * scale];
            let weights = run(entry, &FORMS, &losses, 500);
            let ok = weights.iter().all(|w| w.is_finite() && *w >= 0.0);
            assert!(ok, "{} at scale {scale}: {weights:?}", entry.method.id);
            assert_eq!(weights, run(entry, &FORMS, &losses, 500), "{}", entry.method.id);
        }
    }
}

#[test]
fn one_task_keeps_a_positive_weight() {
    for entry in methods() {
        assert!(run(entry, &FORMS[..1], &[0.3], 50)[0] > 0.0, "{}", entry.method.id);
    }
}

#[test]
fn unknown_and_impossible_settings_are_refused() {
    for entry in methods() {
        let unknown = Map::from_iter([("no_such_key".to_string(), json!(1))]);
        let Err(error) = (entry.build)(&setup(&FORMS, &unknown)) else {
            panic!("{} took an unknown key", entry.method.id);
        };
        assert!(error.to_string().contains("no_such_key"), "{error}");
        for parameter in entry.method.parameters {
            let default = serde_json::from_str(parameter.default).unwrap();
            let given = Map::from_iter([(parameter.name.to_string(), default)]);
            assert!((entry.build)(&setup(&FORMS, &given)).is_ok(), "{}", parameter.name);
        }
    }
    let negative = Map::from_iter([("lr".to_string(), json!(-1.0))]);
    let error = (scalarizer::uncertainty::METHOD.build)(&setup(&FORMS, &negative)).err().unwrap();
    assert_eq!(error.to_string(), "`uncertainty` expects `lr` above 0, found -1");
}
