//! The rows of a block, cell by cell into the design.

use torso_core::data::row_index;
use torso_core::features::Design;

use super::{Chunk, FeatureColumn, Schema, UnseenLevels, Use};
use crate::error::{Place, TableError};
use crate::infer::{Cell, cell_of};
use crate::preprocess::{Encoding, Level};
use crate::stream::Block;
use crate::stream::records::Cursor;
use crate::table::Cells;

/// Goes over the rows of a block.
pub struct Rows<'a> {
    schema: &'a Schema,
    block: &'a Block,
    cursor: Cursor<'a>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(schema: &'a Schema, block: &'a Block) -> Self {
        let cursor = Cursor::new(&block.text, schema.delimiter, schema.plain_numbers);
        Self { schema, block, cursor }
    }

    /// At most so many rows; `None` at the end of the block.
    pub fn next_chunk(&mut self, most: usize) -> Result<Option<Chunk>, TableError> {
        let schema = self.schema;
        let width = schema.design_names.len();
        let mut values = Vec::with_capacity(most * width);
        let mut texts = vec![Cells::default(); schema.n_texts];
        let mut unseen = vec![(0, String::new()); schema.features.len()];
        let mut starts = Vec::new();
        while starts.len() < most
            && let Some(start) = self.cursor.record()
        {
            let filled = values.len();
            values.resize(filled + width, 0.0);
            self.read_row(start, &mut values[filled..], &mut texts, &mut unseen)?;
            starts.push(row_index(start));
        }
        if starts.is_empty() {
            return Ok(None);
        }
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

    fn read_row(
        &mut self,
        start: usize,
        row: &mut [f64],
        texts: &mut [Cells],
        unseen: &mut [(u64, String)],
    ) -> Result<(), TableError> {
        let schema = self.schema;
        for (column, Use { feature, texts: kept }) in schema.uses.iter().enumerate() {
            let feature = feature.map(|at| (&schema.features[at], &mut unseen[at]));
            let is_last = match feature {
                None if kept.is_empty() => self.cursor.skip(),
                Some((feature, _))
                    if kept.is_empty()
                        && let Encoding::Numeric(scaling) = feature.encoding.encoding
                        && let Some((value, is_last)) = self.cursor.number() =>
                {
                    feature.encoding.write_number(scaling, value, &mut row[feature.first..]);
                    is_last
                }
                feature => {
                    let (cell, is_last) = self.cursor.cell();
                    if !kept.iter().all(|&text| texts[text].push(cell)) {
                        let place = schema.place(self.block, start, column);
                        return Err(TableError::TooLarge { place });
                    }
                    if let Some((feature, unseen)) = feature {
                        feature.write(cell, &schema.missing, row, unseen).map_err(|bad| {
                            bad.error(schema.place(self.block, start, column), cell)
                        })?;
                    }
                    is_last
                }
            };
            if is_last != (column + 1 == schema.uses.len()) {
                return Err(self.ragged(start));
            }
        }
        Ok(())
    }

    fn ragged(&self, start: usize) -> TableError {
        let mut cursor = Cursor::new(&self.block.text[start..], self.schema.delimiter, false);
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
            place: Place {
                line: Some(self.block.line_at(start)),
                ..Place::file(&self.schema.file)
            },
            expected: self.schema.header.len(),
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
