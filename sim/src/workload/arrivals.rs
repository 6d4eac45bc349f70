//! The ways in which requests arrive.

use crate::random;
use crate::workload::{Daily, Jittered, Modulated};

/// How the requests of a stream arrive.
pub enum Arrivals {
    /// `clients` requests at time 0; each completion is followed by the next request after `think_ns`.
    ClosedLoop {
        /// Requests in flight at most.
        clients: u32,
        /// From a completion to the next arrival.
        think_ns: u64,
    },
    /// A closed loop whose clients think for exponential times, the first time before their first request.
    Thinking {
        /// Requests in flight at most.
        clients: u32,
        /// Mean time from a completion to the next arrival.
        mean_think_ns: f64,
    },
    /// One request every `period_ns`, the first at `phase_ns`.
    Periodic {
        /// Time between arrivals; at least 1.
        period_ns: u64,
        /// Time of the first arrival.
        phase_ns: u64,
    },
    /// One request every period, each a little early or late.
    Jittered(Jittered),
    /// Exponential gaps, the first request one gap after 0.
    Poisson {
        /// Mean time between arrivals.
        mean_gap_ns: f64,
    },
    /// Poisson at a rate that changes from time to time.
    Modulated(Modulated),
    /// Poisson at a rate that changes with the time of day.
    Daily(Daily),
    /// Arrival times, ascending.
    Recorded(Vec<u64>),
    /// Each call gives the time from one arrival to the next (first: from 0); `None` ends the stream.
    Gaps(Box<dyn FnMut() -> Option<u64> + Send>),
    /// Requests that completed requests of another stream bring about.
    After {
        /// Index of the other stream in the run.
        stream: usize,
        /// Probability with which a completion brings any about.
        probability: f64,
        /// How many it then brings about, all at once.
        count: Count,
        /// From the completion to their arrival.
        delay_ns: u64,
    },
}

impl Arrivals {
    /// Whether completions bring about arrivals of the same stream.
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::ClosedLoop { .. } | Self::Thinking { .. })
    }

    /// The stream whose completions bring about arrivals of this one.
    pub const fn follows(&self) -> Option<usize> {
        match self {
            Self::After { stream, .. } => Some(*stream),
            _ => None,
        }
    }
}

/// How many requests one completion brings about: the faces in an image, say.
#[derive(Clone, Debug, PartialEq)]
pub enum Count {
    /// Always so many.
    Fixed(u32),
    /// Poisson of this mean.
    Poisson(f64),
    /// Each count with a weight; weights are not negative, and one is above 0.
    Histogram(Vec<(u32, f64)>),
}

/// Counts drawn are at most this: more than any mean that is allowed could bring about.
const LARGEST_COUNT: u32 = 1_000_000;

impl Count {
    /// One draw.
    pub(super) fn draw(&self, random: &mut random::Stream) -> u32 {
        match self {
            Self::Fixed(count) => *count,
            Self::Poisson(mean) => {
                // Arrivals of a unit-rate Poisson process within `mean`: exact, and cheap at the means that images have.
                let (mut count, mut at) = (0, random.exponential(1.0));
                while at < *mean && count < LARGEST_COUNT {
                    count += 1;
                    at += random.exponential(1.0);
                }
                count
            }
            Self::Histogram(weights) => choose(weights, random.uniform()),
        }
    }

    /// Its mean.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Fixed(count) => f64::from(*count),
            Self::Poisson(mean) => *mean,
            Self::Histogram(weights) => {
                let sum: f64 = weights.iter().map(|&(_, weight)| weight).sum();
                weights.iter().map(|&(count, weight)| f64::from(count) * weight).sum::<f64>() / sum
            }
        }
    }
}

/// The value that a number from 0 to 1 falls on, of values laid side by side with their weights.
pub(super) fn choose<T: Copy>(weights: &[(T, f64)], uniform: f64) -> T {
    let sum: f64 = weights.iter().map(|&(_, weight)| weight).sum();
    let mut left = uniform * sum;
    for &(value, weight) in weights {
        left -= weight;
        if left < 0.0 {
            return value;
        }
    }
    // Rounding may leave a hair: it belongs to the last value that has any weight.
    weights.iter().rfind(|&&(_, weight)| weight > 0.0).unwrap_or(&weights[weights.len() - 1]).0
}
