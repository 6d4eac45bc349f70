//! From records to the report, in one pass.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::identifiers::{LinkId, ModelId, TaskId, WorkerId};
use crate::metrics::{Report, Requests, Totals, device, interface, memory, streams};
use crate::platform::Device;
use crate::record::{
    CopyRecord, EnergyRecord, InvocationRecord, KernelRecord, Outcome, Record, RequestRecord, StepKind, StepRecord,
};
use crate::statistics::StatisticsError;
use crate::task::{CostTable, TaskGraph};

/// What the records do not say about a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelFacts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its tasks and their costs; without them nothing is said about memory.
    pub model: Option<(&'a TaskGraph, &'a CostTable)>,
    /// Workers that the strategy means the model to run on: what runs elsewhere is a fallback. Empty: nothing is.
    pub primary: &'a [WorkerId],
    /// `extrapolated[task * workers + worker]`: whether the cost lies outside the range the profile was fitted on.
    /// Empty: none does.
    pub extrapolated: &'a [bool],
}

impl ModelFacts<'_> {
    fn is_extrapolated(&self, task: TaskId, worker: WorkerId, workers: usize) -> bool {
        self.extrapolated.get(task.index() * workers + worker.index()).copied().unwrap_or(false)
    }

    fn is_fallback(&self, worker: WorkerId) -> bool {
        !self.primary.is_empty() && !self.primary.contains(&worker)
    }
}

/// Why records cannot be reported on.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum MetricsError {
    /// A record names something that is not there.
    #[error("record {record} names {what} {index}, but there are {count}")]
    Unknown {
        /// Index of the record.
        record: usize,
        /// Kind of thing.
        what: &'static str,
        /// The identifier.
        index: u32,
        /// Things there are.
        count: usize,
    },
    /// Something ended before it began, or after the run.
    #[error("record {record} goes from {from_ns} ns to {to_ns} ns: times must ascend and end by the end of the run, {end_ns} ns")]
    Time {
        /// Index of the record.
        record: usize,
        /// The earlier time, or what should be.
        from_ns: u64,
        /// The later time, or what should be.
        to_ns: u64,
        /// End of the run.
        end_ns: u64,
    },
    /// A statistic of the latencies does not exist.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
}

/// Computes the report of a run that lasted until `end_ns`.
///
/// `models` stands in order of [`ModelId`]. Records may come in any order.
///
/// # Errors
/// If a record names a model, worker or link that is not there, or has times that do not ascend from 0 to `end_ns`.
pub fn report(device: &Device, models: &[ModelFacts<'_>], records: &[Record], end_ns: u64) -> Result<Report, MetricsError> {
    let mut collector = Collector::new(device, models, end_ns);
    for (index, record) in records.iter().enumerate() {
        collector.record = index;
        collector.take(record)?;
    }
    let mut report = collector.finish(memory::of(device, models, records))?;
    report.device = device::of(device, models, records, end_ns);
    report.streams = streams::of(records, end_ns)?;
    report.xrbench_score = streams::score(&report, records);
    report.interface = interface::of(device, records, end_ns)?;
    Ok(report)
}

#[derive(Clone, Default)]
pub(super) struct OfModel {
    pub(super) requests: Requests,
    pub(super) latencies_ns: Vec<f64>,
    pub(super) totals: Totals,
    pub(super) extrapolated_ns: u64,
    pub(super) fallback_tasks: BTreeSet<TaskId>,
}

#[derive(Clone, Default)]
pub(super) struct OfLink {
    pub(super) copies: u64,
    pub(super) bytes: u64,
    pub(super) copy_ns: u64,
    pub(super) waiting_ns: u64,
    pub(super) spans: Vec<(u64, u64)>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct OfWorker {
    pub(super) kernels: u64,
    pub(super) invocations: u64,
    pub(super) kernel_ns: u64,
    pub(super) invocation_ns: u64,
    pub(super) blocked_ns: u64,
    pub(super) step_ns: u64,
    pub(super) waiting_ns: u64,
}

impl OfWorker {
    pub(super) fn busy_ns(&self) -> u64 {
        self.kernel_ns + self.invocation_ns + self.blocked_ns + self.step_ns
    }
}

pub(super) struct Collector<'a> {
    pub(super) device: &'a Device,
    pub(super) facts: &'a [ModelFacts<'a>],
    pub(super) end_ns: u64,
    pub(super) record: usize,
    pub(super) models: Vec<OfModel>,
    pub(super) workers: Vec<OfWorker>,
    pub(super) links: Vec<OfLink>,
    pub(super) decisions: u64,
    pub(super) decision_ns: u64,
}

impl<'a> Collector<'a> {
    fn new(device: &'a Device, facts: &'a [ModelFacts<'a>], end_ns: u64) -> Self {
        Self {
            device,
            facts,
            end_ns,
            record: 0,
            models: vec![OfModel::default(); facts.len()],
            workers: vec![OfWorker::default(); device.workers().len()],
            links: vec![OfLink::default(); device.links().len()],
            decisions: 0,
            decision_ns: 0,
        }
    }

    fn take(&mut self, record: &Record) -> Result<(), MetricsError> {
        match record {
            Record::Arrival(arrival) => {
                self.ascend(&[arrival.at_ns])?;
                self.model(arrival.model)?.requests.arrived += 1;
            }
            Record::Request(request) => self.request(request)?,
            Record::Invocation(invocation) => self.invocation(invocation)?,
            Record::Kernel(kernel) => self.kernel(kernel)?,
            Record::Copy(copy) => self.copy(copy)?,
            Record::Step(step) => self.step(step)?,
            Record::Decision(decision) => {
                self.ascend(&[decision.at_ns])?;
                self.decisions += 1;
                self.decision_ns += decision.cost_ns;
            }
            Record::State(state) => self.ascend(&[state.at_ns])?,
            Record::Energy(energy) => self.energy(energy)?,
            Record::Frame(frame) => {
                self.ascend(&[frame.begun_ns, frame.cpu_end_ns, frame.gpu_start_ns, frame.gpu_end_ns, frame.ended_ns])?;
            }
        }
        Ok(())
    }

    fn request(&mut self, request: &RequestRecord) -> Result<(), MetricsError> {
        self.ascend(&[request.arrived_ns, request.ended_ns])?;
        let model = self.model(request.model)?;
        model.requests.count(request);
        if request.outcome == Outcome::Completed {
            model.latencies_ns.push((request.ended_ns - request.arrived_ns) as f64);
        }
        Ok(())
    }

    fn invocation(&mut self, invocation: &InvocationRecord) -> Result<(), MetricsError> {
        self.ascend(&[invocation.ready_ns, invocation.start_ns, invocation.end_ns])?;
        let duration_ns = invocation.end_ns - invocation.start_ns;
        let waiting_ns = invocation.start_ns - invocation.ready_ns;
        let totals = &mut self.model(invocation.model)?.totals;
        totals.invocations += 1;
        totals.invocation_ns += duration_ns;
        totals.segment_waiting_ns += waiting_ns;
        let worker = self.worker(invocation.worker)?;
        worker.invocations += 1;
        worker.invocation_ns += duration_ns;
        worker.waiting_ns += waiting_ns;
        Ok(())
    }

    fn kernel(&mut self, kernel: &KernelRecord) -> Result<(), MetricsError> {
        self.ascend(&[kernel.ready_ns, kernel.start_ns, kernel.end_ns])?;
        let duration_ns = kernel.end_ns - kernel.start_ns;
        let waiting_ns = kernel.start_ns - kernel.ready_ns;
        let workers = self.workers.len();
        let model = self.model(kernel.model)?;
        model.totals.kernels += 1;
        model.totals.kernel_ns += duration_ns;
        model.totals.kernel_solo_ns += kernel.solo_ns;
        model.totals.segment_waiting_ns += waiting_ns;
        let facts = self.facts[kernel.model.index()];
        let model = self.model(kernel.model)?;
        if facts.is_fallback(kernel.worker) {
            model.totals.fallback_kernels += 1;
            model.totals.fallback_ns += duration_ns;
            model.fallback_tasks.insert(kernel.task);
        }
        if facts.is_extrapolated(kernel.task, kernel.worker, workers) {
            model.extrapolated_ns += duration_ns;
        }
        let worker = self.worker(kernel.worker)?;
        worker.kernels += 1;
        worker.kernel_ns += duration_ns;
        worker.waiting_ns += waiting_ns;
        Ok(())
    }

    fn step(&mut self, step: &StepRecord) -> Result<(), MetricsError> {
        self.ascend(&[step.start_ns, step.end_ns])?;
        let duration_ns = step.end_ns - step.start_ns;
        let totals = &mut self.model(step.model)?.totals;
        match step.kind {
            StepKind::Wait => totals.wait_ns += duration_ns,
            StepKind::Merge => totals.merge_ns += duration_ns,
        }
        self.worker(step.worker)?.step_ns += duration_ns;
        Ok(())
    }

    fn copy(&mut self, copy: &CopyRecord) -> Result<(), MetricsError> {
        self.ascend(&[copy.requested_ns, copy.start_ns, copy.end_ns])?;
        let duration_ns = copy.end_ns - copy.start_ns;
        let waiting_ns = copy.start_ns - copy.requested_ns;
        let totals = &mut self.model(copy.model)?.totals;
        totals.copies += 1;
        totals.copy_ns += duration_ns;
        totals.copy_solo_ns += copy.solo_ns;
        totals.copy_bytes += copy.bytes;
        totals.copy_waiting_ns += waiting_ns;
        let link = self.link(copy.link)?;
        link.copies += 1;
        link.bytes += copy.bytes;
        link.copy_ns += duration_ns;
        link.waiting_ns += waiting_ns;
        link.spans.push((copy.start_ns, copy.end_ns));
        if let Some(worker) = self.device.link(copy.link).blocks {
            self.worker(worker)?.blocked_ns += duration_ns;
        }
        Ok(())
    }

    fn energy(&mut self, energy: &EnergyRecord) -> Result<(), MetricsError> {
        self.ascend(&[energy.start_ns, energy.end_ns])?;
        self.model(energy.model)?;
        match energy.worker {
            Some(worker) => self.worker(worker).map(|_| ()),
            None => Ok(()),
        }
    }

    fn ascend(&self, times: &[u64]) -> Result<(), MetricsError> {
        let wrong = |from_ns, to_ns| MetricsError::Time { record: self.record, from_ns, to_ns, end_ns: self.end_ns };
        let mut before_ns = 0;
        for &at_ns in times.iter().chain([&self.end_ns]) {
            if at_ns < before_ns {
                return Err(wrong(before_ns, at_ns));
            }
            before_ns = at_ns;
        }
        Ok(())
    }

    fn model(&mut self, model: ModelId) -> Result<&mut OfModel, MetricsError> {
        let count = self.models.len();
        let unknown = MetricsError::Unknown { record: self.record, what: "model", index: model.0, count };
        self.models.get_mut(model.index()).ok_or(unknown)
    }

    fn worker(&mut self, worker: WorkerId) -> Result<&mut OfWorker, MetricsError> {
        let count = self.workers.len();
        let unknown = MetricsError::Unknown { record: self.record, what: "worker", index: worker.0, count };
        self.workers.get_mut(worker.index()).ok_or(unknown)
    }

    fn link(&mut self, link: LinkId) -> Result<&mut OfLink, MetricsError> {
        let count = self.links.len();
        let unknown = MetricsError::Unknown { record: self.record, what: "link", index: link.0, count };
        self.links.get_mut(link.index()).ok_or(unknown)
    }
}
