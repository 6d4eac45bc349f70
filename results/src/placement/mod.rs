//! `placement.json`: for each task where it ran, what else was possible, what it cost, and why.

mod build;
mod cost;
mod why;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use build::placements;
pub use why::Why;

use crate::run::read_json;
use crate::{Origin, ResultsError};

/// Name of the file.
pub const PLACEMENT_FILE: &str = "placement.json";

/// The contents of `placement.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementFile {
    /// [`crate::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// One entry for each model of each run.
    pub placements: Vec<Placement>,
}

/// One model of one run. Times are means over the requests in which something ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The case.
    pub case: String,
    /// The strategy.
    pub strategy: String,
    /// Where the records come from.
    pub origin: Origin,
    /// The model.
    pub model: String,
    /// Workers that the strategy means the model to run on; empty where it means none in particular.
    pub primary: Vec<String>,
    /// Requests in which at least one kernel ended.
    pub requests: u64,
    /// One entry for each task.
    pub tasks: Vec<TaskPlacement>,
    /// What fallback cost in all, for each request; `None` where nothing fell back.
    pub fallback: Option<FallbackCost>,
    /// Where the time of a request went; `None` where none completed.
    pub account: Option<RequestAccount>,
    /// Conversions from one memory's layout to another's; `None` where a task was shared or not always in one place.
    pub conversions: Option<LayoutConversions>,
}

/// Where a placement converts layouts: a memory is an address space and a layout, and each tensor is converted once for each memory
/// that reads it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutConversions {
    /// Tensors converted.
    pub conversions: u64,
    /// Conversions if every reader made its own.
    pub by_reader: u64,
    /// Expected time of all, with nothing else running.
    pub convert_ns: u64,
    /// Tasks whose conversions would cancel if they ran where their tensors are.
    pub round_trips: Vec<LayoutRoundTrip>,
}

/// A task whose conversions would cancel if it ran elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutRoundTrip {
    /// Its number.
    pub task: u32,
    /// The memory where its tensors are.
    pub memory: String,
    /// Expected time of conversions that only it needs.
    pub saved_ns: u64,
}

/// Where the time of a completed request went: means over completed requests. What ran at once counts each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestAccount {
    /// From arrival to the last output.
    pub latency_ns: f64,
    /// Kernels.
    pub kernel_ns: f64,
    /// Invocations.
    pub invocation_ns: f64,
    /// Copies of what tasks read.
    pub copy_ns: f64,
    /// Copies of outputs back to the host.
    pub output_copy_ns: f64,
}

impl RequestAccount {
    /// What the sums do not explain: waiting above zero, work at the same time below.
    pub fn rest_ns(&self) -> f64 {
        self.latency_ns - self.kernel_ns - self.invocation_ns - self.copy_ns - self.output_copy_ns
    }
}

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskPlacement {
    /// Its number.
    pub task: u32,
    /// Its name.
    pub name: String,
    /// Its kernel kind.
    pub kind: String,
    /// The operators it covers.
    pub operators: Vec<String>,
    /// The tasks whose results it reads, ascending.
    #[serde(default)]
    pub reads: Vec<u32>,
    /// Where it ran, by worker and part; empty if it never did.
    pub ran: Vec<Ran>,
    /// What each worker could have done, in the device's order.
    pub options: Vec<WorkerOption>,
    /// Copies that brought what it reads.
    pub copies_in: CopyCost,
    /// Copies of what it made.
    pub copies_out: CopyCost,
    /// Why it ran there.
    pub why: Why,
    /// What it cost that it ran outside of the primary workers; `None` if it did not.
    pub fallback: Option<FallbackCost>,
}

/// A task, or a part of it, on the worker that ran it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    /// The worker.
    pub worker: String,
    /// `whole`, or the part, e.g. `rows 0..3 of 8`.
    pub part: String,
    /// Kernels that ended.
    pub kernels: u64,
    /// Mean time the kernel's segment waited for the worker; 0 for later kernels of a segment.
    pub queued_ns: f64,
    /// Mean time of the invocation before it; 0 for later kernels of a segment.
    pub invocation_ns: f64,
    /// Mean duration.
    pub run_ns: f64,
    /// Mean of what it was expected to take with nothing else running.
    pub solo_ns: f64,
}

/// A task on one worker of the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerOption {
    /// The worker.
    pub worker: String,
    /// Why it cannot run the task; `None` where it can.
    pub refusal: Option<String>,
    /// What the task is expected to take there (where refused: would take), whole and with nothing else running.
    pub expected_ns: Option<u64>,
    /// Whether that lies outside the range the profile was fitted on.
    pub extrapolated: bool,
    /// Expected copies of what it reads, from where its makers ran.
    pub copies_in_ns: u64,
    /// Expected copies of what it makes, to where its readers ran.
    pub copies_out_ns: u64,
}

impl WorkerOption {
    /// Expected kernel and copies; `None` where the worker cannot run the task.
    pub fn total_ns(&self) -> Option<u64> {
        let expected_ns = self.expected_ns.filter(|_| self.refusal.is_none())?;
        Some(expected_ns.saturating_add(self.copies_in_ns).saturating_add(self.copies_out_ns))
    }
}

/// Copies, for each request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyCost {
    /// How many.
    pub copies: f64,
    /// How much.
    pub bytes: f64,
    /// Sum of their durations.
    pub copy_ns: f64,
}

/// What running outside of the primary workers cost, for each request.
///
/// It is an account, not a second simulation: copies to and from the memories of primary workers, the invocations of the
/// segments it ran in, and the difference to the kernel on the (first) primary worker where that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallbackCost {
    /// Tasks that fell back.
    pub tasks: u64,
    /// Copies between the task and primary workers.
    pub copies: CopyCost,
    /// Invocations of the worker it ran on.
    pub invocation_ns: f64,
    /// How much longer its kernels ran than expected on the primary worker; negative where they were faster, `None` where it is
    /// not known of all.
    pub slower_ns: Option<f64>,
}

impl FallbackCost {
    /// Copies, invocations and, where known, slower kernels.
    pub fn total_ns(&self) -> f64 {
        self.copies.copy_ns + self.invocation_ns + self.slower_ns.unwrap_or(0.0)
    }
}

/// Reads the placements of a results directory.
pub fn read_placements(directory: &Path) -> Result<Vec<Placement>, ResultsError> {
    read_json(directory, PLACEMENT_FILE).map(|file: PlacementFile| file.placements)
}
