//! The processor.

#![allow(unsafe_code, reason = "host buffers are read and written where the caller keeps others away")]

use std::collections::BTreeMap;
use std::sync::Arc;

use sim::graph::Graph;
use wgpu::BufferUsages;

use super::context::{Context, DeviceKind};
use super::plan::Plan;
use super::prepared::{Pipelines, Prepared};
use super::transfer::{self, Staging, check_pair, check_region};
use super::{NAME, error};
use crate::buffer::{HostBuffer, Region};
use crate::pinning::current_affinity;
use crate::processor::{
    BufferId, Completion, Description, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Transfer,
};
use crate::unit::Unit;

/// A GPU by Vulkan. Offsets into operands are not supported, and regions must be made of whole elements of four bytes.
#[derive(Debug)]
pub struct VulkanProcessor {
    // Before the context, so that they are dropped before it.
    units: BTreeMap<PreparedId, Prepared>,
    buffers: BTreeMap<BufferId, wgpu::Buffer>,
    pipelines: Pipelines,
    staging: Staging,
    context: Context,
    description: Description,
    launched: Option<PreparedId>,
    next: u32,
}

impl VulkanProcessor {
    /// Opens the device of that index in [`super::devices`]. Fails with kind `Missing` where there is none.
    pub fn open(device: usize) -> Result<Self, ProcessorError> {
        let context = Context::open(device)?;
        // Its threads may run where this one may, which starts them.
        let is_software = context.info.kind == DeviceKind::Cpu;
        let description = Description {
            hardware: context.info.name.clone(),
            kernels: "built in (WGSL)".to_owned(),
            driver: context.info.driver.clone(),
            cores: if is_software { current_affinity().unwrap_or_default() } else { Vec::new() },
            offsets: false,
            transfer: Transfer::Copy,
            window_alignment_bytes: None,
        };
        Ok(Self {
            units: BTreeMap::new(),
            buffers: BTreeMap::new(),
            pipelines: Pipelines::new(),
            staging: Staging::default(),
            context,
            description,
            launched: None,
            next: 0,
        })
    }

    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn buffer(&self, id: BufferId) -> Result<&wgpu::Buffer, ProcessorError> {
        self.buffers.get(&id).ok_or_else(|| misuse(format!("there is no buffer {}", id.0)))
    }
}

fn misuse(message: impl Into<String>) -> ProcessorError {
    error(ProcessorErrorKind::Misuse, message)
}

impl Processor for VulkanProcessor {
    fn description(&self) -> &Description {
        &self.description
    }

    fn support(&self, graph: &Graph) -> Result<(), ProcessorError> {
        Plan::of(graph, self.context.limits()).map(drop)
    }

    fn prepare(&mut self, unit: &Unit) -> Result<PreparedId, ProcessorError> {
        let prepared = Prepared::new(&self.context, &mut self.pipelines, &mut self.staging, unit)?;
        let id = PreparedId(self.fresh());
        self.units.insert(id, prepared);
        Ok(id)
    }

    fn discard(&mut self, prepared: PreparedId) {
        self.units.remove(&prepared);
        self.launched.take_if(|launched| *launched == prepared);
    }

    fn allocate(&mut self, bytes: usize) -> Result<BufferId, ProcessorError> {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let buffer = self.context.buffer("a buffer", bytes, usage)?;
        let id = BufferId(self.fresh());
        self.buffers.insert(id, buffer);
        Ok(id)
    }

    fn share(&mut self, _: &Arc<HostBuffer>) -> Result<BufferId, ProcessorError> {
        let message = format!("{NAME} buffers are not shared with the host: allocate one and copy");
        Err(error(ProcessorErrorKind::Unsupported, message))
    }

    fn release(&mut self, buffer: BufferId) {
        self.buffers.remove(&buffer);
        for unit in self.units.values_mut() {
            unit.unbind(buffer);
        }
    }

    fn upload(&mut self, source: &HostBuffer, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        let buffer = self.buffer(target)?.clone();
        check_region(from, source.len(), "upload, host")?;
        check_region(to, buffer.size() as usize, "upload, device")?;
        check_pair(from, to)?;
        // SAFETY: whoever calls keeps others from writing to the host bytes until this returns.
        let source = unsafe { source.bytes() };
        self.staging.upload(&self.context, source, from, &buffer, to)
    }

    fn download(&mut self, source: BufferId, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
        let buffer = self.buffer(source)?.clone();
        check_region(from, buffer.size() as usize, "download, device")?;
        check_region(to, target.len(), "download, host")?;
        check_pair(from, to)?;
        // SAFETY: whoever calls keeps others from touching the host bytes until this returns.
        let target = unsafe { target.bytes_mut() };
        self.staging.download(&self.context, &buffer, from, target, to)
    }

    fn copy(&mut self, source: BufferId, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        if source == target {
            return Err(misuse(format!("a copy within buffer {}: two buffers are needed", source.0)));
        }
        let (source, target) = (self.buffer(source)?, self.buffer(target)?);
        check_region(from, source.size() as usize, "copy, source")?;
        check_region(to, target.size() as usize, "copy, target")?;
        check_pair(from, to)?;
        transfer::copy(&self.context, source, from, target, to)
    }

    fn map(&mut self, _: BufferId) -> Result<(), ProcessorError> {
        Err(misuse("buffers are copied, not mapped: use `download`"))
    }

    fn unmap(&mut self, _: BufferId) -> Result<(), ProcessorError> {
        Err(misuse("buffers are copied, not mapped: use `upload`"))
    }

    fn launch(&mut self, prepared: PreparedId, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError> {
        let unit = self.units.get_mut(&prepared).ok_or_else(|| misuse(format!("there is no unit {}", prepared.0)))?;
        unit.launch(&self.context, &self.buffers, inputs, outputs)?;
        self.launched = Some(prepared);
        Ok(())
    }

    fn wait(&mut self) -> Result<Completion, ProcessorError> {
        self.context.wait()?;
        match self.launched.take().and_then(|launched| self.units.get(&launched)) {
            Some(unit) => unit.completion(&self.context, &mut self.staging),
            None => Ok(Completion::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::print_stderr, reason = "a test says what it skips")]
    fn a_lost_device_fails_in_every_call() {
        let mut processor = match VulkanProcessor::open(0) {
            Ok(processor) => processor,
            Err(error) => {
                assert!(std::env::var_os("SOCRATES_REQUIRE_DEVICES").is_none_or(|value| value != "1"), "{error}");
                return eprintln!("skipped: {error}");
            }
        };
        let buffers = [processor.allocate(16), processor.allocate(16)].map(|buffer| buffer.expect("allocated"));
        processor.context.device.destroy();
        // A driver that fails is reported at once; that a device was destroyed, by the next call that waits.
        assert_eq!(processor.wait().expect_err("lost").kind, ProcessorErrorKind::Lost);
        let host = HostBuffer::zeroed(16);
        let whole = Region::whole(16);
        let failures = [
            processor.allocate(16).map(drop),
            processor.upload(&host, whole, buffers[0], whole),
            processor.download(buffers[0], whole, &host, whole),
            processor.copy(buffers[0], whole, buffers[1], whole),
            processor.wait().map(drop),
        ];
        for failure in failures {
            let error = failure.expect_err("lost");
            assert_eq!(error.kind, ProcessorErrorKind::Lost, "{error}");
        }
        processor.release(buffers[0]);
    }
}
