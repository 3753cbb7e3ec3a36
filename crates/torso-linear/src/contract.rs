//! What every linear method must do, whatever it is: these tests run over the registry.

use std::sync::Arc;

use faer::Mat;
use serde_json::{Map, Value, json};
use torso_core::data::TaskKind;
use torso_core::finding::Finding;
use torso_core::method::Method;
use torso_core::seed::{Seed, normal};

use crate::method::{LinearEntry, LinearMethod, Names, Sees};
use crate::methods::{find, methods};
use crate::solution::{Effort, Solution};
use crate::tasks::{Rows, TaskRows, Tasks};

const EFFORT: Effort = Effort { tolerance: 1e-6, iterations: 3000 };

/// How a table is hostile.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trouble {
    None,
    OneTask,
    MoreFeaturesThanRows,
    ConstantColumn,
    CopiedColumn,
    TaskWithoutRows,
    TaskWithoutScale,
    ConstantLabels,
    AllZero,
    Huge,
    Tiny,
    SharedRows,
}

const TROUBLES: [Trouble; 12] = [
    Trouble::None,
    Trouble::OneTask,
    Trouble::MoreFeaturesThanRows,
    Trouble::ConstantColumn,
    Trouble::CopiedColumn,
    Trouble::TaskWithoutRows,
    Trouble::TaskWithoutScale,
    Trouble::ConstantLabels,
    Trouble::AllZero,
    Trouble::Huge,
    Trouble::Tiny,
    Trouble::SharedRows,
];

fn tasks(trouble: Trouble, sees: Sees) -> Tasks {
    let n_tasks = if trouble == Trouble::OneTask { 1 } else { 5 };
    let d = if trouble == Trouble::MoreFeaturesThanRows { 30 } else { 6 };
    let draw = |step: u64, n: usize| {
        let mut stream = Seed(3).stream("x", "", step);
        let mut x = Mat::from_fn(n, d, |_, _| normal(&mut stream));
        for i in 0..n {
            match trouble {
                Trouble::ConstantColumn => x[(i, 2)] = 0.0, // constant columns are 0 when centered
                Trouble::CopiedColumn => x[(i, 2)] = -x[(i, 1)],
                _ => {}
            }
        }
        x
    };
    let rows = |x: Mat<f64>| {
        let weights = vec![1.0; x.nrows()];
        Arc::new(Rows::new(x, weights))
    };
    let shared = rows(draw(0, 20));
    let task = |t: usize| {
        let n = if trouble == Trouble::TaskWithoutRows && t == 1 { 0 } else { 20 };
        let is_shared = trouble == Trouble::SharedRows;
        let rows = if is_shared { shared.clone() } else { rows(draw(t as u64, n)) };
        let mut noise = Seed(3).stream("y", "", t as u64);
        let label = |i: usize| {
            let signal = rows.x()[(i, 0)] - (t % 2) as f64 * rows.x()[(i, 1)];
            let y = signal + 0.5 * normal(&mut noise);
            match (sees, trouble) {
                (_, Trouble::AllZero) if sees == Sees::LeastSquares => 0.0,
                (Sees::Labels, Trouble::ConstantLabels) if t == 1 => 1.0,
                (Sees::Labels, _) => y.signum(),
                (_, Trouble::ConstantLabels) if t == 1 => 0.0,
                (_, Trouble::Huge) => 1e9 * y,
                (_, Trouble::Tiny) => 1e-9 * y,
                _ => y,
            }
        };
        let y = (0..n).map(label).collect();
        let scale = if trouble == Trouble::TaskWithoutScale && t == 1 { 0.0 } else { 1.0 };
        TaskRows { name: format!("y{t}"), rows, y, scale }
    };
    Tasks::new(d, (0..n_tasks).map(task).collect())
}

/// The method with nothing open: a strength in the middle of its first path.
fn set(entry: &LinearEntry, tasks: &Tasks) -> Box<dyn LinearMethod> {
    let open = (entry.build)(&Map::new()).unwrap();
    let mut path = open.paths(tasks, 3).remove(0);
    path.swap_remove(path.len() / 2)
}

fn fit(method: &dyn LinearMethod, tasks: &Tasks) -> Solution {
    method.fit(tasks, None, EFFORT, Seed(7)).unwrap()
}

fn is_finite(w: &Mat<f64>) -> bool {
    (0..w.ncols()).all(|t| w.col(t).iter().all(|v| v.is_finite()))
}

fn names(tasks: &Tasks) -> Names {
    Names {
        features: (0..tasks.n_features()).map(|i| format!("x{i}")).collect(),
        tasks: tasks.tasks().iter().map(|task| task.name.clone()).collect(),
    }
}

#[test]
fn no_trouble_makes_a_method_panic_or_give_what_is_no_number() {
    for entry in methods() {
        let sees = (entry.build)(&Map::new()).unwrap().sees();
        for trouble in TROUBLES {
            let of = format!("{} {trouble:?}", entry.method.id);
            let tasks = tasks(trouble, sees);
            let method = set(entry, &tasks);
            let solution = fit(&*method, &tasks);
            assert_eq!(
                (solution.w.nrows(), solution.w.ncols()),
                (tasks.n_features(), tasks.n_tasks())
            );
            assert!(is_finite(&solution.w), "{of}: coefficients");
            assert!(solution.penalty.is_finite() && solution.residual.is_finite(), "{of}");
            assert!(solution.penalty >= 0.0 && solution.residual >= 0.0, "{of}");
            assert!(solution.parts.values().all(is_finite), "{of}: parts");
            for finding in method.findings(&solution, &names(&tasks)) {
                check_finding(&of, &finding);
            }
            if let Some(new) = method.new_task(&solution) {
                assert!(
                    new.len() == tasks.n_features() && new.iter().all(|w| w.is_finite()),
                    "{of}"
                );
            }
        }
    }
}

fn check_finding(of: &str, finding: &Finding) {
    let numbers = match finding {
        Finding::Matrix { rows, columns, values, .. } => {
            assert_eq!(values.len(), rows.len() * columns.len(), "{of}: {}", finding.name());
            values
        }
        Finding::Bars { items, values, .. } => {
            assert_eq!(values.len(), items.len(), "{of}: {}", finding.name());
            assert!(values.iter().all(|v| *v >= 0.0), "{of}: {}", finding.name());
            values
        }
        Finding::Groups { items, groups, .. } => {
            assert_eq!(groups.len(), items.len(), "{of}: {}", finding.name());
            return;
        }
        Finding::Path { losses, .. } => losses,
    };
    assert!(numbers.iter().all(|v| v.is_finite()), "{of}: {}", finding.name());
}

#[test]
fn parameters_at_zero_give_numbers_where_zero_is_allowed() {
    for entry in methods() {
        let zero = |parameter: &&torso_core::method::Parameter| parameter.range == "at least 0";
        let given: Map<String, Value> = entry
            .method
            .parameters
            .iter()
            .filter(zero)
            .map(|p| (p.name.to_string(), json!(0)))
            .collect();
        let open = (entry.build)(&given).unwrap();
        for trouble in
            [Trouble::ConstantColumn, Trouble::CopiedColumn, Trouble::MoreFeaturesThanRows]
        {
            let tasks = tasks(trouble, open.sees());
            let method = open.paths(&tasks, 3).remove(0).remove(0);
            let solution = fit(&*method, &tasks);
            let of = format!("{} {trouble:?}", entry.method.id);
            assert!(is_finite(&solution.w) && solution.penalty.is_finite(), "{of}");
        }
        // And with a pull to the mean alone.
        if entry.method.id == "mean-regularized" {
            let given =
                Map::from_iter([("rho1".to_string(), json!(0)), ("rho2".to_string(), json!(1))]);
            let tasks = tasks(Trouble::ConstantColumn, Sees::LeastSquares);
            let solution = fit(&*(entry.build)(&given).unwrap(), &tasks);
            assert!(is_finite(&solution.w));
        }
    }
}

#[test]
fn no_fit_of_least_squares_is_worse_than_zero() {
    for entry in methods() {
        for trouble in [Trouble::None, Trouble::SharedRows, Trouble::MoreFeaturesThanRows] {
            let open = (entry.build)(&Map::new()).unwrap();
            if open.sees() == Sees::Labels {
                continue;
            }
            let tasks = tasks(trouble, Sees::LeastSquares);
            let solution = fit(&*set(entry, &tasks), &tasks);
            let objective = tasks.value(solution.w.as_ref()) + solution.penalty;
            // At 0 the penalty is 0.
            let most = tasks.energy() * (1.0 + 1e-6);
            assert!(objective <= most, "{} {trouble:?}: {objective} {most}", entry.method.id);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    for entry in methods() {
        let sees = (entry.build)(&Map::new()).unwrap().sees();
        let tasks = tasks(Trouble::None, sees);
        let method = set(entry, &tasks);
        assert_eq!(fit(&*method, &tasks).w, fit(&*method, &tasks).w, "{}", entry.method.id);
    }
}

#[test]
fn paths_set_everything_and_lie_where_parameters_may() {
    for entry in methods() {
        let sees = (entry.build)(&Map::new()).unwrap().sees();
        for trouble in [Trouble::None, Trouble::OneTask, Trouble::AllZero] {
            let tasks = tasks(trouble, sees);
            let paths = (entry.build)(&Map::new()).unwrap().paths(&tasks, 4);
            assert!(!paths.is_empty() && paths.iter().all(|path| !path.is_empty()));
            for method in paths.iter().flatten() {
                let settings = method.settings();
                assert!(settings.iter().all(|(_, value)| value.is_finite()), "{}", entry.method.id);
                let again = method.paths(&tasks, 4);
                assert_eq!((again.len(), again[0].len()), (1, 1), "{} is open", entry.method.id);
                for (name, _) in settings {
                    let is_told = entry.method.parameters.iter().any(|p| p.name == name);
                    assert!(is_told, "{}: `{name}` is no parameter", entry.method.id);
                }
            }
        }
    }
}

#[test]
fn parameters_are_told_read_and_refused_out_of_their_range() {
    for entry in methods() {
        let Method { id, parameters, .. } = entry.method;
        let given =
            |name: &str, value: Value| (entry.build)(&Map::from_iter([(name.to_string(), value)]));
        assert!(given("no-such-parameter", json!(1)).is_err(), "{id}");
        for parameter in parameters {
            let default: Value = serde_json::from_str(parameter.default)
                .unwrap_or_else(|_| Value::String(parameter.default.to_string()));
            assert!(given(parameter.name, default.clone()).is_ok(), "{id}: {}", parameter.name);
            assert!(given(parameter.name, json!(-1e-3)).is_err(), "{id}: {} < 0", parameter.name);
            assert!(given(parameter.name, json!({"a": 1})).is_err(), "{id}: {}", parameter.name);
            assert!(!parameter.range.is_empty() && !parameter.about.is_empty(), "{id}");
        }
    }
}

#[test]
fn ids_are_sorted_and_every_file_is_registered() {
    let ids: Vec<&str> = methods().iter().map(|entry| entry.method.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/methods");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if let Some(stem) = name.strip_suffix(".rs") {
            assert!(find(&stem.replace('_', "-")).is_some(), "{name} is in no list");
        }
    }
}

#[test]
fn a_regression_is_refused_by_methods_that_learn_classes() {
    use torso_core::data::{Labels, Layout, Task, TaskData};
    use torso_core::estimator::Estimator;
    let labels = Labels::from_column(&[1.0, 2.0, 3.0]);
    let task = Task { name: "y".into(), kind: TaskKind::Regression, labels };
    let values = torso_core::features::FeatureValues::Numeric(vec![0.0, 1.0, 2.0]);
    let feature = torso_core::features::Feature { name: "x".into(), values };
    let features = torso_core::features::Features::new(vec![feature]);
    let data = TaskData::new("t", "", features, vec![task], Layout::Columns).unwrap();
    for entry in methods() {
        let sees = (entry.build)(&Map::new()).unwrap().sees();
        let linear = crate::Linear::new(entry, &Map::new(), crate::FitSettings::default()).unwrap();
        assert_eq!(linear.check(&data).is_err(), sees == Sees::Labels, "{}", entry.method.id);
    }
}
