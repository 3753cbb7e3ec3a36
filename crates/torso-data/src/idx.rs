//! IDX files, the form of MNIST: images as the pixels of a table's rows, and labels as its columns.
//!
//! A file begins with `00 00`, a byte for the type of its numbers, a byte for the number of its
//! dimensions, and the size of each dimension as 32 bits, the highest first; the numbers follow.
//! Images are `[n, height, width]` and labels `[n]`, both of unsigned bytes (type `08`). Either may
//! be packed by gzip. What a file is, its first bytes say, not its name.
//!
//! The table has the columns `pixel_ROW_COLUMN`, row by row, and one for each file of labels, whose
//! numbers are classes. Its cells take a byte each; a cell's text is the number in decimals.
//!
//! Reference: Y. `LeCun`, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*,
//! which describes the form.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use torso_core::features::ImageShape;

use crate::error::TableError;
use crate::read::{ReadOptions, table_name, unpacked};
use crate::roles::ColumnRole;
use crate::table::{Column, Images, Table};

mod content;

use content::Content;
pub use content::IdxKind;
pub(crate) use content::is_idx;

/// A file of labels, and the name of the column that it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFile {
    /// The column's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// `NAME=FILE`, or `FILE`, which is named by the file without its extensions.
impl FromStr for LabelFile {
    type Err = TableError;

    fn from_str(text: &str) -> Result<Self, TableError> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (name.trim().to_owned(), path),
            None => (table_name(text), text),
        };
        if name.is_empty() || path.is_empty() {
            return Err(TableError::LabelFile { found: text.to_owned() });
        }
        Ok(Self { name, path: PathBuf::from(path) })
    }
}

impl fmt::Display for LabelFile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}={}", self.name, self.path.display())
    }
}

impl LabelFile {
    /// The file as it is on the disk.
    pub(crate) fn read(&self) -> Result<Vec<u8>, TableError> {
        read(&self.path)
    }
}

/// Images or labels in memory, as their file has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// Sizes of the dimensions: `[n, height, width]` or `[n]`.
    pub sizes: Vec<usize>,
    /// The numbers, the last dimension fastest.
    pub bytes: Vec<u8>,
}

impl Idx {
    /// Reads a file of this kind, packed or not.
    pub fn read(path: &Path, kind: IdxKind) -> Result<Self, TableError> {
        let file = path.to_string_lossy();
        let packed = read(path)?;
        let bytes = unpacked(&file, &packed)?;
        let content = Content::new(&file, &bytes, kind)?;
        Ok(Self { sizes: content.sizes, bytes: content.numbers.to_vec() })
    }

    /// The bytes of its file, not packed.
    ///
    /// # Panics
    /// If it has another number of bytes than its sizes say, or a size of 2^32 or more.
    pub fn to_bytes(&self) -> Vec<u8> {
        assert_eq!(self.bytes.len(), self.sizes.iter().product::<usize>(), "a byte for each cell");
        let n_dimensions = u8::try_from(self.sizes.len()).expect("a few dimensions");
        let mut file = vec![0, 0, content::UNSIGNED_BYTE, n_dimensions];
        for &size in &self.sizes {
            file.extend(u32::try_from(size).expect("a size has 32 bits").to_be_bytes());
        }
        file.extend(&self.bytes);
        file
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TableError> {
    if path.is_dir() {
        return Err(TableError::Directory { path: path.to_path_buf() });
    }
    std::fs::read(path).map_err(|source| TableError::from_io(path, source))
}

/// The table of images, if these unpacked bytes are some; `file` is the name that messages show,
/// and `packed` the bytes as they were on disk.
///
/// Files of labels beside what is no file of images are an error.
pub(crate) fn table(
    file: &str,
    packed: &[u8],
    unpacked: &[u8],
    options: &ReadOptions,
) -> Result<Option<Table>, TableError> {
    if !is_idx(unpacked) {
        return match options.labels.first() {
            None => Ok(None),
            Some(_) => Err(TableError::LabelsOfTable { file: file.to_owned() }),
        };
    }
    let images = Content::new(file, unpacked, IdxKind::Images)?;
    let shape = ImageShape { height: images.sizes[1], width: images.sizes[2], channels: 1 };
    let mut blake3 = blake3::Hasher::new();
    blake3.update(packed);
    let mut table = Table {
        name: table_name(file),
        file: file.to_owned(),
        blake3: String::new(),
        header: pixel_names(shape),
        columns: pixel_columns(images.numbers, shape.n_columns()),
        lines: Vec::new(),
        missing: options.missing.clone(),
        images: Some(Images { shape, label_files: Vec::new() }),
    };
    for label_file in &options.labels {
        let packed = label_file.read()?;
        blake3.update(label_file.name.as_bytes());
        blake3.update(&packed);
        table.add_labels(label_file, &packed)?;
    }
    table.blake3 = blake3.finalize().to_hex().to_string();
    Ok(Some(table))
}

impl Table {
    /// Adds the labels of the images as a column.
    fn add_labels(&mut self, label_file: &LabelFile, packed: &[u8]) -> Result<(), TableError> {
        let file = label_file.path.to_string_lossy();
        let bytes = unpacked(&file, packed)?;
        let labels = Content::new(&file, &bytes, IdxKind::Labels)?;
        if labels.numbers.len() != self.n_rows() {
            return Err(TableError::LabelCount {
                file: file.into_owned(),
                images: self.file.clone(),
                expected: self.n_rows(),
                found: labels.numbers.len(),
            });
        }
        let column = label_file.name.clone();
        if self.header.contains(&column) {
            return Err(TableError::ListedTwice { column, role: ColumnRole::Target });
        }
        self.header.push(column);
        self.columns.push(Column::Bytes(labels.numbers.to_vec()));
        if let Some(images) = &mut self.images {
            images.label_files.push(file.into_owned());
        }
        Ok(())
    }
}

fn pixel_names(shape: ImageShape) -> Vec<String> {
    let pixels = (0..shape.height).flat_map(|row| (0..shape.width).map(move |at| (row, at)));
    pixels.map(|(row, at)| format!("pixel_{row}_{at}")).collect()
}

/// `[n, n_pixels]`, column by column.
fn pixel_columns(pixels: &[u8], n_pixels: usize) -> Vec<Column> {
    let mut columns = vec![Vec::with_capacity(pixels.len() / n_pixels); n_pixels];
    for image in pixels.chunks_exact(n_pixels) {
        columns.iter_mut().zip(image).for_each(|(column, &pixel)| column.push(pixel));
    }
    columns.into_iter().map(Column::Bytes).collect()
}

#[cfg(test)]
mod tests;
