//! Plans made at run time: cut into units and prepared by the workers, a unit at a time between what else they do, while requests follow the
//! plan before. The rules are those of the simulator (`sim::engine`).

use std::collections::VecDeque;
use std::sync::Arc;

use sim::identifiers::{ModelId, WorkerId};
use sim::plan::{Plan, Program};

use crate::processor::ProcessorError;
use crate::run::overlap;
use crate::run::schedule::Schedule;
use crate::run::state::{Occupation, State};
use crate::run::threads::Shared;
use crate::run::version::Version;
use crate::run::worker::Driver;

/// A plan whose units are being prepared.
pub(super) struct Pending {
    number: u32,
    model: ModelId,
    plan: Plan,
    /// Until it is cut into units.
    program: Option<Box<Program>>,
    version: Option<Arc<Version>>,
    /// For each worker, segments and steps that it has not prepared yet.
    left: Vec<VecDeque<(u32, usize)>>,
}

/// What a worker does for a plan in one go.
pub(super) enum Preparation {
    /// Cuts it into units.
    Cut(ModelId, Box<Program>),
    /// Prepares a unit: segment, step.
    Unit(Arc<Version>, u32, usize),
    /// Nothing: another plan has come in its place.
    Nothing,
}

/// What came of it.
pub(super) enum Prepared {
    /// It is cut; `None` if it cannot be.
    Cut(Option<Box<(Program, Schedule)>>),
    /// The unit is prepared, or the processor refuses it.
    Unit(Result<(), ProcessorError>),
    /// Nothing.
    Nothing,
}

impl State<'_> {
    /// New requests of a model follow a new plan as soon as its units are prepared; an invalid one is refused and counted.
    pub(super) fn replan(&mut self, model: ModelId, plan: &Plan) {
        let Some(of) = self.models.get(model.index()) else {
            self.refused += 1;
            return;
        };
        if let Some(at) = self.pending.iter().position(|pending| pending.model == model) {
            if self.pending[at].plan == *plan {
                return;
            }
            let number = self.pending.swap_remove(at).number;
            self.withdraw(number);
        }
        if let Some((_, version)) = self.alternatives[model.index()].iter().find(|(known, _)| known == plan) {
            self.versions[model.index()] = Arc::clone(version);
            return;
        }
        let is_on_host = |worker: WorkerId| self.device.worker(worker).memory == self.device.host();
        let program = Program::compile(plan, &of.lowered.tasks, &of.lowered.costs).ok();
        let Some(program) = program.filter(|program| overlap::written_twice(program, &is_on_host).is_none()) else {
            self.refused += 1;
            return;
        };
        let number = self.next_version;
        self.next_version += 1;
        // The worker of the first segment cuts; then all that have units prepare them.
        let first = program.workers().flatten().next().unwrap_or(WorkerId(0));
        let left = vec![VecDeque::new(); self.workers.len()];
        self.pending.push(Pending { number, model, plan: plan.clone(), program: Some(Box::new(program)), version: None, left });
        self.join(first, Occupation::Preparation { number }, 0);
    }

    /// Whether a plan of a model is being prepared.
    pub(super) fn is_being_prepared(&self, model: ModelId) -> bool {
        self.pending.iter().any(|pending| pending.model == model)
    }

    fn withdraw(&mut self, number: u32) {
        for worker in &mut self.workers {
            worker.waiting.retain(|waiting| waiting.occupation != Occupation::Preparation { number });
        }
    }

    /// What a worker that has taken its turn for a plan does.
    pub(super) fn next_preparation(&mut self, worker: WorkerId, number: u32) -> Preparation {
        let Some(pending) = self.pending.iter_mut().find(|pending| pending.number == number) else { return Preparation::Nothing };
        if let Some(program) = pending.program.take() {
            return Preparation::Cut(pending.model, program);
        }
        match (&pending.version, pending.left[worker.index()].front()) {
            (Some(version), Some(&(segment, step))) => Preparation::Unit(Arc::clone(version), segment, step),
            _ => Preparation::Nothing,
        }
    }

    /// A worker has done something for a plan: it goes on behind what else waits for it, or the plan is in force.
    pub(super) fn preparation_ended(&mut self, worker: WorkerId, number: u32, prepared: Prepared) {
        let Some(at) = self.pending.iter().position(|pending| pending.number == number) else { return };
        match prepared {
            Prepared::Cut(Some(cut)) => {
                let (program, schedule) = *cut;
                let model = self.pending[at].model;
                let version = Version::new(number, model, self.first_of_run, program, schedule);
                if let Some(workers) = self.accesses() {
                    version.lay_out(self.models, self.device, &workers);
                }
                let left: Vec<VecDeque<(u32, usize)>> =
                    self.device.worker_ids().map(|worker| self.units_of(&version, worker)).collect();
                let busy: Vec<WorkerId> = self.device.worker_ids().filter(|worker| !left[worker.index()].is_empty()).collect();
                (self.pending[at].version, self.pending[at].left) = (Some(Arc::new(version)), left);
                for worker in busy {
                    self.join(worker, Occupation::Preparation { number }, 0);
                }
            }
            Prepared::Unit(Ok(())) => {
                let left = &mut self.pending[at].left;
                left[worker.index()].pop_front();
                if !left[worker.index()].is_empty() {
                    self.join(worker, Occupation::Preparation { number }, 0);
                } else if left.iter().all(VecDeque::is_empty) {
                    let Pending { model, plan, version, .. } = self.pending.swap_remove(at);
                    if let Some(version) = version {
                        self.alternatives[model.index()].push((plan, Arc::clone(&version)));
                        self.versions[model.index()] = version;
                    }
                }
            }
            // It cannot be cut, or a processor refuses a unit: requests go on with the plan before.
            Prepared::Cut(None) | Prepared::Unit(Err(_)) => {
                self.pending.swap_remove(at);
                self.withdraw(number);
                self.refused += 1;
            }
            Prepared::Nothing => {}
        }
    }

    /// The units of a plan that a worker has to prepare.
    fn units_of(&self, version: &Version, worker: WorkerId) -> VecDeque<(u32, usize)> {
        let costs = &self.models[version.model.index()].lowered.costs;
        let mut units = VecDeque::new();
        for (segment, steps) in (0..).zip(&version.schedule.segments) {
            let is_able = || {
                let mut kernels = version.program.kernel_range(segment);
                kernels.all(|kernel| costs.supports(version.program.kernel(kernel).task, worker))
            };
            if version.program.worker(segment).map_or_else(is_able, |planned| planned == worker) {
                units.extend((0..steps.len()).map(|step| (segment, step)));
            }
        }
        units
    }
}

/// Carries out what a worker does for a plan, without the lock.
pub(super) fn carry_out(shared: &Shared<'_>, driver: &mut Driver<'_>, preparation: Preparation) -> Prepared {
    match preparation {
        Preparation::Cut(model, program) => {
            let schedule = Schedule::of(&shared.models[model.index()], &program);
            Prepared::Cut(schedule.ok().map(|schedule| Box::new((*program, schedule))))
        }
        Preparation::Unit(version, segment, step) => Prepared::Unit(driver.prepare_unit(&version, segment, step)),
        Preparation::Nothing => Prepared::Nothing,
    }
}
