//! TensorBoard event files: the losses, weights and conflict of each epoch.
//!
//! Every file of a folder begins with its version and a session's start, which says what of earlier
//! files is void; then comes a record for each epoch. The messages are `Event` and `Summary` of
//! TensorBoard's protocol; `wire.rs` writes them.

mod wire;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use torso_core::estimator::Epoch;

use self::wire::{Message, record};

const PREFIX: &str = "events.out.tfevents.";

/// An event file, open for writing. A folder holds the files of one training: a file for each
/// session in which it was at work.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
}

impl EventWriter {
    /// A new file in `folder`, which is made if it is missing. Of what earlier files hold, the first
    /// `n_epochs` epochs count and the rest is void: a resumed training writes it again.
    pub fn create(folder: &Path, n_epochs: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let name = format!("{PREFIX}{:010}.torso", later_than_all(folder)?);
        let mut writer = Self { file: File::create_new(folder.join(name))? };
        writer.write(0, |event| event.bytes(event::FILE_VERSION, b"brain.Event:2"))?;
        // Written by the first session too: TensorBoard takes the first start that it meets for no
        // restart, and drops nothing. It drops this step and those after it.
        let start = Message::default().varint(session_log::STATUS, session_log::START);
        writer.write(n_epochs + 1, |event| event.bytes(event::SESSION_LOG, start.as_bytes()))?;
        Ok(writer)
    }

    /// Writes the scalars of an epoch, numbered from 0, as one record; its step is its number from 1.
    /// What is `NaN` is left out. There may be fewer values than tasks, where a method has none.
    pub fn epoch(&mut self, number: usize, tasks: &[String], epoch: &Epoch) -> io::Result<()> {
        let parts = [
            ("train", &epoch.train),
            ("validation", &epoch.validation),
            ("weight", &epoch.weights),
        ];
        let mut summary = Message::default();
        for (part, values) in parts {
            for (task, value) in tasks.iter().zip(values) {
                summary = with_scalar(summary, &format!("{part}/{task}"), *value);
            }
        }
        summary = with_scalar(summary, "cosine", epoch.cosine);
        self.write(number as u64 + 1, |event| event.bytes(event::SUMMARY, summary.as_bytes()))
    }

    /// Writes an event in one call, so that a reader meets it whole, short of a kill.
    fn write(&mut self, step: u64, what: impl FnOnce(Message) -> Message) -> io::Result<()> {
        let event = Message::default()
            .double(event::WALL_TIME, now().as_secs_f64())
            .varint(event::STEP, step);
        self.file.write_all(&record(what(event).as_bytes()))
    }
}

/// Seconds for the name of a new file: now, or later. TensorBoard reads the files of a folder in the
/// order of their names, and takes a file that precedes one it has read for finished.
fn later_than_all(folder: &Path) -> io::Result<u64> {
    let mut seconds = now().as_secs();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let taken = rest.and_then(|rest| rest.split('.').next()?.parse::<u64>().ok());
        seconds = seconds.max(taken.map_or(0, |taken| taken.saturating_add(1)));
    }
    Ok(seconds)
}

/// The time since 1970.
#[expect(clippy::disallowed_methods, reason = "readers order and label events by time")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn with_scalar(summary: Message, tag: &str, value: f64) -> Message {
    if value.is_nan() {
        return summary;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the protocol holds single precision")]
    let scalar = Message::default()
        .bytes(value::TAG, tag.as_bytes())
        .float(value::SIMPLE_VALUE, value as f32);
    summary.bytes(summary::VALUE, scalar.as_bytes())
}

/// Fields of `tensorflow.Event`.
mod event {
    pub(super) const WALL_TIME: u32 = 1;
    pub(super) const STEP: u32 = 2;
    pub(super) const FILE_VERSION: u32 = 3;
    pub(super) const SUMMARY: u32 = 5;
    pub(super) const SESSION_LOG: u32 = 7;
}

/// Of `tensorflow.SessionLog`.
mod session_log {
    pub(super) const STATUS: u32 = 1;
    pub(super) const START: u64 = 1;
}

/// Of `tensorflow.Summary`.
mod summary {
    pub(super) const VALUE: u32 = 1;
}

/// Of `tensorflow.Summary.Value`.
mod value {
    pub(super) const TAG: u32 = 1;
    pub(super) const SIMPLE_VALUE: u32 = 2;
}
