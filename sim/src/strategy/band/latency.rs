//! Band's estimate: the shortest time in which what is left of a model could run, given how long each worker is taken.
//!
//! A sub-graph is a range of units; it exists on a worker that may run all of them, if each unit but the first reads from an earlier
//! one of the range. With `wait(w)` the time until worker `w` is free and `exec(k..=j, w)` what the range takes there,
//! `F[j] = min over k <= j and w of exec(k..=j, w) + max(wait(w), F[k - 1])`. Copies are not in it.

use crate::strategy::band::units::Units;

/// What Band has measured or profiled of one model.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    workers: usize,
    /// `unit_ns[unit * workers + worker]`; infinite where it may not run.
    unit_ns: Vec<f64>,
    /// Entering a sub-graph, by worker.
    enter_ns: Vec<f64>,
    reads_from: Vec<Option<usize>>,
}

/// The first sub-graph on the shortest way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct First {
    /// Time until the model has ended.
    pub(super) total_ns: f64,
    pub(super) worker: usize,
    /// Last unit of the sub-graph.
    pub(super) last: usize,
    pub(super) expected_ns: f64,
    /// Workers on the whole way, as bits.
    pub(super) mask: u32,
    /// Worker and time of the sub-graph after it.
    pub(super) next: Option<(usize, f64)>,
}

/// Memory of the recurrence, kept from call to call.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    /// `F`, by unit from the first on.
    finish_ns: Vec<f64>,
    /// First unit and worker of the sub-graph that ends with each unit.
    way: Vec<(usize, usize)>,
    /// For each worker the possible first units of a range that ends with the present one.
    starts: Vec<Vec<Start>>,
    /// For each worker the time of the units so far.
    sum_ns: Vec<f64>,
}

/// A first unit, and the best of it and those before: `max(wait, F[k - 1])` less the time of the units before `k`.
#[derive(Clone, Copy, Debug)]
struct Start {
    unit: usize,
    best: f64,
    best_unit: usize,
}

impl Profile {
    pub(super) fn new(units: &Units, unit_ns: Vec<f64>, enter_ns: Vec<f64>) -> Self {
        Self { workers: enter_ns.len(), unit_ns, enter_ns, reads_from: units.reads_from.clone() }
    }

    /// A measured time enters as a tenth of the average.
    pub(super) fn measured(&mut self, unit: usize, worker: usize, measured_ns: f64) {
        let known = &mut self.unit_ns[unit * self.workers + worker];
        if known.is_finite() {
            *known = 0.1 * measured_ns + 0.9 * *known;
        }
    }

    /// Expected time of units on a worker, whatever they read from.
    pub(super) fn range_ns(&self, units: std::ops::RangeInclusive<usize>, worker: usize) -> f64 {
        units.map(|unit| self.unit_ns[unit * self.workers + worker]).sum::<f64>() + self.enter_ns[worker]
    }

    fn units(&self) -> usize {
        self.reads_from.len()
    }

    /// The shortest way from a unit to the end. Each unit is looked at once for each worker: the starts of ranges are kept with their
    /// running minimum, and those that a unit rules out, because it reads nothing so late, are the last ones.
    pub(super) fn shortest(&self, from: usize, wait_ns: &[f64], scratch: &mut Scratch) -> First {
        scratch.reset(self.workers);
        let mut before_ns = 0.0;
        for unit in from..self.units() {
            let mut best = (f64::INFINITY, from, 0);
            for (worker, &wait) in wait_ns.iter().enumerate() {
                let duration_ns = self.unit_ns[unit * self.workers + worker];
                let starts = &mut scratch.starts[worker];
                if duration_ns == f64::INFINITY {
                    starts.clear();
                    continue;
                }
                let latest = self.reads_from[unit];
                while starts.last().is_some_and(|start| latest.is_none_or(|latest| start.unit > latest)) {
                    starts.pop();
                }
                let sum_ns = &mut scratch.sum_ns[worker];
                let value = wait.max(before_ns) - *sum_ns;
                let start = match starts.last() {
                    Some(last) if last.best <= value => Start { unit, ..*last },
                    _ => Start { unit, best: value, best_unit: unit },
                };
                starts.push(start);
                *sum_ns += duration_ns;
                let finish_ns = start.best + *sum_ns + self.enter_ns[worker];
                if finish_ns < best.0 {
                    best = (finish_ns, start.best_unit, worker);
                }
            }
            before_ns = best.0;
            scratch.finish_ns.push(best.0);
            scratch.way.push((best.1, best.2));
        }
        self.first(from, scratch)
    }

    /// Walks the way back from the end.
    fn first(&self, from: usize, scratch: &Scratch) -> First {
        let total_ns = scratch.finish_ns.last().copied().unwrap_or(0.0);
        let (mut mask, mut next, mut last) = (0, None, self.units() - 1);
        loop {
            let (first, worker) = scratch.way[last - from];
            mask |= 1 << worker;
            let expected_ns = self.range_ns(first..=last, worker);
            if first == from {
                return First { total_ns, worker, last, expected_ns, mask, next };
            }
            next = Some((worker, expected_ns));
            last = first - 1;
        }
    }
}

impl Scratch {
    fn reset(&mut self, workers: usize) {
        self.finish_ns.clear();
        self.way.clear();
        self.starts.resize_with(workers, Vec::new);
        self.starts.iter_mut().for_each(Vec::clear);
        self.sum_ns.clear();
        self.sum_ns.resize(workers, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// The recurrence as it is written, for comparison.
    fn plain(profile: &Profile, from: usize, wait_ns: &[f64]) -> f64 {
        let mut finish_ns: Vec<f64> = Vec::new();
        for last in from..profile.units() {
            let mut best = f64::INFINITY;
            for first in from..=last {
                let reaches = |unit: usize| profile.reads_from[unit].is_some_and(|source| source >= first);
                if !(first + 1..=last).all(reaches) {
                    continue;
                }
                let before = if first == from { 0.0 } else { finish_ns[first - 1 - from] };
                for (worker, &wait) in wait_ns.iter().enumerate() {
                    best = best.min(profile.range_ns(first..=last, worker) + wait.max(before));
                }
            }
            finish_ns.push(best);
        }
        finish_ns[finish_ns.len() - 1]
    }

    #[test]
    fn the_shortest_way_is_that_of_the_recurrence() {
        let mut random = Stream::new(3, Purpose::Search, 0, 0);
        let mut below = |limit: u32| (random.uniform() * f64::from(limit)) as u32;
        let mut scratch = Scratch::default();
        for _ in 0..2_000 {
            let (units, workers) = (1 + below(9) as usize, 1 + below(4) as usize);
            let unit_ns = (0..units * workers)
                .map(|index| if index % workers == 0 || below(4) > 0 { f64::from(below(900)) } else { f64::INFINITY })
                .collect();
            let enter_ns: Vec<f64> = (0..workers).map(|_| f64::from(below(200))).collect();
            let reads_from =
                (0..units).map(|unit| (unit > 0 && below(5) > 0).then(|| unit - 1 - (below(3) as usize).min(unit - 1))).collect();
            let profile = Profile { workers, unit_ns, enter_ns, reads_from };
            let wait_ns: Vec<f64> = (0..workers).map(|_| f64::from(below(1500))).collect();
            let from = below(units as u32) as usize;
            let first = profile.shortest(from, &wait_ns, &mut scratch);
            let expected = plain(&profile, from, &wait_ns);
            assert!((first.total_ns - expected).abs() < 1e-6, "{first:?} instead of {expected}: {profile:?} {wait_ns:?} {from}");
            // The first sub-graph is the start of such a way.
            let rest = |unit: usize| {
                let mut later = wait_ns.clone();
                let begin = wait_ns[first.worker].max(0.0) + first.expected_ns;
                for wait in &mut later {
                    *wait = wait.max(begin);
                }
                if unit == units { begin } else { plain(&profile, unit, &later) }
            };
            assert!((rest(first.last + 1) - expected).abs() < 1e-6, "{first:?} does not lead to {expected}");
        }
    }
}
