//! Timelines of the page: as many kernels, copies and frames of each run as the page can hold.

use std::path::Path;

use results::RunFile;
use results::tables::{CopyRow, FrameRow, OperatorRow, RequestRow, read_table};
use serde::Serialize;

use crate::run::{FRAMES, SKIPPED, frame_spans, is_late, short_kind};

/// Kernels, copies and frames on a page, over all runs.
const ON_PAGE: usize = 60_000;

/// Most of one run.
const MOST: usize = 2_000;

/// What ran where, when: the beginning of a run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Spans {
    rows: Vec<String>,
    models: Vec<String>,
    /// Names and kinds of tasks, referred to by index.
    tasks: Vec<(String, String)>,
    /// Row, start in ns, length in ns, task (−1 of a copy, −2 of a frame, −3 of a late one), model, request, length alone in ns, bytes of a copy.
    bars: Vec<[i64; 8]>,
    /// Arrivals of requests, in ns.
    arrivals: Vec<u64>,
    /// Kernels, copies and frames of the run in all.
    of: usize,
}

impl Spans {
    pub(super) fn rows(&self) -> &[String] {
        &self.rows
    }

    fn kernel(&mut self, row: &OperatorRow) {
        let place = index(&mut self.rows, &row.worker);
        let model = index(&mut self.models, &row.model);
        let task = (row.name.clone(), short_kind(&row.kind).to_owned());
        let task = self.tasks.iter().position(|it| *it == task).unwrap_or_else(|| {
            self.tasks.push(task);
            self.tasks.len() - 1
        });
        let length = signed(row.end_ns.saturating_sub(row.start_ns));
        self.bars.push([place, signed(row.start_ns), length, task as i64, model, signed(row.request), signed(row.solo_ns), 0]);
    }

    fn copy(&mut self, row: &CopyRow) {
        let place = index(&mut self.rows, &format!("copies {} → {}", row.from_memory, row.to_memory));
        let model = index(&mut self.models, &row.model);
        let length = signed(row.end_ns.saturating_sub(row.start_ns));
        let bytes = signed(row.size_bytes);
        self.bars.push([place, signed(row.start_ns), length, -1, model, signed(row.request), signed(row.solo_ns), bytes]);
    }

    fn frame(&mut self, row: &FrameRow) {
        for (name, start_ns, end_ns) in frame_spans(row).into_iter().filter(|it| it.2 > it.1) {
            let place = index(&mut self.rows, name);
            let length = signed(end_ns - start_ns);
            let task = if is_late(row) { -3 } else { -2 };
            self.bars.push([place, signed(start_ns), length, task, -1, signed(row.beat), length, 0]);
        }
    }

    /// Rows of workers first, then frames, then copies, each kind by name; spans by their beginning, the first of them.
    fn finish(&mut self, most: usize) {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        let kind = |name: &str| if name.starts_with("copies") { 2 } else { u8::from(FRAMES.contains(&name)) };
        order.sort_by_key(|&row| (kind(&self.rows[row]), self.rows[row].clone()));
        self.rows = order.iter().map(|&row| self.rows[row].clone()).collect();
        for bar in &mut self.bars {
            bar[0] = order.iter().position(|&row| row as i64 == bar[0]).unwrap_or(0) as i64;
        }
        self.bars.sort_unstable_by_key(|bar| (bar[1], bar[0]));
        self.bars.truncate(most);
        let end = self.bars.iter().map(|bar| bar[1] + bar[2]).max().unwrap_or(0);
        self.arrivals.retain(|at| signed(*at) <= end);
        self.arrivals.sort_unstable();
    }
}

fn index(names: &mut Vec<String>, name: &str) -> i64 {
    let found = names.iter().position(|it| it == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    found as i64
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The timeline of each run of a directory, in their order.
pub(super) fn all_spans(directory: &Path, file: &RunFile, runs: usize) -> Result<Vec<Option<Spans>>, results::ResultsError> {
    let most = (ON_PAGE / runs.max(1)).clamp(100, MOST);
    let mut all: Vec<Spans> = file.cases.iter().map(|_| Spans::default()).collect();
    // Tables hold run after run: the place of the row before is looked at first.
    let mut last = 0;
    let mut place = |case: &str, strategy: &str| {
        let same = |index: usize| file.cases[index].case == case && file.cases[index].strategy == strategy;
        if last >= file.cases.len() || !same(last) {
            last = (0..file.cases.len()).find(|&index| same(index))?;
        }
        Some(last)
    };
    // Rows are in order of their end: twice as many as are shown hold all that begin early, but for the longest.
    let enough = 4 * most;
    for row in read_table::<OperatorRow>(directory)?.iter().filter(|row| row.kernels > 0) {
        if let Some(index) = place(&row.case, &row.strategy) {
            let spans = &mut all[index];
            spans.of += 1;
            if spans.bars.len() < enough {
                spans.kernel(row);
            }
        }
    }
    for row in &read_table::<CopyRow>(directory)? {
        if let Some(index) = place(&row.case, &row.strategy) {
            let spans = &mut all[index];
            spans.of += 1;
            if spans.bars.len() < 2 * enough {
                spans.copy(row);
            }
        }
    }
    if file.files.iter().any(|file| file.name == "frames.parquet") {
        for row in read_table::<FrameRow>(directory)?.iter().filter(|row| row.outcome != SKIPPED) {
            if let Some(index) = place(&row.case, &row.strategy) {
                let spans = &mut all[index];
                spans.of += 1;
                if spans.bars.len() < 3 * enough {
                    spans.frame(row);
                }
            }
        }
    }
    if file.files.iter().any(|file| file.name == "requests.parquet") {
        for row in &read_table::<RequestRow>(directory)? {
            if let Some(index) = place(&row.case, &row.strategy) {
                all[index].arrivals.push(row.arrived_ns);
            }
        }
    }
    let done = |mut spans: Spans| {
        spans.finish(most);
        (!spans.bars.is_empty()).then_some(spans)
    };
    Ok(all.into_iter().map(done).collect())
}
