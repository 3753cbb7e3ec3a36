use faer::Mat;
use torso_core::estimator::FitStatus;
use torso_data::generate::{Structure, linear_own_rows};

use super::*;
use crate::methods::trace::TraceNorm;
use crate::penalty::row_norms;
use crate::solver::proximal;
use crate::testing::{tasks_of, three_features};

const EXACT: Effort = Effort { tolerance: 1e-12, iterations: 100_000 };

fn fit(tasks: &Tasks, lambda_l: f64, lambda_s: f64) -> Solution {
    let method = Robust { lambda_l: Some(lambda_l), lambda_s: Some(lambda_s) };
    let solution = method.fit(tasks, None, EXACT, Seed(0)).unwrap();
    assert_eq!(solution.status, FitStatus::Converged);
    solution
}

#[test]
fn at_either_end_one_part_is_left() {
    let tasks = three_features(40, 10, 4, true, 1);
    let lambda = 0.2 * Trace(1.0).dual(tasks.moments()).unwrap();
    let trace = TraceNorm { lambda: Some(lambda), ..TraceNorm::default() };
    let trace = trace.fit(&tasks, None, EXACT, Seed(0)).unwrap();
    let robust = fit(&tasks, lambda, 1.01 * lambda);
    assert!(robust.part(split::SECOND).unwrap().norm_max() == 0.0);
    assert!((&robust.w - &trace.w).norm_max() < 1e-4);
    // |L|_* of four columns is at least half the sum of their norms.
    let robust = fit(&tasks, lambda, 0.49 * lambda);
    let norms = ColumnNorms(0.49 * lambda);
    let columns = proximal::minimize(&tasks, &norms, Mat::zeros(10, 4), EXACT);
    assert!(robust.part(split::FIRST).unwrap().norm_max() == 0.0);
    assert!((&robust.w - &columns.w).norm_max() < 1e-4);
}

#[test]
fn outlier_tasks_are_told_apart() {
    let structure = Structure::Outlier { unrelated: 2, within: 0.05 };
    let truth = linear_own_rows(structure, 50, 15, 16, 0.5, Seed(2));
    let tasks = tasks_of(&truth.data);
    let method = Robust::default();
    let lambda = 0.25 * Trace(1.0).dual(tasks.moments()).unwrap();
    let solution = fit(&tasks, lambda, lambda * 16.0_f64.powf(-1.0 / 3.0));
    let apart = row_norms(solution.part(split::SECOND).unwrap().transpose());
    assert!(apart[..14].iter().all(|norm| *norm == 0.0), "{apart:?}");
    assert!(apart[14..].iter().all(|norm| *norm > 0.5), "{apart:?}");
    assert_eq!(method.paths(&tasks, 7).iter().map(Vec::len).collect::<Vec<_>>(), [7, 7]);
}
