//! What the thread of a worker does: prepares units, then takes what waits for the worker and carries it out.
//!
//! A segment is here, where its tensors lie in `memory`, copies and merges in `transfer`, what is written down of a launch in
//! `launch`.

#![allow(unsafe_code, reason = "parts are merged in host memory that the order of the plan gives to one thread at a time")]

mod launch;
mod memory;
mod transfer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use sim::identifiers::{DataId, ModelId, RequestId, SegmentId, WorkerId};
use sim::plan::Program;
use sim::platform::Device;
use sim::record::{InvocationRecord, Record, StepKind};

use crate::processor::{Operand, PreparedId, Processor, ProcessorError, Transfer, UnitMemory};
use crate::run::blocks::HostMemory;
use crate::run::layout::Access;
use crate::run::schedule::{ModelToRun, Step};
use crate::run::version::Version;
use crate::tensor::Tensor;
use launch::{Launch, Times};
use memory::Buffers;

/// What a worker needs to know of a request.
#[derive(Clone, Debug)]
pub(super) struct OfRequest {
    pub(super) slot: u32,
    pub(super) id: RequestId,
    pub(super) model: ModelId,
    pub(super) version: Arc<Version>,
}

/// A worker's processor with all that was prepared on it.
pub(super) struct Driver<'a> {
    worker: WorkerId,
    device: &'a Device,
    models: &'a [ModelToRun<'a>],
    /// Values of each model's inputs, by data item.
    inputs: &'a [BTreeMap<DataId, Tensor>],
    host: &'a HostMemory,
    processor: Box<dyn Processor>,
    /// By number of the plan, segment, step.
    prepared: BTreeMap<(u32, u32, u32), PreparedId>,
    buffers: Buffers,
    access: Access,
    start: Instant,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        worker: WorkerId,
        device: &'a Device,
        models: &'a [ModelToRun<'a>],
        inputs: &'a [BTreeMap<DataId, Tensor>],
        host: &'a HostMemory,
        processor: Box<dyn Processor>,
    ) -> Self {
        let access = Access::of(processor.description());
        Self {
            worker,
            device,
            models,
            inputs,
            host,
            processor,
            prepared: BTreeMap::new(),
            buffers: Buffers::default(),
            access,
            start: Instant::now(),
        }
    }

    /// How its processor gets at memory.
    pub(super) const fn access(&self) -> Access {
        self.access
    }

    /// What its prepared units hold.
    pub(super) fn unit_memory(&self) -> UnitMemory {
        self.processor.unit_memory()
    }

    /// Times are counted from here on.
    pub(super) fn starts_at(&mut self, start: Instant) {
        self.start = start;
    }

    fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Prepares the units of a plan's segments that run on this worker, or may.
    pub(super) fn prepare(&mut self, model: ModelId, version: &Version) -> Result<(), ProcessorError> {
        for segment in 0..version.program.segment_count() as u32 {
            let planned = version.program.worker(segment);
            if planned == Some(self.worker) || (planned.is_none() && self.supports(model, &version.program, segment)) {
                for step in 0..version.schedule.segments[segment as usize].len() {
                    self.prepared(version, segment, step)?;
                }
            }
        }
        Ok(())
    }

    fn supports(&self, model: ModelId, program: &Program, segment: u32) -> bool {
        let costs = &self.models[model.index()].lowered.costs;
        program.kernel_range(segment).all(|kernel| costs.supports(program.kernel(kernel).task, self.worker))
    }

    /// Launches all units of a plan's segments that are prepared here, so that first-time costs are not measured. On memory of their
    /// own: other workers do the same at this time, in no order.
    pub(super) fn warm_up(&mut self, version: &Version, times: u32) -> Result<(), ProcessorError> {
        for (segment, steps) in (0..).zip(&version.schedule.segments) {
            for (index, step) in (0..).zip(steps) {
                let Some(&prepared) = self.prepared.get(&(version.number, segment, index)) else { continue };
                self.launch_on_zeros(prepared, step, times)?;
            }
        }
        Ok(())
    }

    /// Prepares a unit, and launches it once: drivers compile what they launch first.
    pub(super) fn prepare_unit(&mut self, version: &Version, segment: u32, step: usize) -> Result<(), ProcessorError> {
        let prepared = self.prepared(version, segment, step)?;
        self.launch_on_zeros(prepared, &version.schedule.segments[segment as usize][step], 1)
    }

    fn launch_on_zeros(&mut self, prepared: PreparedId, step: &Step, times: u32) -> Result<(), ProcessorError> {
        let graph = &step.unit.graph;
        let bytes_of = |&id: &sim::identifiers::TensorId| graph.tensor(id).bytes() as usize;
        let mut operands: Vec<Operand> = Vec::new();
        for bytes in graph.inputs().iter().chain(graph.outputs()).map(bytes_of) {
            operands.push(self.zeros(bytes)?.into());
        }
        let (inputs, outputs) = operands.split_at(graph.inputs().len());
        for _ in 0..times {
            self.processor.launch(prepared, inputs, outputs)?;
            self.processor.wait()?;
        }
        for operand in operands {
            self.processor.release(operand.buffer);
        }
        Ok(())
    }

    fn prepared(&mut self, version: &Version, segment: u32, step: usize) -> Result<PreparedId, ProcessorError> {
        let key = (version.number, segment, step as u32);
        if let Some(&prepared) = self.prepared.get(&key) {
            return Ok(prepared);
        }
        let prepared = self.processor.prepare(&version.schedule.segments[segment as usize][step].unit)?;
        self.prepared.insert(key, prepared);
        Ok(prepared)
    }

    /// Runs a segment and tells what happened, in order.
    pub(super) fn segment(
        &mut self,
        request: &OfRequest,
        segment: u32,
        ready_ns: u64,
        taken_ns: u64,
    ) -> Result<Vec<Record>, ProcessorError> {
        let version = Arc::clone(&request.version);
        let mut records = Vec::new();
        let mut ready_ns = ready_ns;
        for (index, step) in version.schedule.segments[segment as usize].iter().enumerate() {
            let prepared = self.prepared(&version, segment, index)?;
            let mut inputs: Vec<Operand> = Vec::with_capacity(step.inputs.len());
            for &data in &step.inputs {
                inputs.push(self.data_buffer(request, data)?.into());
            }
            let mut outputs: Vec<Operand> = Vec::with_capacity(step.outputs.len());
            for output in &step.outputs {
                outputs.push(self.output_operand(request, output)?);
            }
            let launched_ns = self.now_ns();
            self.processor.launch(prepared, &inputs, &outputs)?;
            let completion = self.processor.wait()?;
            let known_ns = self.now_ns();
            let times = Times::of(&completion, launched_ns, known_ns);
            if index == 0 {
                records.push(Record::Invocation(InvocationRecord {
                    request: request.id,
                    model: request.model,
                    segment: SegmentId(segment),
                    worker: self.worker,
                    ready_ns: ready_ns.min(taken_ns),
                    start_ns: taken_ns,
                    end_ns: times.start_ns,
                }));
                ready_ns = times.start_ns;
            }
            let launch = Launch { request, segment, step, times, ready_ns };
            self.kernel_records(&launch, &completion, &mut records);
            if times.end_ns < known_ns {
                records.push(self.step_record(request, segment, StepKind::Wait, times.end_ns, known_ns));
            }
            let goes_on = index + 1 < version.schedule.segments[segment as usize].len();
            for output in &step.outputs {
                self.merge(request, segment, output, goes_on, &mut records)?;
            }
            if self.host.poisons()
                && let Some(layout) = version.layout()
            {
                self.touched(request, layout, layout.touched_by_launch(segment, index))?;
            }
            ready_ns = self.now_ns();
        }
        Ok(records)
    }

    const fn is_in_host_memory(&self) -> bool {
        matches!(self.access.transfer, Transfer::None)
    }
}
