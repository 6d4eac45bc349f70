//! Rows from records.

use std::io::Write;

use parquet::errors::Result;
use sim::identifiers::WorkerId;
use sim::plan::Part;
use sim::platform::Device;
use sim::record::{Outcome, Record};

use crate::RunResult;
use crate::tables::{CopyRow, OperatorRow, RequestRow, TableWriter};

pub(crate) fn fill_requests<W: Write + Send>(run: &RunResult<'_>, table: &mut TableWriter<RequestRow, W>) -> Result<()> {
    for record in run.records {
        if let Record::Request(request) = record {
            table.push(&RequestRow {
                case: run.case.to_owned(),
                strategy: run.strategy.to_owned(),
                request: request.request.0.into(),
                stream: request.stream.0.into(),
                model: run.models[request.model.index()].model.name.to_owned(),
                outcome: outcome_name(request.outcome).to_owned(),
                arrived_ns: request.arrived_ns,
                ended_ns: request.ended_ns,
                deadline_ns: request.deadline_ns,
            })?;
        }
    }
    Ok(())
}

pub(crate) fn fill_operators<W: Write + Send>(run: &RunResult<'_>, table: &mut TableWriter<OperatorRow, W>) -> Result<()> {
    let processors: Vec<String> = run.device.worker_ids().map(|worker| processor_names(run.device, worker)).collect();
    for record in run.records {
        if let Record::Kernel(kernel) = record {
            let info = &run.models[kernel.model.index()];
            let (begin, end, of) = kernel.part.range();
            table.push(&OperatorRow {
                case: run.case.to_owned(),
                strategy: run.strategy.to_owned(),
                request: kernel.request.0.into(),
                model: info.model.name.to_owned(),
                segment: kernel.segment.0.into(),
                task: kernel.task.0.into(),
                name: info.task_name(kernel.task.index()),
                kind: info.task_kind(kernel.task.index()).to_owned(),
                part: part_name(kernel.part).to_owned(),
                part_begin: begin.into(),
                part_end: end.into(),
                part_of: of.into(),
                kernels: kernel.kernels.into(),
                worker: run.device.worker(kernel.worker).name.clone(),
                processors: processors[kernel.worker.index()].clone(),
                ready_ns: kernel.ready_ns,
                start_ns: kernel.start_ns,
                end_ns: kernel.end_ns,
                solo_ns: kernel.solo_ns,
            })?;
        }
    }
    Ok(())
}

pub(crate) fn fill_copies<W: Write + Send>(run: &RunResult<'_>, table: &mut TableWriter<CopyRow, W>) -> Result<()> {
    let memory = |id: sim::identifiers::MemoryId| run.device.memories()[id.index()].name.clone();
    for record in run.records {
        if let Record::Copy(copy) = record {
            let info = &run.models[copy.model.index()];
            let link = run.device.link(copy.link);
            table.push(&CopyRow {
                case: run.case.to_owned(),
                strategy: run.strategy.to_owned(),
                request: copy.request.0.into(),
                model: info.model.name.to_owned(),
                data: copy.data.0.into(),
                producer_task: info.model.tasks.producer(copy.data).map(|task| task.0.into()),
                link: link.name.clone(),
                from_memory: memory(link.from),
                to_memory: memory(link.to),
                size_bytes: copy.bytes,
                requested_ns: copy.requested_ns,
                start_ns: copy.start_ns,
                end_ns: copy.end_ns,
                solo_ns: copy.solo_ns,
            })?;
        }
    }
    Ok(())
}

pub(crate) const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Dropped => "dropped",
        Outcome::Unfinished => "unfinished",
    }
}

const fn part_name(part: Part) -> &'static str {
    match part {
        Part::Whole => "whole",
        Part::Rows { .. } => "rows",
        Part::Channels { .. } => "channels",
    }
}

fn processor_names(device: &Device, worker: WorkerId) -> String {
    let names: Vec<&str> =
        device.worker(worker).demands.iter().map(|&(processor, _)| device.processor(processor).name.as_str()).collect();
    names.join("+")
}
