//! Multi-task attention (A.22): do tasks of one family look at the same units?

use crate::Row;
use crate::kit::{Outcome, Parts, Spend, paired, shuffled};
use crate::mixtures::{cut, families, fit, matrix, percent};

const PARTS: Parts = Parts { train: 60, validation: 60, test: 500 };
const SPEND: Spend = Spend { trials: 2, epochs: 200, batch: 32 };
const SEEDS: std::ops::Range<u64> = 100..112;
const TWO: [usize; 6] = [0, 0, 0, 1, 1, 1];

/// The mean correlation of masks within families less that between them.
fn contrast(outcome: &Outcome) -> f64 {
    let (r, n) = matrix(outcome, "correlation");
    let pairs = (0..n).flat_map(|a| (0..a).map(move |b| (a, b)));
    let mean = |together: bool| {
        let of = pairs.clone().filter(|(a, b)| (TWO[*a] == TWO[*b]) == together);
        let values: Vec<f64> = of.map(|(a, b)| r[a * n + b]).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    mean(true) - mean(false)
}

pub(crate) fn rows() -> Vec<Row> {
    let (mut apart, mut hard, mut contrasts) = (vec![], vec![], vec![]);
    let (mut common, mut mixed, mut none) = (vec![], vec![], vec![]);
    for seed in SEEDS {
        let learn = |id: &str, planted: &_| fit(id, &[32, 32], &[], planted, SPEND, seed);
        let two = families(&TWO, seed, PARTS.total()).planted(PARTS);
        let found = learn("mtan+dwa", &two);
        apart.push(cut(found.mean(), learn("apart", &two).mean()));
        hard.push(cut(found.mean(), learn("hard", &two).mean()));
        contrasts.push(contrast(&found));

        let mut one = families(&[0; 6], seed, PARTS.total());
        let planted = one.planted(PARTS);
        let (found, alone) = (learn("mtan+dwa", &planted), learn("apart", &planted));
        common.push(cut(found.mean(), alone.mean()));
        // The same grouping of tasks that are of one family.
        none.push(contrast(&found));
        for (t, labels) in one.labels.iter_mut().enumerate().skip(1) {
            *labels = shuffled(labels, PARTS, seed + t as u64);
        }
        mixed.push(cut(learn("mtan+dwa", &one.planted(PARTS)).losses[0], alone.losses[0]));
    }
    let row = |condition: &str, measured, bar, met| Row {
        system: "mtan",
        condition: condition.into(),
        measured,
        bar,
        met,
    };
    vec![
        row(
            "6 tasks of 60 rows over common features: mean error below apart's",
            percent(&common),
            "above 0",
            paired(&common).low > 0.0,
        ),
        row(
            "the same, labels of the other tasks permuted: error of the one left",
            percent(&mixed),
            "no cut",
            paired(&mixed).low <= 0.0,
        ),
        row(
            "6 tasks in 2 families: mean error below apart's",
            percent(&apart),
            "above 0",
            paired(&apart).low > 0.0,
        ),
        row("the same: mean error below hard sharing's", percent(&hard), "(shown)", true),
        row(
            "the same: correlation of masks within families less that between",
            paired(&contrasts).to_string(),
            "above 0",
            paired(&contrasts).low > 0.0,
        ),
        row(
            "one family, dealt to two alike: the same contrast",
            paired(&none).to_string(),
            "covers 0",
            paired(&none).low <= 0.0 && paired(&none).high >= 0.0,
        ),
    ]
}
