//! Block-sparse methods on data whose truth is known, in a fast version of the example `planted`, and
//! on data that nothing can be learned from.
#![expect(clippy::print_stdout, reason = "figures of a test, for people")]

use std::sync::Arc;

use faer::Mat;
use serde_json::{Map, Value, json};
use torso_core::estimator::FitStatus;
use torso_core::seed::Seed;
use torso_linear::{Effort, Rows, TaskRows, Tasks, methods};

#[path = "../examples/planted"]
mod planted {
    #[expect(dead_code, reason = "the whole list is the example's")]
    pub(crate) mod block_sparse;
}

use planted::block_sparse;

/// One bar, as the example has it.
pub(crate) struct Row {
    pub(crate) system: &'static str,
    pub(crate) condition: String,
    pub(crate) measured: String,
    pub(crate) bar: &'static str,
    pub(crate) met: bool,
}

/// Asserts all bars.
fn assert_met(rows: &[Row]) {
    for Row { system, condition, measured, bar, met } in rows {
        println!("{system}: {condition}: {measured} ({bar})");
        assert!(met, "{system}: {condition}: {measured}, not {bar}");
    }
}

#[test]
fn common_support_is_recovered_from_the_rows_that_theory_asks_for() {
    assert_met(&block_sparse::recovery_rows(&[(60, 24)]));
}

#[test]
fn support_is_found_better_with_more_tasks() {
    assert_met(&block_sparse::shared_support(2));
}

#[test]
fn a_subspace_is_learned_from_tasks() {
    assert_met(&block_sparse::learned_features(2));
}

#[test]
fn at_the_strength_of_the_theory_the_error_follows_its_bound() {
    // That the error hardly grows with the features is for the example, on more data. At this
    // strength it does: the root of 100 tasks is not large beside 8 log M, and the bound grows, too.
    let mut rows = block_sparse::theory::rows(1);
    rows.retain(|row| !row.bar.starts_with("below 15%"));
    assert_eq!(rows.len(), 2);
    assert_met(&rows);
}

#[test]
fn one_round_of_messages_finds_the_support() {
    assert_met(&block_sparse::distributed(1));
}

#[test]
fn outlier_tasks_do_not_spoil_the_others() {
    assert_met(&block_sparse::outliers(2));
}

const IDS: [&str; 9] =
    ["l1", "l21", "l1-inf", "trace", "mtfl", "dirty", "dsml", "robust", "sparse-low-rank"];

/// A task of `n` rows, its features made by `cell`.
fn task(n: usize, d: usize, scale: f64, cell: impl Fn(usize, usize) -> f64) -> TaskRows {
    TaskRows {
        name: "y".to_string(),
        rows: Arc::new(Rows::new(Mat::from_fn(n, d, cell), vec![1.0; n])),
        y: (0..n).map(|i| ((5 * i) % 7) as f64 - 3.0).collect(),
        scale,
    }
}

/// Tasks with nothing to learn from beside one that has.
fn poor_tasks() -> Vec<(&'static str, Tasks)> {
    let cell = |i: usize, j: usize| ((7 * i + 13 * j + i * j) % 11) as f64 - 5.0;
    let of = |tasks: Vec<TaskRows>| Tasks::new(4, tasks);
    let good = || task(20, 4, 1.0, cell);
    vec![
        ("one task", of(vec![good()])),
        ("a task without rows", of(vec![good(), task(0, 4, 1.0, cell)])),
        ("only tasks without rows", of(vec![task(0, 4, 1.0, cell), task(0, 4, 1.0, cell)])),
        ("a task of scale 0", of(vec![good(), task(20, 4, 0.0, cell)])),
        ("constant features", of(vec![task(20, 4, 1.0, |_, _| 0.0), good()])),
        ("copies of a feature", of(vec![good(), task(20, 4, 1.0, |i, j| cell(i, j / 2))])),
        ("fewer rows than features", of(vec![task(2, 4, 1.0, cell), task(1, 4, 1.0, cell)])),
        ("huge numbers", of(vec![task(20, 4, 1.0, |i, j| 1e100 * cell(i, j)), good()])),
    ]
}

#[test]
fn poor_data_give_finite_coefficients_that_are_no_worse_than_none() {
    for (name, tasks) in poor_tasks() {
        for id in IDS {
            let method = (methods::find(id).unwrap().build)(&Map::new()).unwrap();
            for path in method.paths(&tasks, 4) {
                let mut last = None;
                for point in path {
                    let effort = Effort { tolerance: 1e-6, iterations: 300 };
                    let solution = point.fit(&tasks, last.as_ref(), effort, Seed(0)).unwrap();
                    assert!(solution.w.is_all_finite(), "{id}, {name}");
                    assert!(
                        solution.penalty.is_finite() && solution.residual.is_finite(),
                        "{id}, {name}"
                    );
                    let objective = tasks.value(solution.w.as_ref()) + solution.penalty;
                    let is_descent = id == "dsml" || objective <= tasks.energy() * (1.0 + 1e-9);
                    assert!(is_descent, "{id}, {name}: {objective}");
                    last = Some(solution);
                }
            }
        }
    }
}

#[test]
fn certificates_hold_at_the_tolerance_asked_for_and_fits_repeat_to_the_bit() {
    let cell = |i: usize, j: usize| ((7 * i + 13 * j + i * j) % 11) as f64 - 5.0;
    let other = |i: usize, j: usize| ((3 * i + 5 * j + i * i * j) % 13) as f64 - 6.0;
    let tasks = Tasks::new(4, vec![task(30, 4, 1.0, cell), task(25, 4, 0.5, other)]);
    for id in IDS {
        let method = (methods::find(id).unwrap().build)(&Map::new()).unwrap();
        let effort = Effort { tolerance: 1e-10, iterations: 50_000 };
        for point in method.paths(&tasks, 3).into_iter().flatten() {
            let fit = || point.fit(&tasks, None, effort, Seed(0)).unwrap();
            let (first, second) = (fit(), fit());
            assert_eq!(first.status, FitStatus::Converged, "{id}");
            assert!(first.residual <= 1e-10, "{id}");
            assert_eq!(first.w, second.w, "{id}");
        }
    }
}

#[test]
fn parameters_out_of_range_and_strangers_are_refused() {
    let refused = |id: &str, given: Value| {
        let given = given.as_object().unwrap().clone();
        assert!((methods::find(id).unwrap().build)(&given).is_err(), "{id} {given:?}");
    };
    for id in IDS {
        refused(id, json!({"no-such": 1}));
    }
    for id in ["l1", "l21", "l1-inf", "trace", "mtfl", "dsml"] {
        refused(id, json!({"lambda": 0.0}));
        refused(id, json!({"lambda": -1.0}));
    }
    for id in ["robust", "sparse-low-rank"] {
        refused(id, json!({"lambda-l": 0.0}));
        refused(id, json!({"lambda-s": -1.0}));
    }
    refused("dirty", json!({"lambda-b": 0.0}));
    refused("dsml", json!({"workers": 0}));
    refused("dsml", json!({"mu": 0.0}));
    refused("mtfl", json!({"solver": "other"}));
}
