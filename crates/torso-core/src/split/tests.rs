use super::*;
use crate::data::{Labels, Layout, Task};
use crate::features::{Feature, FeatureValues, Features};

fn table(n: usize, tasks: Vec<Task>, layout: Layout) -> TaskData {
    let values = FeatureValues::Numeric(vec![0.0; n]);
    let features = Features::new(vec![Feature { name: "x".into(), values }]);
    TaskData::new("t", "", features, tasks, layout).unwrap()
}

/// A binary task with 10% positives and holes, and a regression on every third row.
fn mixed(n: usize) -> TaskData {
    let hole = |missing: bool, value: f64| if missing { f64::NAN } else { value };
    let rare: Vec<f64> =
        (0..n).map(|i| hole(i % 7 == 0, f64::from(u8::from(i % 10 == 1)))).collect();
    let sparse: Vec<f64> = (0..n).map(|i| hole(i % 3 != 0, i as f64)).collect();
    let binary = TaskKind::Binary { classes: ["n".into(), "y".into()] };
    let tasks = vec![
        Task { name: "rare".into(), kind: binary, labels: Labels::from_column(&rare) },
        Task {
            name: "sparse".into(),
            kind: TaskKind::Regression,
            labels: Labels::from_column(&sparse),
        },
    ];
    table(n, tasks, Layout::Columns)
}

fn assert_partition(fold: &Fold, rows: &[u32]) {
    let mut all = [&fold.train[..], &fold.validation, &fold.test].concat();
    all.sort_unstable();
    assert_eq!(all, rows);
}

#[test]
fn every_row_is_tested_once_per_repeat_and_strata_are_even() {
    let data = mixed(200);
    let rows = data.labeled_rows();
    let repeats = plan(&data, &SplitRule::Random, &SplitOptions::default()).unwrap();
    assert_eq!(repeats.len(), 10);
    for repeat in &repeats {
        let mut tested: Vec<u32> = repeat.folds.iter().flat_map(|f| f.test.clone()).collect();
        tested.sort_unstable();
        assert_eq!(tested, rows);
        for fold in &repeat.folds {
            assert_partition(fold, &rows);
            let labels = &data.tasks()[0].labels;
            let positives = labels.among(&fold.test).filter(|(_, y)| *y > 0.5).count();
            assert!((3..=4).contains(&positives), "{positives} of 17 positives in a fold");
        }
    }
    assert_ne!(repeats[0].folds, repeats[1].folds);
    assert_eq!(repeats, plan(&data, &SplitRule::Random, &SplitOptions::default()).unwrap());
}

#[test]
fn groups_of_rows_all_appear_in_every_part() {
    let n = 139 * 22;
    let task = |group: usize| {
        let column: Vec<f64> =
            (0..n).map(|i| if i % 139 == group { 1.0 } else { f64::NAN }).collect();
        let labels = Labels::from_column(&column);
        Task { name: format!("g{group}"), kind: TaskKind::Regression, labels }
    };
    let data = table(n, (0..139).map(task).collect(), Layout::Groups);
    let options = SplitOptions { repeats: 2, ..SplitOptions::default() };
    for repeat in plan(&data, &SplitRule::Random, &options).unwrap() {
        for fold in repeat.folds {
            for task in data.tasks() {
                let tested = task.labels.among(&fold.test).count();
                assert!((4..=5).contains(&tested), "{tested} of 22");
            }
        }
    }
}

#[test]
fn train_rows_limits_learning_and_leaves_the_test_rows_alone() {
    let data = mixed(400);
    let whole = plan(&data, &SplitRule::Random, &SplitOptions::default()).unwrap();
    let options = SplitOptions { train_rows: Some(80), ..SplitOptions::default() };
    let small = plan(&data, &SplitRule::Random, &options).unwrap();
    for (whole, small) in whole[0].folds.iter().zip(&small[0].folds) {
        assert_eq!(whole.test, small.test);
        let learned = small.train.len() + small.validation.len();
        assert!((79..=80).contains(&learned), "{learned} rows");
    }
}

#[test]
fn time_splits_never_look_ahead() {
    let data = mixed(100);
    let times: Vec<f64> = (0..100).map(|i| f64::from(99 - i / 2)).collect();
    let repeats = plan(&data, &SplitRule::Time(times.clone()), &SplitOptions::default()).unwrap();
    let fold = &repeats[0].folds[0];
    let span = |rows: &[u32]| {
        let of = rows.iter().map(|&row| times[row as usize]);
        (of.clone().fold(f64::MAX, f64::min), of.fold(f64::MIN, f64::max))
    };
    assert!(span(&fold.train).1 < span(&fold.validation).0);
    assert!(span(&fold.validation).1 < span(&fold.test).0);
    assert_partition(fold, &data.labeled_rows());
    let flat = SplitRule::Time(vec![1.0; 100]);
    assert_eq!(plan(&data, &flat, &SplitOptions::default()), Err(SplitError::OneMoment));
}

#[test]
fn group_splits_keep_groups_whole() {
    let data = mixed(300);
    let groups: Vec<u32> = (0..300).map(|i| i / 15).collect();
    let rule = SplitRule::Groups(groups.clone());
    for repeat in plan(&data, &rule, &SplitOptions::default()).unwrap() {
        for fold in repeat.folds {
            assert_partition(&fold, &data.labeled_rows());
            let of = |rows: &[u32]| -> Vec<u32> {
                let mut of: Vec<u32> = rows.iter().map(|&row| groups[row as usize]).collect();
                of.dedup();
                of
            };
            let (train, valid, test) = (of(&fold.train), of(&fold.validation), of(&fold.test));
            assert!(test.iter().chain(&valid).all(|g| !train.contains(g)));
            assert!(valid.iter().all(|g| !test.contains(g)));
        }
    }
}

#[test]
fn what_cannot_be_split_is_refused() {
    let data = mixed(8); // row 7 has no label
    let error = plan(&data, &SplitRule::Random, &SplitOptions::default()).unwrap_err();
    assert_eq!(error, SplitError::TooFewRows { needed: 10, found: 7, folds: 5 });
    let given = SplitRule::Given(vec![vec![Some(Part::Train); 100]]);
    let error = plan(&mixed(100), &given, &SplitOptions::default()).unwrap_err();
    assert!(matches!(error, SplitError::NoLabels { part: "test", .. }), "{error}");
}

#[test]
fn without_a_test_part_all_rows_learn_or_validate() {
    let data = mixed(60);
    let options = SplitOptions { seed: 3, ..SplitOptions::default() };
    let times: Vec<f64> = (0..60).map(|row| f64::from(row / 7)).collect();
    let groups: Vec<u32> = (0..60).map(|row| row / 7).collect();
    let given = (0..60).map(|row| match row % 5 {
        0 => Some(Part::Test),
        1 => Some(Part::Validation),
        _ => Some(Part::Train),
    });
    let rules = [
        SplitRule::Random,
        SplitRule::Groups(groups.clone()),
        SplitRule::Time(times.clone()),
        SplitRule::Given(vec![given.collect()]),
    ];
    for rule in &rules {
        let fold = without_test(&data, rule, &options).unwrap();
        assert!(fold.test.is_empty());
        let mut all: Vec<u32> = fold.train.iter().chain(&fold.validation).copied().collect();
        all.sort_unstable();
        assert_eq!(all, data.labeled_rows(), "{rule:?}");
        let share = fold.validation.len() as f64 / all.len() as f64;
        assert!((0.1..0.3).contains(&share), "{rule:?}: {share}");
        assert_eq!(fold, without_test(&data, rule, &options).unwrap());
        let last_trained = fold.train.iter().map(|&row| times[row as usize]).fold(0.0, f64::max);
        if matches!(rule, SplitRule::Time(_)) {
            assert!(fold.validation.iter().all(|&row| times[row as usize] > last_trained));
        }
        if matches!(rule, SplitRule::Groups(_)) {
            let group = |row: &u32| groups[*row as usize];
            let trained: Vec<u32> = fold.train.iter().map(group).collect();
            assert!(fold.validation.iter().all(|row| !trained.contains(&group(row))));
        }
    }
}
