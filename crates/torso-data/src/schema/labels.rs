//! Labels of a model's tasks in a table, for scoring.

use std::collections::BTreeMap;

use torso_core::data::TaskKind;

use super::dictionary::Dictionary;
use super::rows::number;
use crate::error::{Place, TableError};
use crate::preprocess::Level;

/// The labels of one task in some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// One per row, `NaN` where it is missing; a class is its position.
    pub values: Vec<f64>,
    /// Cells that name no class, by their text; their value is `NaN` too.
    pub unknown: BTreeMap<String, UnknownClass>,
}

/// Cells of one text that names no class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClass {
    /// Where the first one is.
    pub place: Place,
    /// The number of cells.
    pub cells: u64,
}

/// Reads labels from the cells of a target; `place` says where the cell of a row is.
pub(super) fn read<'a>(
    kind: &TaskKind,
    cells: impl Iterator<Item = &'a str>,
    missing: &[String],
    place: impl Fn(usize) -> Place,
) -> Result<Labels, TableError> {
    let mut unknown: BTreeMap<String, UnknownClass> = BTreeMap::new();
    let classes = Dictionary::of_classes(kind.classes());
    let mut label = |(row, cell): (usize, &str)| {
        if *kind == TaskKind::Regression {
            return number(cell, missing).map_err(|bad| bad.error(place(row), cell));
        }
        Ok(match classes.find(cell, missing) {
            Some(Level::At(class)) => class as f64,
            Some(_) => f64::NAN,
            None => {
                let first = || UnknownClass { place: place(row), cells: 0 };
                unknown.entry(cell.to_owned()).or_insert_with(first).cells += 1;
                f64::NAN
            }
        })
    };
    let values = cells.enumerate().map(&mut label).collect::<Result<_, _>>()?;
    Ok(Labels { values, unknown })
}
