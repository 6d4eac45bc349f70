//! From a scenario to measured results: open the processors, run each job for real, simulate it too, compare.

mod machine;
mod measure;
mod memory;
mod table;

pub(crate) use machine::Machine;
pub(crate) use measure::{Summarised, infos, measure};
pub(crate) use table::{table, tell_differences};
