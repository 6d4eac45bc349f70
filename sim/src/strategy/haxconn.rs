//! `haxconn`: several models together, each on one processor or on two with one transition, contention counted.
//!
//! Source: Dagli and Belviranli, "Shared memory-contention-aware concurrent DNN execution for diversely heterogeneous system-on-chips"
//! (`HaX-CoNN`), `PPoPP` 2024.
//! Rule: each model is cut into at most `groups` groups of operators of about equal time. Of all ways to run each on one worker, or
//! the first groups on one and the rest on another, the combination with the least time until all models have ended, if they start
//! together: a worker runs one thing at a time, a transition takes its copies, and what runs at the same time shares the bandwidth of
//! the DRAM, or is slowed by the device's measured curves. (The paper asks a solver; here all combinations are searched by branch and bound, at most `evaluations` of them.)
//! Ignores: when requests really arrive, more than one transition, parallel branches, whatever changes at run time.

mod schedule;

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::platform::Device;
use crate::strategy::haxconn::schedule::{Contention, Leg, Route, length_ns};
use crate::strategy::list::{WORKERS, workers_of};
use crate::strategy::parameters::{Parameter, ParameterKind};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "haxconn",
    summary: "several models together, each with at most one transition between processors, contention counted",
    granularity: "layer group",
    optimises: "latency or throughput of all models together, with contention",
    ignores: "real arrivals, parallel branches, load",
    accelerator: None,
    parameters: &[
        WORKERS,
        Parameter { name: "groups", kind: ParameterKind::Plain, default: "10", summary: "most groups that a model is cut into" },
        Parameter {
            name: "evaluations",
            kind: ParameterKind::Plain,
            default: "20000",
            summary: "most combinations that are tried",
        },
    ],
    build: |parameters| {
        Ok(Box::new(HaxConn {
            workers: parameters.names("workers"),
            groups: parameters.number("groups", 1)? as usize,
            evaluations: parameters.number("evaluations", 1)? as usize,
        }))
    },
};

struct HaxConn {
    workers: Vec<String>,
    groups: usize,
    evaluations: usize,
}

impl Strategy for HaxConn {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let workers = workers_of(ENTRY.name, &self.workers, view.device)?;
        let alone = [*job];
        let own = view.jobs.iter().position(|other| other.model == job.model);
        let (jobs, own) = own.map_or((&alone[..], 0), |own| (view.jobs, own));
        let mut routes: Vec<Vec<Route>> = Vec::with_capacity(jobs.len());
        for job in jobs {
            let of_job = self.routes(job, view.device, &workers);
            if of_job.is_empty() {
                return Err(PlanError::Missing {
                    strategy: ENTRY.name.to_owned(),
                    needs: format!("workers that can run `{}` with one transition at most", job.name),
                    device: view.device.name().to_owned(),
                });
            }
            routes.push(of_job);
        }
        // Every model's plan comes from the same search: its outcome depends on nothing but the view.
        let capacity = view.device.dram().map_or(f64::INFINITY, |dram| view.device.channel(dram).bytes_per_second * 1e-9);
        let curves: Vec<_> = workers.iter().map(|&worker| view.device.slowdown(worker)).collect();
        let mut search = Search::new(&routes, Contention { capacity, curves: &curves }, self.evaluations);
        search.descend(0);
        let route = &routes[own][search.best[own]];
        let mut plan = Plan::new();
        for leg in &route.legs {
            let tasks = (leg.tasks.0..leg.tasks.1).map(TaskId::from_index);
            plan.segment(Some(workers[leg.worker]), tasks);
        }
        Ok(plan)
    }
}

impl HaxConn {
    /// All ways to run a model with at most one transition, shortest alone first.
    fn routes(&self, job: &Job<'_>, device: &Device, workers: &[WorkerId]) -> Vec<Route> {
        let count = job.tasks.task_count();
        let leg = |worker: usize, from: usize, to: usize| -> Option<Leg> {
            let tasks: Vec<TaskId> = (from..to).map(TaskId::from_index).collect();
            let enter_ns = device.worker(workers[worker]).invocation_ns;
            let duration_ns = job.costs.segment_ns(&tasks, workers[worker])?.saturating_add(enter_ns) as f64;
            let bytes: f64 = tasks
                .iter()
                .filter_map(|&task| job.costs.whole(task, workers[worker]))
                .map(|cost| cost.memory_bytes as f64)
                .sum();
            let demand = if duration_ns > 0.0 { bytes / duration_ns } else { 0.0 };
            Some(Leg { worker, tasks: (from, to), before_ns: 0.0, duration_ns, demand })
        };
        let mut routes = Vec::new();
        let mut add = |mut legs: Vec<Leg>| {
            copies(job, device, workers, &mut legs);
            let end_ns = back_ns(job, device, workers, &legs);
            let alone_ns = legs.iter().map(|leg| leg.before_ns + leg.duration_ns).sum::<f64>() + end_ns;
            routes.push(Route { legs, end_ns, alone_ns });
        };
        for worker in 0..workers.len() {
            if let Some(whole) = leg(worker, 0, count) {
                add(vec![whole]);
            }
        }
        for cut in cuts(job, workers, self.groups) {
            for first in 0..workers.len() {
                for second in (0..workers.len()).filter(|&second| second != first) {
                    if let (Some(one), Some(other)) = (leg(first, 0, cut), leg(second, cut, count)) {
                        add(vec![one, other]);
                    }
                }
            }
        }
        routes.sort_by(|one, other| one.alone_ns.total_cmp(&other.alone_ns));
        routes
    }
}

/// Where groups of about equal time end, by each task's least time.
fn cuts(job: &Job<'_>, workers: &[WorkerId], groups: usize) -> Vec<usize> {
    let least = |task: TaskId| workers.iter().filter_map(|&worker| job.costs.duration_ns(task, worker)).min().unwrap_or(0);
    let times: Vec<u64> = job.tasks.tasks().map(least).collect();
    let total: u64 = times.iter().sum();
    let groups = groups.min(times.len());
    let mut ends = Vec::new();
    let mut sum = 0u64;
    for (index, time) in times.iter().enumerate().take(times.len().saturating_sub(1)) {
        sum += time;
        // Times of nothing at all are cut by count.
        let reached = if total > 0 {
            u128::from(sum) * groups as u128 / u128::from(total)
        } else {
            ((index + 1) * groups / times.len()) as u128
        };
        if reached as usize > ends.len() && ends.len() + 1 < groups {
            ends.push(index + 1);
        }
    }
    ends
}

/// Sets what each leg waits for: the copies of what it reads from elsewhere.
fn copies(job: &Job<'_>, device: &Device, workers: &[WorkerId], legs: &mut [Leg]) {
    let memory = |worker: usize| device.worker(workers[worker]).memory;
    for at in 0..legs.len() {
        let (from, to) = legs[at].tasks;
        let mut read: Vec<_> = (from..to).flat_map(|task| job.tasks.inputs(TaskId::from_index(task)).iter().copied()).collect();
        read.sort_unstable();
        read.dedup();
        let place = |task: TaskId| {
            legs.iter().find(|leg| (leg.tasks.0..leg.tasks.1).contains(&task.index())).map(|leg| memory(leg.worker))
        };
        let copy_ns = |&data: &crate::identifiers::DataId| {
            let source = job.tasks.producer(data).map_or(Some(device.host()), place).unwrap_or(device.host());
            device.copy_ns(source, memory(legs[at].worker), job.tasks.bytes(data)) as f64
        };
        let before_ns = read
            .iter()
            .filter(|&&data| job.tasks.producer(data).is_none_or(|producer| producer.index() < from))
            .map(copy_ns)
            .sum();
        legs[at].before_ns = before_ns;
    }
}

/// Bringing the outputs back after the last leg.
fn back_ns(job: &Job<'_>, device: &Device, workers: &[WorkerId], legs: &[Leg]) -> f64 {
    let Some(last) = legs.last() else { return 0.0 };
    let made = (last.tasks.0..last.tasks.1).flat_map(|task| job.tasks.made(TaskId::from_index(task)));
    let memory = device.worker(workers[last.worker]).memory;
    let outputs = made.filter(|&&data| job.tasks.is_output(data));
    outputs.map(|&data| device.copy_ns(memory, device.host(), job.tasks.bytes(data)) as f64).sum()
}

/// Depth first over the models, one route for each.
struct Search<'a> {
    routes: &'a [Vec<Route>],
    contention: Contention<'a>,
    chosen: Vec<usize>,
    /// Time that the routes chosen take on each worker.
    load_ns: Vec<f64>,
    best: Vec<usize>,
    best_ns: f64,
    left: usize,
}

impl<'a> Search<'a> {
    /// Starts from the best that changing one model at a time leads to.
    fn new(routes: &'a [Vec<Route>], contention: Contention<'a>, evaluations: usize) -> Self {
        let mut search = Self {
            routes,
            contention,
            chosen: Vec::new(),
            load_ns: vec![0.0; contention.curves.len()],
            best: vec![0; routes.len()],
            best_ns: f64::INFINITY,
            left: evaluations,
        };
        search.best_ns = search.evaluate(&search.best.clone());
        let mut improved = true;
        while improved {
            improved = false;
            for model in 0..routes.len() {
                for route in 0..routes[model].len() {
                    if search.left == 0 {
                        return search;
                    }
                    let mut tried = search.best.clone();
                    tried[model] = route;
                    let tried_ns = search.evaluate(&tried);
                    if tried_ns < search.best_ns {
                        (search.best, search.best_ns, improved) = (tried, tried_ns, true);
                    }
                }
            }
        }
        search
    }

    fn evaluate(&mut self, chosen: &[usize]) -> f64 {
        self.left = self.left.saturating_sub(1);
        let routes: Vec<&Route> = chosen.iter().zip(self.routes).map(|(&route, routes)| &routes[route]).collect();
        length_ns(&routes, self.contention)
    }

    fn descend(&mut self, model: usize) {
        if model == self.routes.len() {
            let chosen = self.chosen.clone();
            let length = self.evaluate(&chosen);
            if length < self.best_ns {
                (self.best, self.best_ns) = (chosen, length);
            }
            return;
        }
        for at in 0..self.routes[model].len() {
            let route = &self.routes[model][at];
            // Routes are sorted: none that follows is shorter.
            if route.alone_ns >= self.best_ns || self.left == 0 {
                return;
            }
            for leg in &route.legs {
                self.load_ns[leg.worker] += leg.duration_ns;
            }
            if self.load_ns.iter().all(|&load_ns| load_ns < self.best_ns) {
                self.chosen.push(at);
                self.descend(model + 1);
                self.chosen.pop();
            }
            for leg in &self.routes[model][at].legs {
                self.load_ns[leg.worker] -= leg.duration_ns;
            }
        }
    }
}
