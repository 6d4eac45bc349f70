//! What the records say about each task of a model.

use std::collections::{BTreeMap, BTreeSet};

use sim::identifiers::{MemoryId, ModelId, RequestId, SegmentId, TaskId, WorkerId};
use sim::plan::Part;
use sim::record::{CopyRecord, InvocationRecord, KernelRecord, Outcome, Record};

use crate::RunResult;
use crate::placement::{CopyCost, RequestAccount};

/// Sums over the kernels of one task on one worker.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KernelSums {
    pub(super) kernels: u64,
    pub(super) queued_ns: u64,
    pub(super) invocation_ns: u64,
    pub(super) run_ns: u64,
    pub(super) solo_ns: u64,
}

/// Sums over copies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CopySums {
    copies: u64,
    bytes: u64,
    copy_ns: u64,
}

impl CopySums {
    fn add(&mut self, copy: &CopyRecord) {
        self.copies += 1;
        self.bytes += copy.bytes;
        self.copy_ns += copy.end_ns - copy.start_ns;
    }

    pub(super) fn for_each_of(&self, requests: u64) -> CopyCost {
        let mean = |sum: u64| if requests == 0 { 0.0 } else { sum as f64 / requests as f64 };
        CopyCost { copies: mean(self.copies), bytes: mean(self.bytes), copy_ns: mean(self.copy_ns) }
    }
}

/// What happened to one task.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskSums {
    pub(super) kernels: BTreeMap<(WorkerId, Part), KernelSums>,
    pub(super) copies_in: CopySums,
    pub(super) copies_out: CopySums,
    /// Those of both that lead from or to the memory of a primary worker.
    pub(super) primary_copies: CopySums,
}

impl TaskSums {
    /// The worker on which most of its time was spent; the first of several.
    pub(super) fn home(&self) -> Option<WorkerId> {
        let mut time_ns: BTreeMap<WorkerId, (u64, u64)> = BTreeMap::new();
        for (&(worker, _), sums) in &self.kernels {
            let entry = time_ns.entry(worker).or_default();
            *entry = (entry.0 + sums.run_ns, entry.1 + sums.kernels);
        }
        time_ns.into_iter().rev().max_by_key(|&(_, time)| time).map(|(worker, _)| worker)
    }
}

/// What happened to the tasks of one model.
pub(super) struct ModelSums {
    pub(super) requests: u64,
    pub(super) tasks: Vec<TaskSums>,
    pub(super) account: Option<RequestAccount>,
}

/// Where the time of the completed requests of a model went.
fn account(run: &RunResult<'_>, model: ModelId) -> Option<RequestAccount> {
    let completed = |record: &Record| match record {
        Record::Request(it) if it.model == model && it.outcome == Outcome::Completed => {
            Some((it.request, it.ended_ns - it.arrived_ns))
        }
        _ => None,
    };
    let latency_ns: BTreeMap<RequestId, u64> = run.records.iter().filter_map(completed).collect();
    if latency_ns.is_empty() {
        return None;
    }
    let tasks = run.models[model.index()].model.tasks;
    let mut sums = RequestAccount { latency_ns: latency_ns.values().map(|&ns| ns as f64).sum(), ..RequestAccount::default() };
    for record in run.records {
        let (request, sum, duration_ns) = match record {
            Record::Kernel(it) => (it.request, &mut sums.kernel_ns, it.end_ns - it.start_ns),
            Record::Invocation(it) => (it.request, &mut sums.invocation_ns, it.end_ns - it.start_ns),
            Record::Copy(it) => {
                let is_output = it.model == model && tasks.is_output(it.data) && run.device.link(it.link).to == run.device.host();
                let sum = if is_output { &mut sums.output_copy_ns } else { &mut sums.copy_ns };
                (it.request, sum, it.end_ns - it.start_ns)
            }
            _ => continue,
        };
        if latency_ns.contains_key(&request) {
            *sum += duration_ns as f64;
        }
    }
    let requests = latency_ns.len() as f64;
    Some(RequestAccount {
        latency_ns: sums.latency_ns / requests,
        kernel_ns: sums.kernel_ns / requests,
        invocation_ns: sums.invocation_ns / requests,
        copy_ns: sums.copy_ns / requests,
        output_copy_ns: sums.output_copy_ns / requests,
    })
}

impl ModelSums {
    pub(super) fn of(run: &RunResult<'_>, model: ModelId) -> Self {
        let mut collector = Collector::new(run, model);
        for record in run.records {
            match record {
                Record::Invocation(invocation) if invocation.model == model => collector.invocation(invocation),
                Record::Kernel(kernel) if kernel.model == model => collector.kernel(kernel),
                _ => {}
            }
        }
        for record in run.records {
            if let Record::Copy(copy) = record
                && copy.model == model
            {
                collector.copy(copy);
            }
        }
        Self { requests: collector.requests.len() as u64, tasks: collector.tasks, account: account(run, model) }
    }
}

struct Collector<'a> {
    run: &'a RunResult<'a>,
    model: ModelId,
    primary: Vec<MemoryId>,
    requests: BTreeSet<RequestId>,
    invocations: BTreeMap<(RequestId, SegmentId), InvocationRecord>,
    /// Where kernels of a task ran in a request.
    places: BTreeSet<(RequestId, TaskId, MemoryId)>,
    tasks: Vec<TaskSums>,
}

impl<'a> Collector<'a> {
    fn new(run: &'a RunResult<'a>, model: ModelId) -> Self {
        let info = &run.models[model.index()];
        Self {
            run,
            model,
            primary: info.primary.iter().map(|&worker| run.device.worker(worker).memory).collect(),
            requests: BTreeSet::new(),
            invocations: BTreeMap::new(),
            places: BTreeSet::new(),
            tasks: vec![TaskSums::default(); info.model.tasks.task_count()],
        }
    }

    fn invocation(&mut self, invocation: &InvocationRecord) {
        self.invocations.insert((invocation.request, invocation.segment), *invocation);
    }

    /// An invocation is charged to the kernel that began when it ended, once.
    fn kernel(&mut self, kernel: &KernelRecord) {
        self.requests.insert(kernel.request);
        self.places.insert((kernel.request, kernel.task, self.run.device.worker(kernel.worker).memory));
        let key = (kernel.request, kernel.segment);
        let first = self.invocations.get(&key).is_some_and(|invocation| invocation.end_ns == kernel.start_ns);
        let invocation = if first { self.invocations.remove(&key) } else { None };
        let sums = self.tasks[kernel.task.index()].kernels.entry((kernel.worker, kernel.part)).or_default();
        sums.kernels += 1;
        sums.run_ns += kernel.end_ns - kernel.start_ns;
        sums.solo_ns += kernel.solo_ns;
        sums.queued_ns += kernel.start_ns - kernel.ready_ns;
        if let Some(invocation) = invocation {
            sums.queued_ns += invocation.start_ns - invocation.ready_ns;
            sums.invocation_ns += invocation.end_ns - invocation.start_ns;
        }
    }

    /// A copy is charged to the task that made the bytes and to the first of the tasks that read them where it led.
    fn copy(&mut self, copy: &CopyRecord) {
        let graph = self.run.models[self.model.index()].model.tasks;
        let link = self.run.device.link(copy.link);
        let maker = graph.producer(copy.data);
        let reader = graph.readers(copy.data).iter().find(|&&task| self.places.contains(&(copy.request, task, link.to)));
        if let Some(maker) = maker {
            self.tasks[maker.index()].copies_out.add(copy);
        }
        if let Some(reader) = reader {
            self.tasks[reader.index()].copies_in.add(copy);
        }
        // One side of a copy has fallen back, at most: the other is the primary worker's memory.
        let fallen_back = match (self.primary.contains(&link.from), self.primary.contains(&link.to)) {
            (true, false) => reader,
            (false, true) => maker.as_ref(),
            _ => None,
        };
        if let Some(task) = fallen_back {
            self.tasks[task.index()].primary_copies.add(copy);
        }
    }
}
