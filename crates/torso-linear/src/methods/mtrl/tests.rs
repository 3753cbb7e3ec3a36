use faer::Side;
use faer::linalg::solvers::{Llt, Solve};
use torso_core::estimator::FitStatus;
use torso_core::seed::{Seed, normal};
use torso_math::SymmetricEigen;

use super::*;
use crate::solver::relation;
use crate::tasks::{inner, product};
use crate::testing::three_features;

const EFFORT: Effort = Effort { tolerance: 1e-12, iterations: 100_000 };
const RHO1: f64 = 1.5;
/// So small that no singular value is 0, and the covariance has an inverse.
const RHO2: f64 = 0.3;

fn fit(tasks: &Tasks, start: Option<&Solution>) -> Solution {
    Mtrl { rho1: Some(RHO1), rho2: Some(RHO2) }.fit(tasks, start, EFFORT, Seed(0)).unwrap()
}

fn objective(tasks: &Tasks, solution: &Solution) -> f64 {
    tasks.value(solution.w.as_ref()) + solution.penalty
}

/// `rho1 I + rho2 Omega^-1`.
fn precision(omega: &Mat<f64>) -> Mat<f64> {
    SymmetricEigen::of(omega.as_ref()).map(|value| RHO1 + RHO2 / value)
}

/// Kernel ridge regression with `K((x, s), (z, t)) = (Omega (rho1 Omega + rho2 I)^-1)_st x'z`.
fn dual_form(tasks: &Tasks, omega: &Mat<f64>) -> Mat<f64> {
    let covariance = SymmetricEigen::of(omega.as_ref()).map(|v| v / (RHO1 * v + RHO2));
    let rows: Vec<(usize, usize)> = (0..tasks.n_tasks())
        .flat_map(|t| (0..tasks.task(t).y.len()).map(move |i| (t, i)))
        .collect();
    let row = |(t, i): (usize, usize)| tasks.task(t).rows.x().row(i);
    let kernel = Mat::from_fn(rows.len(), rows.len(), |a, b| {
        let linear: f64 = row(rows[a]).iter().zip(row(rows[b]).iter()).map(|(x, z)| x * z).sum();
        covariance[(rows[a].0, rows[b].0)] * linear + if a == b { 1.0 } else { 0.0 }
    });
    let y = Mat::from_fn(rows.len(), 1, |a, _| tasks.task(rows[a].0).y[rows[a].1]);
    let alpha = kernel.partial_piv_lu().solve(y);
    Mat::from_fn(tasks.n_features(), tasks.n_tasks(), |j, t| {
        let each = rows.iter().enumerate();
        each.map(|(a, &at)| covariance[(at.0, t)] * alpha[(a, 0)] * row(at)[j]).sum()
    })
}

#[test]
fn the_penalty_is_that_of_the_learned_covariance() {
    let tasks = three_features(30, 10, 4, true, 1);
    let solution = fit(&tasks, None);
    assert_eq!(solution.status, FitStatus::Converged);
    let w = &solution.w;
    let omega = omega(w.as_ref());
    assert!(((0..4).map(|t| omega[(t, t)]).sum::<f64>() - 1.0).abs() < 1e-12);
    let image = product(w.as_ref(), precision(&omega).as_ref());
    let expected = 0.5 * inner(w.as_ref(), image.as_ref());
    assert!((solution.penalty / expected - 1.0).abs() < 1e-9);
}

#[test]
fn the_alternation_and_the_dual_form_have_its_optimum() {
    let tasks = three_features(30, 10, 4, true, 2);
    let solution = fit(&tasks, None);
    let mut learned = Scale(0.25) * Mat::<f64>::identity(4, 4);
    let mut w = Mat::zeros(10, 4);
    for _ in 0..2000 {
        w = relation::solve(&tasks, precision(&learned).as_ref(), Some(&w));
        learned = omega(w.as_ref());
    }
    assert!((&w - &solution.w).norm_max() < 1e-7, "{}", (&w - &solution.w).norm_max());
    let alternated = tasks.value(w.as_ref())
        + 0.5 * inner(w.as_ref(), product(w.as_ref(), precision(&learned).as_ref()).as_ref());
    assert!((objective(&tasks, &solution) / alternated - 1.0).abs() < 1e-10);
    let dual = dual_form(&tasks, &learned);
    let primal = relation::solve(&tasks, precision(&learned).as_ref(), None);
    assert!((&dual - &primal).norm_max() < 1e-8);
    assert!((&dual - &solution.w).norm_max() < 1e-6);
}

#[test]
fn five_starts_have_one_objective_with_more_tasks_than_features_too() {
    for (d, n_tasks) in [(10, 4), (5, 20)] {
        let tasks = three_features(15, d, n_tasks, true, 3);
        let reference = objective(&tasks, &fit(&tasks, None));
        for seed in 0..5 {
            let mut stream = Seed(seed).stream("start", "", 0);
            let w = Mat::from_fn(d, n_tasks, |_, _| 3.0 * normal(&mut stream));
            let there = objective(&tasks, &fit(&tasks, Some(&Solution::exact(w, 0.0))));
            assert!((there / reference - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn the_covariance_is_the_root_of_the_square() {
    let mut stream = Seed(4).stream("w", "", 0);
    let w = Mat::from_fn(9, 3, |_, _| normal(&mut stream));
    let omega = omega(w.as_ref());
    let sum = torso_math::trace_norm(w.as_ref());
    let square = Scale(sum * sum) * product(omega.as_ref(), omega.as_ref());
    assert!((square - product(w.transpose(), w.as_ref())).norm_max() < 1e-12);
    let none = super::omega(Mat::zeros(9, 3).as_ref());
    assert!((none - Scale(1.0 / 3.0) * Mat::<f64>::identity(3, 3)).norm_max() < 1e-15);
    assert_eq!(task_correlation(Mat::zeros(9, 3).as_ref()), Mat::<f64>::identity(3, 3));
}

/// The objective of a new task in so many words, or infinity outside of the cone.
fn bordered(known: &Mat<f64>, task: &Tasks, w: &[f64], a: &[f64], o: f64) -> f64 {
    let (d, n) = known.shape();
    let omega = omega(known.as_ref());
    let covariance = Mat::from_fn(n + 1, n + 1, |s, t| match (s == n, t == n) {
        (true, true) => o,
        (true, false) => a[t],
        (false, true) => a[s],
        (false, false) => (1.0 - o) * omega[(s, t)],
    });
    let all = Mat::from_fn(d, n + 1, |i, t| if t == n { w[i] } else { known[(i, t)] });
    let Ok(factor) = covariance.llt(Side::Lower) else { return f64::INFINITY };
    let factor: Llt<f64> = factor;
    let trace = inner(all.transpose(), factor.solve(all.transpose()).as_ref());
    let own = Mat::from_fn(d, 1, |i, _| w[i]);
    task.value(own.as_ref()) + 0.5 * RHO1 * own.squared_norm_l2() + 0.5 * RHO2 * trace
}

#[test]
fn no_other_border_of_the_covariance_is_better_for_a_new_task() {
    // With directions that the known tasks do not use, and without.
    for (d, n_known) in [(10, 4), (4, 4)] {
        let tasks = three_features(12, d, n_known + 1, true, 5);
        let known = fit(&tasks.some(&(0..n_known).collect::<Vec<_>>()), None).w;
        let task = tasks.some(&[n_known]);
        let new = learn_new_task(known.as_ref(), &task, RHO1, RHO2, EFFORT);
        assert_eq!(new.status, FitStatus::Converged);
        let at = bordered(&known, &task, &new.w, &new.covariance, new.variance);
        assert!((at / new.objective - 1.0).abs() < 1e-6, "{at} {}", new.objective);
        let mut stream = Seed(6).stream("border", "", 0);
        for _ in 0..3000 {
            let size = 10f64.powf(-1.0 - 4.0 * normal(&mut stream).abs().min(1.0));
            let mut moved = |values: &[f64], scale: f64| -> Vec<f64> {
                values.iter().map(|v| v + size * scale * normal(&mut stream)).collect()
            };
            let (w, a) = (moved(&new.w, 1.0), moved(&new.covariance, 0.1));
            let o = moved(&[new.variance], 0.1)[0];
            if o > 0.0 && o < 1.0 {
                let there = bordered(&known, &task, &w, &a, o);
                assert!(there >= at * (1.0 - 1e-7), "{there} {at} {size}");
            }
        }
    }
}

#[test]
fn a_new_task_with_few_rows_is_helped_by_one_like_it() {
    let tasks = three_features(200, 8, 3, true, 7);
    let known = fit(&tasks, None).w;
    // Five rows of the first task once more.
    let first = tasks.task(0);
    let x = first.rows.x().subrows(0, 5).to_owned();
    let rows = std::sync::Arc::new(crate::Rows::new(x, vec![1.0; 5]));
    let few = crate::TaskRows { rows, y: first.y[..5].to_vec(), ..first.clone() };
    let few = Tasks::new(8, vec![few]);
    let apart = |w: &[f64]| (0..8).map(|i| (w[i] - known[(i, 0)]).powi(2)).sum::<f64>();
    let new = learn_new_task(known.as_ref(), &few, 0.0, 1.0, Effort::default());
    let alone = learn_new_task(Mat::zeros(8, 0).as_ref(), &few, 0.0, 1.0, Effort::default());
    assert!(apart(&new.w) < 0.7 * apart(&alone.w), "{} {}", apart(&new.w), apart(&alone.w));
    assert!(new.covariance[0] > new.covariance[1].abs().max(new.covariance[2].abs()));
}
