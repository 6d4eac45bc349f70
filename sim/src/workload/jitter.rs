//! Periodic arrivals that are a little early or late.

use crate::random;

/// How far an arrival is from its place in the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Uniform, at most so far to either side.
    Uniform {
        /// Half the width.
        most_ns: u64,
    },
    /// Normal, drawn again where it is further than three deviations or half a period from the grid.
    Normal {
        /// Standard deviation before truncation.
        deviation_ns: u64,
    },
}

/// Arrivals on a grid, each off it by an independent draw: delays do not add up, and as no draw exceeds half a period, none overtakes.
///
/// Arrival `k` is at `phase + k * period + jitter`, but not before 0.
#[derive(Clone, Copy, Debug)]
pub struct Jittered {
    period_ns: u64,
    phase_ns: u64,
    jitter: Jitter,
    drawn: u64,
}

impl Jittered {
    /// A grid of `period_ns` (at least 1) from `phase_ns`.
    pub fn new(period_ns: u64, phase_ns: u64, jitter: Jitter) -> Self {
        Self { period_ns: period_ns.max(1), phase_ns, jitter, drawn: 0 }
    }

    /// Time between places in the grid.
    pub const fn period_ns(&self) -> u64 {
        self.period_ns
    }

    /// Time of the next arrival.
    pub(super) fn next_ns(&mut self, random: &mut random::Stream) -> u64 {
        let place_ns = self.phase_ns.saturating_add(self.period_ns.saturating_mul(self.drawn));
        self.drawn += 1;
        let half_ns = self.period_ns as f64 * 0.5;
        let off_ns = match self.jitter {
            Jitter::Uniform { most_ns } => (2.0 * random.uniform() - 1.0) * (most_ns as f64).min(half_ns),
            Jitter::Normal { deviation_ns: 0 } => 0.0,
            Jitter::Normal { deviation_ns } => {
                let deviation_ns = deviation_ns as f64;
                let most_ns = half_ns.min(3.0 * deviation_ns);
                loop {
                    let off_ns = deviation_ns * random.normal();
                    if off_ns.abs() <= most_ns {
                        break off_ns;
                    }
                }
            }
        };
        place_ns.saturating_add_signed(libm::round(off_ns) as i64)
    }
}
