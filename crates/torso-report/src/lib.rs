//! Run records as text for people: a page and a terminal's worth.
//!
//! [`html`] makes one file that fetches nothing and holds no script; [`terminal`] makes the same
//! in short. Both begin with the verdict in words, which `words.rs` writes once for both.
//! Numbers are written by `number.rs` and `unit.rs`, pictures by `chart/`, and the page itself is
//! `templates/report.html`.
//!
//! A gain above 0 is better than learning the task alone, everywhere.

mod chart;
mod html;
mod number;
mod reading;
mod svg;
mod terminal;
mod unit;
mod words;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use torso_core::record::RunRecord;

/// The page of a run: one HTML file as a string, the same for the same record.
pub fn html(record: &RunRecord) -> Result<String, ReportError> {
    html::render(record)
}

/// The run in short, for a terminal of `width` columns, ending with a line break.
///
/// The words are there with `color` and without.
pub fn terminal(record: &RunRecord, width: usize, color: bool) -> String {
    terminal::render(record, width, color)
}

/// Whether these bytes are a page that [`html`] made, of this or another version.
///
/// Only the first 2 KB are looked at.
pub fn is_own(bytes: &[u8]) -> bool {
    const DOCTYPE: &[u8] = b"<!doctype html>";
    const GENERATOR: &[u8] = b"<meta name=\"generator\" content=\"torso ";
    let head = &bytes[..bytes.len().min(2048)];
    head.starts_with(DOCTYPE) && head.windows(GENERATOR.len()).any(|window| window == GENERATOR)
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The page's template and the record do not fit.
    #[error("cannot fill the report's template: {0}")]
    Template(#[from] minijinja::Error),
}
