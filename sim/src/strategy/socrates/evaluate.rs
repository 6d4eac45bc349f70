//! What plans are worth: simulated, with everything that the engine knows and planners leave out.

use crate::engine::{self, Model, Options};
use crate::identifiers::ModelId;
use crate::memory::{MemoryOptions, MemoryPlan};
use crate::plan::{Plan, Program};
use crate::platform::Device;
use crate::record::{NoRecorder, Record, Recorder};
use crate::strategy::socrates::objective::Objective;
use crate::strategy::socrates::portfolio::Candidate;
use crate::task::{CostTable, TaskGraph};
use crate::workload::{Arrivals, Stream};

/// Requests of one model that are simulated beside others, at most: what that takes has a bound, however much faster it is than they are.
const MOST_TURNS: u64 = 32;

/// A model with what it is expected to cost.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) tasks: &'a TaskGraph,
    pub(super) costs: &'a CostTable,
}

/// Simulates plans on a device and counts what that takes.
pub(super) struct Evaluator<'a> {
    device: &'a Device,
    options: Options,
    objective: Objective,
    /// Kernels simulated, for the account of what planning took.
    pub(super) kernels: u64,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(device: &'a Device, objective: Objective) -> Self {
        Self { device, options: Options::default(), objective, kernels: 0 }
    }

    /// What a change of a plan is judged by: latency alone, or where energy counts, picojoules that a request adds.
    pub(super) fn worth(&mut self, subject: Subject<'_>, plan: &Plan) -> Option<u64> {
        match self.objective {
            Objective::Energy => {
                let program = self.compile(subject, plan)?;
                let (energy_j, _) = self.spent(subject, &program)?;
                Some(libm::round(energy_j * 1e12) as u64)
            }
            Objective::Latency | Objective::Deadline => self.alone_ns(subject, plan),
        }
    }

    /// Fills in what the objective looks at beside latency.
    pub(super) fn account(&mut self, subject: Subject<'_>, candidate: &mut Candidate) {
        if self.objective != Objective::Latency
            && let Some(program) = self.compile(subject, &candidate.plan)
            && let Some((energy_j, occupied_ns)) = self.spent(subject, &program)
        {
            (candidate.energy_j, candidate.occupied_ns) = (energy_j, occupied_ns);
        }
    }

    /// Energy that a request adds to what the device draws anyway, and core-nanoseconds that it occupies.
    fn spent(&mut self, subject: Subject<'_>, program: &Program) -> Option<(f64, u64)> {
        self.options.environment.energy = self.device.power().is_some();
        let records = self.records(&[subject], std::slice::from_ref(program));
        self.options.environment.energy = false;
        let (mut energy_j, mut occupied_ns) = (0.0, 0);
        for record in records? {
            match record {
                Record::Energy(energy) => energy_j += energy.active_j + energy.memory_j,
                Record::Kernel(kernel) => {
                    occupied_ns += (kernel.end_ns - kernel.start_ns) * u64::from(self.device.worker(kernel.worker).threads());
                }
                _ => {}
            }
        }
        Some((energy_j, occupied_ns))
    }

    /// Latency of one request with nothing else running; `None` for a plan that is invalid or exceeds the memory there is.
    pub(super) fn alone_ns(&mut self, subject: Subject<'_>, plan: &Plan) -> Option<u64> {
        let program = self.compile(subject, plan)?;
        self.together_ns(&[subject], &[program])
    }

    /// A valid plan that fits, compiled.
    pub(super) fn compile(&self, subject: Subject<'_>, plan: &Plan) -> Option<Program> {
        let program = Program::compile(plan, subject.tasks, subject.costs).ok()?;
        let fits = self.device.memory_limit_bytes().is_none_or(|limit_bytes| {
            let memory = MemoryPlan::of_program(&program, subject.tasks, self.device, MemoryOptions::default());
            memory.is_none_or(|memory| memory.peak_bytes() <= limit_bytes)
        });
        fits.then_some(program)
    }

    /// Time until one request of each model, all begun at once, has ended.
    pub(super) fn together_ns(&mut self, subjects: &[Subject<'_>], programs: &[Program]) -> Option<u64> {
        self.kernels += programs.iter().map(|program| program.kernel_count() as u64).sum::<u64>();
        let models = models(subjects);
        let streams = streams(subjects.len());
        let summary =
            engine::simulate_programs(self.device, &models, programs.to_vec(), streams, None, &self.options, &mut NoRecorder);
        summary.ok().filter(|summary| summary.completed == summary.arrived).map(|summary| summary.end_ns)
    }

    /// For each of several models, each with one request after the other, what one of them takes on average, until `horizon_ns` or
    /// [`MOST_TURNS`] of them have ended.
    pub(super) fn periods_ns(&mut self, subjects: &[Subject<'_>], programs: &[Program], horizon_ns: u64) -> Option<Vec<f64>> {
        let mut streams = streams(subjects.len());
        for stream in &mut streams {
            stream.limit = Some(MOST_TURNS);
        }
        let mut rounds = Rounds { completed: vec![(0, 0); subjects.len()], kernels: 0 };
        self.options.horizon_ns = Some(horizon_ns);
        let models = models(subjects);
        let summary =
            engine::simulate_programs(self.device, &models, programs.to_vec(), streams, None, &self.options, &mut rounds);
        self.options.horizon_ns = None;
        self.kernels += rounds.kernels;
        summary.ok()?;
        // One that did not end took at least until the horizon.
        let period = |&(count, last_ns): &(u64, u64)| {
            let ended = if count > 0 { last_ns as f64 / count as f64 } else { 0.0 };
            if count < MOST_TURNS { ended.max(horizon_ns as f64 / (count + 1) as f64) } else { ended }
        };
        Some(rounds.completed.iter().map(period).collect())
    }

    /// How much longer than alone kernels take on each worker under these plans: what sharing bandwidth costs.
    pub(super) fn slowdowns(&mut self, subjects: &[Subject<'_>], programs: &[Program]) -> Option<Vec<f64>> {
        let mut sums = vec![(0.0, 0.0); self.device.workers().len()];
        for record in self.records(subjects, programs)? {
            if let Record::Kernel(kernel) = record {
                let (took_ns, solo_ns) = &mut sums[kernel.worker.index()];
                *took_ns += (kernel.end_ns - kernel.start_ns) as f64;
                *solo_ns += kernel.solo_ns as f64;
            }
        }
        Some(sums.into_iter().map(|(took_ns, solo_ns)| if solo_ns > 0.0 { took_ns / solo_ns } else { 1.0 }).collect())
    }

    fn records(&mut self, subjects: &[Subject<'_>], programs: &[Program]) -> Option<Vec<Record>> {
        self.kernels += programs.iter().map(|program| program.kernel_count() as u64).sum::<u64>();
        let mut records = Vec::new();
        let (models, streams) = (models(subjects), streams(subjects.len()));
        engine::simulate_programs(self.device, &models, programs.to_vec(), streams, None, &self.options, &mut records).ok()?;
        Some(records)
    }
}

/// Counts requests that end.
struct Rounds {
    /// For each model how many ended, and when the last did.
    completed: Vec<(u64, u64)>,
    kernels: u64,
}

impl Recorder for Rounds {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Kernel(_) => self.kernels += 1,
            Record::Request(request) => {
                let (count, last_ns) = &mut self.completed[request.model.index()];
                (*count, *last_ns) = (*count + 1, request.ended_ns);
            }
            _ => {}
        }
    }
}

fn models<'a>(subjects: &[Subject<'a>]) -> Vec<Model<'a>> {
    subjects.iter().map(|subject| Model { name: "", tasks: subject.tasks, costs: subject.costs }).collect()
}

fn streams(count: usize) -> Vec<Stream> {
    let once = |model| Stream::new(ModelId::from_index(model), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(1));
    (0..count).map(once).collect()
}
