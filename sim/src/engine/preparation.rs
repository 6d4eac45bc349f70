//! Plans made at run time: their units are prepared before requests follow them.
//!
//! What preparing takes is in the cost models of the workers ([`crate::cost::Overheads::preparation`]). Workers prepare one unit after the
//! other, each in its turn among what else waits for them; requests follow the plan before until all is prepared. Plans that were there
//! before the run, and those whose units were prepared once, take effect at once. Where preparing costs nothing, all of this is absent.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::engine::Model;
use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::{Event, Occupation};
use crate::identifiers::{ModelId, WorkerId};
use crate::plan::{Launch, Program};
use crate::platform::Device;
use crate::record::Recorder;
use crate::strategy::Strategy;

/// Plans whose units are prepared, and those under way.
#[derive(Debug, Default)]
pub(super) struct Preparations {
    prepared: Vec<(ModelId, Rc<Program>)>,
    /// At most one of each model.
    pending: Vec<Pending>,
    /// Of the next.
    number: u32,
}

/// A plan whose units are being prepared.
#[derive(Debug)]
struct Pending {
    number: u32,
    model: ModelId,
    program: Rc<Program>,
    /// For each worker, what its units take that are not prepared yet.
    left_ns: Vec<VecDeque<u64>>,
}

impl Preparations {
    /// With the plans that there are before the run; `None` where preparing costs nothing.
    pub(super) fn of(
        device: &Device,
        models: &[Model<'_>],
        programs: &[Rc<Program>],
        strategy: Option<&dyn Strategy>,
    ) -> Option<Box<Self>> {
        let costs = |worker: WorkerId| !device.worker(worker).costs.overheads().preparation.is_none();
        if !device.worker_ids().any(costs) {
            return None;
        }
        let mut all = Self::default();
        for (index, (model, program)) in models.iter().zip(programs).enumerate() {
            let id = ModelId::from_index(index);
            all.prepared.push((id, Rc::clone(program)));
            let others = strategy.map_or_else(Vec::new, |strategy| strategy.alternatives(id));
            let compiled = others.iter().filter_map(|plan| Program::compile(plan, model.tasks, model.costs).ok());
            all.prepared.extend(compiled.map(|program| (id, Rc::new(program))));
        }
        Some(Box::new(all))
    }
}

impl<R: Recorder> Engine<'_, R> {
    /// A new plan of a model takes effect as soon as its units are prepared; the plan that was to come before it never does.
    pub(super) fn prepare(&mut self, model: ModelId, program: Program) {
        let Some(preparations) = &mut self.preparations else {
            self.programs[model.index()] = Rc::new(program);
            return;
        };
        if let Some(at) = preparations.pending.iter().position(|pending| pending.model == model) {
            if *preparations.pending[at].program == program {
                return;
            }
            let number = preparations.pending.swap_remove(at).number;
            for worker in &mut self.workers {
                worker
                    .waiting
                    .retain(|waiting| !matches!(waiting.occupation, Occupation::Preparation { number: of } if of == number));
            }
        }
        let known = preparations.prepared.iter().find(|(of, known)| *of == model && **known == program);
        if let Some((_, known)) = known {
            self.programs[model.index()] = Rc::clone(known);
            return;
        }
        let left_ns = self.units_ns(model, &program);
        let busy: Vec<u16> = (0..left_ns.len() as u16).filter(|&worker| !left_ns[worker as usize].is_empty()).collect();
        let Some(preparations) = &mut self.preparations else { return };
        let number = preparations.number;
        preparations.number += 1;
        preparations.pending.push(Pending { number, model, program: Rc::new(program), left_ns });
        if busy.is_empty() {
            self.prepared(number);
        }
        for worker in busy {
            self.join(worker, Occupation::Preparation { number }, 0);
        }
    }

    /// Whether a plan of a model is being prepared.
    pub(super) fn is_being_prepared(&self, model: ModelId) -> bool {
        self.preparations.as_ref().is_some_and(|all| all.pending.iter().any(|pending| pending.model == model))
    }

    /// What preparing each unit takes, by worker, in the order of the plan. Segments that the plan leaves open are not counted.
    fn units_ns(&self, model: ModelId, program: &Program) -> Vec<VecDeque<u64>> {
        let mut units = vec![VecDeque::new(); self.workers.len()];
        for segment in 0..program.segment_count() as u32 {
            let Some(worker) = program.worker(segment) else { continue };
            let costs = &self.device.worker(worker).costs;
            let preparation = costs.overheads().preparation;
            if preparation.is_none() {
                continue;
            }
            let own: &mut VecDeque<u64> = &mut units[worker.index()];
            for kernel in program.kernel_range(segment) {
                let work = self.models[model.index()].tasks.work(program.kernel(kernel).task);
                let bytes = work.map_or(0.0, |work| work.parameters as f64 * f64::from(costs.element_bytes()));
                let kernel_ns = libm::round(preparation.duration_ns(bytes)) as u64;
                match own.back_mut().filter(|_| program.launch(kernel) == Launch::Joined) {
                    Some(unit_ns) => *unit_ns = unit_ns.saturating_add(kernel_ns),
                    None => own.push_back(kernel_ns),
                }
            }
        }
        units
    }

    /// A worker turns to the next unit of a plan.
    pub(super) fn preparation_starts(&mut self, worker: u16, number: u32) {
        let pending = self.preparations.iter().flat_map(|all| &all.pending).find(|pending| pending.number == number);
        let unit_ns = pending.and_then(|pending| pending.left_ns[worker as usize].front().copied()).unwrap_or(0);
        self.queue.schedule(self.after(unit_ns), Class::Completion, Event::Prepared { worker }.packed());
    }

    /// A worker has prepared a unit: the next waits behind what else waits for the worker.
    pub(super) fn preparation_ended(&mut self, worker: u16) {
        if let Some(Occupation::Preparation { number }) = self.workers[worker as usize].running {
            let mut pending = self.preparations.iter_mut().flat_map(|all| &mut all.pending);
            if let Some(pending) = pending.find(|pending| pending.number == number) {
                let own = &mut pending.left_ns[worker as usize];
                own.pop_front();
                let (is_done, all_done) = (own.is_empty(), pending.left_ns.iter().all(VecDeque::is_empty));
                if !is_done {
                    self.join(worker, Occupation::Preparation { number }, 0);
                } else if all_done {
                    self.prepared(number);
                }
            }
        }
        self.release(worker);
    }

    /// All units of a plan are prepared: requests that arrive from now on follow it.
    fn prepared(&mut self, number: u32) {
        let Some(preparations) = &mut self.preparations else { return };
        let Some(at) = preparations.pending.iter().position(|pending| pending.number == number) else { return };
        let Pending { model, program, .. } = preparations.pending.swap_remove(at);
        preparations.prepared.push((model, Rc::clone(&program)));
        self.programs[model.index()] = program;
    }

    /// Whether it matters still that a unit is prepared: requests are in flight, or something else is to come.
    pub(super) fn is_worth_preparing(&self) -> bool {
        let is_to_come = |packed| match Event::unpacked(packed) {
            Event::Prepared { .. } | Event::Environment { .. } => false,
            event => !self.is_superseded(event),
        };
        self.arrived > self.completed + self.dropped || self.queue.events().any(is_to_come)
    }
}
