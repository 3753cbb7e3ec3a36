//! Tasks near their mean: `mean-regularized`, with squares and with the hinge.

use faer::Mat;
use serde_json::{Value, json};
use torso_data::generate::Structure;
use torso_linear::Tasks;

use super::row;
use super::trial::{Trial, average, tuned};
use crate::Row;

/// The mean over data sets.
fn over(seeds: u64, measure: impl Fn(u64) -> f64) -> f64 {
    average(&(0..seeds).map(measure).collect::<Vec<_>>())
}

/// The ridge around the mean of tasks.
pub(crate) fn mean(seeds: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut strengths = Vec::new();
    for within in [0.0, 0.1, 0.3, 1.0, 3.0] {
        let structure = Structure::Cluster { clusters: 1, between: 1.0, within };
        let (mut ours, mut pooled, mut alone, mut strength) = (0.0, 0.0, 0.0, 0.0);
        for seed in 0..seeds {
            let trial = Trial::new(structure, [15, 20, 10], 1.0, seed);
            let (solution, settings) = trial.tuned("mean-regularized", &json!({}));
            ours += trial.error_of(&solution.w);
            pooled += trial.pooled_error();
            alone += trial.error("ridge", &json!({}));
            strength += settings.iter().find(|(name, _)| name == "rho2").unwrap().1.ln();
        }
        strengths.push((strength / seeds as f64).exp());
        let condition = format!(
            "one cluster, tasks {within} around it: error of that of the best of pooled and alone"
        );
        let ratio = ours / pooled.min(alone);
        let is_between = (0.2..0.5).contains(&within);
        let bar = if is_between { "at most 0.90" } else { "at most 1.02" };
        let most = if is_between { 0.90 } else { 1.02 };
        rows.push(row("mean-regularized", condition, format!("{ratio:.3}"), bar, ratio <= most));
    }
    let falls = strengths.windows(2).all(|pair| pair[1] <= pair[0]);
    let figures: Vec<String> = strengths.iter().map(|s| format!("{s:.3}")).collect();
    let condition = "the same: pull to the mean that is chosen";
    rows.push(row("mean-regularized", condition, figures.join(", "), "falls", falls));
    rows
}

/// The share of new rows whose class is mistaken, from the angle between coefficients.
fn mistakes(w: &Mat<f64>, truth: &[f64]) -> f64 {
    let n_tasks = w.ncols();
    let of_task = |t: usize| {
        let (mut inner, mut own, mut real) = (0.0, 0.0, 0.0_f64);
        for i in 0..w.nrows() {
            let (a, b) = (w[(i, t)], truth[i * n_tasks + t]);
            (inner, own, real) = (inner + a * b, own + a * a, real + b * b);
        }
        let size = (own * real).sqrt();
        if size > 0.0 { (inner / size).clamp(-1.0, 1.0).acos() / std::f64::consts::PI } else { 0.5 }
    };
    average(&(0..n_tasks).map(of_task).collect::<Vec<_>>())
}

/// The support vector machine around the mean of tasks.
pub(crate) fn machine(seeds: u64) -> Vec<Row> {
    let structure = Structure::Cluster { clusters: 1, between: 1.0, within: 0.3 };
    let signs = |tasks: &Tasks| {
        let sign = |y: &f64| if *y > 0.0 { 1.0 } else { -1.0 };
        tasks.with_labels(tasks.tasks().iter().map(|t| t.y.iter().map(sign).collect()).collect())
    };
    // Both are chosen among 60 points, by the same labels.
    let alone: Vec<Value> = (0..60)
        .map(|k| json!({"svm": true, "rho2": 0.0, "rho1": 10f64.powf(2.0 - 4.0 * f64::from(k) / 59.0)}))
        .collect();
    let of = |given: &[Value]| {
        over(seeds, |seed| {
            let trial = Trial::new(structure, [15, 10, 10], 1.0, seed);
            let (learning, validation) = (signs(&trial.learning), signs(&trial.validation));
            let solve = |given: &Value| {
                tuned("mean-regularized", given, &learning, &validation, trial.seed).0.w
            };
            let loss = |w: &Mat<f64>| validation.value(w.as_ref());
            let best = given.iter().map(solve).min_by(|a, b| loss(a).total_cmp(&loss(b)));
            mistakes(&best.unwrap(), &trial.truth.weights)
        })
    };
    let (joint, alone) = (of(&[json!({"svm": true})]), of(&alone));
    let condition = "one cluster, classes: mistaken new rows, together and alone";
    let measured = format!("{joint:.3}, {alone:.3}");
    vec![row("mean-regularized svm", condition, measured, "fewer by a tenth", joint <= 0.9 * alone)]
}
