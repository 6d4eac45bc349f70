//! Errors of predictions, summarised.

use serde::Serialize;

/// Absolute percentage errors of predictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Accuracy {
    /// Number of predictions.
    pub count: usize,
    /// Mean absolute percentage error.
    pub mean_percent: f64,
    /// Median absolute percentage error.
    pub median_percent: f64,
    /// 90th percentile.
    pub p90_percent: f64,
    /// Share of predictions within 10 %, in percent.
    pub within_10_percent: f64,
}

impl Accuracy {
    /// Of `|predicted / measured - 1|` over pairs.
    pub fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut errors: Vec<f64> = pairs.into_iter().map(|(predicted, measured)| (predicted / measured - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let count = errors.len();
        if count == 0 {
            return Self::default();
        }
        let within = errors.iter().filter(|&&error| error < 0.1).count();
        Self {
            count,
            mean_percent: 100.0 * mean(&errors),
            median_percent: 100.0 * quantile_of_sorted(&errors, 0.5),
            p90_percent: 100.0 * quantile_of_sorted(&errors, 0.9),
            within_10_percent: 100.0 * within as f64 / count as f64,
        }
    }

    /// The mean of several summaries of the same cases, number by number.
    pub fn mean_of(all: &[Self]) -> Self {
        let over = |number: fn(&Self) -> f64| mean(&all.iter().map(number).collect::<Vec<_>>());
        Self {
            count: all.first().map_or(0, |accuracy| accuracy.count),
            mean_percent: over(|it| it.mean_percent),
            median_percent: over(|it| it.median_percent),
            p90_percent: over(|it| it.p90_percent),
            within_10_percent: over(|it| it.within_10_percent),
        }
    }
}

/// Arithmetic mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// A quantile by linear interpolation between order statistics; 0 of nothing.
pub fn quantile(values: &[f64], probability: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, probability)
}

/// The median; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Root mean square; 0 of nothing. The deviation of residuals whose expectation is 0.
pub fn root_mean_square(values: &[f64]) -> f64 {
    libm::sqrt(mean(&values.iter().map(|value| value * value).collect::<Vec<_>>()))
}

/// A deviation that outliers do not move: half of the distance between the 15.87th and 84.13th percentile, which is one
/// standard deviation of a normal distribution.
pub fn robust_deviation(values: &[f64]) -> f64 {
    0.5 * (quantile(values, 0.8413) - quantile(values, 0.1587))
}

fn quantile_of_sorted(sorted: &[f64], probability: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let position = probability * last as f64;
    let lower = (libm::floor(position) as usize).min(last);
    let upper = (lower + 1).min(last);
    sorted[lower] + (position - lower as f64) * (sorted[upper] - sorted[lower])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_as_numpy_does() {
        // tests/reference.py, `quantiles`.
        let values = [3.0, 1.0, 2.0, 10.0];
        let check = |probability: f64, expected: f64| {
            assert!((quantile(&values, probability) - expected).abs() < 1e-12, "{probability}");
        };
        check(0.0, 1.0);
        check(0.5, 2.5);
        check(0.9, 7.9);
        check(1.0, 10.0);
        assert!(quantile(&[], 0.5).abs() < 1e-12);
    }

    #[test]
    fn accuracy_by_hand() {
        let accuracy = Accuracy::of([(1.1, 1.0), (0.95, 1.0), (3.0, 2.0), (2.0, 2.0)]);
        assert_eq!(accuracy.count, 4);
        assert!((accuracy.mean_percent - 16.25).abs() < 1e-9);
        assert!((accuracy.median_percent - 7.5).abs() < 1e-9);
        assert!((accuracy.within_10_percent - 50.0).abs() < 1e-9);
    }
}
