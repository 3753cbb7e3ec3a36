//! From a table that is read in blocks to the design that a model predicts from.
//!
//! What each column means is known from training: nothing is inferred from the table, so its rows
//! give the same numbers whatever rows are beside them.

use torso_core::data::TaskKind;
use torso_core::features::{Design, ImageShape};

use crate::error::{Place, TableError};
use crate::preprocess::{ColumnEncoding, Preprocessor};
use crate::stream::{Block, BlockRows, Stream};
use crate::table::Cells;

mod dictionary;
mod labels;
mod rows;

use dictionary::Dictionary;
pub use labels::{Labels, UnknownClass};
pub use rows::Rows;

/// Which columns of a table a model needs, and where they are.
pub struct Schema {
    file: String,
    header: Vec<String>,
    delimiter: u8,
    missing: Vec<String>,
    /// Whether no number is a spelling of a missing cell.
    plain_numbers: bool,
    /// What each column of the table is for.
    uses: Vec<Use>,
    features: Vec<FeatureColumn>,
    design_names: Vec<String>,
    image: Option<ImageShape>,
    n_texts: usize,
}

/// What a column of the table is for.
#[derive(Debug, Clone, Default)]
struct Use {
    feature: Option<usize>,
    /// Which of the further columns it is.
    texts: Vec<usize>,
}

/// A feature of the model, and its first column in the design.
struct FeatureColumn {
    encoding: ColumnEncoding,
    levels: Dictionary,
    first: usize,
}

/// Some rows, in their order.
pub struct Chunk {
    /// What the model predicts from.
    pub design: Design,
    /// Cells with levels that the training rows did not show, by column.
    pub unseen: Vec<UnseenLevels>,
    texts: Vec<Cells>,
    /// Where each row begins in its block; of images, which row of the file it is.
    starts: Vec<u32>,
}

/// Cells of a column whose level the training rows did not show: all its columns in the design
/// are 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnseenLevels {
    /// The column.
    pub column: String,
    /// The number of cells.
    pub cells: u64,
    /// The level of the first one.
    pub example: String,
}

impl Chunk {
    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.starts.len()
    }

    /// The cell in a row of one of the further columns, without spaces around it.
    ///
    /// # Panics
    /// If there is no such row or column.
    pub fn text(&self, column: usize, row: usize) -> &str {
        self.texts[column].get(row)
    }
}

impl Schema {
    /// Finds the columns that `preprocessor` needs, and `texts`, which are kept as they are. Other
    /// columns are not looked at. Images have the shape that was learned from.
    pub fn new(
        preprocessor: &Preprocessor,
        texts: &[String],
        stream: &Stream,
    ) -> Result<Self, TableError> {
        if let (Some(expected), Some(found)) = (preprocessor.image, stream.image())
            && expected != found
        {
            return Err(TableError::OtherImages { file: stream.file().into(), expected, found });
        }
        let header = stream.header();
        let features = feature_columns(preprocessor);
        let mut uses = vec![Use::default(); header.len()];
        let position = |name: &str| header.iter().position(|column| column == name);
        let mut missing = Vec::new();
        let names = features.iter().map(|feature| feature.encoding.name.as_str());
        for (feature, name) in names.clone().enumerate() {
            match position(name) {
                Some(at) => uses[at].feature = Some(feature),
                None => missing.push(name.to_owned()),
            }
        }
        for (text, name) in texts.iter().enumerate() {
            match position(name) {
                Some(at) => uses[at].texts.push(text),
                None if !missing.contains(name) => missing.push(name.clone()),
                None => {}
            }
        }
        if !missing.is_empty() {
            let needed: Vec<&str> = names.chain(texts.iter().map(String::as_str)).collect();
            return Err(TableError::columns_missing(stream.file(), missing, &needed, header));
        }
        Ok(Self {
            file: stream.file().to_owned(),
            header: header.to_vec(),
            delimiter: stream.delimiter(),
            missing: stream.missing().to_vec(),
            plain_numbers: stream.missing().iter().all(|text| text.parse::<f64>().is_err()),
            uses,
            design_names: features.iter().flat_map(|feature| feature.encoding.names()).collect(),
            features,
            image: preprocessor.image,
            n_texts: texts.len(),
        })
    }

    /// The number of columns of the design.
    pub fn width(&self) -> usize {
        self.design_names.len()
    }

    /// The rows of a block of the stream that the schema was made for.
    pub fn rows<'a>(&'a self, block: &'a Block) -> Rows<'a> {
        Rows::new(self, block)
    }

    /// The labels of a target, from one of the further columns.
    pub fn labels(
        &self,
        kind: &TaskKind,
        text: usize,
        chunk: &Chunk,
        block: &Block,
    ) -> Result<Labels, TableError> {
        let position = self.uses.iter().position(|column| column.texts.contains(&text));
        let place = |row: usize| {
            self.place(block, chunk.starts[row] as usize, position.unwrap_or_default())
        };
        let cells = (0..chunk.n_rows()).map(|row| chunk.text(text, row));
        labels::read(kind, cells, &self.missing, place)
    }

    fn place(&self, block: &Block, start: usize, column: usize) -> Place {
        match &block.0 {
            BlockRows::Images(table, _) => table.place_of_cell(start, column),
            BlockRows::Text(text) => Place {
                line: Some(text.line_at(start)),
                column: Some(self.header[column].clone()),
                ..Place::file(&self.file)
            },
        }
    }
}

/// The features that become columns of the design; the others are not needed.
fn feature_columns(preprocessor: &Preprocessor) -> Vec<FeatureColumn> {
    let mut first = 0;
    let mut features = Vec::new();
    for encoding in &preprocessor.columns {
        let width = encoding.names().len();
        if width > 0 {
            let levels = Dictionary::of_levels(&encoding.encoding);
            features.push(FeatureColumn { encoding: encoding.clone(), levels, first });
        }
        first += width;
    }
    features
}

#[cfg(test)]
mod tests;
