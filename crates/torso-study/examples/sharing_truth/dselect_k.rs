//! DSelect-k (A.23): tasks in families choose among experts.

use serde_json::json;
use torso_data::generate::measure::adjusted_rand_index;

use crate::Row;
use crate::kit::{Outcome, Parts, Spend, paired, shuffled};
use crate::mixtures::{cut, families, fit, matrix, percent};

const PARTS: Parts = Parts { train: 200, validation: 100, test: 500 };
const SPEND: Spend = Spend { trials: 1, epochs: 300, batch: 32 };
const SEEDS: std::ops::Range<u64> = 100..112;
const TWO: [usize; 6] = [0, 0, 0, 1, 1, 1];

fn learn(k: usize, experts: usize, planted: &crate::kit::Planted, seed: u64) -> Outcome {
    let own = [("dselect-k.k", json!(k)), ("dselect-k.experts", json!(experts))];
    fit("dselect-k", &[16, 8], &own, planted, SPEND, seed)
}

/// The number of experts with a weight, task by task.
fn n_left(outcome: &Outcome) -> Vec<usize> {
    let (weights, n) = matrix(outcome, "weight");
    weights.chunks(n).map(|own| own.iter().filter(|w| **w != 0.0).count()).collect()
}

/// How far tasks that are at one expert are of one family.
fn agreement(outcome: &Outcome) -> f64 {
    let (weights, n) = matrix(outcome, "weight");
    let at = |own: &[f64]| own.iter().position(|w| *w != 0.0).unwrap_or(0);
    adjusted_rand_index(&weights.chunks(n).map(at).collect::<Vec<usize>>(), &TWO)
}

pub(crate) fn rows() -> Vec<Row> {
    let (mut found, mut control) = (vec![], vec![]);
    let (mut apart, mut hard, mut left) = (vec![], vec![], vec![]);
    for seed in SEEDS {
        let mut teacher = families(&TWO, seed, PARTS.total());
        let planted = teacher.planted(PARTS);
        found.push(agreement(&learn(1, 4, &planted, seed)));
        let two = learn(2, 8, &planted, seed);
        left.extend(n_left(&two));
        let other = |id: &str| fit(id, &[32, 8], &[], &planted, SPEND, seed).mean();
        apart.push(cut(two.mean(), other("apart")));
        hard.push(cut(two.mean(), other("hard")));
        for (t, labels) in teacher.labels.iter_mut().enumerate() {
            *labels = shuffled(labels, PARTS, seed + t as u64);
        }
        control.push(agreement(&learn(1, 4, &teacher.planted(PARTS), seed)));
    }
    let row = |condition: &str, measured, bar, met| Row {
        system: "dselect-k",
        condition: condition.into(),
        measured,
        bar,
        met,
    };
    let exactly = left.iter().filter(|n| **n == 2).count();
    vec![
        row(
            "6 tasks in 2 families, k = 1 of 4 experts: agreement (ARI) of choices and families",
            paired(&found).to_string(),
            "at least 0.5",
            paired(&found).mean >= 0.5,
        ),
        row(
            "the same, all labels permuted",
            paired(&control).to_string(),
            "covers 0",
            paired(&control).low <= 0.0,
        ),
        row(
            "k = 2 of 8 experts: tasks with exactly 2 experts left, with at most 2",
            format!(
                "{exactly} of {}, {} of {}",
                left.len(),
                left.iter().filter(|n| **n <= 2).count(),
                left.len()
            ),
            "all",
            exactly == left.len(),
        ),
        row(
            "the same: mean error below apart's",
            percent(&apart),
            "above 0",
            paired(&apart).low > 0.0,
        ),
        row("the same: mean error below hard sharing's", percent(&hard), "(shown)", true),
    ]
}
