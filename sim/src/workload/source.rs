//! A stream with its progress, for whoever keeps the time.

use std::collections::VecDeque;

use crate::identifiers::{ModelId, RequestId, StreamId};
use crate::random;
use crate::workload::gate::Gate;
use crate::workload::{Arrivals, DeadlineFrom, Stream};

/// A request that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its number in the run.
    pub request: RequestId,
    /// Its stream.
    pub stream: StreamId,
    /// Its number in the stream, from 0.
    pub ordinal: u64,
    /// Its model.
    pub model: ModelId,
    /// When it arrived.
    pub arrived_ns: u64,
    /// When the first request of the chain arrived that brought it about; its own arrival where no other request did.
    pub origin_ns: u64,
    /// Until when it should be done.
    pub deadline_ns: Option<u64>,
}

/// A stream with its progress: when its requests arrive, and which of them enter.
pub struct Source {
    /// The stream.
    pub stream: Stream,
    seed: u64,
    index: usize,
    issued: u64,
    arrived: u64,
    random: random::Stream,
    /// Time of the last Poisson arrival, not rounded: gaps may be shorter than a nanosecond.
    poisson_ns: f64,
    gate: Option<Gate>,
    /// Streams whose arrivals completions of this one bring about.
    followers: Vec<usize>,
    /// Origins of the requests of a following stream that were brought about and have not arrived.
    origins: VecDeque<u64>,
    /// Whether requests are all alike: of one model, let in when they arrive, of their own origin.
    is_plain: bool,
}

impl Source {
    /// The stream of that index in a run of that seed, none of whose requests has arrived.
    pub fn new(stream: Stream, seed: u64, index: usize) -> Self {
        let random = random::Stream::new(seed, random::Purpose::Arrivals, index as u64, 0);
        let gate = stream.queue.map(Gate::new);
        let is_plain = stream.variants.is_none() && stream.arrivals.follows().is_none();
        Self {
            stream,
            seed,
            index,
            issued: 0,
            arrived: 0,
            random,
            poisson_ns: 0.0,
            gate,
            followers: Vec::new(),
            origins: VecDeque::new(),
            is_plain,
        }
    }

    pub(super) fn add_follower(&mut self, follower: usize) {
        self.followers.push(follower);
    }

    /// Arrival times known before the run starts: the first of an open stream, all clients of a closed one.
    pub fn first(&mut self) -> Vec<u64> {
        match self.stream.arrivals {
            Arrivals::ClosedLoop { clients, .. } => (0..clients).filter_map(|_| self.issue(0)).collect(),
            Arrivals::Thinking { clients, mean_think_ns } => {
                let think = |source: &mut Self| source.random.exponential(mean_think_ns) as u64;
                (0..clients)
                    .filter_map(|_| {
                        let at_ns = think(self);
                        self.issue(at_ns)
                    })
                    .collect()
            }
            _ => self.after(0, true).into_iter().collect(),
        }
    }

    /// Time of the arrival after the one at `now_ns`, for an open stream.
    pub fn after_arrival(&mut self, now_ns: u64) -> Option<u64> {
        if self.stream.arrivals.is_closed() { None } else { self.after(now_ns, false) }
    }

    /// Time of the arrival that the end of a request at `now_ns` brings about, for a closed stream.
    pub fn after_completion(&mut self, now_ns: u64) -> Option<u64> {
        match self.stream.arrivals {
            Arrivals::ClosedLoop { think_ns, .. } => self.issue(now_ns.saturating_add(think_ns)),
            Arrivals::Thinking { mean_think_ns, .. } => {
                let think_ns = self.random.exponential(mean_think_ns) as u64;
                self.issue(now_ns.saturating_add(think_ns))
            }
            _ => None,
        }
    }

    /// A request arrives now: which model it is of, and until when it should be done.
    #[inline]
    pub fn arrive(&mut self, request: RequestId, now_ns: u64) -> Incoming {
        let ordinal = self.arrived;
        self.arrived += 1;
        let deadline_ns = self.stream.deadline_ns.map(|allowed_ns| now_ns.saturating_add(allowed_ns));
        let stream = StreamId(self.index as u32);
        let (model, arrived_ns, origin_ns) = (self.stream.model, now_ns, now_ns);
        let incoming = Incoming { request, stream, ordinal, model, arrived_ns, origin_ns, deadline_ns };
        if self.is_plain { incoming } else { self.special(incoming) }
    }

    fn special(&mut self, mut incoming: Incoming) -> Incoming {
        if let Some(variants) = &self.stream.variants {
            incoming.model = variants.model(self.seed, self.index as u64, incoming.ordinal);
        }
        if let Some(origin_ns) = self.origins.pop_front() {
            incoming.origin_ns = origin_ns;
            if self.stream.deadline_from == DeadlineFrom::Origin {
                incoming.deadline_ns = self.stream.deadline_ns.map(|allowed_ns| origin_ns.saturating_add(allowed_ns));
            }
        }
        incoming
    }

    /// Whether not every request enters when it arrives.
    #[inline]
    pub fn is_gated(&self) -> bool {
        self.gate.is_some()
    }

    /// A request is at the gate: who enters, who is dropped. Without a gate, it enters.
    pub fn at_gate(&mut self, incoming: Incoming) -> (Option<Incoming>, Option<Incoming>) {
        match &mut self.gate {
            Some(gate) => gate.arrive(incoming),
            None => (Some(incoming), None),
        }
    }

    /// Whether the end of a request has consequences: someone waits at the gate, or other streams follow.
    #[inline]
    pub fn is_linked(&self) -> bool {
        self.gate.is_some() || !self.followers.is_empty()
    }

    /// A request that had entered has ended: there is room for another.
    pub fn leave(&mut self) {
        if let Some(gate) = &mut self.gate {
            gate.leave();
        }
    }

    /// Who is next at the gate, if there is room: enters (`true`), or is dropped for being late (`false`).
    pub fn next_at_gate(&mut self, now_ns: u64) -> Option<(Incoming, bool)> {
        self.gate.as_mut()?.next(now_ns)
    }

    /// Those who still wait at the gate, in order of arrival.
    pub fn waiting(&mut self) -> VecDeque<Incoming> {
        self.gate.as_mut().map(Gate::waiting).unwrap_or_default()
    }

    /// Streams that follow this one, by index.
    pub fn followers(&self) -> &[usize] {
        &self.followers
    }

    /// Arrivals that the completion of request `ordinal` of the stream that this one follows brings about: when, and how many.
    ///
    /// `origin_ns` is the origin of the completed request. Drawn for that request alone, whatever else the run does.
    pub fn brought_about(&mut self, now_ns: u64, ordinal: u64, origin_ns: u64) -> (u64, u32) {
        let Arrivals::After { probability, ref count, delay_ns, .. } = self.stream.arrivals else { return (now_ns, 0) };
        let mut random = random::Stream::new(self.seed, random::Purpose::Following, self.index as u64, ordinal);
        let wanted = if random.uniform() < probability { count.draw(&mut random) } else { 0 };
        let at_ns = now_ns.saturating_add(delay_ns);
        let mut issued = 0;
        while issued < wanted && self.issue(at_ns).is_some() {
            self.origins.push_back(origin_ns);
            issued += 1;
        }
        (at_ns, issued)
    }

    fn after(&mut self, now_ns: u64, first: bool) -> Option<u64> {
        if self.stream.limit.is_some_and(|limit| self.issued >= limit) {
            return None;
        }
        let at_ns = match &mut self.stream.arrivals {
            Arrivals::ClosedLoop { .. } | Arrivals::Thinking { .. } | Arrivals::After { .. } => return None,
            Arrivals::Periodic { phase_ns, .. } if first => *phase_ns,
            Arrivals::Periodic { period_ns, .. } => now_ns.saturating_add((*period_ns).max(1)),
            Arrivals::Poisson { mean_gap_ns } => {
                self.poisson_ns += self.random.exponential(*mean_gap_ns);
                libm::round(self.poisson_ns) as u64
            }
            Arrivals::Jittered(jittered) => jittered.next_ns(&mut self.random).max(now_ns),
            Arrivals::Modulated(modulated) => modulated.next_ns(&mut self.random),
            Arrivals::Daily(daily) => daily.next_ns(&mut self.random),
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
