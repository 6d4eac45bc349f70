//! What is shown as slices, on which group of tracks.

use sim::identifiers::{LinkId, ModelId, ProcessorId, RequestId, WorkerId};
use sim::plan::Part;
use sim::record::{CopyRecord, KernelRecord, Record};

use crate::RunResult;
use crate::tables::outcome_name;

/// A group of tracks of one name; its slices may overlap, those of one track of it do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Requests(ModelId),
    Worker(ProcessorId, WorkerId),
    Link(LinkId),
    Strategy,
}

/// A value shown when a slice is selected.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Annotation {
    Number(&'static str, u64),
    Text(&'static str, String),
}

/// Something that lasted. `record` is the index of its record.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) group: Group,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) record: usize,
    pub(super) category: &'static str,
    pub(super) name: String,
    pub(super) annotations: Vec<Annotation>,
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
    use Annotation::{Number, Text};
    let worker_group = |worker: WorkerId| Group::Worker(run.device.worker(worker).demands[0].0, worker);
    let model_name = |model: ModelId| run.models[model.index()].model.name.to_owned();
    let mut put = |group, start_ns, end_ns, category, name, annotations| {
        slices.push(Slice { group, start_ns, end_ns, record, category, name, annotations });
    };
    match what {
        Record::Arrival(_) => {}
        Record::Request(request) => {
            let name = format!("{} #{}", model_name(request.model), request.request.0);
            let mut annotations = vec![Text("outcome", outcome_name(request.outcome).to_owned())];
            annotations.extend(request.deadline_ns.map(|deadline_ns| Number("deadline_ns", deadline_ns)));
            put(Group::Requests(request.model), request.arrived_ns, request.ended_ns, "request", name, annotations);
        }
        Record::Invocation(invocation) => {
            let mut annotations = of_request(model_name(invocation.model), invocation.request);
            annotations.push(Number("segment", invocation.segment.0.into()));
            annotations.push(Number("waited_ns", invocation.start_ns - invocation.ready_ns));
            let (start_ns, end_ns) = (invocation.start_ns, invocation.end_ns);
            put(worker_group(invocation.worker), start_ns, end_ns, "invocation", "invocation".to_owned(), annotations);
        }
        Record::Kernel(kernel) => {
            let info = &run.models[kernel.model.index()];
            let name = format!("{}{}", info.task_name(kernel.task.index()), part_suffix(kernel.part));
            let annotations = kernel_annotations(run, kernel);
            put(worker_group(kernel.worker), kernel.start_ns, kernel.end_ns, "kernel", name, annotations);
        }
        Record::Copy(copy) => {
            let producer = run.models[copy.model.index()].model.tasks.producer(copy.data);
            let name = producer.map_or_else(
                || format!("copy of input {}", copy.data.0),
                |task| format!("copy of {}", run.models[copy.model.index()].task_name(task.index())),
            );
            let annotations = copy_annotations(run, copy);
            if let Some(worker) = run.device.link(copy.link).blocks {
                put(worker_group(worker), copy.start_ns, copy.end_ns, "blocked", name.clone(), annotations.clone());
            }
            put(Group::Link(copy.link), copy.start_ns, copy.end_ns, "copy", name, annotations);
        }
        Record::Decision(decision) => {
            let end_ns = decision.at_ns.saturating_add(decision.cost_ns);
            let annotations = vec![Number("placed", decision.placed.into())];
            put(Group::Strategy, decision.at_ns, end_ns, "decision", "decision".to_owned(), annotations);
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
