//! Targets: what a column predicts, and its labels.

use torso_core::data::TaskKind;
use torso_core::metric::class_index;

use super::Preparing;
use super::columns::{ColumnKind, counted};
use crate::error::TableError;
use crate::infer::{Categories, Column, Content, distinct_numbers, infer};
use crate::roles::{ColumnRole, KindOverride};

/// So few distinct integers can be the codes of classes.
const MOST_CODES: usize = 10;

impl Preparing<'_> {
    /// What a target predicts, and its label in each row, `NaN` where there is none: a missing
    /// cell, or a row without a group.
    pub(super) fn target(
        &mut self,
        target: usize,
        groups: Option<&Categories>,
    ) -> Result<(TaskKind, Vec<f64>), TableError> {
        let told = self.told(target);
        let column = infer(self.table, target, told)?;
        if column.content == Content::Nothing {
            return Err(TableError::NoLabels { place: self.table.place_of_column(target) });
        }
        let (kind, reason) = target_reason(&column, told);
        self.report(target, kind, reason, column.missing);
        if told.is_none() && kind == ColumnKind::Regression && holds_few_integers(&column) {
            self.few_integers.push(self.table.header()[target].clone());
        }
        let binary = kind == ColumnKind::Binary;
        let column = if binary { column.with_numbers_as_classes() } else { column };
        let mut labels: Vec<f64> = match &column.content {
            Content::Numbers(values) => values.clone(),
            Content::Texts(categories) => {
                categories.codes.iter().map(|code| code.map_or(f64::NAN, f64::from)).collect()
            }
            Content::Nothing => Vec::new(),
        };
        if let Some(groups) = groups {
            let without = labels.iter_mut().zip(&groups.codes).filter(|(_, code)| code.is_none());
            without.for_each(|(label, _)| *label = f64::NAN);
            if labels.iter().all(|label| label.is_nan()) {
                return Err(self.no_groups());
            }
        }
        let kind = self.target_kind(target, &column, &labels)?;
        Ok((kind, labels))
    }

    fn no_groups(&self) -> TableError {
        let group = self.reports.iter().position(|report| report.role == ColumnRole::Group);
        TableError::NoGroups { place: self.table.place_of_column(group.unwrap_or(0)) }
    }

    fn target_kind(
        &mut self,
        target: usize,
        column: &Column,
        labels: &[f64],
    ) -> Result<TaskKind, TableError> {
        let place = || self.table.place_of_column(target);
        let mut observed = labels.iter().filter(|label| !label.is_nan());
        let first = *observed.next().unwrap_or(&f64::NAN);
        let categories = match &column.content {
            Content::Texts(categories) => Some(categories),
            _ => None,
        };
        #[expect(clippy::float_cmp, reason = "whether the very same number is repeated")]
        if observed.all(|&label| label == first) {
            let labels = labels.iter().filter(|label| !label.is_nan()).count();
            let value = match categories {
                Some(categories) => categories.levels[class_index(first)].clone(),
                None => first.to_string(),
            };
            return Err(TableError::OneValue { place: place(), value, labels });
        }
        let Some(categories) = categories else { return Ok(TaskKind::Regression) };
        let classes = categories.levels.clone();
        if classes.len() > 2 && 2 * classes.len() > column.observed() {
            if self.told(target).is_none() && 2 * column.numbers > column.observed() {
                infer(self.table, target, Some(KindOverride::Number))?; // names the text in them
            }
            return Err(TableError::TooManyClasses {
                place: place(),
                classes: classes.len(),
                labels: column.observed(),
                example: classes[0].clone(),
            });
        }
        self.note_single_labels(target, &classes, labels);
        Ok(match <[String; 2]>::try_from(classes) {
            Ok(classes) => TaskKind::Binary { classes },
            Err(classes) => TaskKind::Multiclass { classes },
        })
    }

    fn note_single_labels(&mut self, target: usize, classes: &[String], labels: &[f64]) {
        let mut counts = vec![0usize; classes.len()];
        for &label in labels.iter().filter(|label| !label.is_nan()) {
            counts[class_index(label)] += 1;
        }
        for (class, count) in classes.iter().zip(counts) {
            let name = &self.reports[target].name;
            match count {
                0 => self
                    .notes
                    .push(format!("class `{class}` of `{name}` is only in rows without a group")),
                1 => self.notes.push(format!(
                    "class `{class}` of `{name}` has a single label: it cannot be both learned and scored"
                )),
                _ => {}
            }
        }
    }
}

/// Whether the numbers could be the codes of classes.
fn holds_few_integers(column: &Column) -> bool {
    let Content::Numbers(values) = &column.content else { return false };
    let distinct = distinct_numbers(values, MOST_CODES + 1);
    distinct.len() <= MOST_CODES && distinct.iter().all(|value| value.fract() == 0.0)
}

fn target_reason(column: &Column, told: Option<KindOverride>) -> (ColumnKind, String) {
    let missing = column.texts_reason();
    match (&column.content, told) {
        (Content::Nothing, _) => (ColumnKind::Empty, "all cells are missing".into()),
        (Content::Numbers(_), Some(_)) => {
            (ColumnKind::Regression, format!("told to be a number; {}", column.numbers_reason()))
        }
        (Content::Numbers(values), None) if distinct_numbers(values, 3).len() == 2 => {
            let whole = values.iter().all(|value| value.is_nan() || value.fract() == 0.0);
            let what = if whole { "integers" } else { "numbers" };
            let reason = format!("{what} with 2 distinct values: taken as binary{missing}");
            (ColumnKind::Binary, reason)
        }
        (Content::Numbers(_), None) => (ColumnKind::Regression, column.numbers_reason()),
        (Content::Texts(Categories { levels, .. }), _) => {
            let n = levels.len();
            let kind = if n == 2 { ColumnKind::Binary } else { ColumnKind::Multiclass(n) };
            let reason = match told {
                None => counted(n, "distinct text"),
                Some(_) => format!("told to be a class; {}", counted(n, "distinct value")),
            };
            (kind, reason + &missing)
        }
    }
}
