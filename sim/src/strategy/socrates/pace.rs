//! How requests of each model come: one right after the other, or now and then.

use std::collections::BTreeSet;

use crate::identifiers::RequestId;

/// Weight of an old observation when a new one comes.
const DECAY: f64 = 0.5;

/// Requests follow each other without a pause if less than this share of the time is one.
const NO_PAUSE: f64 = 0.1;

/// Requests of one model.
#[derive(Clone, Debug, Default)]
struct Pace {
    in_flight: BTreeSet<RequestId>,
    /// Arrival and end of the one that ended last.
    last_ns: Option<(u64, u64)>,
    /// Mean share of the time from an arrival to the next in which none was in flight; 1 where they overlap. 0 until something is seen.
    apart: f64,
}

/// Requests of all models.
#[derive(Clone, Debug)]
pub(super) struct Paces {
    models: Vec<Pace>,
}

impl Paces {
    pub(super) fn new(models: usize) -> Self {
        Self { models: vec![Pace::default(); models] }
    }

    /// A request has arrived; to say so twice changes nothing.
    pub(super) fn arrived(&mut self, model: usize, request: RequestId, at_ns: u64) {
        let Some(pace) = self.models.get_mut(model).filter(|pace| !pace.in_flight.contains(&request)) else { return };
        let seen = match pace.last_ns {
            _ if !pace.in_flight.is_empty() => Some(1.0),
            Some((arrived_ns, ended_ns)) => {
                let pause_ns = at_ns.saturating_sub(ended_ns) as f64;
                Some(pause_ns / (at_ns.saturating_sub(arrived_ns) as f64).max(1.0))
            }
            None => None,
        };
        if let Some(seen) = seen {
            pace.apart = DECAY * pace.apart + (1.0 - DECAY) * seen;
        }
        pace.in_flight.insert(request);
    }

    /// A request has ended, however.
    pub(super) fn ended(&mut self, model: usize, request: RequestId, arrived_ns: u64, ended_ns: u64) {
        if let Some(pace) = self.models.get_mut(model)
            && pace.in_flight.remove(&request)
        {
            pace.last_ns = Some((arrived_ns, ended_ns));
        }
    }

    /// Whether a model has requests in flight.
    pub(super) fn is_active(&self, model: usize) -> bool {
        !self.models[model].in_flight.is_empty()
    }

    /// Whether a model has one request after the other, without a pause.
    pub(super) fn is_steady(&self, model: usize) -> bool {
        self.models.get(model).is_some_and(|pace| pace.in_flight.len() <= 1 && pace.apart < NO_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests of 10 ns that arrive at these times.
    fn steady_after(arrivals_ns: &[u64]) -> bool {
        let mut paces = Paces::new(1);
        let mut ends_ns: Vec<(RequestId, u64, u64)> = Vec::new();
        for (number, &at_ns) in arrivals_ns.iter().enumerate() {
            while let Some(position) = ends_ns.iter().position(|&(.., ended_ns)| ended_ns <= at_ns) {
                let (request, arrived_ns, ended_ns) = ends_ns.remove(position);
                paces.ended(0, request, arrived_ns, ended_ns);
            }
            let request = RequestId(number as u32);
            paces.arrived(0, request, at_ns);
            ends_ns.push((request, at_ns, at_ns + 10));
        }
        paces.is_steady(0)
    }

    #[test]
    fn a_pause_or_an_overlap_tells_and_is_forgotten() {
        let cases: [(&[u64], bool); 7] = [
            (&[0], true),
            (&[50], true),
            (&[0, 10, 20, 30], true),
            (&[0, 30, 60], false),
            (&[0, 5], false),
            // Twice half of the time, and then never.
            (&[0, 20, 40, 50, 60, 70], true),
            (&[0, 10, 20, 60], false),
        ];
        for (arrivals_ns, expected) in cases {
            assert_eq!(steady_after(arrivals_ns), expected, "{arrivals_ns:?}");
        }
    }

    #[test]
    fn a_request_that_asks_again_is_one() {
        let mut paces = Paces::new(1);
        paces.arrived(0, RequestId(3), 5);
        paces.arrived(0, RequestId(3), 6);
        assert!(paces.is_steady(0) && paces.is_active(0));
        // Dropped before it began: nobody was told of it.
        paces.ended(0, RequestId(2), 0, 8);
        assert!(paces.is_active(0));
        paces.ended(0, RequestId(3), 5, 9);
        assert!(!paces.is_active(0));
    }
}
