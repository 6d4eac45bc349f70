//! Memory of a device, its own or the host's.

use std::ffi::c_void;
use std::sync::Arc;

use opencl3::command_queue::CommandQueue;
use opencl3::context::Context;
use opencl3::memory::{Buffer, CL_MAP_READ, CL_MAP_WRITE, CL_MEM_READ_WRITE, CL_MEM_USE_HOST_PTR, ClMem};
use opencl3::types::{CL_TRUE, cl_mem};

use super::error::{OrFailed, error};
use crate::buffer::{HostBuffer, PAGE_BYTES, Region};
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// A piece of memory that kernels use.
#[derive(Debug)]
pub(super) struct Memory {
    buffer: Buffer<u8>,
    bytes: usize,
    /// The host's bytes that it is.
    host: Option<Arc<HostBuffer>>,
    /// Where it is mapped, while the host may touch it.
    mapped: Option<*mut c_void>,
}

impl Memory {
    /// Memory of the device's own.
    pub(super) fn allocate(context: &Context, bytes: usize, maximum_bytes: u64) -> Result<Self, ProcessorError> {
        if bytes as u64 > maximum_bytes {
            let message = format!("{bytes} bytes are more than the device gives in one piece: {maximum_bytes}");
            return Err(error(ProcessorErrorKind::OutOfMemory, message));
        }
        // SAFETY: no host memory is involved.
        let buffer = unsafe { Buffer::create(context, CL_MEM_READ_WRITE, bytes.max(1), std::ptr::null_mut()) };
        Ok(Self { buffer: buffer.or_failed(&format!("allocating {bytes} bytes"))?, bytes, host: None, mapped: None })
    }

    /// The host's memory as the device's. The whole pages are taken, so that drivers need no copy.
    pub(super) fn share(context: &Context, host: &Arc<HostBuffer>) -> Result<Self, ProcessorError> {
        let bytes = host.len().next_multiple_of(PAGE_BYTES).max(PAGE_BYTES);
        let flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
        // SAFETY: the pages live as long as the memory, which holds the host buffer.
        let buffer = unsafe { Buffer::create(context, flags, bytes, host.pointer().cast()) };
        let buffer = buffer.or_failed(&format!("sharing {bytes} bytes of the host"))?;
        Ok(Self { buffer, bytes: host.len(), host: Some(Arc::clone(host)), mapped: None })
    }

    /// Its size.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The driver's name for it.
    pub(super) fn handle(&self) -> cl_mem {
        self.buffer.get()
    }

    /// The address where the host sees it, if it is mapped.
    pub(super) const fn mapped(&self) -> Option<*mut c_void> {
        self.mapped
    }

    /// Lets the host touch it, and waits until it may.
    pub(super) fn map(&mut self, queue: &CommandQueue) -> Result<(), ProcessorError> {
        if self.host.is_none() {
            return Err(error(ProcessorErrorKind::Misuse, "only memory shared with the host can be mapped"));
        }
        if self.mapped.is_none() && self.bytes > 0 {
            let mut pointer = std::ptr::null_mut();
            let flags = CL_MAP_READ | CL_MAP_WRITE;
            // SAFETY: the range is the buffer's; the pointer is only used to unmap.
            unsafe { queue.enqueue_map_buffer(&self.buffer, CL_TRUE, flags, 0, self.bytes, &mut pointer, &[]) }
                .or_failed(&format!("mapping {} bytes", self.bytes))?;
            self.mapped = Some(pointer);
        }
        Ok(())
    }

    /// Gives it back to the device; does not wait.
    pub(super) fn unmap(&mut self, queue: &CommandQueue) -> Result<(), ProcessorError> {
        if self.host.is_none() {
            return Err(error(ProcessorErrorKind::Misuse, "only memory shared with the host can be unmapped"));
        }
        if let Some(pointer) = self.mapped.take() {
            // SAFETY: the pointer is the one that mapping gave.
            unsafe { queue.enqueue_unmap_mem_object(self.handle(), pointer, &[]) }.or_failed("unmapping")?;
        }
        Ok(())
    }

    /// Fails unless a region lies inside.
    fn check(&self, region: Region, what: &str) -> Result<(), ProcessorError> {
        if region.end() > self.bytes {
            let message = format!("{what} {region:?} ends at {}, but the buffer has {} bytes", region.end(), self.bytes);
            return Err(error(ProcessorErrorKind::Misuse, message));
        }
        Ok(())
    }

    /// Copies bytes of the host into it and waits.
    pub(super) fn write(
        &mut self,
        queue: &CommandQueue,
        source: &HostBuffer,
        from: Region,
        to: Region,
    ) -> Result<(), ProcessorError> {
        self.check(to, "target")?;
        let (here, there, shape) = rectangle(to, from, source.len())?;
        if from.bytes() == 0 {
            return Ok(());
        }
        let what = format!("uploading {} bytes", from.bytes());
        if from.is_contiguous() && to.is_contiguous() {
            // SAFETY: the caller keeps others from writing to the host bytes until the blocking call returns; both ranges were checked.
            let bytes = unsafe { &source.bytes()[from.offset_bytes..from.end()] };
            // SAFETY: as above.
            unsafe { queue.enqueue_write_buffer(&mut self.buffer, CL_TRUE, to.offset_bytes, bytes, &[]) }.or_failed(&what)?;
            return Ok(());
        }
        // SAFETY: both rectangles were checked; the call blocks.
        unsafe {
            queue.enqueue_write_buffer_rect(
                &mut self.buffer,
                CL_TRUE,
                here.origin.as_ptr(),
                there.origin.as_ptr(),
                shape.as_ptr(),
                here.pitch,
                0,
                there.pitch,
                0,
                source.pointer().cast(),
                &[],
            )
        }
        .or_failed(&what)?;
        Ok(())
    }

    /// Copies bytes of it to the host and waits.
    pub(super) fn read(&self, queue: &CommandQueue, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
        self.check(from, "source")?;
        let (here, there, shape) = rectangle(from, to, target.len())?;
        if from.bytes() == 0 {
            return Ok(());
        }
        let what = format!("downloading {} bytes", from.bytes());
        if from.is_contiguous() && to.is_contiguous() {
            // SAFETY: the caller keeps others from the host bytes until the blocking call returns; both ranges were checked.
            let bytes = unsafe { &mut target.bytes_mut()[to.offset_bytes..to.end()] };
            // SAFETY: as above.
            unsafe { queue.enqueue_read_buffer(&self.buffer, CL_TRUE, from.offset_bytes, bytes, &[]) }.or_failed(&what)?;
            return Ok(());
        }
        // SAFETY: both rectangles were checked; the call blocks.
        unsafe {
            queue.enqueue_read_buffer_rect(
                &self.buffer,
                CL_TRUE,
                here.origin.as_ptr(),
                there.origin.as_ptr(),
                shape.as_ptr(),
                here.pitch,
                0,
                there.pitch,
                0,
                target.pointer().cast(),
                &[],
            )
        }
        .or_failed(&what)?;
        Ok(())
    }

    /// Copies bytes to other memory of the same device; does not wait.
    pub(super) fn copy_to(&self, queue: &CommandQueue, from: Region, target: &Self, to: Region) -> Result<(), ProcessorError> {
        self.check(from, "source")?;
        target.check(to, "target")?;
        let (here, there, shape) = rectangle(from, to, target.bytes)?;
        if from.bytes() == 0 {
            return Ok(());
        }
        // SAFETY: both rectangles were checked.
        unsafe {
            opencl3::command_queue::enqueue_copy_buffer_rect(
                queue.get(),
                self.handle(),
                target.handle(),
                here.origin.as_ptr(),
                there.origin.as_ptr(),
                shape.as_ptr(),
                here.pitch,
                0,
                there.pitch,
                0,
                0,
                std::ptr::null(),
            )
        }
        .or_failed(&format!("copying {} bytes", from.bytes()))
        .map(|event| drop(opencl3::event::Event::new(event)))
    }
}

/// One side of a rectangular copy: where it begins, as bytes and rows, and from row to row.
struct Side {
    origin: [usize; 3],
    pitch: usize,
}

/// Two regions as rectangles of one shape.
fn rectangle(one: Region, other: Region, other_bytes: usize) -> Result<(Side, Side, [usize; 3]), ProcessorError> {
    if other.end() > other_bytes {
        let message = format!("{other:?} ends at {}, but there are {other_bytes} bytes", other.end());
        return Err(error(ProcessorErrorKind::Misuse, message));
    }
    if one.bytes() != other.bytes() {
        let message = format!("regions of {} and {} bytes must be of one size", one.bytes(), other.bytes());
        return Err(error(ProcessorErrorKind::Misuse, message));
    }
    let (rows, row_bytes) = match (one.is_contiguous(), other.is_contiguous()) {
        (true, true) => (1, one.bytes()),
        (false, true) => (one.rows, one.row_bytes),
        (true, false) => (other.rows, other.row_bytes),
        (false, false) if one.row_bytes == other.row_bytes => (one.rows, one.row_bytes),
        (false, false) => {
            let message = format!("rows of {} and {} bytes must be of one size", one.row_bytes, other.row_bytes);
            return Err(error(ProcessorErrorKind::Misuse, message));
        }
    };
    let side = |region: Region| {
        let pitch = if region.is_contiguous() { row_bytes } else { region.pitch_bytes };
        // An origin is bytes and rows; all bytes in the first place would break the rule that they are fewer than a row.
        let pitch_or_one = pitch.max(1);
        Side { origin: [region.offset_bytes % pitch_or_one, region.offset_bytes / pitch_or_one, 0], pitch }
    };
    Ok((side(one), side(other), [row_bytes, rows, 1]))
}
