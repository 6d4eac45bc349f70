//! What can go wrong with a part of the study.

use runner::RunError;
use scenarios::ReadError;
use thiserror::Error;

/// Why a part of the study could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A scenario of the study cannot be run, or someone wanted to stop.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A run that a part cannot do without failed.
    #[error("{part}: {why}")]
    Part {
        /// The part.
        part: &'static str,
        /// What failed, and why.
        why: String,
    },
}

impl From<ReadError> for StudyError {
    fn from(error: ReadError) -> Self {
        Self::Run(error.into())
    }
}
