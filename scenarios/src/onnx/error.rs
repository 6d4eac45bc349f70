//! Why a model file is refused.

use sim::graph::GraphError;
use thiserror::Error;

/// Why [`super::read`] refuses a file.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// The file cannot be opened or read.
    #[error("cannot read `{file}`: {error}")]
    Io {
        /// The file.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file ends in the middle of something.
    #[error(
        "`{file}` is truncated: at byte {offset}, {needed} more bytes are announced, but only {available} are left; \
         copy or download it again"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Byte offset reached.
        offset: u64,
        /// Bytes that should follow.
        needed: u64,
        /// Bytes that do follow.
        available: u64,
    },
    /// The file is not protobuf, or not that of ONNX.
    #[error("`{file}` is not a valid ONNX file: at byte {offset}, {problem}")]
    Malformed {
        /// The file.
        file: String,
        /// Byte offset of the field that is wrong.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// The model uses a feature that this reader does not have.
    #[error("`{file}` cannot be simulated: {problem}")]
    Unsupported {
        /// The file.
        file: String,
        /// The feature, where it is used, and what to do.
        problem: String,
    },
    /// Dimensions of inputs that neither the file nor the options fix.
    #[error(
        "`{file}` leaves dimensions open: {}; bind them with `--dimension name=value`, or give the whole shape with \
         `--input-shape input=1x3x224x224`",
        open.join(", ")
    )]
    OpenDimensions {
        /// The file.
        file: String,
        /// Each open dimension with its input.
        open: Vec<String>,
    },
    /// An option names something that the model does not have.
    #[error("`{file}` has no {what} `{name}`; it has {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    UnknownName {
        /// The file.
        file: String,
        /// Dimension or input.
        what: &'static str,
        /// The name in the options.
        name: String,
        /// The names in the file.
        known: Vec<String>,
    },
    /// A shape that cannot be one.
    #[error("`{file}`: tensor `{tensor}` has dimension {dimension}; {expected}")]
    InvalidDimension {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its dimension.
        dimension: i64,
        /// What would be right.
        expected: &'static str,
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
