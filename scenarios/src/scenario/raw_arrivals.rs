//! How requests arrive, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{At, Duration};

/// How the requests of a stream arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawArrivals {
    /// Some clients, each with one request in flight.
    ClosedLoop(RawClosedLoop),
    /// One request every period.
    Periodic(RawPeriodic),
    /// Exponential gaps.
    Poisson(RawPoisson),
    /// Bursts: a Poisson process whose rate follows a ring of states.
    Modulated(RawModulated),
    /// A Poisson process whose rate changes with the time of day.
    Daily(RawDaily),
    /// Given times.
    Recorded(RawRecorded),
    /// Requests that completed requests of another stream bring about.
    After(RawAfter),
}

/// Some clients, each with one request in flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawClosedLoop {
    /// Requests in flight at most; 1 if absent.
    #[schemars(range(min = 1))]
    pub clients: Option<At<u32>>,
    /// From a completion to the next arrival; none if absent.
    pub think: Option<At<Duration>>,
    /// Whether think times are always the same (default) or exponential with that mean; a client of the latter thinks before its first request.
    pub think_distribution: Option<RawThink>,
}

/// How think times are distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawThink {
    /// Always the same.
    #[default]
    Constant,
    /// Exponential.
    Exponential,
}

/// One request every period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPeriodic {
    /// Time between arrivals; at least 1us.
    #[schemars(required, extend("examples" = ["33ms"]))]
    pub period: Option<At<Duration>>,
    /// Time of the first arrival; 0 if absent.
    pub phase: Option<At<Duration>>,
    /// How far arrivals are from the grid, each by itself, at most half a period; not at all if absent.
    pub jitter: Option<At<RawJitter>>,
}

/// How far an arrival is from its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawJitter {
    /// Uniform, at most so far to either side.
    Uniform(Duration),
    /// Normal of this deviation, drawn again beyond three deviations or half a period.
    Normal(Duration),
}

/// Exponential gaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPoisson {
    /// Mean arrivals per second.
    #[schemars(required, range(min = 1e-6, max = 1e9), extend("examples" = [20.0]))]
    pub rate_per_second: Option<At<f64>>,
}

/// A Poisson process whose rate follows states that take turns, each for an exponential time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawModulated {
    /// The states, in the order in which they follow each other.
    #[schemars(required, length(min = 2))]
    #[schemars(extend("examples" = [[{ "rate_per_second": 30.0, "mean_stay": "500ms" }, { "rate_per_second": 0.0, "mean_stay": "2s" }]]))]
    pub states: Option<At<Vec<RawModulatedState>>>,
}

/// A state of a modulated process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawModulatedState {
    /// Mean arrivals per second; 0 for silence.
    #[schemars(required, range(min = 0, max = 1e9), extend("examples" = [30.0]))]
    pub rate_per_second: Option<At<f64>>,
    /// Mean time that the state lasts; at least 1ms.
    #[schemars(required, extend("examples" = ["500ms"]))]
    pub mean_stay: Option<At<Duration>>,
}

/// A Poisson process at a rate that is linear between points of a day, and round midnight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDaily {
    /// Simulated time that a day lasts; 86400s if absent. Rates are not scaled with it.
    pub day: Option<At<Duration>>,
    /// Rates at hours of the day, ascending.
    #[schemars(required, length(min = 1))]
    #[schemars(extend("examples" = [[{ "hour": 3, "rate_per_second": 0.1 }, { "hour": 19, "rate_per_second": 5.0 }]]))]
    pub points: Option<At<Vec<At<RawDailyPoint>>>>,
}

/// The rate at an hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDailyPoint {
    /// Hour of the day, from 0 to below 24.
    #[schemars(required, range(min = 0), extend("exclusiveMaximum" = 24), extend("examples" = [19.5]))]
    pub hour: Option<At<f64>>,
    /// Mean arrivals per second then.
    #[schemars(required, range(min = 0, max = 1e9), extend("examples" = [5.0]))]
    pub rate_per_second: Option<At<f64>>,
}

/// Given arrival times, here or in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRecorded {
    /// Arrival times since the start, ascending.
    #[schemars(length(min = 1), extend("examples" = [["0ms", "33ms"]]))]
    pub times: Option<At<Vec<At<Duration>>>>,
    /// CSV or Parquet file with a column of them, relative to this file.
    #[schemars(length(min = 1), extend("examples" = ["trace.csv"]))]
    pub file: Option<At<String>>,
    /// The column; its name ends in its unit: `_ns`, `_us`, `_ms` or `_s`.
    #[schemars(length(min = 1), extend("examples" = ["arrival_ms"]))]
    pub column: Option<At<String>>,
    /// What every time is multiplied by; 1 if absent.
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub scale: Option<At<f64>>,
}

/// Requests that completed requests of another stream bring about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAfter {
    /// Name of the other stream.
    #[schemars(required, length(min = 1), extend("examples" = ["face-detection"]))]
    pub stream: Option<At<String>>,
    /// Probability with which a completion brings any about; 1 if absent.
    #[schemars(range(min = 0, max = 1))]
    pub probability: Option<At<f64>>,
    /// How many it then brings about, all at once; 1 if absent.
    pub count: Option<At<RawCount>>,
    /// From the completion to their arrival; none if absent.
    pub delay: Option<At<Duration>>,
}

/// How many requests a completion brings about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawCount {
    /// Always so many.
    Fixed(RawFixedCount),
    /// Poisson of this mean.
    Poisson(RawMeanCount),
    /// Weights of 0, 1, 2 and so on.
    Histogram(Vec<RawWeight>),
}

/// A number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RawFixedCount(#[schemars(range(min = 1, max = 1000))] pub u32);

/// A mean number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RawMeanCount(#[schemars(range(min = 0, max = 1000))] pub f64);

/// A weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RawWeight(#[schemars(range(min = 0, max = 1e9))] pub f64);
