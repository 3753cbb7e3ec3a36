//! Where predictions go: stdout, or a file that is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::form::Form;
use super::parquet::ParquetFile;
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
    content: Content,
    is_whole: bool,
}

/// What is written into a file.
enum Content {
    Rows(File),
    Parquet(Box<ParquetFile>),
    Finished,
}

impl Output {
    /// Stdout where no file is named.
    pub(crate) fn open(
        path: Option<&Path>,
        may_replace: bool,
        form: &Form,
    ) -> Result<Self, CliError> {
        let Some(path) = path else { return Self::stdout(form) };
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
        let (path, content) = (path.to_path_buf(), Content::Finished);
        let mut partial = PartialFile { path, partial, content, is_whole: false };
        partial.content =
            Content::new(file, form).map_err(|error| cannot_write(&partial.path, &error))?;
        Ok(Self::File(partial))
    }

    fn stdout(form: &Form) -> Result<Self, CliError> {
        if form.parquet_columns().is_some() {
            let message = "Parquet is written into a file";
            return Err(CliError::new(Kind::Usage, message).hint("name one with -o"));
        }
        Ok(Self::Stdout(io::stdout()))
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
                let written = partial.content.write(bytes);
                written.map_err(|error| cannot_write(&partial.path, &error))?;
                Ok(Flow::Continue)
            }
        }
    }

    /// Puts the file into its place.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        let Self::File(mut partial) = self else { return Ok(()) };
        let content = std::mem::replace(&mut partial.content, Content::Finished);
        content.finish().map_err(|error| cannot_write(&partial.path, &error))?;
        fs::rename(&partial.partial, &partial.path)
            .map_err(|error| cannot_write(&partial.path, &error))?;
        partial.is_whole = true;
        Ok(())
    }
}

impl Content {
    fn new(file: File, form: &Form) -> io::Result<Self> {
        if let Some(columns) = form.parquet_columns() {
            let file = ParquetFile::new(file, &columns)?;
            return Ok(Self::Parquet(Box::new(file)));
        }
        Ok(Self::Rows(file))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Rows(file) => file.write_all(bytes),
            Self::Parquet(file) => file.push(bytes),
            Self::Finished => Ok(()),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Parquet(file) => file.finish(),
            _ => Ok(()),
        }
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
