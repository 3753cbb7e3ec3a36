use super::*;
use crate::arm::parse;
use serde_json::json;
use torso_core::data::Layout;

fn settings(pairs: &[(&str, Value)]) -> Result<ArmSettings, ArmError> {
    let pairs: Vec<(String, Value)> =
        pairs.iter().map(|(key, value)| ((*key).to_string(), value.clone())).collect();
    ArmSettings::parse(&pairs)
}

/// What the arm says to these settings.
fn refusal(id: &str, pairs: &[(&str, Value)]) -> Option<String> {
    parse(id, Layout::Columns, &settings(pairs).unwrap()).err().map(|error| error.to_string())
}

#[test]
fn settings_reach_the_network_and_the_balancing_method() {
    let given = settings(&[("lr", json!(0.5)), ("uncertainty.init", json!(1))]).unwrap();
    assert!((given.network.lr - 0.5).abs() < 1e-12);
    assert_eq!(given.of_method("uncertainty")["init"], json!(1));
    for (key, value) in [("lrr", json!(0.5)), ("no-method.lr", json!(0.5)), ("lr", json!(-1))] {
        assert!(settings(&[(key, value)]).is_err(), "{key}");
    }
}

#[test]
fn a_plain_parameter_reaches_every_linear_method_that_has_it() {
    // A strength of 0 is fine with ridge, and out of the range of the group lasso.
    let zero = [("lambda", json!(0))];
    assert_eq!(refusal("ridge", &zero), None);
    let words = refusal("l21", &zero).unwrap();
    assert!(words.contains("`lambda` is 0") && words.contains("above 0"), "{words}");
    assert_eq!(refusal("mean-regularized", &zero), None, "it has no such parameter");
    // One method's own value goes before.
    let own = [("lambda", json!(0)), ("l21.lambda", json!(3))];
    assert_eq!(refusal("l21", &own), None);
    assert!(refusal("ridge", &[("lambda", json!("strong"))]).is_some());
    assert!(refusal("ridge", &[("ridge.lamda", json!(1))]).is_some_and(|w| w.contains("lamda")));
    assert_eq!(refusal("l21", &[("ridge.lamda", json!(1))]), None);
}

#[test]
fn settings_of_the_fit_are_read_for_all_and_for_one() {
    assert!(settings(&[("folds", json!(3)), ("choose", json!("1se"))]).is_ok());
    assert!(settings(&[("folds", json!(1))]).is_err());
    let one = [("ridge.folds", json!(1))];
    assert!(refusal("ridge", &one).is_some_and(|words| words.contains("at least 2")));
    assert_eq!(refusal("l21", &one), None);
}

#[test]
fn a_loss_is_the_networks_or_the_scale_of_linear_methods() {
    let given = settings(&[("loss", json!("huber"))]).unwrap();
    assert_ne!(given.network, NetworkSettings::default());
    assert!(given.linear.is_empty());
    let given = settings(&[("loss", json!("mean"))]).unwrap();
    assert_eq!(given.network, NetworkSettings::default());
    assert_eq!(given.linear["loss"], json!("mean"));
    let words = settings(&[("loss", json!("huge"))]).unwrap_err().to_string();
    assert!(LOSSES.iter().all(|loss| words.contains(loss)), "{words}");
    assert!(LinearArm::all().all(|arm| !arm.has_parameter(LOSS)));
}

#[test]
fn one_arm_refuses_what_it_cannot_use() {
    let fine = |id: &str, key: &str, value: Value| check_use(id, key, &value).is_ok();
    for (key, value) in [
        ("lambda", json!(1)),
        ("l21.lambda", json!(1)),
        ("folds", json!(3)),
        ("l21.points", json!(9)),
        ("loss", json!("mean")),
    ] {
        assert!(fine("l21", key, value.clone()), "{key}");
        assert!(!fine("hard+equal", key, value), "{key}");
    }
    for (key, value) in [("lr", json!(1)), ("loss", json!("huber")), ("uncertainty.lr", json!(1))] {
        assert!(!fine("l21", key, value.clone()), "{key}");
        assert!(fine("hard+equal", key, value), "{key}");
    }
    assert!(!fine("l21", "ridge.lambda", json!(1)));
    let error = check_use("l21", "hidden", &json!([8])).unwrap_err();
    let ArmError::Unusable { known, .. } = error else { panic!("{error}") };
    assert_eq!(known[0], "lambda");
    assert!(known.contains(&"folds".to_string()) && !known.contains(&"lr".to_string()));
}

#[test]
fn every_parameter_of_every_linear_method_is_a_known_key() {
    let known = known_keys();
    for arm in LinearArm::all() {
        for parameter in arm.method().parameters {
            assert!(known.iter().any(|key| key == parameter.name), "{}", parameter.name);
            assert!(readers(parameter.name, &json!(1)).unwrap().1);
        }
    }
    assert!(known.windows(2).all(|pair| pair[0] < pair[1]));
}
