//! Why cost models are refused.

use thiserror::Error;

/// Why a cost model cannot be used.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CostModelError {
    /// A class without a model.
    #[error("no cost model for class `{class}`: every class needs one, measured or assumed")]
    Missing {
        /// The class.
        class: &'static str,
    },
    /// A class with two models.
    #[error("two cost models for class `{class}`: one is right")]
    Twice {
        /// The class.
        class: &'static str,
    },
    /// A number out of range.
    #[error("{what} of class `{class}` is {value}: must be {right}")]
    OutOfRange {
        /// Which number.
        what: String,
        /// Of which class.
        class: &'static str,
        /// Its value.
        value: f64,
        /// What would be right.
        right: &'static str,
    },
    /// A number of the whole worker out of range.
    #[error("{what} is {value}: must be {right}")]
    WorkerOutOfRange {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What would be right.
        right: &'static str,
    },
    /// A split on no feature or at no number.
    #[error("tree node {node} splits feature {feature} at {threshold}: must be a feature below 16 and a finite number")]
    BadSplit {
        /// Index of the node.
        node: usize,
        /// The feature.
        feature: u8,
        /// The threshold.
        threshold: f64,
    },
    /// A leaf that is no number.
    #[error("tree node {node} is a leaf of value {value}: must be finite")]
    BadLeaf {
        /// Index of the node.
        node: usize,
        /// The value.
        value: f64,
    },
    /// The last tree lacks branches.
    #[error("the last tree is cut short after node {nodes}: every split needs two branches")]
    TreeCutShort {
        /// Nodes there are.
        nodes: usize,
    },
    /// Two durations for one shape.
    #[error("shape {key:?} of class `{class}` stands twice in the table of measured shapes")]
    ShapeTwice {
        /// The class.
        class: &'static str,
        /// The shape.
        key: [u32; 7],
    },
}
