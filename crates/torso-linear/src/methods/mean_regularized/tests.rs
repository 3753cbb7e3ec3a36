use faer::linalg::solvers::Solve;
use serde_json::json;
use torso_core::estimator::FitStatus;

use super::*;
use crate::solver::relation;
use crate::testing::three_features;

fn fit(tasks: &Tasks, rho1: f64, rho2: f64, svm: bool) -> Solution {
    let method = MeanRegularized { rho1: Some(rho1), rho2: Some(rho2), svm };
    method.fit(tasks, None, Effort::default(), Seed(0)).unwrap()
}

/// Least squares in `w_0` and all `v_t` at once, `w_t = w_0 + v_t`, by their normal equations.
fn primal_form(tasks: &Tasks, mu0: f64, mu1: f64) -> Mat<f64> {
    let (d, n_tasks) = (tasks.n_features(), tasks.n_tasks());
    let size = d * (n_tasks + 1);
    let mut system =
        Mat::from_fn(size, size, |i, j| if i == j { if i < d { mu0 } else { mu1 } } else { 0.0 });
    let mut right = Mat::zeros(size, 1);
    for t in 0..n_tasks {
        let gram = tasks.gram(t);
        let own = d * (t + 1);
        for i in 0..d {
            right[(i, 0)] += tasks.moments()[(i, t)];
            right[(own + i, 0)] += tasks.moments()[(i, t)];
            for j in 0..d {
                system[(i, j)] += gram[(i, j)];
                system[(i, own + j)] += gram[(i, j)];
                system[(own + i, j)] += gram[(i, j)];
                system[(own + i, own + j)] += gram[(i, j)];
            }
        }
    }
    let solved = system.partial_piv_lu().solve(right);
    Mat::from_fn(d, n_tasks, |i, t| solved[(i, 0)] + solved[(d * (t + 1) + i, 0)])
}

/// Kernel ridge regression with `K((x, s), (z, t)) = x'z (1 / mu0 + [s = t] / mu1)`.
fn kernel_form(tasks: &Tasks, mu0: f64, mu1: f64) -> Mat<f64> {
    let rows: Vec<(usize, usize)> = (0..tasks.n_tasks())
        .flat_map(|t| (0..tasks.task(t).y.len()).map(move |i| (t, i)))
        .collect();
    let row = |(t, i): (usize, usize)| tasks.task(t).rows.x().row(i);
    let factor = |s: usize, t: usize| 1.0 / mu0 + if s == t { 1.0 / mu1 } else { 0.0 };
    let kernel = Mat::from_fn(rows.len(), rows.len(), |a, b| {
        let linear: f64 = row(rows[a]).iter().zip(row(rows[b]).iter()).map(|(x, z)| x * z).sum();
        factor(rows[a].0, rows[b].0) * linear + if a == b { 1.0 } else { 0.0 }
    });
    let y = Mat::from_fn(rows.len(), 1, |a, _| tasks.task(rows[a].0).y[rows[a].1]);
    let alpha = kernel.partial_piv_lu().solve(y);
    Mat::from_fn(tasks.n_features(), tasks.n_tasks(), |j, t| {
        let each = rows.iter().enumerate();
        each.map(|(a, &at)| factor(at.0, t) * alpha[(a, 0)] * row(at)[j]).sum()
    })
}

#[test]
fn primal_regularizer_and_kernel_form_are_one() {
    for own in [false, true] {
        let tasks = three_features(12, 5, 4, own, 1);
        let (rho1, rho2) = (0.4, 3.0);
        let (mu1, mu0) = (rho1 + rho2, 4.0 * (rho1 + rho2) * rho1 / rho2);
        let ours = fit(&tasks, rho1, rho2, false).w;
        let precision =
            Mat::from_fn(4, 4, |s, t| if s == t { rho1 + rho2 * 0.75 } else { -0.25 * rho2 });
        for theirs in [
            primal_form(&tasks, mu0, mu1),
            relation::solve(&tasks, precision.as_ref(), None),
            kernel_form(&tasks, mu0, mu1),
        ] {
            assert!((&ours - &theirs).norm_max() < 1e-8);
        }
    }
}

#[test]
fn its_limits_are_tasks_alone_and_one_model() {
    let tasks = three_features(30, 5, 4, true, 2);
    let alone = fit(&tasks, 0.5, 0.0, false).w;
    for t in 0..4 {
        let one = fit(&tasks.some(&[t]), 0.5, 0.0, false).w;
        assert!((alone.subcols(t, 1) - &one).norm_max() < 1e-10);
    }
    let pooled = fit(&tasks, 0.5, 1e9, false).w;
    let mut gram = Mat::<f64>::identity(5, 5) * faer::Scale(4.0 * 0.5);
    let mut moment = Mat::zeros(5, 1);
    for t in 0..4 {
        gram += tasks.gram(t);
        moment += tasks.moments().subcols(t, 1);
    }
    let one = gram.partial_piv_lu().solve(moment);
    for t in 0..4 {
        assert!((pooled.subcols(t, 1) - &one).norm_max() < 1e-6);
    }
}

/// The same tasks with the signs of their labels.
fn classes(tasks: &Tasks) -> Tasks {
    let signs = |y: &f64| if *y > 0.0 { 1.0 } else { -1.0 };
    tasks.with_labels(tasks.tasks().iter().map(|task| task.y.iter().map(signs).collect()).collect())
}

#[test]
fn the_machine_minimizes_the_hinge_and_the_papers_penalty() {
    let tasks = classes(&three_features(25, 5, 4, true, 3));
    // The paper's strengths: lambda1 / T sum |v_t|^2 + lambda2 |w_0|^2.
    let (lambda1, lambda2) = (6.0, 0.8);
    let rho1 = 2.0 * lambda1 * lambda2 / (4.0 * (lambda1 + lambda2));
    let rho2 = 2.0 * lambda1 * lambda1 / (4.0 * (lambda1 + lambda2));
    let solution = fit(&tasks, rho1, rho2, true);
    assert_eq!(solution.status, FitStatus::Converged);
    assert!(solution.residual <= 1e-6);
    let objective = |w: &Mat<f64>| -> f64 {
        let mean = mean_column(w);
        let hinge = |t: usize| -> f64 {
            let task = tasks.task(t);
            let margin = |i: usize| -> f64 {
                (0..5).map(|j| task.rows.x()[(i, j)] * w[(j, t)]).sum::<f64>() * task.y[i]
            };
            (0..task.y.len()).map(|i| (1.0 - margin(i)).max(0.0)).sum()
        };
        // At the best w_0 = lambda1 / (lambda1 + lambda2) wbar.
        let w0: Vec<f64> = mean.iter().map(|m| lambda1 / (lambda1 + lambda2) * m).collect();
        let own: f64 =
            (0..4).map(|t| (0..5).map(|i| (w[(i, t)] - w0[i]).powi(2)).sum::<f64>()).sum();
        let common: f64 = w0.iter().map(|w| w * w).sum();
        (0..4).map(hinge).sum::<f64>() + lambda1 / 4.0 * own + lambda2 * common
    };
    let at = objective(&solution.w);
    assert!((at / solution.penalty - 1.0).abs() < 1e-5, "{at} {}", solution.penalty);
    let mut stream = Seed(4).stream("w", "", 0);
    for k in 0..500 {
        let size = 10f64.powi(-1 - k % 4);
        let moved = Mat::from_fn(5, 4, |i, t| {
            solution.w[(i, t)] + size * torso_core::seed::normal(&mut stream)
        });
        assert!(objective(&moved) >= at * (1.0 - 1e-5));
    }
}

#[test]
fn machines_have_the_limits_too() {
    let tasks = classes(&three_features(25, 5, 4, true, 5));
    let alone = fit(&tasks, 0.5, 0.0, true);
    for t in 0..4 {
        let one = fit(&tasks.some(&[t]), 0.5, 0.0, true).w;
        assert!((alone.w.subcols(t, 1) - &one).norm_max() < 1e-2);
    }
    let pooled = fit(&tasks, 0.5, 1e7, true).w;
    for t in 1..4 {
        assert!((pooled.subcols(t, 1) - pooled.subcols(0, 1)).norm_max() < 1e-5);
    }
}

#[test]
fn a_machine_needs_a_pull_to_zero() {
    let built = |given: serde_json::Value| (METHOD.build)(given.as_object().unwrap());
    assert!(built(json!({"rho1": 0.0})).is_ok());
    assert!(built(json!({"rho1": 0.0, "svm": true})).is_err());
    let tasks = classes(&three_features(9, 3, 2, true, 6));
    let open = built(json!({"rho2": 0.0, "svm": true})).unwrap();
    for point in open.paths(&tasks, 3).into_iter().flatten() {
        assert!(point.fit(&tasks, None, Effort::default(), Seed(0)).is_ok());
    }
}
