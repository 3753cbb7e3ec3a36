//! Fully-adaptive sharing (6.2): three groups of four binary tasks over the groups' own features.

use serde_json::{Value, json};
use torso_core::data::TaskKind;
use torso_core::finding::Finding;
use torso_core::seed::{Seed, normal, shuffle};
use torso_data::generate::measure::adjusted_rand_index;

use crate::Row;
use crate::kit::{Interval, Outcome, Parts, Planted, Spend, learn, paired, shuffled};

const GROUPS: usize = 3;
const TASKS: usize = 12;
const D: usize = 12;
/// Features of a group.
const K: usize = 3;
const PARTS: Parts = Parts { train: 1000, validation: 400, test: 1000 };
const SPEND: Spend = Spend { trials: 1, epochs: 120, batch: 64 };
const FIRST: u64 = 100;
const SEEDS: u64 = 20;

/// `y_t = [a_t' |B_g x| + noise > median]` for the group `g = t mod 3` of task `t`.
fn grouped(common: bool, seed: u64, n: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut stream = Seed(seed).stream("grouped teacher", "", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let inputs = draw(n * D);
    let features: Vec<Vec<f64>> = (0..GROUPS).map(|_| draw(K * D)).collect();
    let task = |t: usize| {
        let features = &features[if common { 0 } else { t % GROUPS }];
        let (head, noise) = (draw(K), draw(n));
        let score = |(x, noise): (&[f64], &f64)| {
            let dot = |b: &[f64]| b.iter().zip(x).map(|(b, x)| b * x).sum::<f64>();
            let units = features.chunks(D).zip(&head).map(|(b, a)| (0.3 * a).exp() * dot(b).abs());
            units.sum::<f64>() + 0.2 * noise
        };
        let scores: Vec<f64> = inputs.chunks(D).zip(&noise).map(score).collect();
        let mut sorted = scores.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = sorted[n / 2];
        scores.iter().map(|score| f64::from(u8::from(*score > median))).collect()
    };
    let labels = (0..TASKS).map(task).collect();
    (inputs, labels)
}

fn fit(planted: &Planted, own: &[(&str, Value)], seed: u64) -> Outcome {
    let mut settings = vec![("hidden", json!([24, 12]))];
    settings.extend_from_slice(own);
    learn("fully-adaptive", &settings, planted, SPEND, seed)
}

/// The branches of every layer, from the features up.
fn tree(outcome: &Outcome) -> Vec<Vec<usize>> {
    let of = |finding: &Finding| match finding {
        Finding::Groups { groups, .. } => Some(groups.clone()),
        _ => None,
    };
    outcome.findings.iter().filter_map(of).collect()
}

/// The same tree with its tasks permuted; branches numbered as they appear.
fn permuted(tree: &[Vec<usize>], seed: u64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..TASKS).collect();
    shuffle(&mut order, &mut Seed(seed).stream("permuted tree", "", 0));
    let layer = |branches: &Vec<usize>| {
        let mut seen = Vec::new();
        let number = |task: &usize| {
            let branch = branches[*task];
            seen.iter().position(|other| *other == branch).unwrap_or_else(|| {
                seen.push(branch);
                seen.len() - 1
            })
        };
        order.iter().map(number).collect()
    };
    tree.iter().map(layer).collect()
}

/// What one draw came to.
pub(crate) struct Draw {
    /// Agreement of the first split with the groups.
    pub(crate) rand_index: f64,
    pub(crate) branches: usize,
    /// Points of accuracy above the thin network, and above a tree whose tasks are permuted.
    gains: [f64; 2],
}

pub(crate) fn draw(common: bool, mix: bool, seed: u64) -> Draw {
    let (inputs, mut labels) = grouped(common, seed, PARTS.total());
    if mix {
        for (t, column) in labels.iter_mut().enumerate() {
            *column = shuffled(column, PARTS, seed + t as u64);
        }
    }
    let kind = TaskKind::Binary { classes: ["no".into(), "yes".into()] };
    let planted = Planted::columns(&inputs, D, &vec![kind; TASKS], &labels, PARTS);
    let truth: Vec<usize> = (0..TASKS).map(|t| t % GROUPS).collect();
    let grown = fit(&planted, &[], seed);
    let thin = fit(&planted, &[("fully-adaptive.alpha", json!(0.0))], seed);
    let tree = tree(&grown);
    let random = [("fully-adaptive.tree", json!(permuted(&tree, seed)))];
    let random = fit(&planted, &random, seed);
    let points = |other: &Outcome| 100.0 * (other.wrong_share() - grown.wrong_share());
    Draw {
        rand_index: adjusted_rand_index(&tree[tree.len() - 1], &truth),
        branches: tree[tree.len() - 1].iter().max().map_or(0, |last| last + 1),
        gains: [points(&thin), points(&random)],
    }
}

fn of_all(draws: &[Draw], of: impl Fn(&Draw) -> f64) -> Interval {
    paired(&draws.iter().map(of).collect::<Vec<f64>>())
}

pub(crate) fn rows() -> Vec<Row> {
    let seeds = || FIRST..FIRST + SEEDS;
    let planted: Vec<Draw> = seeds().map(|seed| draw(false, false, seed)).collect();
    let common: Vec<Draw> = seeds().take(5).map(|seed| draw(true, false, seed)).collect();
    let mixed: Vec<Draw> = seeds().take(5).map(|seed| draw(false, true, seed)).collect();
    let exact = planted.iter().filter(|d| d.rand_index > 1.0 - 1e-9).count();
    let (thin, random) = (of_all(&planted, |d| d.gains[0]), of_all(&planted, |d| d.gains[1]));
    let branches = |draws: &[Draw]| {
        let counts: Vec<String> = draws.iter().map(|d| d.branches.to_string()).collect();
        counts.join(", ")
    };
    let system = "fully-adaptive";
    vec![
        Row {
            system,
            condition: "3 groups of 4 tasks: the first split is the groups (mean ARI)".into(),
            measured: format!(
                "{exact} of {SEEDS} ({:.2})",
                of_all(&planted, |d| d.rand_index).mean
            ),
            bar: "at least 16 of 20",
            met: exact >= 16,
        },
        Row {
            system,
            condition: "the same: points of accuracy above the thin network".into(),
            measured: thin.to_string(),
            bar: "at least 2",
            met: thin.mean >= 2.0,
        },
        Row {
            system,
            condition: "the same: points above a tree of the same form, tasks permuted".into(),
            measured: random.to_string(),
            bar: "above 0",
            met: random.low > 0.0,
        },
        Row {
            system,
            condition: "all tasks over common features: branches of the highest layer".into(),
            measured: branches(&common),
            bar: "1 each",
            met: common.iter().all(|d| d.branches == 1),
        },
        Row {
            system,
            condition: "3 groups, labels permuted: agreement of the first split (ARI)".into(),
            measured: of_all(&mixed, |d| d.rand_index).to_string(),
            bar: "0 in the interval",
            met: {
                let index = of_all(&mixed, |d| d.rand_index);
                index.low <= 1e-9
            },
        },
    ]
}
