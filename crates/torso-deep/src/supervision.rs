//! What a network learns from: the labels of its tasks, scaled, as columns or as groups of rows.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use torso_core::data::{Layout, Task, TaskData, TaskKind, row_index};
use torso_core::metric::class_index;

/// The labels that one network learns.
pub(crate) struct Supervision {
    /// What is predicted, one entry per head or one for all groups.
    pub(crate) targets: Vec<Target>,
    /// The group of every row, where the tasks are groups; `u32::MAX` where it has none.
    pub(crate) group_of_row: Option<Vec<u32>>,
    /// The names of the tasks, `[n_losses]`: they key the initialization of the heads.
    pub(crate) names: Vec<String>,
    row_weights: Option<Vec<f32>>,
}

/// What a network puts out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outputs {
    /// The names of the tasks, one for each loss: they key the initialization of the heads.
    pub(crate) names: Vec<String>,
    /// What is predicted, one entry per head or one for all groups.
    pub(crate) kinds: Vec<TaskKind>,
    /// Whether the tasks are groups of rows with one target.
    pub(crate) grouped: bool,
}

impl Outputs {
    /// What a network for all tasks of a table puts out.
    pub(crate) fn of(data: &TaskData) -> Self {
        let tasks = data.tasks();
        let grouped = data.layout() == Layout::Groups;
        let n_targets = if grouped { 1 } else { tasks.len() };
        Self {
            names: tasks.iter().map(|task| task.name.clone()).collect(),
            kinds: tasks.iter().take(n_targets).map(|task| task.kind.clone()).collect(),
            grouped,
        }
    }

    /// What loss `t` is a loss of.
    pub(crate) fn kind_of(&self, t: usize) -> &TaskKind {
        &self.kinds[if self.grouped { 0 } else { t }]
    }

    /// The columns of each target in the output of heads side by side.
    pub(crate) fn columns(&self) -> Vec<Range<usize>> {
        let mut end = 0;
        let columns = self.kinds.iter().map(|kind| {
            let start = end;
            end += kind.width();
            start..end
        });
        columns.collect()
    }
}

/// One target over all rows of the table.
pub(crate) struct Target {
    /// What is predicted.
    pub(crate) kind: TaskKind,
    /// Scaled labels, `NaN` where missing.
    pub(crate) values: Vec<f32>,
    /// How labels were scaled.
    pub(crate) scale: Scale,
}

/// The location and spread of a target's training labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// Mean of a regression's labels; 0 for classes.
    pub(crate) mean: f64,
    /// Standard deviation of a regression's labels; 1 for classes.
    pub(crate) sd: f64,
    /// The loss of the best constant on the scaled labels: 1 for a regression, the entropy of
    /// the classes otherwise. Losses are told in this unit.
    pub(crate) constant_loss: f64,
}

impl Supervision {
    /// Each of `tasks` as a target of its own.
    pub(crate) fn columns(data: &TaskData, tasks: &[usize], train: &[u32]) -> Self {
        let tasks: Vec<&Task> = tasks.iter().map(|&t| &data.tasks()[t]).collect();
        Self {
            targets: tasks.iter().map(|task| Target::new(data, &[task], train)).collect(),
            group_of_row: None,
            names: tasks.iter().map(|task| task.name.clone()).collect(),
            row_weights: weights(data),
        }
    }

    /// All tasks of a grouped table as one target, not knowing the group.
    pub(crate) fn pooled(data: &TaskData, train: &[u32]) -> Self {
        let tasks: Vec<&Task> = data.tasks().iter().collect();
        Self {
            targets: vec![Target::new(data, &tasks, train)],
            group_of_row: None,
            names: vec!["pooled".to_string()],
            row_weights: weights(data),
        }
    }

    /// All tasks of a grouped table as one target with a loss for each group.
    pub(crate) fn groups(data: &TaskData, train: &[u32]) -> Self {
        let mut group_of_row = vec![u32::MAX; data.n_rows()];
        for (group, task) in data.tasks().iter().enumerate() {
            for &row in task.labels.rows() {
                group_of_row[row as usize] = row_index(group);
            }
        }
        let names = data.tasks().iter().map(|task| task.name.clone()).collect();
        Self { group_of_row: Some(group_of_row), names, ..Self::pooled(data, train) }
    }

    /// The number of losses: one for each target, or for each group.
    pub(crate) fn n_losses(&self) -> usize {
        self.names.len()
    }

    /// What a network for these labels puts out.
    pub(crate) fn outputs(&self) -> Outputs {
        Outputs {
            names: self.names.clone(),
            kinds: self.targets.iter().map(|target| target.kind.clone()).collect(),
            grouped: self.group_of_row.is_some(),
        }
    }

    /// The target behind loss `t`.
    pub(crate) fn target_of(&self, t: usize) -> &Target {
        &self.targets[if self.group_of_row.is_some() { 0 } else { t }]
    }

    /// Those of `rows` that have a label, in the order of groups.
    pub(crate) fn usable(&self, rows: &[u32]) -> Vec<u32> {
        let observed =
            |row: &u32| self.targets.iter().any(|target| !target.values[*row as usize].is_nan());
        let mut usable: Vec<u32> = rows.iter().copied().filter(observed).collect();
        self.sort(&mut usable);
        usable
    }

    /// The mean number of labels that a task has among `rows`; at least 1.
    pub(crate) fn mean_labels(&self, rows: &[u32]) -> f64 {
        let labels = |target: &Target| {
            rows.iter().filter(|&&row| !target.values[row as usize].is_nan()).count()
        };
        let n_labels: usize = self.targets.iter().map(labels).sum();
        (n_labels as f64 / self.n_losses() as f64).max(1.0)
    }

    /// Puts rows of one group side by side, as grouped heads need them.
    pub(crate) fn sort(&self, rows: &mut [u32]) {
        if let Some(groups) = &self.group_of_row {
            rows.sort_unstable_by_key(|&row| (groups[row as usize], row));
        }
    }

    /// The weights of some rows; empty where all weigh the same.
    pub(crate) fn gather_weights(&self, rows: &[u32], into: &mut Vec<f32>) {
        into.clear();
        if let Some(weights) = &self.row_weights {
            into.extend(rows.iter().map(|&row| weights[row as usize]));
        }
    }
}

impl Target {
    fn new(data: &TaskData, tasks: &[&Task], train: &[u32]) -> Self {
        let kind = tasks[0].kind.clone();
        let scale = Scale::of(&kind, tasks, train);
        let mut values = vec![f32::NAN; data.n_rows()];
        for task in tasks {
            for (&row, &label) in task.labels.rows().iter().zip(task.labels.values()) {
                #[expect(clippy::cast_possible_truncation, reason = "scaled labels are small")]
                let scaled = ((label - scale.mean) / scale.sd) as f32;
                values[row as usize] = scaled;
            }
        }
        Self { kind, values, scale }
    }
}

impl Scale {
    fn of(kind: &TaskKind, tasks: &[&Task], train: &[u32]) -> Self {
        let labels = || tasks.iter().flat_map(|task| task.labels.among(train)).map(|(_, y)| y);
        let n = labels().count().max(1) as f64;
        if *kind == TaskKind::Regression {
            let mean = labels().sum::<f64>() / n;
            let sd = (labels().map(|y| (y - mean).powi(2)).sum::<f64>() / n).sqrt();
            // Training labels that are all alike are learned as they are.
            return Self { mean, sd: if sd > 0.0 { sd } else { 1.0 }, constant_loss: 1.0 };
        }
        let mut counts = vec![0.0; kind.classes().len()];
        labels().for_each(|y| counts[class_index(y)] += 1.0);
        let entropy: f64 =
            counts.iter().filter(|c| **c > 0.0).map(|c| -(c / n) * (c / n).ln()).sum();
        Self { mean: 0.0, sd: 1.0, constant_loss: if entropy > 0.0 { entropy } else { 1.0 } }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "weights need no more than f32")]
fn weights(data: &TaskData) -> Option<Vec<f32>> {
    data.row_weights().map(|weights| weights.iter().map(|w| *w as f32).collect())
}
