//! What every registered method must do, whatever it is, and each promise that it makes.

use serde_json::{Map, Value, json};
use torso_core::seed::Seed;

use super::*;
use crate::weighting::testing::{assert_close, random_jacobian};

const FORMS: [LossForm; 3] = [LossForm::Squared, LossForm::CrossEntropy, LossForm::Squared];
const WIDTH: usize = 7;

/// A method under test, with tasks of alternating forms.
fn build(entry: &BalanceMethod, n: usize) -> Balancer {
    let settings = Map::new();
    let forms: Vec<LossForm> = (0..n).map(|t| FORMS[t % 3]).collect();
    (entry.build)(&Setup { forms: &forms, settings: &settings, trial: 1, seed: Seed(7) }).unwrap()
}

/// What one step of a method gives.
struct Answer {
    direction: Vec<f64>,
    status: Status,
}

/// One step on the gradients and losses of some tasks.
fn step(
    balancer: &mut Balancer,
    tasks: &[usize],
    jacobian: &[f64],
    losses: &[f64],
    at: usize,
) -> Answer {
    let n = tasks.len();
    let rows = Rows::new(n, jacobian);
    let gramian = rows.gramian();
    let view = StepView { tasks, losses, cross: gramian.data(), step: at, epoch: at / 4 };
    let (mut weights, mut direction) = (vec![f64::NAN; n], vec![f64::NAN; rows.width()]);
    let status = match balancer {
        Balancer::Scalarizer(method) => {
            let status = method.weigh(&view, &mut weights);
            let after: Vec<f64> = losses.iter().map(|loss| 0.9 * loss).collect();
            method.after_step(&view, &after);
            status
        }
        Balancer::Weighting(method) => method.weigh(&gramian, &view, &mut weights),
        Balancer::Aggregator(method) => {
            weights.clear();
            method.aggregate(rows, &view, &mut direction)
        }
    };
    if !weights.is_empty() {
        rows.combine(&weights, &mut direction);
    }
    Answer { direction, status }
}

fn first_step(entry: &BalanceMethod, jacobian: &[f64], losses: &[f64]) -> Answer {
    let tasks: Vec<usize> = (0..losses.len()).collect();
    step(&mut build(entry, losses.len()), &tasks, jacobian, losses, 0)
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Well-conditioned random gradients of `n` tasks.
fn jacobians(n: usize) -> impl Iterator<Item = Vec<f64>> {
    (0..6)
        .map(move |k| random_jacobian(n, WIDTH, WIDTH, 0.1, &mut Seed(5).stream("contract", "", k)))
}

fn claiming(claim: Claim) -> impl Iterator<Item = &'static BalanceMethod> {
    methods().iter().copied().filter(move |entry| entry.claims.contains(&claim))
}

#[test]
fn ids_are_unique_and_every_file_is_registered() {
    let ids: Vec<&str> = methods().iter().map(|entry| entry.method.id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert!(methods().iter().all(|entry| find(entry.method.id).is_some()));
    assert!(find("no-such-method").is_none());
    for (kind, registered) in [
        ("scalarizer", scalarizer::METHODS.len()),
        ("weighting", weighting::METHODS.len()),
        ("aggregator", aggregator::METHODS.len()),
    ] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(kind);
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, registered, "a file in {kind}/, but no line in its `METHODS`?");
    }
}

#[test]
fn a_method_is_of_the_kind_that_sees_what_it_asks_for() {
    for entry in methods() {
        let fits = match (build(entry, 3), entry.sees) {
            (Balancer::Scalarizer(_), sees) => matches!(sees, Sees::Losses | Sees::LossesAfter),
            (Balancer::Weighting(_), sees) => {
                matches!(
                    sees,
                    Sees::Gramian
                        | Sees::LastLayerGramian
                        | Sees::Rotated
                        | Sees::IndependentBatches
                )
            }
            (Balancer::Aggregator(_), sees) => sees == Sees::Jacobian,
        };
        assert!(fits, "{}", entry.method.id);
    }
}

#[test]
fn answers_are_finite_at_every_scale_and_repeat() {
    for entry in methods() {
        for scale in [0.0, 1e-10, 1.0, 1e10, 1e15] {
            for jacobian in jacobians(3).take(2) {
                let jacobian: Vec<f64> = jacobian.iter().map(|g| g * scale).collect();
                let losses = [scale, 2.0 * scale, 0.5 * scale];
                let run = || {
                    let mut balancer = build(entry, 3);
                    let mut answer = Vec::new();
                    for at in 0..12 {
                        answer = step(&mut balancer, &[0, 1, 2], &jacobian, &losses, at).direction;
                    }
                    answer
                };
                let answer = run();
                let id = entry.method.id;
                assert!(answer.iter().all(|d| d.is_finite()), "{id} at {scale}: {answer:?}");
                assert_eq!(answer, run(), "{id}");
            }
        }
    }
}

#[test]
fn awkward_rows_are_met_without_a_panic() {
    let [g, h] = [[1.0, -2.0, 0.5, 0.0], [0.3, 0.1, -1.0, 2.0]];
    let opposed = g.map(|g| -g);
    for rows in [[g, g, g], [g, opposed, h], [g, opposed, opposed], [g, [0.0; 4], h], [[0.0; 4]; 3]]
    {
        for entry in methods() {
            for losses in [[1.0, 1.0, 1.0], [1.0, 0.0, 2.0]] {
                let answer = first_step(entry, rows.as_flattened(), &losses);
                assert!(
                    answer.direction.iter().all(|d| d.is_finite()),
                    "{} on {rows:?}: {:?}, {}",
                    entry.method.id,
                    answer.direction,
                    answer.status
                );
            }
        }
    }
}

#[test]
fn one_task_is_followed() {
    let gradient = [0.3, -1.0, 2.0];
    for entry in methods() {
        let answer = first_step(entry, &gradient, &[0.7]);
        let cosine = cosine(&answer.direction, &gradient);
        assert!(cosine > 1.0 - 1e-9, "{}: {:?}", entry.method.id, answer.direction);
    }
}

#[test]
fn a_saved_state_is_taken_up_to_the_bit() {
    for entry in methods() {
        let jacobian: Vec<Vec<f64>> = jacobians(4).collect();
        let go = |balancer: &mut Balancer, at: usize| {
            // Tasks come and go.
            let tasks: &[usize] = if at % 3 == 1 { &[0, 2, 3] } else { &[0, 1, 2, 3] };
            let losses: Vec<f64> = tasks.iter().map(|t| 1.0 + (t + at) as f64 / 5.0).collect();
            step(balancer, tasks, &jacobian[at % 6][..tasks.len() * WIDTH], &losses, at).direction
        };
        let mut straight = build(entry, 4);
        let mut saved = Vec::new();
        for at in 0..10 {
            if at == 5 {
                saved = straight.state();
            }
            go(&mut straight, at);
        }
        let mut resumed = build(entry, 4);
        resumed.resume(&saved);
        for at in 5..10 {
            go(&mut resumed, at);
        }
        assert_eq!(go(&mut straight, 10), go(&mut resumed, 10), "{}", entry.method.id);
        assert_eq!(straight.state(), resumed.state(), "{}", entry.method.id);
    }
}

#[test]
fn unknown_and_impossible_settings_are_refused() {
    let build = |entry: &BalanceMethod, settings: &Map<String, Value>| {
        (entry.build)(&Setup { forms: &FORMS, settings, trial: 1, seed: Seed(7) })
    };
    for entry in methods() {
        let unknown = Map::from_iter([("no_such_key".to_string(), json!(1))]);
        let Err(error) = build(entry, &unknown) else {
            panic!("{} took an unknown key", entry.method.id);
        };
        assert!(error.to_string().contains("no_such_key"), "{error}");
        for parameter in entry.method.parameters {
            let at =
                |value: Value| build(entry, &Map::from_iter([(parameter.name.to_string(), value)]));
            let default = serde_json::from_str(parameter.default).unwrap();
            assert!(at(default).is_ok(), "{} {}", entry.method.id, parameter.name);
            assert!(at(json!({})).is_err(), "{} {}", entry.method.id, parameter.name);
            let takes_negative = parameter.range.contains("any");
            let default: Value = serde_json::from_str(parameter.default).unwrap();
            if default.is_number() && !takes_negative {
                let Err(error) = at(json!(-1.5)) else {
                    panic!("{} took {} of -1.5", entry.method.id, parameter.name);
                };
                assert!(error.to_string().contains("-1.5"), "{error}");
            }
        }
    }
}

#[test]
fn who_claims_it_harms_no_task() {
    for entry in claiming(Claim::NonConflicting) {
        for n in [2, 3, 6] {
            for jacobian in jacobians(n) {
                let answer = first_step(entry, &jacobian, &vec![1.0; n]);
                for row in Rows::new(n, &jacobian).iter() {
                    let reach: f64 = row.iter().zip(&answer.direction).map(|(g, d)| g * d).sum();
                    let size = norm(row) * norm(&answer.direction);
                    assert!(reach >= -1e-9 * size, "{}: {reach}", entry.method.id);
                }
            }
        }
    }
}

#[test]
fn who_claims_it_does_not_feel_the_scale_of_a_task() {
    for entry in claiming(Claim::ScaleInvariant) {
        for jacobian in jacobians(4) {
            let (losses, scales) = ([0.5, 1.0, 2.0, 0.8], [1e-2, 1e2, 3.0, 0.5]);
            let plain = first_step(entry, &jacobian, &losses).direction;
            let scaled: Vec<f64> =
                jacobian.iter().enumerate().map(|(at, g)| g * scales[at / WIDTH]).collect();
            let losses: Vec<f64> = losses.iter().zip(scales).map(|(l, s)| l * s).collect();
            let scaled = first_step(entry, &scaled, &losses).direction;
            let unit = |v: &[f64]| -> Vec<f64> { v.iter().map(|x| x / norm(v)).collect() };
            assert_close(&unit(&scaled), &unit(&plain), 1e-6);
        }
    }
}

#[test]
fn who_claims_it_does_not_feel_the_order_of_tasks() {
    for entry in claiming(Claim::Permutes) {
        for jacobian in jacobians(3) {
            // The forms of the tasks move along: 0 and 2 are alike.
            let swapped: Vec<f64> =
                [2, 1, 0].iter().flat_map(|t| jacobian[t * WIDTH..][..WIDTH].to_vec()).collect();
            let plain = first_step(entry, &jacobian, &[0.5, 1.0, 2.0]);
            let permuted = first_step(entry, &swapped, &[2.0, 1.0, 0.5]);
            let tolerance = 1e-9 * norm(&plain.direction);
            assert_close(&permuted.direction, &plain.direction, tolerance);
        }
    }
}

#[test]
fn who_claims_it_is_proportional_to_the_gradients() {
    for entry in claiming(Claim::Homogeneous) {
        for jacobian in jacobians(3) {
            let plain = first_step(entry, &jacobian, &[1.0; 3]).direction;
            let scaled: Vec<f64> = jacobian.iter().map(|g| 8.0 * g).collect();
            let scaled = first_step(entry, &scaled, &[1.0; 3]).direction;
            let expected: Vec<f64> = plain.iter().map(|d| 8.0 * d).collect();
            assert_close(&scaled, &expected, 1e-9 * norm(&expected));
        }
    }
}

#[test]
fn who_claims_it_stops_where_no_direction_is_better_for_all() {
    // g3 = -(g1 + 2 g2) / 3.
    let [g1, g2] = [[1.0, 2.0, -1.0], [0.5, -1.0, 3.0]];
    let g3 = [0, 1, 2].map(|j| -(g1[j] + 2.0 * g2[j]) / 3.0);
    for entry in claiming(Claim::ParetoStationary) {
        let answer = first_step(entry, [g1, g2, g3].as_flattened(), &[1.0; 3]);
        assert!(norm(&answer.direction) < 1e-9, "{}: {:?}", entry.method.id, answer.direction);
    }
}
