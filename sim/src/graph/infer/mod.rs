//! Shape, type and constant inference: what the outputs of an operator are, given its inputs and attributes.
//!
//! One file per family of operators; [`rules`] is the table that lists them all. Every rule also computes the *values* of its
//! outputs when those of its inputs are known and few, so that shape arithmetic written out by exporters folds away.

mod constants;
pub(crate) mod contraction;
pub(crate) mod convolution;
mod elementwise;
mod indexing;
mod movement;
mod node;
mod normalization;
pub(crate) mod pooling;
mod quantization;
mod recurrent;
pub(crate) mod reduction;
mod resampling;
pub(crate) mod rules;
mod slicing;
mod views;
pub(crate) mod window;

#[cfg(test)]
mod tests;

use thiserror::Error;

use super::shape::{ShapeError, text};
pub(crate) use node::{Facts, Node};

/// Why the outputs of an operator cannot be inferred.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InferenceError {
    /// The table of rules does not have this operator type, and the file does not declare the shapes of its outputs.
    #[error(
        "operator type is not known and the file does not declare the shapes of its outputs; \
         write them into the model (`value_info`), or replace the operator"
    )]
    UnknownOperator,
    /// A required input is absent.
    #[error("input {position} is required, but absent")]
    MissingInput {
        /// Its position, from 0.
        position: usize,
    },
    /// A required attribute is absent.
    #[error("attribute `{name}` is required, but absent")]
    MissingAttribute {
        /// Its name.
        name: &'static str,
    },
    /// An attribute, or a constant input that plays its part, has a value that makes no sense.
    #[error("`{name}` is {value}, but {expected}")]
    InvalidValue {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// An input has a rank that the operator cannot take.
    #[error("input {position} has shape {}, but {expected}", text(shape))]
    Rank {
        /// Its position, from 0.
        position: usize,
        /// Its shape.
        shape: Vec<u64>,
        /// What would be right.
        expected: &'static str,
    },
    /// Inputs do not fit each other.
    #[error("{problem}")]
    Mismatch {
        /// What does not fit what.
        problem: String,
    },
    /// Shape arithmetic failed.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The output shape depends on values that are known at run time only.
    #[error(
        "the output shape depends on {what}, which is not a constant of the model, and the file does not declare it; \
         export the model with static shapes, or write the shape into the model (`value_info`)"
    )]
    DataDependent {
        /// The values that would be needed.
        what: String,
    },
    /// More outputs are named than the operator type has.
    #[error("{named} outputs are named, but an operator of this type has at most {possible}")]
    TooManyOutputs {
        /// Outputs named by the operator.
        named: usize,
        /// Outputs that there can be.
        possible: usize,
    },
}

impl InferenceError {
    /// Whether a shape declared in the file may stand in for the inferred one.
    pub(crate) const fn can_be_declared(&self) -> bool {
        matches!(self, Self::UnknownOperator | Self::DataDependent { .. })
    }

    pub(crate) fn mismatch(problem: impl Into<String>) -> Self {
        Self::Mismatch { problem: problem.into() }
    }

    pub(crate) fn invalid(name: &'static str, value: impl std::fmt::Debug, expected: impl Into<String>) -> Self {
        Self::InvalidValue { name, value: format!("{value:?}"), expected: expected.into() }
    }
}

/// What a rule gives: the facts of every output that operators of the type can have.
pub(crate) type Inferred = Result<Vec<Facts>, InferenceError>;

/// Infers the outputs of `node`; checks that no shape is too large and that there are as many outputs as the operator names.
pub(crate) fn infer(node: &Node<'_>) -> Inferred {
    let rule = rules::find(node.op_type, node.domain).ok_or(InferenceError::UnknownOperator)?;
    let mut outputs = (rule.infer)(node)?;
    if outputs.len() < node.output_count {
        return Err(InferenceError::TooManyOutputs { named: node.output_count, possible: outputs.len() });
    }
    outputs.truncate(node.output_count);
    for facts in &mut outputs {
        let elements = super::shape::elements(&facts.shape)?;
        if facts.data.as_ref().is_some_and(|data| data.len() as u64 != elements) {
            facts.data = None;
        }
    }
    Ok(outputs)
}
