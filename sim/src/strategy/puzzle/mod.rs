//! `puzzle`: a genetic search over partition, mapping and priority of several models together.
//!
//! Source: "Puzzle", arXiv 2508.17764 (abstract): three chromosomes, for where models are cut, where sub-graphs run and which model
//! goes first; fitness by measuring, since times of layers do not add up; a model of communication.
//! Rule: candidates are bred for at most `evaluations` runs; the fitness of one is simulated with all models at once, two requests of
//! each: the sum over models of their latency in units of that on their best worker alone. The search is seeded by the run's seed and
//! starts from every model whole on each worker, and from the plans of `heft`.
//! Ignores: how often requests really arrive, deadlines, splits, whatever changes at run time.

mod genome;

use crate::engine::{Model, Options, simulate_programs};
use crate::identifiers::{ModelId, WorkerId};
use crate::plan::{Plan, PlanError, Program};
use crate::random::{Purpose, Stream as Random};
use crate::record::{Outcome, Record, Recorder};
use crate::strategy::list::{WORKERS, workers_of};
use crate::strategy::parameters::{Parameter, ParameterKind};
use crate::strategy::puzzle::genome::{Candidate, Genes};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Heft, Job, Strategy};
use crate::workload::{Arrivals, Stream};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "puzzle",
    summary: "a seeded genetic search over where models are cut, where the parts run and which model goes first",
    granularity: "sub-graph",
    optimises: "simulated latency of all models, by genetic search",
    ignores: "arrival rates, deadlines, shared operators, load",
    accelerator: None,
    parameters: &[
        WORKERS,
        Parameter {
            name: "evaluations",
            kind: ParameterKind::Plain,
            default: "400",
            summary: "most candidates that are simulated",
        },
        Parameter { name: "population", kind: ParameterKind::Plain, default: "20", summary: "candidates kept; at least 4" },
    ],
    build: |parameters| {
        Ok(Box::new(Puzzle {
            workers: parameters.names("workers"),
            evaluations: parameters.number("evaluations", 1)? as usize,
            population: parameters.number("population", 4)? as usize,
            found: None,
        }))
    },
};

struct Puzzle {
    workers: Vec<String>,
    evaluations: usize,
    population: usize,
    /// The plans of all models, and what they were searched for.
    found: Option<(u64, Vec<Plan>)>,
}

impl Strategy for Puzzle {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let alone = [*job];
        let own = view.jobs.iter().position(|other| other.model == job.model);
        let (jobs, own) = own.map_or((&alone[..], 0), |own| (view.jobs, own));
        // All models are searched together; the search is not repeated for the next of them.
        let key = fingerprint(jobs, view);
        if let Some((known, plans)) = &self.found
            && *known == key
        {
            return Ok(plans[own].clone());
        }
        let workers = workers_of(ENTRY.name, &self.workers, view.device)?;
        let plans = self.search(jobs, view, &workers)?;
        let plan = plans[own].clone();
        self.found = Some((key, plans));
        Ok(plan)
    }
}

impl Puzzle {
    fn search(&self, jobs: &[Job<'_>], view: &DeviceView<'_>, workers: &[WorkerId]) -> Result<Vec<Plan>, PlanError> {
        let genes = Genes::new(ENTRY.name, jobs, workers)?;
        let judge = Judge::new(jobs, view);
        let mut random = Random::new(view.seed, Purpose::Search, 0, 0);
        let mut pool: Vec<(f64, Candidate)> = Vec::new();
        let mut left = self.evaluations;
        let mut start: Vec<Candidate> = (0..workers.len()).map(|worker| genes.whole_on(worker)).collect();
        start.insert(0, genes.of_plans(jobs, workers, |job| Heft::on(self.workers.clone()).plan(job, view))?);
        while start.len() < self.population {
            start.push(genes.drawn(&mut random));
        }
        for candidate in start.into_iter().take(left) {
            pool.push((judge.fitness(&genes.plans(&candidate, workers)), candidate));
            left -= 1;
        }
        rank(&mut pool, self.population);
        while left > 0 {
            let parent = |random: &mut Random| {
                let tournament = (0..3).map(|_| (random.uniform() * pool.len() as f64) as usize);
                &pool[tournament.min().unwrap_or(0)].1
            };
            let (one, other) = (parent(&mut random), parent(&mut random));
            let mut child = Genes::crossed(one, other, &mut random);
            genes.mutate(&mut child, &mut random);
            left -= 1;
            if pool.iter().any(|(_, known)| *known == child) {
                continue;
            }
            let fitness = judge.fitness(&genes.plans(&child, workers));
            pool.push((fitness, child));
            rank(&mut pool, self.population);
        }
        Ok(genes.plans(&pool[0].1, workers))
    }
}

/// Best first, the surplus dropped.
fn rank(pool: &mut Vec<(f64, Candidate)>, population: usize) {
    pool.sort_by(|one, other| one.0.total_cmp(&other.0));
    pool.truncate(population);
}

/// Simulates candidates.
struct Judge<'a> {
    models: Vec<Model<'a>>,
    view: &'a DeviceView<'a>,
    /// For each model, its latency on its best worker, without copies; at least 1.
    alone_ns: Vec<f64>,
}

/// Sums latencies by model.
struct Latencies(Vec<f64>);

impl Recorder for Latencies {
    fn record(&mut self, record: &Record) {
        if let Record::Request(request) = record
            && request.outcome == Outcome::Completed
        {
            self.0[request.model.index()] += (request.ended_ns - request.arrived_ns) as f64;
        }
    }
}

impl<'a> Judge<'a> {
    fn new(jobs: &[Job<'a>], view: &'a DeviceView<'a>) -> Self {
        let models = jobs.iter().map(|job| Model { name: job.name, tasks: job.tasks, costs: job.costs }).collect();
        let least = |job: &Job<'_>| {
            let all: Vec<_> = job.tasks.tasks().collect();
            let best = view.device.worker_ids().filter_map(|worker| job.costs.segment_ns(&all, worker)).min();
            best.unwrap_or(1).max(1) as f64
        };
        Self { models, view, alone_ns: jobs.iter().map(least).collect() }
    }

    /// Less is better; infinite for what cannot run.
    fn fitness(&self, plans: &[Plan]) -> f64 {
        const REQUESTS: u64 = 2;
        let compiled = plans.iter().zip(&self.models).map(|(plan, model)| Program::compile(plan, model.tasks, model.costs));
        let Ok(programs) = compiled.collect::<Result<Vec<_>, _>>() else { return f64::INFINITY };
        let stream =
            |model| Stream::new(ModelId::from_index(model), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(REQUESTS));
        let streams = (0..self.models.len()).map(stream).collect();
        let mut latencies = Latencies(vec![0.0; self.models.len()]);
        let options = Options::default();
        let run = simulate_programs(self.view.device, &self.models, programs, streams, None, &options, &mut latencies);
        if run.is_ok_and(|summary| summary.completed == REQUESTS * self.models.len() as u64) {
            latencies.0.iter().zip(&self.alone_ns).map(|(sum_ns, alone_ns)| sum_ns / alone_ns).sum()
        } else {
            f64::INFINITY
        }
    }
}

/// Tells apart what is searched for: models, costs, seed.
fn fingerprint(jobs: &[Job<'_>], view: &DeviceView<'_>) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325u64 ^ view.seed;
    let mut add = |value: u64| hash = (hash ^ value).wrapping_mul(0x0000_0100_0000_01B3);
    for job in jobs {
        add(u64::from(job.model.0));
        add(job.tasks.task_count() as u64);
        for data in job.tasks.data() {
            add(job.tasks.bytes(data));
        }
        for task in job.tasks.tasks() {
            for worker in view.device.worker_ids() {
                add(job.costs.duration_ns(task, worker).unwrap_or(u64::MAX));
            }
        }
    }
    for worker in view.device.workers() {
        worker.name.bytes().for_each(|byte| add(u64::from(byte)));
        add(worker.invocation_ns);
    }
    for link in view.device.links() {
        add(link.solo_ns(1 << 20));
        add(link.solo_ns(0));
    }
    hash
}
