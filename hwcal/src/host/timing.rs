//! Durations of equal repetitions, summarised.

use crate::host::sample::Timing;
use crate::statistics::quantile;

/// The quantile that counts: what a repetition takes when nobody disturbs it.
const PROBABILITY: f64 = 0.1;

/// Repetitions of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    durations_ns: Vec<u64>,
    busy_ns: Vec<u64>,
    stolen: u32,
    /// Time spent on it, repetitions that were marked included.
    pub(crate) spent_ns: u64,
}

impl Series {
    /// Adds a repetition; marked ones are counted and not used.
    pub(crate) fn push(&mut self, duration_ns: u64, busy_ns: Option<u64>, is_stolen: bool) {
        if is_stolen {
            self.stolen += 1;
            return;
        }
        let at = self.durations_ns.partition_point(|&other| other <= duration_ns);
        self.durations_ns.insert(at, duration_ns);
        self.busy_ns.extend(busy_ns);
    }

    /// Repetitions that are used.
    pub(crate) fn used(&self) -> usize {
        self.durations_ns.len()
    }

    /// All repetitions.
    pub(crate) fn repetitions(&self) -> usize {
        self.used() + self.stolen as usize
    }

    /// Width of the interval of the 10th percentile, divided by it.
    pub(crate) fn relative_interval(&self) -> f64 {
        let [lowest, highest] = interval(&self.durations_ns);
        (highest - lowest) as f64 / (p10(&self.durations_ns).max(1)) as f64
    }

    /// The summary; `None` of nothing.
    pub(crate) fn timing(&self) -> Option<Timing> {
        let durations = &self.durations_ns;
        if durations.is_empty() {
            return None;
        }
        let floats: Vec<f64> = durations.iter().map(|&duration| duration as f64).collect();
        let median = quantile(&floats, 0.5);
        let spread = (quantile(&floats, 0.75) - quantile(&floats, 0.25)) / median.max(1.0);
        let is_timed_by_device = !self.busy_ns.is_empty() && self.busy_ns.len() == durations.len();
        Some(Timing {
            p10_ns: p10(durations),
            median_ns: median.round() as u64,
            samples: durations.len() as u32,
            spread: (spread * 1e4).round() / 1e4,
            stolen: self.stolen,
            interval_ns: interval(durations),
            busy_p10_ns: is_timed_by_device.then(|| p10(&self.busy_ns)),
            turn_ns: None,
            prepared_ns: None,
            visits_ns: Vec::new(),
            batches_ms: Vec::new(),
        })
    }
}

/// The timing of the same thing, prepared and measured on several occasions: of the fastest one, but for its duration, which is
/// the median of all.
pub(crate) fn merged(before: &Timing, visit: &Timing) -> Timing {
    let visits_ns = [&before.visits_ns[..], &visit.visits_ns].concat();
    let fastest = before.visits_ns.iter().copied().min().unwrap_or(before.p10_ns);
    let basis = if visit.p10_ns < fastest { visit } else { before };
    let floats: Vec<f64> = visits_ns.iter().map(|&visit| visit as f64).collect();
    Timing {
        p10_ns: quantile(&floats, 0.5).round() as u64,
        samples: before.samples + visit.samples,
        stolen: before.stolen + visit.stolen,
        turn_ns: mean(before.turn_ns, visit.turn_ns),
        // Of a second visit, drivers remember the kernels that they compiled for the first.
        prepared_ns: before.prepared_ns.or(visit.prepared_ns),
        batches_ms: [&before.batches_ms[..], &visit.batches_ms].concat(),
        visits_ns,
        ..basis.clone()
    }
}

fn mean(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.zip(other).map(|(one, other)| u64::midpoint(one, other)).or(one).or(other)
}

/// The 10th percentile, in any order; 0 of nothing.
pub(crate) fn p10(durations_ns: &[u64]) -> u64 {
    let floats: Vec<f64> = durations_ns.iter().map(|&duration| duration as f64).collect();
    quantile(&floats, PROBABILITY).round() as u64
}

/// Interval of the 10th percentile that covers it with 95 % probability, between order statistics of ascending durations.
///
/// The number of repetitions below the true percentile is binomial (David and Nagaraja, "Order Statistics", 2003, section 7.1).
/// Of fewer than 36 repetitions the smallest is the lower end, and the interval covers less at that side.
fn interval(ascending_ns: &[u64]) -> [u64; 2] {
    let count = ascending_ns.len();
    if count == 0 {
        return [0, 0];
    }
    let (mut below, mut probability) = (0.0, (1.0 - PROBABILITY).powi(count as i32));
    let (mut lower, mut upper) = (0, count - 1);
    for rank in 0..count {
        // `below` is the probability of fewer than `rank` repetitions below the percentile.
        if below <= 0.025 {
            lower = rank.saturating_sub(1);
        }
        if below >= 0.975 {
            upper = rank - 1;
            break;
        }
        below += probability;
        probability *= (count - rank) as f64 / (rank + 1) as f64 * PROBABILITY / (1.0 - PROBABILITY);
    }
    [ascending_ns[lower], ascending_ns[upper]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks from the tables of binomial probabilities: 0.9^36 = 0.0225 is the first below 0.025.
    #[test]
    fn intervals_lie_between_order_statistics() {
        for (count, lower, upper) in [(1, 0, 0), (15, 0, 4), (30, 0, 7), (36, 0, 7), (100, 4, 16)] {
            let durations: Vec<u64> = (0..count).collect();
            assert_eq!(interval(&durations), [lower, upper], "{count}");
        }
    }

    #[test]
    fn visits_are_merged_into_their_median() {
        let of = |p10_ns: u64| Timing {
            p10_ns,
            median_ns: p10_ns + 1,
            samples: 10,
            spread: 0.0,
            stolen: 1,
            interval_ns: [p10_ns; 2],
            busy_p10_ns: None,
            turn_ns: None,
            prepared_ns: None,
            visits_ns: vec![p10_ns],
            batches_ms: vec![p10_ns / 10],
        };
        let both = merged(&of(120), &of(100));
        assert_eq!((both.p10_ns, both.median_ns, both.samples, both.stolen), (110, 101, 20, 2));
        let all = merged(&both, &of(300));
        assert_eq!((all.p10_ns, all.median_ns, all.visits_ns, all.batches_ms), (120, 101, vec![120, 100, 300], vec![12, 10, 30]));
    }

    #[test]
    fn marked_repetitions_are_counted_and_not_used() {
        let mut series = Series::default();
        assert_eq!(series.timing(), None);
        for duration in (100..120).rev() {
            series.push(duration, Some(duration - 10), false);
        }
        series.push(9, None, true);
        let timing = series.timing().expect("twenty are left");
        assert_eq!((timing.p10_ns, timing.median_ns, timing.samples, timing.stolen), (102, 110, 20, 1));
        assert_eq!((timing.interval_ns, timing.busy_p10_ns), ([100, 105], Some(92)));
        assert_eq!((series.repetitions(), series.relative_interval()), (21, 5.0 / 102.0));
    }
}
