//! What the verdict needs to know of a task besides the cells.

use torso_core::data::Task;
use torso_core::metric::{Metric, class_index, loss_name};

/// A task as the verdict sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskInfo {
    pub(super) name: String,
    pub(super) metric: Metric,
    pub(super) loss: &'static str,
    pub(super) spread: f64,
}

impl TaskInfo {
    /// Reads the name, the metric, the loss and the spread of the labels off a task.
    pub fn new(task: &Task) -> Self {
        let metric = Metric::of(&task.kind);
        let spread = match metric {
            Metric::Rmse => variance(task.labels.values()),
            Metric::Error => entropy(task.labels.values(), task.kind.classes().len()),
        };
        Self { name: task.name.clone(), metric, loss: loss_name(&task.kind), spread }
    }

    /// The loss of the best constant prediction: the variance of the labels for squared error, the
    /// entropy of the class shares (in nats) for log loss. 0 where all labels are equal.
    pub fn spread(&self) -> f64 {
        self.spread
    }
}

fn variance(labels: &[f64]) -> f64 {
    // The mean of equal labels can be off by rounding, and the variance then tiny but not 0.
    if labels.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq()) {
        return 0.0;
    }
    let n = labels.len() as f64;
    let mean = labels.iter().sum::<f64>() / n;
    labels.iter().map(|label| (label - mean).powi(2)).sum::<f64>() / n
}

fn entropy(labels: &[f64], n_classes: usize) -> f64 {
    let mut counts = vec![0usize; n_classes];
    for &label in labels {
        counts[class_index(label)] += 1;
    }
    let shares = counts.iter().filter(|&&count| count > 0 && count < labels.len());
    shares.map(|&count| count as f64 / labels.len() as f64).map(|share| -share * share.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::data::{Labels, TaskKind};

    fn spread(kind: TaskKind, labels: &[f64]) -> f64 {
        TaskInfo::new(&Task { name: "t".into(), kind, labels: Labels::from_column(labels) }).spread
    }

    #[test]
    fn the_spread_is_the_loss_of_the_best_constant() {
        assert!(
            (spread(TaskKind::Regression, &[1.0, f64::NAN, 3.0, 5.0]) - 8.0 / 3.0).abs() < 1e-12
        );
        let binary = TaskKind::Binary { classes: ["a".into(), "b".into()] };
        assert!((spread(binary, &[0.0, 1.0, 1.0, 0.0]) - 2f64.ln()).abs() < 1e-12);
        let three = TaskKind::Multiclass { classes: vec!["a".into(), "b".into(), "c".into()] };
        let expected = 0.5 * 2f64.ln() + 0.5 * 4f64.ln();
        assert!((spread(three, &[0.0, 0.0, 1.0, 2.0]) - expected).abs() < 1e-12);
    }

    #[test]
    fn equal_labels_have_no_spread() {
        let binary = TaskKind::Binary { classes: ["a".into(), "b".into()] };
        for (kind, label) in [(TaskKind::Regression, 0.1), (binary, 1.0)] {
            assert!(spread(kind, &[label; 7]).abs() == 0.0);
        }
    }
}
