//! Where predictions go: stdout, or a file that is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::pipeline::Flow;
use crate::error::{CliError, Kind};
use crate::files;

/// A place for bytes.
pub(crate) enum Output {
    Stdout(io::Stdout),
    File(PartialFile),
}

/// A file beside the place that it is for.
pub(crate) struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    is_whole: bool,
}

impl Output {
    /// Stdout where no file is named.
    pub(crate) fn open(path: Option<&Path>, may_replace: bool) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self::Stdout(io::stdout())) };
        if path.is_dir() {
            let message = format!("cannot write `{}`: it is a directory", path.display());
            return Err(CliError::new(Kind::Run, message)
                .place(path.display().to_string())
                .hint("name a file in it with -o"));
        }
        if path.exists() && !may_replace {
            let message = format!("`{}` is there already and is left alone", path.display());
            return Err(CliError::new(Kind::Run, message)
                .place(path.display().to_string())
                .hint("name another file with -o, or add --overwrite"));
        }
        let partial = files::beside(path, "partial");
        let file = File::create(&partial).map_err(|error| cannot_write(path, &error))?;
        Ok(Self::File(PartialFile { path: path.to_path_buf(), partial, file, is_whole: false }))
    }

    /// Writes; a reader of stdout that went away wants no more, which is no error.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<Flow, CliError> {
        match self {
            Self::Stdout(stdout) => match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
                Ok(()) => Ok(Flow::Continue),
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Flow::Stop),
                Err(error) => Err(cannot_write(Path::new("stdout"), &error)),
            },
            Self::File(partial) => {
                let written = partial.file.write_all(bytes);
                written.map_err(|error| cannot_write(&partial.path, &error))?;
                Ok(Flow::Continue)
            }
        }
    }

    /// Puts the file into its place.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        let Self::File(mut partial) = self else { return Ok(()) };
        fs::rename(&partial.partial, &partial.path)
            .map_err(|error| cannot_write(&partial.path, &error))?;
        partial.is_whole = true;
        Ok(())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.is_whole {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> CliError {
    CliError::cannot_write(path, error).hint("name a file in a place that can be written with -o")
}
