//! Hints: what the user can do about an error, and names that were perhaps meant.

use std::io;
use std::path::Path;

use super::{Place, TableError};
use crate::idx::IdxKind;
use crate::table::Table;

/// So much of a cell is shown.
const SHOWN_BYTES: usize = 60;

impl TableError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { near: Some(near), .. }
            | Self::NoSuchColumn { near: Some(near), .. } => {
                Some(format!("did you mean `{near}`?"))
            }
            Self::ListedTwice { column, .. } => Some(format!("name `{column}` once")),
            Self::TwoRoles { column, .. } => Some(format!("take `{column}` out of one list")),
            Self::TextInNumbers { place, found, texts, .. } => {
                Some(text_in_numbers_hint(place, found, *texts))
            }
            Self::NotANumber { found, .. } => Some(not_a_number_hint(found)),
            Self::ColumnsMissing { near, .. } => Some(columns_missing_hint(near)),
            Self::Infinite { place, .. } => {
                Some(format!("correct or empty this cell, or {}", leave_out(place)))
            }
            Self::TooManyClasses { example, .. } if is_decimal_comma(example) => {
                Some(format!("`{example}` may be a number: write it with a decimal point"))
            }
            Self::TooManyClasses { place, .. } => {
                Some(format!("it looks like an id or free text: {}", leave_out(place)))
            }
            Self::NotAnImage { others, .. } if !others.is_empty() => {
                Some(format!("leave {} out", listed(others)))
            }
            Self::IdxMagic { kind, found, .. } => Some(magic_hint(*kind, *found).to_owned()),
            _ => self.fixed_hint().map(String::from),
        }
    }

    /// Hints that name nothing of the table.
    fn fixed_hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Directory { .. } => "name a .csv, .csv.gz or .tsv file in it",
            Self::NotAnImage { .. } => {
                "name its pixels as the features, in their order, or another height and width"
            }
            Self::OtherImages { .. } => "scale the images to the shape that is expected",
            Self::IdxNothing { .. } => "there is nothing to learn from: name another file",
            Self::LabelCount { .. } => "name the labels that belong to these images",
            Self::LabelsOfTable { .. } => "the labels of a table are columns of it: name these",
            Self::NotGzip { .. } => "rename the file without `.gz`",
            Self::GzipDamaged { .. } | Self::IdxHeader { .. } | Self::IdxLength { .. } => {
                "copy or download the file again"
            }
            Self::InvalidUtf8 { byte: 0, found: 0xfe | 0xff, .. } => {
                "the file looks like UTF-16; save it as UTF-8"
            }
            Self::InvalidUtf8 { .. } => "the file may be Latin-1 or Windows-1252; save it as UTF-8",
            Self::Empty { .. } | Self::HeaderOnly { .. } => {
                "a table is a line of column names, and a line per row"
            }
            Self::DuplicateColumn { .. } => "rename one of the two columns",
            Self::Ragged { quoted_lines: true, .. } | Self::RowTooLong { .. } => {
                "a quote that opens in this row may never close"
            }
            Self::Ragged { .. } => {
                "quote fields that hold the delimiter, or tell which delimiter it is"
            }
            Self::UnclosedQuote { .. } => {
                "close it; within a quoted field, a quote is written as two (`\"\"`)"
            }
            Self::UnknownClasses { .. } => "correct or empty these cells, or leave the rows out",
            Self::NoTargets => "name the columns to predict",
            Self::NoLabels { .. } | Self::OneValue { .. } => {
                "there is nothing to learn about this target: leave it out"
            }
            Self::NoGroups { .. } => {
                "rows need both a group and a label: is this the right column?"
            }
            Self::FeaturesMissing { .. } => "name other features",
            Self::NoFeatures { left_out, .. } if left_out.is_empty() => {
                "leave at least one column that is no target and has no other role"
            }
            Self::NoFeatures { .. } => "add columns of numbers, or of texts that repeat",
            Self::Weight { .. } => "a weight of `0` leaves a row out of every loss",
            Self::SplitCellMissing { .. } => "every row that is dealt needs one",
            Self::SplitRow { .. } => "rows count from 0, without the header",
            Self::Time { found, .. } if found.contains(['/', '.']) => {
                "write dates as year-month-day"
            }
            _ => return None,
        })
    }

    pub(crate) fn no_such_column(table: &Table, column: &str) -> Self {
        Self::NoSuchColumn {
            file: table.file().to_owned(),
            column: column.to_owned(),
            near: nearest(column, table.header().iter().map(String::as_str)),
            columns: table.header().to_vec(),
        }
    }

    /// `header` lacks `columns`; a similar name is told where it is not among the `needed` ones.
    pub(crate) fn columns_missing(
        file: &str,
        columns: Vec<String>,
        needed: &[&str],
        header: &[String],
    ) -> Self {
        let free = || header.iter().map(String::as_str).filter(|name| !needed.contains(name));
        let near = columns.iter().filter_map(|name| Some((name.clone(), nearest(name, free())?)));
        let near = near.collect();
        Self::ColumnsMissing { file: file.to_owned(), columns, near, found: header.to_vec() }
    }

    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { near: nearest_file(&path), path },
            _ => Self::Io { path, source },
        }
    }
}

/// What an IDX file with these first bytes may be.
fn magic_hint(kind: IdxKind, found: u32) -> &'static str {
    let [zeros @ .., element, dimensions] = found.to_be_bytes();
    match (kind, element, dimensions) {
        _ if zeros != [0, 0] => "labels are an IDX file of their own, as MNIST has them",
        (IdxKind::Images, 0x08, 1) => {
            "these are labels: name the images, and these as their labels"
        }
        (IdxKind::Labels, 0x08, 3) => "these are images: name the labels that belong to them",
        (IdxKind::Images, 0x08, 4) => {
            "images have one channel here; write colors as pixel columns of a CSV file"
        }
        (_, 0x08, _) => "images have the dimensions n, height, width; labels have n",
        _ => "write the numbers as unsigned bytes, type 08",
    }
}

fn text_in_numbers_hint(place: &Place, found: &str, texts: usize) -> String {
    let others = match texts {
        1 => String::new(),
        _ => format!(" and {} more", texts - 1),
    };
    if is_decimal_comma(found) {
        return format!("write `{found}`{others} with a decimal point");
    }
    let missing = missing_hint(found);
    format!("correct this cell{others}{missing}, or {}", leave_out(place))
}

fn not_a_number_hint(found: &str) -> String {
    if is_decimal_comma(found) {
        return format!("write `{found}` with a decimal point");
    }
    format!("correct or empty this cell{}", missing_hint(found))
}

fn missing_hint(found: &str) -> String {
    if found.len() > SHOWN_BYTES {
        return String::new();
    }
    let quote = if found.contains(char::is_whitespace) { "\"" } else { "" };
    format!(", or, if it means a missing value, add `--missing {quote}{found}{quote}`")
}

fn columns_missing_hint(near: &[(String, String)]) -> String {
    let renamed = near.iter().map(|(column, found)| format!("`{found}` to `{column}`"));
    let renamed: Vec<String> = renamed.collect();
    if renamed.is_empty() {
        "the model learned from these columns; they may stand in any order, beside others".into()
    } else {
        format!("perhaps rename {}", renamed.join(", "))
    }
}

fn leave_out(place: &Place) -> String {
    format!("leave column `{}` out", place.column.as_deref().unwrap_or_default())
}

fn is_decimal_comma(text: &str) -> bool {
    text.matches(',').count() == 1 && text.replace(',', ".").parse::<f64>().is_ok()
}

/// The name most similar to `wanted`, if it is similar at all.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let similarity = |name: &str| strsim::jaro_winkler(&wanted, &name.to_lowercase());
    names
        .map(|name| (similarity(name), name))
        .filter(|(similarity, _)| *similarity > 0.75)
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, name)| name.to_owned())
}

fn nearest_file(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort(); // folders list their files in any order
    let near = nearest(&path.file_name()?.to_string_lossy(), names.iter().map(String::as_str))?;
    Some(path.with_file_name(near).to_string_lossy().into_owned())
}

/// A cell as messages show it: in backticks, on one line and not too long.
pub(super) fn shown(cell: &str) -> String {
    if cell.is_empty() {
        return "an empty cell".to_owned();
    }
    let line = cell.replace(['\r', '\n'], " ");
    match line.char_indices().find(|(at, _)| *at >= SHOWN_BYTES) {
        Some((at, _)) => format!("`{}...`", &line[..at]),
        None => format!("`{line}`"),
    }
}

/// The first names, in backticks, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| shown(name)).collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", first.join(", "))
}

/// Sizes of dimensions.
pub(super) fn by(sizes: &[u32]) -> String {
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    sizes.join(" x ")
}

pub(super) fn others_listed(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(", and besides: {}", listed(names)) }
}

pub(super) fn left_out_listed(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; left out: {}", listed(names)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["body_mass_g", "bill_length_mm", "sex"];
        let near = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(near("body_mass").as_deref(), Some("body_mass_g"));
        assert_eq!(near("Sex").as_deref(), Some("sex"));
        assert_eq!(near("bil_lenght_mm").as_deref(), Some("bill_length_mm"));
        assert_eq!(near("humidity"), None);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..25).map(|i| format!("c{i}")).collect();
        assert!(listed(&names).ends_with("`c19` and 5 more"));
        assert_eq!(listed(&names[..2]), "`c0`, `c1`");
    }

    #[test]
    fn long_cells_are_cut_and_stay_on_one_line() {
        assert_eq!(shown(""), "an empty cell");
        assert_eq!(shown("a\nb"), "`a b`");
        assert_eq!(shown(&"x".repeat(60)), format!("`{}`", "x".repeat(60)));
        assert_eq!(shown(&"é".repeat(99)), format!("`{}...`", "é".repeat(30)));
    }
}
