//! From a scenario to results: load the inputs, list the runs, simulate them side by side.
//!
//! What the command line, the bindings for Python, sweeps and the study share. It prints nothing: progress goes to a [`Watch`].
//!
//! ```
//! use runner::{Inputs, jobs, simulate};
//! use scenarios::{Reference, Scenario};
//! use std::path::Path;
//!
//! let scenario = Scenario::open(&Reference::of("pixel4-together", Path::new("")))?.value;
//! let inputs = Inputs::load(&scenario)?;
//! let job = &jobs(&scenario, &inputs)[0];
//! let simulated = simulate(job, &scenario, &inputs, scenario.seed)?;
//! assert!(!simulated.records.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod error;
mod estimate;
mod inputs;
mod jobs;
mod loader;
mod perform;
mod provenance;
mod replicates;
mod rewrites;
mod simulate;
mod watch;

pub use error::RunError;
pub use estimate::{check_size, grouped};
pub use inputs::{Inputs, Model, device_of};
pub use jobs::{Job, jobs, name_of};
pub use loader::Loader;
pub use perform::{perform, thread_pool};
pub use provenance::provenance;
pub use replicates::{replicates, replicates_by};
pub use simulate::{Cause, JobFailure, Simulated, info, primary, simulate, simulate_by};
pub use watch::{Unwatched, Watch};
