//! Tables of measured models, in the columns of `usc_e2e_real.csv`.

use hwcal::table::{Source, Table, TableError};
use thiserror::Error;

/// Why a table cannot be judged.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum JudgeError {
    /// The table is malformed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A latency that is off by so much that its unit must be another one.
    #[error(
        "{file}:{line}: mean_ms is {measured_ms}, predicted are {predicted_ms:.3} ms: {guess}; latencies must be in milliseconds"
    )]
    Unit {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// What stands there.
        measured_ms: f64,
        /// What would be expected.
        predicted_ms: f64,
        /// What it may be.
        guess: &'static str,
    },
    /// Nothing of a table is about the device.
    #[error("{file}: no row can be judged on `{device}`: {why}")]
    Nothing {
        /// The file.
        file: String,
        /// The device.
        device: String,
        /// How many rows are refused for what.
        why: String,
    },
    /// The summary of a group failed.
    #[error("errors of {group}: {reason}")]
    Summary {
        /// The group.
        group: String,
        /// Why.
        reason: String,
    },
}

/// One measured model.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredModel {
    /// Line of the file.
    pub line: u64,
    /// Framework, such as `tflite`.
    pub framework: String,
    /// Name.
    pub model: String,
    /// Device.
    pub device: String,
    /// `cpu` or `gpu`.
    pub processor: String,
    /// Core set, such as `1large1med`.
    pub cores: String,
    /// `float` or `quant`.
    pub dtype: String,
    /// Mean latency.
    pub mean_ms: f64,
}

/// Columns that must be there; others are ignored.
pub const COLUMNS: [&str; 7] = ["framework", "model", "device_key", "processor", "cores", "dtype", "mean_ms"];

/// Reads a table.
///
/// # Errors
/// If it is empty, lacks a column, or holds a field that is not what its column asks for.
pub fn read(source: Source<'_>) -> Result<Vec<MeasuredModel>, TableError> {
    let table = Table::read(source, &COLUMNS)?;
    let rows = table.rows().map(|row| {
        let text = |column| row.text(column).map(str::to_owned);
        Ok(MeasuredModel {
            line: row.line(),
            framework: text("framework")?,
            model: text("model")?,
            device: text("device_key")?,
            processor: text("processor")?,
            cores: text("cores")?,
            dtype: text("dtype")?,
            mean_ms: row.positive("mean_ms")?,
        })
    });
    rows.collect()
}
