//! A table of text cells: what the file holds, before anything is taken to mean anything.

use crate::error::{Place, TableError};
use crate::roles::Roles;

/// Cell spellings that are missing in every column.
const MISSING: [&str; 11] =
    ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None"];

/// A table as read: a header and text cells, column by column.
///
/// Spaces around a cell are trimmed. A cell is missing when it is empty or spelled `NA`, `N/A`,
/// `n/a`, `#N/A`, `<NA>`, `NaN`, `nan`, `null`, `NULL` or `None`, or as
/// [`ReadOptions`](crate::ReadOptions) say; `?`, `-` and `.` are missing only where the rest of
/// their column is numeric, for in a column of texts they can be values.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) blake3: String,
    pub(crate) header: Vec<String>,
    pub(crate) columns: Vec<Cells>,
    pub(crate) lines: Vec<u32>,
    pub(crate) missing: Vec<String>,
}

impl Table {
    /// The palmerpenguins: 344 rows, 8 columns, 19 missing cells (see `data/README.md` for the
    /// sources to cite).
    ///
    /// # Panics
    /// Never: the file is part of this crate.
    pub fn penguins() -> Self {
        let bytes = include_str!("../data/penguins.csv").as_bytes();
        Self::from_bytes("penguins.csv", bytes, &crate::ReadOptions::default())
            .expect("the embedded table is valid")
    }

    /// What [`Table::penguins`] is for: species, sex and body mass from the island and the bill
    /// and flipper sizes.
    pub fn penguins_roles() -> Roles {
        let features = ["island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm"];
        Roles {
            features: Some(features.map(String::from).to_vec()),
            ..Roles::columns(["species", "sex", "body_mass_g"])
        }
    }

    /// The table's name: the file's, without its extensions.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file as it was named by the caller, for messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The hash of the bytes as they were on disk, in hexadecimal.
    pub fn blake3(&self) -> &str {
        &self.blake3
    }

    /// The names of the columns; all differ.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The number of rows, without the header.
    pub fn n_rows(&self) -> usize {
        self.lines.len()
    }

    /// The cell in a row and a column, both from 0.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        self.columns[column].get(row)
    }

    /// The cells of a column, in the order of the rows.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn cells(&self, column: usize) -> impl ExactSizeIterator<Item = &str> {
        let cells = &self.columns[column];
        (0..cells.ends.len()).map(|row| cells.get(row))
    }

    /// The line of the file in which a row begins, from 1.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn line(&self, row: usize) -> u32 {
        self.lines[row]
    }

    /// The position of the column of this name.
    pub fn column(&self, name: &str) -> Result<usize, TableError> {
        self.header
            .iter()
            .position(|column| column == name)
            .ok_or_else(|| TableError::no_such_column(self, name))
    }

    /// Whether a cell is missing, whatever its column holds.
    pub fn is_missing(&self, cell: &str) -> bool {
        is_missing(cell, &self.missing)
    }

    pub(crate) fn place_of_column(&self, column: usize) -> Place {
        Place { column: Some(self.header[column].clone()), ..Place::file(&self.file) }
    }

    pub(crate) fn place_of_cell(&self, row: usize, column: usize) -> Place {
        Place { line: Some(self.lines[row]), ..self.place_of_column(column) }
    }
}

/// Whether a cell is missing; `further` are spellings of it beside the usual ones.
pub(crate) fn is_missing(cell: &str, further: &[String]) -> bool {
    MISSING.contains(&cell) || further.iter().any(|spelling| spelling == cell)
}

/// The cells of one column, one behind the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cells {
    text: String,
    /// Where each cell ends in `text`; four bytes a cell, where a `String` would take 24.
    ends: Vec<u32>,
}

impl Cells {
    /// Adds a cell; false when the column would hold more than 4 GiB of text.
    pub(crate) fn push(&mut self, cell: &str) -> bool {
        self.text.push_str(cell);
        match u32::try_from(self.text.len()) {
            Ok(end) => self.ends.push(end),
            Err(_) => return false,
        }
        true
    }

    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// The cell in a row.
    pub(crate) fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start as usize..self.ends[row] as usize]
    }
}
