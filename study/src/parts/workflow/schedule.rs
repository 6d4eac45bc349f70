//! Where the first tasks of a run ran, and when.

use sim::identifiers::{MemoryId, TaskId, WorkerId};
use sim::platform::Device;
use sim::record::Record;
use sim::task::LoweredModel;

use crate::{Kind, Span, Table, Task};

/// The row of copies.
const COPIES: &str = "copies";

/// The first tasks of a run, and all of its kernels and copies.
pub(super) struct Schedule {
    pub(super) tasks: Vec<Task>,
    /// Workers that ran them, in the device's order.
    pub(super) lanes: Vec<String>,
    /// Workers, then copies.
    pub(super) rows: Vec<String>,
    pub(super) spans: Vec<Span>,
    /// When the last of these tasks ended.
    pub(super) end_ms: f64,
    /// Copies that began by then.
    pub(super) copies: usize,
    /// Workers of the whole run.
    pub(super) workers: usize,
    /// Kernels and copies of the whole run.
    pub(super) kernels: Table,
}

impl Schedule {
    /// The longest time of a task on a worker.
    pub(super) fn longest_ms(&self) -> f64 {
        self.tasks.iter().flat_map(|task| &task.ran).map(|(_, ms)| *ms).fold(0.0, f64::max)
    }
}

/// A kernel or a copy.
struct Event {
    on: String,
    task: Option<usize>,
    start_ns: u64,
    end_ns: u64,
    kind: &'static str,
    name: String,
}

/// The schedule of a run of one request, its first `drawn` tasks.
pub(super) fn schedule(lowered: &LoweredModel, device: &Device, records: &[Record], drawn: usize) -> Schedule {
    let events = events(lowered, device, records);
    let ms = |ns: u64| ns as f64 * 1e-6;
    let is_drawn = |event: &&Event| event.task.is_some_and(|task| task < drawn);
    let end_ns = events.iter().filter(is_drawn).map(|event| event.end_ns).max().unwrap_or(0);
    let begun: Vec<&Event> = events.iter().filter(|event| event.start_ns < end_ns).collect();
    let ran = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let names = device.workers().iter().map(|worker| worker.name.clone());
        names.filter(|name| wanted(name)).collect()
    };
    let mut rows = ran(&|name| begun.iter().any(|event| event.on == name));
    let copies = begun.iter().filter(|event| event.task.is_none()).count();
    if copies > 0 {
        rows.push(COPIES.to_owned());
    }
    let span = |event: &&Event| Span {
        row: rows.iter().position(|row| *row == event.on).unwrap_or(rows.len() - 1),
        start: ms(event.start_ns),
        end: ms(event.end_ns),
        group: String::new(),
        label: event.task.filter(|&task| task < drawn).map_or_else(String::new, |task| (task + 1).to_string()),
        hint: event.name.clone(),
    };
    let tasks = lowered.tasks.tasks().zip(&lowered.info).take(drawn).enumerate().map(|(index, (task, info))| {
        let producers = lowered.tasks.inputs(task).iter().filter_map(|&data| lowered.tasks.producer(data));
        let mut reads: Vec<usize> = producers.map(TaskId::index).collect();
        reads.sort_unstable();
        reads.dedup();
        let of = events.iter().filter(|event| event.task == Some(index));
        let ran = of.map(|event| (event.on.clone(), ms(event.end_ns - event.start_ns))).collect();
        Task {
            label: format!("{}  {}", index + 1, short(info.kind.name())),
            hint: info.name.clone(),
            ran,
            fallback: false,
            reads,
        }
    });
    Schedule {
        tasks: tasks.collect(),
        lanes: ran(&|name| events.iter().filter(is_drawn).any(|event| event.on == name)),
        spans: begun.iter().map(span).collect(),
        rows: rows.clone(),
        end_ms: ms(end_ns),
        copies,
        workers: ran(&|name| events.iter().any(|event| event.on == name)).len(),
        kernels: table(&events),
    }
}

fn events(lowered: &LoweredModel, device: &Device, records: &[Record]) -> Vec<Event> {
    let worker = |id: WorkerId| device.worker(id).name.clone();
    let memory = |id: MemoryId| device.memories()[id.index()].name.clone();
    let event = |record: &Record| match record {
        Record::Kernel(it) => {
            let (task, info) = (Some(it.task.index()), &lowered.info[it.task.index()]);
            let (on, kind, name) = (worker(it.worker), short(info.kind.name()), info.name.clone());
            Some(Event { on, task, start_ns: it.start_ns, end_ns: it.end_ns, kind, name })
        }
        Record::Copy(it) => {
            let link = device.link(it.link);
            let name = format!("copy from {} to {}", memory(link.from), memory(link.to));
            Some(Event { on: COPIES.to_owned(), task: None, start_ns: it.start_ns, end_ns: it.end_ns, kind: "copy", name })
        }
        _ => None,
    };
    records.iter().filter_map(event).collect()
}

fn table(events: &[Event]) -> Table {
    let columns = [
        ("on", "", Kind::Text),
        ("task", "", Kind::Text),
        ("kind", "", Kind::Text),
        ("start", "us", Kind::Number),
        ("end", "us", Kind::Number),
    ];
    let mut table = Table::new("", "Kernels and copies of the run.", &columns);
    for event in events {
        let us = |ns: u64| ns as f64 * 1e-3;
        table.push([
            (&event.on).into(),
            (&event.name).into(),
            event.kind.into(),
            us(event.start_ns).into(),
            us(event.end_ns).into(),
        ]);
    }
    table
}

/// A kernel kind, short enough to be written on a task.
fn short(kind: &'static str) -> &'static str {
    match kind {
        "convolution" => "conv",
        "single_pixel_convolution" => "1×1 conv",
        "depthwise_convolution" => "depthwise conv",
        "concatenate" => "concat",
        "average_pool" => "average pool",
        "max_pool" => "max pool",
        "global_pool" => "global pool",
        "fully_connected" => "linear",
        "data_movement" => "data movement",
        "elementwise" => "element-wise",
        "matrix_multiply" => "product",
        other => other,
    }
}
