//! Lower bounds on the latency of one request: no plan of whole tasks can be faster.
//!
//! Plans that compute a task in parts on several workers at once are not bound by these. Durations and copies are those with nothing
//! else running and without variation: waiting, invocations and shared bandwidth only add to them.

use crate::identifiers::{TaskId, WorkerId};
use crate::milp::Instance;
use crate::plan::{Launch, Part, Piece};
use crate::platform::Device;
use crate::strategy::Job;

/// Lower bounds in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowerBounds {
    /// The longest chain of dependent tasks, each on the worker that suits it and its neighbours best, with the copies between.
    pub critical_path_ns: u64,
    /// All work, each task where it takes the least core time, spread evenly over all cores.
    pub work_ns: u64,
    /// The linear relaxation of the schedule (`None` where it was not asked for, or the solver failed).
    pub relaxation_ns: Option<u64>,
}

/// Most shares of tasks on workers in a relaxation: beyond, solving it takes too long.
pub const LARGEST_RELAXATION: usize = 1_000;

impl LowerBounds {
    /// Critical path and work. `None` if some task can run nowhere.
    pub fn of(job: &Job<'_>, device: &Device) -> Option<Self> {
        let instance = instance(job, device);
        Some(Self { critical_path_ns: critical_path_ns(&instance)?, work_ns: work_ns(&instance)?, relaxation_ns: None })
    }

    /// As [`Self::of`], with the relaxation if tasks times workers is at most [`LARGEST_RELAXATION`].
    pub fn with_relaxation(job: &Job<'_>, device: &Device) -> Option<Self> {
        let bounds = Self::of(job, device)?;
        let instance = instance(job, device);
        if instance.duration_ns.len() > LARGEST_RELAXATION {
            return Some(bounds);
        }
        let relaxation_ns = instance.relaxation_ns(longest_ns(&instance)).map(|ns| {
            // The solver's tolerance, and a nanosecond for rounding.
            (ns * (1.0 - 1e-6) - 1.0).max(0.0) as u64
        });
        Some(Self { relaxation_ns, ..bounds })
    }

    /// The highest.
    pub fn latency_ns(&self) -> u64 {
        self.critical_path_ns.max(self.work_ns).max(self.relaxation_ns.unwrap_or(0))
    }
}

/// Each task at the least it can take on each worker (alone or within a segment), each copy over the shortest way.
fn instance<'a>(job: &Job<'a>, device: &'a Device) -> Instance<'a> {
    let workers: Vec<WorkerId> = device.worker_ids().collect();
    let least = |task: TaskId, worker: WorkerId| {
        let piece = Piece { task, part: Part::Whole };
        let launches = [Launch::Own, Launch::First, Launch::Joined];
        launches.into_iter().filter_map(|launch| job.costs.piece(piece, launch, worker)).map(|cost| cost.duration_ns).min()
    };
    let durations = job.tasks.tasks().flat_map(|task| workers.iter().map(move |&worker| least(task, worker))).collect();
    Instance::new(job, device, workers.clone(), durations).with_shortest_copies()
}

/// Earliest end of each task on each worker, if every task it reads from may be anywhere and nothing waits for a worker.
fn critical_path_ns(instance: &Instance<'_>) -> Option<u64> {
    let (tasks, workers, host) = (instance.tasks, instance.workers.len(), instance.device.host());
    let mut end_ns = vec![u64::MAX; tasks.task_count() * workers];
    let mut longest_ns = 0;
    for task in tasks.tasks() {
        let mut least_ns = u64::MAX;
        for worker in 0..workers {
            let Some(duration_ns) = instance.duration(task, worker) else { continue };
            let to = instance.memory(worker);
            let ready_ns = tasks.inputs(task).iter().map(|&data| match tasks.producer(data) {
                None => instance.copy(data, host, to),
                Some(from) => {
                    let ends = &end_ns[from.index() * workers..][..workers];
                    let arrival = |place: usize| ends[place].saturating_add(instance.copy(data, instance.memory(place), to));
                    (0..workers).map(arrival).min().unwrap_or(0)
                }
            });
            let end = ready_ns.max().unwrap_or(0).saturating_add(duration_ns);
            end_ns[task.index() * workers + worker] = end;
            let outputs = tasks.made(task).iter().filter(|&&data| tasks.is_output(data));
            let back_ns = outputs.map(|&data| instance.copy(data, to, host)).max().unwrap_or(0);
            least_ns = least_ns.min(end.saturating_add(back_ns));
        }
        if least_ns == u64::MAX {
            return None;
        }
        longest_ns = longest_ns.max(least_ns);
    }
    Some(longest_ns)
}

fn work_ns(instance: &Instance<'_>) -> Option<u64> {
    let cores: u128 = instance.device.processors().iter().map(|processor| u128::from(processor.cores)).sum();
    let mut work: u128 = 0;
    for task in instance.tasks.tasks() {
        let core_time = |worker: usize| {
            let threads = instance.device.worker(instance.workers[worker]).threads();
            instance.duration(task, worker).map(|ns| u128::from(ns) * u128::from(threads))
        };
        work += (0..instance.workers.len()).filter_map(core_time).min()?;
    }
    Some(work.div_ceil(cores.max(1)).min(u128::from(u64::MAX)) as u64)
}

/// A schedule that surely exists: one task after the other, each where it is slowest, every copy the longest.
fn longest_ns(instance: &Instance<'_>) -> u64 {
    let (tasks, workers) = (instance.tasks, instance.workers.len());
    let places = || (0..workers).map(|worker| instance.memory(worker)).chain([instance.device.host()]);
    let slowest = |task: TaskId| (0..workers).filter_map(|worker| instance.duration(task, worker)).max().unwrap_or(0);
    let longest = |data| places().flat_map(|from| places().map(move |to| instance.copy(data, from, to))).max().unwrap_or(0);
    let copies = tasks.data().map(longest).fold(0u64, u64::saturating_add);
    tasks.tasks().map(slowest).fold(copies, u64::saturating_add)
}
