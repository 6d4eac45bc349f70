//! Runs in, a results directory out.

use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::directory::ResultsFile;
use crate::placement::{PLACEMENT_FILE, Placement, PlacementFile, placements};
use crate::replicates::{REPLICATES_FILE, ReplicatesFile};
use crate::run::{to_compact_json, to_json};
use crate::tables::{
    CopyRow, FrameRow, OperatorRow, RequestRow, Row, StateRow, TableWriter, fill_copies, fill_frames, fill_operators,
    fill_requests, fill_states,
};
use crate::trace::TraceWriter;
use crate::{CaseSummary, FileEntry, Provenance, RUN_FILE, ResultsDir, ResultsError, RunFile, RunResult, SCHEMA_VERSION};

/// Name of the trace.
const TRACE_FILE: &str = "trace.pftrace";

/// A file that may be left out. `run.json` is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// `requests.parquet`.
    Requests,
    /// `operators.parquet`.
    Operators,
    /// `copies.parquet`.
    Copies,
    /// `frames.parquet`.
    Frames,
    /// `states.parquet`.
    States,
    /// `trace.pftrace`.
    Trace,
    /// `placement.json`.
    Placement,
}

impl Content {
    /// Everything.
    pub const ALL: [Self; 7] =
        [Self::Requests, Self::Operators, Self::Copies, Self::Frames, Self::States, Self::Trace, Self::Placement];
}

type Table<R> = TableWriter<R, ResultsFile>;

/// Writes a results directory run by run; [`Self::commit`] puts it in place. Dropped before that, nothing is left behind.
pub struct RunWriter {
    directory: ResultsDir,
    provenance: Provenance,
    requests: Option<Table<RequestRow>>,
    operators: Option<Table<OperatorRow>>,
    copies: Option<Table<CopyRow>>,
    frames: Option<Table<FrameRow>>,
    states: Option<Table<StateRow>>,
    trace: Option<TraceWriter<ResultsFile>>,
    placements: Option<Vec<Placement>>,
    cases: Vec<CaseSummary>,
    replicates: Option<ReplicatesFile>,
    others: Vec<(&'static str, Vec<u8>)>,
}

impl RunWriter {
    /// Begins a results directory that will stand at `target`.
    ///
    /// # Errors
    /// If something that is not a results directory stands there, or it cannot be written to.
    pub fn begin(target: impl Into<PathBuf>, provenance: Provenance, contents: &[Content]) -> Result<Self, ResultsError> {
        let directory = ResultsDir::begin(target)?;
        let wants = |content| contents.contains(&content);
        Ok(Self {
            requests: wants(Content::Requests).then(|| table(&directory)).transpose()?,
            operators: wants(Content::Operators).then(|| table(&directory)).transpose()?,
            copies: wants(Content::Copies).then(|| table(&directory)).transpose()?,
            frames: wants(Content::Frames).then(|| table(&directory)).transpose()?,
            states: wants(Content::States).then(|| table(&directory)).transpose()?,
            trace: wants(Content::Trace).then(|| directory.create(TRACE_FILE).map(TraceWriter::new)).transpose()?,
            placements: wants(Content::Placement).then(Vec::new),
            directory,
            provenance,
            cases: Vec::new(),
            replicates: None,
            others: Vec::new(),
        })
    }

    /// Adds a run.
    ///
    /// # Errors
    /// If its records do not fit its models and device, there is one of its case, strategy and origin already, or a file cannot
    /// be written.
    pub fn add(&mut self, run: &RunResult<'_>) -> Result<(), ResultsError> {
        self.add_rows(run)?;
        if let Some(trace) = &mut self.trace {
            trace.add(run).map_err(ResultsError::io("write", &self.directory.target().join(TRACE_FILE)))?;
        }
        Ok(())
    }

    /// Adds a run and its prediction, or a run and what was measured. In the trace arrows link the same kernels, copies and requests of
    /// both.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_both(&mut self, one: &RunResult<'_>, other: &RunResult<'_>) -> Result<(), ResultsError> {
        self.add_rows(one)?;
        self.add_rows(other)?;
        if let Some(trace) = &mut self.trace {
            trace.add_both(one, other).map_err(ResultsError::io("write", &self.directory.target().join(TRACE_FILE)))?;
        }
        Ok(())
    }

    fn add_rows(&mut self, run: &RunResult<'_>) -> Result<(), ResultsError> {
        let same = |one: &CaseSummary| one.case == run.case && one.strategy == run.strategy && one.origin == run.origin;
        if self.cases.iter().any(same) {
            return Err(ResultsError::Duplicate { case: run.case.to_owned(), strategy: run.strategy.to_owned() });
        }
        run.check()?;
        let target = self.directory.target().to_owned();
        if let Some(table) = &mut self.requests {
            fill_requests(run, table).map_err(failed(&target, RequestRow::FILE))?;
        }
        if let Some(table) = &mut self.operators {
            fill_operators(run, table).map_err(failed(&target, OperatorRow::FILE))?;
        }
        if let Some(table) = &mut self.copies {
            fill_copies(run, table).map_err(failed(&target, CopyRow::FILE))?;
        }
        if let Some(table) = &mut self.frames {
            fill_frames(run, table).map_err(failed(&target, FrameRow::FILE))?;
        }
        if let Some(table) = &mut self.states {
            fill_states(run, table).map_err(failed(&target, StateRow::FILE))?;
        }
        if let Some(all) = &mut self.placements {
            all.extend(placements(run));
        }
        self.cases.push(CaseSummary::of(run));
        Ok(())
    }

    /// What the runs amount to over their replicates.
    pub fn set_replicates(&mut self, replicates: ReplicatesFile) {
        self.replicates = Some(replicates);
    }

    /// Adds a file as it is, listed in `run.json` like the others.
    pub fn add_file(&mut self, name: &'static str, bytes: Vec<u8>) {
        self.others.push((name, bytes));
    }

    /// Whether no run was added.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Completes all files, writes `run.json` and puts the directory in place; returns where it stands and what `run.json` says.
    pub fn commit(self) -> Result<(PathBuf, RunFile), ResultsError> {
        let directory = self.directory;
        let mut files = Vec::new();
        files.extend(self.requests.map(|table| close(table, directory.target())).transpose()?);
        files.extend(self.operators.map(|table| close(table, directory.target())).transpose()?);
        files.extend(self.copies.map(|table| close(table, directory.target())).transpose()?);
        files.extend(self.frames.map(|table| close(table, directory.target())).transpose()?);
        files.extend(self.states.map(|table| close(table, directory.target())).transpose()?);
        files.extend(self.trace.map(|trace| trace.into_inner().close()).transpose()?);
        if let Some(placements) = self.placements {
            let file = PlacementFile { schema_version: SCHEMA_VERSION, placements };
            files.push(directory.write(PLACEMENT_FILE, &to_compact_json(&file, &directory.target().join(PLACEMENT_FILE))?)?);
        }
        if let Some(replicates) = self.replicates {
            let bytes = to_compact_json(&replicates, &directory.target().join(REPLICATES_FILE))?;
            files.push(directory.write(REPLICATES_FILE, &bytes)?);
        }
        for (name, bytes) in self.others {
            files.push(directory.write(name, &bytes)?);
        }
        let file = RunFile { schema_version: SCHEMA_VERSION, provenance: self.provenance, cases: self.cases, files };
        directory.write(RUN_FILE, &to_json(&file, &directory.target().join(RUN_FILE))?)?;
        Ok((directory.commit()?, file))
    }
}

fn table<R: Row>(directory: &ResultsDir) -> Result<Table<R>, ResultsError> {
    TableWriter::new(directory.create(R::FILE)?).map_err(failed(directory.target(), R::FILE))
}

fn close<R: Row>(table: Table<R>, target: &Path) -> Result<FileEntry, ResultsError> {
    let (file, rows) = table.close().map_err(failed(target, R::FILE))?;
    Ok(FileEntry { rows: Some(rows), ..file.close()? })
}

fn failed(target: &Path, name: &str) -> impl FnOnce(ParquetError) -> ResultsError {
    let path = target.join(name);
    move |error| match error {
        ParquetError::External(source) => ResultsError::Io { action: "write", path, source: std::io::Error::other(source) },
        other => ResultsError::malformed(&path, &other),
    }
}
