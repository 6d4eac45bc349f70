//! Measured mappings of the RK3399Pro board, replayed and judged.
//!
//! No parameter is judged on a row that its fit has seen: a row whose network and string of processors stand in the table that the shipped
//! profile is fitted to is predicted by a fit without that string ([`HeldOut::Strings`]) or without its network ([`HeldOut::Networks`]).
//! The two measuring campaigns, whose runtimes and boards differ, have parameters of their own and are ranked apart.

mod findings;
mod judge;
mod report;
mod section;

pub use judge::{HeldOut, Judge, Judged, Refused, Units};
pub use report::{CellReport, NetworkReport, Report};
pub use section::{section, tables};

use thiserror::Error;

/// Why mappings cannot be judged.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum MappingsError {
    /// The table is refused, or something about the board is wrong.
    #[error(transparent)]
    Board(#[from] hwcal::rk3399pro::BoardError),
    /// Not one row could be replayed.
    #[error("{file}: none of {rows} rows can be judged: {}", why.join("; "))]
    Nothing {
        /// The file.
        file: String,
        /// Rows it has.
        rows: usize,
        /// Reasons, each with its number of rows.
        why: Vec<String>,
    },
    /// A column is off by about a thousand.
    #[error("{file}: {column} is {factor} times what is predicted (median of {rows} rows): must be in {unit}")]
    Units {
        /// The file.
        file: String,
        /// The column.
        column: &'static str,
        /// Measured over predicted, as text.
        factor: String,
        /// Rows compared.
        rows: usize,
        /// The unit that is expected.
        unit: &'static str,
    },
    /// Statistics of values that have none.
    #[error("{0}")]
    Statistics(String),
}

impl From<hwcal::table::TableError> for MappingsError {
    fn from(error: hwcal::table::TableError) -> Self {
        Self::Board(error.into())
    }
}

impl From<sim::statistics::StatisticsError> for MappingsError {
    fn from(error: sim::statistics::StatisticsError) -> Self {
        Self::Statistics(error.to_string())
    }
}
