//! `run.json`: what was run, from what, and what came of it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sim::engine::StopReason;
use sim::metrics::Report;

use crate::{Origin, ResultsError, RunResult, sha256_hex};

/// Name of the file that makes a directory a results directory.
pub const RUN_FILE: &str = "run.json";

/// Version of the layout of all files of a results directory; any change of a field, a column or a unit raises it.
pub const SCHEMA_VERSION: u32 = 4;

/// The contents of `run.json`. Fields are written in the order in which they stand here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// From what the results were made.
    pub provenance: Provenance,
    /// One entry for each run, in the order in which they were added.
    pub cases: Vec<CaseSummary>,
    /// The other files of the directory.
    pub files: Vec<FileEntry>,
}

/// From what results were made; equal provenance means equal results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The program.
    pub tool: Tool,
    /// The command line, without what does not change results (where they are written, the number of threads).
    pub command_line: Vec<String>,
    /// Seed given by the user.
    pub seed: u64,
    /// Name of the device.
    pub device: String,
    /// Fingerprint of the device profile: of what was measured, on what, with what.
    pub profile_fingerprint: Option<String>,
    /// Every file that was read: scenario, profile, models.
    pub inputs: Vec<InputEntry>,
}

/// The program that made results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its source revision, if known when it was built.
    pub revision: Option<String>,
}

/// One input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputEntry {
    /// What it is: `scenario`, `profile`, `model`.
    pub role: String,
    /// Its name, not the path to it: results do not depend on where inputs lie.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its contents, hexadecimal.
    pub sha256: String,
}

impl InputEntry {
    /// The entry of an input with these contents.
    pub fn of(role: impl Into<String>, name: impl Into<String>, contents: &[u8]) -> Self {
        Self { role: role.into(), name: name.into(), bytes: contents.len() as u64, sha256: sha256_hex(contents) }
    }
}

/// One file of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name in the directory.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its contents, hexadecimal.
    pub sha256: String,
    /// Rows of a table.
    pub rows: Option<u64>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseSummary {
    /// Name of the case.
    pub case: String,
    /// Name of the strategy with its parameters.
    pub strategy: String,
    /// Where its records come from.
    pub origin: Origin,
    /// Seed of the run.
    pub seed: u64,
    /// Name of the device.
    pub device: String,
    /// Why it stopped.
    pub stop: Stop,
    /// Events handled.
    pub events: u64,
    /// Decisions of the strategy that could not be carried out.
    pub refused_decisions: u64,
    /// What its records amount to.
    pub report: Report,
}

impl CaseSummary {
    /// Of a run.
    #[must_use]
    pub fn of(run: &RunResult<'_>) -> Self {
        Self {
            case: run.case.to_owned(),
            strategy: run.strategy.to_owned(),
            origin: run.origin,
            seed: run.seed,
            device: run.device.name().to_owned(),
            stop: Stop::from(&run.summary.stop),
            events: run.summary.events,
            refused_decisions: run.summary.refused,
            report: run.report.clone(),
        }
    }
}

/// Why a run stopped; see [`StopReason`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// All requests ended and no more will arrive.
    Drained,
    /// The horizon was reached.
    Horizon,
    /// The event budget was used up.
    EventBudget,
    /// Requests are in flight and nothing can happen any more.
    Stalled(String),
    /// A processor failed.
    Failed(String),
    /// The user stopped it.
    Interrupted,
}

impl From<&StopReason> for Stop {
    fn from(stop: &StopReason) -> Self {
        match stop {
            StopReason::Drained => Self::Drained,
            StopReason::Horizon => Self::Horizon,
            StopReason::EventBudget => Self::EventBudget,
            StopReason::Stalled(why) => Self::Stalled(why.clone()),
            StopReason::Failed(why) => Self::Failed(why.clone()),
            StopReason::Interrupted => Self::Interrupted,
        }
    }
}

impl RunFile {
    /// The run of a case under a strategy.
    pub fn case(&self, case: &str, strategy: &str) -> Option<&CaseSummary> {
        self.cases.iter().find(|summary| summary.case == case && summary.strategy == strategy)
    }

    /// Checks that every file listed is there, with the contents it was written with.
    pub fn verify(&self, directory: &Path) -> Result<(), ResultsError> {
        for entry in &self.files {
            let path = directory.join(&entry.name);
            let found = sha256_hex(&fs::read(&path).map_err(ResultsError::io("read", &path))?);
            if found != entry.sha256 {
                return Err(ResultsError::Changed { path, found, expected: entry.sha256.clone() });
            }
        }
        Ok(())
    }
}

/// Reads the `run.json` of a results directory.
///
/// # Errors
/// If there is none, it has another schema version, or it is malformed.
pub fn read_run(directory: &Path) -> Result<RunFile, ResultsError> {
    read_json(directory, RUN_FILE)
}

/// Reads a JSON file with a schema version.
pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(directory: &Path, name: &str) -> Result<T, ResultsError> {
    #[derive(Deserialize)]
    struct Versioned {
        schema_version: u64,
    }
    let path = directory.join(name);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound && directory.is_dir() && !directory.join(RUN_FILE).exists() => {
            return Err(ResultsError::NotResults { path: directory.to_owned() });
        }
        Err(error) if error.kind() == ErrorKind::NotFound && !directory.exists() => {
            return Err(ResultsError::Missing { path: directory.to_owned() });
        }
        other => other.map_err(ResultsError::io("read", &path))?,
    };
    let Versioned { schema_version } = serde_json::from_str(&text).map_err(|error| ResultsError::malformed(&path, &error))?;
    if schema_version != u64::from(SCHEMA_VERSION) {
        return Err(ResultsError::SchemaVersion { path, found: schema_version, expected: SCHEMA_VERSION });
    }
    serde_json::from_str(&text).map_err(|error| ResultsError::malformed(&path, &error))
}

/// JSON in one line that ends with a newline: for files that programs read.
pub(crate) fn to_compact_json(value: &impl Serialize, path: &Path) -> Result<Vec<u8>, ResultsError> {
    let mut bytes = serde_json::to_vec(value).map_err(|error| ResultsError::malformed(path, &error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Pretty JSON that ends with a newline: for files that people read too.
pub(crate) fn to_json(value: &impl Serialize, path: &Path) -> Result<Vec<u8>, ResultsError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| ResultsError::malformed(path, &error))?;
    bytes.push(b'\n');
    Ok(bytes)
}
