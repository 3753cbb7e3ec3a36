//! Everything that can be wrong with a table: each with its place, most with a hint.

use std::io;
use std::path::PathBuf;

use torso_core::data::DataError;
use torso_core::features::ImageShape;

use crate::idx::IdxKind;
use crate::roles::ColumnRole;

mod hint;
mod place;

use hint::{by, left_out_listed, listed, others_listed, shown};
pub use place::Place;

/// Why a table could not be read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is no file of this name.
    #[error("{}: expected a file, found nothing", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
        /// A file beside it with a similar name.
        near: Option<String>,
    },
    /// A folder was given.
    #[error("{}: expected a file, found a directory", path.display())]
    Directory {
        /// The path.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("{}: expected a readable file, found: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Named `.gz`, but not compressed.
    #[error("{file}: expected `gzip` data, as the name says, found none")]
    NotGzip {
        /// The file.
        file: String,
    },
    /// Compressed data that ends too early or is not valid.
    #[error("{file}: expected whole `gzip` data, found: {source}")]
    GzipDamaged {
        /// The file.
        file: String,
        /// What is wrong.
        source: io::Error,
    },
    /// A byte that is no text.
    #[error("{place}: expected `UTF-8` text, found byte 0x{found:02X} at byte position {byte}")]
    InvalidUtf8 {
        /// Where.
        place: Place,
        /// The position in the (uncompressed) file, from 0.
        byte: usize,
        /// The byte.
        found: u8,
    },
    /// Nothing in the file.
    #[error("{file}: expected a header line, found an empty file")]
    Empty {
        /// The file.
        file: String,
    },
    /// No rows in the file.
    #[error("{file}: expected rows below the header line, found none")]
    HeaderOnly {
        /// The file.
        file: String,
    },
    /// Two columns of one name.
    #[error("{place}: expected each name once, found it at positions {} and {}",
        positions[0], positions[1])]
    DuplicateColumn {
        /// Which column.
        place: Place,
        /// Where in the header, from 1.
        positions: [usize; 2],
    },
    /// A row with more or fewer fields than the header.
    #[error("{place}: expected `{expected}` fields, as in the header, found {found}")]
    Ragged {
        /// The line in which the row begins.
        place: Place,
        /// Fields of the header.
        expected: usize,
        /// Fields of this row.
        found: usize,
        /// Whether a quoted field of the row holds a line break.
        quoted_lines: bool,
    },
    /// A quote that never closes.
    #[error("{place}: expected a closing quote, found the end of the file")]
    UnclosedQuote {
        /// The line in which the last row begins.
        place: Place,
    },
    /// A row that does not end.
    #[error("{place}: expected a row of at most `32 MiB`, found a longer one")]
    RowTooLong {
        /// The line in which it begins.
        place: Place,
    },
    /// More rows than can be numbered.
    #[error("{file}: expected fewer than `2^32` rows, found more")]
    TooManyRows {
        /// The file.
        file: String,
    },
    /// A column with too much text.
    #[error("{place}: expected at most `4 GiB` of text in a column, found more")]
    TooLarge {
        /// Which column.
        place: Place,
    },
    /// A column that is not there.
    #[error("{file}: expected a column `{column}`, found: {}", listed(columns))]
    NoSuchColumn {
        /// The file.
        file: String,
        /// The name asked for.
        column: String,
        /// The most similar name that is there.
        near: Option<String>,
        /// All names that are there.
        columns: Vec<String>,
    },
    /// Columns that a model needs and that are not there.
    #[error("{file}: expected the columns {}, found: {}", listed(columns), listed(found))]
    ColumnsMissing {
        /// The file.
        file: String,
        /// The names of the columns that are not there.
        columns: Vec<String>,
        /// For some of them, the most similar name that is there and not needed.
        near: Vec<(String, String)>,
        /// All names that are there.
        found: Vec<String>,
    },
    /// No target was named.
    #[error("expected at least one target column, found none")]
    NoTargets,
    /// A column twice in one list.
    #[error("expected column `{column}` once, found it twice as {role}")]
    ListedTwice {
        /// The column.
        column: String,
        /// The role.
        role: ColumnRole,
    },
    /// A column with two roles, such as a target among the features.
    #[error("expected one role for column `{column}`, found {} and {}", roles[0], roles[1])]
    TwoRoles {
        /// The column.
        column: String,
        /// Its roles.
        roles: [ColumnRole; 2],
    },
    /// A type that is not known.
    #[error("expected `number` or `class`, found `{found}`")]
    Kind {
        /// The word.
        found: String,
    },
    /// A text among numbers.
    #[error("{place}: expected a number, as in {numbers} other cells, found {}", shown(found))]
    TextInNumbers {
        /// Where the first one is.
        place: Place,
        /// The text.
        found: String,
        /// Cells of the column that are texts.
        texts: usize,
        /// Cells of the column that are numbers.
        numbers: usize,
    },
    /// A text where a model has learned from numbers.
    #[error("{place}: expected a number, found {}", shown(found))]
    NotANumber {
        /// Where.
        place: Place,
        /// The text.
        found: String,
    },
    /// Labels that name no class of a model.
    #[error(
        "{place}: expected one of the model's classes ({}), found: {}",
        listed(known),
        listed(found)
    )]
    UnknownClasses {
        /// Where the first one is.
        place: Place,
        /// The labels, sorted.
        found: Vec<String>,
        /// The model's classes.
        known: Vec<String>,
    },
    /// A value beyond all numbers.
    #[error("{place}: expected a finite number, found `{found}`")]
    Infinite {
        /// Where the first one is.
        place: Place,
        /// The cell.
        found: String,
    },
    /// A target whose cells are all missing.
    #[error("{place}: expected labels, found only missing cells")]
    NoLabels {
        /// Which target.
        place: Place,
    },
    /// A target that is always the same.
    #[error(
        "{place}: expected a target with different values, found {} in all {labels} labels",
        shown(value)
    )]
    OneValue {
        /// Which target.
        place: Place,
        /// Its value.
        value: String,
        /// The number of its labels.
        labels: usize,
    },
    /// A target with nearly as many classes as labels.
    #[error("{place}: expected classes that repeat, found {classes} different texts in {labels}")]
    TooManyClasses {
        /// Which target.
        place: Place,
        /// Its distinct texts.
        classes: usize,
        /// Its labels.
        labels: usize,
        /// One of its texts.
        example: String,
    },
    /// No row with both a group and a label.
    #[error("{place}: expected at least one group with a label, found none")]
    NoGroups {
        /// The group column.
        place: Place,
    },
    /// All cells of all features are missing.
    #[error(
        "{file}: expected features with values, found only missing cells in: {}",
        listed(columns)
    )]
    FeaturesMissing {
        /// The file.
        file: String,
        /// The features.
        columns: Vec<String>,
    },
    /// No column is left to predict from.
    #[error("{file}: expected at least one feature, found none{}", left_out_listed(left_out))]
    NoFeatures {
        /// The file.
        file: String,
        /// Columns that could not be used.
        left_out: Vec<String>,
    },
    /// A row weight that is missing or negative, or no row weight above 0.
    #[error("{place}: expected a weight of at least `0`, and one above, found {}", shown(found))]
    Weight {
        /// Where.
        place: Place,
        /// The cell.
        found: String,
    },
    /// A split rule that is not known.
    #[error("expected `random`, `group:COLUMN`, `time:COLUMN` or `column:COLUMN`, found `{found}`")]
    SplitSpec {
        /// The text.
        found: String,
    },
    /// A row without the cell that it is to be split by.
    #[error("{place}: expected a {what}, found a missing cell")]
    SplitCellMissing {
        /// Where.
        place: Place,
        /// `group`, `time` or `repetition`.
        what: &'static str,
    },
    /// A cell that is no time, or not one of the same form as the first.
    #[error("{place}: expected a {expected}, found {}", shown(found))]
    Time {
        /// Where.
        place: Place,
        /// The form that was expected.
        expected: &'static str,
        /// The cell.
        found: String,
    },
    /// Words that name no part.
    #[error(
        "{place}: expected `train`, `validation` (`valid`, `val`, `dev`) or `test`, found: {}",
        listed(words)
    )]
    Parts {
        /// Where the first one is.
        place: Place,
        /// The words, sorted.
        words: Vec<String>,
    },
    /// A row number in a file of splits that the table does not have.
    #[error("{place}: expected a row from `0` to `{}`, found {}", n_rows.saturating_sub(1), shown(found))]
    SplitRow {
        /// Where.
        place: Place,
        /// The cell.
        found: String,
        /// Rows of the table.
        n_rows: usize,
    },
    /// A row twice in one repetition of a file of splits.
    #[error("{place}: expected row {row} once in repetition `{rep}`, found it again")]
    SplitRowTwice {
        /// Where the second one is.
        place: Place,
        /// The row.
        row: u32,
        /// The repetition.
        rep: String,
    },
    /// Features that are not the pixels of an image of the shape that was told.
    #[error(
        "{file}: expected `{}` features, the pixels of an image of `{shape}`, all numbers; found \
         {numbers} numbers{}",
        shape.n_columns(),
        others_listed(others)
    )]
    NotAnImage {
        /// The file.
        file: String,
        /// The shape.
        shape: ImageShape,
        /// Features that are numbers.
        numbers: usize,
        /// Features that are none.
        others: Vec<String>,
    },
    /// Images of another shape.
    #[error("{file}: expected images of `{expected}`, found images of `{found}`")]
    OtherImages {
        /// The file.
        file: String,
        /// The shape that was told, or that a model learned from.
        expected: ImageShape,
        /// The shape of the file.
        found: ImageShape,
    },
    /// An IDX file that ends within its header.
    #[error("{file}: expected an IDX file with a header of `{expected}` bytes, found {found}")]
    IdxHeader {
        /// The file.
        file: String,
        /// Bytes of the header.
        expected: usize,
        /// Bytes of the file.
        found: usize,
    },
    /// A file of something else than images or labels of unsigned bytes.
    #[error(
        "{file}: expected IDX {} (first bytes `{:08X}`), found `{found:08X}`",
        kind.name(),
        kind.magic()
    )]
    IdxMagic {
        /// The file.
        file: String,
        /// What was expected.
        kind: IdxKind,
        /// The first four bytes.
        found: u32,
    },
    /// An IDX file with a dimension of size 0.
    #[error("{file}: expected no dimension of size `0`, found {}", by(sizes))]
    IdxNothing {
        /// The file.
        file: String,
        /// The sizes of the dimensions.
        sizes: Vec<u32>,
    },
    /// An IDX file that is shorter or longer than its header says.
    #[error(
        "{file}: expected `{expected}` bytes behind the header, which says {}, found {found}",
        by(sizes)
    )]
    IdxLength {
        /// The file.
        file: String,
        /// The sizes of the dimensions.
        sizes: Vec<u32>,
        /// Their product.
        expected: u128,
        /// Bytes behind the header.
        found: usize,
    },
    /// Labels that are more or fewer than the images.
    #[error("{file}: expected `{expected}` labels, one for each image of {images}, found {found}")]
    LabelCount {
        /// The file of the labels.
        file: String,
        /// The file of the images.
        images: String,
        /// The number of images.
        expected: usize,
        /// The number of labels.
        found: usize,
    },
    /// Files of labels beside a table that holds its labels itself.
    #[error("{file}: expected IDX images, since files of labels are named, found none")]
    LabelsOfTable {
        /// The file.
        file: String,
    },
    /// A text that names no file of labels.
    #[error("expected `NAME=FILE` or a file of labels, found {}", shown(found))]
    LabelFile {
        /// The text.
        found: String,
    },
    /// Tasks and features do not fit together.
    #[error(transparent)]
    Data(#[from] DataError),
}
