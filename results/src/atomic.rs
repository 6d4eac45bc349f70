//! Files written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::ResultsError;

/// Writes a file whole or not at all: into a temporary file of the same directory, flushed to disk, then renamed.
///
/// A reader sees the old contents or the new, never a part. A crash may leave a file `.NAME.partial-*` behind.
///
/// # Errors
/// If the directory cannot be written to; what was at `path` is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    let (temporary, mut file) =
        create_sibling(path, |candidate| OpenOptions::new().write(true).create_new(true).open(candidate))?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(ResultsError::io("write", path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_directory(parent_of(path))
}

/// Makes something new next to `path`, under a name that no one uses.
pub(crate) fn create_sibling<T>(path: &Path, create: impl Fn(&Path) -> std::io::Result<T>) -> Result<(PathBuf, T), ResultsError> {
    const ATTEMPTS: u32 = 1000;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let process = std::process::id();
    let mut attempt = 0;
    loop {
        let candidate = parent_of(path).join(format!(".{name}.partial-{process}-{attempt}"));
        match create(&candidate) {
            Ok(made) => return Ok((candidate, made)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < ATTEMPTS => attempt += 1,
            Err(source) => return Err(ResultsError::Io { action: "write", path: path.to_owned(), source }),
        }
    }
}

/// The directory that holds `path`.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), ResultsError> {
    if cfg!(unix) {
        File::open(path).and_then(|directory| directory.sync_all()).map_err(ResultsError::io("flush", path))?;
    }
    Ok(())
}
