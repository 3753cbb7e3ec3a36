use serde_json::{Value, json};

use crate::arms::tests::groups;
use crate::layout::LayoutError;
use crate::sharing::lanes::tests::{
    complete, distance, joint, learned, losses, network, of, twins,
};
use torso_core::estimator::{Estimator, FitError};

#[test]
fn a_low_task_has_exactly_no_gradient_above_its_layer() {
    let data = twins();
    let at = json!({ "at": { "left": 2 } });
    let network = network("low-supervision", &at, &[8, 7, 6], &data.0, &Value::Null).unwrap();
    let (_, low) = losses(&network, &data, &[1.0, 0.0]);
    let (_, high) = losses(&network, &data, &[0.0, 1.0]);
    for part in ["weight", "bias"] {
        let moves = |gradient: &[f32], layer: usize| {
            let name = format!("trunk.{layer}.{part}");
            of(&network, gradient, &name).iter().any(|g| *g != 0.0)
        };
        assert_eq!([0, 1, 2].map(|layer| moves(&low, layer)), [true, true, false], "{part}");
        assert_eq!([0, 1, 2].map(|layer| moves(&high, layer)), [true; 3], "{part}");
    }
}

#[test]
fn all_tasks_at_the_top_are_hard_sharing() {
    let data = complete();
    let at = json!({ "at": { "b": 2 } });
    let (low, _) = learned(&joint("low-supervision", &at, &[8, 6]), &data, 3);
    let (hard, _) = learned(&joint("hard", &json!({}), &[8, 6]), &data, 3);
    assert!(distance(&[low, hard]) < 1e-5);
}

#[test]
fn a_place_that_is_none_is_refused() {
    let data = complete().0;
    let refused = |at: Value| match joint("low-supervision", &at, &[8, 6]).check(&data) {
        Err(FitError::Settings { message, .. }) => message,
        other => panic!("{other:?}"),
    };
    let missing = refused(json!({}));
    assert!(missing.contains("from 1 to 2, such as {\"b\": 1}; the tasks are `b`, `c`"));
    assert!(refused(json!({ "at": {} })).contains("found none"));
    assert!(refused(json!({ "at": { "d": 1 } })).contains("found `d`"));
    assert!(refused(json!({ "at": { "c": 3 } })).contains("from 1 to 2, found 3 for `c`"));
    assert!(refused(json!({ "at": { "c": 0 } })).contains("found 0 for `c`"));
    let of_groups = joint("low-supervision", &json!({ "at": { "g0": 1 } }), &[8, 6]);
    assert!(matches!(of_groups.check(&groups().0), Err(FitError::Unsuitable { .. })));
    let outside =
        network("low-supervision", &json!({ "at": { "b": 9 } }), &[8], &data, &Value::Null);
    assert!(matches!(outside.err(), Some(LayoutError::Settings { .. })));
}
