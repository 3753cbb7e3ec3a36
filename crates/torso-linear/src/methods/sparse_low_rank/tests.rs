use torso_core::estimator::FitStatus;

use super::*;
use crate::methods::l1::Lasso;
use crate::methods::trace::TraceNorm;
use crate::testing::three_features;

const EXACT: Effort = Effort { tolerance: 1e-12, iterations: 100_000 };

fn fit(tasks: &Tasks, lambda_l: f64, lambda_s: f64) -> Solution {
    let method = SparseLowRank { lambda_l: Some(lambda_l), lambda_s: Some(lambda_s) };
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
    let both = fit(&tasks, lambda, 1.01 * lambda);
    assert!(both.part(split::SECOND).unwrap().norm_max() == 0.0);
    assert!((&both.w - &trace.w).norm_max() < 1e-4);
    // |L|_* is at least |L|_F, and that at least |L|_1 over the root of the number of entries.
    let weak = 0.99 * lambda / 40.0_f64.sqrt();
    let both = fit(&tasks, lambda, weak);
    let lasso = Lasso { lambda: Some(weak) }.fit(&tasks, None, EXACT, Seed(0)).unwrap();
    assert!(both.part(split::FIRST).unwrap().norm_max() == 0.0);
    assert!((&both.w - &lasso.w).norm_max() < 1e-4);
}

#[test]
fn no_move_between_the_parts_is_cheaper() {
    let tasks = three_features(40, 10, 4, true, 2);
    let lambda = 0.2 * Trace(1.0).dual(tasks.moments()).unwrap();
    let (l, s) = (lambda, lambda * 40.0_f64.powf(-0.25));
    let both = fit(&tasks, l, s);
    let (low, sparse) = (both.part(split::FIRST).unwrap(), both.part(split::SECOND).unwrap());
    assert!(low.norm_max() > 0.0 && sparse.norm_max() > 0.0);
    // Both subgradients are the gradient: in both dual balls, and tight along each part.
    let slope = -tasks.gradient(both.w.as_ref());
    assert!(Trace(l).dual(slope.as_ref()).unwrap() < 1.0 + 1e-5);
    assert!(L1(s).dual(slope.as_ref()).unwrap() < 1.0 + 1e-5);
    let along = |part: &faer::Mat<f64>| crate::tasks::inner(slope.as_ref(), part.as_ref());
    assert!((along(low) / Trace(l).value(low.as_ref()) - 1.0).abs() < 1e-5);
    assert!((along(sparse) / L1(s).value(sparse.as_ref()) - 1.0).abs() < 1e-5);
}
