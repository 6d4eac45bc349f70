//! The processor: a context, an in-order queue, memory and prepared units.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use opencl3::command_queue::{CL_QUEUE_PROFILING_ENABLE, CommandQueue};
use opencl3::context::Context;
use opencl3::device::Device;
use opencl3::event::Event;
use sim::graph::Graph;

use super::confine::confined;
use super::error::{OrFailed, error};
use super::lowering::{Source, Target, lower};
use super::memory::Memory;
use super::platform::{self, DeviceInfo, DeviceKind};
use super::prepared::{External, Prepared, bind, set};
use super::program::Programs;
use crate::buffer::{HostBuffer, Region};
use crate::processor::{
    BufferId, Completion, Description, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Transfer,
};
use crate::specification::DeviceMemory;
use crate::unit::Unit;

/// One device by OpenCL.
pub struct OpenClProcessor {
    // Dropped in this order: what holds memory before the queue, the queue before the context.
    pending: Vec<(usize, Event)>,
    prepared: BTreeMap<u32, Prepared>,
    buffers: BTreeMap<u32, Memory>,
    programs: Programs,
    /// Kernels that have run once: drivers finish compiling them then.
    warm: BTreeSet<(Source, String, &'static str)>,
    queue: CommandQueue,
    context: Context,
    description: Description,
    info: DeviceInfo,
    target: Target,
    next: u32,
    is_lost: bool,
}

impl OpenClProcessor {
    /// Opens the device of that number of [`super::devices`]. A device on this machine's CPU keeps to the cores that
    /// [`super::confine`] was called with.
    ///
    /// Fails with kind `Missing` where there is no library, platform or device.
    pub fn open(device: usize, memory: DeviceMemory, transfer: Transfer) -> Result<Self, ProcessorError> {
        if memory == DeviceMemory::Image {
            return Err(error(ProcessorErrorKind::Unsupported, "image memory is not supported by this build: buffer memory is"));
        }
        if transfer == Transfer::None {
            return Err(error(ProcessorErrorKind::Misuse, "a device has memory of its own: transfer by copy or map"));
        }
        let devices = platform::found()?;
        let count = devices.len();
        let device = *devices.get(device).ok_or_else(|| {
            error(ProcessorErrorKind::Missing, format!("there is no device {device}: there are {count}, counted from 0"))
        })?;
        let info = platform::info(device)?;
        let context = Context::from_device(&Device::new(device.id())).or_failed("making a context")?;
        // SAFETY: the properties are a valid set of flags; in order, and with time stamps.
        let queue =
            unsafe { CommandQueue::create(&context, device.id(), CL_QUEUE_PROFILING_ENABLE) }.or_failed("making a queue")?;
        let is_cpu = info.kind == DeviceKind::Cpu;
        let description = Description {
            hardware: info.name.clone(),
            kernels: format!("built in, version {}", env!("CARGO_PKG_VERSION")),
            driver: format!("{}, driver {}", info.platform, info.driver_version),
            cores: if is_cpu { confined() } else { Vec::new() },
            offsets: false,
            transfer,
        };
        Ok(Self {
            pending: Vec::new(),
            prepared: BTreeMap::new(),
            buffers: BTreeMap::new(),
            programs: Programs::default(),
            warm: BTreeSet::new(),
            queue,
            context,
            description,
            info,
            target: Target { is_cpu },
            next: 0,
            is_lost: false,
        })
    }

    /// What the device said about itself.
    pub fn device(&self) -> &DeviceInfo {
        &self.info
    }

    /// Programs compiled so far.
    pub fn programs_built(&self) -> usize {
        self.programs.count()
    }

    /// Behaves from now on as if the device had gone away: for tests of what callers do then.
    pub fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Whether a shared buffer is seen by the host where the host's own bytes are: mapping copies nothing.
    /// `None` if the buffer is not mapped.
    pub fn maps_without_copy(&self, buffer: BufferId, host: &HostBuffer) -> Option<bool> {
        let mapped = self.buffers.get(&buffer.0)?.mapped()?;
        Some(mapped.cast::<u8>() == host.pointer())
    }

    fn check_alive(&self) -> Result<(), ProcessorError> {
        if self.is_lost {
            return Err(error(ProcessorErrorKind::Lost, format!("the device `{}` is lost: open it anew", self.info.name)));
        }
        Ok(())
    }

    /// Remembers if the device is lost.
    fn noted<T>(&mut self, result: Result<T, ProcessorError>) -> Result<T, ProcessorError> {
        if result.as_ref().is_err_and(|error| error.kind == ProcessorErrorKind::Lost) {
            self.is_lost = true;
        }
        result
    }

    fn identifier(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn add(&mut self, memory: Memory) -> BufferId {
        let id = self.identifier();
        self.buffers.insert(id, memory);
        BufferId(id)
    }

    fn enqueue(&self, step: &super::prepared::Ready) -> Result<Event, ProcessorError> {
        // Drivers of GPUs know best how many work-items a group should have, unless the kernel asks for so many.
        let local = step.local.or_else(|| self.target.is_cpu.then_some([1, 1, 1]));
        let local = local.as_ref().map_or(std::ptr::null(), |sizes| sizes.as_ptr());
        // SAFETY: three sizes for three dimensions; all arguments are set.
        unsafe { self.queue.enqueue_nd_range_kernel(step.kernel.get(), 3, std::ptr::null(), step.global.as_ptr(), local, &[]) }
            .or_failed("starting a kernel")
    }

    fn try_prepare(&mut self, unit: &Unit) -> Result<Prepared, ProcessorError> {
        let lowered = lower(&unit.graph, Some(&unit.constants), self.target)
            .map_err(|message| error(ProcessorErrorKind::Unsupported, message))?;
        let (context, queue, target, programs) = (&self.context, &self.queue, self.target, &mut self.programs);
        let maximum = self.info.maximum_allocation_bytes;
        let allocate = |bytes: usize, values: Option<&[u8]>| {
            let mut memory = Memory::allocate(context, bytes, maximum)?;
            if let Some(values) = values.filter(|values| !values.is_empty()) {
                let host = HostBuffer::from_bytes(values);
                memory.write(queue, &host, Region::whole(values.len()), Region::whole(values.len()))?;
            }
            Ok(memory)
        };
        let (steps, memory) =
            bind(&lowered, allocate, |step| programs.kernel(context, target, (step.source, &step.options), step.kernel))?;
        let bytes = |ids: &[sim::identifiers::TensorId]| -> Vec<usize> {
            ids.iter().map(|&id| unit.graph.tensor(id).bytes() as usize).collect()
        };
        let (inputs, outputs) = (bytes(unit.graph.inputs()), bytes(unit.graph.outputs()));
        let prepared = Prepared { name: unit.graph.name.clone(), steps, inputs, outputs, memory };
        self.warm_up(&prepared, &lowered.steps)?;
        Ok(prepared)
    }

    /// Runs each kernel that never ran once, on zeros: PoCL compiles for the size of work-groups only then.
    fn warm_up(&mut self, prepared: &Prepared, steps: &[super::lowering::Step]) -> Result<(), ProcessorError> {
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
                if let std::collections::btree_map::Entry::Vacant(entry) = stand_ins.entry(key) {
                    let mut memory = Memory::allocate(&self.context, bytes, maximum)?;
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

    fn try_launch(&mut self, id: PreparedId, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError> {
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

    fn try_wait(&mut self) -> Result<Completion, ProcessorError> {
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

fn unknown(id: BufferId) -> ProcessorError {
    error(ProcessorErrorKind::Misuse, format!("there is no buffer {}", id.0))
}

impl Processor for OpenClProcessor {
    fn description(&self) -> &Description {
        &self.description
    }

    fn support(&self, graph: &Graph) -> Result<(), ProcessorError> {
        self.check_alive()?;
        lower(graph, None, self.target).map(drop).map_err(|message| error(ProcessorErrorKind::Unsupported, message))
    }

    fn prepare(&mut self, unit: &Unit) -> Result<PreparedId, ProcessorError> {
        self.check_alive()?;
        let prepared = self.try_prepare(unit);
        let prepared = self.noted(prepared)?;
        let id = self.identifier();
        self.prepared.insert(id, prepared);
        Ok(PreparedId(id))
    }

    fn discard(&mut self, prepared: PreparedId) {
        self.prepared.remove(&prepared.0);
    }

    fn allocate(&mut self, bytes: usize) -> Result<BufferId, ProcessorError> {
        self.check_alive()?;
        let memory = Memory::allocate(&self.context, bytes, self.info.maximum_allocation_bytes);
        let memory = self.noted(memory)?;
        Ok(self.add(memory))
    }

    fn share(&mut self, buffer: &Arc<HostBuffer>) -> Result<BufferId, ProcessorError> {
        self.check_alive()?;
        let shared = if self.description.transfer == Transfer::Map {
            Memory::share(&self.context, buffer).and_then(|mut memory| memory.map(&self.queue).map(|()| memory))
        } else {
            let whole = Region::whole(buffer.len());
            Memory::allocate(&self.context, buffer.len(), self.info.maximum_allocation_bytes)
                .and_then(|mut memory| memory.write(&self.queue, buffer, whole, whole).map(|()| memory))
        };
        let memory = self.noted(shared)?;
        Ok(self.add(memory))
    }

    fn release(&mut self, buffer: BufferId) {
        if let Some(mut memory) = self.buffers.remove(&buffer.0)
            && memory.mapped().is_some()
        {
            // Nothing can be done about a driver that fails here; the next call will tell.
            let _ = memory.unmap(&self.queue).and_then(|()| self.queue.finish().or_failed("unmapping"));
        }
    }

    fn upload(&mut self, source: &HostBuffer, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        self.check_alive()?;
        let memory = self.buffers.get_mut(&target.0).ok_or_else(|| unknown(target))?;
        let result = memory.write(&self.queue, source, from, to);
        self.noted(result)
    }

    fn download(&mut self, source: BufferId, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
        self.check_alive()?;
        let memory = self.buffers.get(&source.0).ok_or_else(|| unknown(source))?;
        let result = memory.read(&self.queue, from, target, to);
        self.noted(result)
    }

    fn copy(&mut self, source: BufferId, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        self.check_alive()?;
        let one = self.buffers.get(&source.0).ok_or_else(|| unknown(source))?;
        let other = self.buffers.get(&target.0).ok_or_else(|| unknown(target))?;
        let result =
            one.copy_to(&self.queue, from, other, to).and_then(|()| self.queue.finish().or_failed("waiting for the copy"));
        self.noted(result)
    }

    fn map(&mut self, buffer: BufferId) -> Result<(), ProcessorError> {
        self.check_alive()?;
        let memory = self.buffers.get_mut(&buffer.0).ok_or_else(|| unknown(buffer))?;
        let result = memory.map(&self.queue);
        self.noted(result)
    }

    fn unmap(&mut self, buffer: BufferId) -> Result<(), ProcessorError> {
        self.check_alive()?;
        let memory = self.buffers.get_mut(&buffer.0).ok_or_else(|| unknown(buffer))?;
        let result = memory.unmap(&self.queue).and_then(|()| self.queue.finish().or_failed("unmapping"));
        self.noted(result)
    }

    fn launch(&mut self, prepared: PreparedId, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError> {
        self.check_alive()?;
        let result = self.try_launch(prepared, inputs, outputs);
        self.noted(result)
    }

    fn wait(&mut self) -> Result<Completion, ProcessorError> {
        self.check_alive()?;
        let result = self.try_wait();
        self.noted(result)
    }
}
