//! The verdict on data whose truth is known, and on pairs of arms that do not differ.

use torso_core::data::{Layout, TaskData};
use torso_core::estimator::{Batch, Budget};
use torso_core::record::{ArmResult, Verdict};
use torso_core::seed::Seed;
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::PreprocessOptions;
use torso_data::generate::{conflict, missing, one_task_per_row, shared_features};
use torso_study::arm::{ArmSettings, parse_all};
use torso_study::compare::{CompareOptions, compare};
use torso_study::runner::NoStore;

/// What is said of `arm`, with 32 hidden units and 5 repeats.
fn judged(data: &TaskData, arm: &str, rule: SplitRule) -> ArmResult {
    let settings = ArmSettings::parse(&[("hidden".to_string(), vec![32].into())]);
    let arms = parse_all(&[arm.to_string()], data.layout(), &settings.expect("valid"));
    let options = CompareOptions {
        rule,
        split: SplitOptions { repeats: 5, ..SplitOptions::default() },
        budget: Budget { trials: 1, epochs: 300, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
        threads: 2,
    };
    let compared = compare(data, &arms.expect("a known arm"), &options, &NoStore, &|_| ());
    compared.expect("the data can be learned").comparison.arms.swap_remove(1)
}

fn count(result: &ArmResult, word: Verdict) -> usize {
    result.tasks.iter().filter(|task| task.verdict == word).count()
}

#[test]
fn tasks_that_share_features_are_helped() {
    let data = shared_features(300, 10, 4, 12, 1.0, 0.3, Seed(0));
    let result = judged(&data, "hard", SplitRule::Random);
    assert_eq!(result.overall.verdict, Verdict::Helps);
    assert!(count(&result, Verdict::Helps) >= 4, "{:?}", result.tasks);
    assert_eq!(count(&result, Verdict::Harms), 0);
    assert!(result.delta_m.low > 0.0 && result.mean_rank < 1.5);
}

#[test]
fn unrelated_tasks_are_not_helped() {
    let data = shared_features(300, 10, 4, 12, 0.0, 0.3, Seed(0));
    let result = judged(&data, "hard", SplitRule::Random);
    assert_ne!(result.overall.verdict, Verdict::Helps);
    assert_eq!(count(&result, Verdict::Helps), 0, "{:?}", result.tasks);
}

#[test]
fn tasks_that_compete_are_harmed() {
    let result = judged(&conflict(400, 16, Seed(0)), "hard", SplitRule::Random);
    assert_eq!(result.overall.verdict, Verdict::Harms);
    assert!(count(&result, Verdict::Harms) >= 8, "{:?}", result.tasks);
    assert_eq!(count(&result, Verdict::Helps), 0);
}

#[test]
fn harm_is_found_through_missing_labels_and_time_splits() {
    let data = missing(&conflict(600, 12, Seed(0)), 0.2, Seed(0));
    let times = (0..data.n_rows()).map(|row| row as f64).collect();
    let result = judged(&data, "hard", SplitRule::Time(times));
    assert_eq!(result.overall.verdict, Verdict::Harms, "{:?}", result.overall);
    assert!(result.tasks.iter().all(|task| task.test.p.is_finite()));
}

#[test]
fn groups_of_one_function_are_helped_by_pooling() {
    // One task, its rows dealt to eight groups: what is true of one is true of all.
    let tasks = shared_features(480, 6, 3, 1, 1.0, 0.3, Seed(0));
    let task = tasks.tasks()[0].clone();
    let copies = (0..8).map(|i| torso_core::data::Task { name: format!("g{i}"), ..task.clone() });
    let copied =
        TaskData::new("copies", "", tasks.features().clone(), copies.collect(), Layout::Columns);
    let groups = one_task_per_row(&copied.expect("columns of one table"), Seed(0));
    for arm in ["pooled", "hard"] {
        let result = judged(&groups, arm, SplitRule::Random);
        assert_eq!(result.overall.verdict, Verdict::Helps, "{arm}");
        assert!(result.explained_variance.expect("regressions of one target") > 0.3);
    }
}

#[test]
fn an_arm_that_learns_alone_does_not_differ() {
    // With one task, sharing shares nothing: the networks are the same to the bit.
    let data = shared_features(120, 6, 3, 1, 1.0, 0.3, Seed(0));
    let result = judged(&data, "hard", SplitRule::Random);
    let task = &result.tasks[0];
    assert_eq!(task.verdict, Verdict::NoDifference);
    assert!((task.test.p - 1.0).abs() < 1e-12 && task.gain.abs() < 1e-12);
}
