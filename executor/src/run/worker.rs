//! What the thread of a worker does: prepares units, then takes what waits for the worker and carries it out.

#![allow(unsafe_code, reason = "parts are merged in host memory that the order of the plan gives to one thread at a time")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use sim::identifiers::{DataId, LinkId, ModelId, RequestId, SegmentId, WorkerId};
use sim::plan::{NO_SEGMENT, Program};
use sim::platform::Device;
use sim::record::{CopyRecord, InvocationRecord, KernelRecord, Record, StepKind, StepRecord};

use crate::buffer::{HostBuffer, Region};
use crate::processor::{BufferId, Completion, Operand, PreparedId, Processor, ProcessorError, Transfer};
use crate::run::blocks::{BlockKey, HostBlocks};
use crate::run::schedule::{ModelToRun, Output, Step};
use crate::run::state::Version;
use crate::tensor::Tensor;

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
    pub(super) worker: WorkerId,
    pub(super) device: &'a Device,
    pub(super) models: &'a [ModelToRun<'a>],
    /// Values of each model's inputs, by data item.
    pub(super) inputs: &'a [BTreeMap<DataId, Tensor>],
    pub(super) host_blocks: &'a HostBlocks,
    processor: Box<dyn Processor>,
    /// By number of the plan, segment, step.
    prepared: BTreeMap<(u32, u32, u32), PreparedId>,
    buffers: BTreeMap<BlockKey, BufferId>,
    transfer: Transfer,
    offsets: bool,
    start: Instant,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        worker: WorkerId,
        device: &'a Device,
        models: &'a [ModelToRun<'a>],
        inputs: &'a [BTreeMap<DataId, Tensor>],
        host_blocks: &'a HostBlocks,
        processor: Box<dyn Processor>,
    ) -> Self {
        let (transfer, offsets) = (processor.description().transfer, processor.description().offsets);
        let (prepared, buffers) = (BTreeMap::new(), BTreeMap::new());
        Self {
            worker,
            device,
            models,
            inputs,
            host_blocks,
            processor,
            prepared,
            buffers,
            transfer,
            offsets,
            start: Instant::now(),
        }
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

    /// Launches all units of a plan's segments that are prepared here, so that first-time costs are not measured.
    pub(super) fn warm_up(&mut self, model: ModelId, version: &Arc<Version>, times: u32) -> Result<(), ProcessorError> {
        let request = OfRequest { slot: 0, id: RequestId(0), model, version: Arc::clone(version) };
        for segment in 0..version.program.segment_count() as u32 {
            if self.prepared.contains_key(&(version.number, segment, 0)) {
                for _ in 0..times {
                    self.segment(&request, segment, 0, 0)?;
                }
            }
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

    fn data_key(request: &OfRequest, data: DataId) -> BlockKey {
        BlockKey::Data(request.slot, request.model.0, data.0)
    }

    fn host_block(&self, request: &OfRequest, data: DataId) -> Arc<HostBuffer> {
        let bytes = self.models[request.model.index()].lowered.tasks.bytes(data) as usize;
        let initial = self.inputs[request.model.index()].get(&data);
        self.host_blocks.get(Self::data_key(request, data), bytes, initial.map(Tensor::bytes))
    }

    /// This worker's buffer of a block: its own memory where it has some, else the host's.
    fn buffer(
        &mut self,
        key: BlockKey,
        bytes: usize,
        host: impl FnOnce(&Self) -> Arc<HostBuffer>,
    ) -> Result<BufferId, ProcessorError> {
        if let Some(&buffer) = self.buffers.get(&key) {
            return Ok(buffer);
        }
        let buffer = match self.transfer {
            Transfer::Copy => self.processor.allocate(bytes)?,
            Transfer::None | Transfer::Map => {
                let block = host(self);
                self.processor.share(&block)?
            }
        };
        self.buffers.insert(key, buffer);
        Ok(buffer)
    }

    fn data_buffer(&mut self, request: &OfRequest, data: DataId) -> Result<BufferId, ProcessorError> {
        let bytes = self.models[request.model.index()].lowered.tasks.bytes(data) as usize;
        self.buffer(Self::data_key(request, data), bytes, |driver| driver.host_block(request, data))
    }

    fn part_key(request: &OfRequest, fragment: u32) -> BlockKey {
        BlockKey::Part(request.slot, request.version.number, fragment)
    }

    fn part_buffer(&mut self, request: &OfRequest, fragment: u32, bytes: usize) -> Result<BufferId, ProcessorError> {
        let key = Self::part_key(request, fragment);
        self.buffer(key, bytes, |driver| driver.host_blocks.get(key, bytes, None))
    }

    /// Whether a part is written to its place in the whole at once.
    fn is_in_place(&self, region: Region) -> bool {
        self.offsets && region.is_contiguous()
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
            ready_ns = self.now_ns();
        }
        Ok(records)
    }

    fn output_operand(&mut self, request: &OfRequest, output: &Output) -> Result<Operand, ProcessorError> {
        Ok(match output.region {
            None => self.data_buffer(request, output.data)?.into(),
            Some(region) if self.is_in_place(region) => {
                Operand { buffer: self.data_buffer(request, output.data)?, offset_bytes: region.offset_bytes }
            }
            Some(region) => self.part_buffer(request, output.fragment, region.bytes())?.into(),
        })
    }

    fn kernel_records(&self, launch: &Launch<'_>, completion: &Completion, records: &mut Vec<Record>) {
        let Launch { request, segment, step, times, ready_ns } = *launch;
        let costs = &self.models[request.model.index()].lowered.costs;
        let solo_ns = |kernel: usize| {
            let piece = step.kernels[kernel];
            costs.part(piece.task, piece.part, self.worker).map_or(0, |cost| cost.duration_ns)
        };
        let mut put = |kernel: usize, kernels: u32, solo_ns: u64, ready_ns: u64, start_ns: u64, end_ns: u64| {
            records.push(Record::Kernel(KernelRecord {
                request: request.id,
                model: request.model,
                segment: SegmentId(segment),
                task: step.kernels[kernel].task,
                part: step.kernels[kernel].part,
                kernels,
                worker: self.worker,
                ready_ns,
                start_ns,
                end_ns,
                solo_ns,
            }));
        };
        // Where the device timed every kernel, each task gets its own record.
        let mut of_task = vec![0_u64; step.kernels.len()];
        for &(operator, duration_ns) in &completion.kernels {
            of_task[step.kernel_of_operator.get(operator).copied().unwrap_or(0)] += duration_ns;
        }
        let sum: u64 = of_task.iter().sum();
        if step.kernels.len() > 1 && sum > 0 && sum <= times.end_ns - times.start_ns {
            let mut at_ns = times.start_ns;
            let last = step.kernels.len() - 1;
            for (kernel, &duration_ns) in of_task.iter().enumerate() {
                // Gaps between kernels are the last one's: they are small, and belong to nobody.
                let end_ns = if kernel == last { times.end_ns } else { at_ns + duration_ns };
                put(kernel, 1, solo_ns(kernel), if kernel == 0 { ready_ns.min(at_ns) } else { at_ns }, at_ns, end_ns);
                at_ns = end_ns;
            }
            return;
        }
        let all_ns = (0..step.kernels.len()).map(solo_ns).sum();
        put(0, step.kernels.len() as u32, all_ns, ready_ns.min(times.start_ns), times.start_ns, times.end_ns);
        for kernel in 1..step.kernels.len() {
            put(kernel, 0, 0, times.end_ns, times.end_ns, times.end_ns);
        }
    }

    fn step_record(&self, request: &OfRequest, segment: u32, kind: StepKind, start_ns: u64, end_ns: u64) -> Record {
        let (worker, segment) = (self.worker, SegmentId(segment));
        Record::Step(StepRecord { request: request.id, model: request.model, segment, worker, kind, start_ns, end_ns })
    }

    /// Puts a part in its place in the whole, where somebody reads it in this memory: another segment, or this one if it `goes_on`.
    fn merge(
        &mut self,
        request: &OfRequest,
        segment: u32,
        output: &Output,
        goes_on: bool,
        records: &mut Vec<Record>,
    ) -> Result<(), ProcessorError> {
        let Some(region) = output.region.filter(|&region| !self.is_in_place(region)) else { return Ok(()) };
        let own = self.device.worker(self.worker).memory;
        let program = &request.version.program;
        // Copies from the host's memory take the whole, those from another memory the part.
        let is_read_here = |reader: u32| {
            let reads = || program.worker(reader).is_none_or(|worker| self.device.worker(worker).memory == own);
            own == self.device.host() || (reader < NO_SEGMENT - 1 && reads())
        };
        if !goes_on && !program.readers(output.fragment).iter().any(|&reader| is_read_here(reader)) {
            return Ok(());
        }
        let start_ns = self.now_ns();
        let part = self.part_buffer(request, output.fragment, region.bytes())?;
        let whole = self.data_buffer(request, output.data)?;
        if self.transfer == Transfer::None {
            self.copy_on_host(request, output, region);
        } else {
            self.processor.copy(part, Region::whole(region.bytes()), whole, region)?;
        }
        records.push(self.step_record(request, segment, StepKind::Merge, start_ns, self.now_ns()));
        Ok(())
    }

    /// Copies a part into the whole, both in host memory.
    fn copy_on_host(&self, request: &OfRequest, output: &Output, region: Region) {
        let whole = self.host_block(request, output.data);
        let part = self.host_blocks.get(Self::part_key(request, output.fragment), region.bytes(), None);
        // SAFETY: this thread alone made the part and has ended; of the whole, nobody else writes to this part's rows (parts
        // cover it, which compiling the plan checked; of rows that two have, a copy moves those that the first lacks, and the first
        // is the host's, which `overlap` checked), and nobody reads them before this segment has ended.
        unsafe { whole.write_region(part.bytes(), region) };
    }

    /// Carries out a copy from or to this worker's memory.
    pub(super) fn copy(
        &mut self,
        request: &OfRequest,
        fragment: u32,
        link: LinkId,
        requested_ns: u64,
    ) -> Result<Record, ProcessorError> {
        let start_ns = self.now_ns();
        let of_link = self.device.link(link);
        let program = &request.version.program;
        let made = program.fragments()[fragment as usize];
        let whole_bytes = self.models[request.model.index()].lowered.tasks.bytes(made.data) as usize;
        let region = request.version.schedule.regions[fragment as usize];
        let own = self.device.worker(self.worker).memory;
        let host = self.host_block(request, made.data);
        // Mapping moves nothing: there all of the fragment is put in its place.
        let copied = request.version.schedule.copied[fragment as usize].filter(|_| self.transfer == Transfer::Copy);
        let place = copied.map(|(place, _)| place).or(region).unwrap_or(Region::whole(whole_bytes));
        if of_link.to == own {
            let whole = self.data_buffer(request, made.data)?;
            match self.transfer {
                Transfer::Copy => self.processor.upload(&host, place, whole, place)?,
                _ => self.processor.unmap(whole)?,
            }
        } else {
            // A part that was made here lies apart.
            let was_made_here = made.maker != NO_SEGMENT && region.is_some();
            let (source, from) = match region.filter(|&region| was_made_here && !self.is_in_place(region)) {
                Some(region) => {
                    let from = copied.map_or(Region::whole(region.bytes()), |(_, within)| within);
                    (self.part_buffer(request, fragment, region.bytes())?, from)
                }
                None => (self.data_buffer(request, made.data)?, place),
            };
            if self.transfer == Transfer::Copy {
                self.processor.download(source, from, &host, place)?;
            } else {
                self.processor.map(source)?;
                if from != place {
                    let output = Output { data: made.data, fragment, region };
                    self.copy_on_host(request, &output, place);
                }
            }
        }
        Ok(Record::Copy(CopyRecord {
            request: request.id,
            model: request.model,
            data: made.data,
            bytes: program.copied_bytes(fragment),
            link,
            requested_ns: requested_ns.min(start_ns),
            start_ns,
            end_ns: self.now_ns(),
            solo_ns: of_link.solo_ns(program.copied_bytes(fragment)),
        }))
    }
}

/// A launch that has ended.
#[derive(Clone, Copy)]
struct Launch<'a> {
    request: &'a OfRequest,
    segment: u32,
    step: &'a Step,
    times: Times,
    ready_ns: u64,
}

/// When a launch ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    start_ns: u64,
    end_ns: u64,
}

impl Times {
    /// By the device's clock where it has one, within what the host saw.
    fn of(completion: &Completion, launched_ns: u64, known_ns: u64) -> Self {
        let start_ns = completion.queued_ns.map_or(launched_ns, |queued_ns| (launched_ns + queued_ns).min(known_ns));
        let end_ns = completion.busy_ns.map_or(known_ns, |busy_ns| (start_ns + busy_ns).min(known_ns));
        Self { start_ns, end_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_times_stay_within_what_the_host_saw() {
        let check = |queued_ns, busy_ns, expected: (u64, u64)| {
            let times = Times::of(&Completion { queued_ns, busy_ns, kernels: Vec::new() }, 100, 200);
            assert_eq!((times.start_ns, times.end_ns), expected);
        };
        check(None, None, (100, 200));
        check(Some(10), Some(50), (110, 160));
        check(Some(10), Some(500), (110, 200));
        check(Some(500), Some(50), (200, 200));
    }
}
