//! Soft sharing by distance (3.2.1): the strength that validation rows choose, from tasks without a
//! common feature to tasks with all features in common.

use serde_json::json;

use crate::Row;
use crate::hard::teacher;
use crate::kit::{Outcome, Parts, Planted, Spend, learn, paired, shuffled};

const D: usize = 20;
const PARTS: Parts = Parts { train: 30, validation: 30, test: 500 };
const RHOS: [f64; 6] = [0.0, 0.25, 0.5, 0.75, 0.95, 1.0];
const STRENGTHS: [f64; 7] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];
const EPOCHS: usize = 300;
const SEEDS: u64 = 16;

fn fit(id: &str, planted: &Planted, trials: usize, strength: Option<f64>, seed: u64) -> Outcome {
    let mut settings = vec![("hidden", json!([32, 16]))];
    settings.extend(strength.map(|strength| ("soft-l2.strength", json!(strength))));
    learn(id, &settings, planted, Spend { trials, epochs: EPOCHS, batch: 32 }, seed)
}

/// The position of the strength with the lowest validation loss.
fn chosen(rho: f64, seed: u64) -> f64 {
    let (inputs, labels) = teacher(rho, seed, PARTS.total());
    let planted = Planted::regressions(&inputs, D, &labels, PARTS);
    let losses = STRENGTHS.map(|s| fit("soft-l2", &planted, 1, Some(s), seed).validation);
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    losses.iter().position(|loss| *loss <= least).unwrap_or(0) as f64
}

/// The cuts of the mean error by soft sharing, in percent of what each of the others has.
fn cuts(rho: f64, others: &[&str], seed: u64) -> Vec<f64> {
    let (inputs, labels) = teacher(rho, seed, PARTS.total());
    let planted = Planted::regressions(&inputs, D, &labels, PARTS);
    let soft = fit("soft-l2", &planted, 6, None, seed).mean();
    let cut = |id: &&str| 100.0 * (1.0 - soft / fit(id, &planted, 6, None, seed).mean());
    others.iter().map(cut).collect()
}

/// The cut of one task's error below its own, beside tasks whose labels are permuted.
fn cut_beside_noise(seed: u64) -> f64 {
    let (inputs, mut labels) = teacher(1.0, seed, PARTS.total());
    let whole = Planted::regressions(&inputs, D, &labels, PARTS);
    let apart = fit("apart", &whole, 6, None, seed).losses[0];
    for (t, column) in labels.iter_mut().enumerate().skip(1) {
        *column = shuffled(column, PARTS, seed + t as u64);
    }
    let mixed = Planted::regressions(&inputs, D, &labels, PARTS);
    100.0 * (1.0 - fit("soft-l2", &mixed, 6, None, seed).losses[0] / apart)
}

/// Spearman's rank correlation of values with their positions.
fn spearman(values: &[f64]) -> f64 {
    let rank = |at: usize| {
        let below = values.iter().filter(|v| **v < values[at]).count();
        let tied = values.iter().filter(|v| (**v - values[at]).abs() < 1e-12).count();
        below as f64 + (tied as f64 - 1.0) / 2.0
    };
    let center = (values.len() as f64 - 1.0) / 2.0;
    let ranks: Vec<(f64, f64)> =
        (0..values.len()).map(|at| (at as f64 - center, rank(at) - center)).collect();
    let sum = |f: fn(&(f64, f64)) -> f64| ranks.iter().map(f).sum::<f64>();
    sum(|(a, b)| a * b) / (sum(|(a, _)| a * a) * sum(|(_, b)| b * b)).sqrt()
}

pub(crate) fn rows() -> Vec<Row> {
    let seeds = || 500..500 + SEEDS;
    let mean = |rho: f64| seeds().map(|seed| chosen(rho, seed)).sum::<f64>() / SEEDS as f64;
    let positions = RHOS.map(mean);
    // A step of the grid is half a decade.
    let strengths = positions.map(|at| format!("{:.4}", 0.001 * 10f64.powf(at / 2.0))).join(", ");
    let percent = |cuts: Vec<f64>| {
        let interval = paired(&cuts);
        (format!("{:.1}% [{:.1}, {:.1}]", interval.mean, interval.low, interval.high), interval)
    };
    let related: Vec<Vec<f64>> = seeds().map(|seed| cuts(0.75, &["apart", "hard"], seed)).collect();
    let (apart, apart_cut) = percent(related.iter().map(|cuts| cuts[0]).collect());
    let (hard, hard_cut) = percent(related.iter().map(|cuts| cuts[1]).collect());
    let (alone, alone_cut) =
        percent(seeds().flat_map(|seed| cuts(0.0, &["apart"], seed)).collect());
    let (noise, noise_cut) = percent(seeds().map(cut_beside_noise).collect());
    let rank = spearman(&positions);
    vec![
        Row {
            system: "soft-l2",
            condition: "8 tasks of 30 rows, rho = 0, .25, .5, .75, .95, 1: chosen strength".into(),
            measured: format!("{strengths}; rank correlation {rank:.2}"),
            bar: "at least 0.9",
            met: rank >= 0.9,
        },
        Row {
            system: "soft-l2",
            condition: "rho = 0.75: mean error below apart's; below hard's".into(),
            measured: format!("{apart}; {hard}"),
            bar: "both above 0",
            met: apart_cut.low > 0.0 && hard_cut.low > 0.0,
        },
        Row {
            system: "soft-l2",
            condition: "rho = 0: mean error below apart's".into(),
            measured: alone,
            bar: "no cut",
            met: alone_cut.low <= 0.0,
        },
        Row {
            system: "soft-l2",
            condition: "rho = 1, labels of the other tasks permuted: error of the one left".into(),
            measured: noise,
            bar: "no cut",
            met: noise_cut.low <= 0.0,
        },
    ]
}
