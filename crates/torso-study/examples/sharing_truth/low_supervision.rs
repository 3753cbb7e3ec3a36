//! Tasks at chosen layers (6.4): six binary tasks that are read off the features, with many labels,
//! and one made of all six, with few.

use serde_json::{Value, json};
use torso_core::data::TaskKind;
use torso_core::seed::{Seed, normal};

use crate::Row;
use crate::kit::{Parts, Planted, Spend, learn, paired, shuffled};

const D: usize = 12;
const LOW: usize = 6;
const PARTS: Parts = Parts { train: 2000, validation: 400, test: 2000 };
/// Rows with a label of the high task, in training and in validation.
const FEW: usize = 200;
const SPEND: Spend = Spend { trials: 1, epochs: 60, batch: 64 };
const SEEDS: std::ops::Range<u64> = 100..116;

/// Inputs; the low tasks `u_k = [b_k' x + noise > 0]`; and the high task `[s_1 s_2 + s_3 s_4 +
/// s_5 s_6 > 0]` of their signs without noise.
fn planted(seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut stream = Seed(seed).stream("hierarchy", "", 0);
    let n = PARTS.total();
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let (inputs, features, noise) = (draw(n * D), draw(LOW * D), draw(n * LOW));
    let mut labels = vec![Vec::new(); LOW + 1];
    for (x, noise) in inputs.chunks(D).zip(noise.chunks(LOW)) {
        let dot = |b: &[f64]| b.iter().zip(x).map(|(b, x)| b * x).sum::<f64>();
        let values: Vec<f64> = features.chunks(D).map(dot).collect();
        for (k, value) in values.iter().enumerate() {
            labels[k].push(f64::from(u8::from(value + 0.5 * noise[k] > 0.0)));
        }
        let sum: f64 = values.chunks(2).map(|pair| pair[0].signum() * pair[1].signum()).sum();
        labels[LOW].push(f64::from(u8::from(sum > 0.0)));
    }
    labels[LOW][FEW..PARTS.train].fill(f64::NAN);
    labels[LOW][PARTS.train + FEW..PARTS.train + PARTS.validation].fill(f64::NAN);
    (inputs, labels)
}

/// The layers of a hierarchy: `low` of the six tasks, `high` of the one made of them.
fn at(low: usize, high: usize) -> Value {
    let mut at: serde_json::Map<String, Value> =
        (0..LOW).map(|k| (format!("y{k}"), low.into())).collect();
    at.insert(format!("y{LOW}"), high.into());
    Value::Object(at)
}

/// The log loss of the high task; `id` learns it with the low ones, or alone.
fn loss(id: &str, places: &Value, shuffle: bool, seed: u64) -> f64 {
    let (inputs, mut labels) = planted(seed);
    let binary = || TaskKind::Binary { classes: ["no".into(), "yes".into()] };
    if id == "apart" {
        labels.drain(..LOW);
    }
    if shuffle {
        for column in &mut labels[..LOW] {
            *column = shuffled(column, PARTS, seed);
        }
    }
    let kinds: Vec<TaskKind> = labels.iter().map(|_| binary()).collect();
    let planted = Planted::columns(&inputs, D, &kinds, &labels, PARTS);
    let settings = [("hidden", json!([32, 32, 32])), ("low-supervision.at", places.clone())];
    *learn(id, &settings, &planted, SPEND, seed).losses.last().expect("the high task is last")
}

pub(crate) fn rows() -> Vec<Row> {
    let all = |id: &str, places: Value, shuffle: bool| -> Vec<f64> {
        SEEDS.map(|seed| loss(id, &places, shuffle, seed)).collect()
    };
    let low = all("low-supervision", at(1, 3), false);
    let top = all("hard", at(1, 3), false);
    let apart = all("apart", at(1, 3), false);
    let reversed = all("low-supervision", at(3, 1), false);
    let mixed = all("low-supervision", at(1, 3), true);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let less = |theirs: &[f64]| {
        paired(&theirs.iter().zip(&low).map(|(theirs, ours)| theirs - ours).collect::<Vec<_>>())
    };
    let row = |condition: &str, theirs: &[f64]| Row {
        system: "low-supervision",
        condition: format!(
            "{condition}: its log loss {:.3} less {:.3} with the low tasks at layer 1",
            mean(theirs),
            mean(&low)
        ),
        measured: less(theirs).to_string(),
        bar: "above 0",
        met: less(theirs).low > 0.0,
    };
    let of_mixed: Vec<f64> = apart.iter().zip(&mixed).map(|(apart, mixed)| apart - mixed).collect();
    let (gain, of_mixed) = (less(&apart), paired(&of_mixed));
    vec![
        row("the high task alone", &apart),
        row("all tasks at layer 3 (hard sharing)", &top),
        row("the high task at layer 1, the low ones at layer 3", &reversed),
        Row {
            system: "low-supervision",
            condition: "labels of the low tasks permuted (control): cut of the loss alone".into(),
            measured: of_mixed.to_string(),
            bar: "a quarter of the gain at most",
            met: of_mixed.mean < gain.mean / 4.0,
        },
    ]
}
