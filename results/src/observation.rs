//! `observation.json`: a real run in so much detail that the simulator can go through it again, request by request and choice by choice.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sim::identifiers::{TaskId, WorkerId};
use sim::plan::{Part, Piece, Plan};

use crate::run::read_json;
use crate::{ResultsError, SCHEMA_VERSION};

/// Name of the file.
pub const OBSERVATION_FILE: &str = "observation.json";

/// Real runs of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Version of the file format.
    pub schema_version: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Its text, with what the command line said instead.
    pub scenario_text: String,
    /// Folder that paths in it are relative to.
    pub scenario_folder: String,
    /// Strategies that ran.
    pub strategies: Vec<String>,
    /// Seed of the runs.
    pub seed: u64,
    /// Name or path of the device profile that plans were made with.
    pub profile: String,
    /// Its fingerprint.
    pub profile_fingerprint: String,
    /// Circumstances: machine, libraries, drivers.
    pub context: serde_json::Value,
    /// Cores that were kept busy meanwhile, each for a share of the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpu_loads: Vec<(usize, f64)>,
    /// UI frames that were drawn meanwhile: on which worker, how many a second, of how many layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<(String, f64, u32)>,
    /// The runs.
    pub runs: Vec<ObservedRun>,
}

/// One real run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObservedRun {
    /// Case of the scenario.
    pub case: String,
    /// The strategy.
    pub strategy: String,
    /// Which variant of each model of the scenario ran.
    pub variants: Vec<usize>,
    /// The models of the run, by number.
    pub models: Vec<String>,
    /// When requests of each stream arrived.
    pub arrivals_ns: Vec<Vec<u64>>,
    /// What was decided.
    pub choices: Choices,
    /// Requests that completed.
    pub requests: Vec<ObservedRequest>,
    /// Kernels, in the order in which they ended.
    pub kernels: Vec<ObservedKernel>,
    /// Copies, in the order in which they ended.
    pub copies: Vec<ObservedCopyRecord>,
}

/// What a strategy decided in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Plans at the begin, by model.
    pub plans: Vec<PlanRecord>,
    /// Plans that replaced those of a model, in order.
    pub replaced: Vec<Replaced>,
    /// Segments that the plans left open: request, segment, worker.
    pub placements: Vec<(u32, u32, u32)>,
}

/// A plan that replaced another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The first request that may follow it.
    pub from_request: u32,
    /// The model.
    pub model: u32,
    /// The plan.
    pub plan: PlanRecord,
}

/// A plan as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Whether segments run one after the other.
    pub sequenced: bool,
    /// Priority.
    pub priority: i32,
    /// Worker and pieces of each segment; a piece is a task and, if it is not whole, `[kind, begin, end, of]` with kind 1 for rows and 2
    /// for channels.
    pub segments: Vec<(Option<u32>, Vec<PieceRecord>)>,
}

/// A task, and what part of it.
pub type PieceRecord = (u32, Option<[u32; 4]>);

/// A request that completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRequest {
    /// Number.
    pub request: u32,
    /// Number of its model in the run.
    pub model: u32,
    /// When it arrived.
    pub arrived_ns: u64,
    /// When it ended.
    pub ended_ns: u64,
}

/// A kernel, or several timed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedKernel {
    /// Number of its request.
    pub request: u32,
    /// Number of its model.
    pub model: u32,
    /// Its segment.
    pub segment: u32,
    /// Its task.
    pub task: u32,
    /// How many kernels the times are of; 0 where they are counted with an earlier one.
    pub kernels: u32,
    /// The worker.
    pub worker: u32,
    /// When it began.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
}

/// A copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedCopyRecord {
    /// Number of its request.
    pub request: u32,
    /// Number of its model.
    pub model: u32,
    /// Number of the data item.
    pub data: u32,
    /// The link.
    pub link: u32,
    /// Bytes.
    pub bytes: u64,
    /// When it began.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
}

impl From<&Plan> for PlanRecord {
    fn from(plan: &Plan) -> Self {
        let piece = |piece: &Piece| {
            let part = match piece.part {
                Part::Whole => None,
                Part::Rows { begin, end, of } => Some([1, begin, end, of]),
                Part::Channels { begin, end, of } => Some([2, begin, end, of]),
            };
            (piece.task.0, part)
        };
        let segments = plan.segments().iter().enumerate().map(|(index, segment)| {
            let pieces = plan.pieces(sim::identifiers::SegmentId::from_index(index));
            (segment.worker.map(|worker| worker.0), pieces.iter().map(piece).collect())
        });
        Self { sequenced: plan.sequenced, priority: plan.priority, segments: segments.collect() }
    }
}

impl PlanRecord {
    /// The plan; `None` where a part is of an unknown kind.
    pub fn plan(&self) -> Option<Plan> {
        let mut plan = Plan::with_capacity(self.segments.len());
        (plan.sequenced, plan.priority) = (self.sequenced, self.priority);
        for (worker, pieces) in &self.segments {
            let piece = |&(task, part): &PieceRecord| {
                let part = match part {
                    None => Part::Whole,
                    Some([1, begin, end, of]) => Part::Rows { begin, end, of },
                    Some([2, begin, end, of]) => Part::Channels { begin, end, of },
                    Some(_) => return None,
                };
                Some(Piece { task: TaskId(task), part })
            };
            let pieces: Option<Vec<Piece>> = pieces.iter().map(piece).collect();
            plan.segment_of_pieces(worker.map(WorkerId), pieces?);
        }
        Some(plan)
    }
}

/// Reads the observation of a results directory.
///
/// # Errors
/// If there is none, or it is of another version, or holds plans that are none.
pub fn read_observation(directory: &Path) -> Result<Observation, ResultsError> {
    let path = directory.join(OBSERVATION_FILE);
    if directory.join(crate::RUN_FILE).exists() && !path.exists() {
        let why = "there is none: `socrates observe` writes it, `socrates execute` does not";
        return Err(ResultsError::malformed(&path, &why));
    }
    let observation: Observation = read_json(directory, OBSERVATION_FILE)?;
    for run in &observation.runs {
        let replaced = run.choices.replaced.iter().map(|replaced| &replaced.plan);
        if run.choices.plans.iter().chain(replaced).any(|plan| plan.plan().is_none()) {
            return Err(ResultsError::malformed(
                &path,
                &format!("run `{}` has a part that is neither rows nor channels", run.case),
            ));
        }
        if run.choices.plans.len() != run.models.len() {
            let (plans, models) = (run.choices.plans.len(), run.models.len());
            return Err(ResultsError::malformed(&path, &format!("run `{}` has {plans} plans for {models} models", run.case)));
        }
    }
    Ok(observation)
}

impl Observation {
    /// The bytes of the file.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ResultsError> {
        debug_assert_eq!(self.schema_version, SCHEMA_VERSION);
        crate::run::to_compact_json(self, Path::new(OBSERVATION_FILE))
    }
}
