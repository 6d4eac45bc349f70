//! The common benchmark on `sim`: workloads, measurements, comparison with other engines.

#![forbid(unsafe_code)]

pub mod compare;
pub mod measure;
pub mod strategies;
pub mod workloads;
