//! What requests really take: for each candidate, how far the latencies of requests that had the device to themselves are from what
//! was simulated.
//!
//! Factors of kernels cannot tell what happens between kernels: threads that wake up late, parts that wait for each other. Latencies can.

use std::collections::BTreeMap;

use crate::identifiers::RequestId;

/// Requests that outweigh the expectation that a plan takes what was simulated.
const PRIOR: f64 = 1.0;

/// Weight of an old observation when a new one comes.
const DECAY: f64 = 0.8;

/// Nanoseconds until an observation counts for `1/e`: what is between kernels belongs to the plan more than to the moment.
const FORGOTTEN_AFTER_NS: f64 = 30e9;

/// Mean logarithm of measured over simulated latency of one candidate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    weight: f64,
    sum: f64,
    last_ns: u64,
}

impl Seen {
    /// A request took `took_ns` where `expected_ns` were simulated.
    pub(super) fn add(&mut self, at_ns: u64, took_ns: u64, expected_ns: u64) {
        if took_ns == 0 || expected_ns == 0 {
            return;
        }
        let kept = DECAY * self.kept(at_ns);
        // One outlier (a cold start, a preemption) moves no plan.
        let log_ratio = libm::log((took_ns as f64 / expected_ns as f64).clamp(0.1, 4.0));
        (self.weight, self.sum) = (self.weight * kept + 1.0, self.sum * kept + log_ratio);
        self.last_ns = self.last_ns.max(at_ns);
    }

    /// What is simulated has changed by this factor since: what was seen stays what it was.
    pub(super) fn rebase(&mut self, factor: f64) {
        self.sum -= self.weight * libm::log(factor);
    }

    /// The logarithm to correct by: shrunk towards `prior`, the mean of plans like it.
    pub(super) fn log(&self, now_ns: u64, prior: f64) -> f64 {
        let kept = self.kept(now_ns);
        (self.sum * kept + PRIOR * prior) / (self.weight * kept + PRIOR)
    }

    fn kept(&self, now_ns: u64) -> f64 {
        libm::exp(-(now_ns.saturating_sub(self.last_ns) as f64) / FORGOTTEN_AFTER_NS)
    }
}

/// The mean of what was seen of several candidates; 0 where nothing was.
pub(super) fn pooled(seen: impl Iterator<Item = Seen>, now_ns: u64) -> f64 {
    let (weight, sum) = seen.fold((0.0, 0.0), |(weight, sum), one| {
        let kept = one.kept(now_ns);
        (weight + one.weight * kept, sum + one.sum * kept)
    });
    sum / (weight + PRIOR)
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
struct Followed {
    model: usize,
    /// `None` for a plan that is not a candidate.
    candidate: Option<usize>,
    /// Whether its latency tells of the plan: no other request was in flight with it so far, and it began at once.
    tells: bool,
}

/// Requests in flight, with what they follow.
#[derive(Debug, Default)]
pub(super) struct Journal {
    requests: BTreeMap<RequestId, Followed>,
}

impl Journal {
    /// A request begins, `at_once` or after a decision.
    pub(super) fn begin(&mut self, request: RequestId, model: usize, candidate: Option<usize>, at_once: bool) {
        let tells = at_once && self.requests.is_empty();
        for other in self.requests.values_mut() {
            other.tells = false;
        }
        self.requests.insert(request, Followed { model, candidate, tells });
    }

    /// Whether no request is in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// A request ended: its model and candidate, if its latency tells of the plan.
    pub(super) fn end(&mut self, request: RequestId) -> Option<(usize, usize)> {
        let followed = self.requests.remove(&request)?;
        followed.candidate.filter(|_| followed.tells).map(|candidate| (followed.model, candidate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(times: u64, took_ns: u64) -> Seen {
        let mut seen = Seen::default();
        for index in 0..times {
            seen.add(index * 1_000_000, took_ns, 1_000_000);
        }
        seen
    }

    #[test]
    fn what_is_seen_again_and_again_is_believed() {
        let factor = libm::exp(seen(20, 2_000_000).log(20_000_000, 0.0));
        assert!((1.7..2.0).contains(&factor), "{factor}");
        assert!((seen(20, 1_000_000).log(20_000_000, 0.0)).abs() < 1e-12);
    }

    #[test]
    fn what_the_simulation_learns_is_not_counted_twice() {
        let mut twice = seen(20, 2_000_000);
        twice.rebase(2.0);
        assert!(twice.log(20_000_000, 0.0).abs() < 1e-9);
    }

    #[test]
    fn without_news_it_is_forgotten() {
        assert!(seen(20, 2_000_000).log(20 * FORGOTTEN_AFTER_NS as u64, 0.0).abs() < 0.01);
    }

    #[test]
    fn a_plan_never_tried_is_taken_to_be_like_those_that_were() {
        let prior = pooled([seen(20, 2_000_000), Seen::default()].into_iter(), 20_000_000);
        assert!(prior > 0.5);
        assert!((Seen::default().log(20_000_000, prior) - prior).abs() < 1e-12);
    }

    #[test]
    fn only_requests_that_met_no_other_count() {
        let mut journal = Journal::default();
        journal.begin(RequestId(0), 0, Some(3), true);
        assert_eq!(journal.end(RequestId(0)), Some((0, 3)));
        journal.begin(RequestId(1), 0, Some(3), true);
        journal.begin(RequestId(2), 1, Some(0), true);
        assert_eq!(journal.end(RequestId(1)), None);
        assert_eq!(journal.end(RequestId(2)), None);
        journal.begin(RequestId(3), 0, Some(1), false);
        assert_eq!(journal.end(RequestId(3)), None, "it waited for a decision");
        assert_eq!(journal.end(RequestId(7)), None, "it was there before we were asked");
    }
}
