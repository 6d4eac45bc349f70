//! Reading files, and telling names of the library from paths.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::text::FileErrors;

/// Why a scenario, profile or model cannot be had.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be opened or is not text.
    #[error("cannot read {what} `{}`: {source}", path.display())]
    File {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// No such thing in the library.
    #[error("unknown {what} `{name}`\nhint: {hint}")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// By what name.
        name: String,
        /// What there is.
        hint: String,
    },
    /// The file has errors.
    #[error("{0}")]
    Invalid(Box<FileErrors>),
}

impl From<FileErrors> for ReadError {
    fn from(errors: FileErrors) -> Self {
        Self::Invalid(Box::new(errors))
    }
}

/// Something of the library, or a file of the user's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// Of the library, by name.
    BuiltIn(String),
    /// A file.
    File(PathBuf),
}

impl Reference {
    /// What a text refers to: a path if it looks like one (a separator, or the ending `.toml` or `.onnx`), else a name of the
    /// library. Relative paths start at `folder`.
    pub fn of(text: &str, folder: &Path) -> Self {
        let is_path = text.contains(['/', '\\']) || Path::new(text).extension().is_some_and(is_file_ending);
        if is_path { Self::File(folder.join(text)) } else { Self::BuiltIn(text.to_owned()) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(name) => formatter.write_str(name),
            Self::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

fn is_file_ending(ending: &OsStr) -> bool {
    ["toml", "onnx"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

pub(crate) fn read_text(what: &'static str, path: &Path) -> Result<String, ReadError> {
    std::fs::read_to_string(path).map_err(|source| ReadError::File { what, path: path.to_owned(), source })
}
