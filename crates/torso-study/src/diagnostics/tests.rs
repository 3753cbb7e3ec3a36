use super::*;
use torso_core::data::{Labels, Layout};
use torso_core::estimator::Trace;
use torso_core::features::{Feature, FeatureValues, Features};
use torso_core::metric::{predicted_class, score};

use crate::balance::FitBalance;
use crate::curves::FitCurve;

fn binary() -> TaskKind {
    TaskKind::Binary { classes: ["no".into(), "yes".into()] }
}

fn classes(n: usize) -> TaskKind {
    TaskKind::Multiclass { classes: (0..n).map(|class| format!("class {class}")).collect() }
}

/// The diagnostic of a task with these labels, of rows 0.., and predictions of each repeat.
fn diagnose(kind: TaskKind, labels: &[f64], repeats: &[&[Vec<f64>]]) -> Diagnostic {
    let task = Task { name: "t".into(), kind, labels: Labels::from_column(labels) };
    let of_repeat = |predictions: &&[Vec<f64>]| -> Vec<TestRow> {
        let rows = (0..).zip(predictions.iter());
        let test = |(row, prediction): (u32, &Vec<f64>)| TestRow {
            row,
            scored: score(&task.kind, prediction, labels[row as usize]),
            prediction: prediction[0],
            class: predicted_class(&task.kind, prediction),
        };
        rows.map(test).collect()
    };
    let tests: Vec<TestRow> = repeats.iter().flat_map(of_repeat).collect();
    diagnostic("arm", &task, repeats.len(), &tests)
}

fn column(values: &[f64]) -> Vec<Vec<f64>> {
    values.iter().map(|value| vec![*value]).collect()
}

fn residual_bins(labels: &[f64], predictions: &[f64]) -> Vec<ResidualBin> {
    let figures = diagnose(TaskKind::Regression, labels, &[&column(predictions)]).figures;
    let Figures::Regression { residuals } = figures else { panic!("{figures:?}") };
    residuals
}

#[test]
fn a_predicted_class_is_right_where_the_score_says_so() {
    let predictions = [
        vec![0.2, 0.5, 0.3],
        vec![0.4, 0.4, 0.2],
        vec![0.1, 0.45, 0.45],
        vec![f64::NAN, 0.5, 0.5],
        vec![0.5, f64::NAN, 0.5],
    ];
    for prediction in predictions {
        let right = |label: usize| score(&classes(3), &prediction, label as f64).contribution < 0.5;
        let class = predicted_class(&classes(3), &prediction);
        assert_eq!((0..3).filter(|label| right(*label)).collect::<Vec<_>>(), [class]);
    }
    for p in [0.0, 0.5, 0.500_001, 1.0, f64::NAN] {
        let right = |label: usize| score(&binary(), &[p], label as f64).contribution < 0.5;
        assert!(right(predicted_class(&binary(), &[p])), "{p}");
    }
}

#[test]
fn classes_are_counted_over_repeats() {
    let first = [vec![0.7, 0.2, 0.1], vec![0.1, 0.8, 0.1], vec![0.6, 0.2, 0.2]];
    let second = [vec![0.7, 0.2, 0.1], vec![0.1, 0.2, 0.7], vec![0.6, 0.2, 0.2]];
    let diagnostic = diagnose(classes(3), &[0.0, 1.0, 2.0], &[&first, &second]);
    assert_eq!((diagnostic.rows, diagnostic.repeats, diagnostic.predictions), (3, 2, 6));
    let Figures::Multiclass { confusion } = diagnostic.figures else { panic!() };
    assert_eq!(confusion.counts, [[2, 0, 0], [0, 1, 1], [2, 0, 0]]);
    assert_eq!((confusion.classes.len(), confusion.others), (3, 0));
}

#[test]
fn rare_classes_are_told_together() {
    // Class 0 and the last are rare, and so is class 14: of 15, 12 are told.
    let labels: Vec<f64> = (0..15u8).chain(1..13).map(f64::from).collect();
    let predictions: Vec<Vec<f64>> = labels
        .iter()
        .map(|label| {
            // Each row is taken for the next class, the last for the first.
            let next = (class_index(*label) + 1) % 15;
            (0..15).map(|class| f64::from(u8::from(class == next))).collect()
        })
        .collect();
    let figures = diagnose(classes(15), &labels, &[&predictions]).figures;
    let Figures::Multiclass { confusion } = figures else { panic!() };
    assert_eq!(confusion.others, 3);
    assert_eq!(confusion.classes[0], "class 1");
    assert_eq!(confusion.classes.len(), 12);
    assert!(confusion.counts.iter().all(|row| row.len() == 13));
    // 13 for 14 and 14 for 0 stay among the others; 0 is taken for 1, and 12 for 13.
    assert_eq!((confusion.counts[12][12], confusion.counts[12][0]), (2, 1));
    assert_eq!(confusion.counts[11][12], 2);
    assert_eq!(confusion.counts.iter().flatten().sum::<usize>(), labels.len());
}

#[test]
fn calibration_counts_a_row_once_however_often_it_was_predicted() {
    let labels: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i % 4 == 0))).collect();
    let low: Vec<f64> = (0..200).map(|i| if i < 100 { 0.1 } else { 0.6 }).collect();
    let high: Vec<f64> = low.iter().map(|p| p + 0.2).collect();
    let diagnostic = diagnose(binary(), &labels, &[&column(&low), &column(&high)]);
    let Figures::Binary { calibration, confusion } = diagnostic.figures else { panic!() };
    // Equal predictions share a bin.
    assert_eq!(calibration.len(), 2);
    for (bin, predicted) in calibration.iter().zip([0.2, 0.7]) {
        assert_eq!(bin.n, 100);
        assert!((bin.predicted - predicted).abs() < 1e-12);
        assert!((bin.observed.mean - 0.25).abs() < 1e-12);
        // Wilson's interval of 25 in 100, not of 50 in 200.
        assert!((bin.observed.low - 0.175_452).abs() < 1e-5, "{bin:?}");
        assert!((bin.observed.high - 0.343_045).abs() < 1e-5, "{bin:?}");
    }
    // Rows 0..100 are predicted below a half in both repeats, the others above.
    assert_eq!(confusion.counts, [[150, 150], [50, 50]]);
}

#[test]
fn wilsons_interval_holds_the_share_and_stays_a_probability() {
    for (positive, n) in [(0, 1), (1, 1), (0, 50), (50, 50), (7, 13)] {
        let Interval { mean, low, high } = wilson(positive, n);
        assert!(0.0 <= low && low <= mean && mean <= high && high <= 1.0, "{positive} of {n}");
        assert!(high - low > 0.05, "no interval is a point: {positive} of {n}");
    }
    // None of n: the upper end is z^2 / (n + z^2).
    let z2 = 1.959_964f64.powi(2);
    assert!((wilson(0, 50).high - z2 / (50.0 + z2)).abs() < 1e-6);
}

#[test]
fn wilsons_interval_holds_the_truth_as_often_as_it_says() {
    // Exactly, over all outcomes of 40 draws at 30%.
    let (n, share) = (40u32, 0.3f64);
    let mut probability = (1.0 - share).powi(40);
    let mut held = 0.0;
    for positive in 0..=n {
        let interval = wilson(positive as usize, n as usize);
        if interval.low <= share && share <= interval.high {
            held += probability;
        }
        probability *= f64::from(n - positive) / f64::from(positive + 1) * share / (1.0 - share);
    }
    assert!((0.93..0.97).contains(&held), "{held}");
}

#[test]
fn residuals_are_binned_by_prediction_in_equal_counts() {
    let predictions: Vec<f64> = (0..1000).map(|i| f64::from(i * 7 % 1000)).collect();
    let labels: Vec<f64> =
        predictions.iter().map(|p| p + if *p < 500.0 { 1.0 } else { -2.0 }).collect();
    let bins = residual_bins(&labels, &predictions);
    assert_eq!(bins.len(), 20);
    for (i, bin) in (0..).zip(&bins) {
        assert_eq!(bin.n, 50);
        assert!((bin.predicted - (f64::from(i) * 50.0 + 24.5)).abs() < 1e-9);
        let expected = if i < 10 { 1.0 } else { -2.0 };
        assert!((bin.residual - expected).abs() < 1e-9);
        let (low, high) = bin.range.unwrap();
        assert!((low - expected).abs() < 1e-9 && (high - expected).abs() < 1e-9);
    }
}

#[test]
fn a_residual_bin_has_the_t_interval_and_the_percentiles_of_its_rows() {
    let labels: Vec<f64> = (0..11).map(f64::from).collect();
    let [bin] = residual_bins(&labels, &[0.0; 11]).try_into().unwrap();
    assert_eq!((bin.n, bin.percentiles), (11, (1.0, 9.0)));
    // The standard deviation of 0..=10 is sqrt(11), and t with 10 degrees of freedom is 2.228139.
    let (low, high) = bin.range.unwrap();
    assert!((low - (5.0 - 2.228_139)).abs() < 1e-5 && (high - (5.0 + 2.228_139)).abs() < 1e-5);
}

#[test]
fn few_rows_and_useless_predictions_have_figures_too() {
    let [bin] = residual_bins(&[3.0], &[1.0]).try_into().unwrap();
    assert_eq!((bin.n, bin.range, bin.percentiles), (1, None, (2.0, 2.0)));
    let bins = residual_bins(&[1.0, 2.0, 3.0], &[f64::NAN, f64::INFINITY, 1e300]);
    assert!(bins.is_empty(), "what is no number has no residual");
    let [bin] = residual_bins(&[1.0, 2.0], &[f64::NAN, 1.5]).try_into().unwrap();
    assert_eq!(bin.n, 1);
    let [bin] = residual_bins(&[0.0, 0.0], &[1e100, -1e100]).try_into().unwrap();
    assert!(bin.range.is_some_and(|(low, high)| low.is_finite() && high.is_finite()));
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let labels: Vec<f64> = (0..100).map(|i| f64::from(i * i % 37)).collect();
    let predictions: Vec<f64> = labels.iter().map(|y| (y / 5.0).floor()).collect();
    let (mut turned_labels, mut turned) = (labels.clone(), predictions.clone());
    turned_labels.reverse();
    turned.reverse();
    let (a, b) = (residual_bins(&labels, &predictions), residual_bins(&turned_labels, &turned));
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert_eq!((a.n, a.percentiles), (b.n, b.percentiles));
        assert!((a.residual - b.residual).abs() < 1e-12);
    }
}

/// A table of four rows with so many tasks, and two arms' scores of rows 0 and 1 in both repeats;
/// of the last task, none.
fn tested(n_tasks: usize) -> (TaskData, Vec<FoldScores>) {
    let task = |t: usize| Task {
        name: format!("t{t}"),
        kind: TaskKind::Regression,
        labels: Labels::from_column(&[0.0, 1.0, 2.0, 3.0]),
    };
    let tasks: Vec<Task> = (0..n_tasks).map(task).collect();
    let column = Feature { name: "x".into(), values: FeatureValues::Numeric(vec![0.0; 4]) };
    let features = Features::new(vec![column]);
    let data = TaskData::new("d", "hash", features, tasks, Layout::Columns).unwrap();
    let test = |row: u32, arm: usize| TestRow {
        row,
        scored: score(&TaskKind::Regression, &[arm as f64], f64::from(row)),
        prediction: arm as f64,
        class: 0,
    };
    let fold = |arm: usize, repeat: usize| FoldScores {
        arm,
        repeat,
        tasks: (1..=n_tasks)
            .map(|t| if t == n_tasks { Vec::new() } else { vec![test(0, arm), test(1, arm)] })
            .collect(),
        curve: FitCurve::new(&Trace::default()),
        balance: FitBalance::new(&Trace::default()),
        findings: Vec::new(),
        notes: Vec::new(),
    };
    let folds = [(0, 0), (1, 0), (0, 1), (1, 1)];
    (data, folds.into_iter().map(|(arm, repeat)| fold(arm, repeat)).collect())
}

#[test]
fn each_arm_and_tested_task_has_an_entry() {
    let arms = ["a".to_string(), "b".to_string()];
    let (data, scores) = tested(3);
    let entries = summarize(&data, &arms, &scores);
    let names: Vec<(&str, &str)> =
        entries.iter().map(|own| (own.arm.as_str(), own.task.as_str())).collect();
    assert_eq!(names, [("a", "t0"), ("a", "t1"), ("b", "t0"), ("b", "t1")]);
    for own in &entries {
        assert_eq!((own.rows, own.repeats, own.predictions), (2, 2, 4));
    }
    let Figures::Regression { residuals } = &entries[3].figures else { panic!() };
    assert!((residuals[0].predicted - 1.0).abs() < 1e-12, "the predictions of the second arm");
}

#[test]
fn many_tasks_keep_nothing() {
    let arms = ["a".to_string(), "b".to_string()];
    let (data, scores) = tested(MOST_TASKS);
    assert!(!summarize(&data, &arms, &scores).is_empty());
    let (data, scores) = tested(MOST_TASKS + 1);
    assert!(summarize(&data, &arms, &scores).is_empty());
}
