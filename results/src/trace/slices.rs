//! What is shown as slices, on which group of tracks.

use sim::identifiers::{LinkId, ModelId, ProcessorId, RequestId, WorkerId};
use sim::plan::Part;
use sim::record::{CopyRecord, FrameOutcome, KernelRecord, Record, StepKind};

use crate::RunResult;
use crate::tables::outcome_name;

/// A group of tracks of one name; its slices may overlap, those of one track of it do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Requests(ModelId),
    Worker(ProcessorId, WorkerId),
    Link(LinkId),
    Strategy,
    /// Frames of the user interface on a processor.
    Frames(ProcessorId),
}

/// A value shown when a slice is selected.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Annotation {
    Number(&'static str, u64),
    Text(&'static str, String),
}

/// What a slice stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    Request,
    Invocation,
    Kernel,
    Copy,
    /// The worker that a copy occupies.
    Blocked,
    Wait,
    Merge,
    Decision,
    Frame,
}

impl Category {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Invocation => "invocation",
            Self::Kernel => "kernel",
            Self::Copy => "copy",
            Self::Blocked => "blocked",
            Self::Wait => "wait",
            Self::Merge => "merge",
            Self::Decision => "decision",
            Self::Frame => "frame",
        }
    }
}

/// Something that lasted. `record` is the index of its record; see [`describe`] for its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub(super) group: Group,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) record: usize,
    pub(super) category: Category,
}

/// All slices of a run in order of end, then start, then record.
pub(super) fn slices(run: &RunResult<'_>) -> Vec<Slice> {
    let mut slices = Vec::with_capacity(run.records.len());
    for (index, record) in run.records.iter().enumerate() {
        add(run, index, record, &mut slices);
    }
    slices.sort_by_key(|slice| (slice.end_ns, slice.start_ns, slice.record));
    slices
}

fn add(run: &RunResult<'_>, record: usize, what: &Record, slices: &mut Vec<Slice>) {
    let worker_group = |worker: WorkerId| Group::Worker(run.device.worker(worker).demands[0].0, worker);
    let mut put = |category, group, start_ns, end_ns| slices.push(Slice { group, start_ns, end_ns, record, category });
    match what {
        Record::Arrival(_) | Record::State(_) | Record::Energy(_) => {}
        Record::Request(it) => put(Category::Request, Group::Requests(it.model), it.arrived_ns, it.ended_ns),
        Record::Invocation(it) => put(Category::Invocation, worker_group(it.worker), it.start_ns, it.end_ns),
        Record::Kernel(it) => put(Category::Kernel, worker_group(it.worker), it.start_ns, it.end_ns),
        Record::Copy(it) => {
            if let Some(worker) = run.device.link(it.link).blocks {
                put(Category::Blocked, worker_group(worker), it.start_ns, it.end_ns);
            }
            put(Category::Copy, Group::Link(it.link), it.start_ns, it.end_ns);
        }
        Record::Step(it) => {
            let category = if it.kind == StepKind::Wait { Category::Wait } else { Category::Merge };
            put(category, worker_group(it.worker), it.start_ns, it.end_ns);
        }
        Record::Decision(it) => put(Category::Decision, Group::Strategy, it.at_ns, it.at_ns.saturating_add(it.cost_ns)),
        Record::Frame(it) => {
            put(Category::Frame, Group::Frames(it.cpu), it.begun_ns, it.cpu_end_ns);
            if it.outcome != FrameOutcome::Skipped {
                put(Category::Frame, Group::Frames(it.gpu), it.gpu_start_ns, it.gpu_end_ns);
            }
        }
    }
}

/// The name of a record's slice and what is shown when it is selected.
pub(super) fn describe(run: &RunResult<'_>, record: &Record) -> (String, Vec<Annotation>) {
    use Annotation::{Number, Text};
    let model_name = |model: ModelId| run.models[model.index()].model.name.to_owned();
    match record {
        Record::Arrival(_) | Record::State(_) | Record::Energy(_) => (String::new(), Vec::new()),
        Record::Request(request) => {
            let mut annotations = vec![Text("outcome", outcome_name(request.outcome).to_owned())];
            annotations.extend(request.deadline_ns.map(|deadline_ns| Number("deadline_ns", deadline_ns)));
            (format!("{} #{}", model_name(request.model), request.request.0), annotations)
        }
        Record::Invocation(invocation) => {
            let mut annotations = of_request(model_name(invocation.model), invocation.request);
            annotations.push(Number("segment", invocation.segment.0.into()));
            annotations.push(Number("waited_ns", invocation.start_ns - invocation.ready_ns));
            ("invocation".to_owned(), annotations)
        }
        Record::Kernel(kernel) => {
            let name = run.models[kernel.model.index()].task_name(kernel.task.index());
            let more = match kernel.kernels {
                0 => " (timed with an earlier kernel)".to_owned(),
                1 => String::new(),
                several => format!(" and {} more", several - 1),
            };
            (format!("{name}{}{more}", part_suffix(kernel.part)), kernel_annotations(run, kernel))
        }
        Record::Copy(copy) => {
            let info = &run.models[copy.model.index()];
            let name = match info.model.tasks.producer(copy.data) {
                Some(task) => format!("copy of {}", info.task_name(task.index())),
                None => format!("copy of input {}", copy.data.0),
            };
            (name, copy_annotations(run, copy))
        }
        Record::Step(step) => {
            let mut annotations = of_request(model_name(step.model), step.request);
            annotations.push(Number("segment", step.segment.0.into()));
            (if step.kind == StepKind::Wait { "wait" } else { "merge" }.to_owned(), annotations)
        }
        Record::Decision(decision) => ("decision".to_owned(), vec![Number("placed", decision.placed.into())]),
        Record::Frame(frame) if frame.outcome == FrameOutcome::Skipped => {
            (format!("no frame at beat {}", frame.beat), Vec::new())
        }
        Record::Frame(frame) => {
            let took = Number("took_ns", frame.gpu_end_ns - frame.begun_ns);
            let mut annotations = vec![took, Number("waited_for_gpu_ns", frame.gpu_start_ns - frame.cpu_end_ns)];
            if frame.gpu_end_ns > frame.due_ns {
                annotations.push(Text("jank", "deadline missed".to_owned()));
            }
            (format!("frame {}", frame.beat), annotations)
        }
    }
}

fn of_request(model: String, request: RequestId) -> Vec<Annotation> {
    vec![Annotation::Text("model", model), Annotation::Number("request", request.0.into())]
}

fn kernel_annotations(run: &RunResult<'_>, kernel: &KernelRecord) -> Vec<Annotation> {
    let info = &run.models[kernel.model.index()];
    let mut annotations = of_request(info.model.name.to_owned(), kernel.request);
    annotations.push(Annotation::Number("task", kernel.task.0.into()));
    annotations.push(Annotation::Text("kind", info.task_kind(kernel.task.index()).to_owned()));
    annotations.push(Annotation::Number("segment", kernel.segment.0.into()));
    annotations.push(Annotation::Number("solo_ns", kernel.solo_ns));
    annotations.push(Annotation::Number("waited_ns", kernel.start_ns - kernel.ready_ns));
    annotations
}

fn copy_annotations(run: &RunResult<'_>, copy: &CopyRecord) -> Vec<Annotation> {
    let mut annotations = of_request(run.models[copy.model.index()].model.name.to_owned(), copy.request);
    annotations.push(Annotation::Number("data", copy.data.0.into()));
    annotations.push(Annotation::Number("bytes", copy.bytes));
    annotations.push(Annotation::Number("solo_ns", copy.solo_ns));
    annotations.push(Annotation::Number("waited_ns", copy.start_ns - copy.requested_ns));
    annotations
}

fn part_suffix(part: Part) -> String {
    match part {
        Part::Whole => String::new(),
        Part::Rows { begin, end, of } => format!(" [rows {begin}..{end} of {of}]"),
        Part::Channels { begin, end, of } => format!(" [channels {begin}..{end} of {of}]"),
    }
}
