//! Tasks as groups of rows: each group its own task, all with one target.

use torso_core::data::{Labels, Task, row_index};

use super::columns::{ColumnKind, counted};
use super::{Preparing, some_names};
use crate::error::TableError;
use crate::infer::{Categories, texts};

impl Preparing<'_> {
    pub(super) fn group_tasks(
        &mut self,
        group: usize,
        target: usize,
    ) -> Result<Vec<Task>, TableError> {
        let groups = texts(self.table, group);
        let (kind, values) = self.target(target, Some(&groups))?;
        let mut labels = labels_of_groups(&groups, &values);
        let mut tasks = Vec::new();
        let mut unlabeled = Vec::new();
        for at in group_order(&groups.levels) {
            let name = groups.levels[at].clone();
            let (rows, values) = std::mem::take(&mut labels[at]);
            if rows.is_empty() {
                unlabeled.push(name);
            } else {
                let labels = Labels::new(rows, values)?;
                tasks.push(Task { name, kind: kind.clone(), labels });
            }
        }
        let missing = groups.codes.iter().filter(|code| code.is_none()).count();
        if missing > 0 {
            let name = &self.reports[group].name;
            let rows = counted(missing, "row");
            self.notes.push(format!("{rows} without a `{name}`: kept, without a task"));
        }
        if !unlabeled.is_empty() {
            self.notes.push(format!("no label, left out: {}", some_names("group", &unlabeled)));
        }
        let reason = format!("{}, each a task", counted(tasks.len(), "group"));
        self.report(group, ColumnKind::Groups(tasks.len()), reason, missing);
        Ok(tasks)
    }
}

/// The labeled rows of each group, and their labels.
fn labels_of_groups(groups: &Categories, values: &[f64]) -> Vec<(Vec<u32>, Vec<f64>)> {
    let mut labels = vec![(Vec::new(), Vec::new()); groups.levels.len()];
    for (row, (code, &value)) in groups.codes.iter().zip(values).enumerate() {
        if let Some(code) = code
            && !value.is_nan()
        {
            let (rows, values) = &mut labels[*code as usize];
            rows.push(row_index(row));
            values.push(value);
        }
    }
    labels
}

/// Positions of groups in the order of tasks: as numbers where all are, else as texts.
pub(crate) fn group_order(levels: &[String]) -> Vec<usize> {
    let numbers: Result<Vec<f64>, _> = levels.iter().map(|level| level.parse()).collect();
    let mut order: Vec<usize> = (0..levels.len()).collect(); // levels are sorted as texts
    if let Ok(numbers) = numbers {
        order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    }
    order
}
