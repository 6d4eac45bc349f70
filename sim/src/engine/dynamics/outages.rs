//! Processors that vanish and return, and what becomes of the work there.

use crate::engine::dynamics::Trigger;
use crate::engine::run::Engine;
use crate::engine::state::{Flow, Occupation};
use crate::environment::{Absence, Cause, Environment, OnOutage, Outage};
use crate::identifiers::ProcessorId;
use crate::platform::Device;
use crate::random::{Purpose, Stream};
use crate::record::{Quantity, Recorder};

/// What a worker computes.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    duration_ns: u64,
    bytes: u64,
    began_ns: u64,
}

#[derive(Debug)]
struct OutageState {
    outage: Outage,
    is_away: bool,
    random: Stream,
}

/// Who is away.
#[derive(Debug)]
pub(in crate::engine) struct Outages {
    policy: OnOutage,
    all: Vec<OutageState>,
    /// For each processor, outages that it suffers now, and time lost of kernels.
    away: Vec<u32>,
    lost_s: Vec<f64>,
    dropped: u64,
    /// For each worker, its processors, and what it computes.
    processors: Vec<Vec<ProcessorId>>,
    work: Vec<Work>,
    /// Whether requests are about to be dropped.
    is_pending: bool,
}

impl Outages {
    pub(super) fn new(environment: &Environment, device: &Device, seed: u64) -> Self {
        let state = |(index, outage): (usize, &Outage)| OutageState {
            outage: *outage,
            is_away: false,
            random: Stream::new(seed, Purpose::Outage, index as u64, 0),
        };
        let processors = device.processors().len();
        let needs = device.workers().iter().map(|worker| worker.demands.iter().map(|&(processor, _)| processor).collect());
        Self {
            policy: environment.on_outage,
            all: environment.outages.iter().enumerate().map(state).collect(),
            away: vec![0; processors],
            lost_s: vec![0.0; processors],
            dropped: 0,
            processors: needs.collect(),
            work: vec![Work::default(); device.workers().len()],
            is_pending: false,
        }
    }

    /// Whether all that a worker needs is there.
    #[inline]
    pub(in crate::engine) fn is_there(&self, worker: u16) -> bool {
        self.processors[worker as usize].iter().all(|processor| self.away[processor.index()] == 0)
    }

    /// A kernel, or a slice of one, starts.
    #[inline]
    pub(super) fn starts(&mut self, worker: u16, duration_ns: u64, bytes: u64, now_ns: u64) {
        self.work[worker as usize] = Work { duration_ns, bytes, began_ns: now_ns };
    }

    /// Whether the end of an outage, or of none, comes back for ever: what is away may return and set work free.
    pub(super) fn recurs(&self, index: u32) -> bool {
        let state = &self.all[index as usize];
        matches!(state.outage.absence, Absence::Random { .. }) && !state.is_away
    }
}

impl OutageState {
    fn first_ns(&mut self) -> u64 {
        match self.outage.absence {
            Absence::During { from_ns, .. } => from_ns,
            Absence::Random { mean_up_ns, .. } => libm::round(self.random.exponential(mean_up_ns)) as u64,
        }
    }

    /// Goes away or returns; gives the time of the next change, if there is one.
    fn flip(&mut self, now_ns: u64) -> Option<u64> {
        self.is_away = !self.is_away;
        match self.outage.absence {
            Absence::During { until_ns, .. } => until_ns.filter(|_| self.is_away),
            Absence::Random { mean_up_ns, mean_down_ns } => {
                let mean_ns = if self.is_away { mean_down_ns } else { mean_up_ns };
                Some(now_ns.saturating_add(libm::round(self.random.exponential(mean_ns)) as u64))
            }
        }
    }
}

impl<R: Recorder> Engine<'_, R> {
    pub(super) fn outages_start(&mut self) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let outages = dynamics.outages.all.iter_mut();
        let first: Vec<(u64, ProcessorId)> = outages.map(|state| (state.first_ns(), state.outage.processor)).collect();
        for (index, (at_ns, processor)) in first.into_iter().enumerate() {
            self.record_state(Quantity::Availability(processor), 1.0);
            self.schedule_environment(Trigger::Outage(index as u32), at_ns);
        }
    }

    /// A processor vanishes or returns.
    pub(super) fn outage_changes(&mut self, index: u32) {
        let now_ns = self.now_ns;
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let outages = &mut dynamics.outages;
        let state = &mut outages.all[index as usize];
        let next_ns = state.flip(now_ns);
        let (processor, is_away) = (state.outage.processor, state.is_away);
        self.absence_changes(processor, is_away);
        if let Some(at_ns) = next_ns {
            self.schedule_environment(Trigger::Outage(index), at_ns);
        }
    }

    /// One reason more, or one less, for a processor to be away.
    pub(super) fn absence_changes(&mut self, processor: ProcessorId, is_away: bool) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let away = &mut dynamics.outages.away[processor.index()];
        let was_away = *away > 0;
        *away = if is_away { *away + 1 } else { *away - 1 };
        let is_away = *away > 0;
        if was_away != is_away {
            let there = if is_away { 0.0 } else { 1.0 };
            self.set_factor(processor, Cause::Availability, there);
            self.record_state(Quantity::Availability(processor), there);
            if is_away {
                self.work_is_lost(processor);
            } else {
                self.watches_again(processor);
            }
            if !self.ready.is_empty() {
                self.ask();
            }
        }
    }

    fn work_is_lost(&mut self, processor: ProcessorId) {
        match self.dynamics.as_ref().map(|dynamics| dynamics.outages.policy) {
            None | Some(OnOutage::Wait) => {}
            Some(OnOutage::Restart) => {
                for worker in 0..self.workers.len() {
                    self.restart(worker, processor);
                }
            }
            Some(OnOutage::Drop) => self.drop_stranded(),
        }
    }

    /// The kernel that a worker of a processor runs has done nothing.
    fn restart(&mut self, worker: usize, processor: ProcessorId) {
        let now_ns = self.now_ns;
        let at_work = &mut self.workers[worker];
        let computes = matches!(at_work.running, Some(Occupation::Segment { .. })) && !at_work.in_invocation && !at_work.paused;
        let (true, Some(dynamics)) = (computes, &mut self.dynamics) else {
            return;
        };
        if !dynamics.outages.processors[worker].contains(&processor) {
            return;
        }
        let work = &mut dynamics.outages.work[worker];
        let lost_ns = now_ns - std::mem::replace(&mut work.began_ns, now_ns);
        let Work { duration_ns, bytes: moved, .. } = *work;
        dynamics.speeds.begin_anew(worker, duration_ns, now_ns);
        dynamics.meter.traffic(worker as u16, moved as f64);
        if at_work.shares_bandwidth {
            // What ended at its old rate must not end any more.
            at_work.generation = at_work.generation.wrapping_add(1);
            let key = Flow::Worker(worker as u16);
            let limit = dynamics.speeds.limit(worker);
            self.sharing.restart(now_ns, key, limit * duration_ns as f64 * 1e-9);
        }
        if lost_ns > 0 {
            dynamics.outages.lost_s[processor.index()] += lost_ns as f64 * 1e-9;
            let total_s = dynamics.outages.lost_s[processor.index()];
            self.record_state(Quantity::LostWork(processor), total_s);
        }
    }

    /// Something joins the queue of a worker: if that is away, its request may have to be dropped, though not while it is being worked on.
    #[cold]
    pub(in crate::engine) fn may_be_stranded(&mut self, worker: u16) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let outages = &mut dynamics.outages;
        if outages.policy == OnOutage::Drop && !outages.is_pending && !outages.is_there(worker) {
            outages.is_pending = true;
            self.schedule_environment(Trigger::Stranded, self.now_ns);
        }
    }

    /// A worker stops in the middle of a segment: of which request, and whether it is free for something else.
    pub(super) fn stops(&mut self, worker: u16) -> Option<(u32, bool)> {
        let state = &mut self.workers[worker as usize];
        let Some(Occupation::Segment { slot, .. }) = state.running else {
            return None;
        };
        state.generation = state.generation.wrapping_add(1);
        if state.shares_bandwidth {
            self.sharing.leave(Flow::Worker(worker));
        }
        state.shares_bandwidth = false;
        state.in_invocation = false;
        // The frame that runs between two kernels has the worker for itself.
        let is_vacant = !std::mem::take(&mut state.paused);
        state.running = if is_vacant { None } else { Some(Occupation::Frame) };
        if self.requests.items[slot as usize].given_up {
            self.ended_of_given_up(slot);
        }
        Some((slot, is_vacant))
    }

    /// Drops all requests of which something runs on a worker that is away, or waits for one.
    pub(super) fn drop_stranded(&mut self) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        dynamics.outages.is_pending = false;
        let away: Vec<u16> = (0..self.workers.len() as u16).filter(|&worker| !dynamics.outages.is_there(worker)).collect();
        let mut slots = Vec::new();
        let mut vacant = Vec::new();
        for &worker in &away {
            let state = &mut self.workers[worker as usize];
            slots.extend(state.waiting.iter().filter_map(|waiting| match waiting.occupation {
                Occupation::Segment { slot, .. } => Some(slot),
                Occupation::Copy { .. } | Occupation::Frame | Occupation::Preparation { .. } => None,
            }));
            if let Some((slot, is_vacant)) = self.stops(worker) {
                slots.push(slot);
                vacant.extend(is_vacant.then_some(worker));
            }
        }
        slots.sort_unstable_by_key(|&slot| self.requests.items[slot as usize].id);
        slots.dedup();
        let mut dropped = 0;
        for slot in slots {
            dropped += u64::from(self.give_up(slot));
        }
        for worker in vacant {
            self.release(worker);
        }
        if dropped > 0
            && let Some(dynamics) = &mut self.dynamics
        {
            dynamics.outages.dropped += dropped;
            let dropped = dynamics.outages.dropped as f64;
            self.record_state(Quantity::OutageDrops, dropped);
        }
    }
}
