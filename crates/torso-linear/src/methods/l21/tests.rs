use std::sync::Arc;

use faer::Mat;
use torso_core::estimator::FitStatus;
use torso_core::seed::{Seed, normal};

use super::*;
use crate::penalty::{L21, Penalty};
use crate::solver::proximal;
use crate::tasks::{Rows, TaskRows};

/// Tasks of `n` rows with three features in use; with rows of their own, or shared ones.
fn tasks(n: usize, d: usize, n_tasks: usize, own: bool, seed: u64) -> Tasks {
    let draw = |step: u64| {
        let mut stream = Seed(seed).stream("x", "", step);
        Arc::new(Rows::new(Mat::from_fn(n, d, |_, _| normal(&mut stream)), vec![1.0; n]))
    };
    let shared = draw(0);
    let task = |t: usize| {
        let rows = if own { draw(t as u64) } else { shared.clone() };
        let mut stream = Seed(seed).stream("y", "", t as u64);
        let w: Vec<f64> = (0..3).map(|_| normal(&mut stream)).collect();
        let label =
            |i: usize| (0..3).map(|j| w[j] * rows.x()[(i, j)]).sum::<f64>() + normal(&mut stream);
        let y = (0..n).map(label).collect();
        TaskRows { name: format!("y{t}"), rows, y, scale: 1.0 }
    };
    Tasks::new(d, (0..n_tasks).map(task).collect())
}

fn most(tasks: &Tasks) -> f64 {
    row_norms(tasks.moments()).into_iter().fold(0.0, f64::max)
}

fn fit(tasks: &Tasks, lambda: f64, start: Option<&Solution>) -> Solution {
    let effort = Effort { tolerance: 1e-12, iterations: 100_000 };
    GroupLasso::at(lambda).fit(tasks, start, effort, Seed(0)).unwrap()
}

#[test]
fn the_optimality_conditions_hold_with_shared_and_own_rows_tall_and_wide() {
    for (n, d, own) in [(80, 20, false), (80, 20, true), (40, 300, false), (40, 100, true)] {
        let tasks = tasks(n, d, 6, own, 1);
        let lambda = 0.2 * most(&tasks);
        let solution = fit(&tasks, lambda, None);
        assert_eq!(solution.status, FitStatus::Converged);
        let gradient = tasks.gradient(solution.w.as_ref());
        let norms = row_norms(solution.w.as_ref());
        assert!(norms.iter().any(|norm| *norm > 0.0) && norms.contains(&0.0));
        for (i, norm) in norms.iter().enumerate() {
            if *norm == 0.0 {
                assert!(gradient.row(i).norm_l2() <= lambda * (1.0 + 1e-6));
                continue;
            }
            for t in 0..6 {
                let residual = gradient[(i, t)] + lambda * solution.w[(i, t)] / norm;
                assert!(residual.abs() <= 1e-6 * lambda, "{n} {d} {own}: {residual}");
            }
        }
    }
}

#[test]
fn the_solution_is_that_of_proximal_steps() {
    for own in [false, true] {
        let tasks = tasks(60, 15, 4, own, 2);
        let lambda = 0.1 * most(&tasks);
        let ours = fit(&tasks, lambda, None);
        let zeros = Mat::zeros(15, 4);
        let effort = Effort { tolerance: 1e-13, iterations: 100_000 };
        let theirs = proximal::minimize(&tasks, &L21(lambda), zeros, effort);
        assert!((&ours.w - &theirs.w).norm_max() < 1e-6);
        let objective = tasks.value(ours.w.as_ref()) + ours.penalty;
        assert!((objective / theirs.objective - 1.0).abs() < 1e-12);
    }
}

#[test]
fn orthogonal_features_give_the_block_soft_threshold() {
    let n = 8;
    let rows = Arc::new(Rows::new(Mat::identity(n, n), vec![1.0; n]));
    let label = |i: usize, t: usize| ((3 * i + 5 * t) % 7) as f64 - 3.0;
    let task = |t: usize| TaskRows {
        name: format!("y{t}"),
        rows: rows.clone(),
        y: (0..n).map(|i| label(i, t)).collect(),
        scale: 1.0,
    };
    let tasks = Tasks::new(n, (0..3).map(task).collect());
    let solution = fit(&tasks, 2.5, None);
    let mut expected = tasks.moments().to_owned();
    L21(2.5).shrink(&mut expected, 1.0);
    assert!((&solution.w - &expected).norm_max() < 1e-12);
}

#[test]
fn above_the_largest_strength_nothing_is_used_and_a_warm_start_changes_no_solution() {
    let tasks = tasks(30, 50, 5, false, 3);
    let lambda = most(&tasks);
    assert!(fit(&tasks, lambda * 1.000_001, None).w.norm_max() <= 0.0);
    assert!(fit(&tasks, lambda * 0.99, None).w.norm_max() > 0.0);
    let strong = fit(&tasks, lambda * 0.5, None);
    let warm = fit(&tasks, lambda * 0.3, Some(&strong));
    let cold = fit(&tasks, lambda * 0.3, None);
    assert!((&warm.w - &cold.w).norm_max() < 1e-6);
}

#[test]
fn copies_of_a_feature_share_its_coefficient_evenly() {
    let n = 30;
    let mut stream = Seed(4).stream("x", "", 0);
    let base = Mat::from_fn(n, 5, |_, _| normal(&mut stream));
    // The last feature is the first one with another sign.
    let x = Mat::from_fn(n, 6, |i, j| if j == 5 { -base[(i, 0)] } else { base[(i, j)] });
    let rows = Arc::new(Rows::new(x, vec![1.0; n]));
    let label = |i: usize, t: usize| 2.0 * base[(i, 0)] - (t as f64) * base[(i, 1)];
    let task = |t: usize| TaskRows {
        name: format!("y{t}"),
        rows: rows.clone(),
        y: (0..n).map(|i| label(i, t)).collect(),
        scale: 1.0,
    };
    let tasks = Tasks::new(6, (0..3).map(task).collect());
    let lambda = 0.1 * most(&tasks);
    let solution = fit(&tasks, lambda, None);
    for t in 0..3 {
        let (a, b) = (solution.w[(0, t)], solution.w[(5, t)]);
        assert!(a > 0.1 && (a + b).abs() < 1e-12, "{a} {b}");
    }
    let effort = Effort { tolerance: 1e-13, iterations: 100_000 };
    let theirs = proximal::minimize(&tasks, &L21(lambda), Mat::zeros(6, 3), effort);
    assert!((&solution.w - &theirs.w).norm_max() < 1e-6);
}

#[test]
fn the_strength_of_the_theory_is_that_of_the_paper_in_our_units() {
    // Features of mean square 1: n T = 90 of them in all.
    let (n, d, n_tasks) = (30, 8, 3);
    let entry = |i: usize, j: usize| if (i >> j).is_multiple_of(2) { 1.0 } else { -1.0 };
    let rows = Arc::new(Rows::new(Mat::from_fn(n, d, entry), vec![1.0; n]));
    let task = |t: usize| TaskRows {
        name: format!("y{t}"),
        rows: rows.clone(),
        y: vec![0.5; n],
        scale: 1.0,
    };
    let tasks = Tasks::new(d, (0..n_tasks).map(task).collect());
    let (noise, a) = (0.7, 9.0);
    let method =
        GroupLasso { scale: StrengthScale::Theory, noise: Some(noise), a, ..GroupLasso::default() };
    let nt = (n * n_tasks) as f64;
    let rise = 1.0 + a * (d as f64).ln() / (n_tasks as f64).sqrt();
    // Theirs: 1/(nT) SSE + 2 lambda sum |W_i.|; times nT/2 it is ours.
    let theirs = 2.0 * noise / nt.sqrt() * rise.sqrt();
    let paths = method.paths(&tasks, 30);
    let settings = paths[0][0].settings();
    assert_eq!((paths.len(), paths[0].len(), settings[0].0.as_str()), (1, 1, "lambda"));
    assert!((settings[0].1 / (nt * theirs) - 1.0).abs() < 1e-12);
}

#[test]
fn the_theory_needs_its_noise_and_nothing_else() {
    let build = |json: serde_json::Value| (METHOD.build)(json.as_object().unwrap());
    assert!(build(serde_json::json!({"scale": "theory", "noise": 1.0})).is_ok());
    for wrong in [
        serde_json::json!({"scale": "theory"}),
        serde_json::json!({"scale": "theory", "noise": 1.0, "lambda": 2.0}),
        serde_json::json!({"noise": 1.0}),
        serde_json::json!({"scale": "theory", "noise": 1.0, "a": 8.0}),
        serde_json::json!({"scale": "theory", "noise": 0.0}),
    ] {
        assert!(build(wrong.clone()).is_err(), "{wrong}");
    }
}
