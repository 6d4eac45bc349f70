//! Statistics against values of `NumPy` 2.4 and `SciPy` 1.17, against statrs, and by hand.

use proptest::prelude::*;
use sim::statistics::{
    StatisticsError, bootstrap_interval, kendall, mean, mean_absolute_percentage_error, median, median_absolute_percentage_error,
    quantile, ranks, sample_deviation, share_within, spearman,
};
use statrs::statistics::Statistics;

fn check(what: &str, found: Result<f64, StatisticsError>, expected: f64) {
    let found = found.expect(what);
    assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{what}: {found}, expected {expected}");
}

const SAMPLE: [f64; 7] = [3.5, -1.25, 8.0, 2.0, 2.0, 7.75, 0.5];

#[test]
fn quantiles_are_those_of_numpy() {
    for (probability, expected) in [
        (0.0, -1.25),
        (0.1, -0.199_999_999_999_999_84),
        (0.25, 1.25),
        (0.5, 2.0),
        (0.9, 7.85),
        (0.95, 7.925),
        (0.99, 7.984_999_999_999_999),
        (1.0, 8.0),
    ] {
        check(&format!("quantile {probability}"), quantile(&SAMPLE, probability), expected);
    }
    check("median of two", median(&[4.0, 1.0]), 2.5);
    check("quantile of one", quantile(&[4.0], 0.37), 4.0);
}

#[test]
fn moments_are_those_of_numpy() {
    check("mean", mean(&SAMPLE), 3.214_285_714_285_714_4);
    check("sample deviation", sample_deviation(&SAMPLE), 3.507_220_443_327_627);
}

#[test]
fn rank_correlations_are_those_of_scipy() {
    let left = [1.0, 2.0, 2.0, 4.0, 5.0, 3.0, 7.0, 7.0];
    let right = [2.0, 1.0, 3.0, 3.0, 5.0, 9.0, 6.0, 8.0];
    check("spearman", spearman(&left, &right), 0.684_861_062_761_281_4);
    check("kendall", kendall(&left, &right), 0.566_138_517_072_297_9);
    let backwards: Vec<f64> = SAMPLE.iter().map(|value| -value).collect();
    check("spearman of opposites", spearman(&SAMPLE, &backwards), -1.0);
    check("kendall of opposites", kendall(&SAMPLE, &backwards), -1.0);
    assert_eq!(ranks(&[3.0, 0.0, -0.0, 9.0]), Ok(vec![3.0, 1.5, 1.5, 4.0]));
}

#[test]
fn errors_of_predictions() {
    let (measured, predicted) = ([10.0, 20.0, 40.0, 5.0], [11.0, 18.0, 40.0, 7.0]);
    check("mape", mean_absolute_percentage_error(&measured, &predicted), 0.15);
    check("median", median_absolute_percentage_error(&measured, &predicted), 0.1);
    check("within a tenth", share_within(&measured, &predicted, 0.1), 0.75);
    check("within nothing", share_within(&measured, &predicted, 0.0), 0.25);
}

#[test]
fn what_does_not_exist_is_refused() {
    for (found, expected) in [
        (mean(&[]), "a mean needs at least 1 values: there are 0"),
        (sample_deviation(&[1.0]), "a sample deviation needs at least 2 values: there are 1"),
        (quantile(&[1.0, f64::NAN], 0.5), "value 1 is NaN: must be finite"),
        (quantile(&[1.0], 1.5), "probability is 1.5: must be from 0 to 1"),
        (quantile(&[1.0], f64::NAN), "probability is NaN: must be from 0 to 1"),
        (spearman(&[1.0], &[1.0, 2.0]), "1 values cannot be paired with 2: must be equally many"),
        (kendall(&[1.0, f64::INFINITY], &[1.0, 2.0]), "value 1 is inf: must be finite"),
        (kendall(&[1.0, 1.0], &[1.0, 2.0]), "all values of the first sample are equal: ranks do not vary"),
        (spearman(&[2.0, 1.0], &[1.0, 1.0]), "all values of the second sample are equal: ranks do not vary"),
        (share_within(&[0.0], &[1.0], 0.1), "measured value 0 is 0: a relative error needs measured values other than 0"),
        (
            bootstrap_interval(&[1.0], mean, 1.0, 10, 0).map(|interval| interval.low),
            "confidence is 1: must be above 0 and below 1",
        ),
    ] {
        assert_eq!(found.expect_err(expected).to_string(), expected);
    }
}

#[test]
fn the_bootstrap_interval_of_a_mean() {
    let values: Vec<f64> = (0..400).map(|index| f64::from(index % 20)).collect();
    let interval = bootstrap_interval(&values, mean, 0.95, 2000, 7).expect("a sample");
    assert_eq!(interval, bootstrap_interval(&values, mean, 0.95, 2000, 7).expect("a sample"));
    assert_ne!(interval, bootstrap_interval(&values, mean, 0.95, 2000, 8).expect("a sample"));
    // The normal approximation: mean 9.5, standard error sqrt(33.25 / 400).
    let half = 1.96 * (33.25f64 / 400.0).sqrt();
    assert!((interval.low - (9.5 - half)).abs() < 0.05 && (interval.high - (9.5 + half)).abs() < 0.05, "{interval:?}");
}

proptest! {
    #[test]
    fn moments_are_those_of_statrs(values in prop::collection::vec(-1e6..1e6f64, 2..50)) {
        let close = |one: f64, other: f64| (one - other).abs() <= 1e-7 * other.abs().max(1.0);
        prop_assert!(close(mean(&values).expect("finite"), values.as_slice().mean()));
        prop_assert!(close(sample_deviation(&values).expect("finite"), values.as_slice().std_dev()));
    }

    #[test]
    fn quantiles_lie_among_the_values(values in prop::collection::vec(-1e6..1e6f64, 1..50), probability in 0.0..=1.0f64) {
        let found = quantile(&values, probability).expect("finite");
        let below = values.iter().filter(|&&value| value <= found).count();
        let above = values.iter().filter(|&&value| value >= found).count();
        prop_assert!(below >= 1 && above >= 1);
        prop_assert!(quantile(&values, 0.0).expect("finite") <= found && found <= quantile(&values, 1.0).expect("finite"));
    }

    #[test]
    fn rank_correlation_sees_only_order(pairs in prop::collection::vec((0..30i32, 0..30i32), 2..30)) {
        let left: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.0)).collect();
        let right: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.1)).collect();
        let cubed: Vec<f64> = left.iter().map(|value| value * value * value).collect();
        for correlation in [spearman, kendall] {
            prop_assert_eq!(correlation(&left, &right), correlation(&cubed, &right));
            if let Ok(found) = correlation(&left, &right) {
                prop_assert!((-1.0..=1.0).contains(&found));
                let swapped = correlation(&right, &left).expect("symmetric");
                prop_assert!((found - swapped).abs() < 1e-12);
            }
        }
    }
}
