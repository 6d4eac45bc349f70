//! The running system as a strategy sees it, and carrying out what it decides.

use std::sync::Arc;
use std::time::Instant;

use sim::identifiers::{ModelId, SegmentId, WorkerId};
use sim::plan::Program;
use sim::platform::Device;
use sim::record::{DecisionRecord, Record};
use sim::strategy::{Arriving, InFlight, Ready, System};
use sim::task::CostTable;

use crate::run::state::{Occupation, State};

impl State<'_> {
    /// Asks the strategy, if something changed that it wants to know; what deciding took is measured and recorded.
    pub(super) fn decide(&mut self) {
        // Taken out while it looks at the state that it is part of.
        let Some(strategy) = self.strategy.take() else { return };
        while std::mem::take(&mut self.asked) && self.wants_to_decide() && self.stop.is_none() {
            let (at_ns, begin) = (self.now_ns(), Instant::now());
            let mut decisions = std::mem::take(&mut self.decisions);
            strategy.dispatch(&*self, &mut decisions);
            let before = self.records.len();
            for in_flight in decisions.drops.drain(..) {
                if !self.give_up(in_flight.0) {
                    self.refused += 1;
                }
            }
            let mut placed = 0;
            for (in_flight, segment, worker) in decisions.placements.drain(..) {
                if self.place(in_flight.0, segment.0, worker) {
                    placed += 1;
                } else {
                    self.refused += 1;
                }
            }
            for (model, plan) in decisions.plans.drain(..) {
                self.replan(model, &plan);
            }
            self.decisions = decisions;
            let cost_ns = begin.elapsed().as_nanos() as u64;
            let record = Record::Decision(DecisionRecord { at_ns, cost_ns, placed });
            self.records.push(record);
            if self.interest.observe {
                // What followed from the decision, too: requests that ended and those that came in their place.
                self.records[before..].iter().for_each(|record| strategy.observe(record));
            }
        }
        self.strategy = Some(strategy);
    }

    fn wants_to_decide(&self) -> bool {
        self.interest.dispatch || !self.arriving.is_empty()
    }

    /// Gives an open segment to a worker and fetches what it reads. False if that cannot be.
    fn place(&mut self, slot: u32, segment: u32, worker: WorkerId) -> bool {
        let possible =
            self.requests.get(slot as usize).is_some_and(|request| {
                request.left > 0 && !request.given_up && request.placed.get(segment as usize) == Some(&None)
            }) && worker.index() < self.workers.len()
                && self.segment_ns(InFlight(slot), SegmentId(segment), worker).is_some();
        if !possible {
            return false;
        }
        self.ready.retain(|ready| (ready.in_flight.0, ready.segment.0) != (slot, segment));
        let request = &mut self.requests[slot as usize];
        request.placed[segment as usize] = Some(worker);
        let priority = request.priority;
        let version = Arc::clone(&request.version);
        let memory = self.device.worker(worker).memory;
        for &fragment in version.program.needs(segment) {
            let request = &mut self.requests[slot as usize];
            let present = request.present[fragment as usize];
            if present & Self::memory_bit(memory) != 0 {
                request.missing[segment as usize] -= 1;
            } else if present != 0 {
                let bytes = version.program.copied_bytes(fragment);
                if let Some((from, _)) = self.best_source(present, memory, bytes) {
                    self.want_copy(slot, fragment, from, memory);
                }
            }
        }
        if self.requests[slot as usize].missing[segment as usize] == 0 {
            self.join(worker, Occupation::Segment { slot, segment }, priority);
        }
        true
    }

    fn expected_ns(&self, occupation: Occupation, worker: WorkerId) -> u64 {
        match occupation {
            Occupation::Segment { slot, segment } => self.segment_ns(InFlight(slot), SegmentId(segment), worker).unwrap_or(0),
            Occupation::Copy { slot, fragment, link } => {
                let bytes = self.requests[slot as usize].version.program.copied_bytes(fragment);
                self.device.link(link).solo_ns(bytes)
            }
            // Strategies do not know what preparing a unit takes.
            Occupation::Preparation { .. } => 0,
        }
    }
}

impl System for State<'_> {
    fn now_ns(&self) -> u64 {
        State::now_ns(self)
    }

    fn device(&self) -> &Device {
        self.device
    }

    fn ready(&self) -> &[Ready] {
        &self.ready
    }

    fn arriving(&self) -> &[Arriving] {
        &self.arriving
    }

    fn is_idle(&self, worker: WorkerId) -> bool {
        let state = &self.workers[worker.index()];
        state.running.is_none() && state.waiting.is_empty() && self.fits(worker)
    }

    fn queue_length(&self, worker: WorkerId) -> usize {
        self.workers[worker.index()].waiting.len()
    }

    fn backlog_ns(&self, worker: WorkerId) -> u64 {
        let state = &self.workers[worker.index()];
        let elapsed_ns = State::now_ns(self).saturating_sub(state.started_ns);
        let running_ns = state.running.map_or(0, |occupation| self.expected_ns(occupation, worker));
        let waiting: u64 = state.waiting.iter().map(|waiting| self.expected_ns(waiting.occupation, worker)).sum();
        running_ns.saturating_sub(elapsed_ns) + waiting
    }

    fn is_being_prepared(&self, model: ModelId) -> bool {
        self.is_being_prepared(model)
    }

    fn program(&self, in_flight: InFlight) -> &Program {
        &self.requests[in_flight.0 as usize].version.program
    }

    fn costs(&self, model: ModelId) -> &CostTable {
        &self.models[model.index()].lowered.costs
    }

    fn placed(&self, in_flight: InFlight, segment: SegmentId) -> Option<WorkerId> {
        self.requests[in_flight.0 as usize].placed[segment.index()]
    }

    fn model(&self, in_flight: InFlight) -> ModelId {
        self.requests[in_flight.0 as usize].model
    }

    fn transfer_ns(&self, in_flight: InFlight, segment: SegmentId, worker: WorkerId) -> u64 {
        let request = &self.requests[in_flight.0 as usize];
        let program = &request.version.program;
        let memory = self.device.worker(worker).memory;
        let copy_ns = |fragment: &u32| {
            let present = request.present[*fragment as usize];
            let bytes = program.copied_bytes(*fragment);
            if present == 0 || present & Self::memory_bit(memory) != 0 {
                return 0;
            }
            self.best_source(present, memory, bytes).map_or(0, |(_, link)| self.device.link(link).solo_ns(bytes))
        };
        program.needs(segment.0).iter().map(copy_ns).sum()
    }
}
