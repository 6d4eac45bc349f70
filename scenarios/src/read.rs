//! Reading files, and telling names of the library from paths.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::library::{Entry, find};
use crate::onnx::OnnxError;
use crate::text::FileErrors;
use crate::tflite::TfliteError;

/// Why a scenario, profile or model cannot be had.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be opened or is not text.
    #[error("cannot read {what} `{}`", path.display())]
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
    /// This machine has not been measured.
    #[error(
        "there is no profile of this machine: `{}` is not in the current folder\nhint: make one with `socrates calibrate run --quick`, or \
         name another with `--device`",
        crate::library::HOST_FILE
    )]
    NoHostProfile,
    /// The file has errors.
    #[error("{0}")]
    Invalid(Box<FileErrors>),
    /// The model cannot be read.
    #[error(transparent)]
    Model(Box<OnnxError>),
    /// The `TFLite` model cannot be read.
    #[error(transparent)]
    Tflite(Box<TfliteError>),
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
    /// What a text refers to: a path if it looks like one (a separator, or the ending `.toml`, `.onnx` or `.tflite`), else a name of the
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

/// What was read from a text, with the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document<T> {
    /// Name of the file, without the path to it; for the library, the name there.
    pub name: String,
    /// The text.
    pub text: String,
    /// What it says.
    pub value: T,
}

impl<T> Document<T> {
    /// Opens what a reference refers to: `what` of the `library`, or a file. `parse` is given the name of the file for its
    /// messages, the text, and the folder where relative paths start.
    pub(crate) fn open(
        what: &'static str,
        reference: &Reference,
        library: &'static [Entry],
        parse: impl FnOnce(&str, &str, &Path) -> Result<T, FileErrors>,
    ) -> Result<Self, ReadError> {
        let (name, text, value) = match reference {
            Reference::BuiltIn(name) => {
                let entry = find(what, library, name)?;
                (entry.name.to_owned(), entry.text.to_owned(), parse(entry.name, entry.text, Path::new("")))
            }
            Reference::File(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| ReadError::File { what, path: path.clone(), source })?;
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let folder = path.parent().unwrap_or_else(|| Path::new(""));
                let value = parse(&path.display().to_string(), &text, folder);
                (name, text, value)
            }
        };
        Ok(Self { name, text, value: value? })
    }
}

fn is_file_ending(ending: &OsStr) -> bool {
    ["toml", "onnx", "tflite"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}
