//! What the mixtures of experts are tested on: tasks of a known correlation, tasks in families.

use torso_core::finding::Finding;
use torso_core::seed::{Seed, normal};

use crate::kit::{Outcome, Parts, Planted, Spend, learn, paired};

/// Inputs `[rows, d]` and the labels of each task.
pub(crate) struct Teacher {
    pub inputs: Vec<f64>,
    pub d: usize,
    pub labels: Vec<Vec<f64>>,
}

impl Teacher {
    pub(crate) fn planted(&self, parts: Parts) -> Planted {
        Planted::regressions(&self.inputs, self.d, &self.labels, parts)
    }
}

/// Two tasks of the correlation `p` of their directions (Ma et al. 2018):
/// `y_t = w_t' x + sum_j sin(j w_t' x + b_j) + noise`, `w_1 = u_1`, `w_2 = p u_1 + sqrt(1 - p^2) u_2`.
pub(crate) fn correlated(p: f64, seed: u64, n: usize) -> Teacher {
    const D: usize = 10;
    let mut stream = Seed(seed).stream("correlated", "", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let unit = |v: Vec<f64>| -> Vec<f64> {
        let norm = dot(&v, &v).sqrt();
        v.iter().map(|v| v / norm).collect()
    };
    let inputs = draw(n * D);
    let first = unit(draw(D));
    let other = draw(D);
    let along = dot(&first, &other);
    let second = unit(other.iter().zip(&first).map(|(o, f)| o - along * f).collect());
    let phases = draw(3);
    let labels = [(1.0, 0.0), (p, (1.0 - p * p).sqrt())].map(|(a, b)| {
        let w: Vec<f64> = first.iter().zip(&second).map(|(f, s)| a * f + b * s).collect();
        let noise = draw(n);
        let label = |(x, noise): (&[f64], &f64)| {
            let t = dot(&w, x);
            let waves = phases.iter().enumerate().map(|(j, b)| ((j + 1) as f64 * t + b).sin());
            t + waves.sum::<f64>() + 0.1 * noise
        };
        inputs.chunks(D).zip(&noise).map(label).collect()
    });
    Teacher { inputs, d: D, labels: labels.into() }
}

/// Tasks in families: `y_t = a_t' tanh(B_f x / sqrt(d)) + noise` with the features `B_f [5, 20]` of
/// the task's family `f`, where `families[t]` is its number.
pub(crate) fn families(families: &[usize], seed: u64, n: usize) -> Teacher {
    const D: usize = 20;
    const K: usize = 5;
    let mut stream = Seed(seed).stream("families", "", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let inputs = draw(n * D);
    let n_families = families.iter().max().map_or(0, |f| f + 1);
    let features: Vec<Vec<f64>> = (0..n_families).map(|_| draw(K * D)).collect();
    let task = |family: &usize| {
        let (head, noise) = (draw(K), draw(n));
        let label = |(x, noise): (&[f64], &f64)| {
            let unit = |b: &[f64]| b.iter().zip(x).map(|(b, x)| b * x).sum::<f64>();
            let units = features[*family].chunks(D).map(|b| (unit(b) / (D as f64).sqrt()).tanh());
            units.zip(&head).map(|(h, a)| h * a).sum::<f64>() + 0.3 * noise
        };
        inputs.chunks(D).zip(&noise).map(label).collect()
    };
    let labels = families.iter().map(task).collect();
    Teacher { inputs, d: D, labels }
}

/// What an arm learns with layers of these widths.
pub(crate) fn fit(
    id: &str,
    hidden: &[usize],
    own: &[(&str, serde_json::Value)],
    planted: &Planted,
    spend: Spend,
    seed: u64,
) -> Outcome {
    let mut settings = vec![("hidden", serde_json::json!(hidden))];
    settings.extend(own.iter().cloned());
    learn(id, &settings, planted, spend, seed)
}

/// The values of the finding whose name begins so, and its columns.
///
/// # Panics
/// If there is none.
pub(crate) fn matrix<'a>(outcome: &'a Outcome, name: &str) -> (&'a [f64], usize) {
    let found = outcome.findings.iter().find(|finding| finding.name().starts_with(name));
    let Some(Finding::Matrix { columns, values, .. }) = found else { panic!("no {name}") };
    (values, columns.len())
}

/// By how much `found` is below `other`, in percent of it.
pub(crate) fn cut(found: f64, other: f64) -> f64 {
    100.0 * (1.0 - found / other)
}

/// The mean of percentages with its interval.
pub(crate) fn percent(values: &[f64]) -> String {
    let interval = paired(values);
    format!("{:.1}% [{:.1}, {:.1}]", interval.mean, interval.low, interval.high)
}
