//! Losses and metrics of predictions, per row and per task.
//!
//! Two numbers are kept of every out-of-fold prediction: the *loss* that the verdict tests
//! (squared error, log loss) and the *metric's own* contribution (squared error, a wrong class).

use serde::{Deserialize, Serialize};

use crate::data::TaskKind;

/// The smallest probability that log loss sees: one sure mistake must not decide a verdict.
pub const MIN_PROBABILITY: f64 = 1e-7;

/// The metric that a task's gain is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Root of the mean squared error, in the target's unit. Lower is better.
    Rmse,
    /// Share of wrong classes. Lower is better.
    Error,
}

impl Metric {
    /// The default metric of a kind of task.
    pub fn of(kind: &TaskKind) -> Self {
        match kind {
            TaskKind::Regression => Self::Rmse,
            TaskKind::Binary { .. } | TaskKind::Multiclass { .. } => Self::Error,
        }
    }

    /// The metric's name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rmse => "rmse",
            Self::Error => "error",
        }
    }

    /// The metric from the weighted mean of its per-row contributions.
    pub fn from_mean(self, mean: f64) -> f64 {
        match self {
            Self::Rmse => mean.max(0.0).sqrt(),
            Self::Error => mean,
        }
    }
}

/// The name of the loss that the verdict tests.
pub fn loss_name(kind: &TaskKind) -> &'static str {
    match kind {
        TaskKind::Regression => "squared error",
        TaskKind::Binary { .. } | TaskKind::Multiclass { .. } => "log loss",
    }
}

/// What is kept of one out-of-fold prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Squared error, or log loss.
    pub loss: f64,
    /// The contribution to the [`Metric`]: squared error, or 1 for a wrong class.
    pub contribution: f64,
}

/// Scores one prediction (`kind.width()` numbers) against its label.
pub fn score(kind: &TaskKind, prediction: &[f64], label: f64) -> Scored {
    let log_loss = |p: f64| -p.clamp(MIN_PROBABILITY, 1.0).ln();
    let wrong = |is: bool| f64::from(u8::from(is));
    match kind {
        TaskKind::Regression => {
            let squared = (prediction[0] - label).powi(2);
            Scored { loss: squared, contribution: squared }
        }
        TaskKind::Binary { .. } => {
            let positive = label > 0.5;
            let p = if positive { prediction[0] } else { 1.0 - prediction[0] };
            let predicted = predicted_class(kind, prediction);
            Scored { loss: log_loss(p), contribution: wrong(predicted != usize::from(positive)) }
        }
        TaskKind::Multiclass { .. } => {
            let class = class_index(label);
            let predicted = predicted_class(kind, prediction);
            Scored { loss: log_loss(prediction[class]), contribution: wrong(predicted != class) }
        }
    }
}

/// The class that a prediction is for, the first of equally likely ones; 0 for a regression.
pub fn predicted_class(kind: &TaskKind, prediction: &[f64]) -> usize {
    match kind {
        TaskKind::Regression => 0,
        TaskKind::Binary { .. } => usize::from(prediction[0] > 0.5),
        TaskKind::Multiclass { .. } => prediction
            .iter()
            .enumerate()
            .fold(0, |best, (class, p)| if *p > prediction[best] { class } else { best }),
    }
}

/// The class that a label stands for.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TaskData checked that class labels are small whole numbers"
)]
pub fn class_index(label: f64) -> usize {
    label as usize
}

/// Area under the ROC curve: the chance that a positive is ranked above a negative, ties half.
/// `None` unless both classes are there.
pub fn auc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let n_positive = positive.iter().filter(|p| **p).count();
    let n_negative = positive.len() - n_positive;
    if n_positive == 0 || n_negative == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut rank = 0.0;
    let mut sum = 0.0;
    for tie in order.chunk_by(|&a, &b| scores[a].total_cmp(&scores[b]).is_eq()) {
        let middle = rank + f64::midpoint(tie.len() as f64, 1.0);
        sum += middle * tie.iter().filter(|&&i| positive[i]).count() as f64;
        rank += tie.len() as f64;
    }
    let p = n_positive as f64;
    Some((sum - p * (p + 1.0) / 2.0) / (p * n_negative as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_follow_their_definitions() {
        let regression = score(&TaskKind::Regression, &[3.0], 1.0);
        assert_eq!(regression, Scored { loss: 4.0, contribution: 4.0 });
        let binary = TaskKind::Binary { classes: ["a".into(), "b".into()] };
        let scored = score(&binary, &[0.25], 0.0);
        assert!((scored.loss + 0.75f64.ln()).abs() < 1e-15 && scored.contribution < 0.5);
        assert!(score(&binary, &[0.25], 1.0).contribution > 0.5);
        let three = TaskKind::Multiclass { classes: vec!["a".into(), "b".into(), "c".into()] };
        let scored = score(&three, &[0.2, 0.5, 0.3], 2.0);
        assert!((scored.loss + 0.3f64.ln()).abs() < 1e-15 && scored.contribution > 0.5);
        assert!(score(&three, &[1.0, 0.0, 0.0], 2.0).loss <= -MIN_PROBABILITY.ln());
    }

    #[test]
    fn auc_counts_pairs() {
        let scores = [0.1, 0.4, 0.4, 0.8];
        let positive = [false, true, false, true];
        // Pairs (positive, negative): (.4,.1) 1, (.4,.4) half, (.8,.1) 1, (.8,.4) 1.
        assert_eq!(auc(&scores, &positive), Some(3.5 / 4.0));
        assert_eq!(auc(&scores, &[true; 4]), None);
    }
}
