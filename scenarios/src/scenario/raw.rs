//! The scenario file as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::environment::RawEnvironment;
use crate::scenario::{RawArrivals, RawQueue, RawWork};
use crate::text::{At, Bytes, Duration};

/// A scenario: which models run on which device under which strategies, and how requests arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Socrates scenario")]
pub struct RawScenario {
    /// Version of this format: 1.
    #[schemars(required, range(min = 1, max = 1), extend("examples" = [1]))]
    pub schema_version: Option<At<u32>>,
    /// Name, shown in results and that of their folder: letters, digits, `.`, `_` and `-`, not dots alone.
    #[schemars(required, length(min = 1), extend("pattern" = "^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"))]
    #[schemars(extend("examples" = ["pixel4-solo"]))]
    pub name: Option<At<String>>,
    /// What the scenario is for.
    pub description: Option<String>,
    /// Built-in device name, or path of a profile relative to this file.
    #[schemars(required, length(min = 1), extend("examples" = ["pixel4"]))]
    pub device: Option<At<String>>,
    /// Seed of every random stream; 0 if absent.
    pub seed: Option<At<u64>>,
    /// Strategies to compare, each `name` or `name[parameter=value, ...]`.
    #[schemars(required, length(min = 1), extend("examples" = [["cpu", "gpu", "heft"]]))]
    pub strategies: Option<At<Vec<At<String>>>>,
    /// Whether each stream has a run of its own (default) or all share one.
    pub streams_run: Option<StreamsRun>,
    /// Latest simulated time; like all durations, at most 1000000s.
    pub horizon: Option<At<Duration>>,
    /// Most memory that the models of a run may need together, whatever the device allows.
    pub memory_limit: Option<At<Bytes>>,
    /// Frontend passes that all models go through first, whatever the strategy: `exact`, or names separated by commas; none if absent.
    #[schemars(extend("examples" = ["exact"]))]
    pub passes: Option<At<String>>,
    /// Patterns of operators that run as one kernel, whatever the strategy.
    pub patterns: Option<FusedPatterns>,
    /// How durations vary about their expectation; not at all if absent.
    pub variation: Option<RawVariation>,
    /// What changes about the device: clocks, temperatures; nothing if absent.
    pub environment: Option<RawEnvironment>,
    /// A score of the whole that is shown; none if absent.
    pub score: Option<Score>,
    /// Runs of everything, each with a seed of its own; 1 if absent. Figures are told with their intervals.
    #[schemars(range(min = 1, max = 10_000))]
    pub replicates: Option<At<u32>>,
    /// Streams of requests.
    #[schemars(required, length(min = 1), extend("examples" = [[{ "model": "mobilenet_v2", "requests": 20 }]]))]
    pub stream: Option<At<Vec<At<RawStream>>>>,
}

/// Which streams share a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamsRun {
    /// Each stream alone, in a run of its own.
    #[default]
    Separately,
    /// All streams at once, in one run.
    Together,
}

/// Patterns of operators that run as one kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FusedPatterns {
    /// Those that the device's workers are said to fuse.
    #[default]
    Profile,
    /// All that there are, as if every worker's runtime could.
    All,
}

/// How durations vary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawVariation {
    /// Not at all.
    #[default]
    None,
    /// By the residuals of the calibration, each kernel of each request by itself.
    Residuals,
    /// What the model is wrong by: one draw for each task on each worker, for the whole run. The residuals without the noise.
    ModelError,
    /// The noise floor of the measurements, each kernel of each request by itself; none where the profile does not tell it.
    Noise,
    /// Model error and noise.
    ModelErrorAndNoise,
    /// Exponential, each kernel of each request by itself: for checks against queueing theory.
    Exponential,
}

/// Requests for one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStream {
    /// Name, unique in the scenario, by which results show the stream and others follow it; that of its model if absent.
    pub name: Option<At<String>>,
    /// Zoo model name, or path of an ONNX file relative to this file.
    #[schemars(required, length(min = 1), extend("examples" = ["mobilenet_v2"]))]
    pub model: Option<At<String>>,
    /// How requests arrive; one client without think time if absent.
    pub arrivals: Option<At<RawArrivals>>,
    /// Requests in all; as many as fit before the horizon if absent.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub requests: Option<At<u64>>,
    /// Time a request is allowed.
    pub deadline: Option<At<Duration>>,
    /// From when the deadline counts; from the arrival of the request if absent.
    pub deadline_from: Option<RawDeadlineFrom>,
    /// How many requests are worked on at once and wait; all start when they arrive if absent.
    pub queue: Option<At<RawQueue>>,
    /// Work that depends on the input; always the same if absent.
    pub work: Option<At<RawWork>>,
    /// Higher runs first where requests wait for one worker; 0 if absent.
    pub priority: Option<At<i32>>,
    /// Sizes of the model's dynamic dimensions.
    pub dimensions: Option<BTreeMap<At<String>, At<RawSize>>>,
}

/// A size of a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RawSize(#[schemars(range(min = 1))] pub u64);

/// A score of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// That of `XRBench`: how well streams meet their deadlines, and at what energy.
    Xrbench,
}

/// From when a deadline counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawDeadlineFrom {
    /// From the arrival of the request itself.
    #[default]
    Arrival,
    /// From the arrival of the first request of the chain of streams that brought it about.
    Origin,
}
