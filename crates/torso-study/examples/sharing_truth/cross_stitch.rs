//! Cross-stitch (6.3): whether stitches tell how much two tasks share and in which layer, and
//! whether they help a task of few rows.

use serde_json::{Value, json};
use torso_core::finding::Finding;

use crate::Row;
use crate::hard::teacher;
use crate::kit::{Parts, Planted, Spend, learn, paired, shuffled};

const D: usize = 20;
const SEEDS: std::ops::Range<u64> = 100..116;

/// The labels of two tasks of the teacher.
fn two(rho: f64, seed: u64, n: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let (inputs, mut labels) = teacher(rho, seed, n);
    labels.truncate(2);
    (inputs, labels)
}

/// The share of the other task in each of two layers.
fn shares(findings: &[Finding]) -> [f64; 2] {
    let bars = findings.iter().find_map(|finding| match finding {
        Finding::Bars { name, values, .. } if name.starts_with("share") => Some(values),
        _ => None,
    });
    let values = bars.expect("stitched networks tell their shares");
    [values[0], values[1]]
}

const WIDE: Parts = Parts { train: 1000, validation: 200, test: 500 };
const SPEND: Spend = Spend { trials: 1, epochs: 150, batch: 32 };
/// Fewer, for tasks of many rows.
const WIDE_SEEDS: std::ops::Range<u64> = 100..110;

/// The shares in both layers and the cut of the mean error, seed by seed, at a part `rho` of shared
/// features.
fn at(rho: f64) -> (Vec<[f64; 2]>, Vec<f64>) {
    let settings = [("hidden", json!([32, 32]))];
    let seed = |seed: u64| {
        let (inputs, labels) = two(rho, seed, WIDE.total());
        let planted = Planted::regressions(&inputs, D, &labels, WIDE);
        let stitched = learn("cross-stitch", &settings, &planted, SPEND, seed);
        let apart = learn("apart", &settings, &planted, SPEND, seed);
        (shares(&stitched.findings), 100.0 * (1.0 - stitched.mean() / apart.mean()))
    };
    WIDE_SEEDS.map(seed).unzip()
}

/// Spearman's correlation of values with their order.
fn spearman(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let rank = |v: &f64| values.iter().filter(|other| *other < v).count() as f64;
    let squares = values.iter().enumerate().map(|(at, v)| (at as f64 - rank(v)).powi(2));
    1.0 - 6.0 * squares.sum::<f64>() / (n * (n * n - 1.0))
}

fn relatedness() -> Vec<Row> {
    let all = [0.0, 0.25, 0.5, 0.75, 1.0].map(at);
    let mean = |shares: &[[f64; 2]], l: usize| {
        shares.iter().map(|share| share[l]).sum::<f64>() / shares.len() as f64
    };
    let of_layer = |l: usize| all.each_ref().map(|(shares, _)| mean(shares, l));
    let layers = [of_layer(0), of_layer(1)];
    let rise = layers.each_ref().map(|layer| spearman(layer));
    let told = |layer: &[f64; 5]| layer.map(|share| format!("{share:.3}")).join(", ");
    let apart: Vec<f64> = all[4].0.iter().map(|share| share[0] - share[1]).collect();
    let less: Vec<f64> =
        all[4].0.iter().zip(&all[0].0).map(|(one, zero)| one[0] - zero[0]).collect();
    let gains = all.each_ref().map(|(_, cuts)| paired(cuts));
    vec![
        Row {
            system: "cross-stitch",
            condition: "share of the other task at rho = 0, .25, .5, .75, 1, layer 1; layer 2: \
                        Spearman with rho"
                .into(),
            measured: format!(
                "{:.2} ({}); {:.2} ({})",
                rise[0],
                told(&layers[0]),
                rise[1],
                told(&layers[1])
            ),
            bar: "at least 0.8",
            met: rise.iter().all(|rise| *rise >= 0.8),
        },
        Row {
            system: "cross-stitch",
            condition: "only features of layer 1 shared (rho = 1): share in layer 1 less layer 2"
                .into(),
            measured: paired(&apart).to_string(),
            bar: "above 0",
            met: paired(&apart).low > 0.0,
        },
        Row {
            system: "cross-stitch",
            condition: "share in layer 1 at rho = 1 less at rho = 0 (control)".into(),
            measured: paired(&less).to_string(),
            bar: "above 0",
            met: paired(&less).low > 0.0,
        },
        Row {
            system: "cross-stitch",
            condition: "cut of apart's error at rho = 1; at rho = 0 (control), percent".into(),
            measured: format!("{:.1}; {:.1}", gains[4], gains[0]),
            bar: "above 0; not below -2",
            met: gains[4].low > 0.0 && gains[0].low > -2.0,
        },
    ]
}

const STARVED: Parts = Parts { train: 1000, validation: 200, test: 500 };
const LONG: Spend = Spend { trials: 1, epochs: 120, batch: 64 };

/// Task B keeps 30 labels for training and 30 for validation.
fn starve(labels: &mut [f64]) {
    let Parts { train, validation, .. } = STARVED;
    labels[30..train].fill(f64::NAN);
    labels[train + 30..train + validation].fill(f64::NAN);
}

/// The error of task B.
fn error_of_few(id: &str, hidden: &Value, rate: f64, shuffle: bool, seed: u64) -> f64 {
    let (inputs, mut labels) = two(0.9, seed, STARVED.total());
    starve(&mut labels[1]);
    if shuffle {
        labels[0] = shuffled(&labels[0], STARVED, seed);
    }
    let planted = Planted::regressions(&inputs, D, &labels, STARVED);
    let settings = [("hidden", hidden.clone()), ("cross-stitch.rate", json!(rate))];
    learn(id, &settings, &planted, LONG, seed).losses[1]
}

fn few_rows() -> Vec<Row> {
    let errors = |id: &str, hidden: Value, rate: f64, shuffle: bool| -> Vec<f64> {
        SEEDS.map(|seed| error_of_few(id, &hidden, rate, shuffle, seed)).collect()
    };
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
    let one = || json!([32]);
    let stitched = errors("cross-stitch", one(), 10.0, false);
    let rivals = [
        ("apart", errors("apart", one(), 10.0, false)),
        ("apart of twice the width", errors("apart", json!([64]), 10.0, false)),
        ("hard", errors("hard", one(), 10.0, false)),
    ];
    let best = rivals.iter().min_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1))).expect("rivals");
    let cut = |ours: &[f64], theirs: &[f64]| -> Vec<f64> {
        ours.iter().zip(theirs).map(|(ours, theirs)| 100.0 * (1.0 - ours / theirs)).collect()
    };
    let gain = paired(&cut(&stitched, &best.1));
    let beside_alone = paired(&cut(&stitched, &rivals[0].1));
    let mixed = paired(&cut(&errors("cross-stitch", one(), 10.0, true), &rivals[0].1));
    let rates = [1.0, 100.0].map(|rate| mean(&errors("cross-stitch", one(), rate, false)));
    let told = rivals.iter().map(|(name, errors)| format!("{name} {:.3}", mean(errors)));
    let told = told.collect::<Vec<_>>().join(", ");
    vec![
        Row {
            system: "cross-stitch",
            condition: format!(
                "30 labels beside 1000 (rho = .9), one layer: error {:.3} ({told}); cut of the \
                 best, {}, percent",
                mean(&stitched),
                best.0
            ),
            measured: format!("{gain:.1}"),
            bar: "above 0",
            met: gain.low > 0.0,
        },
        Row {
            system: "cross-stitch",
            condition:
                "the same beside apart; labels of the other task permuted (control), percent".into(),
            measured: format!("{beside_alone:.1}; {mixed:.1}"),
            bar: "above 0; a quarter at most",
            met: beside_alone.low > 0.0 && mixed.mean < beside_alone.mean / 4.0,
        },
        Row {
            system: "cross-stitch",
            condition: "the same at a learning rate of coefficients times 1, 10, 100: error".into(),
            measured: format!("{:.3}, {:.3}, {:.3}", rates[0], mean(&stitched), rates[1]),
            bar: "reported",
            met: true,
        },
    ]
}

pub(crate) fn rows() -> Vec<Row> {
    relatedness().into_iter().chain(few_rows()).collect()
}
