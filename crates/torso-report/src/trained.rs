//! What the reports of a training ask its record: each task's score, beside that of a constant.

use serde::Serialize;
use torso_core::record::{Interval, TrainRecord, TrainedTask, Verdict};

use crate::number::{UNKNOWN, count};
use crate::unit::Unit;

/// How a task's score lies beside that of the best constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Beside {
    /// The whole interval is better.
    Better,
    /// The whole interval is worse.
    Worse,
    /// The constant's score is within the interval.
    Unclear,
    /// There is no score, or no constant.
    Untested,
}

impl Beside {
    pub(crate) fn of(task: &TrainedTask) -> Self {
        let (Some(score), Some(constant)) = (task.score, task.constant) else {
            return Self::Untested;
        };
        let gains = [score.low, score.high].map(|end| sign(task) * (constant - end));
        match gains {
            [a, b] if a.is_nan() || b.is_nan() => Self::Untested,
            [a, b] if a > 0.0 && b > 0.0 => Self::Better,
            [a, b] if a < 0.0 && b < 0.0 => Self::Worse,
            _ => Self::Unclear,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Unclear => "no difference shown",
            Self::Untested => "not tested",
        }
    }

    /// The verdict of a comparison with the same mark and color.
    pub(crate) fn mark(self) -> Verdict {
        match self {
            Self::Better => Verdict::Helps,
            Self::Worse => Verdict::Harms,
            Self::Unclear => Verdict::NoDifference,
            Self::Untested => Verdict::TooFewRepeats,
        }
    }
}

/// 1 where lower scores are better.
fn sign(task: &TrainedTask) -> f64 {
    if task.task.better == "higher" { -1.0 } else { 1.0 }
}

/// What a task's score gains over the constant's, in percent of that, where it can be told.
pub(crate) fn gain_over_constant(task: &TrainedTask) -> Option<Interval> {
    let (score, constant) = (task.score?, task.constant?);
    let gain = |score: f64| 100.0 * sign(task) * (constant - score) / constant.abs();
    let (a, b) = (gain(score.low), gain(score.high));
    let interval = Interval { mean: gain(score.mean), low: a.min(b), high: a.max(b) };
    (constant.abs() > 0.0 && interval.mean.is_finite()).then_some(interval)
}

/// A task in text.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    pub task: &'a str,
    pub kind: &'a str,
    /// What the scores are.
    pub metric: String,
    pub labels: String,
    pub n_test: String,
    /// With its interval.
    pub score: String,
    pub constant: String,
    /// Empty where there is none.
    pub auc: String,
    pub word: &'static str,
    pub class: &'static str,
}

/// A row for each task.
pub(crate) fn rows(record: &TrainRecord) -> Vec<Row<'_>> {
    record.tasks.iter().map(row).collect()
}

fn row(task: &TrainedTask) -> Row<'_> {
    let unit = Unit::of_trained(task);
    let beside = Beside::of(task);
    Row {
        task: &task.task.name,
        kind: &task.task.kind,
        labels: count(task.task.labels),
        n_test: count(task.n_test),
        score: task.score.map_or(UNKNOWN.to_string(), |score| unit.score_with_range(score)),
        constant: task.constant.map_or(UNKNOWN.to_string(), |constant| unit.score(constant)),
        auc: task.auc.filter(|auc| auc.is_finite()).map_or(String::new(), |a| format!("{a:.3}")),
        metric: unit.metric,
        word: beside.word(),
        class: crate::chart::class(beside.mark()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_task_is_better_where_its_whole_interval_is() {
        let mut task = fixture::trained().tasks[0].clone();
        let mut beside = |low: f64, high: f64, constant: Option<f64>, better: &str| {
            task.score = Some(Interval { mean: f64::midpoint(low, high), low, high });
            (task.constant, task.task.better) = (constant, better.to_string());
            Beside::of(&task)
        };
        assert_eq!(beside(0.1, 0.2, Some(0.3), "lower"), Beside::Better);
        assert_eq!(beside(0.1, 0.2, Some(0.3), "higher"), Beside::Worse);
        assert_eq!(beside(0.1, 0.3, Some(0.3), "lower"), Beside::Unclear);
        assert_eq!(beside(0.4, 0.5, Some(0.3), "lower"), Beside::Worse);
        assert_eq!(beside(f64::NAN, 0.5, Some(0.7), "lower"), Beside::Untested);
        assert_eq!(beside(0.1, 0.2, None, "lower"), Beside::Untested);
    }

    #[test]
    fn gains_are_in_percent_of_the_constant() {
        let mut task = fixture::trained().tasks[0].clone();
        task.score = Some(Interval { mean: 1.0, low: 0.5, high: 5.0 });
        task.constant = Some(4.0);
        let gain = gain_over_constant(&task).unwrap();
        assert_eq!(gain, Interval { mean: 75.0, low: -25.0, high: 87.5 });
        task.task.better = "higher".to_string();
        let gain = gain_over_constant(&task).unwrap();
        assert_eq!(gain, Interval { mean: -75.0, low: -87.5, high: 25.0 });
        for constant in [None, Some(0.0), Some(f64::NAN)] {
            task.constant = constant;
            assert_eq!(gain_over_constant(&task), None);
        }
    }

    #[test]
    fn rows_say_scores_in_their_unit() {
        let record = fixture::trained();
        let [species, sex, mass] = rows(&record).try_into().map_err(|_| ()).unwrap();
        assert_eq!(
            (species.score.as_str(), species.constant.as_str()),
            ("1.9% (0.6 to 4.3)", "55.9%")
        );
        assert_eq!((sex.word, sex.auc.as_str()), ("no difference shown", "0.561"));
        assert_eq!((mass.score.as_str(), mass.metric.as_str()), ("303 (265 to 342)", "RMSE"));
    }
}
