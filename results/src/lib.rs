//! Result files, written and read here only: `run.json`, Parquet tables, Perfetto traces, placements.
//!
//! A [`RunWriter`] takes [`RunResult`]s one by one and puts a results directory in place when all are in, whole or not at all:
//!
//! | file | holds |
//! |---|---|
//! | `run.json` | provenance, and a summary of each run: stop reason and report |
//! | `requests.parquet` | one row for each request |
//! | `operators.parquet` | one row for each kernel |
//! | `copies.parquet` | one row for each copy |
//! | `frames.parquet` | one row for each frame of the user interface |
//! | `states.parquet` | one row for each change of frequency, temperature, power, availability |
//! | `trace.pftrace` | the timeline, for <https://ui.perfetto.dev> |
//! | `placement.json` | why each task ran where it ran, for `explain` |
//! | `observation.json` | a real run, to be replayed in the simulator |
//! | `replicates.json` | every figure over the replicates, with intervals, where there are any |
//!
//! A sweep has a directory of its own kind: `sweep.json` and `points.parquet`, see [`SweepFile`] and [`points`].
//!
//! Equal inputs give equal bytes: no file holds a wall-clock time.

#![forbid(unsafe_code)]

pub mod atomic;
mod directory;
mod error;
pub mod explain;
mod hash;
mod input;
mod observation;
pub mod placement;
pub mod points;
mod replicates;
mod run;
mod sweep;
pub mod tables;
pub mod trace;
mod writer;

pub use atomic::write_atomic;
pub use directory::{ResultsDir, ResultsFile};
pub use error::ResultsError;
pub use hash::sha256_hex;
pub use input::{Choice, ModelInfo, Origin, RunResult, TaskInfo, report};
pub use observation::{
    Choices, OBSERVATION_FILE, Observation, ObservedCopyRecord, ObservedKernel, ObservedRequest, ObservedRun, PieceRecord,
    PlanRecord, Replaced, read_observation,
};
pub use replicates::{CONFIDENCE, Difference, Figure, Figures, Interval, REPLICATES_FILE, ReplicatesFile, figures};
pub use run::{CaseSummary, FileEntry, InputEntry, Provenance, RUN_FILE, RunFile, SCHEMA_VERSION, Stop, Tool, read_run};
pub use sweep::{SWEEP_FILE, SWEEP_SCHEMA_VERSION, ShardOf, SweepAxis, SweepFile};
pub use writer::{Content, RunWriter};
