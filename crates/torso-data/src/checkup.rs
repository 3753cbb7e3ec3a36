//! What to know of data before learning from them: labels, overlap, duplicates, leaks.

use serde::Serialize;
use torso_core::data::{Layout, Task, TaskData, TaskKind};
use torso_core::metric::{Metric, class_index};
use torso_core::split::Fold;

mod duplicates;
mod features;
mod leaks;
mod overlap;
mod warning;

pub use duplicates::Duplicates;
pub use leaks::Evidence;
pub use overlap::{Overlap, PairCount};
pub use warning::Warning;

/// What is to be known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkup {
    /// Rows of the table.
    pub rows: usize,
    /// Rows with at least one label.
    pub labeled_rows: usize,
    /// The tasks, in their order.
    pub tasks: Vec<TaskCheckup>,
    /// Rows with labels of two tasks; none where there are no two, or tasks are groups of rows.
    pub overlap: Option<Overlap>,
    /// Labeled rows that are there more than once.
    pub duplicates: Duplicates,
    /// What may be wrong.
    pub warnings: Vec<Warning>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskCheckup {
    /// The target column, or the group.
    pub name: String,
    /// `regression`, `binary` or `multiclass`.
    pub kind: &'static str,
    /// The metric that it is scored in.
    pub metric: &'static str,
    /// Its labels.
    pub labels: usize,
    /// The share of the table's rows without one; none where tasks are groups of rows.
    pub missing: Option<f64>,
    /// How its labels are distributed.
    #[serde(flatten)]
    pub balance: Balance,
}

/// How labels are distributed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// The labels of each class.
    Classes(Vec<ClassCount>),
    /// Figures of a regression's labels.
    Numbers {
        /// Their mean.
        mean: f64,
        /// Their standard deviation (of a sample); 0 for a single label.
        sd: f64,
        /// The least.
        min: f64,
        /// The largest.
        max: f64,
    },
}

/// A class and its labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub class: String,
    /// Its labels.
    pub labels: usize,
}

impl Checkup {
    /// Looks at data that are to be split into `folds`, those of one repeat.
    pub fn of(data: &TaskData, folds: &[Fold]) -> Self {
        let tasks: Vec<TaskCheckup> =
            data.tasks().iter().map(|task| TaskCheckup::of(task, data)).collect();
        let twins = duplicates::Twins::of(data);
        let duplicates = twins.count(folds);
        let mut warnings = leaks::find(data, &twins.distinct());
        warnings.extend(duplicates.warnings());
        warnings.extend(features::warnings(data));
        warnings.extend(rare_classes(&tasks, folds.len()));
        Self {
            rows: data.n_rows(),
            labeled_rows: data.labeled_rows().len(),
            tasks,
            overlap: Overlap::of(data),
            duplicates,
            warnings,
        }
    }
}

impl TaskCheckup {
    fn of(task: &Task, data: &TaskData) -> Self {
        let labels = task.labels.len();
        let missing = match data.layout() {
            Layout::Columns => Some(1.0 - labels as f64 / data.n_rows() as f64),
            Layout::Groups => None,
        };
        Self {
            name: task.name.clone(),
            kind: task.kind.name(),
            metric: Metric::of(&task.kind).name(),
            labels,
            missing,
            balance: Balance::of(task),
        }
    }
}

impl Balance {
    fn of(task: &Task) -> Self {
        let values = task.labels.values();
        if task.kind == TaskKind::Regression {
            return Self::numbers(values);
        }
        let mut counts = vec![0; task.kind.classes().len()];
        for &value in values {
            counts[class_index(value)] += 1;
        }
        let count = |(class, labels): (&String, usize)| ClassCount { class: class.clone(), labels };
        Self::Classes(task.kind.classes().iter().zip(counts).map(count).collect())
    }

    fn numbers(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().map(|value| value / n).sum::<f64>();
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self::Numbers {
            mean,
            sd: if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 },
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// Classes that cannot have a label in every fold.
fn rare_classes(tasks: &[TaskCheckup], folds: usize) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for task in tasks {
        let Balance::Classes(classes) = &task.balance else { continue };
        for ClassCount { class, labels } in classes.iter().filter(|class| class.labels < folds) {
            let (task, class) = (task.name.clone(), class.clone());
            warnings.push(Warning::RareClass { task, class, labels: *labels, folds });
        }
    }
    warnings
}

#[cfg(test)]
mod tests;
