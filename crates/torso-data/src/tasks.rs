//! From a table to task data: what each column is, and why.

use torso_core::data::{Labels, Layout, Task, TaskData};

use crate::error::TableError;
use crate::infer::{Content, infer};
use crate::roles::{Assigned, ColumnRole, KindOverride, Roles, Targets, assign};
use crate::table::Table;

mod columns;
mod features;
mod groups;
mod targets;

pub use columns::{ColumnKind, ColumnReport};
pub(crate) use features::{ID_LEVELS, counts_rows};
pub(crate) use groups::group_order;

/// Names shown in a note before it says how many more there are.
const NAMES_IN_NOTE: usize = 5;

/// Task data, and how the table became it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Features, tasks and labels; each row of the table is a row here.
    pub data: TaskData,
    /// One entry per column of the table, in its order.
    pub columns: Vec<ColumnReport>,
    /// What the user should know, in sentences.
    pub notes: Vec<String>,
}

/// Makes task data of a table.
///
/// Numbers with two distinct values and texts are targets of classes, other numbers are
/// regressions; features are numbers or categories. A missing label is masked, a missing feature
/// is kept as such; no row is dropped. Features that cannot be used are left out with a note:
/// those without a value, dates, and texts with more than 50 distinct values in which more than
/// half of the cells are distinct (ids, free text).
pub fn task_data(table: &Table, roles: &Roles) -> Result<Prepared, TableError> {
    let Assigned { roles: assigned, targets } = assign(table, roles)?;
    let mut preparing = Preparing::new(table, roles, assigned);
    let (tasks, layout) = match &roles.targets {
        Targets::Columns(_) => (preparing.column_tasks(&targets)?, Layout::Columns),
        Targets::Groups { group, .. } => {
            (preparing.group_tasks(table.column(group)?, targets[0])?, Layout::Groups)
        }
    };
    let features = preparing.features()?;
    let weights = preparing.weights()?;
    preparing.note_few_integers();
    preparing.note_unlabeled_rows(&tasks);
    let mut data = TaskData::new(table.name(), table.blake3(), features, tasks, layout)?;
    if let Some(weights) = weights {
        data = data.with_row_weights(weights)?;
    }
    Ok(Prepared { data, columns: preparing.reports, notes: preparing.notes })
}

/// The table, and what has been said about it so far.
struct Preparing<'a> {
    table: &'a Table,
    roles: &'a Roles,
    reports: Vec<ColumnReport>,
    notes: Vec<String>,
    /// Regressions whose numbers could be the codes of classes.
    few_integers: Vec<String>,
}

impl<'a> Preparing<'a> {
    fn new(table: &'a Table, roles: &'a Roles, assigned: Vec<ColumnRole>) -> Self {
        let report = |(name, role): (&String, ColumnRole)| ColumnReport {
            name: name.clone(),
            role,
            kind: ColumnKind::NotRead,
            reason: match role {
                ColumnRole::Ignored => "to be ignored".into(),
                ColumnRole::Reserved => "used for something else than learning".into(),
                _ => "not among the listed features".into(),
            },
            missing: 0,
        };
        let reports = table.header().iter().zip(assigned).map(report).collect();
        Self { table, roles, reports, notes: Vec::new(), few_integers: Vec::new() }
    }

    fn told(&self, column: usize) -> Option<KindOverride> {
        let name = &self.table.header()[column];
        let is_label = self.table.label_columns().contains(name);
        let told = self.roles.kinds.get(name).copied();
        told.or(is_label.then_some(KindOverride::Class)) // a label of an image is one by its form
    }

    fn report(&mut self, column: usize, kind: ColumnKind, reason: String, missing: usize) {
        let report = &mut self.reports[column];
        (report.kind, report.reason, report.missing) = (kind, reason, missing);
    }

    fn column_tasks(&mut self, targets: &[usize]) -> Result<Vec<Task>, TableError> {
        let task = |&target: &usize| {
            let (kind, values) = self.target(target, None)?;
            let name = self.table.header()[target].clone();
            Ok(Task { name, kind, labels: Labels::from_column(&values) })
        };
        targets.iter().map(task).collect()
    }

    fn weights(&mut self) -> Result<Option<Vec<f64>>, TableError> {
        let Some(name) = &self.roles.weight else { return Ok(None) };
        let position = self.table.column(name)?;
        let column = infer(self.table, position, Some(KindOverride::Number))?;
        let Content::Numbers(values) = &column.content else {
            let place = self.table.place_of_column(position);
            return Err(TableError::Weight { place, found: String::new() });
        };
        if let Some(row) = values.iter().position(|value| value.is_nan() || *value < 0.0) {
            let found = self.table.cell(row, position).to_owned();
            let place = self.table.place_of_cell(row, position);
            return Err(TableError::Weight { place, found });
        }
        if values.iter().all(|&value| value <= 0.0) {
            let place = self.table.place_of_column(position);
            return Err(TableError::Weight { place, found: "0".into() });
        }
        self.report(position, ColumnKind::Number, column.numbers_reason(), 0);
        Ok(Some(values.clone()))
    }

    fn note_few_integers(&mut self) {
        if !self.few_integers.is_empty() {
            let names = some_names("target", &self.few_integers);
            self.notes.push(format!(
                "few distinct integers, taken as numbers (classes are better written as words): \
                 {names}"
            ));
        }
    }

    fn note_unlabeled_rows(&mut self, tasks: &[Task]) {
        let mut labeled = vec![false; self.table.n_rows()];
        for row in tasks.iter().flat_map(|task| task.labels.rows()) {
            labeled[*row as usize] = true;
        }
        let unlabeled = labeled.iter().filter(|&&labeled| !labeled).count();
        if unlabeled > 0 {
            self.notes.push(format!("{unlabeled} of {} rows have no label: kept", labeled.len()));
        }
    }
}

pub(crate) fn some_names(what: &str, names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_IN_NOTE).map(|n| format!("`{n}`")).collect();
    let more = match names.len().saturating_sub(NAMES_IN_NOTE) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{} {}{more}",
        if names.len() == 1 { what.into() } else { format!("{what}s") },
        shown.join(", ")
    )
}

#[cfg(test)]
mod tests;
