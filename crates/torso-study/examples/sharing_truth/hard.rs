//! Hard sharing (3.1a): eight tasks of few rows over common or private features.
//!
//! Each task has 40 labels to learn from, on rows of its own. The baseline is `apart` with the same
//! trials, and for each seed the better one on test rows, which favors it, of the joint network's
//! width and weight decay and of twice the width with three times the decay.
//!
//! Noise, widths and decay were settled on other seeds, 0 to 3, the decay for each arm by itself. There
//! the cut was 20% with noise 0.3, and between -3% and 7% with the default decay of 0.001.

use serde_json::json;
use torso_core::seed::{Seed, normal};

use crate::Row;
use crate::kit::{Interval, Parts, Planted, Spend, learn, paired, shuffled};

const TASKS: usize = 8;
const D: usize = 20;
const K: usize = 5;
const NOISE: f64 = 0.1;
/// Rows that a task learns from, and as many for validation.
const LABELS: usize = 40;
const PARTS: Parts = Parts { train: LABELS * TASKS, validation: LABELS * TASKS, test: 500 };
const SPEND: Spend = Spend { trials: 4, epochs: 300, batch: 32 };
const SEEDS: std::ops::Range<u64> = 200..210;

/// `y_t = a_t' tanh(B_t x) + noise`, `B_t = sqrt(rho) B + sqrt(1 - rho) B'_t`: inputs and labels.
pub(crate) fn teacher(rho: f64, seed: u64, n: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
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
            units.sum::<f64>() + NOISE * noise
        };
        inputs.chunks(D).zip(&noise).map(label).collect()
    };
    let labels = (0..TASKS).map(task).collect();
    (inputs, labels)
}

/// Leaves a task the labels of its own rows; all of them for the test.
fn deal(labels: &mut [Vec<f64>]) {
    for (t, column) in labels.iter_mut().enumerate() {
        let learned = &mut column[..PARTS.train + PARTS.validation];
        for (block, labels) in learned.chunks_mut(LABELS).enumerate() {
            if block % TASKS != t {
                labels.fill(f64::NAN);
            }
        }
    }
}

/// What hard sharing cuts off the error of what each task learns alone, in percent.
pub(crate) struct Cut {
    /// Of the mean of all tasks.
    pub(crate) mean: f64,
    /// Of the first.
    first: f64,
    /// Of the first, where the labels of all others are permuted.
    pub(crate) shuffled: f64,
}

pub(crate) fn cut(rho: f64, shuffle: bool, seed: u64) -> Cut {
    let (inputs, mut labels) = teacher(rho, seed, PARTS.total());
    let mut mixed = labels.clone();
    for (t, column) in mixed.iter_mut().enumerate().skip(1) {
        *column = shuffled(column, PARTS, seed + t as u64);
    }
    deal(&mut labels);
    deal(&mut mixed);
    let fit = |arm: &str, width: usize, decay: f64, labels: &[Vec<f64>]| {
        let planted = Planted::regressions(&inputs, D, labels, PARTS);
        let settings = [("hidden", json!([width])), ("weight-decay", json!(decay))];
        learn(arm, &settings, &planted, SPEND, seed)
    };
    let (alike, wide) = (fit("apart", 64, 1.0, &labels), fit("apart", 128, 3.0, &labels));
    let apart = if alike.mean() < wide.mean() { alike } else { wide };
    let joint = fit("hard", 64, 1.0, &labels);
    let percent = |joint: f64, apart: f64| 100.0 * (1.0 - joint / apart);
    let shuffled = if shuffle {
        percent(fit("hard", 64, 1.0, &mixed).losses[0], apart.losses[0])
    } else {
        f64::NAN
    };
    Cut {
        mean: percent(joint.mean(), apart.mean()),
        first: percent(joint.losses[0], apart.losses[0]),
        shuffled,
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let cuts = |rho, shuffle| -> Vec<Cut> { SEEDS.map(|seed| cut(rho, shuffle, seed)).collect() };
    let over = |cuts: &[Cut], of: fn(&Cut) -> f64| paired(&cuts.iter().map(of).collect::<Vec<_>>());
    let common = cuts(1.0, true);
    let shared = over(&common, |cut| cut.mean);
    let (first, mixed) = (over(&common, |cut| cut.first), over(&common, |cut| cut.shuffled));
    let unrelated = over(&cuts(0.0, false), |cut| cut.mean);
    let percent = |cut: &Interval| format!("{:.1}% [{:.1}, {:.1}]", cut.mean, cut.low, cut.high);
    let row = |condition: &str, measured, bar, met| Row {
        system: "hard",
        condition: condition.into(),
        measured,
        bar,
        met,
    };
    vec![
        row(
            "8 tasks over common features, 40 rows each of its own: mean error below apart's",
            percent(&shared),
            "at least 25%",
            shared.mean >= 25.0,
        ),
        row(
            "the same, labels of the other tasks permuted: error of the one left",
            format!("{}, where it is {} else", percent(&mixed), percent(&first)),
            "no cut",
            mixed.low <= 0.0,
        ),
        row(
            "features of their own (rho = 0): mean error below apart's",
            percent(&unrelated),
            "no cut",
            unrelated.low <= 0.0,
        ),
    ]
}
