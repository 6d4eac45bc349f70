//! The records of an observed run, as far as its observation holds them: for traces and tables beside its replay.

use std::collections::BTreeMap;

use results::{ModelInfo, ObservedRun, Origin, RunResult};
use scenarios::Scenario;
use sim::engine::{StopReason, Summary};
use sim::identifiers::{DataId, LinkId, ModelId, RequestId, SegmentId, StreamId, TaskId, WorkerId};
use sim::metrics::Report;
use sim::plan::Part;
use sim::record::{ArrivalRecord, CopyRecord, KernelRecord, Outcome, Record, RequestRecord};

use crate::host::launches::{Plans, plan_of};
use crate::run::{Inputs, Job, info, primary};

/// An observed run as a run.
pub(crate) struct Recorded<'a> {
    models: Vec<ModelInfo<'a>>,
    records: Vec<Record>,
    summary: Summary,
    report: Report,
}

impl<'a> Recorded<'a> {
    /// Of a run. Requests that did not complete, launches' waits and merges are not in an observation.
    pub(crate) fn of(job: &Job, inputs: &'a Inputs, run: &ObservedRun) -> Result<Self, String> {
        let device = &inputs.device;
        let primary = primary(&job.strategy, device);
        let models: Vec<ModelInfo<'a>> =
            job.used(inputs).iter().map(|&model| info(job.model(inputs, model), device, &primary)).collect();
        let mut records = requests(run);
        records.extend(kernels(run));
        for it in &run.copies {
            records.push(Record::Copy(CopyRecord {
                request: RequestId(it.request),
                model: ModelId(it.model),
                data: DataId(it.data),
                bytes: it.bytes,
                link: LinkId(it.link),
                requested_ns: it.start_ns,
                start_ns: it.start_ns,
                end_ns: it.end_ns,
                solo_ns: 0,
            }));
        }
        records.sort_by_key(Record::ended_ns);
        let end_ns = records.last().map_or(0, Record::ended_ns);
        let report = results::report(device, &models, &records, end_ns).map_err(|error| error.to_string())?;
        let completed = run.requests.len() as u64;
        let (dropped, refused, events) = (0, 0, 0);
        let summary = Summary { stop: StopReason::Drained, end_ns, events, arrived: completed, completed, dropped, refused };
        Ok(Self { models, records, summary, report })
    }

    /// The run as results want it.
    pub(crate) fn result<'b>(&'b self, job: &'b Job, scenario: &Scenario, inputs: &'b Inputs) -> RunResult<'b> {
        RunResult {
            case: &job.case,
            strategy: &job.strategy,
            origin: Origin::Measured,
            seed: scenario.seed,
            device: &inputs.device,
            models: &self.models,
            records: &self.records,
            summary: &self.summary,
            report: &self.report,
        }
    }
}

/// Requests that completed, each with its arrival.
fn requests(run: &ObservedRun) -> Vec<Record> {
    let stream_of: BTreeMap<u64, u32> = run
        .arrivals_ns
        .iter()
        .enumerate()
        .flat_map(|(stream, times)| times.iter().map(move |&at_ns| (at_ns, stream as u32)))
        .collect();
    let of = |it: &results::ObservedRequest| {
        let stream = StreamId(stream_of.get(&it.arrived_ns).copied().unwrap_or(0));
        let (request, model, arrived_ns) = (RequestId(it.request), ModelId(it.model), it.arrived_ns);
        let arrival = ArrivalRecord { request, stream, model, at_ns: arrived_ns };
        let outcome = Outcome::Completed;
        let ended = RequestRecord { request, stream, model, arrived_ns, ended_ns: it.ended_ns, deadline_ns: None, outcome };
        [Record::Arrival(arrival), Record::Request(ended)]
    };
    run.requests.iter().flat_map(of).collect()
}

/// Kernels; the part of each is that of its place in the plan.
fn kernels(run: &ObservedRun) -> Vec<Record> {
    let plans = Plans::of(run);
    let mut places: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let of = |it: &results::ObservedKernel| {
        let place = places.entry((it.request, it.segment)).or_default();
        let piece = plans.pieces(it.model as usize, plan_of(run, it), it.segment).and_then(|pieces| pieces.get(*place).copied());
        *place += 1;
        Record::Kernel(KernelRecord {
            request: RequestId(it.request),
            model: ModelId(it.model),
            segment: SegmentId(it.segment),
            task: TaskId(it.task),
            part: piece.map_or(Part::Whole, |piece| piece.part),
            kernels: it.kernels,
            worker: WorkerId(it.worker),
            ready_ns: it.start_ns,
            start_ns: it.start_ns,
            end_ns: it.end_ns,
            solo_ns: 0,
        })
    };
    run.kernels.iter().map(of).collect()
}
