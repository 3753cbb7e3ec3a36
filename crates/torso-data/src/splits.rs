//! Where the split of a table comes from: chance, groups, times, a column, or a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use torso_core::data::{TaskData, row_index};
use torso_core::split::{Part, SplitRule};

use crate::error::TableError;
use crate::infer::{Categories, texts};
use crate::read::ReadOptions;
use crate::table::Table;
use crate::tasks::group_order;
use crate::time;

/// How the rows of a table are to be dealt to parts.
///
/// Parses from `random`, `group:COLUMN`, `time:COLUMN` and `column:COLUMN`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SplitSpec {
    /// By chance, stratified.
    #[default]
    Random,
    /// Rows with the same cell in this column stay together.
    Group(String),
    /// In the order of this column: numbers, or dates and times as ISO 8601 writes them.
    Time(String),
    /// As this column says: `train`, `validation` (`valid`, `val`, `dev`) or `test`, in any case.
    /// Rows with a missing cell are in no part.
    Column(String),
}

impl SplitSpec {
    /// The column that deals the rows, which is then no feature by itself
    /// ([`Roles::reserved`](crate::Roles::reserved)).
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Random => None,
            Self::Group(column) | Self::Time(column) | Self::Column(column) => Some(column),
        }
    }
}

impl FromStr for SplitSpec {
    type Err = TableError;

    fn from_str(text: &str) -> Result<Self, TableError> {
        match text.split_once(':') {
            None if text == "random" => Ok(Self::Random),
            Some(("group", column)) if !column.is_empty() => Ok(Self::Group(column.into())),
            Some(("time", column)) if !column.is_empty() => Ok(Self::Time(column.into())),
            Some(("column", column)) if !column.is_empty() => Ok(Self::Column(column.into())),
            _ => Err(TableError::SplitSpec { found: text.to_owned() }),
        }
    }
}

/// The rule by which the rows of `table`, of which `data` was made, are split.
///
/// # Panics
/// If `data` has another number of rows than `table`.
pub fn split_rule(
    table: &Table,
    data: &TaskData,
    spec: &SplitSpec,
) -> Result<SplitRule, TableError> {
    assert_eq!(table.n_rows(), data.n_rows(), "the data were made of another table");
    match spec {
        SplitSpec::Random => Ok(SplitRule::Random),
        SplitSpec::Group(column) => groups(table, data, table.column(column)?),
        SplitSpec::Time(column) => times(table, data, table.column(column)?),
        SplitSpec::Column(column) => {
            let column = table.column(column)?;
            check_part_words(table, column)?;
            let parts = table.cells(column).map(part_of).collect();
            Ok(SplitRule::Given(vec![parts]))
        }
    }
}

/// Reads splits from a table with the columns `row` (from 0), `rep` and `part`, one repetition
/// for each distinct `rep`. A row that a repetition does not name is left out of it.
pub fn read_splits(path: &Path, n_rows: usize) -> Result<SplitRule, TableError> {
    let table = Table::read(path, &ReadOptions::default())?;
    let (rows, reps, parts) = (table.column("row")?, table.column("rep")?, table.column("part")?);
    check_part_words(&table, parts)?;

    let Categories { levels, codes } = texts(&table, reps);
    if let Some(line) = codes.iter().position(Option::is_none) {
        let place = table.place_of_cell(line, reps);
        return Err(TableError::SplitCellMissing { place, what: "repetition" });
    }
    let position: BTreeMap<usize, usize> = group_order(&levels).into_iter().zip(0..).collect();
    let mut given = vec![vec![None; n_rows]; levels.len()];
    let mut seen = BTreeSet::new();
    for (line, rep) in codes.into_iter().flatten().enumerate() {
        let cell = table.cell(line, rows);
        let place = || table.place_of_cell(line, rows);
        let row = cell.parse().ok().filter(|&row: &usize| row < n_rows).ok_or_else(|| {
            TableError::SplitRow { place: place(), found: cell.to_owned(), n_rows }
        })?;
        if !seen.insert((rep, row)) {
            return Err(TableError::SplitRowTwice {
                place: place(),
                row: row_index(row),
                rep: levels[rep as usize].clone(),
            });
        }
        given[position[&(rep as usize)]][row] = part_of(table.cell(line, parts));
    }
    Ok(SplitRule::Given(given))
}

fn groups(table: &Table, data: &TaskData, column: usize) -> Result<SplitRule, TableError> {
    let Categories { codes, .. } = texts(table, column);
    check_labeled_rows(table, data, column, "group", |row| codes[row].is_none())?;
    // Rows without a label are never dealt; any group will do for them.
    Ok(SplitRule::Groups(codes.into_iter().map(|code| code.unwrap_or(0)).collect()))
}

fn times(table: &Table, data: &TaskData, column: usize) -> Result<SplitRule, TableError> {
    let is_missing = |row| table.is_missing(table.cell(row, column));
    check_labeled_rows(table, data, column, "time", is_missing)?;
    let mut observed = table.cells(column).filter(|cell| !table.is_missing(cell));
    // All numbers or all dates: the two have no common order.
    let first_is_number = observed.next().is_some_and(|first| number(first).is_some());
    let (parse, expected): (fn(&str) -> Option<f64>, _) = if first_is_number {
        (number, "number, as in the first row")
    } else {
        (time::parse, "number or a date such as `2024-05-31 18:30`")
    };
    let time = |(row, cell): (usize, &str)| match parse(cell) {
        Some(time) => Ok(time),
        None if table.is_missing(cell) => Ok(f64::NAN),
        None => Err(TableError::Time {
            place: table.place_of_cell(row, column),
            expected,
            found: cell.to_owned(),
        }),
    };
    Ok(SplitRule::Time(table.cells(column).enumerate().map(time).collect::<Result<_, _>>()?))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn check_labeled_rows(
    table: &Table,
    data: &TaskData,
    column: usize,
    what: &'static str,
    is_missing: impl Fn(usize) -> bool,
) -> Result<(), TableError> {
    match data.labeled_rows().into_iter().find(|&row| is_missing(row as usize)) {
        Some(row) => {
            let place = table.place_of_cell(row as usize, column);
            Err(TableError::SplitCellMissing { place, what })
        }
        None => Ok(()),
    }
}

fn check_part_words(table: &Table, column: usize) -> Result<(), TableError> {
    let is_other = |cell: &str| part_of(cell).is_none() && !table.is_missing(cell);
    let Some(first) = table.cells(column).position(is_other) else { return Ok(()) };
    let words: BTreeSet<&str> = table.cells(column).filter(|cell| is_other(cell)).collect();
    Err(TableError::Parts {
        place: table.place_of_cell(first, column),
        words: words.into_iter().map(String::from).collect(),
    })
}

pub(crate) fn part_of(word: &str) -> Option<Part> {
    match word.to_ascii_lowercase().as_str() {
        "train" => Some(Part::Train),
        "validation" | "valid" | "val" | "dev" => Some(Part::Validation),
        "test" => Some(Part::Test),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
