//! What the two canaries take on every worker at this moment: beside executions, they tell the machine's drift from the model's error.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::host::canary::Canaries;
use crate::host::clock::{Clock, RealClock};
use crate::host::measure::{MeasureError, Options, WorkerToMeasure};
use crate::host::rounds::{Outcome, measure_units};
use crate::host::worker::{Gone, Worker};

/// What the canaries of a worker took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryReading {
    /// The worker.
    pub worker: String,
    /// When, in milliseconds since 1970.
    pub unix_ms: u64,
    /// A convolution whose data fit into a core's own cache: 10th percentile.
    pub compute_ns: u64,
    /// A sum whose data do not: 10th percentile.
    pub memory_ns: u64,
}

/// Measures the canaries on each worker, one after the other. A worker on which they could not be measured is left out.
///
/// # Errors
/// If a processor cannot be opened, or is lost.
pub fn probe(workers: Vec<WorkerToMeasure>, interrupt: &AtomicBool) -> Result<Vec<CanaryReading>, MeasureError> {
    let epoch = Instant::now();
    let clocks = |cores: &[usize]| -> Box<dyn Clock> { Box::new(RealClock::new(epoch, cores)) };
    let limits = Options { quick: true, ..Options::default() }.limits();
    let mut readings = Vec::new();
    for WorkerToMeasure { name, cores, opener } in workers {
        let outcomes = std::thread::scope(|scope| {
            let worker = Worker::start(scope, opener, &clocks, cores);
            let worker = worker.map_err(|error| MeasureError::Open { worker: name.clone(), error })?;
            let measured = worker.call(|station| {
                let (processor, clock) = station.parts()?;
                let must_stop = || interrupt.load(Ordering::Relaxed);
                let subjects = Canaries::subjects();
                Ok((measure_units(processor, clock, &subjects, &limits, &must_stop).outcomes, clock.unix_ms()))
            });
            let measured = measured.map_err(|Gone| MeasureError::Died(name.clone()))?;
            measured.map_err(|error| MeasureError::Lost { worker: name.clone(), error })
        });
        let (outcomes, unix_ms) = outcomes?;
        if let [compute, memory] = outcomes.as_slice()
            && let ([Outcome::Timed(compute)], [Outcome::Timed(memory)]) = (compute.as_slice(), memory.as_slice())
        {
            readings.push(CanaryReading { worker: name, unix_ms, compute_ns: compute.p10_ns, memory_ns: memory.p10_ns });
        }
    }
    Ok(readings)
}
