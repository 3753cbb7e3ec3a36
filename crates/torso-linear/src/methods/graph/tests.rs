use faer::linalg::solvers::Solve;
use serde_json::{Value, json};
use torso_core::seed::Seed;
use torso_data::generate::{Structure, linear};

use super::*;
use crate::methods::{mean_regularized, ridge};
use crate::testing::{tasks_of, three_features};

fn fit(settings: &Value, tasks: &Tasks) -> Solution {
    let method = (METHOD.build)(settings.as_object().unwrap()).unwrap();
    method.fit(tasks, None, Effort::default(), Seed(0)).unwrap()
}

fn chain() -> Value {
    json!({"edges": [["y0", "y1"], ["y1", "y2", 2.5], ["y3", "y2"]], "rho1": 0.7, "rho2": 3.0})
}

/// Kernel ridge regression with `K((x, s), (z, t)) = (P^-1)_st x'z`, which is the posterior mean of
/// Gaussian processes with noise 1.
fn kernel_form(tasks: &Tasks, precision: &Mat<f64>) -> Mat<f64> {
    let rows: Vec<(usize, usize)> = tasks
        .tasks()
        .iter()
        .enumerate()
        .flat_map(|(t, task)| (0..task.y.len()).map(move |i| (t, i)))
        .collect();
    let n_tasks = tasks.n_tasks();
    let covariance = precision.partial_piv_lu().solve(Mat::<f64>::identity(n_tasks, n_tasks));
    let row = |(t, i): (usize, usize)| tasks.task(t).rows.x().row(i);
    let kernel = Mat::from_fn(rows.len(), rows.len(), |a, b| {
        let linear: f64 = row(rows[a]).iter().zip(row(rows[b]).iter()).map(|(x, z)| x * z).sum();
        covariance[(rows[a].0, rows[b].0)] * linear + if a == b { 1.0 } else { 0.0 }
    });
    let y = Mat::from_fn(rows.len(), 1, |a, _| tasks.task(rows[a].0).y[rows[a].1]);
    let alpha = kernel.partial_piv_lu().solve(y);
    Mat::from_fn(tasks.n_features(), n_tasks, |j, t| {
        let each = rows.iter().enumerate();
        each.map(|(a, &at)| covariance[(at.0, t)] * alpha[(a, 0)] * row(at)[j]).sum()
    })
}

#[test]
fn it_is_kernel_ridge_regression_and_the_posterior_mean() {
    for own in [false, true] {
        let tasks = three_features(12, 6, 4, own, 1);
        let solution = fit(&chain(), &tasks);
        let mut precision = faer::Scale(3.0) * solution.part(LAPLACIAN).unwrap();
        for t in 0..4 {
            precision[(t, t)] += 0.7;
        }
        let oracle = kernel_form(&tasks, &precision);
        assert!((&solution.w - &oracle).norm_max() < 1e-10);
        assert!(solution.residual < 1e-12, "{}", solution.residual);
    }
}

#[test]
fn the_penalty_is_the_sum_over_edges() {
    let tasks = three_features(12, 6, 4, true, 2);
    let solution = fit(&chain(), &tasks);
    let w = &solution.w;
    let apart = |s: usize, t: usize| (w.col(s) - w.col(t)).squared_norm_l2();
    let edges = apart(0, 1) + 2.5 * apart(1, 2) + apart(2, 3);
    let expected = 0.5 * (0.7 * w.squared_norm_l2() + 3.0 * edges);
    assert!((solution.penalty / expected - 1.0).abs() < 1e-12);
}

#[test]
fn its_limits_are_ridge_and_the_mean_of_tasks() {
    let tasks = three_features(12, 6, 4, true, 3);
    let alone = fit(&json!({"edges": [["y0", "y1"]], "rho1": 2.0, "rho2": 0.0}), &tasks);
    let ridge = (ridge::METHOD.build)(json!({"lambda": 2.0}).as_object().unwrap()).unwrap();
    let ridge = ridge.fit(&tasks, None, Effort::default(), Seed(0)).unwrap();
    assert!((&alone.w - &ridge.w).norm_max() < 1e-10);
    let all = json!({"clusters": [["y0", "y1", "y2", "y3"]], "rho1": 0.5, "rho2": 4.0});
    let rhos = json!({"rho1": 0.5, "rho2": 4.0});
    let mean = (mean_regularized::METHOD.build)(rhos.as_object().unwrap()).unwrap();
    let mean = mean.fit(&tasks, None, Effort::default(), Seed(0)).unwrap();
    let one = fit(&all, &tasks);
    assert!((&one.w - &mean.w).norm_max() < 1e-10);
    assert!((one.penalty / mean.penalty - 1.0).abs() < 1e-10);
}

#[test]
fn without_edges_those_that_correlate_are_joined() {
    let data = linear(Structure::Graph { within: 0.1 }, 60, 10, 8, 0.5, Seed(4)).data;
    let solution = fit(&json!({"neighbors": 2, "rho1": 0.1, "rho2": 1.0}), &tasks_of(&data));
    let laplacian = solution.part(LAPLACIAN).unwrap();
    for s in 0..8 {
        let row: f64 = (0..8).map(|t| laplacian[(s, t)]).sum();
        assert!(row.abs() < 1e-12, "rows of a Laplacian sum to 0");
        let joined: Vec<usize> = (0..8).filter(|&t| t != s && laplacian[(s, t)] < 0.0).collect();
        assert!(joined.len() >= 2);
        assert!(joined.iter().all(|t| (*t < 4) == (s < 4)), "{s} is joined to {joined:?}");
    }
}

#[test]
fn strangers_and_negative_weights_are_refused() {
    let data = linear(Structure::Unrelated, 9, 3, 2, 0.5, Seed(5)).data;
    let built = |settings: Value| (METHOD.build)(settings.as_object().unwrap());
    let stranger = built(json!({"edges": [["y0", "z"]]})).unwrap();
    let message = stranger.check(&data).unwrap_err().to_string();
    assert_eq!(message, "graph: `edges` names `z`, which is no task");
    assert!(built(json!({"clusters": [["y0", "z"]]})).unwrap().check(&data).is_err());
    assert!(built(json!({"clusters": [["y0", "y1"]]})).unwrap().check(&data).is_ok());
    for wrong in [
        json!({"edges": [["y0", "y1", -1.0]]}),
        json!({"edges": [["y0"]]}),
        json!({"neighbors": 0}),
        json!({"rho2": -1.0}),
        json!({"edge": []}),
    ] {
        assert!(built(wrong.clone()).is_err(), "{wrong}");
    }
}
