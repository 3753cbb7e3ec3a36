use faer::Mat;
use torso_core::estimator::FitStatus;

use super::*;
use crate::solver::proximal;
use crate::testing::three_features;

const EXACT: Effort = Effort { tolerance: 1e-13, iterations: 100_000 };

fn fit(tasks: &Tasks, lambda: f64) -> Solution {
    LargestOfRows { lambda: Some(lambda) }.fit(tasks, None, EXACT, Seed(0)).unwrap()
}

#[test]
fn the_optimality_conditions_hold_with_shared_and_own_rows_tall_and_wide() {
    for (n, d, own) in [(60, 15, false), (60, 15, true), (30, 80, false), (30, 70, true)] {
        let tasks = three_features(n, d, 5, own, 1);
        let lambda = 0.3 * L1Inf(1.0).dual(tasks.moments()).unwrap();
        let solution = fit(&tasks, lambda);
        assert_eq!(solution.status, FitStatus::Converged);
        let gradient = tasks.gradient(solution.w.as_ref());
        let mut used = 0;
        for i in 0..d {
            let row = solution.w.row(i);
            let most = row.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
            let slope: f64 = gradient.row(i).iter().map(|g| g.abs()).sum();
            if most == 0.0 {
                assert!(slope <= lambda * (1.0 + 1e-6));
                continue;
            }
            used += 1;
            // A slope of the maximum is spread over the largest entries, against their signs.
            assert!((slope / lambda - 1.0).abs() < 1e-5, "{n} {d} {own}: {slope}");
            for (w, g) in row.iter().zip(gradient.row(i).iter()) {
                let is_largest = w.abs() > most - 1e-6;
                assert!(is_largest || g.abs() < 1e-5 * lambda);
                assert!(g * w.signum() < 1e-5 * lambda);
            }
        }
        assert!(used > 0 && used < d);
    }
}

#[test]
fn the_solution_is_that_of_proximal_steps() {
    for own in [false, true] {
        let tasks = three_features(50, 12, 4, own, 2);
        let lambda = 0.1 * L1Inf(1.0).dual(tasks.moments()).unwrap();
        let ours = fit(&tasks, lambda);
        let theirs = proximal::minimize(&tasks, &L1Inf(lambda), Mat::zeros(12, 4), EXACT);
        assert!((&ours.w - &theirs.w).norm_max() < 1e-6);
        let objective = tasks.value(ours.w.as_ref()) + ours.penalty;
        assert!((objective / theirs.objective - 1.0).abs() < 1e-12);
    }
}
