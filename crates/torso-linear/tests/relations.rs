//! The planted truths of the methods of task relationships on few data sets, and bad data.

use std::sync::Arc;

use faer::Mat;
use serde_json::{Map, Value, json};
use torso_core::seed::{Seed, normal};
use torso_linear::{Effort, Rows, TaskRows, Tasks, methods};

#[path = "../examples/planted/relations.rs"]
mod relations;

/// As the experiment tells it.
struct Row {
    system: &'static str,
    condition: String,
    measured: String,
    bar: &'static str,
    met: bool,
}

/// Bars that are out of reach: the system and a part of the condition, and why.
const UNMET: [(&str, &str); 5] = [
    // Tuned edges may be weak, and two of five are right by chance.
    ("graph", "as strong as is best"),
    // 1.26 to 1.32 on 20 data sets.
    ("clustered", "with known clusters"),
    // Parameters are chosen for the mean of all tasks: what is best for nine of ten.
    ("mean-regularized", "an outlier"),
    ("graph", "an outlier"),
    ("clustered", "an outlier"),
];

#[test]
fn what_was_planted_is_found() {
    for Row { system, condition, measured, bar, met } in relations::rows(2) {
        println!("{system}, {condition}: {measured} ({bar})");
        let is_known =
            UNMET.iter().any(|(of, part)| system.starts_with(of) && condition.contains(part));
        assert!(met || is_known, "{system}, {condition}: {measured}, not {bar}");
    }
}

/// Tasks without rows, without scale, with constant features, with collinear ones, with huge and
/// tiny labels, with fewer rows than features.
fn awkward(n_tasks: usize, d: usize) -> Tasks {
    let mut stream = Seed(3).stream("awkward", "", 0);
    let mut task = |t: usize| {
        let n = [0, 1, 3, 40][t % 4];
        let mut x = Mat::from_fn(n, d, |_, _| normal(&mut stream));
        for i in 0..n {
            x[(i, 0)] = 0.0;
            if d > 2 {
                x[(i, 2)] = -x[(i, 1)];
            }
        }
        let size = [1.0, 1e-8, 1e8][t % 3];
        TaskRows {
            name: format!("y{t}"),
            rows: Arc::new(Rows::new(x, vec![1.0; n])),
            y: (0..n).map(|i| if i % 3 == 0 { size } else { -size }).collect(),
            scale: if t == 3 { 0.0 } else { 1.0 },
        }
    };
    Tasks::new(d, (0..n_tasks).map(&mut task).collect())
}

#[test]
fn awkward_tasks_give_finite_coefficients() {
    let given: [(&str, Value); 7] = [
        ("mean-regularized", json!({})),
        ("mean-regularized", json!({"svm": true})),
        ("graph", json!({})),
        ("graph", json!({"rho1": 0.0, "edges": [["y0", "y0", 2.0]]})),
        ("clustered", json!({})),
        ("caso", json!({})),
        ("mtrl", json!({})),
    ];
    for (id, settings) in given {
        for (n_tasks, d) in [(1, 1), (1, 6), (7, 6), (9, 50)] {
            let tasks = awkward(n_tasks, d);
            let settings: &Map<String, Value> = settings.as_object().unwrap();
            let method = (methods::find(id).unwrap().build)(settings).unwrap();
            let effort = Effort { tolerance: 1e-6, iterations: 200 };
            for point in method.paths(&tasks, 3).into_iter().flatten() {
                let solution = point.fit(&tasks, None, effort, Seed(0)).unwrap();
                let again = point.fit(&tasks, None, effort, Seed(0)).unwrap();
                assert_eq!(solution.w, again.w, "{id}: the same bits");
                let numbers = [solution.w.norm_max(), solution.penalty, solution.residual];
                assert!(numbers.iter().all(|v| v.is_finite()), "{id} {n_tasks} {d}: {numbers:?}");
                assert!(solution.penalty >= 0.0);
                let names = torso_linear::Names {
                    features: (0..d).map(|j| format!("x{j}")).collect(),
                    tasks: (0..n_tasks).map(|t| format!("y{t}")).collect(),
                };
                point.findings(&solution, &names);
            }
        }
    }
}
