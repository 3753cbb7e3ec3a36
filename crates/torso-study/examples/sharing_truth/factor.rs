//! Tensor factorization (6.7): ten tasks whose features are mixed of two, or of ten.

use serde_json::{Value, json};
use torso_core::finding::Finding;
use torso_core::seed::{Seed, normal};

use crate::Row;
use crate::hard::teacher;
use crate::kit::{Interval, Outcome, Parts, Planted, Spend, learn, paired, shuffled};

const TASKS: usize = 10;
const D: usize = 20;
const K: usize = 5;
const PARTS: Parts = Parts { train: 40, validation: 40, test: 500 };
const SPEND: Spend = Spend { trials: 1, epochs: 300, batch: 32 };
const FIRST: u64 = 100;
const SEEDS: u64 = 8;
const FORMS: [&str; 3] = ["factor-laf", "factor-tt", "factor-tucker"];

/// `y_t = a_t' tanh((sum_k S_kt L_k) x) + noise`, with `n_parts` parts and rows of `S` of mean 0.
fn mixed(n_parts: usize, seed: u64, n: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut stream = Seed(seed).stream("mixed teacher", "", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let inputs = draw(n * D);
    let parts: Vec<Vec<f64>> = (0..n_parts).map(|_| draw(K * D)).collect();
    let mixing: Vec<Vec<f64>> = (0..n_parts)
        .map(|_| {
            let row = draw(TASKS);
            let mean = row.iter().sum::<f64>() / TASKS as f64;
            row.iter().map(|s| s - mean).collect()
        })
        .collect();
    let task = |t: usize| {
        let (head, noise) = (draw(K), draw(n));
        let unit = ((D * n_parts) as f64).sqrt();
        let feature =
            |at: usize| parts.iter().zip(&mixing).map(|(l, s)| s[t] * l[at]).sum::<f64>() / unit;
        let features: Vec<f64> = (0..K * D).map(feature).collect();
        let label = |(x, noise): (&[f64], &f64)| {
            let dot = |b: &[f64]| b.iter().zip(x).map(|(b, x)| b * x).sum::<f64>();
            let units = features.chunks(D).zip(&head).map(|(b, a)| a * dot(b).tanh());
            units.sum::<f64>() + 0.1 * noise
        };
        inputs.chunks(D).zip(&noise).map(label).collect()
    };
    let labels = (0..TASKS).map(task).collect();
    (inputs, labels)
}

/// The settings of every arm; `form` starts from draws with 2 parts if `random`.
fn settings(form: &str, random: bool) -> Vec<(String, Value)> {
    let mut settings = vec![("hidden".to_string(), json!([32]))];
    if random {
        settings.push((format!("{form}.init"), json!("random")));
        let ranks = match form {
            "factor-laf" => json!([2]),
            "factor-tt" => json!([16, 2]),
            _ => json!([16, 16, 2]),
        };
        settings.push((format!("{form}.ranks"), ranks));
    }
    settings
}

fn fit(id: &str, random: bool, planted: &Planted, seed: u64) -> Outcome {
    let settings = settings(id, random);
    let borrowed: Vec<(&str, Value)> =
        settings.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    learn(id, &borrowed, planted, SPEND, seed)
}

/// What a finding of bars says of an item.
fn bar(outcome: &Outcome, wanted: &str) -> f64 {
    let of = |finding: &Finding| match finding {
        Finding::Bars { items, values, .. } => {
            items.iter().position(|item| item == wanted).map(|at| values[at])
        }
        _ => None,
    };
    outcome.findings.iter().find_map(of).expect("ranks are found")
}

/// The mean cosine of two tasks in the first layer.
fn strength(outcome: &Outcome) -> f64 {
    let of = |finding: &Finding| match finding {
        Finding::Matrix { name, values, .. } if name == "sharing strength" => Some(values[0]),
        _ => None,
    };
    outcome.findings.iter().find_map(of).expect("the sharing strength is found")
}

/// The errors of all arms on one draw of the planted data.
struct Draw {
    apart: f64,
    hard: f64,
    /// Of each form from single-task networks, and from draws with two parts.
    forms: Vec<[f64; 2]>,
    /// Of LAF in the first layer, from single-task networks: effective rank, and rank.
    ranks: [f64; 2],
}

fn draws(n_parts: usize, shuffle: bool, forms: &[&str]) -> Vec<Draw> {
    let draw = |seed: u64| {
        let (inputs, mut labels) = mixed(n_parts, seed, PARTS.total());
        if shuffle {
            for (t, column) in labels.iter_mut().enumerate().skip(1) {
                *column = shuffled(column, PARTS, seed + t as u64);
            }
        }
        let planted = Planted::regressions(&inputs, D, &labels, PARTS);
        let error = |outcome: &Outcome| if shuffle { outcome.losses[0] } else { outcome.mean() };
        let apart = error(&fit("apart", false, &planted, seed));
        let hard = error(&fit("hard", false, &planted, seed));
        let mut ranks = [0.0; 2];
        let forms = forms.iter().map(|form| {
            let single = fit(form, false, &planted, seed);
            if *form == "factor-laf" {
                ranks =
                    ["layer 1, tasks, effective", "layer 1, tasks"].map(|item| bar(&single, item));
            }
            [error(&single), error(&fit(form, true, &planted, seed))]
        });
        let forms = forms.collect();
        Draw { apart, hard, forms, ranks }
    };
    (FIRST..FIRST + SEEDS).map(draw).collect()
}

fn percent(interval: &Interval) -> String {
    format!("{:.1}% [{:.1}, {:.1}]", interval.mean, interval.low, interval.high)
}

/// How far a form's error lies below the best of apart and hard, in percent.
fn cut(draws: &[Draw], form: usize, start: usize) -> Interval {
    let of = |draw: &Draw| 100.0 * (1.0 - draw.forms[form][start] / draw.apart.min(draw.hard));
    paired(&draws.iter().map(of).collect::<Vec<f64>>())
}

pub(crate) fn rows() -> Vec<Row> {
    let (planted, full, shuffle) =
        (draws(2, false, &FORMS), draws(TASKS, false, &FORMS[..1]), draws(2, true, &FORMS[..1]));
    let starts = ["from single-task networks", "from draws, 2 parts"];
    let mut rows = Vec::new();
    for (form, system) in FORMS.into_iter().enumerate() {
        for (start, how) in starts.into_iter().enumerate() {
            let mut add = |draws: &[Draw], what: &str, bar, met: fn(&Interval) -> bool| {
                let interval = cut(draws, form, start);
                rows.push(Row {
                    system,
                    condition: format!("{what}, {how}: error below the best of apart and hard"),
                    measured: percent(&interval),
                    bar,
                    met: met(&interval),
                });
            };
            add(&planted, "10 tasks mixed of 2 parts", "above 0", |i| i.low > 0.0);
            if form > 0 {
                continue; // the controls are those of the simplest form
            }
            add(&full, "10 tasks mixed of 10 parts", "at most 2%", |i| i.mean <= 2.0);
            add(&shuffle, "2 parts, labels of 9 tasks permuted", "no cut", |i| i.low <= 0.0);
        }
    }
    let mean = |at: usize| planted.iter().map(|d| d.ranks[at]).sum::<f64>() / SEEDS as f64;
    rows.push(Row {
        system: "factor-laf",
        condition: "2 parts: effective rank of the tasks in layer 1 (mean rank chosen)".into(),
        measured: format!("{:.2} ({:.1})", mean(0), mean(1)),
        bar: "2 +- 0.5",
        met: (mean(0) - 2.0).abs() <= 0.5,
    });
    rows.push(divergence());
    rows
}

/// The sharing strength of layer 1 where tasks have common, half common and own features.
fn divergence() -> Row {
    let strengths = [1.0, 0.5, 0.0].map(|rho| {
        let of = |seed: u64| {
            let (inputs, labels) = teacher(rho, seed, PARTS.total());
            let planted = Planted::regressions(&inputs, D, &labels, PARTS);
            strength(&fit("factor-laf", false, &planted, seed))
        };
        let all: Vec<f64> = (FIRST..FIRST + SEEDS).map(of).collect();
        all.iter().sum::<f64>() / all.len() as f64
    });
    let [common, half, own] = strengths;
    Row {
        system: "factor-laf",
        condition: "sharing strength in layer 1 at rho = 1, 0.5, 0".into(),
        measured: format!("{common:.3}, {half:.3}, {own:.3}"),
        bar: "falls",
        met: common > half && half > own,
    }
}
