//! Arrivals whose rate changes with the time of day.

use crate::random;

/// A Poisson process at a rate that is piecewise linear over a day, day after day.
///
/// Arrivals are those of a unit-rate process on the integrated rate, carried back to time by inverting it (Cinlar, *Introduction to
/// Stochastic Processes*, 1975, section 4.7): one exponential draw for an arrival, none rejected.
#[derive(Clone, Debug, PartialEq)]
pub struct Daily {
    /// `(time of day in ns, arrivals per ns, arrivals expected since the day began)`, from 0 to the end of the day.
    corners: Vec<(f64, f64, f64)>,
    /// Expected arrivals up to the last arrival.
    reached: f64,
}

impl Daily {
    /// A day of `day_ns` with corners `(share of the day from 0 to below 1, arrivals per second)`; between two corners, and round midnight, the
    /// rate is linear.
    ///
    /// `None` unless shares ascend strictly, rates are finite and not negative, one is above 0, and the day is longer than 0.
    pub fn new(day_ns: u64, corners: &[(f64, f64)]) -> Option<Self> {
        let ascends = corners.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let within = corners.iter().all(|&(share, rate)| (0.0..1.0).contains(&share) && rate.is_finite() && rate >= 0.0);
        let (&first, &last) = (corners.first()?, corners.last()?);
        if !ascends || !within || day_ns == 0 || corners.iter().all(|&(_, rate)| rate <= 0.0) {
            return None;
        }
        // The rate at midnight, on the line from the last corner to the first of the next day.
        let night = first.0 + 1.0 - last.0;
        let midnight = last.1 + (first.1 - last.1) * (1.0 - last.0) / night;
        let mut points: Vec<(f64, f64)> = corners.to_vec();
        if first.0 > 0.0 {
            points.insert(0, (0.0, midnight));
        }
        points.push((1.0, midnight));
        let mut sum = 0.0;
        let mut before: Option<(f64, f64)> = None;
        let corners = points.into_iter().map(|(share, rate_per_second)| {
            let (at_ns, rate) = (share * day_ns as f64, rate_per_second * 1e-9);
            if let Some((before_ns, before_rate)) = before {
                sum += 0.5 * (rate + before_rate) * (at_ns - before_ns);
            }
            before = Some((at_ns, rate));
            (at_ns, rate, sum)
        });
        Some(Self { corners: corners.collect(), reached: 0.0 })
    }

    /// Mean arrivals per second over a day.
    pub fn mean_rate_per_second(&self) -> f64 {
        let (day_ns, _, expected) = self.last();
        expected / day_ns * 1e9
    }

    /// Time of the next arrival.
    pub(super) fn next_ns(&mut self, random: &mut random::Stream) -> u64 {
        self.reached += random.exponential(1.0);
        libm::round(self.time_of(self.reached)) as u64
    }

    fn last(&self) -> (f64, f64, f64) {
        self.corners[self.corners.len() - 1]
    }

    /// When so many arrivals are expected to have been.
    fn time_of(&self, expected: f64) -> f64 {
        let (day_ns, _, of_day) = self.last();
        let days = libm::floor(expected / of_day);
        let within = expected - days * of_day;
        let after = self.corners.iter().position(|&(.., sum)| sum > within).unwrap_or(self.corners.len() - 1).max(1);
        let ((from_ns, from_rate, from_sum), (to_ns, to_rate, _)) = (self.corners[after - 1], self.corners[after]);
        // from_rate * t + slope * t^2 / 2 = rest, by the form of the root that does not cancel.
        let (slope, rest) = ((to_rate - from_rate) / (to_ns - from_ns), (within - from_sum).max(0.0));
        let root = libm::sqrt((from_rate * from_rate + 2.0 * slope * rest).max(0.0));
        let since_ns = if from_rate + root > 0.0 { 2.0 * rest / (from_rate + root) } else { 0.0 };
        days * day_ns + (from_ns + since_ns).min(to_ns)
    }
}
