//! Tables in memory, for who writes no directory.

use parquet::errors::Result as ParquetResult;

use super::{CopyRow, FrameRow, OperatorRow, RequestRow, Row, StateRow, TableWriter};
use super::{fill_copies, fill_frames, fill_operators, fill_requests, fill_states};
use crate::{Content, ResultsError, RunResult};

/// A table of runs as the bytes of a Parquet file: those that [`crate::RunWriter`] writes of the same runs in the same order. Nothing
/// for contents that are no table.
///
/// # Errors
/// If the records of a run do not fit its models and device.
pub fn encode(content: Content, runs: &[RunResult<'_>]) -> Result<Vec<u8>, ResultsError> {
    match content {
        Content::Requests => filled::<RequestRow>(runs, fill_requests),
        Content::Operators => filled::<OperatorRow>(runs, fill_operators),
        Content::Copies => filled::<CopyRow>(runs, fill_copies),
        Content::Frames => filled::<FrameRow>(runs, fill_frames),
        Content::States => filled::<StateRow>(runs, fill_states),
        Content::Trace | Content::Placement => Ok(Vec::new()),
    }
}

fn filled<R: Row>(
    runs: &[RunResult<'_>],
    fill: fn(&RunResult<'_>, &mut TableWriter<R, Vec<u8>>) -> ParquetResult<()>,
) -> Result<Vec<u8>, ResultsError> {
    let failed = |error| ResultsError::malformed(R::FILE.as_ref(), &error);
    let mut table = TableWriter::new(Vec::new()).map_err(failed)?;
    for run in runs {
        run.check()?;
        fill(run, &mut table).map_err(failed)?;
    }
    Ok(table.close().map_err(failed)?.0)
}
