//! What a comparison of distributions, intervals and rankings needs beyond [`sim::statistics`].

use sim::statistics::{Interval, Sorted, StatisticsError, kendall, median, quantile};
use statrs::distribution::{Beta, ContinuousCDF};

type Result<T> = std::result::Result<T, StatisticsError>;

/// The two-sample Kolmogorov-Smirnov distance: the largest difference between two empirical distribution functions.
///
/// # Errors
/// If a sample is empty or has a value that is not finite.
pub fn kolmogorov_smirnov(one: &[f64], other: &[f64]) -> Result<f64> {
    let (one, other) = (Sorted::new(one.to_vec())?, Sorted::new(other.to_vec())?);
    let (one, other) = (one.values(), other.values());
    let share = |values: &[f64], at: f64| values.partition_point(|&value| value <= at) as f64 / values.len() as f64;
    let differences = one.iter().chain(other).map(|&at| (share(one, at) - share(other, at)).abs());
    Ok(differences.fold(0.0, f64::max))
}

/// `predicted / measured - 1` of a quantile of two samples, as a fraction.
///
/// # Errors
/// If a quantile does not exist, or that of the measured sample is 0.
pub fn quantile_error(predicted: &[f64], measured: &[f64], probability: f64) -> Result<f64> {
    let (predicted, measured) = (quantile(predicted, probability)?, quantile(measured, probability)?);
    if measured.abs() < f64::MIN_POSITIVE {
        Err(StatisticsError::ZeroMeasured { index: 0 })
    } else {
        Ok(predicted / measured - 1.0)
    }
}

/// Interval of a share of `count` trials of which `inside` succeeded (Clopper and Pearson, *Biometrika* 26(4), 1934), as fractions.
///
/// # Errors
/// If there is no trial, or more successes than trials.
pub fn share_interval(inside: usize, count: usize, confidence: f64) -> Result<Interval> {
    if count == 0 || inside > count {
        return Err(StatisticsError::TooFew { what: "a share", needed: inside.max(1), count });
    }
    let tail = (1.0 - confidence) / 2.0;
    let at = |a: f64, b: f64, probability: f64, limit: f64| {
        Beta::new(a, b).map_or(limit, |distribution| distribution.inverse_cdf(probability))
    };
    let (inside_f, outside) = (inside as f64, (count - inside) as f64);
    let low = if inside == 0 { 0.0 } else { at(inside_f, outside + 1.0, tail, 0.0) };
    let high = if inside == count { 1.0 } else { at(inside_f + 1.0, outside, 1.0 - tail, 1.0) };
    Ok(Interval { low, high })
}

/// What a predicted ranking is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranking {
    /// Kendall's tau-b; `None` where all values of one side are equal, or there is but one.
    pub tau: Option<f64>,
    /// Whether the best as predicted is the best as measured.
    pub is_top_agreed: bool,
    /// What choosing by the prediction costs: measured value of the best as predicted over the least measured one, less 1.
    pub regret: f64,
    /// Index of the best as predicted.
    pub chosen: usize,
    /// Index of the best as measured.
    pub best: usize,
}

/// Compares two rankings of the same things, less is better.
///
/// # Errors
/// If there is nothing to rank, the samples do not pair up, or the least measured value is 0.
pub fn ranking(predicted: &[f64], measured: &[f64]) -> Result<Ranking> {
    if predicted.len() != measured.len() {
        return Err(StatisticsError::Unpaired { left: predicted.len(), right: measured.len() });
    }
    let least = |values: &[f64]| (0..values.len()).min_by(|&one, &other| values[one].total_cmp(&values[other]));
    let none = StatisticsError::TooFew { what: "a ranking", needed: 1, count: 0 };
    let (Some(chosen), Some(best)) = (least(predicted), least(measured)) else { return Err(none) };
    median(predicted)?;
    median(measured)?;
    if measured[best].abs() < f64::MIN_POSITIVE {
        return Err(StatisticsError::ZeroMeasured { index: best });
    }
    Ok(Ranking {
        tau: kendall(predicted, measured).ok(),
        is_top_agreed: chosen == best,
        regret: measured[chosen] / measured[best] - 1.0,
        chosen,
        best,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn distances_by_hand() {
        let check = |one: &[f64], other: &[f64], expected: f64| near(kolmogorov_smirnov(one, other).expect("samples"), expected);
        check(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 0.0);
        check(&[1.0, 2.0], &[3.0, 4.0], 1.0);
        check(&[1.0, 2.0, 3.0, 4.0], &[2.5], 0.5);
        check(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0], 1.0 / 3.0);
        assert!(kolmogorov_smirnov(&[], &[1.0]).is_err());
        assert!(kolmogorov_smirnov(&[f64::NAN], &[1.0]).is_err());
    }

    #[test]
    fn rankings_by_hand() {
        let perfect = ranking(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]).expect("three");
        assert_eq!((perfect.tau, perfect.is_top_agreed), (Some(1.0), true));
        near(perfect.regret, 0.0);
        let wrong = ranking(&[2.0, 1.0, 3.0], &[10.0, 12.0, 30.0]).expect("three");
        assert!(!wrong.is_top_agreed && (wrong.chosen, wrong.best) == (1, 0));
        near(wrong.regret, 0.2);
        near(wrong.tau.expect("ranks vary"), 1.0 / 3.0);
        assert_eq!(ranking(&[1.0], &[5.0]).expect("one").tau, None);
        assert!(ranking(&[], &[]).is_err() && ranking(&[1.0], &[]).is_err());
    }

    #[test]
    fn intervals_of_shares_hold_the_share_and_stay_within_0_and_1() {
        for (inside, count) in [(0, 1), (1, 1), (0, 20), (18, 20), (20, 20), (45, 50)] {
            let interval = share_interval(inside, count, 0.95).expect("trials");
            let share = inside as f64 / count as f64;
            assert!(0.0 <= interval.low && interval.low <= share && share <= interval.high && interval.high <= 1.0);
        }
        assert!(share_interval(0, 0, 0.95).is_err() && share_interval(2, 1, 0.95).is_err());
    }
}
