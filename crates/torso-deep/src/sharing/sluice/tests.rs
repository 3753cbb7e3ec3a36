use serde_json::{Value, json};
use torso_core::finding::Finding;

use crate::network::Network;
use crate::sharing::lanes::tests::{
    beside_alone, check_gradient, complete, copy, distance, joint, learned, losses, network, of,
    same_heads, set, twins,
};

/// Settings under which nothing is mixed.
fn separate(subspaces: usize) -> Value {
    json!({ "subspaces": subspaces, "orthogonality": 0, "own": 1, "last": 1, "rate": 0 })
}

#[test]
fn separate_networks_are_the_tasks_alone_to_the_bit() {
    for (subspaces, hidden) in [(1, &[8, 8][..]), (1, &[7, 5]), (2, &[8]), (2, &[7]), (3, &[8])] {
        let [together, alone] = beside_alone("sluice", &separate(subspaces), hidden);
        assert_eq!(together, alone, "{subspaces} subspaces of {hidden:?}");
    }
}

#[test]
fn separate_networks_in_parts_are_the_tasks_alone_but_for_rounding() {
    // What a layer of parts gives to the one below is summed part by part.
    for hidden in [&[8, 8][..], &[7, 5], &[7, 7]] {
        let both = beside_alone("sluice", &separate(2), hidden);
        assert!(distance(&both) < 1e-5, "{hidden:?}: {}", distance(&both));
    }
}

#[test]
fn one_alpha_for_all_gives_every_task_the_same() {
    let data = twins();
    let own = json!({ "own": 0.25 });
    let mut network = network("sluice", &own, &[8, 8], &data.0, &Value::Null).unwrap();
    same_heads(&mut network);
    // Networks of their own, so that it is the mixing that makes the tasks read the same.
    let own = of(&network, network.params.values(), "sluice.0.0.left.weight").to_vec();
    set(&mut network, "sluice.0.0.right.weight", &own.iter().map(|w| 0.5 - w).collect::<Vec<_>>());
    let (losses, _) = losses(&network, &data, &[1.0, 1.0]);
    assert_eq!(losses[0].to_bits(), losses[1].to_bits());
}

#[test]
fn beta_on_the_first_layer_is_low_supervision() {
    let data = twins();
    let hidden = &[8, 8];
    let mut sluice = network("sluice", &separate(1), hidden, &data.0, &Value::Null).unwrap();
    set(&mut sluice, "beta.left", &[1.0, 0.0]);
    let at = json!({ "at": { "left": 1 } });
    let low = network("low-supervision", &at, hidden, &data.0, &Value::Null).unwrap();
    let (losses_of_sluice, gradient) = losses(&sluice, &data, &[1.0, 0.0]);
    let (losses_of_low, of_low) = losses(&low, &data, &[1.0, 0.0]);
    assert_eq!(losses_of_sluice, losses_of_low);
    assert!(of(&sluice, &gradient, "sluice.1.0.left.weight").iter().all(|g| *g == 0.0));
    let below = of(&sluice, &gradient, "sluice.0.0.left.weight");
    assert!(below.iter().any(|g| *g != 0.0));
    assert_eq!(below, of(&low, &of_low, "trunk.0.weight"));
}

#[test]
fn mixtures_have_the_gradient_that_differences_show() {
    let data = complete();
    for hidden in [&[8, 8][..], &[7, 7]] {
        let mut network = network("sluice", &json!({}), hidden, &data.0, &Value::Null).unwrap();
        let names = ["alpha.0.0.b", "alpha.0.1.c", "alpha.1.1.b", "beta.b", "beta.c"];
        check_gradient(&mut network, &data, &names);
    }
}

#[test]
fn parts_meet_cut_and_padded() {
    let data = twins();
    let own = json!({ "own": 0, "orthogonality": 0 });
    let mut network = network("sluice", &own, &[3], &data.0, &Value::Null).unwrap();
    // The first part, of two units, reads the second, of one unit, and the other way around.
    set(&mut network, "alpha.0.0.left", &[0.0, 1.0, 0.0, 0.0]);
    set(&mut network, "alpha.0.1.left", &[1.0, 0.0, 0.0, 0.0]);
    let head = |network: &mut Network, weight: [f32; 3]| {
        set(network, "head.left.weight", &weight);
        losses(network, &data, &[1.0, 0.0]).0[0].to_bits()
    };
    let nothing = head(&mut network, [0.0; 3]);
    assert_eq!(head(&mut network, [0.0, 9.0, 0.0]), nothing, "a gap is a zero");
    let second = head(&mut network, [1.0, 0.0, 0.0]);
    let first = head(&mut network, [0.0, 0.0, 1.0]);
    assert!(second != nothing && first != nothing && first != second);
    set(&mut network, "alpha.0.0.left", &[1.0, 0.0, 0.0, 0.0]);
    set(&mut network, "alpha.0.1.left", &[0.0, 1.0, 0.0, 0.0]);
    assert_eq!(head(&mut network, [1.0, 0.0, 0.0]), first);
    assert_eq!(head(&mut network, [0.0, 0.0, 1.0]), second);
}

#[test]
fn orthogonal_parts_cost_nothing() {
    let data = twins();
    let hidden = &[2];
    let mut network = network("sluice", &json!({}), hidden, &data.0, &Value::Null).unwrap();
    let mut cost = |parts: [[f32; 2]; 2]| {
        for (k, part) in parts.iter().enumerate() {
            set(&mut network, &format!("sluice.0.{k}.left.weight"), part);
            copy(
                &mut network,
                &format!("sluice.0.{k}.left.weight"),
                &format!("sluice.0.{k}.right.weight"),
            );
        }
        network.penalty(&mut vec![0.0; network.params.len()])
    };
    assert!(cost([[1.0, 2.0], [-2.0, 1.0]]).abs() < 1e-12);
    // Two tasks with |(1, 2) . (2, 1)|^2 = 16 each, times 0.1.
    assert!((cost([[1.0, 2.0], [2.0, 1.0]]) - 3.2).abs() < 1e-6);
}

#[test]
fn mixtures_are_told() {
    let data = complete();
    let (_, trace) = learned(&joint("sluice", &json!({}), &[8, 8]), &data, 3);
    let names: Vec<&str> = trace.findings.iter().map(Finding::name).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    let Finding::Matrix { rows, values, .. } = &trace.findings[0] else { panic!("a matrix") };
    assert_eq!(rows, &["b.1", "b.2", "c.1", "c.2"]);
    assert_eq!(values.len(), 16);
    let (_, trace) = learned(&joint("sluice", &json!({}), &[12, 8]), &data, 3);
    assert_eq!(trace.findings.len(), 3, "a layer of another width is not mixed: no beta");
}
