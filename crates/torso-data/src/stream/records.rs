//! Records and cells in the text of a table, found without copying.
//!
//! The rules are those of the `csv` crate, by which whole tables are read: a quote opens a cell
//! only as its first byte, two quotes are one, text behind the closing quote belongs to the cell,
//! any of `\n`, `\r\n` and `\r` ends a record, and empty lines are none.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memchr3, memrchr};

/// Where records end, behind their line breaks.
pub(crate) struct Ends<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    at: usize,
}

impl<'a> Ends<'a> {
    /// The ends of the records in `bytes`, which begin with one.
    pub(crate) fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        Self { bytes, delimiter, at: 0 }
    }
}

impl Iterator for Ends<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            self.at += quoted_part(&self.bytes[self.at..])?;
            self.at += memchr3(self.delimiter, b'\n', b'\r', &self.bytes[self.at..])? + 1;
            if self.bytes[self.at - 1] != self.delimiter {
                return Some(self.at);
            }
        }
    }
}

/// The length of a cell's quoted part, 0 without one; `None` if it does not close.
fn quoted_part(cell: &[u8]) -> Option<usize> {
    if cell.first() != Some(&b'"') {
        return Some(0);
    }
    let mut at = 1;
    loop {
        at += memchr(b'"', &cell[at..])? + 1;
        if cell.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

/// The end of the last record that is whole whatever follows `bytes`.
pub(crate) fn last_end(bytes: &[u8], delimiter: u8) -> Option<usize> {
    // A `\r` at the very end may be half of a line break.
    let is_whole = |end: &usize| bytes[end - 1] == b'\n' || *end < bytes.len();
    if memchr(b'"', bytes).is_some() {
        return Ends::new(bytes, delimiter).filter(is_whole).last();
    }
    let end = memrchr(b'\n', bytes).or_else(|| memrchr(b'\r', &bytes[..bytes.len().max(1) - 1]));
    end.map(|at| at + 1)
}

/// Whether a quote in the last record of a text swallowed the lines behind it; `record` reaches from
/// its beginning to the end of the text.
pub(crate) fn is_unclosed(record: &[u8], delimiter: u8) -> bool {
    let length = record.iter().rposition(|byte| !is_break(*byte)).map_or(0, |last| last + 1);
    let record = &record[..length];
    let mut at = 0;
    while let Some(quoted) = quoted_part(&record[at..]) {
        at += quoted;
        match memchr(delimiter, &record[at..]) {
            Some(end) => at += end + 1,
            None => return false,
        }
    }
    memchr2(b'\n', b'\r', &record[at..]).is_some()
}

/// Whether a byte ends a line.
pub(crate) fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The number of lines that end in `bytes`.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    let alone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    memchr_iter(b'\n', bytes).count() + memchr_iter(b'\r', bytes).filter(alone).count()
}

/// Goes over the cells of a text, record by record.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    delimiter: u8,
    at: usize,
    /// A cell whose quotes are taken off, where that needs a copy.
    unquoted: String,
    /// Whether numbers may be read as they stand, before their cell is looked at.
    direct: bool,
}

impl<'a> Cursor<'a> {
    /// Begins with the first record of `text`. `direct` says that no number means anything else.
    pub(crate) fn new(text: &'a str, delimiter: u8, direct: bool) -> Self {
        let in_numbers = delimiter.is_ascii_alphanumeric() || b"+-.".contains(&delimiter);
        Self { text, delimiter, at: 0, unquoted: String::new(), direct: direct && !in_numbers }
    }

    /// Goes to the next record and gives where it begins; `None` at the end.
    pub(crate) fn record(&mut self) -> Option<usize> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| !is_break(*byte))?;
        Some(self.at)
    }

    /// The next cell, without spaces around it, and whether it is the record's last.
    pub(crate) fn cell(&mut self) -> (&str, bool) {
        let start = self.at;
        if self.text.as_bytes().get(start) == Some(&b'"') {
            return self.quoted_cell();
        }
        let (end, is_last) = self.go_behind_cell();
        (self.text[start..end].trim(), is_last)
    }

    /// Goes behind the next cell; gives whether it is the record's last.
    pub(crate) fn skip(&mut self) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += quoted_part(rest).unwrap_or(rest.len());
        self.go_behind_cell().1
    }

    /// The next cell as a number, if it is one that is written plainly, and whether it is the
    /// record's last. Otherwise it is still the next cell.
    pub(crate) fn number(&mut self) -> Option<(f64, bool)> {
        if !self.direct {
            return None;
        }
        let rest = &self.text.as_bytes()[self.at..];
        let (value, length) = fast_float2::parse_partial::<f64, _>(rest).ok()?;
        let is_last = match rest.get(length) {
            Some(&byte) if byte == self.delimiter => false,
            Some(b'\n' | b'\r') | None => true,
            _ => return None,
        };
        if !value.is_finite() {
            return None;
        }
        self.at = self.text.len().min(self.at + length + 1);
        Some((value + 0.0, is_last)) // -0 becomes 0
    }

    /// From within a cell, behind any quotes, to the next one.
    fn go_behind_cell(&mut self) -> (usize, bool) {
        let bytes = self.text.as_bytes();
        let Some(length) = memchr3(self.delimiter, b'\n', b'\r', &bytes[self.at..]) else {
            self.at = bytes.len();
            return (self.at, true);
        };
        let end = self.at + length;
        self.at = end + 1;
        (end, bytes[end] != self.delimiter)
    }

    fn quoted_cell(&mut self) -> (&str, bool) {
        let inner = self.at + 1;
        let rest = &self.text.as_bytes()[self.at..];
        let quoted = quoted_part(rest);
        self.at += quoted.unwrap_or(rest.len());
        let close = if quoted.is_some() { self.at - 1 } else { self.at };
        let tail = self.at;
        let (end, is_last) = self.go_behind_cell();
        let (inner, tail): (Range<usize>, Range<usize>) = (inner..close, tail..end);
        let inner = &self.text[inner];
        if tail.is_empty() && !inner.contains('"') {
            return (inner.trim(), is_last);
        }
        self.unquoted.clear();
        self.unquoted.push_str(&inner.replace("\"\"", "\""));
        self.unquoted.push_str(&self.text[tail]);
        (self.unquoted.trim(), is_last)
    }
}
