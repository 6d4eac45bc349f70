//! From a scenario to measured results: open the processors, run each job for real, simulate it too, compare.

mod again;
mod machine;
mod measure;
mod memory;
mod table;
mod workload;

pub(crate) use again::{Again, Beside, BesideFrames, Decider, How, again, arrivals_ns, interest, latencies_ns};
pub(crate) use machine::{Machine, frames_on};
pub(crate) use measure::{Measured, Summarised, infos, measure};
pub(crate) use table::{table, tell_differences};
