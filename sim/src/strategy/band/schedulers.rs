//! Band's six schedulers: which request goes on next, and where.

use crate::strategy::Decisions;
use crate::strategy::band::latency::{First, Scratch};
use crate::strategy::band::{Band, Model};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheduler {
    Fixed,
    RoundRobin,
    ShortestExpectedLatency,
    Heft,
    HeftReserved,
    LeastSlack,
}

impl Scheduler {
    pub(super) const NAMES: [(&'static str, Self); 6] = [
        ("fixed", Self::Fixed),
        ("round_robin", Self::RoundRobin),
        ("shortest_expected_latency", Self::ShortestExpectedLatency),
        ("heft", Self::Heft),
        ("heft_reserved", Self::HeftReserved),
        ("least_slack", Self::LeastSlack),
    ];
}

/// Estimates of the requests in the window; an estimate stands while no worker on its way got more to do.
#[derive(Default)]
struct Estimates {
    scratch: Scratch,
    known: Vec<Option<First>>,
    wait_ns: Vec<f64>,
}

impl Band {
    pub(super) fn schedule(&mut self, now_ns: f64, decisions: &mut Decisions) {
        match self.scheduler {
            Scheduler::Fixed => self.fixed(),
            Scheduler::RoundRobin => self.round_robin(),
            Scheduler::ShortestExpectedLatency => self.longest_first(now_ns, true),
            Scheduler::Heft | Scheduler::HeftReserved => self.longest_first(now_ns, false),
            Scheduler::LeastSlack => self.least_slack(now_ns, decisions),
        }
    }

    fn model(&self, at: usize) -> Option<&Model> {
        self.models.get(self.run.window[at].model.index()).and_then(Option::as_ref)
    }

    /// Every request joins the queue of its model's worker.
    fn fixed(&mut self) {
        while !self.run.window.is_empty() {
            let Some(model) = self.model(0) else { return };
            let (worker, last) = (model.pinned, model.units.count() - 1);
            let expected_ns = model.profile.range_ns(0..=last, worker);
            self.run.enqueue(0, worker, last, expected_ns);
        }
    }

    /// Each idle worker takes the first request whose whole model it can run.
    fn round_robin(&mut self) {
        for worker in 0..self.run.workers.len() {
            if !self.run.is_idle(worker) {
                continue;
            }
            let takes = |&at: &usize| self.model(at).is_some_and(|model| model.whole & (1 << worker) != 0);
            let first = (0..self.run.window.len()).find(takes);
            if let Some((at, model)) = first.and_then(|at| Some((at, self.model(at)?))) {
                let last = model.units.count() - 1;
                let expected_ns = model.profile.range_ns(0..=last, worker);
                self.run.enqueue(at, worker, last, expected_ns);
            }
        }
    }

    /// Again and again the request that would end last, however it ran: its first sub-graph goes to its worker's queue. If that is
    /// taken and `queues` is false, the request yields: the worker counts as taken for longer, and the next is looked at.
    fn longest_first(&mut self, now_ns: f64, queues: bool) {
        let mut estimates = self.estimates(now_ns);
        let mut yielded = vec![false; self.run.window.len()];
        loop {
            for (at, &yields) in yielded.iter().enumerate() {
                if !yields {
                    self.estimate(at, &mut estimates);
                }
            }
            let total = |at: usize| estimates.known[at].filter(|_| !yielded[at]).map(|first| (first.total_ns, first));
            let mut longest: Option<(usize, First)> = None;
            for at in 0..yielded.len() {
                if let Some((total_ns, first)) = total(at)
                    && longest.is_none_or(|(_, known)| total_ns > known.total_ns)
                {
                    longest = Some((at, first));
                }
            }
            let Some((at, first)) = longest else { return };
            estimates.taken(first.worker, first.expected_ns);
            if !queues && !self.run.is_idle(first.worker) {
                yielded[at] = true;
                continue;
            }
            if self.scheduler == Scheduler::HeftReserved {
                self.run.reserve(self.run.window[at].request, first.next);
                estimates.known.fill(None);
            }
            self.run.enqueue(at, first.worker, first.last, first.expected_ns);
            estimates.known.remove(at);
            yielded.remove(at);
        }
    }

    /// In order of slack; a request that cannot meet its deadline any more is dropped, one whose worker is taken waits.
    fn least_slack(&mut self, now_ns: f64, decisions: &mut Decisions) {
        let mut estimates = self.estimates(now_ns);
        let mut order: Vec<(f64, usize)> = Vec::new();
        for at in 0..self.run.window.len() {
            if let Some(first) = self.estimate(at, &mut estimates) {
                let deadline_ns = self.run.window[at].deadline_ns.map_or(f64::INFINITY, |ns| ns as f64);
                order.push((deadline_ns - now_ns - first.total_ns, at));
            }
        }
        order.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let mut gone: Vec<usize> = Vec::new();
        for (_, at) in order {
            // Requests before it that have left the window shift it.
            let place = at - gone.iter().filter(|&&other| other < at).count();
            let Some(first) = self.estimate(place, &mut estimates) else { continue };
            let deadline_ns = self.run.window[place].deadline_ns.map(|ns| ns as f64);
            if deadline_ns.is_some_and(|deadline_ns| now_ns + first.total_ns > deadline_ns) {
                decisions.drop(self.run.forget(place));
            } else if self.run.is_idle(first.worker) {
                estimates.taken(first.worker, first.expected_ns);
                self.run.enqueue(place, first.worker, first.last, first.expected_ns);
            } else {
                continue;
            }
            estimates.known.remove(place);
            gone.push(at);
        }
    }

    fn estimates(&self, now_ns: f64) -> Estimates {
        let wait_ns = (0..self.run.workers.len()).map(|worker| self.run.wait_ns(worker, now_ns)).collect();
        Estimates { known: vec![None; self.run.window.len()], wait_ns, ..Estimates::default() }
    }

    /// The estimate of a request in the window, made anew if it does not stand.
    fn estimate(&self, at: usize, estimates: &mut Estimates) -> Option<First> {
        if estimates.known[at].is_none() {
            let (profile, waiting) = (&self.model(at)?.profile, &self.run.window[at]);
            let first = if self.scheduler == Scheduler::HeftReserved {
                let reserved = |(worker, &wait_ns): (usize, &f64)| wait_ns + self.run.reserved_ns(waiting.request, worker);
                let wait_ns: Vec<f64> = estimates.wait_ns.iter().enumerate().map(reserved).collect();
                profile.shortest(waiting.unit, &wait_ns, &mut estimates.scratch)
            } else {
                profile.shortest(waiting.unit, &estimates.wait_ns, &mut estimates.scratch)
            };
            estimates.known[at] = Some(first);
        }
        estimates.known[at]
    }
}

impl Estimates {
    /// A worker has more to do: estimates that lead over it fall.
    fn taken(&mut self, worker: usize, expected_ns: f64) {
        self.wait_ns[worker] += expected_ns;
        for known in &mut self.known {
            if known.is_some_and(|first| first.mask & (1 << worker) != 0) {
                *known = None;
            }
        }
    }
}
