//! Fits of relative error that outliers do not pull: iteratively reweighted non-negative least squares.

use crate::linear::{Gram, LinearError, solve_non_negative};

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RobustFit {
    /// Weight of the ridge towards the prior, relative to the sum of the weights of all observations.
    pub ridge: f64,
    /// What the ridge pulls each coefficient to, in units of its scale: 1 for a prior, 0 to shrink.
    pub ridge_target: f64,
    /// Relative error from which an observation's weight falls as `1 / error` (Huber).
    pub delta: f64,
    /// Rounds of reweighting.
    pub rounds: u32,
}

/// Non-negative coefficients that minimise `sum(w_i huber(features_i x / value_i - 1)) + ridge sum(x / scale - target)^2`.
///
/// `scales` are typical values of the coefficients (a prior); all values must be positive.
pub fn fit_relative(
    features: &[Vec<f64>],
    values: &[f64],
    weights: &[f64],
    scales: &[f64],
    how: RobustFit,
) -> Result<Vec<f64>, LinearError> {
    let columns = scales.len();
    let rows: Vec<Vec<f64>> = features
        .iter()
        .zip(values)
        .map(|(row, value)| row.iter().zip(scales).map(|(feature, scale)| feature * scale / value).collect())
        .collect();
    let mut x = vec![0.0; columns];
    let mut reweighted = weights.to_vec();
    for _ in 0..how.rounds {
        let mut gram = Gram::new(columns);
        for (row, &weight) in rows.iter().zip(&reweighted) {
            gram.observe(row, 1.0, weight);
        }
        let ridge = how.ridge * reweighted.iter().sum::<f64>();
        for column in 0..columns {
            gram.observe_one(column, how.ridge_target, ridge);
        }
        x = solve_non_negative(&gram)?;
        for ((slot, row), &weight) in reweighted.iter_mut().zip(&rows).zip(weights) {
            let predicted: f64 = row.iter().zip(&x).map(|(feature, coefficient)| feature * coefficient).sum();
            let error = (predicted - 1.0).abs();
            *slot = if error <= how.delta { weight } else { weight * how.delta / error };
        }
    }
    Ok(x.iter().zip(scales).map(|(coefficient, scale)| coefficient * scale).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: RobustFit = RobustFit { ridge: 1e-9, ridge_target: 0.0, delta: 0.02, rounds: 20 };

    #[test]
    fn one_outlier_among_ten_does_not_move_a_line() {
        let features: Vec<Vec<f64>> = (1..=10).map(|x| vec![1.0, f64::from(x)]).collect();
        let mut values: Vec<f64> = (1..=10).map(|x| 5.0 + 2.0 * f64::from(x)).collect();
        values[6] *= 3.0;
        let x = fit_relative(&features, &values, &[1.0; 10], &[1.0, 1.0], HOW).expect("regular");
        assert!((x[0] - 5.0).abs() < 0.2 && (x[1] - 2.0).abs() < 0.05, "{x:?}");
    }

    #[test]
    fn a_coefficient_without_data_stays_at_its_prior() {
        let features = vec![vec![1.0, 0.0], vec![2.0, 0.0]];
        let how = RobustFit { ridge_target: 1.0, ..HOW };
        let x = fit_relative(&features, &[3.0, 6.0], &[1.0; 2], &[3.0, 0.7], how).expect("regular");
        assert!((x[0] - 3.0).abs() < 1e-6 && (x[1] - 0.7).abs() < 1e-9, "{x:?}");
    }
}
