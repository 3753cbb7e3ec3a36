use super::*;
use crate::penalty::Penalty;
use crate::solver::proximal;
use crate::testing::three_features;

const EXACT: Effort = Effort { tolerance: 1e-13, iterations: 100_000 };

fn fit(tasks: &Tasks, lambda: f64) -> Solution {
    Lasso { lambda: Some(lambda) }.fit(tasks, None, EXACT, Seed(0)).unwrap()
}

#[test]
fn the_optimality_conditions_hold_tall_and_wide() {
    for (n, d, own) in [(60, 20, false), (60, 20, true), (30, 90, true)] {
        let tasks = three_features(n, d, 4, own, 1);
        let lambda = 0.2 * tasks.moments().norm_max();
        let solution = fit(&tasks, lambda);
        assert_eq!(solution.status, FitStatus::Converged);
        let gradient = tasks.gradient(solution.w.as_ref());
        let mut used = 0;
        for t in 0..4 {
            for (w, g) in solution.w.col(t).iter().zip(gradient.col(t).iter()) {
                if *w == 0.0 {
                    assert!(g.abs() <= lambda * (1.0 + 1e-6));
                } else {
                    used += 1;
                    assert!((g + lambda * w.signum()).abs() <= 1e-6 * lambda);
                }
            }
        }
        assert!(used > 0 && used < 4 * d);
    }
}

#[test]
fn the_solution_is_that_of_proximal_steps_and_no_task_changes_another() {
    let tasks = three_features(50, 15, 3, true, 2);
    let lambda = 0.1 * tasks.moments().norm_max();
    let ours = fit(&tasks, lambda);
    let theirs = proximal::minimize(&tasks, &L1(lambda), Mat::zeros(15, 3), EXACT);
    assert!((&ours.w - &theirs.w).norm_max() < 1e-6);
    let objective = tasks.value(ours.w.as_ref()) + L1(lambda).value(ours.w.as_ref());
    assert!((objective / theirs.objective - 1.0).abs() < 1e-12);
    let alone = fit(&tasks.some(&[1]), lambda);
    assert_eq!(alone.w.col(0).to_owned(), ours.w.col(1).to_owned());
}
