//! A plan as it is carried out: compiled, cut into units, laid out in memory.

use std::sync::{Arc, OnceLock};

use sim::identifiers::ModelId;
use sim::plan::{Plan, Program};
use sim::platform::Device;

use crate::run::layout::{Access, Layout};
use crate::run::schedule::{ModelToRun, Schedule};

/// A plan in force: compiled, and cut into units.
#[derive(Debug)]
pub(super) struct Version {
    /// Number of the plan over all models and re-plannings.
    pub(super) number: u32,
    pub(super) model: ModelId,
    /// How many plans were made before the run: the first of those made during it.
    pub(super) first_of_run: u32,
    pub(super) program: Program,
    pub(super) schedule: Schedule,
    /// Where everything lies, once it is known how all processors get at memory.
    layout: OnceLock<Option<Layout>>,
}

impl Version {
    pub(super) fn new(number: u32, model: ModelId, first_of_run: u32, program: Program, schedule: Schedule) -> Self {
        Self { number, model, first_of_run, program, schedule, layout: OnceLock::new() }
    }

    /// Plans where everything lies. Once.
    pub(super) fn lay_out(&self, models: &[ModelToRun<'_>], device: &Device, workers: &[Access]) {
        let tasks = &models[self.model.index()].lowered.tasks;
        self.layout.get_or_init(|| Layout::of(&self.program, &self.schedule, tasks, device, workers));
    }

    /// Where everything lies; `None` where that is decided request by request.
    pub(super) fn layout(&self) -> Option<&Layout> {
        self.layout.get().and_then(Option::as_ref)
    }

    /// Whether it was made before the run.
    pub(super) const fn is_prepared(&self) -> bool {
        self.number < self.first_of_run
    }

    /// Whether another plan was made during the run, and this one in its place.
    pub(super) const fn replaces(&self, model: u32, number: u32) -> bool {
        self.model.0 == model && self.first_of_run <= number && number < self.number
    }
}

/// A plan that the strategy may switch to, prepared.
pub(super) type Alternative = (Plan, Arc<Version>);
