//! A table of text cells: what the file holds, before anything is taken to mean anything.

use torso_core::features::ImageShape;

use crate::error::{Place, TableError};
use crate::roles::Roles;

mod column;

pub(crate) use column::{Cells, Column, decimal};

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
    pub(crate) columns: Vec<Column>,
    /// Where each row begins; empty where the file has no lines.
    pub(crate) lines: Vec<u32>,
    pub(crate) missing: Vec<String>,
    /// Where the rows are images.
    pub(crate) images: Option<Images>,
}

/// Images as rows: first their pixels, then a column for each file of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Images {
    pub(crate) shape: ImageShape,
    pub(crate) label_files: Vec<String>,
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
        self.columns.first().map_or(0, Column::len)
    }

    /// The shape of the images that the rows are, if they come from a file of images.
    pub fn image(&self) -> Option<ImageShape> {
        self.images.as_ref().map(|images| images.shape)
    }

    /// The names of the columns that are labels of images; none in any other table.
    pub fn label_columns(&self) -> &[String] {
        match self.image() {
            Some(shape) => &self.header[shape.n_columns()..],
            None => &[],
        }
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
        (0..cells.len()).map(|row| cells.get(row))
    }

    /// The line of the file in which a row begins, from 1; none in a file without lines.
    pub fn line(&self, row: usize) -> Option<u32> {
        self.lines.get(row).copied()
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
        Place { column: Some(self.header[column].clone()), ..Place::file(self.file_of(column)) }
    }

    /// The file that a column comes from.
    fn file_of(&self, column: usize) -> &str {
        let labels = self.images.as_ref().and_then(|images| {
            images.label_files.get(column.checked_sub(images.shape.n_columns())?)
        });
        labels.unwrap_or(&self.file)
    }

    pub(crate) fn place_of_cell(&self, row: usize, column: usize) -> Place {
        let (line, without_lines) = (self.line(row), self.lines.is_empty());
        let row = without_lines.then(|| torso_core::data::row_index(row));
        Place { line, row, ..self.place_of_column(column) }
    }
}

/// Whether a cell is missing; `further` are spellings of it beside the usual ones.
pub(crate) fn is_missing(cell: &str, further: &[String]) -> bool {
    MISSING.contains(&cell) || further.iter().any(|spelling| spelling == cell)
}
