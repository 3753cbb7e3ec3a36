//! Random Jacobians of every awkward kind: no method panics, every answer is finite, and a method
//! that promises to harm no task harms none where it says that it has an answer.

use rand::RngExt;
use serde_json::Map;
use torso_balance::{Balancer, Claim, LossForm, Rows, Setup, Status, StepView, methods};
use torso_core::seed::{Seed, Stream, normal};

/// Cases for each method; more for a long run.
const CASES: u64 = 2000;

/// Rows that are copies, opposites, sums, zeros or nearly each other, at any scale.
fn jacobian(n: usize, width: usize, stream: &mut Stream) -> Vec<f64> {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for i in 0..n {
        let fresh = |stream: &mut Stream| (0..width).map(|_| normal(stream)).collect::<Vec<f64>>();
        let other = (i > 0).then(|| rows[stream.random_range(0..i)].clone());
        let kind = stream.random_range(0..8);
        let row = match (kind, other) {
            (0, _) => vec![0.0; width],
            (1, Some(row)) => row,
            (2, Some(row)) => row.iter().map(|g| -g).collect(),
            (3, Some(row)) => row.iter().map(|g| g + 1e-9 * normal(stream)).collect(),
            (4, Some(row)) => row.iter().zip(fresh(stream)).map(|(a, b)| a - b).collect(),
            (5, Some(row)) => row.iter().map(|g| g * 1e-3).collect(),
            _ => fresh(stream),
        };
        rows.push(row);
    }
    let scale = 10f64.powi(stream.random_range(-12..16));
    let uneven = stream.random_range(0..3) == 0;
    let stretch: Vec<f64> =
        (0..n).map(|_| if uneven { 10f64.powi(stream.random_range(-4..5)) } else { 1.0 }).collect();
    rows.iter().zip(stretch).flat_map(|(row, s)| row.iter().map(move |g| g * s * scale)).collect()
}

fn losses(n: usize, stream: &mut Stream) -> Vec<f64> {
    let scale = 10f64.powi(stream.random_range(-12..13));
    (0..n)
        .map(|_| if stream.random_range(0..10) == 0 { 0.0 } else { normal(stream).abs() * scale })
        .collect()
}

#[test]
fn no_jacobian_is_too_awkward() {
    for entry in methods() {
        for case in 0..CASES {
            let mut stream = Seed(case).stream("awkward", entry.method.id, 0);
            let (n, width) = (stream.random_range(1..30), stream.random_range(1..30));
            let settings = Map::new();
            let forms = vec![LossForm::Squared; n];
            let setup = Setup { forms: &forms, settings: &settings, trial: 1, seed: Seed(case) };
            let mut balancer = (entry.build)(&setup).unwrap();
            for step in 0..3 {
                let present: Vec<usize> =
                    (0..n).filter(|_| stream.random_range(0..4) > 0).collect();
                let tasks = if present.is_empty() { vec![0] } else { present };
                let m = tasks.len();
                let jacobian = jacobian(m, width, &mut stream);
                let losses = losses(m, &mut stream);
                let rows = Rows::new(m, &jacobian);
                let gramian = rows.gramian();
                let cross = if stream.random_range(0..2) == 0 {
                    gramian.data().to_vec()
                } else {
                    (0..m * m).map(|_| normal(&mut stream)).collect()
                };
                let view =
                    StepView { tasks: &tasks, losses: &losses, cross: &cross, step, epoch: step };
                let (mut weights, mut direction) = (vec![f64::NAN; m], vec![f64::NAN; width]);
                let status = match &mut balancer {
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
                    direction.clear();
                }
                let finite = weights.iter().chain(&direction).all(|value| value.is_finite());
                let id = entry.method.id;
                assert!(
                    finite,
                    "{id}, case {case}: {weights:?} {direction:?} {status} {jacobian:?}"
                );
                if entry.claims.contains(&Claim::NonConflicting) && status == Status::Solved {
                    // Beside the sizes of the sums that make each product. A Gramian does not hold
                    // what two rows differ by below the square root of rounding.
                    let sizes = gramian.diagonal().zip(&weights).map(|(g, w)| g.sqrt() * w.abs());
                    let size: f64 = sizes.sum();
                    for (reach, square) in gramian.times(&weights).iter().zip(gramian.diagonal()) {
                        let least = -4e-7 * square.sqrt() * size;
                        assert!(*reach >= least, "{id}, case {case}: {reach} {jacobian:?}");
                    }
                }
            }
        }
    }
}
