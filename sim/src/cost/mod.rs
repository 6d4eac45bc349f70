//! Predicts what one operator, fused kernel, or slice of one costs on one worker.
//!
//! A worker's [`CostModels`] hold one [`ClassModel`] for each [`KernelClass`], and more for single ONNX operator types:
//! non-negative coefficients on physical [`Feature`]s in one sum or in the two arms of a roofline, an optional tree ensemble that
//! corrects them, and the durations of the exact shapes that were measured.
//! Evaluation is pure and total: every operator gets an answer, which says where it comes from.

mod class;
mod error;
mod evaluate;
mod feature;
mod lookup;
mod model;
mod overhead;
mod range;
mod shape;
mod slice;
mod trees;

#[cfg(test)]
mod tests;

pub use class::KernelClass;
pub use error::CostModelError;
pub use evaluate::{Prediction, Provenance};
pub use feature::Feature;
pub use lookup::{ShapeKey, ShapeTable, key_of};
pub use model::{ClassModel, CostModels, FusedCost, Residuals};
pub use overhead::{Overhead, Overheads, SharedErrors};
pub use range::{DIMENSIONS, Dimension, FitRange};
pub use shape::KernelShape;
pub use slice::slice_work;
pub use trees::{Forest, TREE_FEATURES, TreeNode, tree_features};
