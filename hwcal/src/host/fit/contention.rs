//! The bandwidth that workers share: the one with which max-min fair sharing comes nearest to the measured slowdowns.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use sim::graph::OperatorWork;

use crate::host::fit::FittedWorker;
use crate::host::sample::{Bound, Experiment, Sample};
use crate::statistics;
use crate::usc::round::significant;

/// The fitted bandwidth, and what it explains.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SharedBandwidth {
    /// Of all workers together.
    pub bytes_per_second: f64,
    /// Mean of `|ln(predicted / measured slowdown)|` with it.
    pub residual: f64,
    /// The same with no sharing at all.
    pub residual_without: f64,
    /// Each measured pair.
    pub pairs: Vec<Pressure>,
}

/// One worker under the pressure of another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pressure {
    /// The worker.
    pub worker: String,
    /// What it ran.
    pub own: Bound,
    /// The other worker.
    pub with: String,
    /// What that ran.
    pub other: Bound,
    /// Measured slowdown.
    pub measured: f64,
    /// Slowdown by sharing.
    pub predicted: f64,
}

/// What a pair asks of memory alone, in bytes per nanosecond.
struct Pair {
    own: f64,
    other: f64,
    pressure: Pressure,
}

/// Slowdowns below this are none, whatever the noise is.
const LEAST_SLOWDOWN: f64 = 0.03;
/// Steps of the search, over the range of bandwidths that could matter.
const STEPS: u32 = 400;

/// The shared bandwidth; none where no pair was measured, none slowed down beyond twice the noise, or sharing explains nothing.
pub(crate) fn fit(samples: &[Sample], workers: &BTreeMap<String, FittedWorker>, noise_percent: f64) -> Option<SharedBandwidth> {
    let mut pairs = pairs(samples, workers);
    let slowed = |pair: &Pair| pair.pressure.measured - 1.0 > LEAST_SLOWDOWN.max(2.0 * noise_percent / 100.0);
    if !pairs.iter().any(slowed) {
        return None;
    }
    let residual = |bandwidth: f64| {
        let errors = pairs.iter().map(|pair| libm::log(slowdown(pair.own, pair.other, bandwidth) / pair.pressure.measured).abs());
        statistics::mean(&errors.collect::<Vec<_>>())
    };
    let without = residual(f64::INFINITY);
    // Below the least that one asks alone nobody could run as measured; above the sum of any two nothing is shared.
    let least = pairs.iter().map(|pair| pair.own.max(pair.other)).fold(0.0, f64::max);
    let most = pairs.iter().map(|pair| pair.own + pair.other).fold(0.0, f64::max);
    let candidates = (0..=STEPS).map(|step| least + (most - least) * f64::from(step) / f64::from(STEPS)).filter(|it| *it > 0.0);
    let (least_residual, bandwidth) =
        candidates.map(|bandwidth| (residual(bandwidth), bandwidth)).min_by(|one, other| one.0.total_cmp(&other.0))?;
    if least_residual >= without {
        return None;
    }
    for pair in &mut pairs {
        pair.pressure.predicted = slowdown(pair.own, pair.other, bandwidth);
    }
    Some(SharedBandwidth {
        bytes_per_second: significant(bandwidth * 1e9, 4),
        residual: least_residual,
        residual_without: without,
        pairs: pairs.into_iter().map(|pair| pair.pressure).collect(),
    })
}

fn pairs(samples: &[Sample], workers: &BTreeMap<String, FittedWorker>) -> Vec<Pair> {
    let demand = |worker: &str, work: &OperatorWork, duration_ns: f64| {
        workers.get(worker).map(|worker| worker.costs.predict(work).memory_bytes / duration_ns)
    };
    let pair = |sample: &Sample| {
        let Experiment::Contention { with, own, other, work, other_work, alone_ns, together_ns } = &sample.experiment else {
            return None;
        };
        let other_work = OperatorWork::from(other_work);
        // How long the other's unit takes alone: as measured where the same pair was measured the other way round.
        let measured = samples.iter().find_map(|sample| match &sample.experiment {
            Experiment::Contention { work, alone_ns, .. } if sample.worker == *with && OperatorWork::from(work) == other_work => {
                Some(*alone_ns as f64)
            }
            _ => None,
        });
        let other_ns = measured.or_else(|| workers.get(with).map(|worker| worker.costs.predict(&other_work).duration_ns))?;
        let is_sound = *alone_ns > 0 && *together_ns > 0 && other_ns > 0.0;
        let pressure = Pressure {
            worker: sample.worker.clone(),
            own: *own,
            with: with.clone(),
            other: *other,
            measured: *together_ns as f64 / *alone_ns as f64,
            predicted: 1.0,
        };
        let own_demand = demand(&sample.worker, &OperatorWork::from(work), *alone_ns as f64)?;
        is_sound.then_some(Pair { own: own_demand, other: demand(with, &other_work, other_ns)?, pressure })
    };
    samples.iter().filter_map(pair).collect()
}

/// Of the first of two that ask for a bandwidth each: what they ask, if it is there, else max-min fair shares of what there is.
fn slowdown(own: f64, other: f64, bandwidth: f64) -> f64 {
    let (own, other) = (own.min(bandwidth), other.min(bandwidth));
    if own + other <= bandwidth || own <= 0.0 {
        return 1.0;
    }
    let half = bandwidth / 2.0;
    own / own.min(half.max(bandwidth - other))
}

impl Display for SharedBandwidth {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "shared bandwidth {:.2} GB/s: slowdowns off by {:.1} % on average, {:.1} % without sharing",
            self.bytes_per_second / 1e9,
            100.0 * self.residual,
            100.0 * self.residual_without
        )?;
        let name = |bound: Bound| if bound == Bound::Compute { "compute" } else { "memory" };
        for it in &self.pairs {
            let (own, other) = (name(it.own), name(it.other));
            writeln!(
                out,
                "  {} {own} beside {} {other}: {:.3} measured, {:.3} by sharing",
                it.worker, it.with, it.measured, it.predicted
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::slowdown;

    #[test]
    fn shares_are_max_min_fair() {
        let check = |own: f64, other: f64, bandwidth: f64, expected: f64| {
            assert!((slowdown(own, other, bandwidth) - expected).abs() < 1e-12, "{own} {other} {bandwidth}");
        };
        check(3.0, 4.0, 10.0, 1.0);
        check(8.0, 8.0, 10.0, 1.6);
        // What asks for less than its half gets it; the other gets the rest.
        check(2.0, 9.0, 10.0, 1.0);
        check(9.0, 2.0, 10.0, 9.0 / 8.0);
        check(0.0, 9.0, 5.0, 1.0);
    }
}
