//! What ran where, when: from `operators.parquet`, `copies.parquet`, `frames.parquet`, `requests.parquet`.

use std::collections::BTreeSet;
use std::path::Path;

use results::tables::{CopyRow, FrameRow, OperatorRow, RequestRow};

use super::{Choice, Chosen, RunError, ms, short_kind};
use crate::charts::{Span, Timeline};
use crate::number::si;
use crate::style::{Width, processor};

/// Kernels and copies shown where the user gives no end.
const SHOWN: usize = 400;

/// Rows of frames of the user interface.
pub(crate) const FRAMES: [&str; 2] = ["CPU: frames", "GPU: frames"];

/// The outcome of a beat at which no frame could begin.
pub(crate) const SKIPPED: &str = "skipped";

/// The timeline of a run. The window is in milliseconds; without an end it ends where 400 kernels and copies are shown.
///
/// # Errors
/// If the directory has no tables, or nothing of the choice.
pub fn timeline(directory: &Path, choice: &Choice, from_ms: f64, to_ms: Option<f64>) -> Result<(Chosen, Timeline), RunError> {
    let chosen = Chosen::find(directory, choice)?;
    let of_model = |model: &String| choice.model.as_ref().is_none_or(|wanted| wanted == model);
    let mut kernels = chosen.rows(directory, |row: &OperatorRow| (&row.case, &row.strategy))?;
    kernels.retain(|kernel| of_model(&kernel.model) && kernel.kernels > 0);
    let mut copies = chosen.rows(directory, |row: &CopyRow| (&row.case, &row.strategy))?;
    copies.retain(|copy| of_model(&copy.model));
    let mut requests = chosen.rows(directory, |row: &RequestRow| (&row.case, &row.strategy))?;
    requests.retain(|request| of_model(&request.model));
    let times = kernels.iter().map(|it| (it.start_ns, it.end_ns)).chain(copies.iter().map(|it| (it.start_ns, it.end_ns)));
    let mut times: Vec<(f64, f64)> = times.map(|(start, end)| (ms(start), ms(end))).filter(|it| it.1 > from_ms).collect();
    times.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let last = times.iter().map(|it| it.1).fold(0.0, f64::max);
    let shown = times.iter().take(SHOWN).map(|it| it.1).fold(0.0, f64::max);
    let window = (from_ms, to_ms.unwrap_or(shown));
    let inside = |start: u64, end: u64| ms(end) > window.0 && ms(start) < window.1;
    kernels.retain(|it| inside(it.start_ns, it.end_ns));
    copies.retain(|it| inside(it.start_ns, it.end_ns));
    let mut frames = chosen.rows(directory, |row: &FrameRow| (&row.case, &row.strategy))?;
    frames.retain(|it| it.outcome != SKIPPED && inside(it.begun_ns, it.ended_ns));
    let mut rows = rows(&kernels, &copies);
    if !frames.is_empty() {
        rows.extend(FRAMES.map(str::to_owned));
    }
    let models: BTreeSet<&String> = kernels.iter().map(|it| &it.model).collect();
    let group = |model: &String| if models.len() > 1 { model.clone() } else { String::new() };
    let row = |name: String| rows.iter().position(|row| *row == name).unwrap_or(0);
    let kernel = |it: &OperatorRow| Span {
        row: row(it.worker.clone()),
        start: ms(it.start_ns),
        end: ms(it.end_ns),
        group: group(&it.model),
        label: short_kind(&it.kind).to_owned(),
        hint: format!(
            "{} ({}) of {}, request {}: {:.3} ms, alone {:.3} ms",
            it.name,
            it.kind,
            it.model,
            it.request,
            ms(it.end_ns - it.start_ns.min(it.end_ns)),
            ms(it.solo_ns),
        ),
    };
    let copy = |it: &CopyRow| Span {
        row: row(copy_row(it)),
        start: ms(it.start_ns),
        end: ms(it.end_ns),
        group: group(&it.model),
        label: String::new(),
        hint: format!("{} bytes of {}, request {}", it.size_bytes, it.model, it.request),
    };
    let frames =
        frames.iter().flat_map(|it| frame_spans(it).map(|(name, start, end)| frame(it, row(name.to_owned()), start, end)));
    let spans = kernels.iter().map(kernel).chain(copies.iter().map(copy)).chain(frames).collect();
    let note = if window.1 < last || window.0 > 0.0 {
        format!("{} to {} of a run of {}", duration(window.0), duration(window.1), duration(last))
    } else {
        String::new()
    };
    let timeline = Timeline {
        title: format!("Timeline of {} under {}", chosen.case, chosen.strategy),
        unit: "ms".to_owned(),
        rows,
        spans,
        arrivals: requests.iter().map(|it| ms(it.arrived_ns)).collect(),
        window,
        note,
        width: Width::Double,
    };
    Ok((chosen, timeline))
}

/// What a frame did on the CPU and on the GPU, from when to when; a part that it did not come to has no length.
pub(crate) fn frame_spans(frame: &FrameRow) -> [(&'static str, u64, u64); 2] {
    [(FRAMES[0], frame.begun_ns, frame.cpu_end_ns), (FRAMES[1], frame.gpu_start_ns, frame.gpu_end_ns)]
}

/// Whether the GPU ended with a frame later than it should have.
pub(crate) const fn is_late(frame: &FrameRow) -> bool {
    frame.gpu_end_ns > frame.due_ns
}

fn frame(it: &FrameRow, row: usize, start_ns: u64, end_ns: u64) -> Span {
    let late = if is_late(it) { format!(", {:.3} ms late", ms(it.gpu_end_ns - it.due_ns)) } else { String::new() };
    Span {
        row,
        start: ms(start_ns),
        end: ms(end_ns),
        group: if is_late(it) { "late frame".to_owned() } else { String::new() },
        label: String::new(),
        hint: format!("frame of beat {}, {}{late}: {:.3} ms", it.beat, it.outcome, ms(end_ns.saturating_sub(start_ns))),
    }
}

/// Rows in the order of their kind and name, workers before links.
fn rows(kernels: &[OperatorRow], copies: &[CopyRow]) -> Vec<String> {
    let workers: BTreeSet<&String> = kernels.iter().map(|it| &it.worker).collect();
    let mut rows: Vec<String> = workers.into_iter().cloned().collect();
    rows.sort_by_key(|name| !processor(name).colour.is_blue());
    let links: BTreeSet<String> = copies.iter().map(copy_row).collect();
    rows.extend(links);
    rows
}

/// `801.6 ms`, `1800 s`.
fn duration(ms: f64) -> String {
    if ms < 1e4 { format!("{} ms", si(ms, 4)) } else { format!("{} s", si(ms * 1e-3, 4)) }
}

fn copy_row(copy: &CopyRow) -> String {
    format!("copies {} → {}", copy.from_memory, copy.to_memory)
}
