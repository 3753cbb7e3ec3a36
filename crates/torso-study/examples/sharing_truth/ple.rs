//! Progressive layered extraction, and its single level (A.21): tasks in conflict, tasks with common
//! features.

use crate::Row;
use crate::kit::{Parts, Spend, paired, shuffled};
use crate::mixtures::{correlated, cut, families, fit, percent};

const SEEDS: std::ops::Range<u64> = 100..112;

/// By how much each of two tasks in conflict is worse than alone, in percent, `[hard, system]`;
/// alone with the layers of one expert, or twice as wide, whichever is better.
fn conflict(system: &str) -> [[Vec<f64>; 2]; 2] {
    let parts = Parts { train: 1000, validation: 300, test: 1000 };
    let spend = Spend { trials: 1, epochs: 150, batch: 64 };
    let mut worse = [[vec![], vec![]], [vec![], vec![]]];
    for seed in SEEDS {
        let planted = correlated(-0.5, seed, parts.total()).planted(parts);
        let learn = |id, hidden| fit(id, hidden, &[], &planted, spend, seed).losses;
        let (narrow, wide) = (learn("apart", &[32, 16]), learn("apart", &[64, 32]));
        for (worse, id) in worse.iter_mut().zip(["hard", system]) {
            let losses = learn(id, &[32, 16]);
            for t in 0..2 {
                worse[t].push(-cut(losses[t], narrow[t].min(wide[t])));
            }
        }
    }
    worse
}

/// By how much the mean error of eight tasks of few rows is below the tasks' alone, in percent;
/// with one family or a family each, or of task 1 beside permuted labels.
fn few_rows(system: &str, is_related: bool, is_shuffled: bool) -> Vec<f64> {
    let parts = Parts { train: 40, validation: 40, test: 500 };
    let spend = Spend { trials: 2, epochs: 200, batch: 32 };
    let of_task: Vec<usize> = (0..8).map(|t| if is_related { 0 } else { t }).collect();
    let cut = |seed: u64| {
        let mut teacher = families(&of_task, seed, parts.total());
        if is_shuffled {
            for (t, labels) in teacher.labels.iter_mut().enumerate().skip(1) {
                *labels = shuffled(labels, parts, seed + t as u64);
            }
        }
        let planted = teacher.planted(parts);
        let apart = fit("apart", &[32, 16], &[], &planted, spend, seed);
        let joint = fit(system, &[32, 16], &[], &planted, spend, seed);
        if is_shuffled {
            return cut(joint.losses[0], apart.losses[0]);
        }
        cut(joint.mean(), apart.mean())
    };
    SEEDS.map(cut).collect()
}

pub(crate) fn rows_of(system: &'static str) -> Vec<Row> {
    let [hard, found] = conflict(system);
    let row = |condition: &str, measured, bar, met| Row {
        system,
        condition: condition.into(),
        measured,
        bar,
        met,
    };
    let both = |worse: &[Vec<f64>; 2]| format!("{}, {}", percent(&worse[0]), percent(&worse[1]));
    let (related, unrelated) = (few_rows(system, true, false), few_rows(system, false, false));
    let mixed = few_rows(system, true, true);
    vec![
        row(
            "2 tasks of correlation -0.5: error of each above that alone",
            both(&found),
            "at most 1%",
            found.iter().all(|worse| paired(worse).mean <= 1.0),
        ),
        row("the same under hard sharing", both(&hard), "(shown)", true),
        row(
            "8 tasks of 40 rows over common features: mean error below apart's",
            percent(&related),
            "above 0",
            paired(&related).low > 0.0,
        ),
        row(
            "the same, labels of the other tasks permuted: error of the one left",
            percent(&mixed),
            "no cut",
            paired(&mixed).low <= 0.0,
        ),
        row(
            "8 tasks of 40 rows over features of their own: mean error below apart's",
            percent(&unrelated),
            "no cut",
            paired(&unrelated).low <= 0.0,
        ),
    ]
}

pub(crate) fn rows() -> Vec<Row> {
    rows_of("ple")
}
