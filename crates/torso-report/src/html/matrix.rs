//! A table of numbers whose cells are colored.

use serde::Serialize;

use super::pictures::MOST_LETTERS;
use crate::reading::shortened;

/// Names at both sides, and a cell for each two.
#[derive(Serialize)]
pub(super) struct Matrix {
    columns: Vec<String>,
    /// A row's name and its cells, one for each column.
    rows: Vec<(String, Vec<Cell>)>,
}

/// A number, and the class that colors it.
#[derive(Default, Serialize)]
pub(super) struct Cell {
    pub class: String,
    pub text: String,
}

impl Matrix {
    /// The cell of a (row, column) is what `cell` says.
    pub(super) fn new<'a>(
        rows: impl Iterator<Item = &'a String>,
        columns: impl Iterator<Item = &'a String>,
        cell: impl Fn(usize, usize) -> Cell,
    ) -> Self {
        const MOST_LETTERS_OF_COLUMN: usize = 24;
        let columns: Vec<String> =
            columns.map(|name| shortened(name, MOST_LETTERS_OF_COLUMN)).collect();
        let row = |(i, name): (usize, &String)| {
            (shortened(name, MOST_LETTERS), (0..columns.len()).map(|j| cell(i, j)).collect())
        };
        Self { rows: rows.enumerate().map(row).collect(), columns }
    }
}
