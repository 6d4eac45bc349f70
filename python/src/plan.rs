//! Plans that strategies in Python make.

use pyo3::prelude::*;
use sim::identifiers::{SegmentId, TaskId};
use sim::plan::{Part, Piece, Plan as Simulated};
use sim::platform::Device;

use crate::device::WorkerSpec;
use crate::error;

/// A segment: its worker, and what it runs in order.
struct Segment {
    worker: Option<WorkerSpec>,
    pieces: Vec<Piece>,
}

/// Segments in topological order.
#[pyclass(module = "socrates")]
pub(crate) struct Plan {
    segments: Vec<Segment>,
    /// Whether the segments of one worker run in the order in which they were added; else in the order in which they get ready.
    #[pyo3(get, set)]
    sequenced: bool,
    /// Added to the priority of the model's requests.
    #[pyo3(get, set)]
    priority: i32,
}

/// A piece as Python sees it: the task, and which part of it.
type PieceRow = (u32, &'static str, u32, u32, u32);

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (*, sequenced = false, priority = 0))]
    fn new(sequenced: bool, priority: i32) -> Self {
        Self { segments: Vec::new(), sequenced, priority }
    }

    /// Adds a segment of whole tasks; without a worker, `dispatch` places it at run time. Returns its number.
    fn segment(&mut self, worker: Option<WorkerSpec>, tasks: Vec<u32>) -> usize {
        let pieces = tasks.into_iter().map(|task| Piece { task: TaskId(task), part: Part::Whole }).collect();
        self.add(worker, pieces)
    }

    /// Adds a segment of output rows `begin..end` of `of` of each task in turn.
    fn rows(&mut self, worker: Option<WorkerSpec>, parts: Vec<(u32, u32, u32, u32)>) -> usize {
        let piece = |(task, begin, end, of)| Piece { task: TaskId(task), part: Part::Rows { begin, end, of } };
        self.add(worker, parts.into_iter().map(piece).collect())
    }

    /// Adds a segment of output channels `begin..end` of `of` of each task in turn.
    fn channels(&mut self, worker: Option<WorkerSpec>, parts: Vec<(u32, u32, u32, u32)>) -> usize {
        let piece = |(task, begin, end, of)| Piece { task: TaskId(task), part: Part::Channels { begin, end, of } };
        self.add(worker, parts.into_iter().map(piece).collect())
    }

    /// The segments: worker (name or index), pieces.
    fn segment_rows(&self) -> Vec<(Option<String>, Vec<PieceRow>)> {
        let worker = |spec: &WorkerSpec| match spec {
            WorkerSpec::Name(name) => name.clone(),
            WorkerSpec::Index(index) => index.to_string(),
            WorkerSpec::Worker(worker) => worker.index().to_string(),
        };
        let piece = |piece: &Piece| {
            let (begin, end, of) = piece.part.range();
            let name = match piece.part {
                Part::Whole => "whole",
                Part::Rows { .. } => "rows",
                Part::Channels { .. } => "channels",
            };
            (piece.task.0, name, begin, end, of)
        };
        let row = |it: &Segment| (it.worker.as_ref().map(worker), it.pieces.iter().map(piece).collect());
        self.segments.iter().map(row).collect()
    }

    fn __len__(&self) -> usize {
        self.segments.len()
    }

    fn __repr__(&self) -> String {
        format!("Plan({} segments, sequenced={}, priority={})", self.segments.len(), self.sequenced, self.priority)
    }
}

impl Plan {
    fn add(&mut self, worker: Option<WorkerSpec>, pieces: Vec<Piece>) -> usize {
        self.segments.push(Segment { worker, pieces });
        self.segments.len() - 1
    }

    /// A plan of the simulator, as Python sees it.
    pub(crate) fn of(plan: &Simulated, device: &Device) -> Self {
        let segments = (0..plan.segments().len()).map(|index| {
            let pieces = plan.pieces(SegmentId::from_index(index)).to_vec();
            let worker = plan.segments()[index].worker.map(|id| WorkerSpec::Name(device.worker(id).name.clone()));
            Segment { worker, pieces }
        });
        Self { segments: segments.collect(), sequenced: plan.sequenced, priority: plan.priority }
    }

    /// The plan for the simulator; errors name workers and tasks that are not there.
    pub(crate) fn simulated(&self, device: &Device, tasks: usize) -> PyResult<Simulated> {
        let mut plan = Simulated::with_capacity(self.segments.len());
        for segment in &self.segments {
            if let Some(piece) = segment.pieces.iter().find(|piece| piece.task.index() >= tasks) {
                return Err(error::input(format!("the plan has task {}, the model has {tasks}", piece.task.0)));
            }
            if let Some(part) =
                segment.pieces.iter().map(|piece| piece.part.range()).find(|&(begin, end, of)| begin >= end || end > of)
            {
                let (begin, end, of) = part;
                return Err(error::input(format!(
                    "the plan has a part {begin}..{end} of {of}: it must begin before it ends, and end within"
                )));
            }
            let worker = segment.worker.as_ref().map(|spec| spec.resolve(device)).transpose()?;
            plan.segment_of_pieces(worker, segment.pieces.iter().copied());
        }
        (plan.sequenced, plan.priority) = (self.sequenced, self.priority);
        Ok(plan)
    }
}
