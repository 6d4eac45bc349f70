//! Socrates: a pure discrete-event simulator of deep-learning inference on heterogeneous mobile processors.

#![forbid(unsafe_code)]

pub mod bounds;
pub mod cost;
pub mod engine;
pub mod environment;
pub mod frontend;
pub mod graph;
pub mod identifiers;
pub mod memory;
pub mod metrics;
mod milp;
pub mod plan;
pub mod platform;
pub mod random;
pub mod record;
pub mod statistics;
pub mod strategy;
pub mod task;
pub mod workload;
