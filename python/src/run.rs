//! Running scenarios, with Python free to do other things meanwhile.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use rayon::prelude::*;
use results::{Figures, figures};
use runner::{
    Cause, Inputs, Job, JobFailure, Simulated, Watch, check_size, jobs, replicates_by, simulate, simulate_by, thread_pool,
};
use scenarios::{Document, Scenario as Validated};
use sim::strategy::registry;

use crate::error::{self, SimulationError};
use crate::result::{Kept, Runs};
use crate::scenario::Scenario;
use crate::strategy::{Raised, Written};

/// How often the interpreter is asked whether the user wants to stop.
const POLL: Duration = Duration::from_millis(50);

/// Told when the user wants to stop.
pub(crate) struct Interrupt(AtomicBool);

impl Watch for Interrupt {
    fn begin(&self, _: usize) {}

    fn advance(&self) {}

    fn is_interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Does work on another thread with the interpreter released, and stops it when Python is interrupted.
pub(crate) fn watched<T: Send>(py: Python<'_>, work: impl FnOnce(&Interrupt) -> T + Send) -> PyResult<T> {
    let interrupt = Interrupt(AtomicBool::new(false));
    let interrupt = &interrupt;
    py.detach(|| {
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            // A receiver that is gone wants no value.
            let worker = scope.spawn(move || drop(sender.send(work(interrupt))));
            let mut stopped = None;
            loop {
                match receiver.recv_timeout(POLL) {
                    Ok(value) => break stopped.map_or(Ok(value), Err),
                    Err(RecvTimeoutError::Timeout) => {
                        #[expect(clippy::redundant_closure_for_method_calls, reason = "its lifetime is not general enough")]
                        let checked = Python::attach(|py| py.check_signals());
                        if let Err(error) = checked {
                            interrupt.0.store(true, Ordering::Relaxed);
                            stopped = Some(error);
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => match worker.join() {
                        Err(panic) => resume_unwind(panic),
                        Ok(()) => return Err(SimulationError::new_err("a thread ended without a result")),
                    },
                }
            }
        })
    })
}

/// What a run is asked for.
struct Request {
    scenario: Document<Validated>,
    /// Strategies written in Python, by their names.
    written: BTreeMap<String, Py<PyAny>>,
    threads: Option<u16>,
    keep_records: bool,
}

impl Request {
    fn simulate<'a>(&self, job: &Job, inputs: &'a Arc<Inputs>, seed: u64) -> Result<Simulated<'a>, Failed> {
        let scenario = &self.scenario.value;
        let Some(object) = self.written.get(&job.strategy) else {
            return simulate(job, scenario, inputs, seed).map_err(Failed::Cause);
        };
        let raised = Raised::default();
        let mut strategy = Written::new(object, inputs, job, seed, &raised).map_err(Failed::Raised)?;
        let result = simulate_by(&mut strategy, job, scenario, inputs, seed);
        match raised.take() {
            Some(error) => Err(Failed::Raised(error)),
            None => result.map_err(Failed::Cause),
        }
    }

    fn run(self, watch: &Interrupt, command_line: Vec<String>) -> PyResult<Runs> {
        let scenario = &self.scenario.value;
        let inputs = Arc::new(Inputs::load(scenario).map_err(|error| error::run(&error))?);
        let jobs = jobs(scenario, &inputs);
        check_size(&jobs, scenario, &inputs).map_err(|error| error::run(&error))?;
        let pool = thread_pool(self.threads).map_err(|error| error::run(&error))?;
        let one = |job: &Job| (!watch.is_interrupted()).then(|| self.kept(job, &inputs));
        let simulated: Vec<Option<Result<Kept, Failed>>> = pool.install(|| jobs.par_iter().map(one).collect());
        let (mut kept, mut failures) = (Vec::new(), Vec::new());
        for (job, result) in jobs.iter().zip(simulated) {
            match result {
                None => return Err(error::run(&runner::RunError::Interrupted)),
                Some(Ok(run)) => kept.push(run),
                Some(Err(Failed::Raised(error))) => return Err(error),
                Some(Err(Failed::Cause(cause))) => {
                    failures.push(JobFailure { case: job.case.clone(), strategy: job.strategy.clone(), cause });
                }
            }
        }
        let figures_of = |job: &Job, seed: u64| self.figures(job, &inputs, seed);
        let replicated = (scenario.replicates > 1).then(|| replicates_by(&jobs, scenario, self.threads, watch, &figures_of));
        let replicated = replicated.transpose().map_err(|error| error::run(&error))?;
        Ok(Runs { scenario: self.scenario, inputs, kept, failures, replicated, command_line, has_records: self.keep_records })
    }

    fn kept(&self, job: &Job, inputs: &Arc<Inputs>) -> Result<Kept, Failed> {
        let Simulated { mut records, summary, report, .. } = self.simulate(job, inputs, self.scenario.value.seed)?;
        if !self.keep_records {
            records = Vec::new();
        }
        Ok(Kept { job: job.clone(), records, summary, report })
    }

    fn figures(&self, job: &Job, inputs: &Arc<Inputs>, seed: u64) -> Result<Figures, Cause> {
        match self.simulate(job, inputs, seed) {
            Ok(simulated) => Ok(figures(&simulated.report)),
            Err(Failed::Cause(cause)) => Err(cause),
            Err(Failed::Raised(error)) => Err(Cause::Other(error.to_string())),
        }
    }
}

/// Why there is no result of a run.
enum Failed {
    /// For a reason of the simulator's.
    Cause(Cause),
    /// A strategy raised an exception.
    Raised(PyErr),
}

/// Simulates every case of a scenario under every strategy.
#[pyfunction]
#[pyo3(signature = (scenario, strategies, seed, replicates, threads, keep_records, command_line))]
#[expect(clippy::too_many_arguments, reason = "the face of this is in Python")]
pub(crate) fn run(
    py: Python<'_>,
    scenario: &Scenario,
    strategies: Option<Vec<(String, Option<Py<PyAny>>)>>,
    seed: Option<u64>,
    replicates: Option<u32>,
    threads: Option<u16>,
    keep_records: bool,
    command_line: Vec<String>,
) -> PyResult<Runs> {
    let mut document = Document::clone(&scenario.document);
    let mut written = BTreeMap::new();
    if let Some(strategies) = strategies {
        document.value.strategies.clear();
        for (name, object) in strategies {
            match object {
                Some(object) if registry::entry(&name).is_ok() || written.contains_key(&name) => {
                    let what = object.bind(py).get_type().name()?;
                    return Err(error::input(format!("the strategy of class `{what}` needs another name: there is a `{name}`")));
                }
                Some(object) => {
                    written.insert(name.clone(), object);
                }
                None => drop(registry::build(&name).map_err(error::input)?),
            }
            document.value.strategies.push(name);
        }
        document.value.strategies.dedup();
    }
    if let Some(seed) = seed {
        document.value.seed = seed;
    }
    if let Some(replicates) = replicates {
        document.value.replicates = replicates;
    }
    let request = Request { scenario: document, written, threads, keep_records };
    watched(py, |interrupt| request.run(interrupt, command_line))?
}
