//! The cells of a column: texts one behind the other, or bytes.

use std::sync::LazyLock;

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    /// As texts.
    Texts(Cells),
    /// As numbers of a byte each; the text of a cell is the number in decimals.
    Bytes(Vec<u8>),
}

impl Column {
    /// The number of cells.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Texts(cells) => cells.ends.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// The text of the cell in a row.
    pub(crate) fn get(&self, row: usize) -> &str {
        match self {
            Self::Texts(cells) => cells.get(row),
            Self::Bytes(bytes) => decimal(bytes[row]),
        }
    }
}

/// A byte in decimals.
pub(crate) fn decimal(byte: u8) -> &'static str {
    static DECIMALS: LazyLock<Vec<String>> =
        LazyLock::new(|| (0..=u8::MAX).map(|byte| byte.to_string()).collect());
    &DECIMALS[usize::from(byte)]
}

/// Texts, one behind the other.
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

    /// Gives back the memory that is not used.
    pub(crate) fn shrunk(mut self) -> Self {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self
    }

    /// The cell in a row.
    pub(crate) fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start as usize..self.ends[row] as usize]
    }
}
