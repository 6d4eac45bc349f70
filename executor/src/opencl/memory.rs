//! Memory of a device, its own or the host's.

use std::ffi::c_void;
use std::rc::Rc;
use std::sync::Arc;

use opencl3::command_queue::{
    CommandQueue, enqueue_copy_buffer, enqueue_copy_buffer_rect, enqueue_read_buffer, enqueue_read_buffer_rect,
    enqueue_write_buffer, enqueue_write_buffer_rect,
};
use opencl3::context::Context;
use opencl3::event::Event;
use opencl3::memory::{Buffer, CL_MAP_READ, CL_MAP_WRITE, CL_MEM_READ_WRITE, CL_MEM_USE_HOST_PTR, ClMem};
use opencl3::types::{CL_TRUE, cl_event, cl_mem};

use super::error::{OrFailed, error};
use crate::buffer::{HostBuffer, PAGE_BYTES, Region};
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// A piece of memory that kernels use.
///
/// Kernels see a window as a buffer; copies go to the whole of which it is a window, as drivers are not used to copies between
/// windows (PoCL 3.1 crashes).
#[derive(Debug)]
pub(super) struct Memory {
    // Before the whole, so that it is dropped before it.
    window: Option<Buffer<u8>>,
    whole: Rc<Buffer<u8>>,
    /// Where the window begins in the whole; 0 if it is the whole.
    begin_bytes: usize,
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
        let buffer = buffer.or_failed(&format!("allocating {bytes} bytes"))?;
        Ok(Self { window: None, whole: Rc::new(buffer), begin_bytes: 0, bytes, host: None, mapped: None })
    }

    /// Some bytes of memory of the device's own, which live as long as the window.
    pub(super) fn window(&self, offset_bytes: usize, bytes: usize) -> Result<Self, ProcessorError> {
        self.check(Region { offset_bytes, ..Region::whole(bytes) }, "window")?;
        if self.host.is_some() {
            return Err(error(ProcessorErrorKind::Misuse, "memory shared with the host has no windows"));
        }
        let begin_bytes = self.begin_bytes + offset_bytes;
        // SAFETY: the range was checked, but for one byte of nothing, which a buffer has at least.
        let window = unsafe { self.whole.create_sub_buffer(CL_MEM_READ_WRITE, begin_bytes, bytes.max(1)) };
        let window = window.or_failed(&format!("making a window of {bytes} bytes from {offset_bytes} on"))?;
        Ok(Self { window: Some(window), whole: Rc::clone(&self.whole), begin_bytes, bytes, host: None, mapped: None })
    }

    /// The host's memory as the device's. The whole pages are taken, so that drivers need no copy.
    pub(super) fn share(context: &Context, host: &Arc<HostBuffer>) -> Result<Self, ProcessorError> {
        let bytes = host.len().next_multiple_of(PAGE_BYTES).max(PAGE_BYTES);
        let flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
        // SAFETY: the pages live as long as the memory, which holds the host buffer.
        let buffer = unsafe { Buffer::create(context, flags, bytes, host.pointer().cast()) };
        let buffer = buffer.or_failed(&format!("sharing {bytes} bytes of the host"))?;
        let (whole, host_bytes) = (Rc::new(buffer), host.len());
        Ok(Self { window: None, whole, begin_bytes: 0, bytes: host_bytes, host: Some(Arc::clone(host)), mapped: None })
    }

    /// Its size.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The driver's name for it.
    pub(super) fn handle(&self) -> cl_mem {
        self.window.as_ref().unwrap_or(&self.whole).get()
    }

    /// A region as one of the whole.
    const fn of_whole(&self, region: Region) -> Region {
        Region { offset_bytes: self.begin_bytes + region.offset_bytes, ..region }
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
            unsafe { queue.enqueue_map_buffer(&self.whole, CL_TRUE, flags, 0, self.bytes, &mut pointer, &[]) }
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
        &self,
        queue: &CommandQueue,
        source: &HostBuffer,
        from: Region,
        to: Region,
    ) -> Result<(), ProcessorError> {
        self.check(to, "target")?;
        let to = self.of_whole(to);
        let (here, there, shape) = rectangle(to, from, source.len())?;
        if from.bytes() == 0 {
            return Ok(());
        }
        let (buffer, bytes): (cl_mem, *const c_void) = (self.whole.get(), source.pointer().cast_const().cast());
        let event = if from.is_contiguous() && to.is_contiguous() {
            let first = bytes.wrapping_byte_add(from.offset_bytes);
            // SAFETY: both ranges were checked; the caller keeps others from writing to the host bytes until the call returns: it blocks.
            unsafe { enqueue_write_buffer(queue.get(), buffer, CL_TRUE, to.offset_bytes, from.bytes(), first, 0, NO_EVENTS) }
        } else {
            let (origin, other, shape) = (here.origin.as_ptr(), there.origin.as_ptr(), shape.as_ptr());
            let (pitch, host_pitch) = (here.pitch, there.pitch);
            // SAFETY: as above.
            unsafe {
                enqueue_write_buffer_rect(
                    queue.get(),
                    buffer,
                    CL_TRUE,
                    origin,
                    other,
                    shape,
                    pitch,
                    0,
                    host_pitch,
                    0,
                    bytes,
                    0,
                    NO_EVENTS,
                )
            }
        };
        event.or_failed(&format!("uploading {} bytes", from.bytes())).map(|event| drop(Event::new(event)))
    }

    /// Copies bytes of it to the host and waits.
    pub(super) fn read(&self, queue: &CommandQueue, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
        self.check(from, "source")?;
        let from = self.of_whole(from);
        let (here, there, shape) = rectangle(from, to, target.len())?;
        if from.bytes() == 0 {
            return Ok(());
        }
        let (buffer, bytes): (cl_mem, *mut c_void) = (self.whole.get(), target.pointer().cast());
        let event = if from.is_contiguous() && to.is_contiguous() {
            let first = bytes.wrapping_byte_add(to.offset_bytes);
            // SAFETY: both ranges were checked; the caller keeps others from the host bytes until the call returns: it blocks.
            unsafe { enqueue_read_buffer(queue.get(), buffer, CL_TRUE, from.offset_bytes, from.bytes(), first, 0, NO_EVENTS) }
        } else {
            let (origin, other, shape) = (here.origin.as_ptr(), there.origin.as_ptr(), shape.as_ptr());
            let (pitch, host_pitch) = (here.pitch, there.pitch);
            // SAFETY: as above.
            unsafe {
                enqueue_read_buffer_rect(
                    queue.get(),
                    buffer,
                    CL_TRUE,
                    origin,
                    other,
                    shape,
                    pitch,
                    0,
                    host_pitch,
                    0,
                    bytes,
                    0,
                    NO_EVENTS,
                )
            }
        };
        event.or_failed(&format!("downloading {} bytes", from.bytes())).map(|event| drop(Event::new(event)))
    }

    /// Copies bytes to other memory of the same device; does not wait. Not within one piece of memory, windows of it included, unless
    /// both regions are contiguous.
    pub(super) fn copy_to(&self, queue: &CommandQueue, from: Region, target: &Self, to: Region) -> Result<(), ProcessorError> {
        self.check(from, "source")?;
        target.check(to, "target")?;
        let (from, to) = (self.of_whole(from), target.of_whole(to));
        let (here, there, shape) = rectangle(from, to, target.begin_bytes + target.bytes)?;
        if from.bytes() == 0 {
            return Ok(());
        }
        let (source, sink) = (self.whole.get(), target.whole.get());
        let event = if from.is_contiguous() && to.is_contiguous() {
            let (begin, end, bytes) = (from.offset_bytes, to.offset_bytes, from.bytes());
            // SAFETY: both ranges were checked.
            unsafe { enqueue_copy_buffer(queue.get(), source, sink, begin, end, bytes, 0, NO_EVENTS) }
        } else if source == sink {
            let message = "rows at different distances cannot be copied within one piece of memory: two are needed";
            return Err(error(ProcessorErrorKind::Misuse, message));
        } else {
            let (origin, other, shape) = (here.origin.as_ptr(), there.origin.as_ptr(), shape.as_ptr());
            let (pitch, other_pitch) = (here.pitch, there.pitch);
            // SAFETY: both rectangles were checked.
            unsafe {
                enqueue_copy_buffer_rect(queue.get(), source, sink, origin, other, shape, pitch, 0, other_pitch, 0, 0, NO_EVENTS)
            }
        };
        event.or_failed(&format!("copying {} bytes", from.bytes())).map(|event| drop(Event::new(event)))
    }
}

/// Nothing to wait for.
const NO_EVENTS: *const cl_event = std::ptr::null();

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
