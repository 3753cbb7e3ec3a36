//! The header of an IDX file, and whether the file has what it says.

use crate::error::TableError;

/// The type of numbers that is read.
pub(super) const UNSIGNED_BYTE: u8 = 0x08;

/// All types of numbers that an IDX file can have: bytes, integers and floats.
const TYPES: [u8; 6] = [UNSIGNED_BYTE, 0x09, 0x0b, 0x0c, 0x0d, 0x0e];

/// What a file is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdxKind {
    /// `[n, height, width]`
    Images,
    /// `[n]`
    Labels,
}

impl IdxKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Labels => "labels",
        }
    }

    pub(crate) fn magic(self) -> u32 {
        0x0800 + self.n_dimensions()
    }

    fn n_dimensions(self) -> u32 {
        match self {
            Self::Images => 3,
            Self::Labels => 1,
        }
    }
}

/// Whether bytes begin as an IDX file does, and as no text.
pub(crate) fn is_idx(bytes: &[u8]) -> bool {
    bytes.len() > 2 && bytes[..2] == [0, 0] && TYPES.contains(&bytes[2])
}

/// Sizes and numbers of a file.
pub(super) struct Content<'a> {
    pub(super) sizes: Vec<usize>,
    pub(super) numbers: &'a [u8],
}

impl<'a> Content<'a> {
    /// Takes the bytes of a file apart, which must be of this kind and have the length that its
    /// header says.
    pub(super) fn new(file: &str, bytes: &'a [u8], kind: IdxKind) -> Result<Self, TableError> {
        let header_bytes = 4 + 4 * kind.n_dimensions() as usize;
        let cut = || TableError::IdxHeader {
            file: file.to_owned(),
            expected: header_bytes,
            found: bytes.len(),
        };
        let (magic, _) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let magic = u32::from_be_bytes(*magic);
        if magic != kind.magic() {
            return Err(TableError::IdxMagic { file: file.to_owned(), kind, found: magic });
        }
        let (header, numbers) = bytes.split_at_checked(header_bytes).ok_or_else(cut)?;
        let (sizes, _) = header[4..].as_chunks::<4>();
        let sizes: Vec<u32> = sizes.iter().map(|size| u32::from_be_bytes(*size)).collect();
        if sizes.contains(&0) {
            return Err(TableError::IdxNothing { file: file.to_owned(), sizes });
        }
        // Three sizes of 32 bits have a product of at most 96.
        let expected = sizes.iter().map(|size| u128::from(*size)).product::<u128>();
        if expected != numbers.len() as u128 {
            let found = numbers.len();
            return Err(TableError::IdxLength { file: file.to_owned(), sizes, expected, found });
        }
        Ok(Self { sizes: sizes.into_iter().map(|size| size as usize).collect(), numbers })
    }
}
