//! The event loop: requests arrive, segments run on workers, copies flow over links, all on virtual time.
//!
//! Rules, in full in `docs/semantics.md`: time is whole nanoseconds; events of one instant run by class, then first scheduled
//! first; a worker runs one segment (or one copy that blocks it) at a time, oldest first within a priority; a kernel or copy
//! progresses at the rate that shared bandwidth leaves it; what a segment makes is available when the segment ends.

mod copies;
mod dispatch;
mod drops;
mod dynamics;
mod gates;
mod preparation;
mod queue;
mod requests;
mod run;
mod settings;
mod sharing;
mod state;
mod variation;
mod workers;

pub use dynamics::Network;
pub use queue::{Class, EventQueue};
pub use run::{plan_all, simulate, simulate_programs};
pub use sharing::{Due, Sharing};

use thiserror::Error;

use crate::environment::{Environment, EnvironmentError};
use crate::identifiers::ModelId;
use crate::plan::PlanError;
use crate::task::{CostTable, TaskGraph};
use crate::workload::StreamError;

/// A model of a simulation: its tasks and what they cost on the device.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    /// Name, for messages.
    pub name: &'a str,
    /// Tasks.
    pub tasks: &'a TaskGraph,
    /// Costs on the workers of the device.
    pub costs: &'a CostTable,
}

/// How durations vary about their expectation: log-normal, mean kept, except where said otherwise.
///
/// The deviation `r` of the residuals of the calibration, which the cost table carries, has two parts: what the same thing measured twice
/// differs by, the noise `n` ([`Options::noise_log_deviation`]), and what the model is wrong by, `m^2 = max(r^2 - n^2, 0)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variation {
    /// Not at all.
    #[default]
    None,
    /// Each kernel of each request by itself, with deviation `r`: as if the model were wrong anew each time.
    Residuals,
    /// Each task on each worker by one draw for the whole run, with deviation `m`: the model is wrong about it, always in the same way;
    /// all tasks of a worker by one more ([`Options::common_log_deviation`]), and where the worker's cost models say so
    /// ([`crate::cost::SharedErrors`]), all tasks of a class by yet another.
    ModelError,
    /// Each kernel of each request by itself, with deviation `min(r, n)`.
    Noise,
    /// Both of the above.
    ModelErrorAndNoise,
    /// Exponentially; for checks against queueing theory.
    Exponential,
}

/// Settings of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Seed of every random stream.
    pub seed: u64,
    /// Latest simulated time; events after it do not happen.
    pub horizon_ns: Option<u64>,
    /// Most events to handle.
    pub event_budget: u64,
    /// How durations vary.
    pub variation: Variation,
    /// What changes about the device meanwhile; by default nothing.
    pub environment: Environment,
    /// Standard deviation of the logarithm of the same duration measured again.
    pub noise_log_deviation: f64,
    /// Standard deviation of the logarithm of what all kernels of a worker are wrong by together, throughout a run: its state on another
    /// day, and errors of the model that do not cancel. Drawn once for each worker where [`Variation`] has errors of the model. A worker
    /// whose cost models say so themselves ([`crate::cost::SharedErrors`]) has its own.
    pub common_log_deviation: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            horizon_ns: None,
            event_budget: u64::MAX,
            variation: Variation::None,
            noise_log_deviation: 0.0,
            common_log_deviation: 0.0,
            environment: Environment::default(),
        }
    }
}

/// Why a run stopped. A run stops, it does not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// All requests ended and no more will arrive.
    Drained,
    /// The horizon was reached.
    Horizon,
    /// The event budget was used up.
    EventBudget,
    /// Requests are in flight and nothing can happen any more: the strategy leaves ready work unplaced.
    Stalled(String),
    /// A processor failed while a plan was run for real.
    Failed(String),
    /// Whoever ran a plan for real asked it to stop.
    Interrupted,
}

/// What a run amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Why it stopped.
    pub stop: StopReason,
    /// Time of the last event (or the horizon).
    pub end_ns: u64,
    /// Events handled.
    pub events: u64,
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests that completed.
    pub completed: u64,
    /// Requests that the strategy gave up.
    pub dropped: u64,
    /// Decisions of the strategy that could not be carried out.
    pub refused: u64,
}

/// Why a run cannot start. Nothing was simulated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SimulationError {
    /// The strategy has no valid plan for a model.
    #[error("model `{model}`: {source}")]
    Plan {
        /// The model.
        model: String,
        /// Why.
        source: PlanError,
    },
    /// A stream names a model that is not there.
    #[error("a stream requests model {}, but there are {count} models", model.0)]
    UnknownModel {
        /// The missing model.
        model: ModelId,
        /// Models there are.
        count: usize,
    },
    /// Streams cannot run together.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A cost table does not fit the device or the tasks.
    #[error(
        "model `{model}`: the cost table is for {tasks} tasks on {workers} workers, the model has {expected_tasks} and the device {expected_workers}"
    )]
    CostTableSize {
        /// The model.
        model: String,
        /// Tasks in the table.
        tasks: usize,
        /// Workers in the table.
        workers: usize,
        /// Tasks of the model.
        expected_tasks: usize,
        /// Workers of the device.
        expected_workers: usize,
    },
    /// The plans need more memory than the device may use.
    #[error(
        "the plans need {needs_bytes} bytes of memory (weights, and buffers of one request of each model): the limit is {limit_bytes}"
    )]
    Memory {
        /// Bytes needed.
        needs_bytes: u64,
        /// Bytes there are.
        limit_bytes: u64,
    },
    /// The environment does not fit the device.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Both a plan and a governor set a clock.
    #[error("the clock of processor `{processor}` is set by a plan and by a governor: leave one of them out")]
    TwoMasters {
        /// The processor.
        processor: String,
    },
    /// There is not one program for each model.
    #[error("{programs} programs for {models} models: there must be one for each")]
    ProgramCount {
        /// Programs given.
        programs: usize,
        /// Models given.
        models: usize,
    },
    /// The device has too many workers or memories for the engine's tables.
    #[error("the device has {count} {what}: at most {limit} are possible")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many are possible.
        limit: usize,
    },
}
