//! What a training step of each sharing architecture costs beside one of hard sharing: four tasks, a
//! perceptron 64-128-128, batches of 128. CPU time of one thread, in turns with hard sharing; the
//! ratio is the median over rounds. Prints a Markdown table.
//!
//! `cargo run --release -p torso-deep --example sharing_cost -- [ARCHITECTURE...]`
#![expect(clippy::print_stdout, reason = "an example prints its findings")]

use std::time::Duration;

use cpu_time::ThreadTime;
use serde_json::{Map, Value, json};
use torso_deep::sharing::{SharingMethod, methods};
use torso_deep::{CostShape, StepCost, step_cost};

const ROUNDS: usize = 15;
const STEPS: u32 = 60;

/// What every parameter costs besides, in multiply-adds: AdamW's moments, root and update.
const OPTIMIZER: u64 = 8;

/// Settings with which an architecture stands as it does after its first stages: tensors of full
/// rank, a tree that splits in two and then in four.
fn own(id: &str) -> Map<String, Value> {
    let settings = match id {
        "low-supervision" => json!({ "at": { "y0": 1, "y1": 1 } }),
        "cross-stitch" => json!({ "pretrain": false }),
        "factor-laf" => json!({ "init": "random", "ranks": [4] }),
        "factor-tt" => json!({ "init": "random", "ranks": [128, 4] }),
        "factor-tucker" => json!({ "init": "random", "ranks": [128, 128, 4] }),
        "fully-adaptive" => json!({ "tree": [[0, 0, 1, 1], [0, 1, 2, 3]] }),
        _ => json!({}),
    };
    settings.as_object().expect("an object").clone()
}

fn main() {
    let start = ThreadTime::now();
    let clock = || start.elapsed();
    let shape = CostShape { n_inputs: 64, hidden: vec![128, 128], n_tasks: 4, batch: 128 };
    let cost = |entry: &'static SharingMethod| -> StepCost {
        step_cost((entry, own(entry.method.id)), &shape, STEPS, &clock).expect("it fits the tasks")
    };
    let hard = torso_deep::sharing::find("hard").expect("hard sharing is there");
    let operations =
        |cost: &StepCost| (cost.multiply_adds + OPTIMIZER * cost.n_parameters as u64) as f64;
    println!(
        "| architecture | parameters | multiply-adds | operations over hard | time over hard | time over operations |"
    );
    println!("|---|---|---|---|---|---|");
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |id: &str| wanted.is_empty() || wanted.iter().any(|other| other == id);
    for entry in methods().iter().copied().filter(|entry| is_wanted(entry.method.id)) {
        let mut ratios = Vec::new();
        let (mut own, mut base) = (cost(entry), cost(hard));
        for _ in 0..ROUNDS {
            (own, base) = (cost(entry), cost(hard));
            ratios.push(seconds(own.time) / seconds(base.time));
        }
        ratios.sort_by(f64::total_cmp);
        let (time, counted) = (ratios[ROUNDS / 2], operations(&own) / operations(&base));
        println!(
            "| {} | {} | {:.2} M | {counted:.2} | {time:.2} [{:.2}, {:.2}] | {:.2} |",
            entry.method.id,
            own.n_parameters,
            own.multiply_adds as f64 / 1e6,
            ratios[1],
            ratios[ROUNDS - 2],
            time / counted,
        );
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
