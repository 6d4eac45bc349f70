//! Run-time decisions: asking the strategy, carrying out what it says, and the view it decides on.

use std::rc::Rc;

use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::settings;
use crate::engine::state::{Event, Occupation, UNPLACED};
use crate::identifiers::{ModelId, SegmentId, WorkerId};
use crate::plan::{Plan, Program};
use crate::platform::Device;
use crate::record::{DecisionRecord, Record, Recorder};
use crate::strategy::{Arriving, InFlight, Ready, System};
use crate::task::CostTable;

impl<R: Recorder> Engine<'_, R> {
    /// Something changed while open segments are ready: the strategy will be asked, once for all changes of this instant.
    pub(super) fn ask(&mut self) {
        if (self.interest.dispatch || self.interest.arrival) && !self.decision_pending {
            self.decision_pending = true;
            self.queue.schedule(self.after(self.device.decision_ns()), Class::Decision, Event::Decide.packed());
        }
    }

    pub(super) fn decide(&mut self) {
        let mut decisions = std::mem::take(&mut self.decisions);
        decisions.placements.clear();
        decisions.plans.clear();
        decisions.drops.clear();
        decisions.spent_ns = 0;
        // The strategy leaves the engine while it looks at it.
        let strategy = self.strategy.take();
        if let Some(strategy) = strategy {
            strategy.dispatch(&*self, &mut decisions);
            self.strategy = Some(strategy);
        }
        let spent_ns = decisions.spent_ns;
        self.decisions = decisions;
        if spent_ns == 0 {
            self.decided();
        } else {
            self.queue.schedule(self.after(spent_ns), Class::Decision, Event::Decided.packed());
        }
    }

    /// What the strategy decided takes effect.
    pub(super) fn decided(&mut self) {
        self.decision_pending = false;
        let mut decisions = std::mem::take(&mut self.decisions);
        for &in_flight in &decisions.drops {
            if !self.give_up(in_flight.0) {
                self.refused += 1;
            }
        }
        let mut placed = 0;
        for &(in_flight, segment, worker) in &decisions.placements {
            if self.place(in_flight.0, segment.0, worker) {
                placed += 1;
            } else {
                self.refused += 1;
            }
        }
        for (model, plan) in decisions.plans.drain(..) {
            self.replan(model, &plan);
        }
        let cost_ns = self.device.decision_ns().saturating_add(decisions.spent_ns);
        let was_delayed = decisions.spent_ns > 0;
        self.decisions = decisions;
        if self.observed() {
            self.record(&Record::Decision(DecisionRecord { at_ns: self.now_ns, cost_ns, placed }));
        }
        self.admit_arriving();
        // What became ready meanwhile asked in vain.
        if was_delayed && !self.ready.is_empty() {
            self.ask();
        }
    }

    /// Gives an open segment to a worker and fetches what it reads. False if that cannot be.
    fn place(&mut self, slot: u32, segment: u32, worker: WorkerId) -> bool {
        let possible = self.requests.items.get(slot as usize).is_some_and(|request| {
            request.left > 0 && !request.given_up && request.placed.get(segment as usize) == Some(&UNPLACED)
        }) && worker.index() < self.workers.len()
            && self.segment_ns(InFlight(slot), SegmentId(segment), worker).is_some();
        if !possible {
            return false;
        }
        self.ready.retain(|ready| (ready.in_flight.0, ready.segment.0) != (slot, segment));
        let request = &mut self.requests.items[slot as usize];
        request.placed[segment as usize] = worker.0 as u16;
        let waits_for_nothing = request.missing[segment as usize] == 0;
        let memory = self.layout.memory[worker.index()];
        let program = Rc::clone(&self.requests.items[slot as usize].program);
        for &fragment in program.needs(segment) {
            let request = &self.requests.items[slot as usize];
            let present = request.present[fragment as usize];
            if present & (1 << memory) != 0 {
                self.satisfy(slot, segment);
            } else if present != 0 {
                let bytes = program.copied_bytes(fragment);
                let (from, _) = self.best_source(present, memory, bytes);
                self.want_copy(slot, fragment, from, memory);
            }
        }
        if waits_for_nothing {
            self.segment_ready(slot, segment);
        }
        true
    }

    /// New requests of a model follow a new plan; an invalid one is refused and counted.
    fn replan(&mut self, model: ModelId, plan: &Plan) {
        let program = self.models.get(model.index()).map(|model| Program::compile(plan, model.tasks, model.costs));
        if let Some(Ok(program)) = program {
            self.one_priority &= program.priority() == self.programs[model.index()].priority();
            if self.settable.is_empty() {
                self.settable = settings::states(std::iter::once(&program));
            }
            self.prepare(model, program);
        } else {
            self.refused += 1;
        }
    }

    fn expected_ns(&self, occupation: Occupation, worker: WorkerId) -> u64 {
        match occupation {
            Occupation::Segment { slot, segment } => self.segment_ns(InFlight(slot), SegmentId(segment), worker).unwrap_or(0),
            Occupation::Copy { copy } => {
                let copy = &self.copies.items[copy as usize];
                self.device.link(copy.link).solo_ns(copy.bytes)
            }
            // Strategies do not know what frames take, nor preparing a unit.
            Occupation::Frame | Occupation::Preparation { .. } => 0,
        }
    }

    /// Expected time from the start of the present kernel to the end of what runs.
    fn running_ns(&self, worker: WorkerId) -> u64 {
        let state = &self.workers[worker.index()];
        match state.running {
            Some(Occupation::Segment { slot, .. }) if !state.in_invocation => {
                let request = &self.requests.items[slot as usize];
                let program = &request.program;
                let costs = self.models[request.model.index()].costs;
                (state.kernel..state.kernel_end)
                    .filter_map(|index| costs.piece(program.kernel(index), program.launch(index), worker))
                    .map(|cost| cost.duration_ns)
                    .sum()
            }
            Some(occupation) => self.expected_ns(occupation, worker),
            None => 0,
        }
    }
}

impl<R: Recorder> System for Engine<'_, R> {
    fn now_ns(&self) -> u64 {
        self.now_ns
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
        state.running.is_none() && state.waiting.is_empty() && self.fits(worker.0 as u16)
    }

    fn queue_length(&self, worker: WorkerId) -> usize {
        self.workers[worker.index()].waiting.len()
    }

    fn backlog_ns(&self, worker: WorkerId) -> u64 {
        let state = &self.workers[worker.index()];
        let elapsed_ns = self.now_ns - state.start_ns.min(self.now_ns);
        let waiting: u64 = state.waiting.iter().map(|waiting| self.expected_ns(waiting.occupation, worker)).sum();
        self.running_ns(worker).saturating_sub(elapsed_ns) + waiting
    }

    fn rate(&self, worker: WorkerId) -> f64 {
        self.rate(worker)
    }

    fn is_available(&self, worker: WorkerId) -> bool {
        self.dynamics.as_ref().is_none_or(|dynamics| dynamics.outages.is_there(worker.0 as u16))
    }

    fn is_being_prepared(&self, model: ModelId) -> bool {
        self.is_being_prepared(model)
    }

    fn program(&self, in_flight: InFlight) -> &Program {
        &self.requests.items[in_flight.0 as usize].program
    }

    fn costs(&self, model: ModelId) -> &CostTable {
        self.models[model.index()].costs
    }

    fn placed(&self, in_flight: InFlight, segment: SegmentId) -> Option<WorkerId> {
        let worker = self.requests.items[in_flight.0 as usize].placed[segment.index()];
        (worker != UNPLACED).then(|| WorkerId(u32::from(worker)))
    }

    fn model(&self, in_flight: InFlight) -> ModelId {
        self.requests.items[in_flight.0 as usize].model
    }

    fn transfer_ns(&self, in_flight: InFlight, segment: SegmentId, worker: WorkerId) -> u64 {
        let request = &self.requests.items[in_flight.0 as usize];
        let program = &request.program;
        let memory = self.layout.memory[worker.index()];
        let copy_ns = |fragment: &u32| {
            let present = request.present[*fragment as usize];
            let bytes = program.copied_bytes(*fragment);
            if present == 0 || present & (1 << memory) != 0 {
                0
            } else {
                self.device.link(self.best_source(present, memory, bytes).1).solo_ns(bytes)
            }
        };
        program.needs(segment.0).iter().map(copy_ns).sum()
    }
}
