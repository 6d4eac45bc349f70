//! What Band keeps at run time: the requests that wait, a queue for each worker, and what each worker runs.

use std::collections::{BTreeMap, VecDeque};

use crate::identifiers::{ModelId, RequestId, SegmentId, WorkerId};
use crate::record::KernelRecord;
use crate::strategy::{Decisions, InFlight, System};

/// For how long one that has vanished is expected to be away: longer than any request takes, and finite, for it is added and compared.
const AWAY_NS: f64 = 1e15;

/// A request that waits, with the next unit of its model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) in_flight: InFlight,
    pub(super) request: RequestId,
    pub(super) model: ModelId,
    pub(super) unit: usize,
    pub(super) arrived_ns: u64,
    pub(super) deadline_ns: Option<u64>,
}

/// A sub-graph in a worker's queue.
#[derive(Clone, Copy, Debug)]
struct Queued {
    waiting: Waiting,
    last: usize,
    expected_ns: f64,
}

/// A sub-graph that a worker runs.
#[derive(Clone, Debug)]
struct Running {
    request: RequestId,
    first: usize,
    started_ns: u64,
    expected_ns: f64,
    /// For each unit, kernels to come and the time of those done.
    units: Vec<(usize, f64)>,
}

/// A unit that has run.
pub(super) struct Measured {
    pub(super) unit: usize,
    pub(super) worker: usize,
    pub(super) took_ns: f64,
}

#[derive(Default)]
pub(super) struct RunTime {
    pub(super) workers: Vec<WorkerId>,
    /// The first requests that wait, oldest first: what is left of a request that has begun stands before those that came later.
    pub(super) window: Vec<Waiting>,
    queues: Vec<VecDeque<Queued>>,
    running: Vec<Option<Running>>,
    /// Whether each worker has vanished: it takes nothing, and nobody waits for it.
    away: Vec<bool>,
    /// For each request begun, the worker and time of its next sub-graph, where that was foreseen.
    reserved: BTreeMap<RequestId, (usize, f64)>,
}

impl RunTime {
    pub(super) fn on(workers: Vec<WorkerId>) -> Self {
        let count = workers.len();
        let (queues, running, away) = (vec![VecDeque::new(); count], vec![None; count], vec![false; count]);
        Self { workers, queues, running, away, ..Self::default() }
    }

    /// Looks which requests wait.
    pub(super) fn collect(&mut self, system: &dyn System, window: usize) {
        self.window.clear();
        for (away, &worker) in self.away.iter_mut().zip(&self.workers) {
            *away = !system.is_available(worker);
        }
        for ready in system.ready() {
            let unit = ready.segment.index();
            if self.is_taken(ready.request) {
                continue;
            }
            if let Some(known) = self.window.iter_mut().find(|waiting| waiting.request == ready.request) {
                known.unit = known.unit.min(unit);
                continue;
            }
            self.window.push(Waiting {
                in_flight: ready.in_flight,
                request: ready.request,
                model: ready.model,
                unit,
                arrived_ns: ready.arrived_ns,
                deadline_ns: ready.deadline_ns,
            });
        }
        self.window.sort_unstable_by_key(|waiting| (waiting.arrived_ns, waiting.request));
        self.window.truncate(window);
    }

    fn is_taken(&self, request: RequestId) -> bool {
        self.running.iter().flatten().any(|running| running.request == request)
            || self.queues.iter().flatten().any(|queued| queued.waiting.request == request)
    }

    /// Whether a worker runs nothing and nothing waits for it.
    pub(super) fn is_idle(&self, worker: usize) -> bool {
        self.running[worker].is_none() && self.queues[worker].is_empty() && !self.away[worker]
    }

    /// Expected time until a worker has done what it runs and what waits for it.
    pub(super) fn wait_ns(&self, worker: usize, now_ns: f64) -> f64 {
        if self.away[worker] {
            return AWAY_NS;
        }
        // What runs longer than expected ends any moment.
        let left_ns = |running: &Running| (running.expected_ns - (now_ns - running.started_ns as f64)).max(1.0);
        self.running[worker].as_ref().map_or(0.0, left_ns)
            + self.queues[worker].iter().map(|queued| queued.expected_ns).sum::<f64>()
    }

    /// Time reserved on each worker by requests other than this one.
    pub(super) fn reserved_ns(&self, request: RequestId, worker: usize) -> f64 {
        let others = self.reserved.iter().filter(|&(&other, &(place, _))| other != request && place == worker);
        others.map(|(_, &(_, reserved_ns))| reserved_ns).sum()
    }

    /// Notes where a request is expected to go on.
    pub(super) fn reserve(&mut self, request: RequestId, next: Option<(usize, f64)>) {
        match next {
            Some(next) => drop(self.reserved.insert(request, next)),
            None => drop(self.reserved.remove(&request)),
        }
    }

    /// Takes a request out of the window into a worker's queue, with its units up to `last`.
    pub(super) fn enqueue(&mut self, at: usize, worker: usize, last: usize, expected_ns: f64) {
        let waiting = self.window.remove(at);
        self.queues[worker].push_back(Queued { waiting, last, expected_ns });
    }

    /// Forgets a request that was given up.
    pub(super) fn forget(&mut self, at: usize) -> InFlight {
        let waiting = self.window.remove(at);
        self.reserved.remove(&waiting.request);
        waiting.in_flight
    }

    /// A request was dropped, by whomever: nothing of it runs any more, and nothing of it waits.
    pub(super) fn dropped(&mut self, request: RequestId) {
        self.reserved.remove(&request);
        for running in &mut self.running {
            running.take_if(|running| running.request == request);
        }
        for queue in &mut self.queues {
            queue.retain(|queued| queued.waiting.request != request);
        }
    }

    /// Places the head of each queue whose worker is free: all its units at once, which the worker then runs without a pause.
    pub(super) fn start(
        &mut self,
        system: &dyn System,
        decisions: &mut Decisions,
        kernels: impl Fn(ModelId, (usize, usize)) -> Vec<usize>,
    ) {
        for worker in 0..self.workers.len() {
            if self.running[worker].is_some() || self.away[worker] {
                continue;
            }
            let Some(Queued { waiting, last, expected_ns }) = self.queues[worker].pop_front() else { continue };
            for unit in waiting.unit..=last {
                decisions.place(waiting.in_flight, SegmentId::from_index(unit), self.workers[worker]);
            }
            let units = kernels(waiting.model, (waiting.unit, last)).into_iter().map(|count| (count, 0.0)).collect();
            let started_ns = system.now_ns();
            self.running[worker] =
                Some(Running { request: waiting.request, first: waiting.unit, started_ns, expected_ns, units });
        }
    }

    /// A kernel has ended; a unit, if it was its last.
    pub(super) fn kernel_ended(&mut self, kernel: &KernelRecord) -> Option<Measured> {
        let worker = self.workers.iter().position(|&worker| worker == kernel.worker)?;
        let running = self.running[worker].as_mut().filter(|running| running.request == kernel.request)?;
        let unit = kernel.segment.index();
        let (left, measured_ns) = running.units.get_mut(unit.checked_sub(running.first)?)?;
        *left = left.saturating_sub(1);
        *measured_ns += (kernel.end_ns - kernel.start_ns) as f64;
        let measured = (*left == 0).then_some(Measured { unit, worker, took_ns: *measured_ns });
        if running.units.iter().all(|&(left, _)| left == 0) {
            self.running[worker] = None;
        }
        measured
    }
}
