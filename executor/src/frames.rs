//! UI frames, produced for real: a small model that a GPU has to run many times a second, in time, between everything else.

use sim::graph::{Attributes, Graph, RawGraph};
use sim::identifiers::{ModelId, TaskId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::record::Record;
use sim::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System};

/// Height and width of a layer: four channels of it are 4 MiB, a quarter of a full-screen surface.
const SIDE: u64 = 512;

/// A frame as a model: `layers` drawn one over the other, each an addition and a function of every value.
///
/// # Panics
/// Never: the graph is valid for any number of layers.
pub fn frame_model(layers: u32) -> Graph {
    let mut raw = RawGraph::new("ui_frame").with_input("layer_0", &[1, 4, SIDE, SIDE]);
    for layer in 1..=layers.max(1) {
        let (below, blended, moved) = (format!("layer_{}", layer - 1), format!("blended_{layer}"), format!("layer_{layer}"));
        raw = raw.with_operator("Add", &[&below, &below], &[&blended], Attributes::new());
        raw = raw.with_operator("Sigmoid", &[&blended], &[&moved], Attributes::new());
    }
    raw.opset_version = Some(16);
    raw.with_output(&format!("layer_{}", layers.max(1))).build().expect("a chain of element-wise operators is a valid graph")
}

/// A strategy for everything but the frames, which run on one worker.
pub struct WithFrames<'a> {
    strategy: &'a mut dyn Strategy,
    model: ModelId,
    worker: WorkerId,
}

impl<'a> WithFrames<'a> {
    /// Frames are the given model, and run on the given worker.
    pub fn new(strategy: &'a mut dyn Strategy, model: ModelId, worker: WorkerId) -> Self {
        Self { strategy, model, worker }
    }
}

impl Strategy for WithFrames<'_> {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        if job.model != self.model {
            return self.strategy.plan(job, view);
        }
        let mut plan = Plan::new();
        let tasks: Vec<TaskId> = job.tasks.tasks().collect();
        plan.segment(Some(self.worker), tasks);
        Ok(plan)
    }

    fn interest(&self) -> Interest {
        self.strategy.interest()
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        self.strategy.dispatch(system, decisions);
    }

    fn alternatives(&self, model: ModelId) -> Vec<Plan> {
        if model == self.model { Vec::new() } else { self.strategy.alternatives(model) }
    }

    fn observe(&mut self, record: &Record) {
        self.strategy.observe(record);
    }
}
