//! Small statistics over finite samples: quantiles, errors of predictions, rank correlation, bootstrap intervals.
//!
//! Every function refuses an empty sample and a value that is not finite; none reorders its input.

use thiserror::Error;

use crate::random::{Purpose, Stream};

/// Why a statistic does not exist.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum StatisticsError {
    /// Too few values.
    #[error("{what} needs at least {needed} values: there are {count}")]
    TooFew {
        /// Which statistic.
        what: &'static str,
        /// Values needed.
        needed: usize,
        /// Values given.
        count: usize,
    },
    /// A NaN or an infinity.
    #[error("value {index} is {value}: must be finite")]
    NotFinite {
        /// Where it stands.
        index: usize,
        /// The value.
        value: f64,
    },
    /// Two samples that should pair up do not.
    #[error("{left} values cannot be paired with {right}: must be equally many")]
    Unpaired {
        /// Length of the first sample.
        left: usize,
        /// Length of the second sample.
        right: usize,
    },
    /// A percentage of zero.
    #[error("measured value {index} is 0: a relative error needs measured values other than 0")]
    ZeroMeasured {
        /// Where it stands.
        index: usize,
    },
    /// A correlation of a sample in which all values are equal.
    #[error("all values of the {which} sample are equal: ranks do not vary")]
    Constant {
        /// Which sample.
        which: &'static str,
    },
    /// A parameter out of range.
    #[error("{what} is {value}: must be {right}")]
    OutOfRange {
        /// Which parameter.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What would be right.
        right: &'static str,
    },
}

type Result<T> = std::result::Result<T, StatisticsError>;

fn check(what: &'static str, values: &[f64], needed: usize) -> Result<()> {
    if values.len() < needed {
        return Err(StatisticsError::TooFew { what, needed, count: values.len() });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(StatisticsError::NotFinite { index, value: values[index] }),
        None => Ok(()),
    }
}

fn check_pairs(what: &'static str, left: &[f64], right: &[f64], needed: usize) -> Result<()> {
    if left.len() != right.len() {
        return Err(StatisticsError::Unpaired { left: left.len(), right: right.len() });
    }
    check(what, left, needed)?;
    check(what, right, needed)
}

/// A sorted sample, checked once, for many quantiles.
#[derive(Clone, Debug, PartialEq)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Sorts a sample of finite values.
    pub fn new(mut values: Vec<f64>) -> Result<Self> {
        check("a quantile", &values, 1)?;
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self(values))
    }

    /// The quantile of type 7 (Hyndman and Fan, *The American Statistician* 50(4), 1996; the default of `NumPy` and R).
    ///
    /// With `h = (n - 1) * probability`: linear between the order statistics `floor(h)` and `floor(h) + 1`, counted from 0.
    pub fn quantile(&self, probability: f64) -> Result<f64> {
        if !(0.0..=1.0).contains(&probability) {
            return Err(StatisticsError::OutOfRange { what: "probability", value: probability, right: "from 0 to 1" });
        }
        let position = (self.0.len() - 1) as f64 * probability;
        let below = libm::floor(position);
        let low = self.0[below as usize];
        let high = self.0[(below as usize + 1).min(self.0.len() - 1)];
        Ok(low + (high - low) * (position - below))
    }

    /// The values, ascending.
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// One quantile of type 7; see [`Sorted::quantile`].
pub fn quantile(values: &[f64], probability: f64) -> Result<f64> {
    Sorted::new(values.to_vec())?.quantile(probability)
}

/// The quantile of probability one half.
pub fn median(values: &[f64]) -> Result<f64> {
    quantile(values, 0.5)
}

/// The arithmetic mean, summed in the order given.
pub fn mean(values: &[f64]) -> Result<f64> {
    check("a mean", values, 1)?;
    Ok(values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample standard deviation (divisor `n - 1`), in two passes.
pub fn sample_deviation(values: &[f64]) -> Result<f64> {
    check("a sample deviation", values, 2)?;
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Ok(libm::sqrt(squares / (values.len() - 1) as f64))
}

/// `|predicted - measured| / |measured|` of each pair, as a fraction (0.1 is ten per cent).
pub fn relative_errors(measured: &[f64], predicted: &[f64]) -> Result<Vec<f64>> {
    check_pairs("a relative error", measured, predicted, 1)?;
    if let Some(index) = measured.iter().position(|value| value.abs() < f64::MIN_POSITIVE) {
        return Err(StatisticsError::ZeroMeasured { index });
    }
    Ok(measured.iter().zip(predicted).map(|(measured, predicted)| (predicted - measured).abs() / measured.abs()).collect())
}

/// MAPE: the mean of the relative errors, as a fraction.
pub fn mean_absolute_percentage_error(measured: &[f64], predicted: &[f64]) -> Result<f64> {
    mean(&relative_errors(measured, predicted)?)
}

/// The median of the relative errors, as a fraction.
pub fn median_absolute_percentage_error(measured: &[f64], predicted: &[f64]) -> Result<f64> {
    median(&relative_errors(measured, predicted)?)
}

/// Share of the pairs whose relative error is at most `tolerance` (0.1 for "within ten per cent").
pub fn share_within(measured: &[f64], predicted: &[f64], tolerance: f64) -> Result<f64> {
    let errors = relative_errors(measured, predicted)?;
    Ok(errors.iter().filter(|&&error| error <= tolerance).count() as f64 / errors.len() as f64)
}

/// Ranks from 1; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Result<Vec<f64>> {
    check("a rank", values, 1)?;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&one, &other| values[one].total_cmp(&values[other]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    // Zero and negative zero are one value: `<=` tells them equal where `total_cmp` does not.
    for same in order.chunk_by(|&one, &next| values[next] <= values[one]) {
        let rank = before as f64 + (same.len() + 1) as f64 / 2.0;
        for &index in same {
            ranks[index] = rank;
        }
        before += same.len();
    }
    Ok(ranks)
}

/// Spearman's rank correlation: Pearson's correlation of the ranks, ties sharing their mean rank.
pub fn spearman(left: &[f64], right: &[f64]) -> Result<f64> {
    check_pairs("a rank correlation", left, right, 2)?;
    let (left, right) = (ranks(left)?, ranks(right)?);
    let centre = (left.len() + 1) as f64 / 2.0;
    let product = |one: &[f64], other: &[f64]| -> f64 { one.iter().zip(other).map(|(a, b)| (a - centre) * (b - centre)).sum() };
    let (variance_left, variance_right) = (product(&left, &left), product(&right, &right));
    check_varies(variance_left, variance_right)?;
    Ok((product(&left, &right) / libm::sqrt(variance_left * variance_right)).clamp(-1.0, 1.0))
}

/// Kendall's rank correlation, tau-b (corrected for ties), over all pairs.
pub fn kendall(left: &[f64], right: &[f64]) -> Result<f64> {
    check_pairs("a rank correlation", left, right, 2)?;
    let (mut agreement, mut untied_left, mut untied_right) = (0i64, 0i64, 0i64);
    for index in 0..left.len() {
        for other in 0..index {
            let one = order(left[index], left[other]);
            let two = order(right[index], right[other]);
            agreement += one * two;
            untied_left += one * one;
            untied_right += two * two;
        }
    }
    check_varies(untied_left as f64, untied_right as f64)?;
    Ok((agreement as f64 / libm::sqrt(untied_left as f64 * untied_right as f64)).clamp(-1.0, 1.0))
}

fn order(one: f64, other: f64) -> i64 {
    i64::from(one > other) - i64::from(one < other)
}

fn check_varies(left: f64, right: f64) -> Result<()> {
    match (left > 0.0, right > 0.0) {
        (false, _) => Err(StatisticsError::Constant { which: "first" }),
        (_, false) => Err(StatisticsError::Constant { which: "second" }),
        _ => Ok(()),
    }
}

/// An interval from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The percentile bootstrap interval of a statistic (Efron, *The Annals of Statistics* 7(1), 1979).
///
/// Resamples with replacement `replicates` times; equal inputs and seed give equal intervals on any machine.
///
/// # Errors
/// If the sample is empty or not finite, `confidence` is not strictly between 0 and 1, there is no replicate, or the statistic
/// of a resample does not exist.
pub fn bootstrap_interval(
    values: &[f64],
    statistic: impl Fn(&[f64]) -> Result<f64>,
    confidence: f64,
    replicates: u32,
    seed: u64,
) -> Result<Interval> {
    check("a bootstrap interval", values, 1)?;
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(StatisticsError::OutOfRange { what: "confidence", value: confidence, right: "above 0 and below 1" });
    }
    if replicates == 0 {
        return Err(StatisticsError::OutOfRange { what: "number of replicates", value: 0.0, right: "at least 1" });
    }
    let mut resample = vec![0.0; values.len()];
    let mut statistics = Vec::with_capacity(replicates as usize);
    for replicate in 0..replicates {
        let mut random = Stream::new(seed, Purpose::Resampling, u64::from(replicate), 0);
        for slot in &mut resample {
            *slot = values[(random.uniform() * values.len() as f64) as usize];
        }
        statistics.push(statistic(&resample)?);
    }
    let sorted = Sorted::new(statistics)?;
    let tail = (1.0 - confidence) / 2.0;
    Ok(Interval { low: sorted.quantile(tail)?, high: sorted.quantile(1.0 - tail)? })
}
