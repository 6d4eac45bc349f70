//! What can go wrong with a sweep.

use std::path::PathBuf;

use results::ResultsError;
use runner::RunError;
use scenarios::ReadError;
use thiserror::Error;

/// Why a sweep could not be run or put together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The sweep file, or something that it refers to, is wrong.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A point cannot be run whatever the others are.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A value of an axis cannot be run.
    #[error("axis `{axis}`, value {value}: {why}")]
    Value {
        /// The axis.
        axis: String,
        /// The value.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// What was asked for makes no sense; says what would.
    #[error("{0}")]
    Input(String),
    /// The cache cannot be read or written. What it held, it holds.
    #[error("cannot {action} cache `{}`, what was kept before stays", path.display())]
    Cache {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Shards do not make one sweep.
    #[error("cannot merge: {0}")]
    Merge(String),
    /// Results cannot be written or read.
    #[error(transparent)]
    Output(#[from] ResultsError),
    /// Someone wanted to stop.
    #[error("interrupted: {kept} runs are kept in the cache")]
    Interrupted {
        /// Runs that need not be simulated again.
        kept: u64,
    },
}
