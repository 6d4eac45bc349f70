//! How the user interface fared: frames shown, late, frozen, never begun.

use serde::{Deserialize, Serialize};

use crate::identifiers::{ProcessorId, WorkerId};
use crate::metrics::{Latency, assemble::latency, covered_ns};
use crate::platform::Device;
use crate::record::{FrameOutcome, FrameRecord, Record};
use crate::statistics::StatisticsError;

/// A frame that takes longer is slow, in Android's words.
pub const SLOW_NS: u64 = 16_000_000;

/// A frame that takes longer is frozen, in Android's words.
pub const FROZEN_NS: u64 = 700_000_000;

/// Frames of a run. `beats = shown + skipped + unfinished`. Definitions: `docs/metrics.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InterfaceReport {
    /// Beats of the display, of which each wanted a frame.
    pub beats: u64,
    /// Frames shown.
    pub shown: u64,
    /// Beats at which no frame could begin.
    pub skipped: u64,
    /// Frames under way when the run ended.
    pub unfinished: u64,
    /// Frames shown per second of the run.
    pub frames_per_second: Option<f64>,
    /// `skipped / beats`.
    pub drop_rate: Option<f64>,
    /// Frames shown that were not ready at their deadline.
    pub deadline_missed: u64,
    /// `deadline_missed / shown`.
    pub jank_rate: Option<f64>,
    /// Frames shown that took longer than 16 ms.
    pub slow: u64,
    /// Frames shown that took longer than 700 ms.
    pub frozen: u64,
    /// Frames that were ready and had to let a beat pass, because others were shown before them.
    pub stuffed: u64,
    /// From the beat of a frame until the GPU had drawn it, of frames shown.
    pub frame_time: Option<Latency>,
    /// Share of the run in which a core prepared frames.
    pub cpu_utilization: Option<f64>,
    /// Share of the run in which the GPU drew frames.
    pub gpu_utilization: Option<f64>,
    /// Share of the run in which the GPU worked on requests and not on frames.
    pub gpu_utilization_of_requests: Option<f64>,
}

/// What the records say of frames; `None` where there are none.
pub(super) fn of(device: &Device, records: &[Record], end_ns: u64) -> Result<Option<InterfaceReport>, StatisticsError> {
    let frames: Vec<&FrameRecord> =
        records.iter().filter_map(|record| if let Record::Frame(it) = record { Some(it) } else { None }).collect();
    let Some(first) = frames.first() else {
        return Ok(None);
    };
    let count = |wanted: &dyn Fn(&FrameRecord) -> bool| frames.iter().filter(|frame| wanted(frame)).count() as u64;
    let shown = |frame: &FrameRecord| frame.outcome == FrameOutcome::Shown;
    let took_ns = |frame: &FrameRecord| frame.gpu_end_ns - frame.begun_ns;
    let of_shown = |wanted: &dyn Fn(&FrameRecord) -> bool| count(&|frame| shown(frame) && wanted(frame));
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    let busy_ns = |stage: &dyn Fn(&FrameRecord) -> (u64, u64)| frames.iter().map(|frame| stage(frame)).collect::<Vec<_>>();
    let (beats, shown_count) = (frames.len() as u64, count(&shown));
    let skipped = count(&|frame| frame.outcome == FrameOutcome::Skipped);
    let deadline_missed = of_shown(&|frame| frame.gpu_end_ns > frame.due_ns);
    let drawn = busy_ns(&|frame| (frame.gpu_start_ns, frame.gpu_end_ns));
    let with_requests = covered_ns(drawn.iter().copied().chain(requests_on(device, first.gpu, records)).collect());
    let drawn_ns = covered_ns(drawn);
    let prepared_ns = covered_ns(busy_ns(&|frame| (frame.begun_ns, frame.cpu_end_ns)));
    let of_run = |nanoseconds: u64| share(nanoseconds as f64, end_ns as f64);
    Ok(Some(InterfaceReport {
        beats,
        shown: shown_count,
        skipped,
        unfinished: count(&|frame| frame.outcome == FrameOutcome::Unfinished),
        frames_per_second: share(shown_count as f64, end_ns as f64 * 1e-9),
        drop_rate: share(skipped as f64, beats as f64),
        deadline_missed,
        jank_rate: share(deadline_missed as f64, shown_count as f64),
        slow: of_shown(&|frame| took_ns(frame) > SLOW_NS),
        frozen: of_shown(&|frame| took_ns(frame) > FROZEN_NS),
        stuffed: of_shown(&|frame| frame.ended_ns - frame.gpu_end_ns >= frame.period_ns),
        frame_time: latency(frames.iter().filter(|frame| shown(frame)).map(|frame| took_ns(frame) as f64).collect())?,
        cpu_utilization: of_run(prepared_ns),
        gpu_utilization: of_run(drawn_ns),
        gpu_utilization_of_requests: of_run(with_requests - drawn_ns),
    }))
}

/// When workers that need a processor work on requests.
fn requests_on(device: &Device, processor: ProcessorId, records: &[Record]) -> impl Iterator<Item = (u64, u64)> {
    let needs = move |worker: WorkerId| device.worker(worker).demands.iter().any(|&(needed, _)| needed == processor);
    records.iter().filter_map(move |record| match record {
        Record::Kernel(it) if needs(it.worker) => Some((it.start_ns, it.end_ns)),
        Record::Invocation(it) if needs(it.worker) => Some((it.start_ns, it.end_ns)),
        Record::Copy(it) if device.link(it.link).blocks.is_some_and(needs) => Some((it.start_ns, it.end_ns)),
        _ => None,
    })
}
