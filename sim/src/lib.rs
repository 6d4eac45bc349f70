//! Socrates: a pure discrete-event simulator of deep-learning inference on heterogeneous mobile processors.

pub mod graph;
pub mod identifiers;
