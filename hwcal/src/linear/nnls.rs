//! Non-negative least squares by active sets (Lawson and Hanson, *Solving Least Squares Problems*, 1974, ch. 23), on the
//! normal equations (Bro and de Jong, *A fast non-negativity-constrained least squares algorithm*, 1997).

use thiserror::Error;

/// Why a linear fit failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinearError {
    /// Columns that depend on each other, or numbers that are not finite.
    #[error("the normal equations of a fit with {columns} columns are singular: columns must be finite and independent")]
    Singular {
        /// Columns.
        columns: usize,
    },
}

/// Normal equations `G x = r` of a least-squares problem: `G = A' W A`, `r = A' W b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Gram {
    columns: usize,
    /// Row by row.
    matrix: Vec<f64>,
    right: Vec<f64>,
}

impl Gram {
    /// The equations of no observations.
    pub fn new(columns: usize) -> Self {
        Self { columns, matrix: vec![0.0; columns * columns], right: vec![0.0; columns] }
    }

    /// Adds an observation `row x = value` with a weight.
    pub fn observe(&mut self, row: &[f64], value: f64, weight: f64) {
        for (index, &one) in row.iter().enumerate() {
            self.right[index] += weight * one * value;
            for (other, &two) in row.iter().enumerate().take(index + 1) {
                let product = weight * one * two;
                self.matrix[index * self.columns + other] += product;
                if other != index {
                    self.matrix[other * self.columns + index] += product;
                }
            }
        }
    }

    /// Adds `x[column] = value` with a weight.
    pub fn observe_one(&mut self, column: usize, value: f64, weight: f64) {
        self.matrix[column * self.columns + column] += weight;
        self.right[column] += weight * value;
    }

    /// `r - G x`: the negative gradient of half the squared error.
    pub fn descent(&self, x: &[f64]) -> Vec<f64> {
        (0..self.columns)
            .map(|row| {
                let product: f64 = (0..self.columns).map(|column| self.matrix[row * self.columns + column] * x[column]).sum();
                self.right[row] - product
            })
            .collect()
    }

    fn scale(&self) -> f64 {
        self.right.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
    }

    /// Solves for the columns in `passive`, all others 0, by Cholesky decomposition.
    fn solve(&self, passive: &[usize]) -> Option<Vec<f64>> {
        let size = passive.len();
        let mut lower = vec![0.0; size * size];
        for row in 0..size {
            for column in 0..=row {
                let known: f64 = (0..column).map(|k| lower[row * size + k] * lower[column * size + k]).sum();
                let rest = self.matrix[passive[row] * self.columns + passive[column]] - known;
                lower[row * size + column] = if row == column {
                    if rest.is_nan() || rest <= 0.0 {
                        return None;
                    }
                    libm::sqrt(rest)
                } else {
                    rest / lower[column * size + column]
                };
            }
        }
        let mut x: Vec<f64> = passive.iter().map(|&column| self.right[column]).collect();
        for row in 0..size {
            let known: f64 = (0..row).map(|k| lower[row * size + k] * x[k]).sum();
            x[row] = (x[row] - known) / lower[row * size + row];
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size).map(|k| lower[k * size + row] * x[k]).sum();
            x[row] = (x[row] - known) / lower[row * size + row];
        }
        x.iter().all(|value| value.is_finite()).then_some(x)
    }
}

/// Minimises `x' G x / 2 - r' x` over `x >= 0`.
pub fn solve_non_negative(gram: &Gram) -> Result<Vec<f64>, LinearError> {
    let columns = gram.columns;
    let singular = LinearError::Singular { columns };
    let tolerance = 1e-12 * gram.scale();
    let mut x = vec![0.0; columns];
    let mut passive: Vec<usize> = Vec::new();
    // Each round frees the column that descends most; rounding could make columns alternate, so rounds are bounded.
    for _ in 0..10 * columns.max(1) {
        let descent = gram.descent(&x);
        let steepest = (0..columns)
            .filter(|column| !passive.contains(column) && descent[*column] > tolerance)
            .max_by(|&one, &other| descent[one].total_cmp(&descent[other]).then(other.cmp(&one)));
        let Some(entering) = steepest else {
            return Ok(x);
        };
        passive.push(entering);
        loop {
            let solution = gram.solve(&passive).ok_or(singular)?;
            if solution.iter().all(|&value| value > 0.0) {
                for (&column, &value) in passive.iter().zip(&solution) {
                    x[column] = value;
                }
                break;
            }
            step_to_the_boundary(&mut x, &mut passive, &solution);
        }
    }
    Ok(x)
}

/// Goes from `x` towards `solution` until the first column reaches 0, and fixes it there.
fn step_to_the_boundary(x: &mut [f64], passive: &mut Vec<usize>, solution: &[f64]) {
    let mut step = 1.0_f64;
    for (&column, &value) in passive.iter().zip(solution) {
        if value <= 0.0 {
            step = step.min(x[column] / (x[column] - value).max(f64::MIN_POSITIVE));
        }
    }
    for (&column, &value) in passive.iter().zip(solution) {
        x[column] += step * (value - x[column]);
    }
    let is_blocked = |column: usize, value: f64, x: &[f64]| value <= 0.0 && x[column] <= 1e-14;
    let mut kept = Vec::with_capacity(passive.len());
    for (&column, &value) in passive.iter().zip(solution) {
        if is_blocked(column, value, x) {
            x[column] = 0.0;
        } else {
            kept.push(column);
        }
    }
    if kept.len() == passive.len() {
        // Rounding left the blocking column a little above 0: drop the last one that wants to be negative.
        if let Some(position) = solution.iter().rposition(|&value| value <= 0.0) {
            x[kept[position]] = 0.0;
            kept.remove(position);
        }
    }
    *passive = kept;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gram(rows: &[Vec<f64>], values: &[f64]) -> Gram {
        let mut gram = Gram::new(rows[0].len());
        for (row, &value) in rows.iter().zip(values) {
            gram.observe(row, value, 1.0);
        }
        gram
    }

    #[test]
    fn agrees_with_scipy() {
        // tests/reference.py, `nnls`.
        let rows =
            vec![vec![1.0, 2.0, 0.5], vec![2.0, 1.0, -1.0], vec![0.5, 3.0, 2.0], vec![4.0, -1.0, 1.0], vec![1.0, 1.0, 1.0]];
        let check = |values: &[f64], expected: &[f64]| {
            let x = solve_non_negative(&gram(&rows, values)).expect("regular");
            for (one, other) in x.iter().zip(expected) {
                assert!((one - other).abs() < 1e-9, "{x:?} {expected:?}");
            }
        };
        check(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.005_863_086_814_119_8, 0.367_837_936_193_441_24, 0.933_322_550_644_939_3]);
        check(&[3.0, -1.0, 2.0, -4.0, 1.0], &[0.0, 1.0, 0.0]);
        check(&[-1.0, -1.0, -1.0, -1.0, -1.0], &[0.0, 0.0, 0.0]);
    }

    #[test]
    fn dependent_columns_are_an_error() {
        let rows = vec![vec![1.0, 1.0], vec![2.0, 2.0]];
        let mut equations = gram(&rows, &[1.0, 2.0]);
        equations.matrix[3] = 0.0;
        equations.right[1] = 100.0;
        assert_eq!(solve_non_negative(&equations), Err(LinearError::Singular { columns: 2 }));
    }

    proptest! {
        /// Karush-Kuhn-Tucker: `x >= 0`, the gradient is 0 where `x > 0`, and points outwards where `x = 0`.
        #[test]
        fn solutions_are_optimal(
            rows in prop::collection::vec(prop::collection::vec(-5.0..5.0_f64, 6), 8..20),
            values in prop::collection::vec(-5.0..5.0_f64, 20),
        ) {
            let mut equations = gram(&rows, &values);
            for column in 0..6 {
                equations.observe_one(column, 0.5, 1e-3);
            }
            let x = solve_non_negative(&equations).expect("the ridge makes it regular");
            let descent = equations.descent(&x);
            let tolerance = 1e-8 * equations.scale().max(1.0);
            for column in 0..6 {
                prop_assert!(x[column] >= 0.0);
                prop_assert!(descent[column] <= tolerance, "column {} could still grow", column);
                if x[column] > 0.0 {
                    prop_assert!(descent[column].abs() <= tolerance, "column {} is not stationary", column);
                }
            }
        }
    }
}
