//! Trace norms (3.2.2): ten tasks whose first layers are mixtures of two, around no common mean.

use serde_json::json;
use torso_core::finding::Finding;
use torso_core::seed::{Seed, normal};

use crate::Row;
use crate::kit::{Interval, Outcome, Parts, Planted, Spend, learn, paired, shuffled};

const TASKS: usize = 10;
const D: usize = 20;
const UNITS: usize = 2;
const PARTS: Parts = Parts { train: 60, validation: 60, test: 500 };
const TRIALS: usize = 6;
const EPOCHS: usize = 800;
const SEEDS: u64 = 20;

/// `y_t = a' relu(W_t' x) + noise`, with `W_t = cos(2 pi t / T) L_1 + sin(2 pi t / T) L_2`, whose mean
/// over the tasks is 0; or with a `W_t` for each task.
fn teacher(is_mixed: bool, seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut stream = Seed(seed).stream("teacher", "", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let n = PARTS.total();
    let inputs = draw(n * D);
    let layers = [draw(D * UNITS), draw(D * UNITS)];
    let task = |t: usize| {
        let (own, noise) = (draw(D * UNITS), draw(n));
        let angle = std::f64::consts::TAU * t as f64 / TASKS as f64;
        let weights: Vec<f64> = if is_mixed {
            let pairs = layers[0].iter().zip(&layers[1]);
            pairs.map(|(a, b)| angle.cos() * a + angle.sin() * b).collect()
        } else {
            own
        };
        let label = |(x, noise): (&[f64], &f64)| {
            let units = weights.chunks(D).enumerate().map(|(unit, w)| {
                let z: f64 = w.iter().zip(x).map(|(w, x)| w * x).sum();
                (1.0 - 0.5 * unit as f64) * z.max(0.0)
            });
            units.sum::<f64>() / (D as f64).sqrt() + 0.2 * noise
        };
        inputs.chunks(D).zip(&noise).map(label).collect()
    };
    let labels = (0..TASKS).map(task).collect();
    (inputs, labels)
}

fn planted(is_mixed: bool, seed: u64) -> (Planted, Vec<f64>, Vec<Vec<f64>>) {
    let (inputs, labels) = teacher(is_mixed, seed);
    (Planted::regressions(&inputs, D, &labels, PARTS), inputs, labels)
}

fn fit(id: &str, planted: &Planted, seed: u64) -> Outcome {
    let spend = Spend { trials: TRIALS, epochs: EPOCHS, batch: PARTS.train };
    learn(id, &[("hidden", json!([8]))], planted, spend, seed)
}

/// The effective rank of the first layer, from its singular values.
fn effective_rank(outcome: &Outcome) -> f64 {
    let Some(Finding::Bars { values, .. }) = outcome.findings.first() else { return f64::NAN };
    let sum: f64 = values.iter().sum();
    let shares = values.iter().map(|value| value / sum).filter(|share| *share > 0.0);
    shares.map(|share| -share * share.ln()).sum::<f64>().exp()
}

/// What a table with these first layers comes to: effective ranks with the chosen strength and with
/// none, and the cut of the mean error in percent, below each task alone, hard sharing, sharing by
/// distance, and each task alone under the same penalty, which is then the norm of its own layer.
pub(crate) struct Figures {
    pub(crate) rank: f64,
    pub(crate) rank_alone: f64,
    pub(crate) cuts: [f64; 4],
}

pub(crate) fn figures(is_mixed: bool, seed: u64) -> Figures {
    let (planted, inputs, labels) = planted(is_mixed, seed);
    let trace = fit("soft-trace", &planted, seed);
    let spend = Spend { trials: 1, epochs: EPOCHS, batch: PARTS.train };
    let none = [("hidden", json!([8])), ("soft-trace.strength", json!(0.0))];
    let alone = learn("soft-trace", &none, &planted, spend, seed);
    let cut = |error: f64| 100.0 * (1.0 - trace.mean() / error);
    let [apart, hard, distance] =
        ["apart", "hard", "soft-l2"].map(|id| fit(id, &planted, seed).mean());
    let shrunk = labels.iter().map(|column| {
        let one = Planted::regressions(&inputs, D, std::slice::from_ref(column), PARTS);
        fit("soft-trace", &one, seed).mean()
    });
    let shrunk = shrunk.sum::<f64>() / TASKS as f64;
    Figures {
        rank: effective_rank(&trace),
        rank_alone: effective_rank(&alone),
        cuts: [apart, hard, distance, shrunk].map(cut),
    }
}

/// The cut of one task's error below its own, beside tasks whose labels are permuted.
pub(crate) fn cut_beside_noise(seed: u64) -> f64 {
    let (whole, inputs, mut labels) = planted(true, seed);
    for (t, column) in labels.iter_mut().enumerate().skip(1) {
        *column = shuffled(column, PARTS, seed + t as u64);
    }
    let mixed = Planted::regressions(&inputs, D, &labels, PARTS);
    let apart = fit("apart", &whole, seed).losses[0];
    100.0 * (1.0 - fit("soft-trace", &mixed, seed).losses[0] / apart)
}

pub(crate) fn rows() -> Vec<Row> {
    let seeds = || 640..640 + SEEDS;
    let mixed: Vec<Figures> = seeds().map(|seed| figures(true, seed)).collect();
    let own: Vec<Figures> = seeds().map(|seed| figures(false, seed)).collect();
    let mean = |of: fn(&Figures) -> f64| mixed.iter().map(of).sum::<f64>() / SEEDS as f64;
    let (rank, rank_alone) = (mean(|f| f.rank), mean(|f| f.rank_alone));
    let row = |condition: &str, cuts: Vec<f64>, bar, met: fn(&Interval) -> bool| {
        let interval = paired(&cuts);
        let Interval { mean, low, high } = interval;
        Row {
            system: "soft-trace",
            condition: condition.to_string(),
            measured: format!("{mean:.1}% [{low:.1}, {high:.1}]"),
            bar,
            met: met(&interval),
        }
    };
    let below = |figures: &[Figures], k: usize| figures.iter().map(|f| f.cuts[k]).collect();
    vec![
        Row {
            system: "soft-trace",
            condition: "first layers of 10 tasks are mixtures of 2: effective rank".into(),
            measured: format!("{rank:.1}; {rank_alone:.1} without the penalty"),
            bar: "1 to 3",
            met: (1.0..=3.0).contains(&rank),
        },
        row("the same: mean error below apart's", below(&mixed, 0), "above 0", |i| i.low > 0.0),
        row("the same: below hard's", below(&mixed, 1), "above 0", |i| i.low > 0.0),
        row("the same: below soft-l2's", below(&mixed, 2), "above 0", |i| i.low > 0.0),
        row(
            "a first layer of its own for each task: mean error below apart's",
            below(&own, 0),
            "at most 2%",
            |i| i.mean <= 2.0,
        ),
        row(
            "mixtures: below each task alone under the same penalty",
            below(&mixed, 3),
            "above 0",
            |i| i.low > 0.0,
        ),
        row(
            "first layers of their own: below each task alone under the same penalty",
            below(&own, 3),
            "at most 2%",
            |i| i.mean <= 2.0,
        ),
        row(
            "mixtures, labels of the other tasks permuted: error of the one left",
            seeds().map(cut_beside_noise).collect(),
            "no cut",
            |i| i.low <= 0.0,
        ),
    ]
}
