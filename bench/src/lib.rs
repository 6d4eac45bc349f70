//! The common benchmark on `sim`: workloads, measurements, comparison with other engines.

pub mod measure;
pub mod workloads;
