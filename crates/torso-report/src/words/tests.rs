use super::*;
use crate::fixture;
use Verdict::{Harms, Helps, NoDifference as Neither, TooFewRepeats as Few};

/// The penguins with these words: for each arm, those of its three tasks and the one over all.
fn run(said: &[([Verdict; 3], Verdict)]) -> Words {
    let mut record = fixture::penguins();
    record.comparison.arms.truncate(said.len() + 1);
    for (arm, (tasks, overall)) in record.comparison.arms[1..].iter_mut().zip(said) {
        arm.overall.verdict = *overall;
        for (result, word) in arm.tasks.iter_mut().zip(tasks) {
            result.verdict = *word;
        }
    }
    words(&record)
}

#[track_caller]
fn check(said: &[([Verdict; 3], Verdict)], answer: &str, advice: &str) {
    let words = run(said);
    assert_eq!((words.answer.as_str(), words.advice.plain().as_str()), (answer, advice));
}

#[test]
fn what_helps_is_advised() {
    check(
        &[([Neither, Helps, Neither], Neither), ([Neither, Helps, Helps], Helps)],
        "Yes, for 2 of 3 tasks.",
        "Learn all 3 tasks together with `hard+tuned`: it helps `sex` and `body_mass_g`; for \
         `species` no difference was shown.",
    );
    check(
        &[([Helps; 3], Helps)],
        "Yes, for all 3 tasks.",
        "Learn all 3 tasks together with `hard+equal`: it helps `species`, `sex` and \
         `body_mass_g`.",
    );
}

#[test]
fn what_it_harms_is_kept_out() {
    check(
        &[([Harms, Helps, Helps], Neither), ([Neither; 3], Neither)],
        "Yes, for 2 of 3 tasks; it harms 1.",
        "Learn all 3 tasks together with `hard+equal` and use that for `sex` and `body_mass_g`, \
         which it helps; for `species`, which it harms, use a model that learned the task alone.",
    );
}

#[test]
fn a_gain_over_all_tasks_counts_where_few_tasks_show_one() {
    let start = "Learn all 3 tasks together with `hard+equal`: over all tasks it helps \
                 (p\u{a0}=\u{a0}0.012), ";
    check(
        &[([Neither; 3], Helps)],
        "Yes, over all tasks taken together.",
        &format!("{start}although no task shows it by itself."),
    );
    check(
        &[([Neither, Helps, Harms], Helps)],
        "Yes, over all tasks taken together, and for 1 of 3 by themselves.",
        &format!(
            "{start}and `sex` shows it by itself; but it harms `body_mass_g`: learn it alone."
        ),
    );
}

#[test]
fn harm_alone_is_a_no() {
    check(
        &[([Harms, Neither, Neither], Neither), ([Neither; 3], Neither)],
        "No.",
        "Learn each task alone: `hard+equal` harms, and nothing helps.",
    );
    check(
        &[([Neither; 3], Harms)],
        "No.",
        "Learn each task alone: `hard+equal` harms, and does not help.",
    );
    check(
        &[([Harms; 3], Harms), ([Harms; 3], Harms)],
        "No.",
        "Learn each task alone: all 2 ways of learning together harm, and none helps.",
    );
    check(
        &[([Harms; 3], Harms), ([Neither; 3], Neither), ([Neither; 3], Harms)],
        "No.",
        "Learn each task alone: 2 of 3 ways of learning together harm, and none helps.",
    );
}

#[test]
fn an_arm_that_helps_is_not_hidden_by_one_that_does_nothing() {
    let words = run(&[([Harms, Harms, Helps], Harms), ([Neither; 3], Neither)]);
    assert_eq!(words.answer, "Yes, for 1 of 3 tasks; it harms 2.");
    assert!(words.advice.plain().contains("`hard+equal`"), "{:?}", words.advice);
}

#[test]
fn no_difference_and_too_few_repeats_are_told_apart() {
    let words = run(&[([Neither; 3], Neither), ([Neither; 3], Neither)]);
    assert_eq!(words.answer, "No difference was shown.");
    assert!(words.advice.plain().contains("344 labeled rows and 10 repeats"));
    let words = run(&[([Few; 3], Few), ([Few; 3], Few)]);
    assert_eq!(words.answer, "No verdict: too few repeats.");
    assert_eq!(words.arms[0].tasks.plain(), "too few repeats for a word.");
}

#[test]
fn the_baseline_alone_has_nothing_to_compare() {
    let words = run(&[]);
    assert_eq!(words.answer, "Nothing was compared.");
    assert!(words.arms.is_empty());
}

#[test]
fn the_first_of_equal_arms_is_advised() {
    let words = run(&[([Helps; 3], Helps), ([Helps; 3], Helps)]);
    assert!(words.advice.plain().contains("`hard+equal`"), "{:?}", words.advice);
}

#[test]
fn every_arm_has_a_sentence() {
    let words = run(&[([Helps, Harms, Neither], Neither), ([Neither; 3], Helps)]);
    assert_eq!(
        words.arms[0].tasks.plain(),
        "helps `species`; harms `sex`; no difference shown for `body_mass_g`."
    );
    assert_eq!(
        words.arms[1].overall,
        "Overall: helps, gain in loss +0.004 (−0.017 to 0.025), p\u{a0}=\u{a0}0.012."
    );
}

#[test]
fn many_tasks_are_counted() {
    let words = words(&fixture::schools());
    assert_eq!(words.title, "Did learning 139 tasks together help?");
    assert_eq!(words.arms[0].tasks.plain(), "helps 32, harms 15, no difference shown 92.");
    let advice = words.advice.plain();
    let end = ", and 61 tasks show it by themselves; but it harms `school 25`: learn it alone.";
    assert!(advice.ends_with(end), "{advice}");
}

#[test]
fn one_task_is_not_learned_together() {
    let mut record = fixture::penguins();
    record.comparison.tasks.remove(0);
    record.comparison.tasks.remove(1);
    for arm in &mut record.comparison.arms {
        arm.tasks.remove(0);
        arm.tasks.remove(1);
    }
    let words = words(&record);
    assert_eq!(words.title, "Did learning the task in another way help?");
    assert_eq!(words.answer, "Yes.");
    assert_eq!(words.advice.plain(), "Learn `sex` with `hard+equal`: it helps.");
}

#[test]
fn long_names_are_shortened_in_sentences() {
    let sentence = Sentence::default().name(&"x".repeat(10_000));
    assert_eq!(sentence.plain().chars().count(), 50);
}
