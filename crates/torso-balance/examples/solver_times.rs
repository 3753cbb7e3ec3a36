//! Times what a method on the Gramian does beyond forming it: the median of many runs of `weigh`,
//! on one thread, for random gradients and for gradients that are all against their mean.
//!
//! `cargo run --release -p torso-balance --example solver_times`
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::hint::black_box;
use std::time::Instant;

use serde_json::Map;
use torso_balance::{Balancer, Gramian, LossForm, Setup, StepView, Weighting};
use torso_core::seed::{Seed, normal};

const METHODS: [&str; 6] = ["upgrad", "mgda", "cagrad", "nash-mtl", "pcgrad", "aligned-mtl"];
const WIDTH: usize = 1000;
/// Jacobians, and runs on each.
const DRAWS: u64 = 20;
const RUNS: usize = 100;

fn main() {
    println!("{:>12} {:>6} {:>14} {:>14}", "method", "tasks", "random", "conflicting");
    for id in METHODS {
        for n in [8, 40] {
            let [random, conflicting] = [false, true].map(|conflict| median(id, n, conflict));
            match (random, conflicting) {
                (Some(random), Some(conflicting)) => {
                    println!("{id:>12} {n:>6} {random:>11.1} us {conflicting:>11.1} us");
                }
                _ => println!("{id:>12} is not there"),
            }
        }
    }
}

/// The median time of a step in microseconds; `None` if no weighting has this id.
fn median(id: &str, n: usize, conflict: bool) -> Option<f64> {
    let mut times = Vec::new();
    for draw in 0..DRAWS {
        let gramian = gramian(n, conflict, draw);
        let mut method = weighting(id, n)?;
        let tasks: Vec<usize> = (0..n).collect();
        let losses = vec![1.0; n];
        let mut weights = vec![0.0; n];
        for step in 0..RUNS {
            let view = StepView { tasks: &tasks, losses: &losses, cross: &[], step, epoch: 0 };
            let start = Instant::now();
            black_box(method.weigh(black_box(&gramian), &view, &mut weights));
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    Some(times[times.len() / 2])
}

fn weighting(id: &str, n: usize) -> Option<Box<dyn Weighting>> {
    let forms = vec![LossForm::Squared; n];
    let setup = Setup { forms: &forms, settings: &Map::new(), trial: 0, seed: Seed(1) };
    match (torso_balance::find(id)?.build)(&setup) {
        Ok(Balancer::Weighting(method)) => Some(method),
        _ => None,
    }
}

/// Of standard normal gradients; with a conflict, each less 1.1 times their mean.
fn gramian(n: usize, conflict: bool, draw: u64) -> Gramian {
    let mut stream = Seed(9).stream("jacobian", "", draw);
    let mut rows: Vec<f64> = (0..n * WIDTH).map(|_| normal(&mut stream)).collect();
    if conflict {
        for column in 0..WIDTH {
            let mean = (0..n).map(|i| rows[i * WIDTH + column]).sum::<f64>() / n as f64;
            (0..n).for_each(|i| rows[i * WIDTH + column] -= 1.1 * mean);
        }
    }
    Gramian::of_rows(n, &rows)
}
