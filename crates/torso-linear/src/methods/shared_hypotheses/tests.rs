use std::sync::Arc;

use serde_json::json;
use torso_core::estimator::FitStatus;
use torso_data::generate::measure::adjusted_rand_index;
use torso_data::generate::{LinearTruth, Structure, linear_own_rows};

use super::search::Choice;
use super::*;
use crate::methods::ridge::Ridge;
use crate::tasks::{Rows, TaskRows};
use crate::testing::tasks_of;

const CLUSTERS: Structure = Structure::Cluster { clusters: 3, between: 1.0, within: 0.0 };

fn planted(n: usize, d: usize, n_tasks: usize, seed: u64) -> (LinearTruth, Tasks) {
    let truth = linear_own_rows(CLUSTERS, n, d, n_tasks, 1.0, Seed(seed));
    let tasks = tasks_of(&truth.data);
    (truth, tasks)
}

fn fit(tasks: &Tasks, hypotheses: usize, lambda: f64, start: Option<&Solution>) -> Solution {
    let (hypotheses, lambda) = (Some(hypotheses), Some(lambda));
    let method = SharedHypotheses { hypotheses, lambda, ..Default::default() };
    method.fit(tasks, start, Effort::default(), Seed(0)).unwrap()
}

/// The mean squared error on new rows, whose noise has a variance of 1.
fn error(truth: &LinearTruth, w: &Mat<f64>) -> f64 {
    let flat: Vec<f64> = (0..w.nrows()).flat_map(|i| w.row(i).iter().copied()).collect();
    1.0 + truth.excess_risk(&flat)
}

/// The error of one who knows which tasks share a model.
fn oracle(truth: &LinearTruth, tasks: &Tasks, lambda: f64) -> f64 {
    let search = Search::new(tasks, 3, lambda, Effort::default());
    let choice: Choice = truth.groups.as_ref().unwrap().iter().map(|g| Some(*g)).collect();
    let mut hypotheses = Mat::zeros(tasks.n_features(), 3);
    (0..3).for_each(|k| search.learn(k, &choice, &mut hypotheses));
    let of = |i: usize, t: usize| hypotheses[(i, choice[t].unwrap())];
    error(truth, &Mat::from_fn(tasks.n_features(), tasks.n_tasks(), of))
}

#[test]
fn the_objective_never_rises() {
    for seed in 0..20 {
        let (_, tasks) = planted(10, 20, 30, 100 + seed);
        for (k, lambda) in [(3, 0.3), (8, 0.0), (25, 3.0)] {
            let mut last = f64::INFINITY;
            for rounds in 1..30 {
                let effort = Effort { tolerance: 1e-9, iterations: rounds };
                let search = Search::new(&tasks, k, lambda, effort);
                let end = search.descend(search.random(Seed(seed), 0));
                assert!(
                    end.value <= last + 1e-9 * last.abs(),
                    "{k} {rounds}: {} {last}",
                    end.value
                );
                last = end.value;
                if end.is_settled {
                    break;
                }
            }
        }
    }
}

#[test]
fn the_value_is_that_of_loss_and_penalty() {
    let (_, tasks) = planted(10, 5, 9, 1);
    let search = Search::new(&tasks, 3, 0.7, Effort::default());
    let end = search.descend(search.random(Seed(0), 0));
    let solution = search.solution(&end);
    let objective = tasks.value(solution.w.as_ref()) + solution.penalty;
    assert!((objective - tasks.energy() - end.value).abs() < 1e-9 * objective);
}

#[test]
fn one_hypothesis_for_each_task_is_a_ridge_regression_of_each() {
    let (_, tasks) = planted(10, 20, 12, 2);
    for lambda in [0.1, 10.0] {
        let all = fit(&tasks, 12, lambda, None);
        let ridge = Ridge { lambda: Some(lambda) };
        let ridge = ridge.fit(&tasks, None, Effort::default(), Seed(0)).unwrap();
        assert!((&all.w - &ridge.w).norm_max() < 1e-9);
        assert!((all.penalty - ridge.penalty).abs() < 1e-9 * ridge.penalty);
    }
}

#[test]
fn one_hypothesis_is_a_ridge_regression_of_all_rows() {
    let (_, tasks) = planted(10, 6, 5, 3);
    let pooled = fit(&tasks, 1, 0.5, None);
    let x = Mat::from_fn(50, 6, |i, j| tasks.task(i / 10).rows.x()[(i % 10, j)]);
    let y = tasks.tasks().iter().flat_map(|task| task.y.clone()).collect();
    let rows = Arc::new(Rows::new(x, vec![1.0; 50]));
    let all = Tasks::new(6, vec![TaskRows { name: "all".into(), rows, y, scale: 1.0 }]);
    let ridge = Ridge { lambda: Some(2.5) }; // five tasks have five penalties
    let ridge = ridge.fit(&all, None, Effort::default(), Seed(0)).unwrap();
    for t in 0..5 {
        assert!((pooled.w.col(t) - ridge.w.col(0)).norm_max() < 1e-9);
    }
}

#[test]
fn planted_clusters_are_found_and_more_tasks_come_near_to_the_best_error() {
    let mut errors = Vec::new();
    for n_tasks in [25, 50, 100] {
        let mut sum = 0.0;
        for seed in 200..205 {
            let (truth, tasks) = planted(10, 20, n_tasks, seed);
            let solution = fit(&tasks, 3, 0.3, None);
            let found = groups(solution.part("choice").unwrap());
            let ari = adjusted_rand_index(&found, truth.groups.as_ref().unwrap());
            let (ours, best) = (error(&truth, &solution.w), oracle(&truth, &tasks, 0.3));
            assert!(ari >= 0.95 && ours <= 1.1 * best, "{n_tasks} {seed}: {ari} {ours} {best}");
            sum += ours / 5.0;
        }
        errors.push(sum);
    }
    println!("errors at 25, 50, 100 tasks: {errors:?}; noise alone: 1");
    assert!(errors[0] > errors[1] && errors[1] > errors[2] && errors[2] < 1.1);
}

#[test]
fn a_start_is_never_left_for_something_worse() {
    let (_, tasks) = planted(10, 20, 12, 4);
    let objective = |solution: &Solution| tasks.value(solution.w.as_ref()) + solution.penalty;
    let first = fit(&tasks, 3, 0.3, None);
    let again = fit(&tasks, 3, 0.3, Some(&first));
    assert!(objective(&again) <= objective(&first) * (1.0 + 1e-12));
    let start = first.part("choice").unwrap();
    assert!(again.part("choice").unwrap().ncols() == start.ncols());
}

#[test]
fn tasks_without_information_take_no_hypothesis() {
    let (_, tasks) = planted(10, 4, 6, 5);
    let mut rows: Vec<TaskRows> = tasks.tasks().to_vec();
    rows[2].scale = 0.0;
    rows[4].rows = Arc::new(Rows::new(Mat::zeros(0, 4), Vec::new()));
    rows[4].y.clear();
    // A constant column, and two that are equal.
    let x = Mat::from_fn(10, 4, |i, j| if j == 0 { 0.0 } else { tasks.task(0).rows.x()[(i, 1)] });
    rows[0].rows = Arc::new(Rows::new(x, vec![1.0; 10]));
    let tasks = Tasks::new(4, rows);
    for (k, lambda) in [(1, 0.0), (2, 0.0), (6, 0.0), (9, 1.0)] {
        let solution = fit(&tasks, k, lambda, None);
        assert!(solution.w.norm_max().is_finite());
        assert!(solution.w.col(2).norm_max() == 0.0 && solution.w.col(4).norm_max() == 0.0);
        assert!(solution.w.col(1).norm_max() > 0.0);
    }
    let nothing = fit(&tasks.some(&[2, 4]), 2, 1.0, None);
    assert!(nothing.w.norm_max() == 0.0 && nothing.status == FitStatus::Converged);
}

#[test]
fn open_parameters_are_tried_and_bad_ones_refused() {
    let (_, tasks) = planted(10, 4, 6, 6);
    let build = |given: serde_json::Value| (METHOD.build)(given.as_object().unwrap());
    let paths = build(json!({})).unwrap().paths(&tasks, 5);
    let counts: Vec<f64> = paths.iter().map(|path| path[0].settings()[0].1).collect();
    assert_eq!(counts, [1.0, 2.0, 4.0, 6.0]);
    assert!(paths.iter().all(|path| path.len() == 5));
    let bad = [
        json!({ "hypotheses": 0 }),
        json!({ "lambda": -1 }),
        json!({ "restarts": 0 }),
        json!({ "k": 1 }),
    ];
    for given in bad {
        assert!(build(given.clone()).is_err(), "{given}");
    }
}
