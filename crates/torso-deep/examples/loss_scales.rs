//! Whether the scale of a task's loss matters: eight regressions are learned as they are, and with
//! their losses multiplied by factors from 0.01 to 100. Prints each method's final loss, the mean
//! over tasks in units of the labels' variance, with and without the factors.
//!
//! `cargo run --release -p torso-deep --example loss_scales`
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]
#![expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]

mod eight_tasks;

use eight_tasks::{EightTasks, TABLE, TASKS};
use serde_json::{Map, Value};
use torso_balance::{Balancer, Heads, LossForm, Rows, Setup, StepView};
use torso_core::seed::Seed;
use torso_tape::{HeadGradient, Optimizer, OptimizerConfig};

const STEPS: usize = 3000;
const SEEDS: u64 = 5;
/// Methods with their settings: learned weights have to cross nine units of a logarithm.
const METHODS: [(&str, &str); 14] = [
    ("equal", "{}"),
    ("uncertainty", "{}"),
    ("uncertainty", r#"{"lr": 0.1}"#),
    ("imtl-l", "{}"),
    ("imtl-l", r#"{"lr": 0.1}"#),
    ("gls", "{}"),
    ("log-sum", "{}"),
    ("famo", "{}"),
    ("nash-mtl", "{}"),
    ("imtl-g", "{}"),
    ("config", "{}"),
    ("db-mtl", "{}"),
    ("mgda", "{}"),
    ("upgrad", "{}"),
];

fn main() {
    println!("method\tplain\tscaled\tchange_percent\tlargest_task_change_percent");
    for (id, settings) in METHODS {
        let (mut plain, mut scaled) = ([0.0; TASKS], [0.0; TASKS]);
        for seed in 0..SEEDS {
            let add = |sums: &mut [f64; TASKS], factors: [f64; TASKS]| {
                let losses = train(id, settings, Seed(seed), factors);
                sums.iter_mut().zip(losses).for_each(|(sum, loss)| *sum += loss / SEEDS as f64);
            };
            add(&mut plain, [1.0; TASKS]);
            add(&mut scaled, std::array::from_fn(|t| 10f64.powf(4.0 * t as f64 / 7.0 - 2.0)));
        }
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / TASKS as f64;
        let change = |from: f64, to: f64| 100.0 * (to / from - 1.0);
        let tasks = plain.iter().zip(&scaled).map(|(plain, scaled)| change(*plain, *scaled));
        let largest = tasks.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
        let (plain, scaled) = (mean(&plain), mean(&scaled));
        println!(
            "{id} {settings}\t{plain:.4}\t{scaled:.4}\t{:.1}\t{largest:.1}",
            change(plain, scaled)
        );
    }
}

/// Trains with losses multiplied by `factors`; gives the final losses without them.
fn train(id: &str, settings: &str, seed: Seed, factors: [f64; TASKS]) -> Vec<f64> {
    let entry = torso_balance::find(id).unwrap_or_else(|| panic!("no method {id}"));
    let settings: Map<String, Value> =
        serde_json::from_str(settings).unwrap_or_else(|error| panic!("{error}"));
    let setup = Setup { forms: &[LossForm::Squared; TASKS], settings: &settings, trial: 0, seed };
    let mut balancer = (entry.build)(&setup).unwrap_or_else(|error| panic!("{error}"));
    let heads = match entry.heads {
        Heads::Weighted => HeadGradient::Weighted,
        Heads::Own => HeadGradient::Own,
    };
    let mut of = EightTasks::new(seed);
    let config = OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
    let mut optimizer = Optimizer::new(&config, &of.params);
    let mut gradient = vec![0.0; of.params.len()];
    for step in 0..STEPS {
        let rows = of.batch(step);
        of.record(&rows);
        of.tape.jacobian(&of.params, &mut of.jacobian);
        let losses = scaled_losses(&of, &factors);
        let tasks: Vec<usize> = (0..TASKS).collect();
        let view = StepView { tasks: &tasks, losses: &losses, cross: &[], step, epoch: step / 30 };
        let mut weights = vec![1.0; TASKS];
        match &mut balancer {
            Balancer::Scalarizer(method) => {
                method.weigh(&view, &mut weights);
            }
            Balancer::Weighting(method) => {
                method.weigh(&of.gramian().scaled(&factors), &view, &mut weights);
            }
            Balancer::Aggregator(method) => {
                let mut single = Vec::new();
                of.jacobian.rows(&mut single);
                let width = single.len() / TASKS;
                let scaled = single.iter().enumerate();
                let scaled: Vec<f64> =
                    scaled.map(|(at, g)| f64::from(*g) * factors[at / width]).collect();
                let mut direction = vec![0.0; width];
                method.aggregate(Rows::new(TASKS, &scaled), &view, &mut direction);
                of.jacobian.place(&direction, &mut gradient);
            }
        }
        if !matches!(balancer, Balancer::Aggregator(_)) {
            let own: Vec<f32> = weights.iter().zip(&factors).map(|(w, f)| (w * f) as f32).collect();
            of.jacobian.combine(&own, heads, &mut gradient);
        }
        // Half a cosine down, so that the last steps compare where the trainings end.
        let rate = 3e-3 * 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / STEPS as f64).cos());
        optimizer.step(&mut of.params, &gradient, rate);
        if let Balancer::Scalarizer(method) = &mut balancer {
            of.record(&rows);
            method.after_step(&view, &scaled_losses(&of, &factors));
        }
    }
    let all: Vec<usize> = (0..TABLE).collect();
    of.record(&all);
    of.tape.losses().iter().map(|loss| f64::from(*loss)).collect()
}

fn scaled_losses(of: &EightTasks, factors: &[f64; TASKS]) -> Vec<f64> {
    of.tape.losses().iter().zip(factors).map(|(loss, f)| f64::from(*loss) * f).collect()
}
