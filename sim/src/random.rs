//! Random streams: one for each entity and purpose, so that drawing for one never shifts what another draws.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;

/// What a stream is for; streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Gaps between arrivals.
    Arrivals = 1,
    /// Duration of a kernel about its expectation.
    KernelDuration = 2,
    /// Duration of a copy about its expectation.
    CopyDuration = 3,
    /// Choices of a strategy's search.
    Search = 4,
    /// Resampling of a sample by [`crate::statistics`].
    Resampling = 5,
}

/// A portable generator seeded by `(seed, purpose, entity, index)`.
#[derive(Clone, Debug)]
pub struct Stream {
    generator: Pcg64Mcg,
}

impl Stream {
    /// The stream of one entity for one purpose; `index` tells apart its repetitions (a request number, say).
    pub fn new(seed: u64, purpose: Purpose, entity: u64, index: u64) -> Self {
        let mut state = seed;
        for word in [purpose as u64, entity, index] {
            state = split_mix(state ^ word.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        Self { generator: Pcg64Mcg::seed_from_u64(state) }
    }

    /// Uniform on `[0, 1)`, 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.generator.random::<u64>() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Exponential of the given mean, by inversion.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.uniform())
    }

    /// Standard normal, by the Box-Muller transform.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}

/// One step of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014): a bijection that scatters its input.
fn split_mix(state: u64) -> u64 {
    let mut word = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}
