//! Bursts: a Poisson process whose rate follows a Markov chain.

use crate::random;

/// A state of the chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModulatedState {
    /// Mean arrivals per second; 0 for silence.
    pub rate_per_second: f64,
    /// Mean of the exponential time that the chain stays.
    pub mean_stay_ns: f64,
}

/// A Markov-modulated Poisson process (Fischer and Meier-Hellstern, *Performance Evaluation* 18(2), 1993) whose states follow each other
/// in a ring. It starts in a state drawn by the shares of time that the chain spends in each, so that it is stationary from the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Modulated {
    states: Vec<ModulatedState>,
    state: Option<usize>,
    at_ns: f64,
    until_ns: f64,
}

impl Modulated {
    /// A ring of states. `None` unless there is one with a rate above 0, and all rates and stays are finite, stays above 0.
    pub fn new(states: Vec<ModulatedState>) -> Option<Self> {
        let is_right = |state: &ModulatedState| {
            state.rate_per_second.is_finite()
                && state.rate_per_second >= 0.0
                && state.mean_stay_ns.is_finite()
                && state.mean_stay_ns > 0.0
        };
        let arrives = states.iter().any(|state| state.rate_per_second > 0.0);
        (arrives && states.iter().all(is_right)).then_some(Self { states, state: None, at_ns: 0.0, until_ns: 0.0 })
    }

    /// Mean arrivals per second in the long run.
    pub fn mean_rate_per_second(&self) -> f64 {
        let stay: f64 = self.states.iter().map(|state| state.mean_stay_ns).sum();
        self.states.iter().map(|state| state.rate_per_second * state.mean_stay_ns).sum::<f64>() / stay
    }

    /// Time of the next arrival.
    pub(super) fn next_ns(&mut self, random: &mut random::Stream) -> u64 {
        let mut state = self.state.unwrap_or_else(|| {
            let shares: Vec<(usize, f64)> = self.states.iter().map(|state| state.mean_stay_ns).enumerate().collect();
            let first = super::arrivals::choose(&shares, random.uniform());
            self.until_ns = random.exponential(self.states[first].mean_stay_ns);
            first
        });
        // Exponential times have no memory: at a change of state what is left of a gap is drawn anew at the new rate.
        loop {
            let rate_per_second = self.states[state].rate_per_second;
            let gap_ns = if rate_per_second > 0.0 { random.exponential(1e9 / rate_per_second) } else { f64::INFINITY };
            if self.at_ns + gap_ns <= self.until_ns {
                self.at_ns += gap_ns;
                self.state = Some(state);
                return libm::round(self.at_ns) as u64;
            }
            self.at_ns = self.until_ns;
            state = (state + 1) % self.states.len();
            self.until_ns += random.exponential(self.states[state].mean_stay_ns);
        }
    }
}
