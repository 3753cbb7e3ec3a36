use serde_json::json;
use torso_core::estimator::FitStatus;
use torso_core::seed::{Seed, normal};
use torso_math::{Spectrum, SymmetricEigen, project_onto_box_sum};

use super::*;
use crate::penalty::Penalty;
use crate::solver::{metric, relation};
use crate::tasks::product;
use crate::testing::three_features;

const EFFORT: Effort = Effort { tolerance: 1e-11, iterations: 50_000 };
const RHO1: f64 = 0.6;
const RHO2: f64 = 9.0;

fn method() -> ConvexAso {
    ConvexAso { dimensions: Some(2), rho1: Some(RHO1), rho2: Some(RHO2) }
}

fn fit(tasks: &Tasks, start: Option<&Solution>) -> Solution {
    method().fit(tasks, start, EFFORT, Seed(0)).unwrap()
}

/// `rho2 eta (1 + eta) (eta I + M)^-1`.
fn inverse(m: &Mat<f64>) -> Mat<f64> {
    let eta = RHO1 / RHO2;
    SymmetricEigen::of(m.as_ref()).map(|value| RHO2 * eta * (1.0 + eta) / (eta + value.max(0.0)))
}

/// The best `M [n, n]` of trace 2 for the square matrix `S = W W'` or `W'W`, by projected gradient
/// steps from `2/n I`: the steps of MALSAR's `Least_CASO` and `Least_CMTL`.
fn best_m(square: &Mat<f64>, steps: usize) -> Mat<f64> {
    let (n, eta) = (square.nrows(), RHO1 / RHO2);
    let mut m = faer::Scale(2.0 / n as f64) * Mat::<f64>::identity(n, n);
    let value = |m: &Mat<f64>| -> f64 {
        let p = product(inverse(m).as_ref(), square.as_ref());
        0.5 * (0..n).map(|i| p[(i, i)]).sum::<f64>()
    };
    let mut step = 1.0;
    for _ in 0..steps {
        let root = SymmetricEigen::of(m.as_ref()).map(|value| 1.0 / (eta + value.max(0.0)));
        let slope = product(product(root.as_ref(), square.as_ref()).as_ref(), root.as_ref());
        let before = value(&m);
        loop {
            let moved = &m + faer::Scale(step * 0.5 * RHO2 * eta * (1.0 + eta)) * &slope;
            let eigen = SymmetricEigen::of(moved.as_ref());
            let mut values = eigen.values.clone();
            project_onto_box_sum(&mut values, 1.0, 2.0);
            let scaled = Mat::from_fn(n, n, |i, k| eigen.vectors[(i, k)] * values[k]);
            let next = product(scaled.as_ref(), eigen.vectors.transpose());
            if value(&next) <= before || step < 1e-12 {
                m = next;
                break;
            }
            step *= 0.5;
        }
        step *= 1.5;
    }
    m
}

#[test]
fn the_forms_of_caso_and_of_clustered_learning_have_its_optimum() {
    let tasks = three_features(20, 6, 8, true, 1);
    let solution = fit(&tasks, None);
    assert_eq!(solution.status, FitStatus::Converged);
    let w = &solution.w;
    let of_features = best_m(&product(w.as_ref(), w.transpose()), 400);
    let of_tasks = best_m(&product(w.transpose(), w.as_ref()), 400);
    let by_features = metric::solve(&tasks, inverse(&of_features).as_ref());
    let by_tasks = relation::solve(&tasks, inverse(&of_tasks).as_ref(), None);
    let penalty = |m: &Mat<f64>, square: Mat<f64>| -> f64 {
        let p = product(inverse(m).as_ref(), square.as_ref());
        0.5 * (0..p.nrows()).map(|i| p[(i, i)]).sum::<f64>()
    };
    for value in [
        penalty(&of_features, product(w.as_ref(), w.transpose())),
        penalty(&of_tasks, product(w.transpose(), w.as_ref())),
    ] {
        assert!((value / solution.penalty - 1.0).abs() < 1e-7, "{value} {}", solution.penalty);
    }
    // Each block is optimal for the other one, so both are the optimum of a convex problem.
    assert!((&by_features - w).norm_max() < 1e-4);
    assert!((&by_tasks - w).norm_max() < 1e-4);
}

#[test]
fn five_starts_have_one_objective() {
    let tasks = three_features(10, 12, 9, true, 3);
    let objective = |start: Option<&Solution>| {
        let solution = fit(&tasks, start);
        tasks.value(solution.w.as_ref()) + solution.penalty
    };
    let reference = objective(None);
    for seed in 0..5 {
        let mut stream = Seed(seed).stream("start", "", 0);
        let start = Solution::exact(Mat::from_fn(12, 9, |_, _| 3.0 * normal(&mut stream)), 0.0);
        assert!((objective(Some(&start)) / reference - 1.0).abs() < 1e-9);
    }
}

#[test]
fn in_the_subspace_the_penalty_is_rho1_and_outside_both() {
    let mut stream = Seed(5).stream("w", "", 0);
    let base = Spectrum::of(Mat::from_fn(7, 7, |_, _| normal(&mut stream)).as_ref());
    // Two strong directions and five weak ones: the subspace is the strong ones.
    let values = [9.0, 8.0, 0.01, 0.01, 0.01, 0.01, 0.0];
    let w = base.rebuild(&values);
    let square = |values: &[f64]| values.iter().map(|s| s * s).sum::<f64>();
    let expected = 0.5 * (RHO1 * square(&values[..2]) + (RHO1 + RHO2) * square(&values[2..]));
    assert!((method().penalty().value(w.as_ref()) / expected - 1.0).abs() < 1e-12);
}

#[test]
fn parameters_out_of_range_are_refused() {
    for wrong in [json!({"rho1": 0.0}), json!({"rho2": -1.0}), json!({"dimensions": 0})] {
        assert!((METHOD.build)(wrong.as_object().unwrap()).is_err(), "{wrong}");
    }
    // Without a pull to the subspace there is still one to zero.
    let tasks = three_features(15, 6, 5, true, 5);
    let open = ConvexAso { rho2: Some(0.0), ..ConvexAso::default() };
    for point in open.paths(&tasks, 3).into_iter().flatten() {
        assert!(point.fit(&tasks, None, EFFORT, Seed(0)).unwrap().w.norm_max().is_finite());
    }
}
