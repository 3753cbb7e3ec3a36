//! Where an error is: file, line, column.

use std::fmt;

use super::TableError;

/// Where in a file something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The row, from 0, in a file without lines.
    pub row: Option<u32>,
    /// The column's name.
    pub column: Option<String>,
}

impl Place {
    pub(crate) fn file(file: &str) -> Self {
        Self { file: file.to_owned(), line: None, row: None, column: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        Ok(())
    }
}

impl TableError {
    /// Where in which file it is.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::NotFound { path, .. } | Self::Directory { path } | Self::Io { path, .. } => {
                Some(Place::file(&path.to_string_lossy()))
            }
            Self::NotGzip { file }
            | Self::GzipDamaged { file, .. }
            | Self::Empty { file }
            | Self::HeaderOnly { file }
            | Self::TooManyRows { file }
            | Self::NoSuchColumn { file, .. }
            | Self::ColumnsMissing { file, .. }
            | Self::FeaturesMissing { file, .. }
            | Self::NoFeatures { file, .. }
            | Self::NotAnImage { file, .. }
            | Self::OtherImages { file, .. }
            | Self::IdxHeader { file, .. }
            | Self::IdxMagic { file, .. }
            | Self::IdxNothing { file, .. }
            | Self::IdxLength { file, .. }
            | Self::LabelCount { file, .. }
            | Self::LabelsOfTable { file } => Some(Place::file(file)),
            Self::InvalidUtf8 { place, .. }
            | Self::DuplicateColumn { place, .. }
            | Self::Ragged { place, .. }
            | Self::UnclosedQuote { place }
            | Self::RowTooLong { place }
            | Self::TooLarge { place }
            | Self::TextInNumbers { place, .. }
            | Self::NotANumber { place, .. }
            | Self::UnknownClasses { place, .. }
            | Self::Infinite { place, .. }
            | Self::NoLabels { place }
            | Self::OneValue { place, .. }
            | Self::TooManyClasses { place, .. }
            | Self::NoGroups { place }
            | Self::Weight { place, .. }
            | Self::SplitCellMissing { place, .. }
            | Self::Time { place, .. }
            | Self::Parts { place, .. }
            | Self::SplitRow { place, .. }
            | Self::SplitRowTwice { place, .. } => Some(place.clone()),
            Self::NoTargets
            | Self::ListedTwice { .. }
            | Self::TwoRoles { .. }
            | Self::Kind { .. }
            | Self::SplitSpec { .. }
            | Self::LabelFile { .. }
            | Self::Data(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_says_what_it_knows() {
        let mut place = Place::file("a.csv");
        assert_eq!(place.to_string(), "a.csv");
        place.line = Some(3);
        place.column = Some("x".into());
        assert_eq!(place.to_string(), "a.csv, line 3, column `x`");
        (place.line, place.row) = (None, Some(0));
        assert_eq!(place.to_string(), "a.csv, row 0, column `x`");
    }
}
