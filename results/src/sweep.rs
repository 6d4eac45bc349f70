//! `sweep.json`: what a sweep varied, from what, and how it was divided.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::points::{POINTS_FILE, PointsTable};
use crate::run::to_json;
use crate::{FileEntry, Provenance, ResultsDir, ResultsError};

/// Name of the file that makes a directory one of a sweep.
pub const SWEEP_FILE: &str = "sweep.json";

/// Version of the layout of `sweep.json` and `points.parquet`.
pub const SWEEP_SCHEMA_VERSION: u32 = 1;

/// The contents of `sweep.json`. Fields are written in the order in which they stand here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepFile {
    /// [`SWEEP_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Name of the sweep.
    pub name: String,
    /// Identifies everything that decides the results: shards of equal digests belong together.
    pub digest: String,
    /// From what the results were made.
    pub provenance: Provenance,
    /// How points were chosen: `grid`, `latin_hypercube`, `sobol`.
    pub design: String,
    /// Seed of the choice, where it is drawn.
    pub design_seed: Option<u64>,
    /// What was varied.
    pub axes: Vec<SweepAxis>,
    /// Points of the whole sweep.
    pub points: u64,
    /// Strategies of every point.
    pub strategies: Vec<String>,
    /// Runs of each strategy at each point.
    pub replicates: u32,
    /// Figures beyond those of every sweep.
    pub figures: Vec<String>,
    /// Which part of the sweep this is; `None` for all of it.
    pub shard: Option<ShardOf>,
    /// Rows of the table whose run could not be simulated.
    pub failed_rows: u64,
    /// The other files of the directory.
    pub files: Vec<FileEntry>,
}

/// One axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepAxis {
    /// Fields that it sets.
    pub paths: Vec<String>,
    /// Columns of `points.parquet` with its values, one for each field.
    pub columns: Vec<String>,
    /// Its values or its range, as text.
    pub values: String,
}

/// A part of a sweep: points whose number leaves this remainder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardOf {
    /// From 0.
    pub index: u64,
    /// Parts in all; at least 1.
    pub count: u64,
}

impl SweepFile {
    /// As the text that travels with the table: without the list of files.
    pub fn about(&self) -> Result<String, ResultsError> {
        let plain = Self { files: Vec::new(), ..self.clone() };
        serde_json::to_string(&plain).map_err(|error| ResultsError::malformed(Path::new(SWEEP_FILE), &error))
    }

    /// From the text that travels with a table.
    ///
    /// # Errors
    /// Says what is wrong with the text, or that it is of another version.
    pub fn of_about(about: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            schema_version: u64,
        }
        let Versioned { schema_version } = serde_json::from_str(about).map_err(|error| error.to_string())?;
        if schema_version != u64::from(SWEEP_SCHEMA_VERSION) {
            return Err(format!("it has schema version {schema_version}, this version reads {SWEEP_SCHEMA_VERSION}"));
        }
        serde_json::from_str(about).map_err(|error| error.to_string())
    }

    /// Puts a directory of a sweep in place: `sweep.json` and `points.parquet`, whole or not at all.
    ///
    /// # Errors
    /// If something else stands there, or it cannot be written to.
    pub fn write(&self, target: &Path, table: &PointsTable) -> Result<(), ResultsError> {
        let points = target.join(POINTS_FILE);
        let bytes = table.to_parquet(&self.about()?).map_err(|why| ResultsError::malformed(&points, &why))?;
        let directory = ResultsDir::begin_listed_in(SWEEP_FILE, target)?;
        let entry = directory.write(POINTS_FILE, &bytes)?;
        let entry = FileEntry { rows: Some(table.rows() as u64), ..entry };
        let file = Self { files: vec![entry], ..self.clone() };
        directory.write(SWEEP_FILE, &to_json(&file, &target.join(SWEEP_FILE))?)?;
        directory.commit()?;
        Ok(())
    }
}
