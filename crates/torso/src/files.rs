//! Writing files: nothing of somebody else's is written over, and no file is left half-written.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// Fails early, before any work, if `path` could not be written later.
pub(crate) fn check_writable(path: &Path, is_own: fn(&[u8]) -> bool) -> Result<(), CliError> {
    match fs::read(path) {
        Ok(bytes) if bytes.is_empty() || is_own(&bytes) => {}
        Ok(_) => return Err(CliError::foreign_file(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(CliError::cannot_write(path, &error)),
    }
    // Trying is the only sure test of permission.
    let probe = beside(path, "probe");
    fs::write(&probe, b"")
        .and_then(|()| fs::remove_file(&probe))
        .map_err(|error| CliError::cannot_write(path, &error))
}

/// Writes a file whole: first beside it, then into its place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let partial = beside(path, "partial");
    fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path)).map_err(|error| {
        let _ = fs::remove_file(&partial);
        CliError::cannot_write(path, &error)
    })
}

/// Whether this is the name of a file that was being written beside its place.
pub(crate) fn is_partial(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.contains(".torso-partial-") || name.contains(".torso-probe-")
}

/// A name for a file in the same directory.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".torso-{what}-{}", std::process::id()));
    path.with_file_name(name)
}
