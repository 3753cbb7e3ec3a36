use faer::linalg::solvers::Solve;
use torso_core::data::{Labels, Layout, Task};
use torso_core::estimator::{Batch, Budget, Epoch};
use torso_core::features::Design;
use torso_core::finding::Finding;
use torso_core::journal::{Journal, NoJournal, Signal};
use torso_core::seed::{Seed, normal};
use torso_core::snapshot::Snapshot;

use super::*;
use crate::methods;
use crate::settings::{Choice, Datafit};

/// Features far from centered, and the tasks that `label` makes of them.
struct Table {
    data: TaskData,
    design: Design,
}

fn table(kinds: &[TaskKind], layout: Layout, label: impl Fn(usize, &[f64]) -> f64) -> Table {
    const N: usize = 120;
    let d = 4;
    let mut stream = Seed(9).stream("x", "", 0);
    let values: Vec<f64> =
        (0..N * d).map(|at| normal(&mut stream) + (at % d) as f64 * 3.0).collect();
    let design = Design::new((0..d).map(|j| format!("x{j}")).collect(), N, values);
    let row = |i: usize| &design.values()[i * d..][..d];
    let task = |(t, kind): (usize, &TaskKind)| {
        let mine = |i: usize| match layout {
            Layout::Columns => !(i + t).is_multiple_of(7), // some labels are missing
            Layout::Groups => i % kinds.len() == t,
        };
        let rows: Vec<u32> = (0..N).filter(|i| mine(*i)).map(torso_core::data::row_index).collect();
        let y = rows.iter().map(|&i| label(t, row(i as usize))).collect();
        Task { name: format!("y{t}"), kind: kind.clone(), labels: Labels::new(rows, y).unwrap() }
    };
    let tasks = kinds.iter().enumerate().map(task).collect();
    let values = torso_core::features::FeatureValues::Numeric(vec![0.0; N]);
    let feature = torso_core::features::Feature { name: "x".into(), values };
    let features = torso_core::features::Features::new(vec![feature]);
    Table { data: TaskData::new("t", "", features, tasks, layout).unwrap(), design }
}

fn fit(table: &Table, id: &str, own: &[(&str, f64)], settings: FitSettings) -> Box<dyn Model> {
    let own = own.iter().map(|(name, value)| ((*name).to_string(), (*value).into())).collect();
    let linear = Linear::new(methods::find(id).unwrap(), &own, settings).unwrap();
    let rows = table.data.labeled_rows();
    let (validation, train): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| **row % 5 == 0);
    linear
        .fit(&Problem {
            data: &table.data,
            design: &table.design,
            train: &train,
            validation: &validation,
            seed: Seed(1),
            budget: Budget { trials: 1, epochs: 1, batch: Batch::Auto },
            journal: &NoJournal,
        })
        .unwrap()
}

fn two_classes() -> TaskKind {
    TaskKind::Binary { classes: ["n".into(), "y".into()] }
}

/// The ridge solution with an unpenalized intercept, from the normal equations of `[1, X]`.
fn closed_form(table: &Table, t: usize, lambda: f64) -> Vec<f64> {
    let d = table.design.n_columns();
    let labels = &table.data.tasks()[t].labels;
    let mut system = faer::Mat::<f64>::zeros(d + 1, d + 1);
    let mut right = faer::Mat::<f64>::zeros(d + 1, 1);
    for (&row, y) in labels.rows().iter().zip(labels.values()) {
        let x = [&table.design.values()[row as usize * d..][..d], &[1.0]].concat();
        for i in 0..=d {
            right[(i, 0)] += x[i] * y;
            for j in 0..=d {
                system[(i, j)] += x[i] * x[j];
            }
        }
    }
    for i in 0..d {
        system[(i, i)] += lambda;
    }
    let solution = system.partial_piv_lu().solve(&right);
    solution.col(0).iter().copied().collect()
}

#[test]
fn intercepts_are_not_penalized_on_uncentered_data() {
    let label = |t: usize, x: &[f64]| 40.0 + x[0] - 2.0 * x[t + 1] + (7.0 * x[3]).sin();
    let table = table(&[TaskKind::Regression, TaskKind::Regression], Layout::Columns, label);
    let settings = FitSettings { standardize: false, ..FitSettings::default() };
    let model = fit(&table, "ridge", &[("lambda", 5.0)], settings);
    let coefficients = model.coefficients().unwrap();
    for t in 0..2 {
        let expected = closed_form(&table, t, 5.0);
        for (i, expected) in expected[..4].iter().enumerate() {
            assert!((coefficients.values[i * 2 + t] - expected).abs() < 1e-9);
        }
        assert!((coefficients.intercepts[t] - expected[4]).abs() < 1e-8);
    }
}

#[test]
fn a_logistic_optimum_has_no_slope() {
    let label = |t: usize, x: &[f64]| f64::from(u8::from(x[t] - 3.0 * t as f64 + x[3] - 9.0 > 0.3));
    let table = table(&[two_classes(), two_classes()], Layout::Columns, label);
    let lambda = 2.0;
    let model = fit(&table, "ridge", &[("lambda", lambda)], FitSettings::default());
    let coefficients = model.coefficients().unwrap();
    for (t, task) in table.data.tasks().iter().enumerate() {
        let p = model.predict(&table.design, t, task.labels.rows());
        let error: Vec<f64> = p.iter().zip(task.labels.values()).map(|(p, y)| p - y).collect();
        assert!(error.iter().sum::<f64>().abs() < 1e-3, "the intercept's slope");
        for i in 0..4 {
            let x = |row: &u32| table.design.values()[*row as usize * 4 + i];
            let slope: f64 = task.labels.rows().iter().map(x).zip(&error).map(|(x, e)| x * e).sum();
            let slope = slope + lambda * coefficients.values[i * 2 + t];
            assert!(slope.abs() < 5e-3, "task {t} feature {i}: {slope}");
        }
    }
    assert!(model.trace().certificate.unwrap().iterations > 1);
    assert_eq!(model.trace().status, torso_core::estimator::FitStatus::Converged);
}

#[test]
fn every_datafit_classifies_and_gives_probabilities() {
    let three = TaskKind::Multiclass { classes: ["a", "b", "c"].map(String::from).to_vec() };
    let label = |t: usize, x: &[f64]| match t {
        0 => f64::from(u8::from(x[1] > 3.0)),
        1 => {
            if x[0] < -0.4 {
                0.0
            } else if x[0] < 0.4 {
                1.0
            } else {
                2.0
            }
        }
        _ => x[2],
    };
    let table = table(&[two_classes(), three, TaskKind::Regression], Layout::Columns, label);
    for datafit in [Datafit::Auto, Datafit::Squared, Datafit::SquaredHinge, Datafit::Huber] {
        let settings = FitSettings { datafit, points: 8, ..FitSettings::default() };
        let model = fit(&table, "l21", &[], settings);
        let all: Vec<u32> = (0..120).collect();
        let p = model.predict(&table.design, 0, &all);
        let right = (0..120).filter(|&i| (p[i] > 0.5) == (table.design.values()[i * 4 + 1] > 3.0));
        assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(right.count() > 110, "{datafit:?}");
        for p in model.predict(&table.design, 1, &all).chunks_exact(3) {
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12 && p.iter().all(|p| *p >= 0.0));
        }
        assert_eq!(model.n_parameters(), 5 * 5);
    }
}

#[test]
fn cross_validation_finds_a_strength_and_one_standard_error_a_stronger_one() {
    let label = |_: usize, x: &[f64]| x[0] + (50.0 * x[1]).sin() * 2.0;
    let table = table(&[TaskKind::Regression, TaskKind::Regression], Layout::Columns, label);
    let lambda = |choose| {
        let settings = FitSettings { choose, ..FitSettings::default() };
        fit(&table, "l21", &[], settings).trace().settings[0].1
    };
    let (min, strong) = (lambda(Choice::Min), lambda(Choice::OneStandardError));
    assert!(min > 0.0 && strong > min, "{min} {strong}");
    let model = fit(&table, "l21", &[], FitSettings::default());
    assert!(matches!(&model.trace().findings[0], Finding::Path { values, losses, .. }
        if values.len() == 30 && losses.iter().all(|loss| loss.is_finite())));
}

#[test]
fn a_model_is_read_back_to_the_bit_and_other_tasks_are_refused() {
    let label = |_: usize, x: &[f64]| x[0] + x[1];
    let kinds = [TaskKind::Regression, TaskKind::Regression];
    let table = table(&kinds, Layout::Groups, label);
    let model =
        fit(&table, "mean-regularized", &[("rho1", 0.1), ("rho2", 3.0)], FitSettings::default());
    let read = crate::restore(&model.snapshot(), 4, &kinds).unwrap();
    let rows = [3, 60, 119];
    for task in 0..2 {
        assert_eq!(
            model.predict(&table.design, task, &rows),
            read.predict(&table.design, task, &rows)
        );
    }
    let new = model.predict_new_task(&table.design, &rows).unwrap();
    assert_eq!(Some(&new), read.predict_new_task(&table.design, &rows).as_ref());
    let a = model.predict(&table.design, 0, &rows);
    let b = model.predict(&table.design, 1, &rows);
    for i in 0..3 {
        assert!((new[i] - f64::midpoint(a[i], b[i])).abs() < 1e-9, "the mean of the tasks");
    }
    assert!(crate::restore(&model.snapshot(), 5, &kinds).is_err());
    assert!(
        crate::restore(&model.snapshot(), 4, &[kinds[0].clone(), two_classes(), two_classes()])
            .is_err()
    );
}

#[test]
fn one_class_only_is_a_constant_and_is_told() {
    let label = |t: usize, x: &[f64]| if t == 0 { 1.0 } else { f64::from(u8::from(x[0] > 0.0)) };
    let table = table(&[two_classes(), two_classes()], Layout::Columns, label);
    for entry in methods::methods() {
        let settings = FitSettings { points: 3, ..FitSettings::default() };
        let model = fit(&table, entry.method.id, &[], settings);
        let p = model.predict(&table.design, 0, &[0, 50]);
        assert!(
            p[0] > 0.98 && p[0] < 1.0 && (p[0] - p[1]).abs() < 1e-12,
            "{}: {p:?}",
            entry.method.id
        );
        assert!(model.trace().notes.iter().any(|note| note.contains("one class")));
    }
}

/// Says the same whenever it is asked.
#[derive(Debug)]
struct Says(Signal);

impl Journal for Says {
    fn recall(&self, _: &str) -> Option<Snapshot> {
        None
    }

    fn epoch_done(&self, _: &str, _: usize, _: &Epoch, _: &mut dyn FnMut() -> Snapshot) -> Signal {
        self.0
    }

    fn part_done(&self, _: &str, _: &mut dyn FnMut() -> Snapshot) {}

    fn signal(&self) -> Signal {
        self.0
    }
}

#[test]
fn a_choice_that_is_stopped_gives_up_and_one_out_of_time_makes_do_with_a_fold() {
    let table = table(&[TaskKind::Regression], Layout::Columns, |_, x| x[0] + x[1]);
    let rows = table.data.labeled_rows();
    let fit = |signal| {
        let method = methods::find("ridge").unwrap();
        let linear = Linear::new(method, &Map::new(), FitSettings::default()).unwrap();
        linear.fit(&Problem {
            data: &table.data,
            design: &table.design,
            train: &rows,
            validation: &[],
            seed: Seed(1),
            budget: Budget { trials: 1, epochs: 1, batch: Batch::Auto },
            journal: &Says(signal),
        })
    };
    assert!(matches!(fit(Signal::Stop), Err(FitError::Stopped)));
    let model = fit(Signal::Finish).unwrap();
    let Finding::Path { errors, .. } = &model.trace().findings[0] else { panic!("a path") };
    assert!(errors.iter().all(|error| *error <= 0.0), "one fold has no error");
    assert!(model.trace().notes[0].contains("after 1 of 5 folds"));
    assert!(fit(Signal::Continue).is_ok());
}
