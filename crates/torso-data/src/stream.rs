//! Reading tables of any length in constant memory, a block of whole records at a time.
//!
//! A [`Stream`] hands out [`Block`]s in the order of the file; finding cells in them, which is most
//! of the work, can then go on side by side ([`Schema`](crate::Schema)). What is read
//! is what [`Table::read`](crate::Table::read) reads. Images are held as a whole: they take a byte a
//! pixel.

use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use torso_core::features::ImageShape;

use crate::error::{Place, TableError};
use crate::idx;
use crate::read::{self, ReadOptions};
use crate::table::Table;

pub(crate) mod records;

use records::{Cursor, Ends, count_lines, is_break, is_unclosed, last_end};

/// Bytes of a block: a few thousand rows.
const BLOCK_BYTES: usize = 1 << 18;
/// The longest row that is read. Without a limit, a quote that never closes would fill the memory.
const MOST_ROW_BYTES: usize = 1 << 25;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A table that is read from its beginning to its end.
pub struct Stream {
    file: String,
    source: Box<dyn Read + Send>,
    is_packed: bool,
    delimiter: u8,
    missing: Vec<String>,
    header: Vec<String>,
    block_bytes: usize,
    /// Bytes that were read, but not handed out.
    rest: Vec<u8>,
    /// Whether the source has no more.
    is_read: bool,
    /// The line in which `rest` begins, and its position in the (uncompressed) file.
    line: u64,
    position: usize,
    has_rows: bool,
    /// Images, and the row that is handed out next.
    images: Option<(Arc<Table>, usize)>,
}

/// Some rows.
#[derive(Debug, Clone)]
pub struct Block(pub(crate) BlockRows);

/// The rows of a block.
#[derive(Debug, Clone)]
pub(crate) enum BlockRows {
    Text(TextBlock),
    /// Some of a table of images.
    Images(Arc<Table>, Range<usize>),
}

/// Some whole records, with their line breaks.
#[derive(Debug, Clone)]
pub(crate) struct TextBlock {
    pub(crate) text: String,
    /// The line in which it begins, from 1.
    line: u64,
}

impl Stream {
    /// Opens a file, or stdin where `path` is `-`.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, TableError> {
        if path == Path::new("-") {
            return Self::new("stdin", io::stdin(), options);
        }
        if path.is_dir() {
            return Err(TableError::Directory { path: path.to_path_buf() });
        }
        let file = std::fs::File::open(path).map_err(|source| TableError::from_io(path, source))?;
        Self::new(&path.to_string_lossy(), file, options)
    }

    /// Reads the header of a table; `file` is the name that messages show.
    pub fn new(
        file: &str,
        source: impl Read + Send + 'static,
        options: &ReadOptions,
    ) -> Result<Self, TableError> {
        let mut stream = Self {
            file: file.to_owned(),
            source: Box::new(source),
            is_packed: false,
            delimiter: options.delimiter.unwrap_or_default(),
            missing: options.missing.clone(),
            header: Vec::new(),
            block_bytes: BLOCK_BYTES,
            rest: Vec::new(),
            is_read: false,
            line: 1,
            position: 0,
            has_rows: false,
            images: None,
        };
        stream.fill(2)?;
        if stream.rest.starts_with(&read::GZIP_MAGIC) {
            stream.unpack();
        } else if read::has_extension(file, "gz") && !stream.rest.is_empty() {
            return Err(TableError::NotGzip { file: file.to_owned() });
        }
        stream.fill(read::SNIFFED_BYTES + BYTE_ORDER_MARK.len() + 1)?;
        if stream.read_images(options)? {
            return Ok(stream);
        }
        while stream.rest.starts_with(BYTE_ORDER_MARK) {
            stream.take(BYTE_ORDER_MARK.len());
        }
        if options.delimiter.is_none() {
            stream.delimiter = stream.sniffed_delimiter()?;
        }
        stream.read_header()?;
        Ok(stream)
    }

    /// Sets how much is read at once: so many bytes, and the rest of the row in which they end.
    pub fn with_block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes.max(1);
        self
    }

    /// The file as messages name it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The names of the columns; all differ.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The shape of the images that the rows are, if they come from a file of images.
    pub fn image(&self) -> Option<ImageShape> {
        self.images.as_ref().and_then(|(table, _)| table.image())
    }

    /// The next block; `None` at the end of the table. A table without rows is an error, as it is
    /// for [`Table::read`](crate::Table::read).
    pub fn next_block(&mut self) -> Result<Option<Block>, TableError> {
        if let Some((table, next)) = &mut self.images {
            let n_rows = (self.block_bytes / table.header().len()).max(1);
            let rows = *next..(*next + n_rows).min(table.n_rows());
            *next = rows.end;
            let is_some = !rows.is_empty();
            return Ok(is_some.then(|| Block(BlockRows::Images(Arc::clone(table), rows))));
        }
        loop {
            let end = self.next_end()?;
            let (line, position) = (self.line, self.position);
            let bytes = self.take(end);
            if bytes.iter().any(|byte| !is_break(*byte)) {
                self.has_rows = true;
                let text = String::from_utf8(bytes).map_err(|error| {
                    self.invalid_utf8(error.as_bytes(), error.utf8_error(), line, position)
                })?;
                return Ok(Some(Block(BlockRows::Text(TextBlock { text, line }))));
            }
            if bytes.is_empty() {
                let file = || self.file.clone();
                return if self.has_rows {
                    Ok(None)
                } else {
                    Err(TableError::HeaderOnly { file: file() })
                };
            }
        }
    }

    /// Where the next block ends in `rest`; 0 at the end of the table.
    fn next_end(&mut self) -> Result<usize, TableError> {
        let mut wanted = self.block_bytes;
        loop {
            self.fill(wanted)?;
            if self.is_read && self.rest.len() <= wanted {
                self.check_end()?;
                return Ok(self.rest.len());
            }
            if let Some(end) = last_end(&self.rest[..wanted], self.delimiter) {
                return Ok(end);
            }
            wanted = self.more_than(wanted)?;
        }
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    pub(crate) fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Goes on with what the bytes so far, and those to come, were packed from.
    fn unpack(&mut self) {
        let packed = io::Cursor::new(std::mem::take(&mut self.rest));
        let source = std::mem::replace(&mut self.source, Box::new(io::empty()));
        let packed = BufReader::with_capacity(1 << 16, packed.chain(source));
        self.source = Box::new(flate2::bufread::MultiGzDecoder::new(packed));
        self.is_packed = true;
        self.is_read = false;
    }

    /// Whether there are images; then they are read to their end.
    fn read_images(&mut self, options: &ReadOptions) -> Result<bool, TableError> {
        if idx::is_idx(&self.rest) {
            self.fill(usize::MAX)?;
        }
        // Their hash is not asked for, so it does not matter that the bytes may have been packed.
        let Some(table) = idx::table(&self.file, &[], &self.rest, options)? else {
            return Ok(false);
        };
        self.header = table.header().to_vec();
        self.rest = Vec::new();
        self.images = Some((Arc::new(table), 0));
        Ok(true)
    }

    /// Reads until `rest` holds so many bytes, or there are no more.
    fn fill(&mut self, bytes: usize) -> Result<(), TableError> {
        let Some(lacking) = bytes.checked_sub(self.rest.len()).filter(|lacking| *lacking > 0)
        else {
            return Ok(());
        };
        if self.is_read {
            return Ok(());
        }
        self.rest.reserve(lacking.min(MOST_ROW_BYTES));
        let read = self.source.by_ref().take(lacking as u64).read_to_end(&mut self.rest);
        match read {
            Ok(read) => self.is_read = read < lacking,
            Err(source) if self.is_packed => {
                return Err(TableError::GzipDamaged { file: self.file.clone(), source });
            }
            Err(source) => return Err(TableError::from_io(Path::new(&self.file), source)),
        }
        Ok(())
    }

    /// Takes bytes off the beginning of `rest`.
    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let rest = self.rest.split_off(bytes);
        let taken = std::mem::replace(&mut self.rest, rest);
        self.position += bytes;
        self.line += count_lines(&taken) as u64;
        taken
    }

    /// So many bytes more, or an error where a row is longer than any should be.
    fn more_than(&self, bytes: usize) -> Result<usize, TableError> {
        if bytes >= MOST_ROW_BYTES {
            return Err(TableError::RowTooLong { place: self.place(self.line) });
        }
        Ok((2 * bytes).min(MOST_ROW_BYTES))
    }

    fn sniffed_delimiter(&self) -> Result<u8, TableError> {
        let sample = match std::str::from_utf8(&self.rest) {
            Ok(sample) => sample,
            // The last character may go on behind what was read.
            Err(error) if error.error_len().is_none() && !self.is_read => {
                std::str::from_utf8(&self.rest[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(error) => return Err(self.invalid_utf8(&self.rest, error, 1, self.position)),
        };
        Ok(read::delimiter(&self.file, sample))
    }

    fn read_header(&mut self) -> Result<(), TableError> {
        loop {
            self.fill(BLOCK_BYTES)?;
            if self.rest.is_empty() {
                return Err(TableError::Empty { file: self.file.clone() });
            }
            let blank = self.rest.iter().take_while(|byte| is_break(**byte)).count();
            self.take(blank);
            if !self.rest.is_empty() {
                break;
            }
        }
        let end = self.header_end()?;
        let (line, position) = (self.line, self.position);
        let bytes = self.take(end);
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| self.invalid_utf8(&bytes, error, line, position))?;
        let mut cursor = Cursor::new(text, self.delimiter, false);
        let mut record = csv::StringRecord::new();
        loop {
            let (cell, is_last) = cursor.cell();
            record.push_field(cell);
            if is_last {
                break;
            }
        }
        self.header = read::header(self.place(line), &record)?;
        Ok(())
    }

    fn header_end(&mut self) -> Result<usize, TableError> {
        let mut wanted = BLOCK_BYTES;
        loop {
            self.fill(wanted)?;
            // Behind a `\r`, a `\n` belongs to the same line break.
            let end = Ends::new(&self.rest, self.delimiter).next().map(|end| {
                let is_half = self.rest[end - 1] == b'\r' && self.rest.get(end) == Some(&b'\n');
                end + usize::from(is_half)
            });
            match end {
                Some(end) if self.is_read || end < self.rest.len() => return Ok(end),
                _ if self.is_read => {
                    self.check_end()?;
                    return Ok(self.rest.len());
                }
                _ => wanted = self.more_than(wanted.max(self.rest.len()))?,
            }
        }
    }

    /// At the end of the table: whether the last row ends too.
    fn check_end(&self) -> Result<(), TableError> {
        let ends = || Ends::new(&self.rest, self.delimiter);
        let last = ends().last().unwrap_or(0);
        if is_unclosed(&self.rest[last..], self.delimiter) {
            let line = self.line + count_lines(&self.rest[..last]) as u64;
            return Err(TableError::UnclosedQuote { place: self.place(line) });
        }
        Ok(())
    }

    fn invalid_utf8(
        &self,
        bytes: &[u8],
        error: std::str::Utf8Error,
        line: u64,
        position: usize,
    ) -> TableError {
        let at = error.valid_up_to();
        TableError::InvalidUtf8 {
            place: self.place(line + count_lines(&bytes[..at]) as u64),
            byte: position + at,
            found: bytes[at],
        }
    }

    fn place(&self, line: u64) -> Place {
        Place { line: Some(saturated(line)), ..Place::file(&self.file) }
    }
}

impl TextBlock {
    /// The line of the file in which the byte `at` lies.
    pub(crate) fn line_at(&self, at: usize) -> u32 {
        saturated(self.line + count_lines(&self.text.as_bytes()[..at]) as u64)
    }
}

fn saturated(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
