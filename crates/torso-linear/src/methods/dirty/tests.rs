use torso_core::estimator::FitStatus;

use super::*;
use crate::methods::{l1, l1_inf};
use crate::solver::split;
use crate::testing::three_features;

const EXACT: Effort = Effort { tolerance: 1e-13, iterations: 100_000 };

fn fit(tasks: &Tasks, lambda_b: f64, lambda_s: f64) -> Solution {
    let method = Dirty { lambda_b: Some(lambda_b), lambda_s: Some(lambda_s) };
    let solution = method.fit(tasks, None, EXACT, Seed(0)).unwrap();
    assert_eq!(solution.status, FitStatus::Converged);
    solution
}

#[test]
fn the_solution_is_that_of_proximal_steps_in_both_parts() {
    for own in [false, true] {
        let tasks = three_features(40, 12, 5, own, 1);
        let most = L1Inf(1.0).dual(tasks.moments()).unwrap();
        let (b, s) = (0.1 * most, 0.04 * most);
        let ours = fit(&tasks, b, s);
        let theirs = split::minimize(&tasks, &L1Inf(b), &L1(s), None, EXACT);
        let objective = |s: &Solution| tasks.value(s.w.as_ref()) + s.penalty;
        assert!((objective(&ours) / objective(&theirs) - 1.0).abs() < 1e-11);
        assert!((&ours.w - &theirs.w).norm_max() < 1e-5);
        // The parts that are read off the solution cost what the solution does.
        let shared = ours.part(SHARED).unwrap();
        let rest = &ours.w - shared;
        let cost = L1Inf(b).value(shared.as_ref()) + L1(s).value(rest.as_ref());
        assert!((cost / ours.penalty - 1.0).abs() < 1e-12);
        assert!(shared.norm_max() > 0.0 && rest.norm_max() > 0.0);
    }
}

#[test]
fn at_either_end_it_is_the_lasso_or_l1_inf() {
    let tasks = three_features(40, 12, 4, true, 2);
    let most = L1Inf(1.0).dual(tasks.moments()).unwrap();
    let lambda = 0.1 * most;
    let lasso = l1::Lasso { lambda: Some(lambda) }.fit(&tasks, None, EXACT, Seed(0)).unwrap();
    for factor in [4.0, 7.0] {
        let dirty = fit(&tasks, factor * lambda, lambda);
        assert!((&dirty.w - &lasso.w).norm_max() < 1e-6);
        assert!(dirty.part(SHARED).unwrap().norm_max() == 0.0);
    }
    let of_rows = l1_inf::LargestOfRows { lambda: Some(lambda) };
    let of_rows = of_rows.fit(&tasks, None, EXACT, Seed(0)).unwrap();
    for factor in [1.0, 1.5] {
        let dirty = fit(&tasks, lambda, factor * lambda);
        assert!((&dirty.w - &of_rows.w).norm_max() < 1e-6);
        assert!((&dirty.w - dirty.part(SHARED).unwrap()).norm_max() == 0.0);
    }
}
