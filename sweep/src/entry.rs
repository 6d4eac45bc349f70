//! What is kept of one strategy at one point with one seed: a few figures for each of its streams.

use results::figures;
use runner::{Inputs, Job, Simulated, name_of, simulate};
use scenarios::Scenario;
use sim::engine::StopReason;
use sim::metrics::{Report, StreamReport, Verdict};

/// Figures of one stream in one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EntryRow {
    pub(crate) case: String,
    pub(crate) stream: String,
    /// Why there are no figures.
    pub(crate) error: Option<String>,
    /// How the run ended.
    pub(crate) stop: Option<String>,
    /// Whether the queue of the stream grew.
    pub(crate) verdict: Option<String>,
    /// As [`FIGURES`], then those that the sweep asks for; NaN for none.
    pub(crate) figures: Vec<f64>,
}

/// A figure that every sweep keeps.
pub(crate) struct FigureColumn {
    pub(crate) name: &'static str,
    pub(crate) is_integer: bool,
    value: fn(&Of<'_>) -> Option<f64>,
}

/// From what figures are taken.
struct Of<'a> {
    report: &'a Report,
    stream: Option<&'a StreamReport>,
    events: u64,
}

const fn count(name: &'static str, value: fn(&Of<'_>) -> Option<f64>) -> FigureColumn {
    FigureColumn { name, is_integer: true, value }
}

const fn real(name: &'static str, value: fn(&Of<'_>) -> Option<f64>) -> FigureColumn {
    FigureColumn { name, is_integer: false, value }
}

/// Figures of every sweep, in order of their columns: of the stream, then of the whole run. Definitions: `docs/metrics.md`.
pub(crate) const FIGURES: [FigureColumn; 36] = [
    count("arrived", |of| Some(of.stream?.requests.arrived as f64)),
    count("completed", |of| Some(of.stream?.requests.completed as f64)),
    count("dropped", |of| Some(of.stream?.requests.dropped as f64)),
    count("unfinished", |of| Some(of.stream?.requests.unfinished as f64)),
    count("deadlines", |of| Some(of.stream?.requests.deadlines as f64)),
    count("deadline_misses", |of| Some(of.stream?.requests.deadline_misses as f64)),
    real("miss_rate", |of| of.stream?.miss_rate),
    real("latency_mean_ns", |of| Some(of.stream?.latency?.mean_ns)),
    count("latency_min_ns", |of| Some(of.stream?.latency?.min_ns as f64)),
    real("latency_p50_ns", |of| Some(of.stream?.latency?.p50_ns)),
    real("latency_p90_ns", |of| Some(of.stream?.latency?.p90_ns)),
    real("latency_p95_ns", |of| Some(of.stream?.latency?.p95_ns)),
    real("latency_p99_ns", |of| Some(of.stream?.latency?.p99_ns)),
    count("latency_max_ns", |of| Some(of.stream?.latency?.max_ns as f64)),
    real("throughput_per_second", |of| of.stream?.throughput_per_second),
    real("mean_in_system", |of| of.stream?.mean_in_system),
    count("end_ns", |of| Some(of.report.end_ns as f64)),
    count("events", |of| Some(of.events as f64)),
    count("kernels", |of| Some(of.report.totals.kernels as f64)),
    count("copies", |of| Some(of.report.totals.copies as f64)),
    count("copy_bytes", |of| Some(of.report.totals.copy_bytes as f64)),
    count("copy_ns", |of| Some(of.report.totals.copy_ns as f64)),
    count("fallback_tasks", |of| Some(of.report.totals.fallback_tasks as f64)),
    count("fallback_ns", |of| Some(of.report.totals.fallback_ns as f64)),
    count("decisions", |of| Some(of.report.totals.decisions as f64)),
    count("decision_ns", |of| Some(of.report.totals.decision_ns as f64)),
    real("contention_slowdown", |of| of.report.totals.contention_slowdown),
    real("extrapolated_share", |of| of.report.totals.extrapolated_share),
    count("peak_memory_bytes", |of| of.report.peak_memory_bytes.map(|bytes| bytes as f64)),
    real("energy_j", |of| Some(of.report.device.as_ref()?.energy.as_ref()?.total_j)),
    real("mean_power_w", |of| of.report.device.as_ref()?.energy.as_ref()?.mean_power_w),
    count("throttled_from_ns", |of| of.report.device.as_ref()?.throttled_from_ns.map(|at_ns| at_ns as f64)),
    real("xrbench_score", |of| of.report.xrbench_score),
    real("frame_drop_rate", |of| of.report.interface.as_ref()?.drop_rate),
    real("jank_rate", |of| of.report.interface.as_ref()?.jank_rate),
    real("gpu_utilization_of_requests", |of| of.report.interface.as_ref()?.gpu_utilization_of_requests),
];

/// Runs of one strategy with one seed, case by case; a row for each stream.
pub(crate) fn rows(
    scenario: &Scenario,
    inputs: &Inputs,
    jobs: &[Job],
    strategy: &str,
    seed: u64,
    wanted: &[String],
) -> Vec<EntryRow> {
    let mut rows = Vec::new();
    for job in jobs.iter().filter(|job| job.strategy == strategy) {
        let result = simulate(job, scenario, inputs, seed);
        for (index, &stream) in job.streams.iter().enumerate() {
            let row = EntryRow { case: job.case.clone(), stream: name_of(scenario, inputs, stream), ..EntryRow::default() };
            rows.push(match &result {
                Ok(simulated) => filled(row, simulated, index, wanted),
                Err(cause) => failed(row, cause.to_string(), wanted.len()),
            });
        }
    }
    rows
}

/// The row of something that could not be run.
pub(crate) fn failed(row: EntryRow, why: String, wanted: usize) -> EntryRow {
    EntryRow { error: Some(why), figures: vec![f64::NAN; FIGURES.len() + wanted], ..row }
}

fn filled(row: EntryRow, simulated: &Simulated<'_>, stream: usize, wanted: &[String]) -> EntryRow {
    let report = &simulated.report;
    let of = Of { report, stream: report.streams.get(stream), events: simulated.summary.events };
    let mut values: Vec<f64> = FIGURES.iter().map(|figure| (figure.value)(&of).unwrap_or(f64::NAN)).collect();
    if !wanted.is_empty() {
        let all = figures(report);
        values.extend(wanted.iter().map(|name| all.get(name).copied().unwrap_or(f64::NAN)));
    }
    let verdict = of.stream.map(|stream| match stream.verdict {
        Verdict::Stable => "stable",
        Verdict::Backlogged => "backlogged",
        Verdict::Undecided => "undecided",
    });
    let (stop, error) = match &simulated.summary.stop {
        StopReason::Drained => ("drained", None),
        StopReason::Horizon => ("horizon", None),
        StopReason::EventBudget => ("event_budget", None),
        StopReason::Stalled(why) => ("stalled", Some(why.clone())),
        StopReason::Failed(why) => ("failed", Some(why.clone())),
        StopReason::Interrupted => ("interrupted", None),
    };
    EntryRow { stop: Some(stop.to_owned()), error, verdict: verdict.map(str::to_owned), figures: values, ..row }
}

/// Rows as bytes: little-endian, texts with their length before them.
pub(crate) fn encode(rows: &[EntryRow]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * 400);
    bytes.extend((rows.len() as u32).to_le_bytes());
    for row in rows {
        put_text(&mut bytes, Some(&row.case));
        put_text(&mut bytes, Some(&row.stream));
        put_text(&mut bytes, row.error.as_deref());
        put_text(&mut bytes, row.stop.as_deref());
        put_text(&mut bytes, row.verdict.as_deref());
        bytes.extend((row.figures.len() as u32).to_le_bytes());
        bytes.extend(row.figures.iter().flat_map(|figure| figure.to_bits().to_le_bytes()));
    }
    bytes
}

fn put_text(bytes: &mut Vec<u8>, text: Option<&str>) {
    // One more than its length; 0 for none.
    bytes.extend(text.map_or(0, |text| text.len() as u32 + 1).to_le_bytes());
    bytes.extend(text.unwrap_or_default().as_bytes());
}

/// The inverse of [`encode`]; `None` where bytes are no rows with so many figures.
pub(crate) fn decode(bytes: &[u8], figures: usize) -> Option<Vec<EntryRow>> {
    let mut reader = Reader(bytes);
    let count = reader.number()?;
    let mut rows = Vec::new();
    for _ in 0..count {
        let [case, stream, error, stop, verdict] = reader.texts()?;
        let (case, stream) = (case?, stream?);
        if reader.number()? as usize != figures {
            return None;
        }
        let values = reader.take(figures.checked_mul(8)?)?.as_chunks::<8>().0;
        let figures = values.iter().map(|bits| f64::from_bits(u64::from_le_bytes(*bits))).collect();
        rows.push(EntryRow { case, stream, error, stop, verdict, figures });
    }
    reader.0.is_empty().then_some(rows)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Texts that may be absent.
    fn texts<const COUNT: usize>(&mut self) -> Option<[Option<String>; COUNT]> {
        let mut texts = [const { None }; COUNT];
        for text in &mut texts {
            let length = self.number()? as usize;
            if length > 0 {
                *text = Some(std::str::from_utf8(self.take(length - 1)?).ok()?.to_owned());
            }
        }
        Some(texts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_read_back(texts in prop::collection::vec(("\\PC*", "\\PC*", prop::option::of("\\PC*")), 0..4), bits: [u64; 5]) {
            let row = |(case, stream, error): (String, String, Option<String>)| EntryRow {
                case, stream, error, stop: None, verdict: Some("stable".to_owned()),
                figures: bits.iter().map(|&bits| f64::from_bits(bits)).collect(),
            };
            let rows: Vec<EntryRow> = texts.into_iter().map(row).collect();
            let bytes = encode(&rows);
            let read = decode(&bytes, 5).expect("read back");
            // By bits: a figure may be NaN.
            prop_assert_eq!(encode(&read), bytes.clone());
            prop_assert_eq!(decode(&bytes, 6).is_none(), !rows.is_empty());
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = decode(&bytes, 2);
        }
    }
}
