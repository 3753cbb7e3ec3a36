//! The answer in a few words, and what to do.

use torso_core::record::{ArmResult, Comparison, Verdict};

use super::Sentence;
use crate::number::{counted, p_sentence};
use crate::reading::{others, with_word};

/// The answer and the advice.
pub(super) fn answer(comparison: &Comparison) -> (String, Sentence) {
    let arms = others(comparison);
    if arms.is_empty() {
        let advice = "Only learning each task alone was measured. Name an arm with --arms.";
        return ("Nothing was compared.".to_string(), Sentence::default().text(advice));
    }
    if arms.iter().all(|arm| arm.overall.verdict == Verdict::TooFewRepeats) {
        return too_few_repeats(comparison);
    }
    let says_help = |arm: &&ArmResult| {
        arm.overall.verdict == Verdict::Helps || !with_word(arm, Verdict::Helps).is_empty()
    };
    // From the last, so that the first of equals is taken.
    let helping = arms.iter().rev().filter(says_help);
    let Some(best) = helping.max_by(|a, b| standing(a).total_cmp(&standing(b))) else {
        return no_help(comparison);
    };
    let helped = with_word(best, Verdict::Helps);
    // Where many tasks have few labels each, all together show what few show by themselves.
    let is_seen_overall = best.overall.verdict == Verdict::Helps;
    if is_seen_overall && 2 * helped.len() < best.tasks.len() {
        helps_overall(best, &helped)
    } else {
        helps_tasks(best, &helped)
    }
}

/// What arms are chosen by: tasks helped less tasks harmed, all tasks together counting as one
/// more; among equals, the gain over all tasks.
fn standing(arm: &ArmResult) -> f64 {
    let sign = |verdict: Verdict| match verdict {
        Verdict::Helps => 1.0,
        Verdict::Harms => -1.0,
        _ => 0.0,
    };
    let tasks: f64 = arm.tasks.iter().map(|result| sign(result.verdict)).sum();
    // Squeezed between -1/2 and 1/2, so that it decides among equals only.
    let gain = arm.overall.loss_gain;
    let between = if gain.is_finite() { gain / (1.0 + gain.abs()) / 2.0 } else { -0.5 };
    tasks + sign(arm.overall.verdict) + between
}

fn helps_tasks(arm: &ArmResult, helped: &[&str]) -> (String, Sentence) {
    let n = arm.tasks.len();
    let harmed = with_word(arm, Verdict::Harms);
    let undecided = with_word(arm, Verdict::NoDifference);
    let answer = match (helped.len(), harmed.len()) {
        (1, _) if n == 1 => "Yes.".to_string(),
        (all, _) if all == n => format!("Yes, for all {n} tasks."),
        (some, 0) => format!("Yes, for {some} of {n} tasks."),
        (some, harmed) => format!("Yes, for {some} of {n} tasks; it harms {harmed}."),
    };
    let advice = Sentence::default();
    let advice = if n == 1 {
        advice.text("Learn ").tasks(helped).text(" with ").name(&arm.name).text(": it helps")
    } else if harmed.is_empty() {
        advice
            .text(format!("Learn all {n} tasks together with "))
            .name(&arm.name)
            .text(": it helps ")
            .tasks(helped)
    } else {
        advice
            .text(format!("Learn all {n} tasks together with "))
            .name(&arm.name)
            .text(" and use that for ")
            .tasks(helped)
            .text(", which it helps; for ")
            .tasks(&harmed)
            .text(", which it harms, use a model that learned ")
            .text(if harmed.len() == 1 { "the task" } else { "each task" })
            .text(" alone")
    };
    let advice = match undecided.as_slice() {
        [] => advice.text("."),
        tasks => advice.text("; for ").tasks(tasks).text(" no difference was shown."),
    };
    (answer, advice)
}

fn helps_overall(arm: &ArmResult, helped: &[&str]) -> (String, Sentence) {
    let n = arm.tasks.len();
    let harmed = with_word(arm, Verdict::Harms);
    let answer = match helped.len() {
        0 => "Yes, over all tasks taken together.".to_string(),
        some => format!("Yes, over all tasks taken together, and for {some} of {n} by themselves."),
    };
    let advice = Sentence::default()
        .text(format!("Learn all {n} tasks together with "))
        .name(&arm.name)
        .text(format!(": over all tasks it helps ({})", p_sentence(arm.overall.p)));
    let advice = match helped {
        [] => advice.text(", although no task shows it by itself"),
        [one] => advice.text(", and ").name(one).text(" shows it by itself"),
        some => advice.text(", and ").tasks(some).text(" show it by themselves"),
    };
    let advice = match harmed.as_slice() {
        [] => advice.text("."),
        [one] => advice.text("; but it harms ").name(one).text(": learn it alone."),
        some => advice.text("; but it harms ").tasks(some).text(": learn these alone."),
    };
    (answer, advice)
}

fn no_help(comparison: &Comparison) -> (String, Sentence) {
    let says_harm = |arm: &&ArmResult| {
        arm.overall.verdict == Verdict::Harms || !with_word(arm, Verdict::Harms).is_empty()
    };
    let n_arms = others(comparison).len();
    let harming: Vec<&ArmResult> = others(comparison).iter().filter(says_harm).collect();
    let advice = Sentence::default();
    if harming.is_empty() {
        return (
            "No difference was shown.".to_string(),
            advice.text(format!(
                "Learning together neither helps nor harms by more than chance explains, with {} \
                 and {}. Choose what is convenient; the intervals say how large a gain or a loss \
                 could still be.",
                counted(comparison.data.labeled_rows, "labeled row"),
                counted(comparison.seeds, "repeat"),
            )),
        );
    }
    let advice = advice.text("Learn each task alone: ");
    let advice = match harming.as_slice() {
        [arm] if n_arms > 1 => advice.name(&arm.name).text(" harms, and nothing"),
        [arm] => advice.name(&arm.name).text(" harms, and does not"),
        arms if arms.len() == n_arms => {
            advice.text(format!("all {n_arms} ways of learning together harm, and none"))
        }
        arms => advice
            .text(format!("{} of {n_arms} ways of learning together harm, and none", arms.len())),
    };
    let helps = if n_arms > 1 { " helps." } else { " help." };
    ("No.".to_string(), advice.text(helps))
}

fn too_few_repeats(comparison: &Comparison) -> (String, Sentence) {
    let advice = format!(
        "{} cannot tell a gain from chance. The gains below are figures without a verdict; run \
         again with --seeds 10.",
        counted(comparison.seeds, "repeat"),
    );
    ("No verdict: too few repeats.".to_string(), Sentence::default().text(advice))
}
