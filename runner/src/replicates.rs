//! Replicates of all runs, side by side: figures only, no records.

use rayon::prelude::*;
use results::{Figures, ReplicatesFile, SCHEMA_VERSION, figures};
use scenarios::Scenario;

use crate::{Cause, Inputs, Job, RunError, Watch, simulate, thread_pool};

/// Simulates every replicate of every run. A run that fails in some replicate is left out: its failure is told of the first.
///
/// The result does not depend on the number of threads: each replicate has a seed of its own, and figures are taken in their order.
///
/// # Errors
/// Where the watch interrupts.
pub fn replicates(
    jobs: &[Job],
    scenario: &Scenario,
    inputs: &Inputs,
    threads: Option<u16>,
    watch: &dyn Watch,
) -> Result<ReplicatesFile, RunError> {
    replicates_by(jobs, scenario, threads, watch, &|job, seed| {
        simulate(job, scenario, inputs, seed).map(|simulated| figures(&simulated.report))
    })
}

/// The same by a simulation of the caller's: figures of a run with a seed.
///
/// # Errors
/// Where the watch interrupts.
pub fn replicates_by(
    jobs: &[Job],
    scenario: &Scenario,
    threads: Option<u16>,
    watch: &dyn Watch,
    simulate: &(dyn Fn(&Job, u64) -> Result<Figures, Cause> + Sync),
) -> Result<ReplicatesFile, RunError> {
    let pool = thread_pool(threads)?;
    let count = scenario.replicates;
    watch.begin(jobs.len() * count as usize);
    let seeds: Vec<u64> = (0..count).map(|replicate| scenario.replicate_seed(replicate)).collect();
    let mut file = ReplicatesFile::new(SCHEMA_VERSION, seeds.clone());
    for job in jobs {
        let one = |&seed: &u64| {
            let result = (!watch.is_interrupted()).then(|| simulate(job, seed));
            watch.advance();
            result
        };
        let all: Option<Vec<Result<Figures, Cause>>> = pool.install(|| seeds.par_iter().map(one).collect());
        let Some(all) = all else { return Err(RunError::Interrupted) };
        if let Ok(all) = all.into_iter().collect::<Result<Vec<Figures>, Cause>>() {
            file.add(&job.case, &job.strategy, &all);
        }
    }
    Ok(file)
}
