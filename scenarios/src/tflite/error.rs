//! Why a `TFLite` file is refused.

use sim::graph::GraphError;
use thiserror::Error;

/// Why [`super::read`] refuses a file.
#[derive(Debug, Error)]
pub enum TfliteError {
    /// The file cannot be read.
    #[error("cannot read `{file}`: {error}")]
    Io {
        /// The file.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is something else.
    #[error("`{file}` is not a TFLite file: bytes 4 to 7 should be `TFL3`, but {found}; other endings are for other formats")]
    OtherKind {
        /// The file.
        file: String,
        /// What they are.
        found: String,
    },
    /// The file is damaged.
    #[error("`{file}` is not a valid TFLite file: at byte {offset}, {problem}; copy or download it again")]
    Malformed {
        /// The file.
        file: String,
        /// Where.
        offset: usize,
        /// What is wrong.
        problem: String,
    },
    /// The model uses something that this reader does not convert.
    #[error("`{file}` cannot be simulated: {problem}")]
    Unsupported {
        /// The file.
        file: String,
        /// What, and where it is used.
        problem: String,
    },
    /// The graph is not a valid model.
    #[error("`{file}`: {error}")]
    Graph {
        /// The file.
        file: String,
        /// What is wrong with it.
        error: Box<GraphError>,
    },
}

/// Something wrong at a place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte.
    pub(super) offset: usize,
    /// What is wrong; `None` where the file is of another kind.
    pub(super) problem: Option<String>,
}

impl Fault {
    pub(super) fn new(offset: usize, problem: impl Into<String>) -> Self {
        Self { offset, problem: Some(problem.into()) }
    }

    pub(super) fn in_file(self, file: &str, bytes: &[u8]) -> TfliteError {
        let file = file.to_owned();
        if let Some(problem) = self.problem {
            return TfliteError::Malformed { file, offset: self.offset, problem };
        }
        let found = bytes
            .get(4..8)
            .map_or_else(|| format!("it has {} bytes", bytes.len()), |magic| format!("they are `{}`", magic.escape_ascii()));
        TfliteError::OtherKind { file, found }
    }
}
