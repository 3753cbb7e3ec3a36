//! The directory of a run: what lies in it, and who may write there.
//!
//! | file | what it is |
//! |---|---|
//! | `run.toml` | every option in force, the version, the hash of the data: enough to go on |
//! | `checkpoint/`, `fits/` | what a stopped `train` or `compare` goes on from |
//! | `metrics.jsonl`, `events/` | losses and weights per epoch, for programs and for TensorBoard |
//! | `model.safetensors` | the trained model |
//! | `run.json`, `report.html` | the record and its page; the record comes last |

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{CliError, Kind};
use crate::files;

/// Everything that a run writes, in the order in which it is cleared away: as long as `run.toml` is
/// there, the directory is known as a run's. Nothing else in it is touched.
const FILES: [&str; 5] = [RECORD, "metrics.jsonl", "model.safetensors", "report.html", "run.toml"];
const FOLDERS: [&str; 3] = ["checkpoint", "fits", "events"];
const LOCK: &str = ".lock";
/// What says that a run is finished.
pub(crate) const RECORD: &str = "run.json";

/// A run's directory, held by this process alone.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    _lock: File,
}

impl RunDirectory {
    /// A directory for a new run. One that holds a finished run is used again; one with a run that
    /// could still go on, or with files of somebody else, is refused.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let is_other = |entry: &fs::DirEntry| entry.file_name() != LOCK;
        let is_empty = match fs::read_dir(path) {
            Ok(entries) => !entries.flatten().any(|entry| is_other(&entry)),
            Err(_) => true,
        };
        if !is_empty && !path.join("run.toml").exists() {
            return Err(CliError::foreign_directory(path));
        }
        let run = Self::lock(path)?;
        if !is_empty && !run.is_finished() && run.has_progress() {
            let message = format!("`{}` holds a run that is not finished", path.display());
            return Err(CliError::new(Kind::Run, message).place(path.display().to_string()).hint(
                format!(
                    "go on with --resume {}, or name another directory with --out",
                    path.display()
                ),
            ));
        }
        files::check_writable(&run.file("report.html"), torso_report::is_own)?;
        run.clear()?;
        Ok(run)
    }

    /// The directory of a run that is to go on.
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        if path.join("run.toml").is_file() {
            return Self::lock(path);
        }
        let message = format!("`{}` holds no run", path.display());
        Err(CliError::new(Kind::Usage, message)
            .place(path.display().to_string())
            .hint("give the directory that was named with --out"))
    }

    /// A file or folder in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes all that is Torso's, and the directory if nothing else is in it.
    pub(crate) fn discard(self) {
        // What cannot be removed stays: there is an error to be told already.
        let _ = self.clear();
        let _ = fs::remove_file(self.file(LOCK));
        let _ = fs::remove_dir(&self.path);
    }

    /// Whether the record, which is written last, is there.
    pub(crate) fn is_finished(&self) -> bool {
        self.file(RECORD).is_file()
    }

    /// Writes a file whole.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        files::write(&self.file(name), bytes)
    }

    /// Removes a file or a folder with all that it holds.
    pub(crate) fn remove(&self, name: &str) -> Result<(), CliError> {
        let path = self.file(name);
        let outcome =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed(outcome).map_err(|error| CliError::cannot_write(&path, &error))
    }

    fn has_progress(&self) -> bool {
        let holds = |folder: &str| {
            fs::read_dir(self.file(folder)).is_ok_and(|mut entries| entries.next().is_some())
        };
        holds("checkpoint") || holds("fits")
    }

    fn clear(&self) -> Result<(), CliError> {
        FOLDERS.iter().chain(&FILES).try_for_each(|name| self.remove(name))
    }

    fn lock(path: &Path) -> Result<Self, CliError> {
        let cannot = |error: std::io::Error| CliError::cannot_write(path, &error);
        fs::create_dir_all(path).map_err(cannot)?;
        let lock = File::create(path.join(LOCK)).map_err(cannot)?;
        // The system releases it when the process ends, however it ends.
        lock.try_lock().map_err(|_| {
            let message = format!("another torso is at work in `{}`", path.display());
            CliError::new(Kind::Run, message).hint("wait for it, or name another directory")
        })?;
        let run = Self { path: path.to_path_buf(), _lock: lock };
        run.sweep().map_err(cannot)?;
        Ok(run)
    }

    /// Removes what a write left that was cut off.
    fn sweep(&self) -> std::io::Result<()> {
        for folder in [self.path.clone(), self.file("checkpoint"), self.file("fits")] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if files::is_partial(&entry.file_name()) {
                    removed(fs::remove_file(entry.path()))?;
                }
            }
        }
        Ok(())
    }
}

/// What is not there is removed.
fn removed(outcome: std::io::Result<()>) -> std::io::Result<()> {
    outcome.or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}
