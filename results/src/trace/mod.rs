//! The timeline of runs as a Perfetto trace: `trace.pftrace`.
//!
//! Each run is a process. Under it stand, in this order: requests of each model, processors with their workers and counters,
//! links, the strategy, shared bandwidth. A track holds one slice at a time: where slices overlap (requests of one model, copies
//! of one link) they go to further tracks of the same name, which Perfetto shows as one. Arrows lead from the kernel that made
//! bytes to the copy that moved them to the kernels that read them, and straight from kernel to kernel where a kernel reads
//! what another worker left in the same memory.

mod arrows;
mod counters;
mod encode;
mod flows;
mod lanes;
mod links;
pub mod schema;
mod slices;
mod tracks;

use std::io::{self, Write};

use crate::RunResult;

/// Writes runs to one trace, each as it comes.
#[derive(Debug)]
pub struct TraceWriter<W> {
    inner: W,
    runs: u32,
}

impl<W: Write> TraceWriter<W> {
    /// A trace without runs.
    pub fn new(inner: W) -> Self {
        Self { inner, runs: 0 }
    }

    /// Adds a run.
    ///
    /// # Panics
    /// If the records name models, tasks, workers or links that the run does not have.
    pub fn add(&mut self, run: &RunResult<'_>) -> io::Result<()> {
        self.runs += 1;
        encode::run(run, self.runs, &mut self.inner)
    }

    /// Adds two runs of the same requests, a prediction and what was measured, side by side; arrows link what is the same in both.
    ///
    /// # Panics
    /// As [`Self::add`].
    pub fn add_both(&mut self, one: &RunResult<'_>, other: &RunResult<'_>) -> io::Result<()> {
        self.runs += 2;
        encode::both(one, other, self.runs - 1, &mut self.inner)
    }

    /// What the trace was written to.
    pub fn into_inner(self) -> W {
        self.inner
    }
}
