use super::*;
use crate::testing::three_features;

fn classes(seed: u64, own: bool) -> Tasks {
    let tasks = three_features(30, 4, 3, own, seed);
    let sign = |y: &f64| if *y > 0.0 { 1.0 } else { -1.0 };
    tasks.with_labels(tasks.tasks().iter().map(|task| task.y.iter().map(sign).collect()).collect())
}

const EFFORT: Effort = Effort { tolerance: 1e-10, iterations: 200_000 };

/// The optimality conditions in terms of the kernel, of which the solver makes no matrix.
#[test]
fn margins_by_the_kernel_are_at_one_where_dual_variables_are_free() {
    for own in [false, true] {
        let tasks = classes(1, own);
        let (mu0, mu1) = (2.0, 5.0);
        let solution = minimize(&tasks, [mu0, mu1], None, EFFORT, Seed(0));
        assert_eq!(solution.status, FitStatus::Converged);
        let alpha = solution.part(ALPHA).unwrap();
        let rows: Vec<(usize, usize)> = (0..3).flat_map(|t| (0..30).map(move |i| (t, i))).collect();
        let x = |(t, i): (usize, usize)| tasks.task(t).rows.x().row(i);
        let y = |(t, i): (usize, usize)| tasks.task(t).y[i];
        let mut kinds = [0; 3];
        for (a, &one) in rows.iter().enumerate() {
            let each = rows.iter().enumerate().map(|(b, &other)| {
                let linear: f64 = x(one).iter().zip(x(other).iter()).map(|(x, z)| x * z).sum();
                let factor = 1.0 / mu0 + if one.0 == other.0 { 1.0 / mu1 } else { 0.0 };
                alpha[(b, 0)] * y(other) * factor * linear
            });
            let margin = y(one) * each.sum::<f64>();
            let dual = alpha[(a, 0)];
            if dual <= 0.0 {
                assert!(dual >= 0.0 && margin >= 1.0 - 1e-4, "{margin}");
                kinds[0] += 1;
            } else if dual >= 1.0 {
                assert!(dual <= 1.0 && margin <= 1.0 + 1e-4, "{margin}");
                kinds[1] += 1;
            } else {
                assert!((margin - 1.0).abs() < 1e-4, "{margin}");
                kinds[2] += 1;
            }
        }
        assert!(kinds.iter().all(|count| *count > 3), "{kinds:?}");
    }
}

#[test]
fn a_start_and_a_seed_change_no_optimum() {
    let tasks = classes(2, true);
    let cold = minimize(&tasks, [1.0, 2.0], None, EFFORT, Seed(0));
    let other = minimize(&tasks, [4.0, 3.0], None, EFFORT, Seed(0));
    for solution in [
        minimize(&tasks, [1.0, 2.0], Some(&other), EFFORT, Seed(0)),
        minimize(&tasks, [1.0, 2.0], None, EFFORT, Seed(1)),
    ] {
        assert!((solution.penalty / cold.penalty - 1.0).abs() < 1e-9);
        assert!((&solution.w - &cold.w).norm_max() < 1e-4);
    }
    let again = minimize(&tasks, [1.0, 2.0], None, EFFORT, Seed(0));
    assert_eq!(again.w, cold.w, "the same seed gives the same bits");
}

#[test]
fn rows_without_weight_or_features_and_tasks_without_rows_are_no_trouble() {
    let x = Mat::from_fn(4, 2, |i, j| if i == 0 { 0.0 } else { (i + j) as f64 - 2.0 });
    let rows = Arc::new(Rows::new(x, vec![1.0, 0.0, 1.0, 1.0]));
    let none = Arc::new(Rows::new(Mat::zeros(0, 2), Vec::new()));
    let task = |rows: &Arc<Rows>, y: Vec<f64>, scale: f64| crate::TaskRows {
        name: String::new(),
        rows: rows.clone(),
        y,
        scale,
    };
    let y = vec![1.0, -1.0, -1.0, 1.0];
    let tasks =
        vec![task(&rows, y.clone(), 1.0), task(&none, Vec::new(), 1.0), task(&rows, y, 0.0)];
    let solution = minimize(&Tasks::new(2, tasks), [1.0, 1.0], None, EFFORT, Seed(0));
    assert_eq!(solution.status, FitStatus::Converged);
    assert!(solution.w.norm_max().is_finite() && solution.w.norm_max() > 0.0);
    for i in 0..2 {
        let common = solution.w[(i, 1)];
        assert!((solution.w[(i, 2)] - common).abs() < 1e-12, "tasks without labels are the mean");
    }
    let nothing = minimize(&Tasks::new(2, Vec::new()), [1.0, 1.0], None, EFFORT, Seed(0));
    assert_eq!(nothing.w.shape(), (2, 0));
}
