//! Sluice networks (6.8): tasks of which half the features are shared; tasks that are solved at
//! different layers; labels that are noise.

use serde_json::{Value, json};
use torso_core::finding::Finding;
use torso_core::seed::{Seed, normal};

use crate::Row;
use crate::kit::{Outcome, Parts, Planted, Spend, learn, paired, shuffled};

const D: usize = 20;
const K: usize = 4;
const PARTS: Parts = Parts { train: 150, validation: 100, test: 500 };
const SPEND: Spend = Spend { trials: 1, epochs: 150, batch: 32 };
const SEEDS: std::ops::Range<u64> = 100..116;

fn draws(seed: u64, what: &str, n: usize) -> Vec<f64> {
    let mut stream = Seed(seed).stream("sluice", what, 0);
    (0..n).map(|_| normal(&mut stream)).collect()
}

/// `f(B x)` for each of the rows of `B`.
fn units(b: &[f64], x: &[f64], f: fn(f64) -> f64) -> Vec<f64> {
    let dot = |b: &[f64]| b.iter().zip(x).map(|(b, x)| b * x).sum::<f64>();
    let scale = (x.len() as f64).sqrt();
    b.chunks(x.len()).map(|b| f(dot(b) / scale)).collect()
}

fn sum(a: &[f64], h: &[f64]) -> f64 {
    a.iter().zip(h).map(|(a, h)| a * h).sum()
}

/// Two tasks `a_t' tanh(B x) + c_t' tanh(C_t x) + noise`; without a shared half, `B` is the tasks'
/// own, too.
fn half_shared(shared: bool, seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = PARTS.total();
    let inputs = draws(seed, "inputs", n * D);
    let task = |t: usize| {
        let of = |what: &str, n: usize| draws(seed, &format!("{what}{t}"), n);
        let common = if shared { draws(seed, "common", K * D) } else { of("common", K * D) };
        let (own, a, c, noise) = (of("own", K * D), of("a", K), of("c", K), of("noise", n));
        let label = |(x, noise): (&[f64], &f64)| {
            let [common, own] = [&common, &own].map(|b| units(b, x, |v| (2.0 * v).tanh()));
            sum(&a, &common) + sum(&c, &own) + 0.3 * noise
        };
        inputs.chunks(D).zip(&noise).map(label).collect()
    };
    let labels = (0..2).map(task).collect();
    (inputs, labels)
}

/// Fits of the half-shared tasks, or of tasks that share nothing, seed by seed.
fn fits(id: &str, own: &[(&str, Value)], shared: bool, shuffle: bool) -> Vec<Outcome> {
    let mut settings =
        vec![("hidden", json!([32, 32])), ("low-supervision.at", json!({ "y0": 1 }))];
    settings.extend_from_slice(own);
    let fit = |seed: u64| {
        let (inputs, mut labels) = half_shared(shared, seed);
        if shuffle {
            labels[1] = shuffled(&labels[1], PARTS, seed);
        }
        learn(id, &settings, &Planted::regressions(&inputs, D, &labels, PARTS), SPEND, seed)
    };
    SEEDS.map(fit).collect()
}

fn means(fits: &[Outcome]) -> Vec<f64> {
    fits.iter().map(Outcome::mean).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The cut of `theirs`, in percent.
fn cuts(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| 100.0 * (1.0 - ours / theirs)).collect()
}

/// The values of the finding whose name starts so.
fn found<'a>(outcome: &'a Outcome, start: &str) -> &'a [f64] {
    let values = outcome.findings.iter().find_map(|finding| match finding {
        Finding::Matrix { values, .. } | Finding::Bars { values, .. }
            if finding.name().starts_with(start) =>
        {
            Some(values)
        }
        _ => None,
    });
    values.expect("sluice tells it")
}

/// In layer 1, the largest mean size of alpha between a part of one task and a part of the other,
/// and that between the two parts left: labels of subspaces are arbitrary.
fn aligned(outcome: &Outcome) -> [f64; 2] {
    let alpha = found(outcome, "alpha, layer 1");
    let between = |i: usize, j: usize| {
        f64::midpoint(alpha[i * 4 + 2 + j].abs(), alpha[(2 + j) * 4 + i].abs())
    };
    let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)];
    let sizes = pairs.map(|(i, j)| [between(i, j), between(1 - i, 1 - j)]);
    sizes.into_iter().max_by(|a, b| a[0].total_cmp(&b[0])).expect("four pairs")
}

fn ratio(fits: &[Outcome]) -> f64 {
    let sizes: Vec<[f64; 2]> = fits.iter().map(aligned).collect();
    sizes.iter().map(|s| s[0]).sum::<f64>() / sizes.iter().map(|s| s[1]).sum::<f64>()
}

fn shared_half() -> Vec<Row> {
    let sluice = fits("sluice", &[], true, false);
    let ours = means(&sluice);
    let rivals = ["apart", "hard", "cross-stitch", "low-supervision"]
        .map(|id| (id, means(&fits(id, &[], true, false))));
    let best = rivals.iter().min_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1))).expect("rivals");
    let told = rivals.iter().map(|(id, errors)| format!("{id} {:.3}", mean(errors)));
    let told = told.collect::<Vec<_>>().join(", ");
    let gain = paired(&cuts(&ours, &best.1));
    let nothing = fits("sluice", &[], false, false);
    let control = paired(&cuts(&means(&nothing), &means(&fits("apart", &[], false, false))));
    let mixed = fits("sluice", &[], true, true);
    let first = |fits: &[Outcome]| fits.iter().map(|fit| fit.losses[0]).collect::<Vec<_>>();
    let alone = first(&fits("apart", &[], true, false));
    let [helped, mixed] = [&sluice, &mixed].map(|fits| paired(&cuts(&first(fits), &alone)));
    let free = fits("sluice", &[("sluice.orthogonality", json!(0))], true, false);
    let overlap = |fits: &[Outcome]| {
        fits.iter().map(|fit| found(fit, "overlap").iter().sum::<f64>()).collect::<Vec<_>>()
    };
    let less = paired(&cuts(&overlap(&sluice), &overlap(&free)));
    let worse = paired(&cuts(&ours, &means(&free)));
    vec![
        Row {
            system: "sluice",
            condition: format!(
                "half the features shared: mean error {:.3} ({told}); cut of the best, {}, percent",
                mean(&ours),
                best.0
            ),
            measured: format!("{gain:.1}"),
            bar: "above 0",
            met: gain.low > 0.0,
        },
        Row {
            system: "sluice",
            condition: "alpha between shared parts over that between the others, layer 1; with \
                        nothing shared (control)"
                .into(),
            measured: format!("{:.2}; {:.2}", ratio(&sluice), ratio(&nothing)),
            bar: "at least 2; below 2",
            met: ratio(&sluice) >= 2.0 && ratio(&nothing) < 2.0,
        },
        Row {
            system: "sluice",
            condition: "nothing shared (control): cut of apart's error, percent".into(),
            measured: format!("{control:.1}"),
            bar: "not below -2",
            met: control.low > -2.0,
        },
        Row {
            system: "sluice",
            condition: "cut of task 1's error alone; labels of task 2 permuted (control), percent"
                .into(),
            measured: format!("{helped:.1}; {mixed:.1}"),
            bar: "above 0; a quarter at most",
            met: helped.low > 0.0 && mixed.mean < helped.mean / 4.0,
        },
        Row {
            system: "sluice",
            condition:
                "overlap of a layer's parts with the penalty below that without; cut of the \
                        error, percent"
                    .into(),
            measured: format!("{less:.1}; {worse:.1}"),
            bar: "at least 80; not below -2",
            met: less.mean >= 80.0 && worse.low > -2.0,
        },
    ]
}

const DEEP: Parts = Parts { train: 500, validation: 200, test: 200 };

/// Tasks on common features: the first is a sum of units of one layer, the second of a layer above.
/// Counts the seeds, of 20, in which beta is largest on the first layer.
fn depths(rate: f64, last: f64) -> (usize, usize) {
    let settings =
        [("hidden", json!([32, 32])), ("sluice.rate", json!(rate)), ("sluice.last", json!(last))];
    let betas = |seed: u64| {
        let n = DEEP.total();
        let inputs = draws(seed, "inputs", n * D);
        let (b, above, a, c) = (
            draws(seed, "first layer", 8 * D),
            draws(seed, "second layer", 8 * 8),
            draws(seed, "low", 8),
            draws(seed, "high", 8),
        );
        let labels = inputs.chunks(D).map(|x| {
            let h = units(&b, x, |v| v.max(0.0));
            let high = units(&above, &h, |v| (6.0 * v).sin());
            [sum(&a, &h), sum(&c, &high)]
        });
        let labels: Vec<[f64; 2]> = labels.collect();
        let column = |t: usize| labels.iter().map(|row| row[t]).collect::<Vec<f64>>();
        let planted = Planted::regressions(&inputs, D, &[column(0), column(1)], DEEP);
        let outcome = learn("sluice", &settings, &planted, SPEND, seed);
        let beta = found(&outcome, "beta");
        [beta[0] > beta[1], beta[2] > beta[3]]
    };
    let all: Vec<[bool; 2]> = (100..120).map(betas).collect();
    let count = |t: usize| all.iter().filter(|first| first[t]).count();
    (count(0), count(1))
}

fn layers() -> Row {
    let (usual, even) = (depths(1.0, 0.9), depths(10.0, 0.5));
    Row {
        system: "sluice",
        condition: "beta largest on layer 1, of a task that layer 1 solves, of 20 seeds (of one \
                    that needs layer 2); from even coefficients at rate = 10"
            .into(),
        measured: format!("{} ({}); {} ({})", usual.0, usual.1, even.0, even.1),
        bar: "at least 16",
        met: usual.0 >= 16,
    }
}

/// Rows of noise that stand in all three parts: the test error is how far the noise is fitted.
fn noise() -> Row {
    const ROWS: usize = 100;
    let parts = Parts { train: ROWS, validation: ROWS, test: ROWS };
    let spend = Spend { trials: 1, epochs: 40, batch: 32 };
    let settings = [("hidden", json!([32, 32]))];
    let less = |seed: u64| {
        let inputs = draws(seed, "inputs", ROWS * D).repeat(3);
        let labels = [0, 1].map(|t| draws(seed, &format!("noise{t}"), ROWS).repeat(3));
        let planted = Planted::regressions(&inputs, D, &labels, parts);
        let error = |id: &str| learn(id, &settings, &planted, spend, seed).mean();
        error("hard") - error("sluice")
    };
    let less = paired(&SEEDS.map(less).collect::<Vec<_>>());
    Row {
        system: "sluice",
        condition: "labels are noise: training error after 40 epochs below that of hard sharing"
            .into(),
        measured: less.to_string(),
        bar: "above 0",
        met: less.low > 0.0,
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = shared_half();
    rows.extend([layers(), noise()]);
    rows
}
