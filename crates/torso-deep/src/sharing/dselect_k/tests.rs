use serde_json::{Map, Value, json};
use torso_core::finding::Finding;
use torso_core::seed::Seed;

use crate::arms::Joint;
use crate::arms::tests::{columns, fit, groups, small};
use crate::layout::LayoutError;
use crate::network::Network;
use crate::settings::NetworkSettings;
use crate::sharing::contract::network;
use crate::supervision::Scale;

fn own(settings: Value) -> Map<String, Value> {
    serde_json::from_value(settings).unwrap()
}

#[test]
fn what_makes_selectors_choose_has_the_gradient_it_says() {
    // Five experts: three codes have none.
    let settings = json!({ "experts": 5, "k": 3, "gamma": 2.0, "entropy": 0.7 });
    let mut network = network(&super::METHOD, &columns().0, own(settings));
    let n = network.params.len();
    let mut gradient = vec![0.0; n];
    network.penalty(&mut gradient);
    let ranges = network.params.ranges().iter();
    let codes = ranges.filter(|range| range.name().starts_with("codes"));
    let spans: Vec<_> = codes.map(torso_tape::ParamRange::span).collect();
    assert_eq!(spans.iter().map(ExactSizeIterator::len).sum::<usize>(), 3 * 9);
    for at in spans.into_iter().flatten() {
        let start = network.params.values()[at];
        let step = 2e-3;
        let mut at_value = |value: f32| {
            network.params.values_mut()[at] = value;
            network.penalty(&mut vec![0.0; n])
        };
        let slope = (at_value(start + step) - at_value(start - step)) / f64::from(2.0 * step);
        network.params.values_mut()[at] = start;
        assert!((slope - f64::from(gradient[at])).abs() < 5e-3, "{slope}, {}", gradient[at]);
    }
}

#[test]
fn at_most_k_experts_are_left_for_each_task() {
    for table in [columns(), groups()] {
        for (experts, k) in [(8, 2), (5, 1), (6, 3)] {
            let settings = NetworkSettings { hidden: vec![12, 8], ..small() };
            let own = own(json!({ "experts": experts, "k": k }));
            let equal = (&torso_balance::scalarizer::equal::METHOD, Map::new());
            let arm = Joint::new((&super::METHOD, own), equal, settings);
            let model = fit(&arm, &table, 1).unwrap();
            let [Finding::Matrix { values, .. }] = &model.trace().findings[..] else {
                panic!("one matrix")
            };
            for task in values.chunks(experts) {
                let left = task.iter().filter(|gate| **gate != 0.0).count();
                assert!((1..=k).contains(&left), "{task:?}");
                assert!((task.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{task:?}");
            }
        }
    }
}

#[test]
fn experts_that_nobody_chose_are_not_missed() {
    let (data, design) = columns();
    let choosing = network(&super::METHOD, &data, own(json!({ "experts": 4, "k": 2 })));
    let mut blueprint = choosing.blueprint().clone();
    blueprint.plan = json!({ "chosen": [[0, 3], [3, 3], [0, 0]] });
    let mut kept = Network::new(blueprint, Seed(5), usize::MAX).unwrap();
    // The same values in the network that still records all experts.
    let mut all = choosing;
    for range in all.params.ranges().to_vec() {
        let id = kept.params.find(range.name()).unwrap();
        if range.name().starts_with("codes") {
            let values = kept.params.get(id).to_vec();
            all.params.values_mut()[range.span()].copy_from_slice(&values);
        } else {
            let values = all.params.values()[range.span()].to_vec();
            kept.params.get_mut(id).copy_from_slice(&values);
        }
    }
    let scale = Scale { mean: 0.0, sd: 1.0, constant_loss: 1.0 };
    let rows: Vec<u32> = (0..120).collect();
    let predict = |network: &Network| -> Vec<f64> {
        (0..3).flat_map(|t| network.predict(&design, t, scale, &rows)).collect()
    };
    let before = predict(&kept);
    assert_eq!(before, predict(&all));
    for (expert, is_used) in [(1, false), (3, true)] {
        let id = kept.params.find(&format!("expert.{expert}.1.bias")).unwrap();
        kept.params.get_mut(id).iter_mut().for_each(|b| *b += 1.0);
        assert_eq!(predict(&kept) != before, is_used);
    }
}

#[test]
fn a_plan_of_another_form_is_refused() {
    let blueprint = network(&super::METHOD, &columns().0, Map::new()).blueprint().clone();
    let with = |plan: Value| {
        let blueprint = crate::network::Blueprint { plan, ..blueprint.clone() };
        Network::new(blueprint, Seed(5), usize::MAX).err()
    };
    assert_eq!(with(json!({ "chosen": [[0, 1], [2, 3], [4, 7]] })), None);
    for plan in [
        json!({ "chosen": [[0, 1], [2, 3], [4, 8]] }),
        json!({ "chosen": [[0, 1], [2, 3]] }),
        json!({ "chosen": [[0, 1], [2], [4, 7]] }),
        json!({ "chosen": [[0, 1], [2, -1], [4, 7]] }),
        json!(["chosen"]),
    ] {
        assert!(matches!(with(plan), Some(LayoutError::Plan { .. })));
    }
}

#[test]
fn settings_are_checked() {
    let refused = |settings: Value| {
        let outputs = crate::supervision::Outputs::of(&columns().0);
        let (own, settings) = (own(settings), NetworkSettings::default());
        let context = crate::layout::Context { outputs: &outputs, settings: &settings, own: &own };
        (super::METHOD.check)(&context).unwrap_err().to_string()
    };
    assert_eq!(refused(json!({ "experts": 1 })), "expected `experts` from 2 to 256, found 1");
    assert_eq!(refused(json!({ "k": 9 })), "expected `k` from 1 to `experts`, found 9");
    assert_eq!(refused(json!({ "gamma": 0 })), "expected `gamma` above 0, found 0");
    assert_eq!(refused(json!({ "entropy": -1 })), "expected `entropy` at least 0, found -1");
}

/// Selectors over eight given experts, learned on `0.7 E_a + 0.3 E_b`: the experts that are left.
fn select_planted(seed: u64, k: usize, planted: [usize; 2], entropy: f64) -> Vec<usize> {
    const ROWS: usize = 200;
    let names = vec!["a".to_string()];
    let outputs = crate::supervision::Outputs {
        names,
        kinds: vec![torso_core::data::TaskKind::Regression],
        grouped: false,
    };
    let (settings, own) = (NetworkSettings::default(), Map::new());
    let mut params = torso_tape::Params::new(Seed(seed));
    let mut layout = crate::layout::Layout {
        params: &mut params,
        context: crate::layout::Context { outputs: &outputs, settings: &settings, own: &own },
        encoder: crate::encoder::Encoder::new(&settings, 2, None).unwrap(),
        plan: &Value::Null,
        room: usize::MAX,
    };
    let own = super::Settings { experts: 8, k, gamma: 1.0, entropy };
    let selectors = super::Selectors::declare(&mut layout, &own).unwrap();
    let mut stream = Seed(seed).stream("test", "experts", 0);
    let mut draw = || -> Vec<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "draws")]
        (0..ROWS).map(|_| torso_core::seed::normal(&mut stream) as f32).collect()
    };
    let experts: Vec<Vec<f32>> = (0..8).map(|_| draw()).collect();
    let [a, b] = planted.map(|e| &experts[e]);
    let targets: Vec<f32> = a.iter().zip(b).map(|(a, b)| 0.7 * a + 0.3 * b).collect();
    let config = torso_tape::OptimizerConfig::AdamW {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 0.0,
    };
    let mut optimizer = torso_tape::Optimizer::new(&config, &params);
    let mut gradient = vec![0.0; params.len()];
    let mut tape = torso_tape::Tape::new();
    for _ in 0..1500 {
        tape.clear();
        let experts: Vec<_> = experts.iter().map(|values| tape.input(values, 1)).collect();
        let mut forward = crate::network::Forward {
            tape: &mut tape,
            params: &params,
            input: experts[0],
            groups: &[],
            mode: &mut crate::network::Mode::Evaluation,
            settings: &settings,
        };
        let gates = selectors.record(&mut forward, 0);
        let y = tape.gate(gates, &experts);
        let kind = torso_tape::LossKind::Squared;
        tape.loss(y, 0..1, &torso_tape::LossSpec::new(kind, &targets));
        tape.backward(&params, &[1.0], &mut gradient);
        selectors.penalize(&params, entropy, &mut gradient);
        optimizer.step(&mut params, &gradient, 3e-3);
    }
    let (chosen, _) = selectors.chosen(&params);
    let mut chosen = chosen[0].clone();
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

#[test]
fn selectors_find_planted_experts() {
    let entropy = super::Settings::default().entropy;
    for seed in 0..5 {
        assert_eq!(select_planted(seed, 1, [2, 5], entropy), [2]);
        assert_eq!(select_planted(seed, 2, [2, 5], entropy), [2, 5]);
        // The codes 010 and 011: one selector between the two fits as well, so that both end there.
        assert_eq!(select_planted(seed, 2, [2, 3], entropy).len(), 1);
    }
}
