use serde_json::{Map, Value, json};
use torso_core::data::TaskData;
use torso_core::features::Design;
use torso_core::finding::Finding;

use crate::arms::tests::{columns, groups};
use crate::network::{Inputs, Network};
use crate::sharing::contract::network;
use crate::sharing::{SharingMethod, hard};
use crate::supervision::Scale;

const SCALE: Scale = Scale { mean: 0.0, sd: 1.0, constant_loss: 1.0 };

fn own(settings: Value) -> Map<String, Value> {
    serde_json::from_value(settings).unwrap()
}

fn moved(entry: &'static SharingMethod, data: &TaskData, settings: Value) -> Network {
    network(entry, data, own(settings))
}

/// Predictions of all tasks on all rows.
fn predictions(network: &Network, (data, design): &(TaskData, Design)) -> Vec<f64> {
    let rows: Vec<u32> = (0..120).collect();
    (0..data.n_tasks()).flat_map(|t| network.predict(design, t, SCALE, &rows)).collect()
}

fn set(network: &mut Network, name: &str, values: &[f32]) {
    let id = network.params.find(name).expect(name);
    network.params.get_mut(id).copy_from_slice(values);
}

fn get<'a>(network: &'a Network, name: &str) -> &'a [f32] {
    network.params.get(network.params.find(name).expect(name))
}

#[test]
fn one_expert_is_hard_sharing() {
    // Of groups, so that the heads are the same in both.
    let table = groups();
    let hard = moved(&hard::METHOD, &table.0, json!({}));
    let mut mmoe = moved(&super::METHOD, &table.0, json!({ "experts": 1 }));
    for range in hard.params.ranges() {
        let name = range.name().replace("trunk.", "expert.0.");
        set(&mut mmoe, &name, &hard.params.values()[range.span()]);
    }
    assert_eq!(predictions(&mmoe, &table), predictions(&hard, &table));
}

#[test]
fn every_task_turns_to_the_expert_that_its_gate_names() {
    for table in [columns(), groups()] {
        let (data, design) = &table;
        let mut network = moved(&super::METHOD, data, json!({ "experts": 4 }));
        let n_tasks = data.n_tasks();
        let names: Vec<String> = data.tasks().iter().map(|task| task.name.clone()).collect();
        // Task t is at expert t.
        let mut bias = vec![0.0; n_tasks * 4];
        (0..n_tasks).for_each(|t| bias[t * 4 + t] = 1e3);
        if network.is_grouped() {
            set(&mut network, "gate.bias", &bias);
        } else {
            for (name, bias) in names.iter().zip(bias.chunks(4)) {
                set(&mut network, &format!("gate.{name}.bias"), bias);
            }
        }
        let rows: Vec<u32> = (0..120).collect();
        let of_rows: Vec<u32> =
            if network.is_grouped() { rows.iter().map(|row| row % 4).collect() } else { vec![] };
        let findings = network.findings(&Inputs::new(design), &rows, &of_rows);
        let [Finding::Matrix { rows, columns, values, .. }] = &findings[..] else {
            panic!("one matrix")
        };
        assert_eq!((rows, columns.len()), (&names, 4));
        let identity = (0..n_tasks).flat_map(|t| (0..4).map(move |e| f64::from(u8::from(t == e))));
        assert_eq!(*values, identity.collect::<Vec<f64>>());

        // Only the last task hears of its expert.
        let before = predictions(&network, &table);
        let last = format!("expert.{}.0.bias", n_tasks - 1);
        let bias: Vec<f32> = get(&network, &last).iter().map(|b| b + 1.0).collect();
        set(&mut network, &last, &bias);
        let after = predictions(&network, &table);
        let own = before.len() - 120 * data.tasks()[n_tasks - 1].kind.width();
        assert_eq!(before[..own], after[..own]);
        assert_ne!(before[own..], after[own..]);
    }
}

#[test]
fn all_tasks_start_at_the_mean_of_experts_that_differ() {
    let data = columns().0;
    let blueprint = moved(&super::METHOD, &data, json!({})).blueprint().clone();
    let network = Network::new(blueprint, torso_core::seed::Seed(3), usize::MAX).unwrap();
    let is_gate = |name: &str| name.starts_with("gate.");
    let gates = network.params.ranges().iter().filter(|range| is_gate(range.name()));
    assert_eq!(gates.clone().count(), 6);
    assert!(gates.flat_map(|g| &network.params.values()[g.span()]).all(|g| *g == 0.0));
    assert_ne!(get(&network, "expert.0.0.weight"), get(&network, "expert.7.0.weight"));
}
