//! Measures what cheaper task gradients cost: the angle between the direction that a method takes
//! with them and the one that it takes with exact task gradients, along a training.
//!
//! Eight regressions on 20 features, four of one family of functions and four of another; hidden
//! layers of 64 and 64; 300 steps of Adam with 64 rows, over 5 seeds. Prints a table of tab-separated
//! values: method, median and 90th percentile of the angle in degrees for each kind. A method that
//! keeps a state is asked anew in each step.
//!
//! `cargo run --release -p torso-deep --example task_gradients`
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]
#![expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]

mod eight_tasks;

use eight_tasks::{EightTasks, TASKS};
use serde_json::Map;
use torso_balance::{BalanceMethod, Balancer, Gramian, LossForm, Sees, Setup, StepView};
use torso_core::seed::Seed;
use torso_tape::{HeadGradient, Optimizer, OptimizerConfig};

const STEPS: usize = 300;
const SEEDS: u64 = 5;
/// As the settings `gradient-rows` and `gradient-steps` have them by default.
const ROWS: usize = 32;
const EVERY: usize = 5;

const KINDS: [&str; 3] = ["representation", "rows", "steps"];

fn main() {
    let columns = KINDS.map(|kind| format!("{kind}_median\t{kind}_p90"));
    println!("method\t{}", columns.join("\t"));
    for entry in torso_balance::methods().iter().filter(|entry| entry.sees == Sees::Gramian) {
        let mut angles = [const { Vec::new() }; 3];
        for seed in 0..SEEDS {
            measure(&mut EightTasks::new(Seed(seed)), entry, &mut angles);
        }
        let cells = angles.map(|mut angles| {
            angles.sort_by(f64::total_cmp);
            let at = |tenths: usize| angles[(angles.len() - 1) * tenths / 10];
            format!("{:.1}\t{:.1}", at(5), at(9))
        });
        println!("{}\t{}", entry.method.id, cells.join("\t"));
    }
}

fn balancer(entry: &BalanceMethod) -> Balancer {
    let setup = Setup {
        forms: &[LossForm::Squared; TASKS],
        settings: &Map::new(),
        trial: 0,
        seed: Seed(0),
    };
    (entry.build)(&setup).unwrap_or_else(|error| panic!("{error}"))
}

/// Trains by a method with exact task gradients, and adds the angles of the cheaper ones.
fn measure(of: &mut EightTasks, entry: &BalanceMethod, angles: &mut [Vec<f64>; 3]) {
    let config = OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
    let mut optimizer = Optimizer::new(&config, &of.params);
    let mut gradient = vec![0.0; of.params.len()];
    let mut kept = Vec::new();
    for step in 0..STEPS {
        let rows = of.batch(step);
        of.record(&rows[..ROWS]);
        of.tape.jacobian(&of.params, &mut of.jacobian);
        let of_rows = of.gramian();
        let cut = of.record(&rows);
        let mut at_cut = Vec::new();
        of.tape.jacobian_above(&of.params, cut, &mut of.jacobian);
        of.tape.gramian_at(&of.params, cut, &mut at_cut);
        of.record(&rows);
        of.tape.jacobian(&of.params, &mut of.jacobian);
        let exact = of.gramian();
        let weights = weigh(of, entry, &exact, step);
        let others = [
            weigh(of, entry, &Gramian::new(TASKS, at_cut), step),
            weigh(of, entry, &of_rows, step),
        ];
        if step % EVERY == 0 {
            kept.clone_from(&weights);
        }
        for (angles, other) in angles.iter_mut().zip(others.iter().chain([&kept])) {
            angles.push(angle(&exact, &weights, other));
        }
        let single: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
        of.jacobian.combine(&single, HeadGradient::Own, &mut gradient);
        optimizer.step(&mut of.params, &gradient, 3e-3);
    }
}

fn weigh(of: &EightTasks, entry: &BalanceMethod, gramian: &Gramian, step: usize) -> Vec<f64> {
    let losses: Vec<f64> = of.tape.losses().iter().map(|loss| f64::from(*loss)).collect();
    let tasks: Vec<usize> = (0..TASKS).collect();
    let view = StepView { tasks: &tasks, losses: &losses, cross: &[], step, epoch: 0 };
    let mut weights = vec![0.0; TASKS];
    if let Balancer::Weighting(mut method) = balancer(entry) {
        method.weigh(gramian, &view, &mut weights);
    }
    weights
}

/// The angle in degrees between `J' a` and `J' b`.
fn angle(gramian: &Gramian, a: &[f64], b: &[f64]) -> f64 {
    let product: f64 = gramian.times(a).iter().zip(b).map(|(g, b)| g * b).sum();
    let cosine = product / (gramian.squared_norm(a) * gramian.squared_norm(b)).sqrt();
    if cosine.is_nan() { 90.0 } else { cosine.clamp(-1.0, 1.0).acos().to_degrees() }
}
