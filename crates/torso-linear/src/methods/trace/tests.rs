use faer::MatRef;
use torso_core::estimator::FitStatus;
use torso_math::Spectrum;

use super::*;
use crate::tasks::product;
use crate::testing::{orthogonal, rotated, three_features};

const EXACT: Effort = Effort { tolerance: 1e-12, iterations: 100_000 };

fn fit(tasks: &Tasks, lambda: f64) -> Solution {
    TraceNorm { lambda: Some(lambda), ..TraceNorm::default() }
        .fit(tasks, None, EXACT, Seed(0))
        .unwrap()
}

fn largest(m: MatRef<'_, f64>) -> f64 {
    singular_values(m)[0]
}

#[test]
fn the_optimality_conditions_hold() {
    for own in [false, true] {
        let tasks = three_features(40, 12, 6, own, 1);
        let lambda = 0.2 * largest(tasks.moments());
        let solution = fit(&tasks, lambda);
        assert_eq!(solution.status, FitStatus::Converged);
        // -gradient = lambda (U V' + M), with M orthogonal to both and of norm at most 1.
        let spectrum = Spectrum::of(solution.w.as_ref());
        let rank = spectrum.values.iter().filter(|s| **s > 1e-6).count();
        assert!(rank > 0 && rank < 6, "{rank}");
        let (u, v) = (spectrum.left.subcols(0, rank), spectrum.right.subcols(0, rank));
        let slope = faer::Scale(-1.0 / lambda) * tasks.gradient(solution.w.as_ref());
        let rest = slope - product(u, v.transpose());
        assert!(product(u.transpose(), rest.as_ref()).norm_max() < 1e-4);
        assert!(product(rest.as_ref(), v).norm_max() < 1e-4);
        assert!(largest(rest.as_ref()) <= 1.0 + 1e-6);
    }
}

#[test]
fn a_rotation_of_the_features_rotates_the_coefficients() {
    let tasks = three_features(40, 8, 5, true, 2);
    let turn = orthogonal(8, Seed(3));
    let lambda = 0.2 * largest(tasks.moments());
    let (plain, turned) = (fit(&tasks, lambda), fit(&rotated(&tasks, &turn), lambda));
    let expected = product(turn.transpose(), plain.w.as_ref());
    assert!((&turned.w - expected).norm_max() < 1e-5);
}

#[test]
fn above_the_largest_strength_nothing_is_used() {
    let tasks = three_features(30, 8, 5, false, 4);
    let most = largest(tasks.moments());
    assert!(fit(&tasks, most * 1.000_001).w.norm_max() == 0.0);
    assert!(fit(&tasks, most * 0.99).w.norm_max() > 0.0);
}

#[test]
fn around_a_common_vector_what_tasks_have_in_common_costs_nothing() {
    let tasks = three_features(30, 8, 5, true, 4);
    let around = TraceNorm { around: Around::Mean, ..TraceNorm::default() };
    let path = around.paths(&tasks, 5).remove(0);
    // At the strongest point of the path nothing but the common vector is left.
    let strongest = path[0].fit(&tasks, None, EXACT, Seed(0)).unwrap();
    let rank = |m: &Mat<f64>| {
        singular_values(m.as_ref()).into_iter().filter(|value| *value > 1e-9).count()
    };
    assert_eq!(rank(&strongest.w), 1);
    assert!(strongest.penalty.abs() < 1e-9);
    let new = path[0].new_task(&strongest).unwrap();
    assert!(new.iter().enumerate().all(|(i, w)| (w - strongest.w[(i, 2)]).abs() < 1e-9));
    // Further on, it is never worse than around zero with the same strength.
    let lambda = path[3].settings()[0].1;
    let objective = |method: &dyn LinearMethod| {
        let solution = method.fit(&tasks, None, EXACT, Seed(0)).unwrap();
        tasks.value(solution.w.as_ref()) + solution.penalty
    };
    let zero = TraceNorm { lambda: Some(lambda), ..TraceNorm::default() };
    assert!(objective(&*path[3]) <= objective(&zero) * (1.0 + 1e-9));
}
