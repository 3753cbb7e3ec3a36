use serde_json::{Map, Value, json};
use torso_core::data::TaskData;
use torso_core::features::Design;
use torso_core::seed::{Seed, normal};
use torso_tape::Tape;

use super::tree::Tree;
use super::*;
use crate::arms::tests::{columns, groups, rows};
use crate::network::{Blueprint, Mode, Network};
use crate::settings::NetworkSettings;
use crate::sharing::contract::network;
use crate::supervision::Supervision;

const STALLED: Moment = Moment { stage_epochs: 20, stalled: 10, epochs_left: 100 };

fn own(settings: Value) -> Map<String, Value> {
    let Value::Object(own) = settings else { unreachable!("settings are an object") };
    own
}

/// What the heads read on all rows, lane behind lane.
fn read(network: &mut Network, design: &Design, groups: &[u32]) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "as the network reads them")]
    let values: Vec<f32> = design.values().iter().map(|v| *v as f32).collect();
    let mut tape = Tape::new();
    let input = tape.input(&values, 2);
    let params = network.params.clone();
    let settings = NetworkSettings::default();
    let mode = &mut Mode::Evaluation;
    let mut forward =
        Forward { tape: &mut tape, params: &params, input, groups, mode, settings: &settings };
    let lanes = match network.sharing().0.record(&mut forward) {
        Reading::Trunk(cuts) => vec![cuts.representation],
        Reading::Common(value) => vec![value],
        Reading::Each(values) => values,
    };
    lanes.into_iter().flat_map(|lane| tape.value(lane).to_vec()).collect()
}

/// The group of each row, side by side and not.
fn rows_of_groups(network: &Network) -> Vec<Vec<u32>> {
    if !network.is_grouped() {
        return vec![Vec::new()];
    }
    vec![(0..120).map(|i| i / 30).collect(), (0..120).map(|i| i * 7 % 4).collect()]
}

/// Losses of rows by which even tasks go together, and odd ones.
fn two_kinds(n_tasks: usize) -> Vec<Vec<f32>> {
    let loss = |task: usize, row: usize| {
        let difficult = if task.is_multiple_of(2) { row.is_multiple_of(2) } else { row % 6 < 3 };
        if difficult { 2.0 } else { 0.5 }
    };
    (0..n_tasks).map(|task| (0..96).map(|row| loss(task, row)).collect()).collect()
}

fn next(network: &mut Network, row_losses: &[Vec<f32>]) -> Option<Network> {
    let (sharing, view) = network.sharing();
    let stage = sharing.next_stage(&view, STALLED, row_losses)?;
    Some(network.next_stage(stage, Seed(5)).unwrap())
}

fn tree_of(network: &Network) -> Tree {
    serde_json::from_value(network.blueprint().plan["tree"].clone()).unwrap()
}

#[test]
fn a_split_changes_no_bit_of_what_the_heads_read() {
    for (data, design) in [columns(), groups()] {
        let settings = own(json!({ "thin": 1.0, "alpha": 1e6 }));
        let mut before = network(&METHOD, &data, settings);
        let n_tasks = data.n_tasks();
        assert!(before.sharing().0.wants_row_losses(STALLED));
        // The higher layer is split, then the lower one, then nothing more.
        for n_branches in [[1, 2], [2, 2]] {
            let mut after = next(&mut before, &two_kinds(n_tasks)).unwrap();
            let tree = tree_of(&after);
            assert_eq!([tree.n_branches(0), tree.n_branches(1)], n_branches);
            let expected: Vec<usize> = (0..n_tasks).map(|task| task % 2).collect();
            assert_eq!(tree.branches(1), expected);
            for groups in rows_of_groups(&before) {
                let (a, b) =
                    (read(&mut before, &design, &groups), read(&mut after, &design, &groups));
                assert!(a.iter().any(|v| *v > 0.0));
                assert_eq!(a, b, "{n_tasks} tasks");
            }
            // From here on the branches go their own ways.
            let mut stream = Seed(8).stream("test", "moved", 0);
            #[expect(clippy::cast_possible_truncation, reason = "draws")]
            let moved = || 0.1 * normal(&mut stream) as f32;
            let noise: Vec<f32> = std::iter::repeat_with(moved).take(after.params.len()).collect();
            after.params.values_mut().iter_mut().zip(noise).for_each(|(v, n)| *v += n);
            before = after;
        }
        assert!(!before.sharing().0.wants_row_losses(STALLED));
        assert!(next(&mut before, &two_kinds(n_tasks)).is_none());
    }
}

#[test]
fn alpha_decides_between_one_branch_and_one_for_each_task() {
    let grown = |data: &TaskData, alpha: f64| {
        let settings = own(json!({ "thin": 1.0, "alpha": alpha }));
        let mut network = network(&METHOD, data, settings);
        // Losses without any structure.
        let mut stream = Seed(2).stream("test", "losses", 0);
        #[expect(clippy::cast_possible_truncation, reason = "draws")]
        let mut losses = || (0..200).map(|_| normal(&mut stream).abs() as f32).collect();
        let losses: Vec<Vec<f32>> = (0..data.n_tasks()).map(|_| losses()).collect();
        let mut stages = 0;
        while let Some(after) = next(&mut network, &losses) {
            network = after;
            stages += 1;
        }
        (tree_of(&network), stages)
    };
    for (data, _) in [columns(), groups()] {
        let n = data.n_tasks();
        assert_eq!(grown(&data, 0.0), (Tree::shared(2, n), 1));
        let (tree, stages) = grown(&data, 1e9);
        assert_eq!((tree.n_branches(0), tree.n_branches(1), stages), (n, n, 2));
        let counts: Vec<usize> = (0..8)
            .map(|e| grown(&data, 4f64.powi(e)).0)
            .map(|tree| tree.n_branches(0) + tree.n_branches(1))
            .collect();
        assert!(counts.is_sorted(), "{counts:?}");
    }
}

#[test]
fn the_thin_network_has_the_units_that_span_the_wide_one() {
    for (data, design) in [columns(), groups()] {
        let mut wide = network(&METHOD, &data, own(json!({ "thin": 0.5 })));
        // Units 6 to 11 and 4 to 7 are idle: they are 0, and nothing reads them.
        let names: Vec<String> =
            wide.params.ranges().iter().map(|range| range.name().to_string()).collect();
        for name in names {
            let id = wide.params.find(&name).unwrap();
            let [_, columns] = wide.params.range(id).shape();
            let idle = |at: usize| match name.as_str() {
                _ if name.starts_with("branch.0") => at % columns >= 6,
                _ if name.starts_with("branch.1") && name.ends_with("bias") => at % columns >= 4,
                _ if name.starts_with("branch.1") => at % columns >= 4 || at / columns >= 6,
                _ => false,
            };
            let values = wide.params.get_mut(id).iter_mut().enumerate();
            values.filter(|(at, _)| idle(*at)).for_each(|(_, value)| *value = 0.0);
        }
        assert!(!wide.sharing().0.wants_row_losses(STALLED), "the wide network is not split");
        let mut thin = next(&mut wide, &[]).unwrap();
        let widths = |network: &Network, name: &str| {
            network
                .params
                .ranges()
                .iter()
                .find(|range| range.name().starts_with(name))
                .unwrap()
                .shape()
        };
        assert_eq!(widths(&thin, "branch.1"), [6, 4]);
        for groups in rows_of_groups(&wide) {
            let all = read(&mut wide, &design, &groups);
            let kept: Vec<f32> = all.chunks(8).flat_map(|row| row[..4].to_vec()).collect();
            for (a, b) in kept.iter().zip(read(&mut thin, &design, &groups)) {
                assert!((a - b).abs() < 1e-5, "{a}, {b}");
            }
        }
        // Heads keep the rows of the units that are kept.
        for id in wide.view().heads.weights_of_reading() {
            let range = wide.params.range(id);
            let [_, width] = range.shape();
            let kept =
                wide.params.get(id).chunks(8 * width).flat_map(|own| own[..4 * width].to_vec());
            let kept: Vec<f32> = kept.collect();
            assert_eq!(thin.params.get(thin.params.find(range.name()).unwrap()), kept);
        }
    }
}

#[test]
fn plans_and_trees_that_cannot_be_are_refused() {
    let (data, _) = columns();
    let labels = Supervision::columns(&data, &[0, 1, 2], &rows(|_| true));
    let declared = |own: Map<String, Value>, plan: Value| {
        let settings = NetworkSettings { hidden: vec![12, 8], ..NetworkSettings::default() };
        let blueprint = Blueprint {
            sharing: &METHOD,
            own,
            plan,
            n_inputs: 2,
            image: None,
            outputs: labels.outputs(),
            rotates: false,
            settings,
        };
        Network::new(blueprint, Seed(1), usize::MAX)
    };
    let plan = |tree: Value, active: Value, affinity: Value| json!({ "is_thin": true, "tree": tree, "active": active, "affinity": affinity });
    let tree = json!([[0, 0, 0], [0, 1, 0]]);
    assert!(declared(Map::new(), plan(tree.clone(), json!(0), json!([]))).is_ok());
    for plan in [
        plan(json!([[0, 0, 0]]), Value::Null, json!([])),
        plan(json!([[0, 0, 0], [0, 1, 4_000_000_000_u32]]), Value::Null, json!([])),
        plan(json!([[0, 1, 0], [0, 0, 0]]), Value::Null, json!([])),
        plan(tree.clone(), json!(2), json!([])),
        plan(tree.clone(), json!(0), json!([1.0])),
        json!({ "is_thin": true }),
        json!(7),
    ] {
        let error = declared(Map::new(), plan).err().unwrap();
        assert!(matches!(error, LayoutError::Plan { .. }), "{error}");
    }
    let given = declared(own(json!({ "tree": tree })), Value::Null).unwrap();
    assert_eq!(given.params.ranges().iter().filter(|r| r.name().starts_with("branch")).count(), 6);
    let error = declared(own(json!({ "tree": [[0, 1, 2]] })), Value::Null).err().unwrap();
    assert!(matches!(error, LayoutError::Settings { .. }), "{error}");
}
