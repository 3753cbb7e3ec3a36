use serde_json::{Map, Value, json};
use torso_core::features::Design;
use torso_core::seed::Seed;
use torso_tape::{Optimizer, OptimizerConfig, Tape};

use super::*;
use crate::arms::tests::{columns, groups, rows};
use crate::heads::Batch;
use crate::network::{Blueprint, Inputs, Mode, Network};
use crate::settings::NetworkSettings;
use crate::sharing::contract::network;
use crate::sharing::{SharingMethod, factor_laf, factor_tt, factor_tucker, hard};
use crate::supervision::Supervision;

fn own(settings: Value) -> Map<String, Value> {
    let Value::Object(own) = settings else { unreachable!("settings are an object") };
    own
}

/// Each form with ranks for a random start.
fn forms() -> [(&'static SharingMethod, Value); 3] {
    [
        (&factor_laf::METHOD, json!({ "init": "random", "ranks": [2] })),
        (&factor_tt::METHOD, json!({ "init": "random", "ranks": [3, 2] })),
        (&factor_tucker::METHOD, json!({ "init": "random", "ranks": [2, 4, 2] })),
    ]
}

fn blueprint(
    entry: &'static SharingMethod,
    own: Map<String, Value>,
    of: &Supervision,
) -> Blueprint {
    Blueprint {
        sharing: entry,
        own,
        plan: Value::Null,
        n_inputs: 2,
        image: None,
        outputs: of.outputs(),
        rotates: false,
        settings: NetworkSettings { hidden: vec![12, 8], ..NetworkSettings::default() },
    }
}

/// Sets the values of a range and holds it there.
fn fix(network: &mut Network, name: &str, values: &[f32]) {
    let id = network.params.find(name).unwrap();
    network.params.get_mut(id).copy_from_slice(values);
    network.params.range_mut(id).lr_factor = 0.0;
}

/// Three epochs of small steps with every task's loss weighing the same; the losses of all steps.
fn train(network: &mut Network, inputs: &Inputs, labels: &Supervision) -> Vec<Vec<f32>> {
    let config = OptimizerConfig::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-3 };
    let mut optimizer = Optimizer::new(&config, &network.params);
    let (mut tape, mut batch) = (Tape::new(), Batch::default());
    let mut gradient = vec![0.0; network.params.len()];
    let mut losses = Vec::new();
    for _ in 0..3 {
        for rows in rows(|_| true).chunks(32) {
            batch.fill(labels, rows);
            network.record(&mut tape, inputs, &batch, labels, &mut Mode::Evaluation);
            losses.push(tape.losses().to_vec());
            let weights = vec![1.0; tape.losses().len()];
            tape.backward(&network.params, &weights, &mut gradient);
            optimizer.step(&mut network.params, &gradient, 1e-2);
        }
    }
    losses
}

#[test]
fn with_the_identity_it_is_the_tasks_alone_to_the_bit() {
    let (data, design) = columns();
    let inputs = Inputs::new(&design);
    let labels = Supervision::columns(&data, &[0, 1, 2], &rows(|_| true));
    let mut alone: Vec<(Network, Vec<Vec<f32>>)> = Vec::new();
    for task in 0..3 {
        let labels = Supervision::columns(&data, &[task], &rows(|_| true));
        let blueprint = blueprint(&hard::METHOD, Map::new(), &labels);
        let mut network = Network::new(blueprint, Seed(5), usize::MAX).unwrap();
        let losses = train(&mut network, &inputs, &labels);
        alone.push((network, losses));
    }
    let random = own(json!({ "init": "random", "ranks": [3] }));
    let blueprint = blueprint(&factor_laf::METHOD, random, &labels);
    let mut together = Network::new(blueprint, Seed(5), usize::MAX).unwrap();
    for (l, [n_inputs, width]) in [[2, 12], [12, 8]].into_iter().enumerate() {
        let init = LayerShape::Dense { fan_in: n_inputs, width }.init();
        let start = together.params.draws(&format!("trunk.{l}.weight"), n_inputs * width, init);
        let parts = together.params.find(&format!("factor.{l}.parts")).unwrap();
        together.params.get_mut(parts).copy_from_slice(&start.repeat(3));
        for (task, unit) in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].iter().enumerate() {
            let name = format!("factor.{l}.{}.mixing", ["a", "b", "c"][task]);
            fix(&mut together, &name, unit);
        }
    }
    let losses = train(&mut together, &inputs, &labels);
    for (task, (network, of_alone)) in alone.iter().enumerate() {
        let of_task: Vec<f32> = losses.iter().map(|losses| losses[task]).collect();
        assert_eq!(of_task, of_alone.concat(), "task {task}");
        for l in 0..2 {
            let of = |network: &Network, name: &str| {
                network.params.get(network.params.find(name).unwrap()).to_vec()
            };
            let weight = of(network, &format!("trunk.{l}.weight"));
            let parts = of(&together, &format!("factor.{l}.parts"));
            assert_eq!(parts[task * weight.len()..][..weight.len()], weight, "task {task}");
            let bias = of(&together, &format!("factor.{l}.{}.bias", ["a", "b", "c"][task]));
            assert_eq!(bias, of(network, &format!("trunk.{l}.bias")), "task {task}");
        }
    }
}

/// What the heads of each lane read, for all rows.
fn read(network: &mut Network, design: &Design, groups: &[u32]) -> Vec<Vec<f32>> {
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
    lanes.into_iter().map(|lane| tape.value(lane).to_vec()).collect()
}

#[test]
fn with_one_row_of_ones_it_is_hard_sharing() {
    let (data, design) = columns();
    let inputs = Inputs::new(&design);
    let labels = Supervision::columns(&data, &[0, 1, 2], &rows(|_| true));
    let mut hard = network(&hard::METHOD, &data, Map::new());
    let mut laf = network(&factor_laf::METHOD, &data, own(json!({"init": "random", "ranks": [1]})));
    for name in ["trunk.0", "trunk.1"] {
        let of = |part: &str| hard.params.get(hard.params.find(&format!("{name}.{part}")).unwrap());
        let name = name.replace("trunk", "factor");
        fix(&mut laf, &format!("{name}.parts"), of("weight"));
        for task in ["a", "b", "c"] {
            fix(&mut laf, &format!("{name}.{task}.mixing"), &[1.0]);
            fix(&mut laf, &format!("{name}.{task}.bias"), of("bias"));
        }
    }
    let common = read(&mut hard, &design, &[]);
    for lane in read(&mut laf, &design, &[]) {
        assert_eq!(lane, common[0]);
    }
    // With the same heads, the gradient of parts is that of hard sharing's weights, and those of
    // biases sum up to its.
    let heads = hard.params.find("heads.weight").unwrap();
    let heads = hard.params.get(heads).to_vec();
    let mut first = 0;
    for (task, width) in [("a", 1), ("b", 1), ("c", 3)] {
        let head: Vec<f32> =
            heads.chunks_exact(5).flat_map(|row| row[first..first + width].to_vec()).collect();
        fix(&mut laf, &format!("head.{task}.weight"), &head);
        let bias = hard.params.get(hard.params.find("heads.bias").unwrap());
        fix(&mut laf, &format!("head.{task}.bias"), &bias[first..first + width]);
        first += width;
    }
    let gradient = |network: &Network| {
        let (mut tape, mut batch) = (Tape::new(), Batch::default());
        batch.fill(&labels, &rows(|_| true));
        network.record(&mut tape, &inputs, &batch, &labels, &mut Mode::Evaluation);
        let mut gradient = vec![0.0; network.params.len()];
        tape.backward(&network.params, &[1.0; 3], &mut gradient);
        gradient
    };
    let (of_hard, of_laf) = (gradient(&hard), gradient(&laf));
    let of = |network: &Network, gradient: &[f32], name: &str| {
        gradient[network.params.range(network.params.find(name).unwrap()).span()].to_vec()
    };
    let near = |a: &[f32], b: &[f32]| {
        let off = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-5, "{off}");
    };
    for l in 0..2 {
        let weight = of(&hard, &of_hard, &format!("trunk.{l}.weight"));
        near(&of(&laf, &of_laf, &format!("factor.{l}.parts")), &weight);
        let biases = ["a", "b", "c"].map(|t| of(&laf, &of_laf, &format!("factor.{l}.{t}.bias")));
        let sum: Vec<f32> =
            (0..biases[0].len()).map(|j| biases.iter().map(|b| b[j]).sum()).collect();
        near(&sum, &of(&hard, &of_hard, &format!("trunk.{l}.bias")));
    }
}

/// `relu(X W_t + b_t)`, layer by layer, in f64.
fn explicit(network: &Network, factors: &[Factors], design: &Design, task: usize) -> Mat<f64> {
    let grouped = network.is_grouped();
    let mut h = Mat::from_fn(120, 2, |i, j| design.values()[i * 2 + j]);
    for (l, factors) in factors.iter().enumerate() {
        let name = &network.view().context.outputs.names[task];
        let name =
            if grouped { format!("factor.{l}.bias") } else { format!("factor.{l}.{name}.bias") };
        let bias = of_range(&network.params, network.params.find(&name).unwrap());
        let row = if grouped { task } else { 0 };
        let z = &h * factors.weight(task);
        h = Mat::from_fn(120, z.ncols(), |i, j| (z[(i, j)] + bias[(row, j)]).max(0.0));
    }
    h
}

#[test]
fn the_pass_is_that_of_explicit_weights() {
    for (entry, settings) in forms() {
        for (data, design) in [columns(), groups()] {
            let mut network = network(entry, &data, own(settings.clone()));
            let zeros: Vec<String> =
                network.params.ranges().iter().map(|r| r.name().into()).collect();
            for name in zeros.iter().filter(|name| name.contains(".zero")) {
                let width = network.params.range(network.params.find(name).unwrap()).shape()[1];
                fix(&mut network, name, &vec![0.0; width]);
            }
            let form = match entry.method.id {
                "factor-laf" => Form::Laf,
                "factor-tt" => Form::Tt,
                _ => Form::Tucker,
            };
            // The same layers once more, to look into.
            let mut params = Params::new(Seed(5));
            let settings = network.blueprint().settings.clone();
            let mut layout = Layout {
                params: &mut params,
                context: network.view().context,
                encoder: crate::encoder::Encoder::new(&settings, 2, None).unwrap(),
                plan: &Value::Null,
                room: usize::MAX,
            };
            let ranks = Settings::new(&layout.context, form).unwrap().ranks.unwrap();
            let shapes = layout.encoder.layers.clone();
            let layers = shapes.iter().enumerate().map(|(l, shape)| {
                let limits = limits(form, *shape, layout.context.n_tasks());
                let ranks: Vec<usize> =
                    ranks.iter().zip(limits).map(|(rank, limit)| *rank.min(&limit)).collect();
                let (name, draws) = (format!("factor.{l}"), format!("trunk.{l}"));
                FactoredLayer::declare(&mut layout, form, (&name, &draws), *shape, &ranks).unwrap()
            });
            let layers: Vec<FactoredLayer> = layers.collect();
            let factors: Vec<Factors> =
                layers.iter().map(|layer| layer.factors(&network.params)).collect();
            let groups: Vec<u32> = if network.is_grouped() { vec![2; 120] } else { Vec::new() };
            let lanes = read(&mut network, &design, &groups);
            for (lane, found) in lanes.iter().enumerate() {
                let task = if network.is_grouped() { 2 } else { lane };
                let expected = explicit(&network, &factors, &design, task);
                let unit = expected.norm_max();
                for (at, found) in found.iter().enumerate() {
                    let expected = expected[(at / 8, at % 8)];
                    let off = (f64::from(*found) - expected).abs();
                    assert!(off < 1e-5 * unit, "{}: {found}, {expected}", entry.method.id);
                }
            }
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (entry, settings) in forms() {
        for (data, design) in [columns(), groups()] {
            let mut network = network(entry, &data, own(settings.clone()));
            let all = rows(|_| true);
            let labels = if network.is_grouped() {
                Supervision::groups(&data, &all)
            } else {
                Supervision::columns(&data, &[0, 1, 2], &all)
            };
            let inputs = Inputs::new(&design);
            let (mut tape, mut batch) = (Tape::new(), Batch::default());
            batch.fill(&labels, &all);
            let weights = vec![1.0; labels.n_losses()];
            let mut gradient = vec![0.0; network.params.len()];
            network.record(&mut tape, &inputs, &batch, &labels, &mut Mode::Evaluation);
            tape.backward(&network.params, &weights, &mut gradient);
            let unit = gradient.iter().map(|g| g.abs()).fold(0.0, f32::max);
            for (at, found) in gradient.iter().enumerate() {
                let start = network.params.values()[at];
                let mut at_step = |step: f32| {
                    network.params.values_mut()[at] = start + step;
                    network.record(&mut tape, &inputs, &batch, &labels, &mut Mode::Evaluation);
                    tape.losses().iter().sum::<f32>()
                };
                let slope = (at_step(2e-3) - at_step(-2e-3)) / 4e-3;
                network.params.values_mut()[at] = start;
                let off = (slope - found).abs() / unit;
                assert!(off < 2e-2, "{} at {at}: {slope}, {found}", entry.method.id);
            }
        }
    }
}

#[test]
fn at_full_rank_the_factors_say_what_the_single_networks_said() {
    let stalled = Moment { stage_epochs: 20, stalled: 10, epochs_left: 100 };
    for (entry, _) in forms() {
        for (data, design) in [columns(), groups()] {
            let mut before = network(entry, &data, own(json!({ "eps": 1e-9 })));
            let (sharing, view) = before.sharing();
            assert!(sharing.next_stage(&view, Moment { stalled: 9, ..stalled }, &[]).is_none());
            let stage = sharing.next_stage(&view, stalled, &[]).unwrap();
            let mut after = before.next_stage(stage, Seed(5)).unwrap();
            let (sharing, view) = after.sharing();
            assert!(sharing.next_stage(&view, stalled, &[]).is_none(), "there are two stages");
            let groups: Vec<u32> =
                if before.is_grouped() { (0..120).map(|i| i / 30).collect() } else { Vec::new() };
            let (a, b) = (read(&mut before, &design, &groups), read(&mut after, &design, &groups));
            assert_eq!(a.len(), b.len());
            for (a, b) in a.concat().iter().zip(b.concat()) {
                assert!((a - b).abs() < 1e-4, "{}: {a}, {b}", entry.method.id);
            }
        }
    }
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let (data, _) = columns();
    let supervision = Supervision::columns(&data, &[0, 1, 2], &rows(|_| true));
    for plan in [
        json!({ "ranks": [[2]] }),
        json!({ "ranks": [[2], [0]] }),
        json!({ "ranks": [[2], [4]] }),
        json!({ "ranks": [[2], [2, 2]] }),
        json!({ "ranks": [[2], [2]], "more": 1 }),
        json!([3]),
    ] {
        let plan = Blueprint { plan, ..blueprint(&factor_laf::METHOD, Map::new(), &supervision) };
        let error = Network::new(plan, Seed(1), usize::MAX).err().unwrap();
        assert!(matches!(error, LayoutError::Plan { .. }), "{error}");
    }
    let plan = json!({ "ranks": [[2], [3]] });
    let plan = Blueprint { plan, ..blueprint(&factor_laf::METHOD, Map::new(), &supervision) };
    assert!(Network::new(plan, Seed(1), usize::MAX).is_ok());
}

#[test]
fn a_random_start_needs_ranks() {
    let (data, _) = columns();
    let supervision = Supervision::columns(&data, &[0, 1, 2], &rows(|_| true));
    let refused = |settings: Value| {
        let blueprint = blueprint(&factor_tucker::METHOD, own(settings), &supervision);
        check(&blueprint.context(), Form::Tucker).unwrap_err().to_string()
    };
    assert!(refused(json!({ "init": "random" })).contains("expected `ranks`"));
    assert!(refused(json!({ "ranks": [2, 3] })).contains("3 ranks (inputs, outputs, tasks)"));
    assert!(refused(json!({ "eps": 1.0 })).contains("found 1"));
    assert!(refused(json!({ "pretrain": 0 })).contains("at least 1"));
}
