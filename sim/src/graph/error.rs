//! Why a graph is refused.

use thiserror::Error;

use super::infer::InferenceError;
use super::shape::ShapeError;

/// Why [`super::RawGraph::build`] refuses a graph. No graph comes out; the run cannot use the model.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GraphError {
    /// A tensor is read, or wanted as output, but nothing gives it.
    #[error(
        "tensor `{tensor}` is read by {reader}, but no operator produces it and it is neither a graph input nor an initialiser"
    )]
    MissingTensor {
        /// The tensor.
        tensor: String,
        /// Who reads it.
        reader: String,
    },
    /// Two operators, inputs or initialisers give the same tensor.
    #[error("tensor `{tensor}` is given twice, by {first} and by {second}; tensor names must be unique")]
    DuplicateTensor {
        /// The tensor.
        tensor: String,
        /// Who gives it first.
        first: String,
        /// Who gives it again.
        second: String,
    },
    /// Operators that wait for each other.
    #[error("operators form a cycle: {}; a model must be acyclic", operators.join(" -> "))]
    Cycle {
        /// Names of operators on the cycle.
        operators: Vec<String>,
    },
    /// The graph has no operators.
    #[error("model `{model}` has no operators")]
    Empty {
        /// The model.
        model: String,
    },
    /// The graph has no outputs.
    #[error("model `{model}` has no outputs, so nothing of it would ever be computed")]
    NoOutputs {
        /// The model.
        model: String,
    },
    /// A tensor that is too large.
    #[error("tensor `{tensor}`: {problem}")]
    Shape {
        /// The tensor.
        tensor: String,
        /// What is wrong with its shape.
        problem: ShapeError,
    },
    /// A constant whose number of values is not that of its shape.
    #[error("constant `{tensor}` has {values} values, but its shape {shape} asks for {expected}")]
    ConstantLength {
        /// The tensor.
        tensor: String,
        /// Values that are there.
        values: usize,
        /// Its shape.
        shape: String,
        /// Values that the shape asks for.
        expected: u64,
    },
    /// An operator whose output shapes cannot be inferred.
    #[error("operator `{operator}` ({op_type}): {problem}")]
    Operator {
        /// Its name.
        operator: String,
        /// Its type, with the domain where it is not the standard one.
        op_type: String,
        /// What is wrong.
        problem: InferenceError,
    },
    /// Work that does not fit in 64 bits.
    #[error("operator `{operator}` ({op_type}) needs more multiply-accumulates or bytes than 64 bits can count")]
    WorkOverflow {
        /// Its name.
        operator: String,
        /// Its type.
        op_type: String,
    },
    /// Several of the above.
    #[error("{} errors: {}", errors.len(), join(errors))]
    Several {
        /// At least two errors.
        errors: Vec<GraphError>,
    },
}

fn join(errors: &[GraphError]) -> String {
    const SHOWN: usize = 8;
    let mut text = errors.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if errors.len() > SHOWN {
        text.push_str("; ...");
    }
    text
}

impl GraphError {
    /// `Ok` for no errors, the error itself for one, [`Self::Several`] for more.
    pub(super) fn collect(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Several { errors }),
        }
    }
}
