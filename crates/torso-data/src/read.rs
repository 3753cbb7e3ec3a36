//! Reading tables: `.csv`, `.tsv` and the same compressed by gzip; images are in `idx.rs`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use crate::error::{Place, TableError};
use crate::idx::{self, LabelFile};
use crate::stream::records::is_unclosed;
use crate::table::{Cells, Column, Table};

/// Delimiters that are looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// So much of a file, and so many records of it, show its delimiter.
pub(crate) const SNIFFED_BYTES: usize = 1 << 18;
const SNIFFED_RECORDS: usize = 50;

/// The bytes with which gzip data begins.
pub(crate) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How to read a table; the default finds out by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The byte between two cells; `None`: found out, among comma, semicolon, tab and `|`.
    pub delimiter: Option<u8>,
    /// Further spellings of a missing cell, in every column.
    pub missing: Vec<String>,
    /// The labels of images, each a column.
    pub labels: Vec<LabelFile>,
}

/// The hash of a file, and of the labels beside it, as [`Table::blake3`] has it, without keeping
/// them in memory.
pub fn file_hash(path: &Path, labels: &[LabelFile]) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    for label_file in labels {
        hasher.update(label_file.name.as_bytes());
        hasher.update_reader(std::fs::File::open(&label_file.path)?)?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

impl Table {
    /// Reads a file with a header line, or one of images. It is taken as compressed, and as images,
    /// when its first bytes say so.
    ///
    /// Cells may be quoted (and then hold delimiters, line breaks and doubled quotes). A byte
    /// order mark and blank lines are skipped. A column without a name is called `column N`.
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Self, TableError> {
        if path.is_dir() {
            return Err(TableError::Directory { path: path.to_path_buf() });
        }
        let bytes = std::fs::read(path).map_err(|source| TableError::from_io(path, source))?;
        Self::from_bytes(&path.to_string_lossy(), &bytes, options)
    }

    /// Reads a table from memory; `file` is the name that messages show.
    pub fn from_bytes(file: &str, bytes: &[u8], options: &ReadOptions) -> Result<Self, TableError> {
        let unpacked = unpacked(file, bytes)?;
        if let Some(images) = idx::table(file, bytes, &unpacked, options)? {
            return Ok(images);
        }
        let blake3 = blake3::hash(bytes).to_hex().to_string();
        let text = text(file, &unpacked)?;
        let delimiter = options.delimiter.unwrap_or_else(|| delimiter(file, text));
        let mut table = Self {
            name: table_name(file),
            file: file.to_owned(),
            blake3,
            header: Vec::new(),
            columns: Vec::new(),
            lines: Vec::new(),
            missing: options.missing.clone(),
            images: None,
        };
        table.fill(text, delimiter)?;
        Ok(table)
    }

    fn fill(&mut self, text: &str, delimiter: u8) -> Result<(), TableError> {
        let mut reader = reader(text, delimiter);
        let mut record = csv::StringRecord::new();
        if !next_record(&mut reader, &mut record) {
            return Err(TableError::Empty { file: self.file.clone() });
        }
        let mut lines = LineCounter { text: text.as_bytes(), at: 0, line: 1 };
        self.header = header(self.place_of_line(lines.line_of(&record)), &record)?;
        let mut columns = vec![Cells::default(); self.header.len()];
        while next_record(&mut reader, &mut record) {
            let line = lines.line_of(&record);
            self.check_record(&record, line)?;
            for (column, cell) in record.iter().enumerate() {
                if !columns[column].push(cell.trim()) {
                    return Err(TableError::TooLarge { place: self.place_of_column(column) });
                }
            }
            self.lines.push(line);
        }
        if is_unclosed(&text.as_bytes()[lines.at..], delimiter) {
            return Err(TableError::UnclosedQuote { place: self.place_of_line(lines.line) });
        }
        if self.lines.is_empty() {
            return Err(TableError::HeaderOnly { file: self.file.clone() });
        }
        self.columns = columns.into_iter().map(|cells| Column::Texts(cells.shrunk())).collect();
        Ok(())
    }

    fn check_record(&self, record: &csv::StringRecord, line: u32) -> Result<(), TableError> {
        check_row_count(&self.file, self.lines.len() as u64 + 1)?;
        if record.len() == self.header.len() {
            return Ok(());
        }
        Err(TableError::Ragged {
            place: self.place_of_line(line),
            expected: self.header.len(),
            found: record.len(),
            quoted_lines: record.iter().any(|cell| cell.contains(['\r', '\n'])),
        })
    }

    fn place_of_line(&self, line: u32) -> Place {
        Place { line: Some(line), ..Place::file(&self.file) }
    }
}

/// Rows are numbered by 32 bits everywhere.
fn check_row_count(file: &str, rows: u64) -> Result<(), TableError> {
    if rows > u64::from(u32::MAX) {
        return Err(TableError::TooManyRows { file: file.to_owned() });
    }
    Ok(())
}

pub(crate) fn unpacked<'a>(file: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, TableError> {
    if bytes.starts_with(&GZIP_MAGIC) {
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes)
            .read_to_end(&mut unpacked)
            .map_err(|source| TableError::GzipDamaged { file: file.to_owned(), source })?;
        return Ok(Cow::Owned(unpacked));
    }
    if has_extension(file, "gz") && !bytes.is_empty() {
        return Err(TableError::NotGzip { file: file.to_owned() });
    }
    Ok(Cow::Borrowed(bytes))
}

fn text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, TableError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let byte = error.valid_up_to();
        let mut lines = LineCounter { text: bytes, at: 0, line: 1 };
        TableError::InvalidUtf8 {
            place: Place { line: Some(lines.advance(byte)), ..Place::file(file) },
            byte,
            found: bytes[byte],
        }
    })?;
    Ok(text.trim_start_matches('\u{feff}'))
}

pub(crate) fn header(place: Place, record: &csv::StringRecord) -> Result<Vec<String>, TableError> {
    let mut first_use: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = Vec::with_capacity(record.len());
    for (index, cell) in record.iter().enumerate() {
        let name = match cell.trim() {
            "" => format!("column {}", index + 1),
            name => name.to_owned(),
        };
        if let Some(first) = first_use.insert(name.clone(), index) {
            return Err(TableError::DuplicateColumn {
                place: Place { column: Some(name), ..place },
                positions: [first + 1, index + 1],
            });
        }
        names.push(name);
    }
    Ok(names)
}

/// The delimiter that cuts the first records into the same number of fields, the most of them;
/// where none does, the one that cuts the header into most.
pub(crate) fn delimiter(file: &str, text: &str) -> u8 {
    let unzipped = file.strip_suffix(".gz").unwrap_or(file);
    if has_extension(unzipped, "tsv") {
        return b'\t';
    }
    let sample = sample(text);
    let score = |delimiter: u8| {
        let mut reader = reader(sample, delimiter);
        let mut record = csv::StringRecord::new();
        let mut fields = Vec::new();
        while fields.len() < SNIFFED_RECORDS && next_record(&mut reader, &mut record) {
            fields.push(record.len());
        }
        let in_header = fields.first().copied().unwrap_or(0);
        let alike = in_header > 1 && fields.iter().all(|&n| n == in_header);
        (alike, in_header)
    };
    let first_best = |best: u8, next: u8| if score(next) > score(best) { next } else { best };
    DELIMITERS.into_iter().reduce(first_best).unwrap_or(b',')
}

/// The beginning of the text, in whole lines.
fn sample(text: &str) -> &str {
    if text.len() <= SNIFFED_BYTES {
        return text;
    }
    match text.as_bytes()[..SNIFFED_BYTES].iter().rposition(|&byte| byte == b'\n') {
        Some(end) => &text[..end],
        None => text,
    }
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true) // so that ragged rows are told by us, with their line
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
}

/// False at the end.
fn next_record(reader: &mut csv::Reader<&[u8]>, record: &mut csv::StringRecord) -> bool {
    reader.read_record(record).expect("valid UTF-8 in memory, of any shape, cannot fail")
}

/// Counts lines as the reader goes on.
struct LineCounter<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
}

impl LineCounter<'_> {
    /// The line in which a record begins. The reader's own position lies before the line breaks
    /// that it skips, so these are skipped here too.
    fn line_of(&mut self, record: &csv::StringRecord) -> u32 {
        let byte = record.position().map_or(0, csv::Position::byte);
        let mut at = usize::try_from(byte).unwrap_or(self.text.len());
        while matches!(self.text.get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        self.advance(at)
    }

    fn advance(&mut self, to: usize) -> u32 {
        let breaks = (self.at..to).filter(|&at| self.is_break(at)).count();
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.at = to;
        self.line
    }

    /// Whether a line ends at this byte, by `\n`, `\r\n` or `\r`.
    fn is_break(&self, at: usize) -> bool {
        match self.text[at] {
            b'\n' => true,
            b'\r' => self.text.get(at + 1) != Some(&b'\n'),
            _ => false,
        }
    }
}

/// The file's name without folders and extensions.
pub(crate) fn table_name(file: &str) -> String {
    let name = Path::new(file).file_name().map_or(file.into(), |name| name.to_string_lossy());
    let mut name = name.as_ref();
    for extension in [".gz", ".csv", ".tsv", ".txt", "-ubyte", ".idx3", "-idx3", ".idx1", "-idx1"] {
        name = name.strip_suffix(extension).unwrap_or(name);
    }
    name.to_owned()
}

pub(crate) fn has_extension(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests;
