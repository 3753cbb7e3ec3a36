//! Multi-gate mixture of experts (A.20): two tasks of a known correlation, beside a trunk of as many
//! parameters.

use serde_json::json;

use crate::Row;
use crate::kit::{Outcome, Parts, Planted, Spend, paired, shuffled};
use crate::mixtures::{correlated, cut, fit, matrix, percent};

pub(crate) const PARTS: Parts = Parts { train: 1000, validation: 300, test: 1000 };
const SPEND: Spend = Spend { trials: 1, epochs: 150, batch: 64 };
const SEEDS: std::ops::Range<u64> = 100..112;
const EXPERTS: usize = 4;

pub(crate) fn experts(planted: &Planted, seed: u64) -> Outcome {
    fit("mmoe", &[16, 8], &[("mmoe.experts", json!(EXPERTS))], planted, SPEND, seed)
}

/// How far the mean gates of the two tasks are apart: the symmetric Kullback-Leibler divergence.
pub(crate) fn divergence(outcome: &Outcome) -> f64 {
    let (gates, n) = matrix(outcome, "mean gate");
    let pairs = gates[..n].iter().zip(&gates[n..]);
    pairs.map(|(a, b)| (a - b) * (a.max(1e-9) / b.max(1e-9)).ln()).sum::<f64>() / 2.0
}

/// The share of the expert that is used least, over both tasks.
fn least(outcome: &Outcome) -> f64 {
    let (gates, n) = matrix(outcome, "mean gate");
    (0..n).map(|e| f64::midpoint(gates[e], gates[n + e])).fold(1.0, f64::min)
}

struct Runs {
    /// Below hard sharing, in percent.
    hard: Vec<f64>,
    /// Below the better of hard sharing and each task alone, in percent.
    best: Vec<f64>,
    divergence: Vec<f64>,
    least: Vec<f64>,
}

fn runs(p: f64) -> Runs {
    let mut runs = Runs { hard: vec![], best: vec![], divergence: vec![], least: vec![] };
    for seed in SEEDS {
        let planted = correlated(p, seed, PARTS.total()).planted(PARTS);
        let hard = fit("hard", &[16 * EXPERTS, 8], &[], &planted, SPEND, seed).mean();
        let apart = fit("apart", &[16 * EXPERTS, 8], &[], &planted, SPEND, seed).mean();
        let mmoe = experts(&planted, seed);
        runs.hard.push(cut(mmoe.mean(), hard));
        runs.best.push(cut(mmoe.mean(), hard.min(apart)));
        runs.divergence.push(divergence(&mmoe));
        runs.least.push(100.0 * least(&mmoe));
    }
    runs
}

/// What the labels of the second task are worth to the first: in percent, beside permuted ones.
fn worth(p: f64) -> Vec<f64> {
    let worth = |seed: u64| {
        let mut teacher = correlated(p, seed, PARTS.total());
        let true_labels = experts(&teacher.planted(PARTS), seed).losses[0];
        teacher.labels[1] = shuffled(&teacher.labels[1], PARTS, seed);
        cut(true_labels, experts(&teacher.planted(PARTS), seed).losses[0])
    };
    SEEDS.map(worth).collect()
}

pub(crate) fn rows() -> Vec<Row> {
    let [low, middle, full] = [0.5, 0.9, 1.0].map(runs);
    let row = |condition: String, measured, bar, met| Row {
        system: "mmoe",
        condition,
        measured,
        bar,
        met,
    };
    let grows: Vec<f64> = low.hard.iter().zip(&full.hard).map(|(low, full)| low - full).collect();
    let (divergence, least) = (paired(&low.divergence), paired(&low.least));
    let smallest = low.least.iter().copied().fold(100.0, f64::min);
    let worth = worth(1.0);
    let mut rows: Vec<Row> = [("0.5", &low), ("0.9", &middle), ("1", &full)]
        .into_iter()
        .map(|(p, runs)| {
            let condition = format!(
                "2 tasks of correlation {p}: error below hard sharing's of as many parameters \
                 (below the better of hard and apart: {})",
                percent(&runs.best)
            );
            row(condition, percent(&runs.hard), "(shown)", true)
        })
        .collect();
    rows.extend([
        row(
            "the first minus the last: the cut grows as the correlation falls".into(),
            percent(&grows),
            "above 0",
            paired(&grows).low > 0.0,
        ),
        row(
            "correlation 0.5: divergence of the tasks' mean gates".into(),
            divergence.to_string(),
            "above 0.1",
            divergence.mean > 0.1,
        ),
        row(
            "correlation 0.5: share of the expert used least; the least of all seeds".into(),
            format!("{:.1}%; {smallest:.1}%", least.mean),
            "above 2%",
            smallest > 2.0,
        ),
        row(
            "correlation 1: error of task 1 below that with the labels of task 2 permuted".into(),
            percent(&worth),
            "above 0",
            paired(&worth).low > 0.0,
        ),
    ]);
    rows
}
