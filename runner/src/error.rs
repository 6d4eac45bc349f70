//! What can go wrong between a scenario and its results.

use results::ResultsError;
use scenarios::ReadError;
use thiserror::Error;

/// Why a scenario could not be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file that the scenario refers to is wrong.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What the scenario asks for cannot be done; the text holds every reason.
    #[error("{0}")]
    Input(String),
    /// Results cannot be written.
    #[error(transparent)]
    Output(#[from] ResultsError),
    /// Someone wanted to stop.
    #[error("interrupted: nothing was written")]
    Interrupted,
}

impl RunError {
    /// Several reasons, as one text.
    pub(crate) fn all(reasons: &[String]) -> Self {
        Self::Input(reasons.join("\nerror: "))
    }
}
