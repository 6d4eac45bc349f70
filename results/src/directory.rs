//! A results directory, put in place when it is complete.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::atomic::{create_sibling, parent_of, sync_directory};
use crate::hash::Hashing;
use crate::{FileEntry, RUN_FILE, ResultsError};

/// A results directory being written next to where it will stand; [`Self::commit`] puts it in place.
///
/// Dropped before that, it vanishes. A directory that is there already is replaced only if it holds a `run.json`.
#[derive(Debug)]
pub struct ResultsDir {
    target: PathBuf,
    temporary: PathBuf,
    committed: bool,
}

/// A file of a [`ResultsDir`]; [`Self::close`] makes it durable and says what it holds.
#[derive(Debug)]
pub struct ResultsFile {
    name: String,
    path: PathBuf,
    writer: Hashing<BufWriter<File>>,
}

impl ResultsDir {
    /// Begins a directory that will stand at `target`; missing parents are made.
    ///
    /// # Errors
    /// If something that is not a results directory stands there, or the parent cannot be written to.
    pub fn begin(target: impl Into<PathBuf>) -> Result<Self, ResultsError> {
        let target = target.into();
        check_replaceable(&target)?;
        let parent = parent_of(&target);
        fs::create_dir_all(parent).map_err(ResultsError::io("create directory", parent))?;
        let (temporary, ()) = create_sibling(&target, |candidate| fs::create_dir(candidate))?;
        Ok(Self { target, temporary, committed: false })
    }

    /// Where the directory will stand.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Creates a file; parts are written to it as they come.
    pub fn create(&self, name: &str) -> Result<ResultsFile, ResultsError> {
        let path = self.temporary.join(name);
        let file = File::create_new(&path).map_err(ResultsError::io("create", &path))?;
        Ok(ResultsFile { name: name.to_owned(), path, writer: Hashing::new(BufWriter::new(file)) })
    }

    /// Writes a whole file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<FileEntry, ResultsError> {
        let mut file = self.create(name)?;
        file.write_all(bytes).map_err(ResultsError::io("write", &file.path))?;
        file.close()
    }

    /// Puts the directory in place and returns where it stands.
    ///
    /// The directory that it replaces is moved aside first and removed last: a crash in between leaves it next to its place, as
    /// `.NAME.partial-*`.
    pub fn commit(mut self) -> Result<PathBuf, ResultsError> {
        check_replaceable(&self.target)?;
        sync_directory(&self.temporary)?;
        let replaced = self.move_aside()?;
        if let Err(source) = fs::rename(&self.temporary, &self.target) {
            if let Some(replaced) = replaced {
                // The first error is the one to report.
                let _ = fs::rename(replaced, &self.target);
            }
            return Err(ResultsError::Io { action: "write", path: self.target.clone(), source });
        }
        self.committed = true;
        sync_directory(parent_of(&self.target))?;
        if let Some(replaced) = replaced {
            fs::remove_dir_all(&replaced).map_err(ResultsError::io("remove", &replaced))?;
        }
        Ok(self.target.clone())
    }

    fn move_aside(&self) -> Result<Option<PathBuf>, ResultsError> {
        if fs::symlink_metadata(&self.target).is_err() {
            return Ok(None);
        }
        // An empty directory reserves the name; renaming a directory over an empty one is allowed.
        let (aside, ()) = create_sibling(&self.target, |candidate| fs::create_dir(candidate))?;
        fs::rename(&self.target, &aside).map_err(ResultsError::io("replace", &self.target))?;
        Ok(Some(aside))
    }
}

impl Drop for ResultsDir {
    fn drop(&mut self) {
        if !self.committed {
            // Nobody is left to tell.
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

impl ResultsFile {
    /// Where the file is being written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Flushes the file to disk.
    pub fn close(self) -> Result<FileEntry, ResultsError> {
        let (writer, sha256, bytes) = self.writer.finish();
        let file = writer.into_inner().map_err(|error| ResultsError::io("write", &self.path)(error.into_error()))?;
        file.sync_all().map_err(ResultsError::io("write", &self.path))?;
        Ok(FileEntry { name: self.name, bytes, sha256, rows: None })
    }
}

impl Write for ResultsFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

fn check_replaceable(target: &Path) -> Result<(), ResultsError> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ResultsError::Io { action: "look at", path: target.to_owned(), source }),
        Ok(metadata) if metadata.is_dir() && target.join(RUN_FILE).is_file() => Ok(()),
        Ok(_) => Err(ResultsError::NotOurs { path: target.to_owned() }),
    }
}
