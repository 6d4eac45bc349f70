//! The model as a directed acyclic graph of operators over tensors.

pub mod work;
