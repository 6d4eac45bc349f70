//! Many elements folded into one.

use super::instruction_set::multiply_add;

/// Partial sums kept side by side.
pub(super) const LANES: usize = 16;

/// What is done to the elements of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduce {
    Mean,
    Sum,
    Maximum,
    Minimum,
    Product,
    /// Sum of magnitudes.
    L1,
    /// Root of the sum of squares.
    L2,
    SumSquare,
}

impl Reduce {
    pub(super) fn of(op_type: &str) -> Option<Self> {
        Some(match op_type {
            "ReduceMean" | "GlobalAveragePool" => Self::Mean,
            "ReduceSum" => Self::Sum,
            "ReduceMax" | "GlobalMaxPool" => Self::Maximum,
            "ReduceMin" => Self::Minimum,
            "ReduceProd" => Self::Product,
            "ReduceL1" => Self::L1,
            "ReduceL2" => Self::L2,
            "ReduceSumSquare" => Self::SumSquare,
            _ => return None,
        })
    }

    pub(super) const fn start(self) -> f32 {
        match self {
            Self::Maximum => f32::NEG_INFINITY,
            Self::Minimum => f32::INFINITY,
            Self::Product => 1.0,
            _ => 0.0,
        }
    }

    #[inline(always)]
    pub(super) fn join<const FUSED: bool>(self, sum: f32, value: f32) -> f32 {
        match self {
            Self::Mean | Self::Sum => sum + value,
            Self::Maximum => sum.max(value),
            Self::Minimum => sum.min(value),
            Self::Product => sum * value,
            Self::L1 => sum + value.abs(),
            Self::L2 | Self::SumSquare => multiply_add::<FUSED>(value, value, sum),
        }
    }

    /// Joins two partial results.
    fn merge(self, one: f32, other: f32) -> f32 {
        match self {
            Self::Maximum => one.max(other),
            Self::Minimum => one.min(other),
            Self::Product => one * other,
            _ => one + other,
        }
    }

    pub(super) fn finish(self, sum: f32, count: usize) -> f32 {
        match self {
            Self::Mean => sum / count as f32,
            Self::L2 => sum.sqrt(),
            _ => sum,
        }
    }
}

/// Folds elements in lanes, then the lanes.
#[inline(always)]
pub(super) fn fold<const FUSED: bool>(reduce: Reduce, values: &[f32]) -> f32 {
    let mut sums = [reduce.start(); LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum = reduce.join::<FUSED>(*sum, value);
        }
    }
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum = reduce.join::<FUSED>(*sum, value);
    }
    sums.into_iter().reduce(|one, other| reduce.merge(one, other)).unwrap_or(0.0)
}
