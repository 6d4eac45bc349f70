//! When requests arrive: streams of requests, each of one model.

use crate::identifiers::ModelId;
use crate::random;

/// A stream of requests for one model.
pub struct Stream {
    /// The model.
    pub model: ModelId,
    /// When its requests arrive.
    pub arrivals: Arrivals,
    /// Requests in all; `None` for as many as fit before the horizon.
    pub limit: Option<u64>,
    /// Time a request is allowed from its arrival.
    pub deadline_ns: Option<u64>,
    /// Higher runs first where requests wait for one worker.
    pub priority: i32,
}

impl Stream {
    /// A stream of `limit` requests without deadline, of priority 0.
    pub fn new(model: ModelId, arrivals: Arrivals, limit: Option<u64>) -> Self {
        Self { model, arrivals, limit, deadline_ns: None, priority: 0 }
    }
}

/// How the requests of a stream arrive.
pub enum Arrivals {
    /// `clients` requests at time 0; each completion is followed by the next request after `think_ns`.
    ClosedLoop {
        /// Requests in flight at most.
        clients: u32,
        /// From a completion to the next arrival.
        think_ns: u64,
    },
    /// One request every `period_ns`, the first at `phase_ns`.
    Periodic {
        /// Time between arrivals; at least 1.
        period_ns: u64,
        /// Time of the first arrival.
        phase_ns: u64,
    },
    /// Exponential gaps, the first request one gap after 0.
    Poisson {
        /// Mean time between arrivals.
        mean_gap_ns: f64,
    },
    /// Arrival times, ascending.
    Recorded(Vec<u64>),
    /// Each call gives the time from one arrival to the next (first: from 0); `None` ends the stream.
    Gaps(Box<dyn FnMut() -> Option<u64> + Send>),
}

/// A stream with its progress: when its requests arrive, for whoever keeps the time.
pub struct Source {
    /// The stream.
    pub stream: Stream,
    issued: u64,
    random: random::Stream,
    /// Time of the last Poisson arrival, not rounded: gaps may be shorter than a nanosecond.
    poisson_ns: f64,
}

impl Source {
    /// The stream of that index in a run of that seed, none of whose requests has arrived.
    pub fn new(stream: Stream, seed: u64, index: usize) -> Self {
        let random = random::Stream::new(seed, random::Purpose::Arrivals, index as u64, 0);
        Self { stream, issued: 0, random, poisson_ns: 0.0 }
    }

    /// Arrival times known before the run starts: the first of an open stream, all clients of a closed one.
    pub fn first(&mut self) -> Vec<u64> {
        match self.stream.arrivals {
            Arrivals::ClosedLoop { clients, .. } => (0..clients).filter_map(|_| self.issue(0)).collect(),
            _ => self.after(0, true).into_iter().collect(),
        }
    }

    /// Time of the arrival after the one at `now_ns`, for an open stream.
    pub fn after_arrival(&mut self, now_ns: u64) -> Option<u64> {
        match self.stream.arrivals {
            Arrivals::ClosedLoop { .. } => None,
            _ => self.after(now_ns, false),
        }
    }

    /// Time of the arrival that a completion at `now_ns` brings about, for a closed stream.
    pub fn after_completion(&mut self, now_ns: u64) -> Option<u64> {
        match self.stream.arrivals {
            Arrivals::ClosedLoop { think_ns, .. } => self.issue(now_ns.saturating_add(think_ns)),
            _ => None,
        }
    }

    fn after(&mut self, now_ns: u64, first: bool) -> Option<u64> {
        if self.stream.limit.is_some_and(|limit| self.issued >= limit) {
            return None;
        }
        let at_ns = match &mut self.stream.arrivals {
            Arrivals::ClosedLoop { .. } => return None,
            Arrivals::Periodic { phase_ns, .. } if first => *phase_ns,
            Arrivals::Periodic { period_ns, .. } => now_ns.saturating_add((*period_ns).max(1)),
            Arrivals::Poisson { mean_gap_ns } => {
                self.poisson_ns += self.random.exponential(*mean_gap_ns);
                libm::round(self.poisson_ns) as u64
            }
            Arrivals::Recorded(times) => (*times.get(self.issued as usize)?).max(now_ns),
            Arrivals::Gaps(gap) => now_ns.saturating_add(gap()?),
        };
        self.issue(at_ns)
    }

    fn issue(&mut self, at_ns: u64) -> Option<u64> {
        if self.stream.limit.is_some_and(|limit| self.issued >= limit) {
            return None;
        }
        self.issued += 1;
        Some(at_ns)
    }
}
