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
use super::lowering::lower;
use super::memory::Memory;
use super::platform::{self, DeviceInfo, DeviceKind};
use super::prepared::Prepared;
use super::program::Programs;
use super::step::{ImageSize, Source, Target};
use crate::buffer::{HostBuffer, Region};
use crate::processor::{
    BufferId, Completion, Description, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Transfer, UnitMemory,
};
use crate::specification::DeviceMemory;
use crate::unit::Unit;

/// One device by OpenCL.
pub struct OpenClProcessor {
    // Dropped in this order: what holds memory before the queue, the queue before the context.
    pub(super) pending: Vec<(usize, Event)>,
    pub(super) prepared: BTreeMap<u32, Prepared>,
    pub(super) buffers: BTreeMap<u32, Memory>,
    pub(super) programs: Programs,
    /// Kernels that have run once: drivers finish compiling them then.
    pub(super) warm: BTreeSet<(Source, String, &'static str)>,
    pub(super) queue: CommandQueue,
    pub(super) context: Context,
    pub(super) description: Description,
    pub(super) info: DeviceInfo,
    pub(super) target: Target,
    pub(super) next: u32,
    pub(super) is_lost: bool,
}

impl OpenClProcessor {
    /// Opens the device of that number of [`super::devices`]. A device on this machine's CPU keeps to the cores that
    /// [`super::confine`] was called with.
    ///
    /// Fails with kind `Missing` where there is no library, platform or device, `Unsupported` where it has no images for
    /// tensors that should lie in them. Tensors too large for an image lie in buffers.
    pub fn open(device: usize, memory: DeviceMemory, transfer: Transfer) -> Result<Self, ProcessorError> {
        if transfer == Transfer::None {
            return Err(error(ProcessorErrorKind::Misuse, "a device has memory of its own: transfer by copy or map"));
        }
        let devices = platform::found()?;
        let count = devices.len();
        let device = *devices.get(device).ok_or_else(|| {
            error(ProcessorErrorKind::Missing, format!("there is no device {device}: there are {count}, counted from 0"))
        })?;
        let info = platform::info(device)?;
        let is_on_images = memory == DeviceMemory::Image;
        if is_on_images && !info.has_images {
            let message = format!("`{}` has no images: memory=buffer works on it", info.name);
            return Err(error(ProcessorErrorKind::Unsupported, message));
        }
        let largest_image = is_on_images.then_some(ImageSize { width: info.largest_image[0], height: info.largest_image[1] });
        let context = Context::from_device(&Device::new(device.id())).or_failed("making a context")?;
        // SAFETY: the properties are a valid set of flags; in order, and with time stamps.
        let queue =
            unsafe { CommandQueue::create(&context, device.id(), CL_QUEUE_PROFILING_ENABLE) }.or_failed("making a queue")?;
        let is_cpu = info.kind == DeviceKind::Cpu;
        let description = Description {
            hardware: info.name.clone(),
            kernels: format!("built in, version {}{}", env!("CARGO_PKG_VERSION"), if is_on_images { ", images" } else { "" }),
            driver: format!("{}, driver {}", info.platform, info.driver_version),
            cores: if is_cpu { confined() } else { Vec::new() },
            offsets: false,
            transfer,
            window_alignment_bytes: Some(info.window_alignment_bytes),
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
            target: Target { is_cpu, largest_image },
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
}

pub(super) fn unknown(id: BufferId) -> ProcessorError {
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
                .and_then(|memory| memory.write(&self.queue, buffer, whole, whole).map(|()| memory))
        };
        let memory = self.noted(shared)?;
        Ok(self.add(memory))
    }

    fn window(&mut self, buffer: BufferId, offset_bytes: usize, bytes: usize) -> Result<BufferId, ProcessorError> {
        self.check_alive()?;
        let memory = self.buffers.get(&buffer.0).ok_or_else(|| unknown(buffer))?;
        let window = memory.window(offset_bytes, bytes);
        let window = self.noted(window)?;
        Ok(self.add(window))
    }

    fn unit_memory(&self) -> UnitMemory {
        let held = self.prepared.values().map(|prepared| prepared.memory.bytes());
        let (constants, scratch) = held.fold((0, 0), |sum, held| (sum.0 + held.0, sum.1 + held.1));
        UnitMemory { constant_bytes: constants, scratch_bytes: scratch, common_bytes: 0 }
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
        let memory = self.buffers.get(&target.0).ok_or_else(|| unknown(target))?;
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
