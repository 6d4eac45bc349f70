//! A results directory, put in place when it is complete.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::atomic::{create_sibling, parent_of, sync_directory};
use crate::hash::Hashing;
use crate::{FileEntry, RUN_FILE, ResultsError};

/// A results directory being written next to where it will stand; [`Self::commit`] puts it in place.
///
/// Dropped before that, it vanishes. A directory that is there already is replaced only if it is empty, or holds a `run.json` and
/// the files listed in it and nothing else.
#[derive(Debug)]
pub struct ResultsDir {
    /// As the caller named it.
    target: PathBuf,
    /// Where it will stand: behind links, if the target is one.
    place: PathBuf,
    temporary: PathBuf,
    /// The file that lists the others.
    listing: &'static str,
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
        Self::begin_listed_in(RUN_FILE, target)
    }

    /// Begins a directory whose files are listed in a file of this name instead of `run.json`.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn begin_listed_in(listing: &'static str, target: impl Into<PathBuf>) -> Result<Self, ResultsError> {
        let target = target.into();
        let place = resolved(&target)?;
        entries_to_replace(&target, &place, listing)?;
        let parent = parent_of(&place);
        fs::create_dir_all(parent).map_err(ResultsError::io("create directory", parent))?;
        let (temporary, ()) = create_sibling(&place, |candidate| fs::create_dir(candidate))?;
        Ok(Self { target, place, temporary, listing, committed: false })
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
        let entries = entries_to_replace(&self.target, &self.place, self.listing)?;
        sync_directory(&self.temporary)?;
        let replaced = self.move_aside()?;
        if let Err(source) = fs::rename(&self.temporary, &self.place) {
            if let Some(replaced) = replaced {
                // The first error is the one to report.
                let _ = fs::rename(replaced, &self.place);
            }
            return Err(ResultsError::Io { action: "write", path: self.target.clone(), source });
        }
        self.committed = true;
        sync_directory(parent_of(&self.place))?;
        if let Some(replaced) = replaced {
            remove(&replaced, &entries)?;
        }
        Ok(self.target.clone())
    }

    fn move_aside(&self) -> Result<Option<PathBuf>, ResultsError> {
        if fs::symlink_metadata(&self.place).is_err() {
            return Ok(None);
        }
        // An empty directory reserves the name; renaming a directory over an empty one is allowed.
        let (aside, ()) = create_sibling(&self.place, |candidate| fs::create_dir(candidate))?;
        fs::rename(&self.place, &aside).map_err(ResultsError::io("replace", &self.target))?;
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

/// Where a path leads; the path itself where nothing is there yet.
fn resolved(target: &Path) -> Result<PathBuf, ResultsError> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(target.to_owned()),
        Err(source) => Err(ResultsError::Io { action: "look at", path: target.to_owned(), source }),
        Ok(_) => fs::canonicalize(target).map_err(ResultsError::io("follow", target)),
    }
}

/// What stands in a directory that may be replaced: nothing, or results and nothing else.
fn entries_to_replace(target: &Path, place: &Path, listing: &str) -> Result<Vec<OsString>, ResultsError> {
    /// As much of the list as every version has.
    #[derive(Deserialize)]
    struct Listing {
        #[serde(rename = "schema_version")]
        _schema_version: u64,
        files: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        name: String,
    }
    let not_ours = |why: String| ResultsError::NotOurs { path: target.to_owned(), why };
    let entries = match fs::read_dir(place) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Err(not_ours("it is no directory".to_owned())),
        entries => entries.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(ResultsError::io("look at", target))?,
    };
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let text = match fs::read(place.join(listing)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_ours(format!("it has no {listing}"))),
        text => text.map_err(ResultsError::io("read", &target.join(listing)))?,
    };
    let Listing { files, .. } =
        serde_json::from_slice(&text).map_err(|error| not_ours(format!("its {listing} is of something else: {error}")))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        let listed = name == listing || files.iter().any(|file| name == file.name.as_str());
        let is_directory = entry.file_type().map_err(ResultsError::io("look at", &target.join(&name)))?.is_dir();
        if !listed || is_directory {
            return Err(ResultsError::Foreign { path: target.to_owned(), name: name.to_string_lossy().into_owned() });
        }
        names.push(name);
    }
    Ok(names)
}

/// Removes a directory of just these files; of a directory with more in it the rest stays.
fn remove(directory: &Path, names: &[OsString]) -> Result<(), ResultsError> {
    for name in names {
        let path = directory.join(name);
        fs::remove_file(&path).map_err(ResultsError::io("remove", &path))?;
    }
    fs::remove_dir(directory).map_err(ResultsError::io("remove", directory))
}
