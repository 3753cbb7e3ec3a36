//! What a task's scores and gains are told in.

use torso_core::record::{Comparison, Interval, TaskResult, TaskSummary, TrainedTask};

use crate::number::{Digits, UNKNOWN};
use crate::reading::{others, result};

/// How the scores and gains of one task are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit {
    /// What a score is: `error`, `RMSE`.
    pub metric: String,
    /// The axis of gains, in words.
    pub axis: String,
    /// What a value is multiplied with before it is written.
    pub factor: f64,
    /// Follows a gain, with a space before it.
    pub gain_suffix: &'static str,
    /// Follows a score: `%`.
    score_suffix: &'static str,
    /// The same for all arms, so that they can be read down a column.
    digits: Digits,
}

impl Unit {
    pub(crate) fn of(comparison: &Comparison, task: &TaskSummary) -> Self {
        Self::new(task, |factor| digits(comparison, task, factor))
    }

    /// The unit of the score of one trained model.
    pub(crate) fn of_trained(trained: &TrainedTask) -> Self {
        Self::new(&trained.task, |factor| {
            let score = trained.score.unwrap_or(Interval { mean: 0.0, low: 0.0, high: 0.0 });
            let Interval { mean, low, high } = score;
            let scaled = Interval { mean: mean * factor, low: low * factor, high: high * factor };
            Digits::of_intervals(&[scaled])
        })
    }

    /// The unit of a task's metric; `digits` are asked for with what values are multiplied with.
    fn new(task: &TaskSummary, digits: impl Fn(f64) -> Digits) -> Self {
        let plain = |metric: &str, axis: &str| Self {
            metric: metric.to_string(),
            axis: axis.to_string(),
            factor: 1.0,
            gain_suffix: "",
            score_suffix: "",
            digits: digits(1.0),
        };
        match task.metric.as_str() {
            "error" => Self {
                factor: 100.0,
                gain_suffix: " points",
                score_suffix: "%",
                digits: digits(100.0),
                ..plain("error", "percentage points of error")
            },
            "rmse" => plain("RMSE", "RMSE, in the target’s unit"),
            other => plain(other, other),
        }
    }

    /// The unit of all tasks, if they can share an axis in it: errors always can, other metrics
    /// where all tasks have one target, which explained variance tells.
    pub(crate) fn common(comparison: &Comparison) -> Option<Self> {
        let first = comparison.tasks.first()?;
        let is_same = comparison.tasks.iter().all(|task| task.metric == first.metric);
        let has_one_target = comparison.arms.iter().any(|arm| arm.explained_variance.is_some());
        (is_same && (first.metric == "error" || has_one_target))
            .then(|| Self::of(comparison, first))
    }

    /// A score, with at least three digits and those of the gains.
    pub(crate) fn score(&self, score: f64) -> String {
        let value = score * self.factor;
        if !value.is_finite() {
            return UNKNOWN.to_string();
        }
        let digits = match (self.digits, Digits::significant(value, 3)) {
            (Digits::Decimals(_), Digits::Decimals(_)) => self.digits,
            (_, own) => own,
        };
        format!("{}{}", digits.plain(value), self.score_suffix)
    }

    /// `1.66% (1.2 to 2.3)`.
    pub(crate) fn score_with_range(&self, of: Interval) -> String {
        if !of.mean.is_finite() {
            return UNKNOWN.to_string();
        }
        let range = self.digits.range(of.low * self.factor, of.high * self.factor);
        format!("{} ({range})", self.score(of.mean))
    }

    /// `+1.9`.
    pub(crate) fn gain(&self, result: &TaskResult) -> String {
        self.digits.signed(result.gain * self.factor)
    }

    /// `0.6 to 3.2`.
    pub(crate) fn range(&self, result: &TaskResult) -> String {
        self.digits.range(result.low * self.factor, result.high * self.factor)
    }

    /// `+1.9 points (0.6 to 3.2)`.
    pub(crate) fn gain_with_range(&self, result: &TaskResult) -> String {
        if !result.gain.is_finite() {
            return UNKNOWN.to_string();
        }
        format!("{}{} ({})", self.gain(result), self.gain_suffix, self.range(result))
    }
}

/// Two digits of half the narrowest interval, but at most one more than the widest deserves.
fn digits(comparison: &Comparison, task: &TaskSummary, factor: f64) -> Digits {
    let results = others(comparison).iter().filter_map(|arm| result(arm, &task.name));
    let halves = results.map(|result| (result.high - result.low) / 2.0 * factor);
    let (least, most) = halves
        .filter(|half| half.is_finite() && *half > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(least, most), half| (least.min(half), most.max(half)));
    if most > 0.0 {
        return Digits::significant(least.max(most / 10.0), 2);
    }
    let alone = comparison.arms.first().and_then(|arm| result(arm, &task.name));
    Digits::significant(alone.map_or(0.0, |alone| alone.score * factor), 3)
}

/// A gain in percent of the baseline's score, with as many digits as it deserves.
pub(crate) fn percent(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() => {
            format!("{}%", Digits::significant(value, 2).signed(value))
        }
        _ => UNKNOWN.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn errors_are_told_in_points_and_rmse_in_the_targets_unit() {
        let record = fixture::penguins();
        let comparison = &record.comparison;
        let arm = &comparison.arms[3];
        let species = Unit::of(comparison, &comparison.tasks[0]);
        assert_eq!(species.score(arm.tasks[0].score), "1.66%");
        assert_eq!(species.gain_with_range(&arm.tasks[0]), "+0.21 points (−0.23 to 0.65)");
        let mass = Unit::of(comparison, &comparison.tasks[2]);
        assert_eq!(mass.score(arm.tasks[2].score), "291.1");
        assert_eq!(mass.gain_with_range(&arm.tasks[2]), "+12.3 (3.0 to 21.6)");
    }

    #[test]
    fn a_narrow_interval_among_wide_ones_adds_one_digit_at_most() {
        let record = fixture::penguins();
        let comparison = &record.comparison;
        let sex = Unit::of(comparison, &comparison.tasks[1]);
        assert_eq!(sex.gain(&comparison.arms[2].tasks[1]), "−0.10");
        assert_eq!(sex.score(comparison.arms[2].tasks[1].score), "11.80%");
    }

    #[test]
    fn tasks_of_one_target_share_an_axis_and_others_do_not() {
        assert!(Unit::common(&fixture::schools().comparison).is_some());
        assert!(Unit::common(&fixture::regressions(3, 2).comparison).is_none());
        assert!(Unit::common(&fixture::penguins().comparison).is_none());
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let mut record = fixture::penguins();
        let result = &mut record.comparison.arms[1].tasks[0];
        (result.gain, result.score, result.low) = (f64::NAN, f64::NAN, f64::INFINITY);
        let unit = Unit::of(&record.comparison, &record.comparison.tasks[0]);
        let result = &record.comparison.arms[1].tasks[0];
        assert_eq!(unit.gain_with_range(result), UNKNOWN);
        assert_eq!(unit.score(result.score), UNKNOWN);
        assert_eq!(percent(None), UNKNOWN);
        assert_eq!(percent(Some(f64::NAN)), UNKNOWN);
        assert_eq!(percent(Some(-15.26)), "−15%");
    }
}
