//! Runs that can be stopped and gone on with: the directory, what is kept in it, and the signals.

pub(crate) mod begin;
pub(crate) mod directory;
pub(crate) mod journal;
pub(crate) mod limits;
pub(crate) mod store;

use std::path::PathBuf;

use torso_core::snapshot::Snapshot;

use crate::error::CliError;
use crate::files;

/// A folder of snapshots, each in a file of its own that is there whole or not at all.
#[derive(Debug)]
pub(crate) struct Kept {
    directory: PathBuf,
}

impl Kept {
    /// The folder, made if it is missing.
    pub(crate) fn open(directory: PathBuf) -> Result<Self, CliError> {
        std::fs::create_dir_all(&directory)
            .map_err(|error| CliError::cannot_write(&directory, &error))?;
        Ok(Self { directory })
    }

    /// What was kept under a name. A file that cannot be read counts as not there: what it held is
    /// learned again, to the same bits.
    pub(crate) fn read(&self, name: &str) -> Option<Snapshot> {
        let bytes = std::fs::read(self.path(name)).ok()?;
        Snapshot::from_bytes(&bytes).ok()
    }

    pub(crate) fn write(&self, name: &str, snapshot: &Snapshot) -> Result<(), CliError> {
        files::write(&self.path(name), &snapshot.to_bytes())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{}.safetensors", slug(name)))
    }
}

/// A name of a fit or a part as a file's: these hold nothing but ids, words and numbers.
pub(crate) fn slug(name: &str) -> String {
    name.replace(", ", "_").replace(' ', "-")
}
