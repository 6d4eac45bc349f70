//! What can go wrong with result files.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a result file cannot be written or read. After an error in writing, what was there before is still there.
#[derive(Debug, Error)]
pub enum ResultsError {
    /// The operating system refused.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The target of a write holds something else.
    #[error("`{}` exists and is not a results directory ({why}): choose another path, or remove it", path.display())]
    NotOurs {
        /// The target.
        path: PathBuf,
        /// How it is known.
        why: String,
    },
    /// The target of a write holds results and something else.
    #[error(
        "`{}` holds `{name}`, which is not part of the results there and would be lost: move it away, or choose another path",
        path.display()
    )]
    Foreign {
        /// The target.
        path: PathBuf,
        /// The name of something in it that results do not have.
        name: String,
    },
    /// A directory to be read is not there.
    #[error("results directory `{}` does not exist", path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// A directory to be read holds no results.
    #[error("`{}` is not a results directory: it has no run.json", path.display())]
    NotResults {
        /// The directory.
        path: PathBuf,
    },
    /// A file was written by a version with another layout.
    #[error("`{}` has schema version {found}, this version reads {expected}: run the simulation again", path.display())]
    SchemaVersion {
        /// The file.
        path: PathBuf,
        /// Version found.
        found: u64,
        /// Version that can be read.
        expected: u32,
    },
    /// A file's contents are not what they should be.
    #[error("`{}` cannot be understood: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The contents of a file changed after the run was written.
    #[error("`{}` was changed after it was written: its SHA-256 is {found}, run.json says {expected}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Hash found.
        found: String,
        /// Hash in `run.json`.
        expected: String,
    },
    /// Two runs of one name.
    #[error("case `{case}` under strategy `{strategy}` was added twice: each pair is one run")]
    Duplicate {
        /// The case.
        case: String,
        /// The strategy.
        strategy: String,
    },
    /// A run whose records do not fit its models and device.
    #[error("case `{case}` under strategy `{strategy}`: {why}")]
    Inconsistent {
        /// The case.
        case: String,
        /// The strategy.
        strategy: String,
        /// What does not fit.
        why: String,
    },
}

impl ResultsError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn malformed(path: &Path, why: &dyn std::fmt::Display) -> Self {
        Self::Malformed { path: path.to_owned(), why: why.to_string() }
    }
}
