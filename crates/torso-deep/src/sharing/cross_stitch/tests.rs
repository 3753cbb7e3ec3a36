use serde_json::{Value, json};
use torso_core::estimator::Trace;
use torso_core::finding::Finding;

use crate::arms::tests::groups;
use crate::layout::LayoutError;
use crate::sharing::lanes::tests::{
    alone, beside_alone, check_gradient, complete, distance, joint, learned, losses, network, of,
    same_heads, twins,
};

const HIDDEN: &[usize] = &[8, 6];

#[test]
fn the_identity_is_the_tasks_alone_to_the_bit() {
    for units in ["channel", "layer"] {
        let own = json!({ "pretrain": false, "own": 1, "rate": 0, "units": units });
        let [together, alone] = beside_alone("cross-stitch", &own, HIDDEN);
        assert_eq!(together, alone, "{units}");
    }
}

#[test]
fn before_they_are_stitched_the_networks_are_the_tasks_alone_to_the_bit() {
    let data = complete();
    let (_, trace) = learned(&joint("cross-stitch", &json!({}), HIDDEN), &data, 6);
    let (_, apart) = learned(&alone(HIDDEN), &data, 6);
    let train = |trace: &Trace, epoch: usize| trace.epochs[epoch].train.clone();
    for epoch in 0..3 {
        assert_eq!(train(&trace, epoch), train(&apart, epoch), "epoch {epoch}");
    }
    assert_ne!(train(&trace, 3), train(&apart, 3), "half of the epochs are left: it is stitched");
}

#[test]
fn identical_networks_stay_so_under_stitches_of_one_half() {
    let data = twins();
    let own = json!({ "pretrain": false, "own": 0.5 });
    let mut stitched = network("cross-stitch", &own, HIDDEN, &data.0, &Value::Null).unwrap();
    let mut single = network("cross-stitch", &json!({}), HIDDEN, &data.0, &Value::Null).unwrap();
    same_heads(&mut stitched);
    same_heads(&mut single);
    let (mixed, gradient) = losses(&stitched, &data, &[1.0, 1.0]);
    let (alone, of_single) = losses(&single, &data, &[1.0, 1.0]);
    assert_eq!(mixed, alone);
    for l in 0..2 {
        let [left, right] = ["left", "right"].map(|t| format!("net.{l}.{t}.weight"));
        let moved = of(&stitched, &gradient, &left);
        assert!(moved.iter().any(|g| *g != 0.0));
        assert_eq!(moved, of(&stitched, &gradient, &right));
        for (a, b) in moved.iter().zip(of(&single, &of_single, &left)) {
            assert!((a - b).abs() < 1e-6, "{a}, {b}");
        }
        let [left, right] = ["left", "right"].map(|t| format!("stitch.{l}.{t}"));
        assert_eq!(of(&stitched, &gradient, &left), of(&stitched, &gradient, &right));
    }
}

#[test]
fn coefficients_have_the_gradient_of_the_first_equation() {
    let data = complete();
    let own = json!({ "pretrain": false });
    let mut network = network("cross-stitch", &own, HIDDEN, &data.0, &Value::Null).unwrap();
    check_gradient(&mut network, &data, &["stitch.0.b", "stitch.0.c", "stitch.1.b", "stitch.1.c"]);
}

#[test]
fn the_first_stage_ends_and_stitches_are_told() {
    let data = complete();
    let (_, trace) = learned(&joint("cross-stitch", &json!({}), HIDDEN), &data, 20);
    let names: Vec<&str> = trace.findings.iter().map(Finding::name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let Finding::Matrix { values, rows, .. } = &trace.findings[0] else { panic!("a matrix") };
    assert_eq!((values.len(), rows.as_slice()), (4, &["b".to_string(), "c".to_string()][..]));
    assert!(values[0] > values[1] && values[3] > values[2], "{values:?}");
    let (_, trace) = learned(&joint("cross-stitch", &json!({}), HIDDEN), &data, 1);
    assert!(trace.findings.is_empty(), "there is no time for a second stage");
}

#[test]
fn an_unknown_plan_is_refused() {
    let data = complete().0;
    let refused = |plan| network("cross-stitch", &json!({}), HIDDEN, &data, &plan).err();
    for plan in [json!("woven"), json!(3), json!({ "stitched": [1] })] {
        assert!(matches!(refused(plan.clone()), Some(LayoutError::Plan { .. })), "{plan}");
    }
    assert_eq!(refused(json!("stitched")), None);
}

#[test]
fn rows_of_groups_go_through_their_own_network() {
    let data = groups();
    let own = json!({ "pretrain": false, "own": 1, "rate": 0 });
    let (stitched, _) = learned(&joint("cross-stitch", &own, HIDDEN), &data, 3);
    let (soft, _) = learned(&joint("soft-l2", &json!({ "strength": 0 }), HIDDEN), &data, 3);
    assert!(distance(&[stitched, soft]) < 1e-4);
}
