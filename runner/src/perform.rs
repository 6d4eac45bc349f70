//! Simulates runs side by side and writes them down in order.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use results::RunWriter;
use scenarios::Scenario;

use crate::{Cause, Inputs, Job, JobFailure, RunError, Simulated, Watch, simulate};

/// Runs simulated before they are written, for each thread: bounds the records held in memory.
const RUNS_AHEAD: usize = 4;

/// Threads to work on; `None` for one on each processor of this machine.
///
/// # Errors
/// Where the machine gives none.
pub fn thread_pool(threads: Option<u16>) -> Result<ThreadPool, RunError> {
    ThreadPoolBuilder::new()
        .num_threads(threads.map_or(0, usize::from))
        .build()
        .map_err(|error| RunError::Input(format!("no threads to work on: {error}")))
}

/// Simulates all runs on some threads, and adds them to the writer in their order. Runs that cannot be simulated are returned.
///
/// # Errors
/// Where results cannot be written, or the watch interrupts.
pub fn perform(
    jobs: &[Job],
    scenario: &Scenario,
    inputs: &Inputs,
    mut writer: RunWriter,
    threads: Option<u16>,
    watch: &dyn Watch,
) -> Result<(RunWriter, Vec<JobFailure>), RunError> {
    let pool = thread_pool(threads)?;
    watch.begin(jobs.len());
    let mut failures = Vec::new();
    for some in jobs.chunks(pool.current_num_threads() * RUNS_AHEAD) {
        let one = |job: &Job| {
            let result = (!watch.is_interrupted()).then(|| simulate(job, scenario, inputs, scenario.seed));
            watch.advance();
            result
        };
        let simulated: Vec<Option<Result<Simulated<'_>, Cause>>> = pool.install(|| some.par_iter().map(one).collect());
        for (job, result) in some.iter().zip(simulated) {
            match result {
                None => return Err(RunError::Interrupted),
                Some(Ok(simulated)) => writer.add(&simulated.result(job, scenario, &inputs.device))?,
                Some(Err(cause)) => {
                    failures.push(JobFailure { case: job.case.clone(), strategy: job.strategy.clone(), cause });
                }
            }
        }
    }
    if watch.is_interrupted() { Err(RunError::Interrupted) } else { Ok((writer, failures)) }
}
