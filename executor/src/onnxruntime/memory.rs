//! Host memory as the memory of a processor.

#![allow(unsafe_code, reason = "bytes of shared host buffers")]

use std::collections::BTreeMap;
use std::sync::Arc;

use super::NAME;
use super::error::misuse;
use crate::buffer::{HostBuffer, Region, copy_region};
use crate::processor::{BufferId, Operand, ProcessorError, ProcessorErrorKind};

/// Buffers by identifier.
#[derive(Debug, Default)]
pub(super) struct HostMemory {
    buffers: BTreeMap<BufferId, Arc<HostBuffer>>,
    next: u32,
}

impl HostMemory {
    pub(super) fn allocate(&mut self, bytes: usize) -> Result<BufferId, ProcessorError> {
        // `HostBuffer` aborts where there is no memory: ask first.
        if Vec::<u8>::new().try_reserve_exact(bytes).is_err() {
            let message = format!("a buffer of {bytes} bytes does not fit into memory");
            return Err(ProcessorError::new(ProcessorErrorKind::OutOfMemory, NAME, message));
        }
        Ok(self.share(&HostBuffer::zeroed(bytes)))
    }

    pub(super) fn share(&mut self, buffer: &Arc<HostBuffer>) -> BufferId {
        let id = BufferId(self.next);
        self.next += 1;
        self.buffers.insert(id, Arc::clone(buffer));
        id
    }

    pub(super) fn release(&mut self, id: BufferId) {
        self.buffers.remove(&id);
    }

    pub(super) fn buffer(&self, id: BufferId) -> Result<&Arc<HostBuffer>, ProcessorError> {
        self.buffers.get(&id).ok_or_else(|| misuse(format!("there is no buffer {}", id.0)))
    }

    /// The first byte of an operand that needs `bytes` bytes of elements of `element_bytes`; `what` names it in errors.
    pub(super) fn operand(
        &self,
        operand: Operand,
        bytes: usize,
        element_bytes: usize,
        what: &str,
    ) -> Result<*mut u8, ProcessorError> {
        let buffer = self.buffer(operand.buffer)?;
        let (offset, size) = (operand.offset_bytes, buffer.len());
        if offset.checked_add(bytes).is_none_or(|end| end > size) {
            let message = format!("{what} needs {bytes} bytes from offset {offset} on, but its buffer has {size}");
            return Err(misuse(message));
        }
        if !offset.is_multiple_of(element_bytes.max(1)) {
            return Err(misuse(format!("{what} begins at offset {offset}, which is no multiple of {element_bytes} bytes")));
        }
        // SAFETY: within the buffer, as just checked.
        Ok(unsafe { buffer.pointer().add(offset) })
    }

    pub(super) fn upload(&self, source: &HostBuffer, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        copy(source, from, self.buffer(target)?, to)
    }

    pub(super) fn download(&self, source: BufferId, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
        copy(self.buffer(source)?, from, target, to)
    }

    pub(super) fn copy(&self, source: BufferId, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        copy(self.buffer(source)?, from, self.buffer(target)?, to)
    }
}

fn copy(source: &HostBuffer, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
    check(source, from, "source")?;
    check(target, to, "target")?;
    if from.bytes() != to.bytes() {
        return Err(misuse(format!("a region of {} bytes is copied to one of {}", from.bytes(), to.bytes())));
    }
    if !from.is_contiguous() && !to.is_contiguous() && from.row_bytes != to.row_bytes {
        return Err(misuse(format!("rows of {} bytes are copied to rows of {}", from.row_bytes, to.row_bytes)));
    }
    if source.pointer() == target.pointer() {
        let mut bytes = vec![0; from.bytes()];
        // SAFETY: whoever calls keeps others from writing; the slice ends before the next begins.
        copy_region(unsafe { source.bytes() }, from, &mut bytes, Region::whole(from.bytes()));
        // SAFETY: as above.
        copy_region(&bytes, Region::whole(from.bytes()), unsafe { target.bytes_mut() }, to);
        return Ok(());
    }
    // SAFETY: two buffers; whoever calls keeps others from touching them.
    copy_region(unsafe { source.bytes() }, from, unsafe { target.bytes_mut() }, to);
    Ok(())
}

fn check(buffer: &HostBuffer, region: Region, what: &str) -> Result<(), ProcessorError> {
    // Without overflow, unlike `Region::end`.
    let end = region.rows.saturating_sub(1).saturating_mul(region.pitch_bytes).saturating_add(region.row_bytes);
    let end = if region.rows == 0 { region.offset_bytes } else { end.saturating_add(region.offset_bytes) };
    if end > buffer.len() {
        return Err(misuse(format!("the {what} region ends at byte {end}, but its buffer has {}", buffer.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_copied_also_within_a_buffer() {
        let mut memory = HostMemory::default();
        let id = memory.share(&HostBuffer::from_bytes(&[1, 2, 3, 4, 5, 6]));
        let columns = Region { offset_bytes: 1, row_bytes: 1, pitch_bytes: 3, rows: 2 };
        let mut target = HostBuffer::zeroed(2);
        memory.download(id, columns, &target, Region::whole(2)).expect("fits");
        assert_eq!(target.into_bytes().expect("sole owner"), [2, 5]);
        memory.copy(id, Region::whole(2), id, columns).expect("fits");
        target = HostBuffer::zeroed(6);
        memory.download(id, Region::whole(6), &target, Region::whole(6)).expect("fits");
        assert_eq!(target.into_bytes().expect("sole owner"), [1, 1, 3, 4, 2, 6]);
    }

    #[test]
    fn mistakes_are_refused() {
        let mut memory = HostMemory::default();
        let id = memory.allocate(8).expect("small");
        let check = |result: Result<(), ProcessorError>, kind, expected: &str| {
            let error = result.expect_err(expected);
            assert_eq!(error.kind, kind);
            assert!(error.to_string().contains(expected), "{error}");
        };
        let misuse = ProcessorErrorKind::Misuse;
        check(memory.copy(BufferId(9), Region::whole(1), id, Region::whole(1)), misuse, "there is no buffer 9");
        let ends = "the target region ends at byte 9, but its buffer has 8";
        check(memory.upload(&HostBuffer::zeroed(9), Region::whole(9), id, Region::whole(9)), misuse, ends);
        check(memory.copy(id, Region::whole(2), id, Region::whole(1)), misuse, "2 bytes is copied to one of 1");
        let operand = |offset_bytes, bytes| memory.operand(Operand { buffer: id, offset_bytes }, bytes, 4, "input `x`").map(drop);
        check(operand(4, 8), misuse, "input `x` needs 8 bytes from offset 4 on, but its buffer has 8");
        check(operand(2, 4), misuse, "input `x` begins at offset 2, which is no multiple of 4 bytes");
        check(operand(usize::MAX, 4), misuse, "its buffer has 8");
        operand(4, 4).expect("fits");
        let huge = memory.allocate(usize::MAX / 4).map(drop);
        check(huge, ProcessorErrorKind::OutOfMemory, "does not fit into memory");
        memory.release(id);
        assert!(memory.buffer(id).is_err());
    }
}
