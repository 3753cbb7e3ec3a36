use torso_core::data::{Labels, TaskData};
use torso_core::features::{Feature, FeatureValues, Features};
use torso_core::split::{SplitOptions, SplitRule, plan};

use super::*;

const NONE: f64 = f64::NAN;

fn number(name: &str, values: Vec<f64>) -> Feature {
    Feature { name: name.into(), values: FeatureValues::Numeric(values) }
}

fn category(name: &str, codes: Vec<u32>) -> Feature {
    let n = codes.iter().max().unwrap() + 1;
    let levels = (0..n).map(|level| format!("{level:05}")).collect();
    let codes = codes.into_iter().map(Some).collect();
    Feature { name: name.into(), values: FeatureValues::Categorical { levels, codes } }
}

fn regression(name: &str, labels: &[f64]) -> Task {
    let labels = Labels::from_column(labels);
    Task { name: name.into(), kind: TaskKind::Regression, labels }
}

fn binary(name: &str, labels: &[f64]) -> Task {
    let kind = TaskKind::Binary { classes: ["no".into(), "yes".into()] };
    Task { name: name.into(), kind, labels: Labels::from_column(labels) }
}

fn data(columns: Vec<Feature>, tasks: Vec<Task>) -> TaskData {
    TaskData::new("t", "", Features::new(columns), tasks, Layout::Columns).unwrap()
}

/// A number without any pattern, from 0 to below 1.
fn noise(row: usize, key: usize) -> f64 {
    let hash = (row + 1).wrapping_mul(0x9e37_79b9).wrapping_add(key.wrapping_mul(0x85eb_ca6b));
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35) & 0xffff_ffff;
    ((hash ^ (hash >> 16)) % 10_007) as f64 / 10_007.0
}

fn noises(n: usize, key: usize) -> Vec<f64> {
    (0..n).map(|row| noise(row, key)).collect()
}

fn leaks(data: &TaskData) -> Vec<(String, Evidence, usize)> {
    let found = Checkup::of(data, &[]).warnings.into_iter();
    let leak = found.filter_map(|warning| match warning {
        Warning::Leak { feature, evidence, rows, .. } => Some((feature, evidence, rows)),
        _ => None,
    });
    leak.collect()
}

#[test]
fn figures_of_tasks_are_exact() {
    let tasks = vec![
        regression("r", &[1.0, 2.0, NONE, 6.0]),
        binary("b", &[0.0, NONE, NONE, 1.0]),
        binary("c", &[NONE, 1.0, 1.0, 0.0]),
    ];
    let found = Checkup::of(&data(vec![number("x", noises(4, 0))], tasks), &[]);
    assert_eq!((found.rows, found.labeled_rows), (4, 4));
    let first = &found.tasks[0];
    assert_eq!((first.kind, first.metric, first.labels), ("regression", "rmse", 3));
    assert!((first.missing.unwrap() - 0.25).abs() < 1e-15);
    let Balance::Numbers { mean, sd, min, max } = first.balance else { panic!() };
    // The mean is 3, the squares of 2, 1 and 3 sum to 14.
    for (found, expected) in [(mean, 3.0), (sd, 7_f64.sqrt()), (min, 1.0), (max, 6.0)] {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }
    let count = |class: &str, labels| ClassCount { class: class.into(), labels };
    assert_eq!(found.tasks[2].balance, Balance::Classes(vec![count("no", 1), count("yes", 2)]));

    let overlap = found.overlap.unwrap();
    assert_eq!(overlap.matrix.unwrap(), [[3, 2, 2], [2, 2, 1], [2, 1, 3]]);
    assert_eq!((overlap.all, overlap.median, overlap.fewest.rows, overlap.most.rows), (1, 2, 1, 2));
    assert_eq!(overlap.fewest.tasks, ["b", "c"]);
}

#[test]
fn many_tasks_have_a_summary_and_groups_no_overlap() {
    let n = 100;
    // Task k has labels in the first 100 - k rows, so tasks j < k share 100 - k.
    let task = |k: usize| {
        let labels: Vec<f64> =
            (0..n).map(|row| if row < n - k { noise(row, k) } else { NONE }).collect();
        regression(&k.to_string(), &labels)
    };
    let found =
        Checkup::of(&data(vec![number("x", noises(n, 99))], (0..30).map(task).collect()), &[]);
    let overlap = found.overlap.unwrap();
    assert_eq!(overlap.matrix, None);
    assert_eq!((overlap.all, overlap.fewest.rows, overlap.most.rows), (71, 71, 99));

    let groups = vec![regression("a", &[1.0, NONE]), regression("b", &[NONE, 2.0])];
    let features = Features::new(vec![number("x", noises(2, 0))]);
    let data = TaskData::new("t", "", features, groups, Layout::Groups).unwrap();
    let found = Checkup::of(&data, &[]);
    assert_eq!((found.overlap, found.tasks[0].missing), (None, None));
}

#[test]
fn copies_and_contradictions_are_counted_apart() {
    // Rows 0, 1 and 2 are the same; 3 has the features of 4 and another label; 5 is alone.
    let x = number("x", vec![1.0, 1.0, 1.0, 2.0, 2.0, NONE]);
    let y = [5.0, 5.0, 5.0, 6.0, 7.0, 8.0];
    let data = data(vec![x, category("c", vec![0, 0, 0, 1, 1, 0])], vec![regression("y", &y)]);
    let fold = |train: &[u32], validation: &[u32], test: &[u32]| Fold {
        train: train.to_vec(),
        validation: validation.to_vec(),
        test: test.to_vec(),
    };
    let count = |folds: &[Fold]| Checkup::of(&data, folds).duplicates;
    let together = count(&[fold(&[3, 4], &[5], &[0, 1, 2])]);
    assert_eq!(together, Duplicates { repeated: 2, contradicting: 2, across: 0 });
    // Copies that validate tell the label as well.
    assert_eq!(count(&[fold(&[3, 4], &[2, 5], &[0, 1])]).across, 2);
    assert_eq!(
        count(&[fold(&[0, 3], &[5], &[1, 2, 4]), fold(&[1, 2, 4], &[3], &[0, 5])]).across,
        3
    );
}

#[test]
fn random_folds_put_most_copies_on_both_sides() {
    let n = 200;
    // Every row twice: with 5 folds, a copy is in another fold with a probability of about 4/5.
    let twice = |key| (0..n).map(|row| noise(row / 2, key)).collect::<Vec<f64>>();
    let data = data(vec![number("x", twice(0))], vec![regression("y", &twice(1))]);
    let options = SplitOptions { repeats: 1, ..SplitOptions::default() };
    let repeat = &plan(&data, &SplitRule::Random, &options).unwrap()[0];
    let found = Checkup::of(&data, &repeat.folds).duplicates;
    assert_eq!((found.repeated, found.contradicting), (100, 0));
    assert!((130..=190).contains(&found.across), "{found:?}");
    let pairs = SplitRule::Groups((0..n).map(|row| u32::try_from(row / 2).unwrap()).collect());
    let repeat = &plan(&data, &pairs, &options).unwrap()[0];
    assert_eq!(Checkup::of(&data, &repeat.folds).duplicates.across, 0);
}

#[test]
fn a_feature_that_tells_the_label_is_found() {
    let n = 300;
    let labels: Vec<f64> = (0..n).map(|row| f64::from(u8::from(noise(row, 7) > 0.6))).collect();
    let target = noises(n, 8);
    // Twelve levels, of which the first seven are yes.
    let code = |row: usize| {
        let (of, from) = if labels[row] > 0.5 { (7, 0) } else { (5, 7) };
        u32::try_from(from + row % of).unwrap()
    };
    let shift = |row: usize| labels[row] + noise(row, 9) * 0.99;
    let almost = |row: usize| target[row] + 0.001 * noise(row, 10);
    let features = vec![
        category("code", (0..n).map(code).collect()),
        number("shift", (0..n).map(shift).collect()),
        number("rising", target.iter().map(|y| y.exp()).collect()),
        number("almost", (0..n).map(almost).collect()),
        number("innocent", noises(n, 11)),
    ];
    let tasks = vec![binary("b", &labels), regression("r", &target)];
    let found = leaks(&data(features, tasks));
    let names: Vec<&str> = found.iter().map(|leak| leak.0.as_str()).collect();
    assert_eq!(names, ["code", "shift", "rising", "almost"]);
    assert_eq!((found[0].1, found[0].2), (Evidence::Values, n));
    assert_eq!((found[1].1, found[1].2), (Evidence::Order, n));
    assert_eq!((found[2].1, found[2].2), (Evidence::Order, n));
    assert!(matches!(found[3].1, Evidence::Correlation { r } if r > 0.9999), "{found:?}");
}

#[test]
fn one_label_that_differs_is_no_leak() {
    let n = 300;
    let mut labels: Vec<f64> = (0..n).map(|row| f64::from(u8::from(row % 3 == 0))).collect();
    let codes: Vec<u32> = (0..n).map(|row| u32::from(row % 3 == 0)).collect();
    let with = |labels: &[f64]| {
        leaks(&data(vec![category("c", codes.clone())], vec![binary("b", labels)])).len()
    };
    // Two levels and two labels are four kinds of rows; distinct ones would be too few.
    assert_eq!(with(&labels), 0);
    let wide = |labels: &[f64]| {
        let features = vec![category("c", codes.clone()), number("x", noises(n, 3))];
        leaks(&data(features, vec![binary("b", labels)])).len()
    };
    assert_eq!(wide(&labels), 1);
    labels[17] = 1.0;
    assert_eq!(wide(&labels), 0);
}

#[test]
fn ids_copies_and_chance_are_no_leaks() {
    let n = 300;
    let labels: Vec<f64> = (0..n).map(|row| f64::from(u8::from(row >= n / 2))).collect();
    let of_pair = |row: usize| u32::try_from(row / 2).unwrap();
    // Rows that are there twice repeat each value, and each time the label.
    let copied = vec![
        category("id", (0..n).map(of_pair).collect()),
        number("x", (0..n).map(|row| noise(row / 2, 5)).collect()),
    ];
    let twice: Vec<f64> = (0..n).map(|row| f64::from(u8::from(noise(row / 2, 6) > 0.5))).collect();
    assert!(leaks(&data(copied, vec![binary("b", &twice)])).is_empty());
    // A counter of rows that are sorted by label.
    let counter = number("row", (0..n).map(|row| row as f64).collect());
    assert!(leaks(&data(vec![counter], vec![binary("b", &labels)])).is_empty());
    // Six rows are in order by chance, and so are few levels of many labels of one class.
    let few = vec![number("x", (0..6).map(|row| noise(row, 2)).collect())];
    let sorted: Vec<f64> = (0..6).map(|row| f64::from(u8::from(noise(row, 2) > 0.5))).collect();
    assert!(leaks(&data(few, vec![binary("b", &sorted)])).is_empty());
    let mut rare = vec![0.0; n];
    rare[17] = 1.0;
    let levels = category("c", (0..n).map(|row| u32::try_from(row / 4).unwrap()).collect());
    let features = vec![levels, number("x", noises(n, 4))];
    assert!(leaks(&data(features, vec![binary("b", &rare)])).is_empty());
}

#[test]
fn features_without_a_word_and_rare_classes_are_warned_of() {
    let n = 40;
    let mut labels = vec![0.0; n];
    (labels[3], labels[9]) = (1.0, 1.0);
    let sparse = (0..n).map(|row| if row == 5 { 1.0 } else { NONE }).collect();
    let features = vec![
        number("x", noises(n, 1)),
        number("same", vec![2.0; n]),
        category("one", vec![0; n]),
        number("sparse", sparse),
    ];
    let data = data(features, vec![binary("b", &labels)]);
    let fold = Fold { train: vec![0], validation: vec![1], test: vec![2] };
    let found = Checkup::of(&data, &vec![fold; 5]).warnings;
    assert_eq!(
        found,
        [
            Warning::ConstantFeatures { features: vec!["same".into(), "one".into()] },
            Warning::EmptyFeatures { features: vec!["sparse".into()] },
            Warning::RareClass { task: "b".into(), class: "yes".into(), labels: 2, folds: 5 },
        ]
    );
    assert!(found[2].to_string().contains("has fewer labels (2) than there are folds (5)"));
}

/// Shares of data sets with a finding where there is nothing to find.
#[test]
fn noise_has_no_leaks() {
    let n = 60;
    for set in 0..200 {
        let key = 1000 * set;
        let labels: Vec<f64> =
            (0..n).map(|row| f64::from(u8::from(noise(row, key) > 0.9))).collect();
        let level = |row: usize, of: f64, key| (noise(row, key) * of).floor();
        let codes = |of, key| (0..n).map(|row| level(row, of, key)).collect::<Vec<f64>>();
        let features = vec![
            number("two", codes(2.0, key + 1)),
            number("ten", codes(10.0, key + 2)),
            number("thirty", codes(30.0, key + 3)),
            number("x", noises(n, key + 4)),
        ];
        let tasks = vec![binary("b", &labels), regression("r", &codes(3.0, key + 5))];
        let found = leaks(&data(features, tasks));
        assert!(found.is_empty(), "set {set}: {found:?}");
    }
}
