//! What the pages ask a record.

use torso_core::record::{
    ArmResult, Comparison, DataSummary, Interval, Overall, TaskResult, Verdict,
};

use crate::number::{Digits, count};

/// With more tasks than this, tasks are counted and drawn together, not told one by one.
pub(crate) const MOST_TASKS_ONE_BY_ONE: usize = 24;

/// The arms but the baseline, which is the first.
pub(crate) fn others(comparison: &Comparison) -> &[ArmResult] {
    comparison.arms.get(1..).unwrap_or_default()
}

/// What an arm says of a task.
pub(crate) fn result<'a>(arm: &'a ArmResult, task: &str) -> Option<&'a TaskResult> {
    arm.tasks.iter().find(|result| result.task == task)
}

/// The tasks of an arm with this word.
pub(crate) fn with_word(arm: &ArmResult, word: Verdict) -> Vec<&str> {
    let said = arm.tasks.iter().filter(|result| result.verdict == word);
    said.map(|result| result.task.as_str()).collect()
}

/// `helps 12, harms 3, no difference shown 124`: the words that were said, with their counts.
pub(crate) fn counts(arm: &ArmResult) -> String {
    let words = [Verdict::Helps, Verdict::Harms, Verdict::NoDifference, Verdict::TooFewRepeats];
    let counts = words.iter().map(|&word| (word.word(), with_word(arm, word).len()));
    let said: Vec<String> =
        counts.filter(|(_, n)| *n > 0).map(|(word, n)| format!("{word} {n}")).collect();
    said.join(", ")
}

/// Where the metric's gain and the word, which follows the loss, point apart.
pub(crate) fn disagreement(result: &TaskResult) -> Option<&'static str> {
    match result.verdict {
        Verdict::Helps if result.gain < 0.0 => {
            Some("the loss says helps, the metric’s gain is negative")
        }
        Verdict::Harms if result.gain > 0.0 => {
            Some("the loss says harms, the metric’s gain is positive")
        }
        _ => None,
    }
}

/// What a reader of a task's word and gain should know: that the two point apart, or that the word
/// rests on the loss alone.
pub(crate) fn caution(result: &TaskResult) -> Option<&'static str> {
    let has_word = matches!(result.verdict, Verdict::Helps | Verdict::Harms);
    let includes_zero = (result.low..=result.high).contains(&0.0);
    let by_loss = "by the loss; the metric’s interval includes 0";
    disagreement(result).or((has_word && includes_zero).then_some(by_loss))
}

/// The loss gain over all tasks with its interval, in units of the labels' spread.
pub(crate) fn overall_gain(comparison: &Comparison, arm: &ArmResult) -> String {
    let interval = |arm: &ArmResult| {
        let Overall { loss_gain: mean, low, high, .. } = arm.overall;
        Interval { mean, low, high }
    };
    let all: Vec<Interval> = others(comparison).iter().map(interval).collect();
    Digits::of_intervals(&all).estimate(interval(arm), "")
}

/// The mean gain in percent of the score alone, with its interval.
pub(crate) fn mean_gain(comparison: &Comparison, arm: &ArmResult) -> String {
    let all: Vec<Interval> = others(comparison).iter().map(|arm| arm.delta_m).collect();
    Digits::of_intervals(&all).estimate(arm.delta_m, "%")
}

/// The share of explained variance in percent, where it was told.
pub(crate) fn explained_variance(arm: &ArmResult) -> Option<String> {
    let share = arm.explained_variance.filter(|share| share.is_finite())?;
    Some(format!("{}%", Digits::Decimals(1).plain(100.0 * share)))
}

/// `all`, or how many rows have a label.
pub(crate) fn labeled_rows(data: &DataSummary) -> String {
    if data.labeled_rows == data.rows { "all".to_string() } else { count(data.labeled_rows) }
}

/// The arms whose predictions are shown: the baseline, and the best of the others by mean rank.
pub(crate) fn shown_in_detail(comparison: &Comparison) -> Vec<&ArmResult> {
    let by_rank = |a: &&ArmResult, b: &&ArmResult| a.mean_rank.total_cmp(&b.mean_rank);
    let best = others(comparison).iter().min_by(by_rank);
    comparison.arms.first().into_iter().chain(best).collect()
}

/// Text that cannot move the cursor, change colors or turn the direction of writing.
pub(crate) fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c }).collect()
}

/// The first letters of a long name.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_string();
    }
    let start: String = name.chars().take(most.saturating_sub(1)).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn words_that_the_metric_does_not_bear_out_are_marked() {
        let mut result = fixture::penguins().comparison.arms[3].tasks[1].clone();
        let mut note = |verdict: Verdict, low: f64, gain: f64, high: f64| {
            (result.verdict, result.low, result.gain, result.high) = (verdict, low, gain, high);
            (disagreement(&result), caution(&result))
        };
        assert_eq!(note(Verdict::Helps, 0.1, 0.2, 0.3), (None, None));
        let (sign, loss) = note(Verdict::Helps, -0.1, 0.2, 0.3);
        assert!(sign.is_none() && loss.is_some_and(|note| note.contains("includes 0")));
        let (sign, loss) = note(Verdict::Helps, -0.3, -0.2, 0.1);
        assert!(sign == loss && sign.is_some_and(|note| note.contains("negative")));
        let (sign, _) = note(Verdict::Harms, -0.1, 0.2, 0.3);
        assert!(sign.is_some_and(|note| note.contains("positive")));
        assert_eq!(note(Verdict::NoDifference, -0.1, -0.2, 0.3), (None, None));
    }

    #[test]
    fn names_are_shortened_by_letters_not_bytes() {
        assert_eq!(shortened("größe", 5), "größe");
        assert_eq!(shortened("größen", 5), "größ…");
        assert_eq!(shortened("", 0), "");
    }
}
