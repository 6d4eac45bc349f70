//! Errors of predictions, told in one way everywhere.

use serde::Serialize;
use sim::statistics::{self, Interval, StatisticsError};

/// Resamples of each interval.
const RESAMPLES: u32 = 1_000;

/// Errors of predictions: `predicted / measured - 1` over pairs, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Number of pairs.
    pub count: usize,
    /// Mean absolute percentage error (MAPE).
    pub mape_percent: f64,
    /// Its 95 % percentile bootstrap interval, lower end.
    pub mape_low_percent: f64,
    /// Upper end.
    pub mape_high_percent: f64,
    /// Median absolute percentage error.
    pub median_percent: f64,
    /// 90th percentile of the absolute percentage errors.
    pub p90_percent: f64,
    /// Share of pairs within 10 %, in percent.
    pub within_10_percent: f64,
    /// Median signed error: above 0 where predictions are too high.
    pub bias_percent: f64,
}

impl Summary {
    /// Of pairs of predicted and measured.
    ///
    /// # Errors
    /// If there is no pair, a value is not finite, or something measured is 0.
    pub fn of(predicted: &[f64], measured: &[f64]) -> Result<Self, StatisticsError> {
        let errors = statistics::relative_errors(measured, predicted)?;
        let signed: Vec<f64> = predicted.iter().zip(measured).map(|(predicted, measured)| predicted / measured - 1.0).collect();
        let Interval { low, high } = statistics::bootstrap_interval(&errors, statistics::mean, 0.95, RESAMPLES, 1)?;
        Ok(Self {
            count: errors.len(),
            mape_percent: 100.0 * statistics::mean(&errors)?,
            mape_low_percent: 100.0 * low,
            mape_high_percent: 100.0 * high,
            median_percent: 100.0 * statistics::median(&errors)?,
            p90_percent: 100.0 * statistics::quantile(&errors, 0.9)?,
            within_10_percent: 100.0 * statistics::share_within(measured, predicted, 0.1)?,
            bias_percent: 100.0 * statistics::median(&signed)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let summary = Summary::of(&[1.1, 0.95, 3.0, 2.0], &[1.0, 1.0, 2.0, 2.0]).expect("pairs");
        let check = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
        assert_eq!(summary.count, 4);
        check(summary.mape_percent, 16.25);
        check(summary.median_percent, 7.5);
        check(summary.within_10_percent, 75.0 - 25.0);
        check(summary.bias_percent, 5.0);
        assert!(summary.mape_low_percent < 16.25 && summary.mape_high_percent > 16.25);
        assert!(Summary::of(&[], &[]).is_err());
        assert!(Summary::of(&[1.0], &[0.0]).is_err());
    }
}
