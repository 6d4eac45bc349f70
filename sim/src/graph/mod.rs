//! The model as a directed acyclic graph of operators over tensors.
//!
//! A [`RawGraph`] holds what a file says, by name; [`RawGraph::build`] checks it, orders it, infers every shape, element type
//! and small constant, and derives the [`work::OperatorWork`] of every operator. What comes out, a [`Graph`], is immutable:
//! a pass edits [`Graph::to_raw`] and builds again, so no graph exists whose shapes were not checked.
//!
//! ```
//! use sim::graph::{AttributeValue, Attributes, RawGraph};
//!
//! let padded = Attributes::new().with("pads", AttributeValue::Integers(vec![1, 1, 1, 1]));
//! let graph = RawGraph::new("example")
//!     .with_input("image", &[1, 3, 224, 224])
//!     .with_weight("filter", &[64, 3, 3, 3])
//!     .with_operator("Conv", &["image", "filter"], &["features"], padded)
//!     .with_operator("Relu", &["features"], &["result"], Attributes::new())
//!     .with_output("result")
//!     .build()?;
//! assert_eq!(graph.tensor(graph.outputs()[0]).shape, [1, 64, 224, 224]);
//! assert_eq!(graph.total_macs(), 64 * 224 * 224 * 3 * 3 * 3);
//! # Ok::<(), sim::graph::GraphError>(())
//! ```

mod access;
mod attributes;
mod build;
pub mod constant;
mod data_type;
mod derive;
mod error;
mod geometry;
mod infer;
mod operator;
mod order;
mod raw;
mod roles;
pub mod shape;
mod tensor;
mod validated;
pub mod work;

#[cfg(test)]
mod tests;

pub use attributes::{AttributeValue, Attributes, TensorAttribute};
pub use constant::ConstantData;
pub use data_type::DataType;
pub use error::GraphError;
pub use infer::{InferenceError, rules::known_operator_types};
pub use operator::Operator;
pub use raw::{DeclaredType, RawGraph, RawOperator, RawTensor};
pub use tensor::{Tensor, TensorRole};
pub use validated::Graph;
pub use work::{Access, Geometry, KernelKind, OperatorWork};
