use serde_json::{Value, json};
use torso_core::estimator::FitStatus;
use torso_core::seed::{Seed, normal};
use torso_math::{SymmetricEigen, water_fill};

use super::*;
use crate::methods::mean_regularized;
use crate::solver::relation;
use crate::tasks::{inner, product};
use crate::testing::three_features;

const EFFORT: Effort = Effort { tolerance: 1e-11, iterations: 50_000 };

fn built(settings: &Value) -> Box<dyn LinearMethod> {
    (METHOD.build)(settings.as_object().unwrap()).unwrap()
}

fn settings() -> Value {
    json!({"clusters": 3, "within": 20.0, "between": 0.8, "mean": 0.3})
}

fn fit(settings: &Value, tasks: &Tasks, start: Option<&Solution>) -> Solution {
    built(settings).fit(tasks, start, EFFORT, Seed(0)).unwrap()
}

fn draw(d: usize, n_tasks: usize, seed: u64) -> Mat<f64> {
    let mut stream = Seed(seed).stream("w", "", 0);
    Mat::from_fn(d, n_tasks, |_, _| normal(&mut stream))
}

/// The projection onto the mean of all tasks.
fn all(n_tasks: usize) -> Mat<f64> {
    Mat::from_fn(n_tasks, n_tasks, |_, _| 1.0 / n_tasks as f64)
}

fn quadratic(w: &Mat<f64>, matrix: &Mat<f64>) -> f64 {
    0.5 * inner(w.as_ref(), product(w.as_ref(), matrix.as_ref()).as_ref())
}

#[test]
fn true_clusters_give_the_three_norms_and_the_relaxation_lies_below() {
    let groups = [0, 1, 1, 2, 0, 1, 2];
    let w = draw(5, 7, 1);
    let (mean, between, within) = (0.3, 0.8, 20.0);
    let size = |c: usize| groups.iter().filter(|g| **g == c).count() as f64;
    let onto =
        Mat::from_fn(7, 7, |s, t| if groups[s] == groups[t] { 1.0 / size(groups[s]) } else { 0.0 });
    let (one, identity) = (all(7), Mat::<f64>::identity(7, 7));
    let inverse =
        faer::Scale(between) * (&onto - &one) + faer::Scale(within) * (&identity - &onto + &one);
    let (centered, wbar) = split(w.as_ref());
    let matrix_form = quadratic(&centered, &inverse) + quadratic(&w, &(faer::Scale(mean) * &one));
    let means = product(w.as_ref(), onto.as_ref());
    let mut norms = 0.0;
    for (t, group) in groups.iter().enumerate() {
        for i in 0..5 {
            // A cluster's mean counts once for each of its tasks.
            norms += mean * wbar[i].powi(2) + within * (w[(i, t)] - means[(i, t)]).powi(2);
            norms += between * (means[(i, t)] - wbar[i]).powi(2);
        }
        assert!(*group < 3);
    }
    assert!((matrix_form / (0.5 * norms) - 1.0).abs() < 1e-12);
    let norm = ClusterNorm { inside: between, outside: within, dimensions: 2 };
    let relaxed = ClusterPenalty { mean, norm }.value(w.as_ref());
    assert!(relaxed < matrix_form);
    // On the true clusters' own space the relaxation is exact.
    let exact = ClusterPenalty { mean, norm }.value(means.as_ref());
    let there =
        quadratic(&split(means.as_ref()).0, &inverse) + quadratic(&w, &(faer::Scale(mean) * &one));
    assert!((exact / there - 1.0).abs() < 1e-12);
}

/// Ridge regression given the covariance of tasks, and water-filling given coefficients, in turn.
fn alternation(tasks: &Tasks, rounds: usize) -> Mat<f64> {
    let n = tasks.n_tasks();
    let centering = Mat::<f64>::identity(n, n) - all(n);
    let (low, high) = (1.0 / 20.0, 1.0 / 0.8);
    let sum = n as f64 * low + 2.0 * (high - low);
    let mut inverse = faer::Scale(n as f64 / sum) * Mat::<f64>::identity(n, n);
    let mut w = Mat::zeros(tasks.n_features(), n);
    for _ in 0..rounds {
        let inside =
            product(product(centering.as_ref(), inverse.as_ref()).as_ref(), centering.as_ref());
        let precision = inside + faer::Scale(0.3) * all(n);
        w = relation::solve(tasks, precision.as_ref(), Some(&w));
        let centered = product(w.as_ref(), centering.as_ref());
        let eigen = SymmetricEigen::of(product(centered.transpose(), centered.as_ref()).as_ref());
        let energies: Vec<f64> = eigen.values.iter().map(|e| e.max(0.0)).collect();
        let variances = water_fill(&energies, low, high, sum);
        let scaled = Mat::from_fn(n, n, |t, k| eigen.vectors[(t, k)] / variances[k]);
        inverse = product(scaled.as_ref(), eigen.vectors.transpose());
    }
    w
}

#[test]
fn proximal_steps_end_where_the_alternation_does() {
    for own in [false, true] {
        let tasks = three_features(20, 6, 8, own, 2);
        let solution = fit(&settings(), &tasks, None);
        assert_eq!(solution.status, FitStatus::Converged);
        let oracle = alternation(&tasks, 400);
        assert!((&solution.w - &oracle).norm_max() < 1e-6, "{own}");
    }
}

#[test]
fn five_starts_have_one_objective() {
    let tasks = three_features(10, 12, 9, true, 3);
    let objective = |start: Option<&Solution>| {
        let solution = fit(&settings(), &tasks, start);
        tasks.value(solution.w.as_ref()) + solution.penalty
    };
    let reference = objective(None);
    for seed in 0..5 {
        let start = Solution::exact(faer::Scale(3.0) * draw(12, 9, seed), 0.0);
        assert!((objective(Some(&start)) / reference - 1.0).abs() < 1e-9);
    }
}

#[test]
fn one_cluster_is_mean_regularized_learning() {
    let tasks = three_features(15, 6, 5, true, 4);
    let one = json!({"clusters": 1, "within": 5.0, "between": 1.0, "mean": 0.5});
    let one = fit(&one, &tasks, None);
    let rhos = json!({"rho1": 0.5, "rho2": 4.5});
    let mean = (mean_regularized::METHOD.build)(rhos.as_object().unwrap()).unwrap();
    let mean = mean.fit(&tasks, None, EFFORT, Seed(0)).unwrap();
    assert!((&one.w - &mean.w).norm_max() < 1e-8);
    assert!((one.penalty / mean.penalty - 1.0).abs() < 1e-8);
}

#[test]
fn strengths_out_of_order_are_refused_and_open_ones_keep_it() {
    for wrong in [
        json!({"within": 1.0, "between": 2.0}),
        json!({"between": 1.0, "mean": 2.0}),
        json!({"within": 1.0, "mean": 2.0}),
        json!({"between": 0.0}),
        json!({"clusters": 0}),
        json!({"clusters": 1.5}),
    ] {
        assert!((METHOD.build)(wrong.as_object().unwrap()).is_err(), "{wrong}");
    }
    let tasks = three_features(15, 6, 5, true, 5);
    for given in [json!({}), json!({"between": 1e9}), json!({"mean": 30.0}), json!({"within": 2.0})]
    {
        for method in built(&given).paths(&tasks, 4).into_iter().flatten() {
            let settings: Vec<f64> = method.settings().iter().map(|(_, value)| *value).collect();
            let [_, mean, between, within] = settings[..] else { panic!("four settings") };
            assert!(0.0 < between && mean <= between && between <= within, "{given}: {settings:?}");
        }
    }
}
