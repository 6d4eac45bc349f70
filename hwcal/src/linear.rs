//! Non-negative least squares, weighted, regularised towards a prior, and robust against outliers.

mod nnls;
mod robust;

pub use nnls::{Gram, LinearError, solve_non_negative};
pub use robust::{RobustFit, fit_relative};
