//! The rows of a block, cell by cell into the design.

use std::ops::Range;

use torso_core::data::row_index;
use torso_core::features::Design;

use super::{Chunk, FeatureColumn, Schema, UnseenLevels, Use};
use crate::error::{Place, TableError};
use crate::infer::{Cell, cell_of};
use crate::preprocess::{Encoding, Level};
use crate::stream::records::Cursor;
use crate::stream::{Block, BlockRows, TextBlock};
use crate::table::{Cells, Column, Table};

/// Goes over the rows of a block.
pub struct Rows<'a> {
    schema: &'a Schema,
    block: &'a Block,
    source: Source<'a>,
}

/// Where the rows come from.
enum Source<'a> {
    Text(&'a TextBlock, Cursor<'a>),
    Images(&'a Table, Range<usize>),
}

/// What the cells of a row become, but for the design.
struct Kept {
    texts: Vec<Cells>,
    /// For each feature, cells of unseen levels, and the first of them.
    unseen: Vec<(u64, String)>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(schema: &'a Schema, block: &'a Block) -> Self {
        let source = match &block.0 {
            BlockRows::Text(text) => {
                let cursor = Cursor::new(&text.text, schema.delimiter, schema.plain_numbers);
                Source::Text(text, cursor)
            }
            BlockRows::Images(table, rows) => Source::Images(table, rows.clone()),
        };
        Self { schema, block, source }
    }

    /// At most so many rows; `None` at the end of the block.
    pub fn next_chunk(&mut self, most: usize) -> Result<Option<Chunk>, TableError> {
        let schema = self.schema;
        let width = schema.design_names.len();
        let mut values = Vec::with_capacity(most * width);
        let mut kept = Kept {
            texts: vec![Cells::default(); schema.n_texts],
            unseen: vec![(0, String::new()); schema.features.len()],
        };
        let mut starts = Vec::new();
        while starts.len() < most
            && let Some(start) = self.source.next_row()
        {
            let filled = values.len();
            values.resize(filled + width, 0.0);
            let row = &mut values[filled..];
            match &mut self.source {
                Source::Text(text, cursor) => {
                    let place = |column| schema.place(self.block, start, column);
                    let is_whole = schema.read_row(cursor, row, &mut kept, place)?;
                    if !is_whole {
                        return Err(schema.ragged(text, start));
                    }
                }
                Source::Images(table, _) => schema.read_image(table, start, row, &mut kept)?,
            }
            starts.push(row_index(start));
        }
        if starts.is_empty() {
            return Ok(None);
        }
        let Kept { texts, unseen } = kept;
        let design = Design::new(schema.design_names.clone(), starts.len(), values);
        let design = design.with_image(schema.image);
        let named = schema.features.iter().zip(unseen).filter(|(_, (cells, _))| *cells > 0);
        let unseen = named.map(|(feature, (cells, example))| UnseenLevels {
            column: feature.encoding.name.clone(),
            cells,
            example,
        });
        Ok(Some(Chunk { design, unseen: unseen.collect(), texts, starts }))
    }
}

impl Source<'_> {
    /// Where the next row is: its place in the text, or its number in the table.
    fn next_row(&mut self) -> Option<usize> {
        match self {
            Self::Text(_, cursor) => cursor.record(),
            Self::Images(_, rows) => rows.next(),
        }
    }
}

impl Schema {
    /// Reads a record; false where it has more or fewer cells than the header.
    fn read_row(
        &self,
        cursor: &mut Cursor,
        row: &mut [f64],
        kept: &mut Kept,
        place: impl Fn(usize) -> Place,
    ) -> Result<bool, TableError> {
        for (column, Use { feature, texts }) in self.uses.iter().enumerate() {
            let is_last = match feature.map(|at| &self.features[at]) {
                None if texts.is_empty() => cursor.skip(),
                Some(feature)
                    if texts.is_empty()
                        && let Encoding::Numeric(scaling) = feature.encoding.encoding
                        && let Some((value, is_last)) = cursor.number() =>
                {
                    feature.encoding.write_number(scaling, value, &mut row[feature.first..]);
                    is_last
                }
                _ => {
                    let (cell, is_last) = cursor.cell();
                    self.read_cell(column, cell, row, kept, &place)?;
                    is_last
                }
            };
            if is_last != (column + 1 == self.uses.len()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads a row of images and labels: numbers of a byte need no reading.
    fn read_image(
        &self,
        table: &Table,
        number: usize,
        row: &mut [f64],
        kept: &mut Kept,
    ) -> Result<(), TableError> {
        let place = |column| table.place_of_cell(number, column);
        for (column, Use { feature, texts }) in self.uses.iter().enumerate() {
            match feature.map(|at| &self.features[at]) {
                None if texts.is_empty() => {}
                Some(feature)
                    if texts.is_empty()
                        && self.plain_numbers
                        && let Encoding::Numeric(scaling) = feature.encoding.encoding
                        && let Column::Bytes(bytes) = &table.columns[column] =>
                {
                    let value = f64::from(bytes[number]);
                    feature.encoding.write_number(scaling, value, &mut row[feature.first..]);
                }
                _ => self.read_cell(column, table.cell(number, column), row, kept, &place)?,
            }
        }
        Ok(())
    }

    /// Reads the text of a cell.
    fn read_cell(
        &self,
        column: usize,
        cell: &str,
        row: &mut [f64],
        kept: &mut Kept,
        place: &impl Fn(usize) -> Place,
    ) -> Result<(), TableError> {
        let Use { feature, texts } = &self.uses[column];
        if !texts.iter().all(|&text| kept.texts[text].push(cell)) {
            return Err(TableError::TooLarge { place: place(column) });
        }
        let Some(at) = *feature else { return Ok(()) };
        self.features[at]
            .write(cell, &self.missing, row, &mut kept.unseen[at])
            .map_err(|bad| bad.error(place(column), cell))
    }

    fn ragged(&self, block: &TextBlock, start: usize) -> TableError {
        let mut cursor = Cursor::new(&block.text[start..], self.delimiter, false);
        let mut found = 1;
        let mut quoted_lines = false;
        let mut count = || {
            let (cell, is_last) = cursor.cell();
            quoted_lines |= cell.contains(['\r', '\n']);
            is_last
        };
        while !count() {
            found += 1;
        }
        TableError::Ragged {
            place: Place { line: Some(block.line_at(start)), ..Place::file(&self.file) },
            expected: self.header.len(),
            found,
            quoted_lines,
        }
    }
}

/// Why a cell cannot be used.
pub(super) enum BadCell {
    Text,
    Infinite,
}

impl BadCell {
    pub(super) fn error(&self, place: Place, cell: &str) -> TableError {
        let found = cell.to_owned();
        match self {
            Self::Text => TableError::NotANumber { place, found },
            Self::Infinite => TableError::Infinite { place, found },
        }
    }
}

/// A cell among numbers, `NaN` where it is missing.
pub(super) fn number(cell: &str, missing: &[String]) -> Result<f64, BadCell> {
    match cell_of(cell, missing) {
        Cell::Missing | Cell::Placeholder => Ok(f64::NAN),
        Cell::Number(value) if value.is_finite() => Ok(value),
        Cell::Number(_) => Err(BadCell::Infinite),
        Cell::Text => Err(BadCell::Text),
    }
}

impl FeatureColumn {
    /// Writes what a cell becomes into its row of the design.
    fn write(
        &self,
        cell: &str,
        missing: &[String],
        row: &mut [f64],
        (unseen, example): &mut (u64, String),
    ) -> Result<(), BadCell> {
        let into = &mut row[self.first..];
        match &self.encoding.encoding {
            Encoding::Numeric(scaling) => {
                self.encoding.write_number(*scaling, number(cell, missing)?, into);
            }
            Encoding::OneHot { levels, .. } => {
                let level = self.levels.find(cell, missing).unwrap_or_else(|| {
                    if *unseen == 0 {
                        example.push_str(cell);
                    }
                    *unseen += 1;
                    Level::Without
                });
                self.encoding.write_level(levels.len(), level, into);
            }
        }
        Ok(())
    }
}
