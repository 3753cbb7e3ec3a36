use super::*;
use crate::methods::{l21, trace};
use crate::testing::{orthogonal, rotated, three_features};

const EXACT: Effort = Effort { tolerance: 1e-11, iterations: 100_000 };

fn fit(tasks: &Tasks, lambda: f64, solver: Solver, features: bool, effort: Effort) -> Solution {
    let method = FeatureLearning { lambda: Some(lambda), solver, features };
    let solution = method.fit(tasks, None, effort, Seed(0)).unwrap();
    assert_eq!(
        solution.status,
        FitStatus::Converged,
        "{solver:?} {features} {}",
        solution.residual
    );
    solution
}

fn objective(tasks: &Tasks, solution: &Solution) -> f64 {
    tasks.value(solution.w.as_ref()) + solution.penalty
}

#[test]
fn both_solvers_find_the_same_optimum() {
    // The gap that the alternation is asked for where directions vanish is what 3000 rounds reach.
    for (features, n, d, n_tasks, own, lambda, tolerance) in [
        (false, 30, 6, 12, true, 1.0, 1e-8),
        (false, 30, 10, 6, false, 0.5, 1e-4),
        (true, 30, 10, 6, true, 5.0, 1e-8),
        (true, 12, 30, 6, true, 2.0, 1e-8),
    ] {
        let tasks = three_features(n, d, n_tasks, own, 1);
        let direct = fit(&tasks, lambda, Solver::Direct, features, EXACT);
        let effort = Effort { tolerance, iterations: 3000 };
        let alternate = fit(&tasks, lambda, Solver::Alternate, features, effort);
        let above = objective(&tasks, &alternate) / objective(&tasks, &direct) - 1.0;
        assert!(above.abs() < 1e-5, "{features} {n} {d}: {above}");
        assert!(above <= alternate.residual + 1e-10, "the gap is a bound");
    }
}

#[test]
fn the_alternation_never_raises_its_objective() {
    let tasks = three_features(30, 10, 5, true, 2);
    let method = FeatureLearning { lambda: Some(3.0), solver: Solver::Alternate, features: false };
    let mut last = f64::INFINITY;
    for iterations in 1..40 {
        let effort = Effort { tolerance: 0.0, iterations };
        let solution = method.fit(&tasks, None, effort, Seed(0)).unwrap();
        let now = objective(&tasks, &solution);
        assert!(now <= last * (1.0 + 1e-12), "{iterations}: {now} after {last}");
        last = now;
    }
}

#[test]
fn the_square_has_the_path_of_the_norm() {
    let tasks = three_features(30, 10, 5, true, 3);
    let learned = fit(&tasks, 3.0, Solver::Direct, false, EXACT);
    let strength = 3.0 * torso_math::trace_norm(learned.w.as_ref());
    let method = trace::TraceNorm { lambda: Some(strength), ..Default::default() };
    let plain = method.fit(&tasks, None, EXACT, Seed(0)).unwrap();
    assert!((&plain.w - &learned.w).norm_max() < 1e-4);

    let chosen = fit(&tasks, 3.0, Solver::Direct, true, EXACT);
    let strength = 3.0 * row_norms(chosen.w.as_ref()).iter().sum::<f64>();
    let plain = l21::GroupLasso::at(strength).fit(&tasks, None, EXACT, Seed(0)).unwrap();
    assert!((&plain.w - &chosen.w).norm_max() < 1e-4);
}

#[test]
fn a_rotation_of_features_rotates_coefficients_unless_features_are_chosen() {
    let tasks = three_features(30, 10, 5, true, 4);
    let turn = orthogonal(10, Seed(5));
    let turned = rotated(&tasks, &turn);
    for (features, follows) in [(false, true), (true, false)] {
        let plain = fit(&tasks, 3.0, Solver::Direct, features, EXACT);
        let expected = product(turn.transpose(), plain.w.as_ref());
        let found = fit(&turned, 3.0, Solver::Direct, features, EXACT);
        let apart = (&found.w - &expected).norm_l2() / expected.norm_l2();
        assert_eq!(apart < 1e-4, follows, "{features}: {apart}");
        assert!(follows || apart > 0.1, "{apart}");
    }
}
