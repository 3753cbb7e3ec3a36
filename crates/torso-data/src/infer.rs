//! What a column holds: numbers, texts or nothing, found out from all of its cells.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::TableError;
use crate::roles::KindOverride;
use crate::table::{self, Table, decimal, is_missing};

/// Cells that are missing where the rest of their column is numeric.
const PLACEHOLDERS: [&str; 3] = ["?", "-", "."];

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Numbers, `NaN` where the cell is missing.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Categories),
    /// Only missing cells.
    Nothing,
}

/// Distinct values and which of them each row has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Categories {
    /// The distinct values, sorted.
    pub(crate) levels: Vec<String>,
    /// An index into `levels` per row, `None` where the cell is missing.
    pub(crate) codes: Vec<Option<u32>>,
}

/// A column with what was found out about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) content: Content,
    pub(crate) n_rows: usize,
    pub(crate) missing: usize,
    /// Cells that are numbers, in a column of texts too.
    pub(crate) numbers: usize,
    /// Other spellings of missing cells than the empty cell.
    spellings: BTreeSet<String>,
}

impl Column {
    /// The number of cells that are not missing.
    pub(crate) fn observed(&self) -> usize {
        self.n_rows - self.missing
    }

    /// `all 344 cells are numbers`, or `342 of 344 cells are numbers, 2 are missing (NA)`.
    pub(crate) fn numbers_reason(&self) -> String {
        let (observed, n_rows) = (self.observed(), self.n_rows);
        match self.missing {
            0 => format!("all {n_rows} cells are numbers"),
            _ => format!("{observed} of {n_rows} cells are numbers{}", self.missing_reason()),
        }
    }

    /// `, 150 are numbers, 2 are missing (NA)`, for a column of texts; empty where none is.
    pub(crate) fn texts_reason(&self) -> String {
        let numbers = match self.numbers {
            0 => String::new(),
            all if all == self.observed() => String::new(), // told to be classes
            1 => ", 1 is a number".to_owned(),
            some => format!(", {some} are numbers"),
        };
        numbers + &self.missing_reason()
    }

    /// `, 2 are missing (NA)`; empty where none is.
    fn missing_reason(&self) -> String {
        let spelled: Vec<String> = self.spellings.iter().map(|text| format!("`{text}`")).collect();
        let spelled =
            if spelled.is_empty() { String::new() } else { format!(" ({})", spelled.join(", ")) };
        match self.missing {
            0 => String::new(),
            1 => format!(", 1 is missing{spelled}"),
            missing => format!(", {missing} are missing{spelled}"),
        }
    }

    /// The same column with its numbers as classes, in the order of the numbers.
    pub(crate) fn with_numbers_as_classes(mut self) -> Self {
        if let Content::Numbers(values) = self.content {
            let mut distinct: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
            distinct.sort_by(|a, b| compare(*a, *b));
            distinct.dedup_by(|a, b| compare(*a, *b).is_eq());
            let code = |value: f64| distinct.binary_search_by(|probe| compare(*probe, value)).ok();
            let codes = values.iter().map(|&value| code(value).map(torso_core::data::row_index));
            self.content = Content::Texts(Categories {
                codes: codes.collect(),
                levels: distinct.iter().map(ToString::to_string).collect(),
            });
        }
        self
    }
}

/// Finds out what a column holds, or takes what `told` says.
///
/// A column is numeric when all cells that are not missing are numbers. One that is numeric but
/// for at most a tenth of its cells is refused, with its first text: taken as texts, it would be
/// learned as hundreds of categories because of a typing error.
pub(crate) fn infer(
    table: &Table,
    column: usize,
    told: Option<KindOverride>,
) -> Result<Column, TableError> {
    let scan = Scan::of(table, column);
    let (n_rows, numbers) = (table.n_rows(), scan.numbers);
    if scan.numbers + scan.texts == 0 {
        let (content, spellings) = (Content::Nothing, BTreeSet::new());
        return Ok(Column { content, n_rows, missing: n_rows, numbers, spellings });
    }
    let numeric = match told {
        Some(KindOverride::Number) => true,
        Some(KindOverride::Class) => scan.texts == 0,
        None => scan.numbers >= 9 * scan.texts,
    };
    if !numeric {
        let spellings = scan.missing.into_iter().map(String::from).collect();
        let categories = texts(table, column);
        let missing = categories.codes.iter().filter(|code| code.is_none()).count();
        return Ok(Column {
            content: Content::Texts(categories),
            n_rows,
            missing,
            numbers,
            spellings,
        });
    }
    scan.check_numbers(table, column)?;
    let spellings = scan.missing.union(&scan.placeholders).map(ToString::to_string).collect();
    let content = Content::Numbers(scan.values);
    let column = Column { content, n_rows, missing: n_rows - numbers, numbers, spellings };
    Ok(if told == Some(KindOverride::Class) { column.with_numbers_as_classes() } else { column })
}

/// The texts of a column, whatever they look like: for columns that name groups or parts.
pub(crate) fn texts(table: &Table, column: usize) -> Categories {
    let cells =
        || table.cells(column).map(|cell| Some(cell).filter(|cell| !table.is_missing(cell)));
    let distinct: BTreeSet<&str> = cells().flatten().collect();
    let code: BTreeMap<&str, u32> = distinct.iter().copied().zip(0..).collect();
    Categories {
        codes: cells().map(|cell| cell.and_then(|text| code.get(text).copied())).collect(),
        levels: distinct.into_iter().map(String::from).collect(),
    }
}

/// The distinct numbers, ascending, but no more than `limit` of them.
pub(crate) fn distinct_numbers(values: &[f64], limit: usize) -> Vec<f64> {
    let mut distinct: Vec<f64> = Vec::new();
    for &value in values.iter().filter(|value| !value.is_nan()) {
        if let Err(at) = distinct.binary_search_by(|probe| compare(*probe, value)) {
            distinct.insert(at, value);
            if distinct.len() > limit {
                break;
            }
        }
    }
    distinct.truncate(limit);
    distinct
}

/// As numbers compare: -0 is 0. `NaN`, which is no label, is never found.
fn compare(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Less)
}

/// One look over a column.
#[derive(Debug, Default)]
struct Scan<'a> {
    /// One per cell, `NaN` where it is no number.
    values: Vec<f64>,
    numbers: usize,
    texts: usize,
    first_text: Option<usize>,
    first_infinite: Option<usize>,
    /// The spellings of missing cells, but for the empty one.
    missing: BTreeSet<&'a str>,
    /// Cells such as `?` that are missing among numbers.
    placeholders: BTreeSet<&'a str>,
}

/// What a cell is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell {
    /// Missing, whatever its column holds.
    Missing,
    /// Missing among numbers, a text among texts.
    Placeholder,
    /// A number, perhaps infinite, but never -0.
    Number(f64),
    /// Anything else.
    Text,
}

impl<'a> Scan<'a> {
    fn of(table: &'a Table, column: usize) -> Self {
        let mut scan = Self { values: Vec::with_capacity(table.n_rows()), ..Self::default() };
        if let table::Column::Bytes(bytes) = &table.columns[column] {
            // What a byte is as a cell is found out once.
            let cells = (0..=u8::MAX).map(|byte| cell_of(decimal(byte), &table.missing));
            let cells: Vec<Cell> = cells.collect();
            for &byte in bytes {
                scan.add(decimal(byte), cells[usize::from(byte)]);
            }
        } else {
            for text in table.cells(column) {
                scan.add(text, cell_of(text, &table.missing));
            }
        }
        scan
    }

    /// Adds the cell of the next row.
    fn add(&mut self, text: &'a str, cell: Cell) {
        let row = self.values.len();
        match cell {
            Cell::Missing if text.is_empty() => {}
            Cell::Missing => _ = self.missing.insert(text),
            Cell::Placeholder => _ = self.placeholders.insert(text),
            Cell::Number(value) => {
                self.numbers += 1;
                if value.is_infinite() {
                    self.first_infinite.get_or_insert(row);
                }
            }
            Cell::Text => {
                self.texts += 1;
                self.first_text.get_or_insert(row);
            }
        }
        self.values.push(if let Cell::Number(value) = cell { value } else { f64::NAN });
    }

    fn check_numbers(&self, table: &Table, column: usize) -> Result<(), TableError> {
        let found = |row: usize| table.cell(row, column).to_owned();
        if let Some(row) = self.first_text {
            return Err(TableError::TextInNumbers {
                place: table.place_of_cell(row, column),
                found: found(row),
                texts: self.texts,
                numbers: self.numbers,
            });
        }
        if let Some(row) = self.first_infinite {
            let place = table.place_of_cell(row, column);
            return Err(TableError::Infinite { place, found: found(row) });
        }
        Ok(())
    }
}

/// What a cell is, with these spellings of missing ones beside the usual.
pub(crate) fn cell_of(cell: &str, further: &[String]) -> Cell {
    if is_missing(cell, further) {
        return Cell::Missing;
    }
    match cell.parse::<f64>() {
        Ok(value) if value.is_nan() => Cell::Placeholder, // `NAN`, `-nan`
        Ok(value) => Cell::Number(value + 0.0),           // -0 becomes 0
        Err(_) if PLACEHOLDERS.contains(&cell) => Cell::Placeholder,
        Err(_) => Cell::Text,
    }
}

#[cfg(test)]
mod tests;
