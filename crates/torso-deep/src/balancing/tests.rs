#![expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]

use serde_json::{Map, Value, json};
use torso_balance::Gramian;
use torso_core::data::{Layout, TaskData};
use torso_core::estimator::{Epoch, Estimator, Trace};
use torso_core::features::Design;

use super::*;
use crate::arms::Joint;
use crate::arms::tests::{columns, fit, groups, rows, small};
use crate::network::{Blueprint, Mode};
use crate::sharing;

fn joint(id: &str, method: Value, settings: NetworkSettings) -> Joint {
    let Value::Object(method) = method else { panic!("settings are an object") };
    let entry = torso_balance::find(id).unwrap();
    Joint::new((&sharing::hard::METHOD, Map::new()), (entry, method), settings)
}

fn trained(id: &str, settings: NetworkSettings, data: &(TaskData, Design)) -> Trace {
    fit(&joint(id, json!({}), settings), data, 1).unwrap().trace().clone()
}

#[test]
fn every_method_learns_columns_with_missing_labels_and_groups() {
    for entry in torso_balance::methods() {
        let id = entry.method.id;
        for data in [columns(), groups()] {
            let estimator = joint(id, json!({}), small());
            if entry.sees == Sees::Rotated && data.0.layout() == Layout::Groups {
                assert!(matches!(fit(&estimator, &data, 1), Err(FitError::Unsuitable { .. })));
                continue;
            }
            assert!(estimator.check(&data.0).is_ok());
            let model = fit(&estimator, &data, 1).unwrap_or_else(|error| panic!("{id}: {error}"));
            let trace = model.trace();
            let best = &trace.epochs[trace.best_epoch].validation;
            assert!(best.iter().all(|loss| loss.is_finite()), "{id}: {best:?}");
            let mean = best.iter().sum::<f64>() / best.len() as f64;
            let first = trace.epochs[0].validation.iter().sum::<f64>() / best.len() as f64;
            assert!(mean < first, "{id} learned nothing: {first} to {mean}");
            assert!(trace.balance.steps > 0, "{id}");
            assert!(!trace.balance.cosines.is_empty(), "{id}");
        }
    }
}

#[test]
fn looking_at_the_conflict_changes_no_bit_and_sees_what_methods_see() {
    for (data, id) in [(columns(), "equal"), (columns(), "famo"), (groups(), "uncertainty")] {
        // Gradients for heads of their own take another way through the walk.
        for heads in [None, Some(HeadsFollow::Own)] {
            let at = |conflict_steps: usize| {
                let settings = NetworkSettings { heads, conflict_steps, ..small() };
                let model = fit(&joint(id, json!({}), settings), &data, 1).unwrap();
                let predictions = model.predict_all(&data.1, data.0.n_tasks(), &[0, 9]);
                (predictions, model.trace().epochs.clone())
            };
            let seen = |epochs: &[Epoch]| epochs.iter().filter(|e| !e.cosine.is_nan()).count();
            let (often, never) = (at(1), at(0));
            assert_eq!(often.0, never.0, "{id}");
            assert_eq!((seen(&often.1), seen(&never.1)), (often.1.len(), 0), "{id}");
        }
    }
}

/// A network of the mixed tasks with its pass recorded, and one step of a method on it.
struct Step {
    tape: Tape<f32>,
    network: Network,
    gradient: Vec<f32>,
    balancing: Balancing,
}

fn one_step(id: &str, settings: &NetworkSettings, step: usize) -> Step {
    let (data, design) = columns();
    let train = rows(|row| row % 5 > 0);
    let supervision = Supervision::columns(&data, &[0, 1, 2], &train);
    let inputs = Inputs::new(&design);
    let rotates = torso_balance::find(id).unwrap().sees == Sees::Rotated;
    let network = Network::new(
        Blueprint {
            sharing: &sharing::hard::METHOD,
            own: Map::new(),
            plan: Value::Null,
            n_inputs: inputs.n_columns,
            image: None,
            outputs: supervision.outputs(),
            rotates,
            settings: settings.clone(),
        },
        Seed(3),
        usize::MAX,
    )
    .unwrap();
    let forms: Vec<_> = data.tasks().iter().map(|task| form(&task.kind)).collect();
    let setup = Setup { forms: &forms, settings: &Map::new(), trial: 0, seed: Seed(3) };
    let entry = torso_balance::find(id).unwrap();
    let mut balancing = Balancing::start(entry, &setup, settings).unwrap();
    let mut batch = Batch::default();
    batch.fill(&supervision, &train);
    let mut tape = Tape::new();
    let mut gradient = vec![f32::NAN; network.params.len()];
    for step in 0..=step {
        let mut dropout = Seed(3).stream("dropout", "", 0);
        let mut mode = Mode::Training(&mut dropout);
        let cuts = network.record(&mut tape, &inputs, &batch, &supervision, &mut mode);
        let pass = Pass {
            network: &network,
            inputs: &inputs,
            supervision: &supervision,
            training_rows: &train,
            batch: &batch,
            seed: Seed(3),
            step,
            epoch: 0,
        };
        balancing.step(&pass, &mut tape, cuts.as_ref(), &mut gradient);
    }
    Step { tape, network, gradient, balancing }
}

/// The gradient of the tasks' weighted losses, heads as asked, from the whole Jacobian.
fn expected(of: &mut Step, heads: HeadGradient) -> Vec<f32> {
    let weights: Vec<f32> = of.balancing.weights().iter().map(|w| *w as f32).collect();
    let mut jacobian = Jacobian::new();
    of.tape.jacobian(&of.network.params, &mut jacobian);
    let mut gradient = vec![0.0; of.network.params.len()];
    jacobian.combine(&weights, heads, &mut gradient);
    gradient
}

fn assert_close(found: &[f32], expected: &[f32]) {
    let size = expected.iter().map(|g| g * g).sum::<f32>().sqrt();
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5 * size, "{found} for {expected}");
    }
}

#[test]
fn however_weights_came_about_they_combine_the_same_gradients() {
    let gradients = [
        TaskGradients::Exact,
        TaskGradients::Representation,
        TaskGradients::Rows,
        TaskGradients::Steps,
    ];
    for task_gradients in gradients {
        for (follow, heads) in
            [(HeadsFollow::Own, HeadGradient::Own), (HeadsFollow::Weighted, HeadGradient::Weighted)]
        {
            let settings = NetworkSettings {
                task_gradients,
                heads: Some(follow),
                gradient_steps: 2,
                ..small()
            };
            for (id, step) in [("mgda", 0), ("mgda", 1), ("uncertainty", 1), ("gradnorm", 0)] {
                if id == "gradnorm" && task_gradients != TaskGradients::Exact {
                    continue;
                }
                let mut found = one_step(id, &settings, step);
                // Nothing moved between the steps, so the pass is the same in each.
                let expected = expected(&mut found, heads);
                assert_close(&found.gradient, &expected);
            }
        }
    }
}

#[test]
fn weights_are_those_of_the_gramian_that_was_asked_for() {
    let exact = one_step("mgda", &small(), 0);
    let mut all = exact;
    let mut jacobian = Jacobian::new();
    all.tape.jacobian(&all.network.params, &mut jacobian);
    let mut gramian = Vec::new();
    jacobian.gramian(&mut gramian);
    let gramian = Gramian::new(3, gramian);
    let weights = all.balancing.weights();
    let (reach, square) = (gramian.times(weights), gramian.squared_norm(weights));
    assert!(reach.iter().all(|reach| *reach >= square - 1e-9 * gramian.trace()));

    let settings = |task_gradients| NetworkSettings { task_gradients, ..small() };
    let other = one_step("mgda", &settings(TaskGradients::Representation), 0);
    assert_ne!(all.balancing.weights(), other.balancing.weights());
    // All rows sampled are the batch itself.
    let rows = NetworkSettings { gradient_rows: 1000, ..settings(TaskGradients::Rows) };
    let rows = one_step("mgda", &rows, 0);
    for (rows, exact) in rows.balancing.weights().iter().zip(weights) {
        assert!((rows - exact).abs() < 1e-4, "{rows} for {exact}");
    }
}

#[test]
fn equal_norms_give_every_method_a_step_of_one_length() {
    let settings = NetworkSettings { equal_norm: true, ..small() };
    for id in ["equal", "mgda", "upgrad", "graddrop", "imtl-l"] {
        let mut of = one_step(id, &settings, 0);
        let mut jacobian = Jacobian::new();
        of.tape.jacobian(&of.network.params, &mut jacobian);
        let mut gramian = Vec::new();
        jacobian.gramian(&mut gramian);
        let target = Gramian::new(3, gramian).trace();
        // The heads hold all but the shared part.
        let mut heads = of.gradient.clone();
        jacobian.scale_shared(0.0, &mut heads);
        let square = |v: &[f32]| v.iter().map(|g| f64::from(g * g)).sum::<f64>();
        let shared = square(&of.gradient) - square(&heads);
        assert!((shared / target - 1.0).abs() < 1e-3, "{id}: {shared} for {target}");
    }
}

#[test]
fn one_task_shares_nothing_and_it_is_said() {
    let (data, design) = columns();
    let one = torso_core::data::TaskData::new(
        "t",
        "",
        data.features().clone(),
        vec![data.tasks()[1].clone()],
        data.layout(),
    );
    let trace = trained("nash-mtl", small(), &(one.unwrap(), design));
    let (status, n) = &trace.balance.statuses[0];
    assert_eq!(status, "no solution: nothing is shared; every task followed its own gradient");
    assert_eq!(*n, trace.balance.steps);
}

#[test]
fn cheaper_gradients_and_equal_norms_are_refused_where_they_cannot_be() {
    let data = columns();
    let rows = NetworkSettings { task_gradients: TaskGradients::Rows, ..small() };
    for id in ["graddrop", "gradnorm", "modo", "rotograd"] {
        let refused = joint(id, json!({}), rows.clone()).check(&data.0);
        assert!(matches!(refused, Err(FitError::Unsuitable { .. })), "{id}");
    }
    assert!(joint("mgda", json!({}), rows.clone()).check(&data.0).is_ok());
    let both = NetworkSettings { equal_norm: true, ..rows };
    assert!(both.check().is_err());
    let equal = NetworkSettings { equal_norm: true, ..small() };
    for id in ["gradnorm", "rotograd"] {
        let refused = joint(id, json!({}), equal.clone()).check(&data.0);
        assert!(matches!(refused, Err(FitError::Unsuitable { .. })), "{id}");
    }
}

#[test]
fn rotated_heads_start_as_heads_side_by_side_to_the_bit() {
    let rotated = one_step("rotograd", &small(), 0);
    let stacked = one_step("equal", &small(), 0);
    assert_eq!(rotated.tape.losses(), stacked.tape.losses());
    assert_eq!(rotated.network.rotations().len(), 3);
    // Rotations are turned, not descended.
    for &rotation in rotated.network.rotations() {
        let span = rotated.network.params.range(rotation).span();
        assert!(rotated.gradient[span].iter().all(|g| *g == 0.0));
    }
}

#[test]
fn rotations_turn_opposed_gradients_to_one_direction() {
    // Two regressions on opposite labels, their heads equal: opposite gradients at first.
    let (data, design) = columns();
    let labels: Vec<f64> = (0..data.n_rows()).map(|row| f64::from(row as u32 % 7) - 3.0).collect();
    let task = |name: &str, sign: f64| torso_core::data::Task {
        name: name.to_string(),
        kind: TaskKind::Regression,
        labels: torso_core::data::Labels::from_column(
            &labels.iter().map(|y| sign * y).collect::<Vec<f64>>(),
        ),
    };
    let tasks = vec![task("a", 1.0), task("b", -1.0)];
    let data = TaskData::new("t", "", data.features().clone(), tasks, Layout::Columns).unwrap();
    let train = rows(|_| true);
    let supervision = Supervision::columns(&data, &[0, 1], &train);
    let inputs = Inputs::new(&design);
    let entry = torso_balance::find("rotograd").unwrap();
    let blueprint = Blueprint {
        sharing: &sharing::hard::METHOD,
        own: Map::new(),
        plan: Value::Null,
        n_inputs: inputs.n_columns,
        image: None,
        outputs: supervision.outputs(),
        rotates: true,
        settings: small(),
    };
    let mut network = Network::new(blueprint, Seed(3), usize::MAX).unwrap();
    let [a, b] = ["head.a.weight", "head.b.weight"].map(|name| network.params.find(name).unwrap());
    // Small, so that predictions near 0 leave the gradients to the labels.
    let weight: Vec<f32> = network.params.get(a).iter().map(|w| 0.01 * w).collect();
    network.params.get_mut(a).copy_from_slice(&weight);
    network.params.get_mut(b).copy_from_slice(&weight);
    let forms = [LossForm::Squared; 2];
    let setup = Setup { forms: &forms, settings: &Map::new(), trial: 0, seed: Seed(3) };
    let mut balancing = Balancing::start(entry, &setup, &small()).unwrap();
    let mut batch = Batch::default();
    batch.fill(&supervision, &train);
    let (mut tape, mut gradient) = (Tape::new(), vec![0.0; network.params.len()]);
    let mut cosines = Vec::new();
    for step in 0..200 {
        let cuts = network.record(&mut tape, &inputs, &batch, &supervision, &mut Mode::Evaluation);
        let pass = Pass {
            network: &network,
            inputs: &inputs,
            supervision: &supervision,
            training_rows: &train,
            batch: &batch,
            seed: Seed(3),
            step,
            epoch: 0,
        };
        balancing.step(&pass, &mut tape, cuts.as_ref(), &mut gradient);
        cosines.push(balancing.take_cosine());
        network.turn(balancing.rotations().unwrap());
    }
    assert!(cosines[0] < -0.999, "{}", cosines[0]);
    assert!(cosines[199] > 0.5, "{}", cosines[199]);
}
