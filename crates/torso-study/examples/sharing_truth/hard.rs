//! Hard sharing (3.1a): eight tasks of few rows over common or private features.

use serde_json::json;
use torso_core::seed::{Seed, normal};

use crate::Row;
use crate::kit::{Parts, Planted, Spend, learn, paired, shuffled};

const TASKS: usize = 8;
const D: usize = 20;
const K: usize = 5;
const PARTS: Parts = Parts { train: 40, validation: 40, test: 500 };
const SPEND: Spend = Spend { trials: 4, epochs: 300, batch: 32 };
const SEEDS: u64 = 12;

/// `y_t = a_t' tanh(B_t x) + noise`, `B_t = sqrt(rho) B + sqrt(1 - rho) B'_t`: inputs and labels.
pub fn teacher(rho: f64, seed: u64, n: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut stream = Seed(seed).stream("teacher", "", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let inputs = draw(n * D);
    let common = draw(K * D);
    let task = |_| {
        let (own, head, noise) = (draw(K * D), draw(K), draw(n));
        let features: Vec<f64> = common
            .iter()
            .zip(&own)
            .map(|(b, own)| (rho.sqrt() * b + (1.0 - rho).sqrt() * own) / (D as f64).sqrt())
            .collect();
        let label = |(x, noise): (&[f64], &f64)| {
            let units = features
                .chunks(D)
                .zip(&head)
                .map(|(b, a)| a * b.iter().zip(x).map(|(b, x)| b * x).sum::<f64>().tanh());
            units.sum::<f64>() + 0.3 * noise
        };
        inputs.chunks(D).zip(&noise).map(label).collect()
    };
    let labels = (0..TASKS).map(task).collect();
    (inputs, labels)
}

/// The cut of the mean error by hard sharing, in percent of what each task alone has, seed by seed.
fn cuts(rho: f64, shuffle: bool) -> Vec<f64> {
    let width = json!([32, 16]);
    let settings = [("hidden", width)];
    let cut = |seed: u64| {
        let (inputs, labels) = teacher(rho, seed, PARTS.total());
        let alone = Planted::regressions(&inputs, D, &labels, PARTS);
        let apart = learn("apart", &settings, &alone, SPEND, seed);
        if !shuffle {
            let joint = learn("hard", &settings, &alone, SPEND, seed);
            return 100.0 * (1.0 - joint.mean() / apart.mean());
        }
        // The labels of all tasks but one are permuted; that one is looked at.
        let mixed = labels.iter().enumerate().map(|(t, column)| {
            if t == 0 { column.clone() } else { shuffled(column, PARTS, seed + t as u64) }
        });
        let mixed: Vec<Vec<f64>> = mixed.collect();
        let planted = Planted::regressions(&inputs, D, &mixed, PARTS);
        let joint = learn("hard", &settings, &planted, SPEND, seed);
        100.0 * (1.0 - joint.losses[0] / apart.losses[0])
    };
    (100..100 + SEEDS).map(cut).collect()
}

pub fn rows() -> Vec<Row> {
    let (shared, mixed, unrelated) = (cuts(1.0, false), cuts(1.0, true), cuts(0.0, false));
    let percent = |cuts: &[f64]| {
        let interval = paired(cuts);
        format!("{:.1}% [{:.1}, {:.1}]", interval.mean, interval.low, interval.high)
    };
    vec![
        Row {
            system: "hard",
            condition: "8 tasks of 40 rows over common features: mean error below apart's".into(),
            measured: percent(&shared),
            bar: "at least 25%",
            met: paired(&shared).mean >= 25.0,
        },
        Row {
            system: "hard",
            condition: "the same, labels of the other tasks permuted: error of the one left".into(),
            measured: percent(&mixed),
            bar: "no cut",
            met: paired(&mixed).low <= 0.0,
        },
        Row {
            system: "hard",
            condition: "features of their own (rho = 0): mean error below apart's".into(),
            measured: percent(&unrelated),
            bar: "no cut",
            met: paired(&unrelated).low <= 0.0,
        },
    ]
}
