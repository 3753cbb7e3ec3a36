//! Config files: read with the place of what is wrong, and written whole.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::fault::Fault;
use super::source::Source;
use crate::error::{CliError, Kind};

/// A larger file is no config.
const MOST_BYTES: u64 = 1 << 20;

/// What Torso notes about a run, in its `run.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RunInfo {
    /// The version of Torso.
    pub(crate) torso: String,
    /// `compare` or `train`.
    pub(crate) command: String,
    /// The command line that began it.
    pub(crate) command_line: String,
    /// The hash of the table, once it was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) blake3: Option<String>,
}

impl Config {
    /// Reads a file. Paths in it are relative to it.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let file = path.display().to_string();
        let unread = |why: String| {
            CliError::new(Kind::Config, format!("cannot read this config: {why}"))
                .place(&file)
                .hint("`torso init DATA` writes a first torso.toml")
        };
        let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        if size > MOST_BYTES {
            return Err(unread(format!("expected less than 1 MiB, found {size} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unread(error.to_string()))?;
        let mut config = Self::parse(&text, &file)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        for path in config.paths_mut() {
            *path = directory.join(&*path);
        }
        Ok(config)
    }

    /// Reads the text of a file called `file`.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, CliError> {
        let source = Source::new(file, text)?;
        let config: Self = toml::from_str(text).map_err(|error| source.refused(&error))?;
        match Fault::of(&config) {
            None => Ok(config),
            Some(Fault { path, error }) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                Err(error.place(source.place_of(&path)))
            }
        }
    }

    /// The whole file.
    pub(crate) fn to_toml(&self) -> Result<String, CliError> {
        toml::to_string(self).map_err(|error| CliError::new(Kind::Run, error.to_string()))
    }
}
