//! How requests arrive, validated.

use sim::workload::{Count, Daily, Jitter, Jittered, Modulated, ModulatedState};

use crate::scenario::trace::Trace;

/// How requests arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Clients with one request in flight each.
    ClosedLoop {
        /// How many; at least 1.
        clients: u32,
        /// From a completion to the next arrival.
        think_ns: u64,
        /// Whether that is the mean of exponential times.
        exponential: bool,
    },
    /// One request every period.
    Periodic {
        /// Time between arrivals; at least 1,000.
        period_ns: u64,
        /// Time of the first arrival.
        phase_ns: u64,
        /// How far arrivals are from the grid.
        jitter: Option<Jitter>,
    },
    /// Exponential gaps.
    Poisson {
        /// Mean arrivals per second; from 1e-6 to 1e9.
        rate_per_second: f64,
    },
    /// Exponential gaps at a rate that follows a ring of states.
    Modulated(Modulated),
    /// Exponential gaps at a rate that changes with the time of day.
    Daily(Daily),
    /// Given times, ascending.
    Recorded {
        /// Arrival times since the start.
        times_ns: Vec<u64>,
        /// The file that they are from.
        trace: Option<Trace>,
    },
    /// Requests that completed requests of another stream bring about.
    After {
        /// The other stream, as an index into those of the scenario.
        stream: usize,
        /// Probability with which a completion brings any about.
        probability: f64,
        /// How many it then brings about.
        count: Count,
        /// From the completion to their arrival.
        delay_ns: u64,
    },
}

impl Arrivals {
    pub(super) fn simulated(&self) -> sim::workload::Arrivals {
        use sim::workload::Arrivals as Simulated;
        match *self {
            Self::ClosedLoop { clients, think_ns, exponential: true } => {
                Simulated::Thinking { clients, mean_think_ns: think_ns as f64 }
            }
            Self::ClosedLoop { clients, think_ns, .. } => Simulated::ClosedLoop { clients, think_ns },
            Self::Periodic { period_ns, phase_ns, jitter: None } => Simulated::Periodic { period_ns, phase_ns },
            Self::Periodic { period_ns, phase_ns, jitter: Some(jitter) } => {
                Simulated::Jittered(Jittered::new(period_ns, phase_ns, jitter))
            }
            Self::Poisson { rate_per_second } => Simulated::Poisson { mean_gap_ns: 1e9 / rate_per_second },
            Self::Modulated(ref modulated) => Simulated::Modulated(modulated.clone()),
            Self::Daily(ref daily) => Simulated::Daily(daily.clone()),
            Self::Recorded { ref times_ns, .. } => Simulated::Recorded(times_ns.clone()),
            Self::After { stream, probability, ref count, delay_ns } => {
                Simulated::After { stream, probability, count: count.clone(), delay_ns }
            }
        }
    }

    /// Whether completions of the stream bring about its arrivals.
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::ClosedLoop { .. })
    }
}

/// A state of a modulated process.
pub(super) fn state(rate_per_second: f64, mean_stay_ns: u64) -> ModulatedState {
    ModulatedState { rate_per_second, mean_stay_ns: mean_stay_ns as f64 }
}
