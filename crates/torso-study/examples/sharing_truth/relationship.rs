//! Deep relationship networks (6.1): four tasks of ten rows per class, two pairs of opposed ones.

use serde_json::json;
use torso_core::data::TaskKind;
use torso_core::finding::Finding;
use torso_core::seed::{Seed, normal};

use crate::Row;
use crate::kit::{Interval, Outcome, Parts, Planted, Spend, learn, paired, shuffled};

const TASKS: usize = 4;
const D: usize = 20;
const PER_CLASS: usize = 10;
/// Every row has a label of one task.
const PARTS: Parts =
    Parts { train: TASKS * 2 * PER_CLASS, validation: TASKS * 2 * PER_CLASS, test: 2000 };
const SPEND: Spend = Spend { trials: 6, epochs: 300, batch: 32 };
const SEEDS: u64 = 16;

/// Class 1 of task `t` where `a_t' x + noise > 0`, with `a_1 = -a_0`, `a_3 = -a_2`; or with weights of
/// their own. Of every four rows each task has one; training and validation rows are as many of each
/// class.
fn teacher(is_opposed: bool, seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut stream = Seed(seed).stream("teacher", "", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let mut weights: Vec<Vec<f64>> = (0..TASKS).map(|_| draw(D)).collect();
    if is_opposed {
        for t in [1, 3] {
            weights[t] = weights[t - 1].iter().map(|a| -a).collect();
        }
    }
    let mut row = |t: usize| {
        let x = draw(D);
        let score: f64 = x.iter().zip(&weights[t]).map(|(x, a)| x * a).sum();
        let noise = 0.3 * (D as f64).sqrt() * draw(1)[0];
        (x, f64::from(u8::from(score + noise > 0.0)))
    };
    let (mut inputs, mut labels) = (Vec::new(), vec![Vec::new(); TASKS]);
    for at in 0..PARTS.total() {
        let t = at % TASKS;
        let wanted = (at / TASKS % 2) as f64;
        let (x, class) = loop {
            let (x, class) = row(t);
            if at >= PARTS.train + PARTS.validation || (class - wanted).abs() < 0.5 {
                break (x, class);
            }
        };
        inputs.extend(x);
        for (s, column) in labels.iter_mut().enumerate() {
            column.push(if s == t { class } else { f64::NAN });
        }
    }
    (inputs, labels)
}

fn planted(inputs: &[f64], labels: &[Vec<f64>]) -> Planted {
    let binary = TaskKind::Binary { classes: ["no".into(), "yes".into()] };
    Planted::columns(inputs, D, &vec![binary; TASKS], labels, PARTS)
}

fn fit(id: &str, planted: &Planted, seed: u64) -> Outcome {
    learn(id, &[("hidden", json!([16]))], planted, SPEND, seed)
}

/// The correlation of the tasks' heads: the mean over both pairs, and over all others.
fn correlations(outcome: &Outcome) -> [f64; 2] {
    let Some(Finding::Matrix { values, .. }) = outcome.findings.last() else {
        return [f64::NAN; 2];
    };
    let at = |s: usize, t: usize| values[s * TASKS + t];
    let others = at(0, 2) + at(0, 3) + at(1, 2) + at(1, 3);
    [f64::midpoint(at(0, 1), at(2, 3)), others / 4.0]
}

/// The cut of the mean log loss below hard sharing's, in percent, and the heads' correlations.
pub(crate) fn figures(is_opposed: bool, seed: u64) -> (f64, [f64; 2]) {
    let (inputs, labels) = teacher(is_opposed, seed);
    let planted = planted(&inputs, &labels);
    let related = fit("relationship", &planted, seed);
    let hard = fit("hard", &planted, seed).mean();
    (100.0 * (1.0 - related.mean() / hard), correlations(&related))
}

/// The cut of one task's log loss below its own, beside tasks whose labels are permuted.
pub(crate) fn cut_beside_noise(seed: u64) -> f64 {
    let (inputs, mut labels) = teacher(true, seed);
    let apart = fit("apart", &planted(&inputs, &labels), seed).losses[0];
    for (t, column) in labels.iter_mut().enumerate().skip(1) {
        *column = shuffled(column, PARTS, seed + t as u64);
    }
    100.0 * (1.0 - fit("relationship", &planted(&inputs, &labels), seed).losses[0] / apart)
}

pub(crate) fn rows() -> Vec<Row> {
    let seeds = || 700..700 + SEEDS;
    let opposed: Vec<(f64, [f64; 2])> = seeds().map(|seed| figures(true, seed)).collect();
    let own: Vec<f64> = seeds().map(|seed| figures(false, seed).0).collect();
    let column = |of: fn(&(f64, [f64; 2])) -> f64| opposed.iter().map(of).collect::<Vec<f64>>();
    let (pairs, others) = (paired(&column(|f| f.1[0])), paired(&column(|f| f.1[1])));
    let row = |condition: &str, cuts: &[f64], bar, met: fn(&Interval) -> bool| {
        let interval = paired(cuts);
        let Interval { mean, low, high } = interval;
        Row {
            system: "relationship",
            condition: condition.to_string(),
            measured: format!("{mean:.1}% [{low:.1}, {high:.1}]"),
            bar,
            met: met(&interval),
        }
    };
    vec![
        row(
            "2 pairs of opposed tasks, 10 rows a class: mean log loss below hard's",
            &column(|f| f.0),
            "above 0",
            |i| i.low > 0.0,
        ),
        Row {
            system: "relationship",
            condition: "the same: mean correlation of the heads of a pair; of the others".into(),
            measured: format!("{pairs}; {others}"),
            bar: "below 0",
            met: pairs.high < 0.0,
        },
        row("4 tasks of their own: mean log loss below hard's", &own, "no cut", |i| i.low <= 0.0),
        row(
            "pairs, labels of the other tasks permuted: log loss of the one left below apart's",
            &seeds().map(cut_beside_noise).collect::<Vec<f64>>(),
            "no cut",
            |i| i.low <= 0.0,
        ),
    ]
}
