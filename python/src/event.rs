//! Records as strategies in Python observe them.

use pyo3::prelude::*;
use sim::record::{FrameOutcome, Outcome, Quantity, Record, StepKind};

use crate::job::Shared;

/// One thing that happened; what does not apply is `None`. Times are nanoseconds since the start of the run.
#[pyclass(frozen, get_all, module = "socrates")]
#[derive(Default)]
pub(crate) struct Event {
    /// `arrival`, `request`, `invocation`, `kernel`, `copy`, `step`, `decision`, `state`, `energy` or `frame`.
    kind: &'static str,
    request: Option<u32>,
    stream: Option<u32>,
    model: Option<u32>,
    segment: Option<u32>,
    task: Option<u32>,
    worker: Option<String>,
    arrived_ns: Option<u64>,
    deadline_ns: Option<u64>,
    ready_ns: Option<u64>,
    start_ns: Option<u64>,
    end_ns: u64,
    solo_ns: Option<u64>,
    size_bytes: Option<u64>,
    /// `completed`, `dropped` or `unfinished`; of a frame `shown`, `skipped` or `unfinished`.
    outcome: Option<&'static str>,
    /// What a state is about, with its unit.
    quantity: Option<&'static str>,
    /// The processor, or the node of the thermal network, that a state is of.
    of: Option<String>,
    /// Value of a state.
    value: Option<f64>,
}

#[pymethods]
impl Event {
    fn __repr__(&self) -> String {
        format!("Event({:?}, end_ns={})", self.kind, self.end_ns)
    }
}

impl Event {
    pub(crate) fn of(record: &Record, shared: &Shared) -> Self {
        let device = &shared.inputs.device;
        let name = |worker: sim::identifiers::WorkerId| Some(device.worker(worker).name.clone());
        let base = Self { end_ns: record.ended_ns(), ..Self::default() };
        match record {
            Record::Arrival(it) => Self {
                kind: "arrival",
                request: Some(it.request.0),
                stream: Some(it.stream.0),
                model: Some(it.model.0),
                arrived_ns: Some(it.at_ns),
                ..base
            },
            Record::Request(it) => Self {
                kind: "request",
                request: Some(it.request.0),
                stream: Some(it.stream.0),
                model: Some(it.model.0),
                arrived_ns: Some(it.arrived_ns),
                deadline_ns: it.deadline_ns,
                outcome: Some(match it.outcome {
                    Outcome::Completed => "completed",
                    Outcome::Dropped => "dropped",
                    Outcome::Unfinished => "unfinished",
                }),
                ..base
            },
            Record::Invocation(it) => Self {
                kind: "invocation",
                request: Some(it.request.0),
                model: Some(it.model.0),
                segment: Some(it.segment.0),
                worker: name(it.worker),
                ready_ns: Some(it.ready_ns),
                start_ns: Some(it.start_ns),
                ..base
            },
            Record::Kernel(it) => Self {
                kind: "kernel",
                request: Some(it.request.0),
                model: Some(it.model.0),
                segment: Some(it.segment.0),
                task: Some(it.task.0),
                worker: name(it.worker),
                ready_ns: Some(it.ready_ns),
                start_ns: Some(it.start_ns),
                solo_ns: Some(it.solo_ns),
                ..base
            },
            Record::Copy(it) => Self {
                kind: "copy",
                request: Some(it.request.0),
                model: Some(it.model.0),
                ready_ns: Some(it.requested_ns),
                start_ns: Some(it.start_ns),
                solo_ns: Some(it.solo_ns),
                size_bytes: Some(it.bytes),
                of: Some(device.link(it.link).name.clone()),
                ..base
            },
            Record::Step(it) => Self {
                kind: "step",
                request: Some(it.request.0),
                model: Some(it.model.0),
                segment: Some(it.segment.0),
                worker: name(it.worker),
                start_ns: Some(it.start_ns),
                quantity: Some(step(it.kind)),
                ..base
            },
            Record::Decision(_) => Self { kind: "decision", ..base },
            Record::State(it) => {
                let (quantity, of) = quantity(it.quantity, shared);
                Self { kind: "state", quantity: Some(quantity), of, value: Some(it.value), ..base }
            }
            Record::Energy(it) => Self {
                kind: "energy",
                request: Some(it.request.0),
                model: Some(it.model.0),
                worker: it.worker.and_then(name),
                start_ns: Some(it.start_ns),
                quantity: Some("energy_j"),
                value: Some(it.active_j + it.memory_j),
                ..base
            },
            Record::Frame(it) => Self {
                kind: "frame",
                start_ns: Some(it.begun_ns),
                outcome: Some(match it.outcome {
                    FrameOutcome::Shown => "shown",
                    FrameOutcome::Skipped => "skipped",
                    FrameOutcome::Unfinished => "unfinished",
                }),
                ..base
            },
        }
    }
}

/// Name of a quantity with its unit, and of what it is.
fn quantity(quantity: Quantity, shared: &Shared) -> (&'static str, Option<String>) {
    let (name, of) = results::tables::quantity(quantity, &shared.inputs.device);
    (name, (!of.is_empty()).then_some(of))
}

const fn step(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Wait => "wait",
        StepKind::Merge => "merge",
    }
}
