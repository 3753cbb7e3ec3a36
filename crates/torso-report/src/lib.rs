//! Run records as text for people: a page and a terminal's worth.
//!
//! [`html`] makes one file that fetches nothing and holds no script; [`terminal`] makes the same
//! in short, and [`markdown`] as text for a wiki or an issue. All begin with the verdict in words,
//! which `words.rs` writes once.
//! Numbers are written by `number.rs` and `unit.rs`, pictures by `chart/`, and the page itself is
//! `templates/comparison.html`. [`train_html`], [`train_terminal`] and [`train_markdown`] do the same
//! for one trained model.
//!
//! A gain above 0 is better than learning the task alone, everywhere.

mod chart;
mod events;
mod html;
mod markdown;
mod metrics;
mod number;
mod png;
mod reading;
mod svg;
mod terminal;
mod trained;
mod unit;
mod words;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use events::EventWriter;
pub use metrics::MetricsLog;
pub use png::Picture;
use torso_core::record::{RunRecord, TrainRecord};

/// The page of a run: one HTML file as a string, the same for the same record.
pub fn html(record: &RunRecord) -> Result<String, ReportError> {
    html::comparison(record)
}

/// The run in short, for a terminal of `width` columns, ending with a line break.
///
/// The words are there with `color` and without.
pub fn terminal(record: &RunRecord, width: usize, color: bool) -> String {
    terminal::render(record, width, color)
}

/// The run as GitHub's Markdown, the same for the same record. Names from the data are escaped.
pub fn markdown(record: &RunRecord) -> String {
    markdown::comparison(record)
}

/// The page of a training: one HTML file as a string, the same for the same record.
pub fn train_html(record: &TrainRecord) -> Result<String, ReportError> {
    html::trained(record)
}

/// The training in short, for a terminal of `width` columns, ending with a line break.
pub fn train_terminal(record: &TrainRecord, width: usize, color: bool) -> String {
    terminal::trained(record, width, color)
}

/// The training as GitHub's Markdown. Names from the data are escaped.
pub fn train_markdown(record: &TrainRecord) -> String {
    markdown::trained(record)
}

/// Whether these bytes are a page that [`html`] or [`train_html`] made, of this or another version.
///
/// Only the first 2 KB are looked at.
pub fn is_own(bytes: &[u8]) -> bool {
    const DOCTYPE: &[u8] = b"<!doctype html>";
    const GENERATOR: &[u8] = b"<meta name=\"generator\" content=\"torso ";
    let head = &bytes[..bytes.len().min(2048)];
    head.starts_with(DOCTYPE) && head.windows(GENERATOR.len()).any(|window| window == GENERATOR)
}

/// The pictures on the page of a run, in its order.
pub fn pictures(record: &RunRecord) -> Result<Vec<Picture>, ReportError> {
    png::of_page(&html(record)?)
}

/// The pictures on the page of a training, in its order.
pub fn train_pictures(record: &TrainRecord) -> Result<Vec<Picture>, ReportError> {
    png::of_page(&train_html(record)?)
}

/// A picture as a PNG file, two pixels for each of the picture's; the same bytes everywhere.
pub fn png(picture: &Picture) -> Result<Vec<u8>, ReportError> {
    png::render(picture)
}

/// Whether these bytes are a picture that [`png`] made, of this or another version.
pub fn is_own_png(bytes: &[u8]) -> bool {
    png::is_own(bytes)
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The page's template and the record do not fit.
    #[error("cannot fill the report's template: {0}")]
    Template(#[from] minijinja::Error),
    /// The page's pictures cannot be told from the rest.
    #[error("cannot read the report's page: {0}")]
    Page(String),
    /// A picture cannot be drawn.
    #[error("cannot draw the picture `{name}`: {why}")]
    Picture {
        /// The picture's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}
