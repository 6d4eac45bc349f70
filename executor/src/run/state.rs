//! What all threads of a run share: requests in flight, queues, records.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use sim::engine::StopReason;
use sim::identifiers::{LinkId, MemoryId, ModelId, RequestId, SegmentId, StreamId, WorkerId};
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::{Arriving, Decisions, Interest, Ready, Strategy};
use sim::workload::{Incoming, Source};

use crate::processor::UnitMemory;
use crate::run::blocks::HostMemory;
use crate::run::layout::Access;
use crate::run::preparation::Pending;
use crate::run::schedule::ModelToRun;
use crate::run::version::{Alternative, Version};
use crate::tensor::Tensor;

/// What a worker can be occupied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupation {
    Segment {
        slot: u32,
        segment: u32,
    },
    Copy {
        slot: u32,
        fragment: u32,
        link: LinkId,
    },
    /// Preparing the plan of that number.
    Preparation {
        number: u32,
    },
}

/// Something that waits for a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) occupation: Occupation,
    pub(super) priority: i32,
    pub(super) ticket: u64,
    pub(super) since_ns: u64,
}

/// A worker at run time.
#[derive(Debug, Default)]
pub(super) struct WorkerState {
    pub(super) running: Option<Occupation>,
    pub(super) started_ns: u64,
    pub(super) waiting: VecDeque<Waiting>,
}

/// A request in flight; the vectors are as in the simulator's.
#[derive(Clone, Debug)]
pub(super) struct RequestState {
    pub(super) id: RequestId,
    pub(super) model: ModelId,
    pub(super) version: Arc<Version>,
    pub(super) stream: StreamId,
    /// Its number in its stream.
    pub(super) ordinal: u64,
    pub(super) arrived_ns: u64,
    /// When the request arrived that brought it about, or brought about the one that did.
    pub(super) origin_ns: u64,
    pub(super) deadline_ns: Option<u64>,
    pub(super) priority: i32,
    /// Segments and outputs not yet there; 0 when the slot is free.
    pub(super) left: u32,
    /// Whether the strategy gave it up: nothing more of it starts.
    pub(super) given_up: bool,
    /// Of a request given up, segments and copies that run still.
    pub(super) running: u32,
    pub(super) missing: Vec<u32>,
    pub(super) placed: Vec<Option<WorkerId>>,
    /// For each fragment, memories that hold it, as bits.
    pub(super) present: Vec<u32>,
    /// For each fragment, memories it is being copied to, as bits.
    pub(super) in_flight: Vec<u32>,
    /// When each copy under way was wanted, by fragment and memory.
    pub(super) requested_ns: BTreeMap<(u32, u32), u64>,
    /// For each segment, fragments not yet made.
    pub(super) unmade: Vec<u32>,
}

/// An arrival that waits for its time, or for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrival {
    pub(super) at_ns: u64,
    pub(super) order: u64,
    pub(super) source: usize,
}

/// Behind one lock: everything that changes during a run.
pub(super) struct State<'a> {
    pub(super) device: &'a Device,
    pub(super) models: &'a [ModelToRun<'a>],
    pub(super) versions: Vec<Arc<Version>>,
    pub(super) next_version: u32,
    /// Plans from this number on are made during the run.
    pub(super) first_of_run: u32,
    pub(super) strategy: Option<&'a mut dyn Strategy>,
    pub(super) interest: Interest,
    pub(super) sources: Vec<Source>,
    /// Arrivals to come, soonest first.
    pub(super) arrivals: std::collections::BinaryHeap<std::cmp::Reverse<Arrival>>,
    pub(super) orders: u64,
    /// Arrived, but too many requests are in flight.
    pub(super) outside: VecDeque<Incoming>,
    pub(super) requests: Vec<RequestState>,
    pub(super) free: Vec<u32>,
    pub(super) most_in_flight: usize,
    pub(super) in_flight: usize,
    pub(super) background_from: usize,
    pub(super) workers: Vec<WorkerState>,
    pub(super) free_cores: Vec<u32>,
    pub(super) ready: Vec<Ready>,
    /// Arrived, and about to start: the strategy is asked first.
    pub(super) arriving: Vec<Arriving>,
    /// For each model, plans that the strategy may switch to, prepared.
    pub(super) alternatives: Vec<Vec<Alternative>>,
    /// Plans made at run time that are being prepared, at most one of each model.
    pub(super) pending: Vec<Pending>,
    pub(super) asked: bool,
    pub(super) decisions: Decisions,
    pub(super) tickets: u64,
    pub(super) arrived: u64,
    pub(super) completed: u64,
    pub(super) dropped: u64,
    pub(super) refused: u64,
    pub(super) events: u64,
    pub(super) records: Vec<Record>,
    /// Outputs of the first completed request of each model.
    pub(super) outputs: Vec<Option<Vec<Tensor>>>,
    pub(super) host: Arc<HostMemory>,
    /// How each worker's processor gets at memory, once it is open.
    pub(super) access: Vec<Option<Access>>,
    /// What the units of each worker's processor hold.
    pub(super) units: Vec<UnitMemory>,
    /// Until when the thread that keeps the time sleeps.
    pub(super) timer_until_ns: u64,
    /// The workers that got something to do since they were last woken.
    pub(super) woken: Vec<bool>,
    /// Start of the run; `None` while workers get ready.
    pub(super) start: Option<Instant>,
    /// Workers that have prepared their units, and then those that have made their memory, too.
    pub(super) prepared: usize,
    /// Whether it is known where everything lies.
    pub(super) is_laid_out: bool,
    pub(super) stop: Option<StopReason>,
    /// When it stopped.
    pub(super) end_ns: u64,
    /// Nothing arrives from then on, however late the run notices.
    pub(super) horizon_ns: u64,
}

impl State<'_> {
    /// Time since the start; 0 before it.
    pub(super) fn now_ns(&self) -> u64 {
        self.start.map_or(0, |start| start.elapsed().as_nanos() as u64)
    }

    /// Plans made before the run: those in force and those to switch to.
    pub(super) fn prepared_versions(&self) -> Vec<Arc<Version>> {
        let alternatives = self.alternatives.iter().flatten().map(|(_, version)| version);
        self.versions.iter().chain(alternatives).map(Arc::clone).collect()
    }

    /// Plans where everything lies: all processors are open.
    pub(super) fn lay_out(&mut self) {
        if let Some(workers) = self.accesses() {
            let versions = self.prepared_versions();
            for version in &versions {
                version.lay_out(self.models, self.device, &workers);
            }
            self.host.size_slots(versions.iter().filter_map(|version| version.layout()));
        }
        self.is_laid_out = true;
    }

    /// How all processors get at memory, once all are open.
    pub(super) fn accesses(&self) -> Option<Vec<Access>> {
        self.access.iter().copied().collect()
    }

    pub(super) fn memory_bit(memory: MemoryId) -> u32 {
        1 << memory.0
    }

    pub(super) fn record(&mut self, record: Record) {
        self.records.push(record);
        if self.interest.observe
            && let Some(strategy) = &mut self.strategy
        {
            strategy.observe(&record);
        }
    }

    /// Stops the run, once.
    pub(super) fn stop(&mut self, reason: StopReason) {
        if self.stop.is_none() {
            self.end_ns = self.now_ns();
            self.stop = Some(reason);
            self.woken.fill(true);
        }
    }

    /// Whether the cores of a worker are free.
    pub(super) fn fits(&self, worker: WorkerId) -> bool {
        self.device.worker(worker).demands.iter().all(|&(processor, cores)| self.free_cores[processor.index()] >= cores)
    }

    /// What a worker takes next: its queue's head, if its cores are free and no worker that shares them is more urgent.
    pub(super) fn take(&mut self, worker: WorkerId) -> Option<Waiting> {
        let urgency = |waiting: &Waiting| (-waiting.priority, waiting.ticket);
        let own = urgency(self.workers[worker.index()].waiting.front()?);
        if self.workers[worker.index()].running.is_some() || !self.fits(worker) {
            return None;
        }
        let before = |other: WorkerId| {
            other != worker
                && self.device.conflict(worker, other)
                && self.workers[other.index()].running.is_none()
                && self.fits(other)
                && self.workers[other.index()].waiting.front().is_some_and(|head| urgency(head) < own)
        };
        if self.device.worker_ids().any(before) {
            return None;
        }
        for &(processor, cores) in &self.device.worker(worker).demands {
            self.free_cores[processor.index()] -= cores;
        }
        let now_ns = self.now_ns();
        let state = &mut self.workers[worker.index()];
        let waiting = state.waiting.pop_front()?;
        state.running = Some(waiting.occupation);
        state.started_ns = now_ns;
        Some(waiting)
    }

    /// A worker has ended what it did.
    pub(super) fn release(&mut self, worker: WorkerId) {
        self.workers[worker.index()].running = None;
        for &(processor, cores) in &self.device.worker(worker).demands {
            self.free_cores[processor.index()] += cores;
        }
        for other in self.device.worker_ids() {
            if !self.workers[other.index()].waiting.is_empty() {
                self.woken[other.index()] = true;
            }
        }
        if !self.ready.is_empty() {
            self.asked = true;
        }
    }

    /// Something waits for a worker, behind what came before with the same priority.
    pub(super) fn join(&mut self, worker: WorkerId, occupation: Occupation, priority: i32) {
        let waiting = Waiting { occupation, priority, ticket: self.tickets, since_ns: self.now_ns() };
        self.tickets += 1;
        let queue = &mut self.workers[worker.index()].waiting;
        let behind = queue.iter().rev().take_while(|other| other.priority < priority).count();
        queue.insert(queue.len() - behind, waiting);
        self.woken[worker.index()] = true;
    }

    /// Whether every request of a stream that is not in the background has ended, and no more will arrive.
    pub(super) fn is_drained(&self) -> bool {
        let is_foreground = |source: usize| source < self.background_from;
        !self.requests.iter().any(|request| request.left > 0 && is_foreground(request.stream.index()))
            && !self.outside.iter().any(|incoming| is_foreground(incoming.stream.index()))
            && !self.arrivals.iter().any(|arrival| is_foreground(arrival.0.source))
    }

    /// Why nothing can happen any more, if so.
    pub(super) fn stalled(&self) -> Option<String> {
        let idle = |worker: &WorkerState| worker.running.is_none() && worker.waiting.is_empty();
        let stalled = self.in_flight > 0 && self.arrivals.is_empty() && self.workers.iter().all(idle);
        stalled.then(|| {
            let (in_flight, ready) = (self.in_flight, self.ready.len());
            format!("{in_flight} requests in flight, {ready} segments ready, none placed and nothing pending")
        })
    }

    pub(super) fn ready_of(&self, slot: u32, segment: u32) -> Ready {
        let request = &self.requests[slot as usize];
        Ready {
            in_flight: sim::strategy::InFlight(slot),
            request: request.id,
            model: request.model,
            segment: SegmentId(segment),
            arrived_ns: request.arrived_ns,
            deadline_ns: request.deadline_ns,
            priority: request.priority,
        }
    }
}
