//! Random streams: one for each entity and purpose, so that drawing for one never shifts what another draws.
//!
//! Portable by construction: PCG is specified to the bit, and `rand_distr` without its `std` feature computes with the `libm` crate.

use rand::RngExt;
use rand_distr::{Distribution, Exp1, StandardNormal};
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
    /// What the completion of a request brings about in other streams.
    Following = 20,
    /// What the input of a request is like.
    Input = 21,
    /// By how much the cost model is wrong about a task on a worker, for a whole run.
    ModelError = 22,
    /// Seeds of replicates.
    Replicate = 23,
    /// By how much the cost model is wrong about all tasks of a worker together, for a whole run.
    CommonError = 24,
    /// By how much the cost model is wrong about all tasks of a class on a worker, for a whole run.
    ClassError = 25,
    /// When load by others comes, goes and moves.
    Load = 30,
    /// When a processor vanishes and returns.
    Outage = 31,
    /// What a frame of the user interface takes.
    Frames = 32,
    /// Points of a sweep.
    Design = 40,
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

    /// Exponential of the given mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        let unit: f64 = Exp1.sample(&mut self.generator);
        unit * mean
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.generator)
    }
}

/// The seed of a replicate of a run: the run's own for replicate 0, and scattered ones for the others.
pub fn replicate_seed(seed: u64, replicate: u32) -> u64 {
    if replicate == 0 {
        return seed;
    }
    split_mix(split_mix(seed ^ (Purpose::Replicate as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)) ^ u64::from(replicate))
}

/// One step of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014): a bijection that scatters its input.
fn split_mix(state: u64) -> u64 {
    let mut word = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values are part of the determinism contract: a dependency that changes them must be noticed.
    #[test]
    fn values_are_pinned() {
        let mut stream = Stream::new(1, Purpose::KernelDuration, 2, 3);
        let drawn = [stream.uniform(), stream.exponential(1.0), stream.normal()];
        assert_eq!(drawn.map(|value| format!("{value:.12}")), PINNED);
    }

    const PINNED: [&str; 3] = ["0.487137854683", "0.596381560958", "-0.872614973721"];

    #[test]
    fn streams_of_different_entities_differ() {
        let first = |purpose, entity, index| Stream::new(9, purpose, entity, index).uniform().to_bits();
        let drawn = [
            first(Purpose::Arrivals, 0, 0),
            first(Purpose::Arrivals, 0, 1),
            first(Purpose::Arrivals, 1, 0),
            first(Purpose::CopyDuration, 0, 0),
            first(Purpose::Search, 0, 0),
        ];
        for (index, value) in drawn.iter().enumerate() {
            assert!(!drawn[..index].contains(value));
        }
    }

    /// Mean and variance of long samples: within about four standard errors.
    #[test]
    fn moments_are_right() {
        let mut stream = Stream::new(5, Purpose::Search, 0, 0);
        let count = 100_000;
        let normal: Vec<f64> = (0..count).map(|_| stream.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(count);
        let variance = normal.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / f64::from(count);
        assert!(mean.abs() < 0.013 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        let exponential = (0..count).map(|_| stream.exponential(3.0)).sum::<f64>() / f64::from(count);
        assert!((exponential / 3.0 - 1.0).abs() < 0.013, "{exponential}");
    }
}
