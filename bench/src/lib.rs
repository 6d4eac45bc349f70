//! The common benchmark on `sim`: workloads, measurements, comparison with other engines.

#![forbid(unsafe_code)]

pub mod compare;
pub mod day;
pub mod gap;
pub mod measure;
pub mod replanning;
pub mod strategies;
pub mod sweep;
pub mod workloads;
