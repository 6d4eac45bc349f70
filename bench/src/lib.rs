//! The common benchmark on `sim`: workloads, measurements, comparison with other engines.

pub mod compare;
pub mod measure;
pub mod workloads;
