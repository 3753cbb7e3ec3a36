//! Features: which columns can be one, and their values.

use torso_core::features::{Feature, FeatureValues, Features, ImageShape};

use super::columns::{ColumnKind, ColumnReport, counted};
use super::{Preparing, some_names};
use crate::error::TableError;
use crate::infer::{Categories, Column, Content, infer};
use crate::roles::ColumnRole;
use crate::splits::part_of;
use crate::time;

/// A feature of texts with more levels than this may be an id.
pub(crate) const ID_LEVELS: usize = 50;

impl Preparing<'_> {
    pub(super) fn features(&mut self) -> Result<Features, TableError> {
        let wanted = self.roles.features.as_ref().map(|names| {
            names.iter().map(|name| self.table.column(name)).collect::<Result<Vec<_>, _>>()
        });
        let positions = match wanted {
            Some(listed) => listed?, // in the order in which they are listed
            None => (0..self.reports.len())
                .filter(|&column| self.reports[column].role == ColumnRole::Feature)
                .collect(),
        };
        let mut columns = Vec::with_capacity(positions.len());
        for &position in &positions {
            let column = infer(self.table, position, self.told(position))?;
            if let Some(values) = self.feature(position, column) {
                columns.push(Feature { name: self.table.header()[position].clone(), values });
            }
        }
        if columns.is_empty() {
            return Err(self.no_features(&positions));
        }
        let image = self.image(&columns)?;
        self.note_missing_cells(image.is_some());
        Ok(Features { columns, image })
    }

    /// The shape of the image whose pixels the features are, if they are.
    fn image(&mut self, features: &[Feature]) -> Result<Option<ImageShape>, TableError> {
        let file = || self.table.file().to_owned();
        if let (Some(expected), Some(found)) = (self.roles.image, self.table.image())
            && expected != found
        {
            return Err(TableError::OtherImages { file: file(), expected, found });
        }
        if let Some(shape) = self.roles.image {
            let is_number = |f: &&Feature| matches!(f.values, FeatureValues::Numeric(_));
            let (numbers, others): (Vec<_>, Vec<_>) = features.iter().partition(is_number);
            if numbers.len() != shape.n_columns() || !others.is_empty() {
                let others = others.into_iter().map(|feature| feature.name.clone()).collect();
                let numbers = numbers.len();
                return Err(TableError::NotAnImage { file: file(), shape, numbers, others });
            }
            return Ok(Some(shape));
        }
        let Some(shape) = self.table.image() else { return Ok(None) };
        let pixels = &self.table.header()[..shape.n_columns()];
        if features.iter().map(|feature| &feature.name).eq(pixels) {
            return Ok(Some(shape));
        }
        self.notes.push("features are not all pixels in their order: taken as no image".into());
        Ok(None)
    }

    /// The cells of a feature, or `None` and a note where it is left out.
    fn feature(&mut self, position: usize, column: Column) -> Option<FeatureValues> {
        let name = &self.table.header()[position];
        let missing = column.missing;
        let (kind, reason) = feature_reason(&column, self.told(position).is_some());
        let values = match (kind, column.content) {
            (ColumnKind::Number, Content::Numbers(values)) => {
                if counts_rows(&values) {
                    self.notes.push(format!(
                        "feature `{name}` only counts the rows: leave it out if it is an id"
                    ));
                }
                Some(FeatureValues::Numeric(values))
            }
            (ColumnKind::Categories(_), Content::Texts(Categories { levels, codes })) => {
                if levels.iter().all(|level| part_of(level).is_some()) {
                    self.notes.push(format!(
                        "feature `{name}` names the parts of a split: leave it out, or split by it"
                    ));
                }
                Some(FeatureValues::Categorical { levels, codes })
            }
            _ => {
                self.notes.push(format!("feature `{name}` is left out: {reason}"));
                self.reports[position].role = ColumnRole::LeftOut;
                None
            }
        };
        self.report(position, kind, reason, missing);
        values
    }

    fn note_missing_cells(&mut self, is_image: bool) {
        let has_holes =
            |report: &&ColumnReport| report.role == ColumnRole::Feature && report.missing > 0;
        let names: Vec<String> =
            self.reports.iter().filter(has_holes).map(|report| report.name.clone()).collect();
        if !names.is_empty() {
            let names = some_names("feature", &names);
            let flagged = if is_image { "" } else { " and flagged" };
            self.notes.push(format!("missing cells are filled{flagged}: {names}"));
        }
    }

    fn no_features(&self, positions: &[usize]) -> TableError {
        let file = self.table.file().to_owned();
        let names: Vec<String> =
            positions.iter().map(|&column| self.table.header()[column].clone()).collect();
        let all_empty = positions.iter().all(|&at| self.reports[at].kind == ColumnKind::Empty);
        if all_empty && !names.is_empty() {
            TableError::FeaturesMissing { file, columns: names }
        } else {
            TableError::NoFeatures { file, left_out: names }
        }
    }
}

/// What a feature is, and why; only numbers and categories are of use.
fn feature_reason(column: &Column, told: bool) -> (ColumnKind, String) {
    let levels = match &column.content {
        Content::Nothing => return (ColumnKind::Empty, "all cells are missing".to_owned()),
        Content::Numbers(_) => return (ColumnKind::Number, column.numbers_reason()),
        Content::Texts(Categories { levels, .. }) => levels,
    };
    let (n, observed, rest) = (levels.len(), column.observed(), column.texts_reason());
    if !told && levels.iter().all(|level| time::is_date(level)) {
        (ColumnKind::Dates, format!("dates order rows, but are no feature{rest}"))
    } else if !told && n > ID_LEVELS && 2 * n > observed {
        let reason = format!("an id or free text: {n} distinct texts in {observed} cells{rest}");
        (ColumnKind::Text, reason)
    } else {
        (ColumnKind::Categories(n), format!("{}{rest}", counted(n, "distinct text")))
    }
}

/// Whether each number is the one before plus 1, as in a column that a program added.
pub(crate) fn counts_rows(values: &[f64]) -> bool {
    #[expect(clippy::float_cmp, reason = "whole numbers, or the answer is no anyway")]
    let next = |pair: &[f64]| pair[0] + 1.0 == pair[1];
    values.len() > 20 && values.windows(2).all(next)
}
