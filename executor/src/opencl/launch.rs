//! Preparing and launching units.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use opencl3::event::Event;

use super::error::{OrFailed, error};
use super::image_memory::ImageMemory;
use super::lowering::lower;
use super::memory::Memory;
use super::prepared::{External, Prepared, Ready, bind, set};
use super::processor::{OpenClProcessor, unknown};
use super::step::Step;
use crate::buffer::{HostBuffer, Region};
use crate::processor::{Completion, Operand, PreparedId, ProcessorError, ProcessorErrorKind};
use crate::unit::Unit;

impl OpenClProcessor {
    pub(super) fn enqueue(&self, step: &Ready) -> Result<Event, ProcessorError> {
        // Drivers of GPUs know best how many work-items a group should have, unless the kernel asks for so many.
        let local = step.local.or_else(|| self.target.is_cpu.then_some([1, 1, 1]));
        let local = local.as_ref().map_or(std::ptr::null(), |sizes| sizes.as_ptr());
        // SAFETY: three sizes for three dimensions; all arguments are set.
        unsafe { self.queue.enqueue_nd_range_kernel(step.kernel.get(), 3, std::ptr::null(), step.global.as_ptr(), local, &[]) }
            .or_failed("starting a kernel")
    }

    pub(super) fn try_prepare(&mut self, unit: &Unit) -> Result<Prepared, ProcessorError> {
        let lowered = lower(&unit.graph, Some(&unit.constants), self.target)
            .map_err(|message| error(ProcessorErrorKind::Unsupported, message))?;
        let (context, queue, target, programs) = (&self.context, &self.queue, self.target, &mut self.programs);
        let maximum = self.info.maximum_allocation_bytes;
        let allocate = |bytes: usize, values: Option<&[u8]>| {
            let memory = Memory::allocate(context, bytes, maximum)?;
            if let Some(values) = values.filter(|values| !values.is_empty()) {
                let host = HostBuffer::from_bytes(values);
                memory.write(queue, &host, Region::whole(values.len()), Region::whole(values.len()))?;
            }
            Ok(memory)
        };
        let image = |size, texels: Option<&[f32]>| ImageMemory::create(context, size, texels);
        let (steps, memory) =
            bind(&lowered, allocate, image, |step| programs.kernel(context, target, (step.source, &step.options), step.kernel))?;
        let bytes = |ids: &[sim::identifiers::TensorId]| -> Vec<usize> {
            ids.iter().map(|&id| unit.graph.tensor(id).bytes() as usize).collect()
        };
        let (inputs, outputs) = (bytes(unit.graph.inputs()), bytes(unit.graph.outputs()));
        let prepared = Prepared { name: unit.graph.name.clone(), steps, inputs, outputs, memory };
        self.warm_up(&prepared, &lowered.steps)?;
        Ok(prepared)
    }

    /// Runs each kernel that never ran once, on zeros: PoCL compiles for the size of work-groups only then.
    fn warm_up(&mut self, prepared: &Prepared, steps: &[Step]) -> Result<(), ProcessorError> {
        let maximum = self.info.maximum_allocation_bytes;
        let mut stand_ins: BTreeMap<(bool, usize), Memory> = BTreeMap::new();
        for (ready, step) in prepared.steps.iter().zip(steps) {
            if !self.warm.insert((step.source, step.options.clone(), step.kernel)) {
                continue;
            }
            for &(argument, external) in &ready.externals {
                let (key, bytes) = match external {
                    External::Input(index) => ((true, index), prepared.inputs[index]),
                    External::Output(index) => ((false, index), prepared.outputs[index]),
                };
                if let Entry::Vacant(entry) = stand_ins.entry(key) {
                    let memory = Memory::allocate(&self.context, bytes, maximum)?;
                    let zeros = HostBuffer::zeroed(bytes);
                    memory.write(&self.queue, &zeros, Region::whole(bytes), Region::whole(bytes))?;
                    entry.insert(memory);
                }
                set(&ready.kernel, step.kernel, argument, &stand_ins[&key].handle())?;
            }
            self.enqueue(ready)?;
        }
        self.queue.finish().or_failed("waiting for kernels to be compiled")
    }

    pub(super) fn try_launch(&mut self, id: PreparedId, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError> {
        let prepared = self
            .prepared
            .get(&id.0)
            .ok_or_else(|| error(ProcessorErrorKind::Misuse, format!("there is no prepared unit {}", id.0)))?;
        for (what, operands, bytes) in [("input", inputs, &prepared.inputs), ("output", outputs, &prepared.outputs)] {
            if operands.len() != bytes.len() {
                let message = format!("unit `{}` has {} {what}s, but {} are given", prepared.name, bytes.len(), operands.len());
                return Err(error(ProcessorErrorKind::Misuse, message));
            }
            for (index, (operand, &needed)) in operands.iter().zip(bytes).enumerate() {
                let memory = self.buffers.get_mut(&operand.buffer.0).ok_or_else(|| unknown(operand.buffer))?;
                if operand.offset_bytes != 0 || memory.bytes() < needed {
                    let message = format!(
                        "{what} {index} of unit `{}` needs {needed} bytes from offset 0, but is given {} from {}",
                        prepared.name,
                        memory.bytes(),
                        operand.offset_bytes
                    );
                    return Err(error(ProcessorErrorKind::Misuse, message));
                }
                if memory.mapped().is_some() {
                    memory.unmap(&self.queue)?;
                }
            }
        }
        let mut events = Vec::with_capacity(prepared.steps.len());
        for step in &prepared.steps {
            for &(argument, external) in &step.externals {
                let operand = match external {
                    External::Input(index) => inputs[index],
                    External::Output(index) => outputs[index],
                };
                set(&step.kernel, &prepared.name, argument, &self.buffers[&operand.buffer.0].handle())?;
            }
            events.push((step.operator, self.enqueue(step)?));
        }
        self.pending = events;
        self.queue.flush().or_failed("starting the queue")
    }

    pub(super) fn try_wait(&mut self) -> Result<Completion, ProcessorError> {
        self.queue.finish().or_failed("waiting for the queue")?;
        let events = std::mem::take(&mut self.pending);
        let (Some((_, first)), Some((_, last))) = (events.first(), events.last()) else { return Ok(Completion::default()) };
        let queued = first.profiling_command_queued().or_failed("reading time stamps")?;
        let begin = first.profiling_command_start().or_failed("reading time stamps")?;
        let end = last.profiling_command_end().or_failed("reading time stamps")?;
        let mut kernels = Vec::with_capacity(events.len());
        for (operator, event) in &events {
            let start = event.profiling_command_start().or_failed("reading time stamps")?;
            kernels.push((*operator, event.profiling_command_end().or_failed("reading time stamps")?.saturating_sub(start)));
        }
        Ok(Completion { queued_ns: Some(begin.saturating_sub(queued)), busy_ns: Some(end.saturating_sub(begin)), kernels })
    }
}
