//! Memory that processors of one machine share.

#![allow(unsafe_code, reason = "bytes that several threads write in turn, in an order that the plan fixes")]

use std::cell::UnsafeCell;
use std::fmt;
use std::sync::Arc;

/// Alignment and granule of host buffers: what OpenCL devices ask for before they use host memory without a copy.
pub const PAGE_BYTES: usize = 4096;

#[repr(C, align(4096))]
struct Page(UnsafeCell<[u8; PAGE_BYTES]>);

// SAFETY: plain bytes; every access goes through accessors of `HostBuffer` whose callers promise not to race.
unsafe impl Sync for Page {}

/// Bytes shared between the threads of processors: whole pages, or a window into such.
///
/// It does not guard itself: whoever lets processors run decides who may touch which bytes when, also where windows overlap. Hence
/// the `unsafe` accessors; [`HostBuffer::from_bytes`] and [`HostBuffer::into_bytes`], which need sole ownership, are the safe way in
/// and out.
pub struct HostBuffer {
    pages: Arc<Box<[Page]>>,
    offset_bytes: usize,
    bytes: usize,
}

impl HostBuffer {
    /// Zeros, on a page boundary. A buffer of no bytes has a page nevertheless, so that it has an address.
    pub fn zeroed(bytes: usize) -> Arc<Self> {
        let count = bytes.div_ceil(PAGE_BYTES).max(1);
        let pages = Arc::new((0..count).map(|_| Page(UnsafeCell::new([0; PAGE_BYTES]))).collect());
        Arc::new(Self { pages, offset_bytes: 0, bytes })
    }

    /// A buffer that holds a copy of some bytes.
    pub fn from_bytes(bytes: &[u8]) -> Arc<Self> {
        let buffer = Self::zeroed(bytes.len());
        // SAFETY: nobody else has the buffer yet.
        unsafe { buffer.bytes_mut() }.copy_from_slice(bytes);
        buffer
    }

    /// Some bytes of it as a buffer, which keeps all of it alive.
    ///
    /// # Panics
    /// If they do not lie in the buffer.
    pub fn window(&self, offset_bytes: usize, bytes: usize) -> Arc<Self> {
        let end = offset_bytes.checked_add(bytes);
        assert!(end.is_some_and(|end| end <= self.bytes), "{bytes} bytes from {offset_bytes} on of {}", self.bytes);
        Arc::new(Self { pages: Arc::clone(&self.pages), offset_bytes: self.offset_bytes + offset_bytes, bytes })
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Its first byte: on a page boundary unless it is a window.
    pub fn pointer(&self) -> *mut u8 {
        let first: *mut u8 = self.pages.as_ptr().cast_mut().cast();
        first.wrapping_add(self.offset_bytes)
    }

    /// A copy of the bytes; `None` while somebody else holds the buffer or a window of the same memory.
    pub fn into_bytes(mut self: Arc<Self>) -> Option<Vec<u8>> {
        let buffer = Arc::get_mut(&mut self)?;
        Arc::get_mut(&mut buffer.pages)?;
        // SAFETY: `get_mut` proved that there is no other owner, of the buffer or of its memory.
        Some(unsafe { buffer.bytes() }.to_vec())
    }

    /// All bytes.
    ///
    /// # Safety
    /// Nobody may write to the buffer while the result lives.
    pub unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: the pages are contiguous and initialised, and the caller promises that nobody writes.
        unsafe { std::slice::from_raw_parts(self.pointer(), self.bytes) }
    }

    /// All bytes, to be written.
    ///
    /// # Safety
    /// Nobody else may read or write the buffer while the result lives.
    #[expect(clippy::mut_from_ref, reason = "the caller promises exclusive access")]
    pub unsafe fn bytes_mut(&self) -> &mut [u8] {
        // SAFETY: the pages are contiguous and initialised, and the caller promises exclusive access.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(), self.bytes) }
    }
}

impl HostBuffer {
    /// Copies dense bytes to a region, row by row.
    ///
    /// # Safety
    /// Nobody else may read or write the region's rows meanwhile; other rows they may.
    ///
    /// # Panics
    /// If the region does not lie in the buffer or is of another size.
    pub unsafe fn write_region(&self, source: &[u8], to: Region) {
        assert!(source.len() == to.bytes() && to.end() <= self.bytes, "region {to:?} of {} bytes", self.bytes);
        for (row, bytes) in source.chunks_exact(to.row_bytes.max(1)).enumerate() {
            // SAFETY: the region was checked to lie in the buffer, and the caller promises that its rows are nobody else's.
            unsafe {
                let target = self.pointer().add(to.offset_bytes + row * to.pitch_bytes);
                target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
        }
    }
}

impl fmt::Debug for HostBuffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HostBuffer({} bytes at {:p})", self.bytes, self.pointer())
    }
}

/// Equally long rows of bytes at equal distances: where a slice of a tensor lies in the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte of the first row.
    pub offset_bytes: usize,
    /// Bytes of a row.
    pub row_bytes: usize,
    /// From the start of one row to the start of the next.
    pub pitch_bytes: usize,
    /// Number of rows.
    pub rows: usize,
}

impl Region {
    /// The first `bytes` bytes as one row.
    pub const fn whole(bytes: usize) -> Self {
        Self { offset_bytes: 0, row_bytes: bytes, pitch_bytes: bytes, rows: 1 }
    }

    /// The slice `begin..end` of `axis` of a row-major tensor of that shape.
    ///
    /// # Panics
    /// If the axis or the slice is outside the shape.
    pub fn of_slice(shape: &[u64], element_bytes: usize, axis: usize, begin: u64, end: u64) -> Self {
        assert!(axis < shape.len() && begin <= end && end <= shape[axis], "slice {begin}..{end} of axis {axis} of {shape:?}");
        let product = |sizes: &[u64]| sizes.iter().product::<u64>() as usize;
        let inner_bytes = product(&shape[axis + 1..]) * element_bytes;
        Self {
            offset_bytes: begin as usize * inner_bytes,
            row_bytes: (end - begin) as usize * inner_bytes,
            pitch_bytes: shape[axis] as usize * inner_bytes,
            rows: product(&shape[..axis]),
        }
    }

    /// Bytes of all rows.
    pub const fn bytes(&self) -> usize {
        self.row_bytes * self.rows
    }

    /// Whether the rows follow each other without gaps.
    pub const fn is_contiguous(&self) -> bool {
        self.rows <= 1 || self.pitch_bytes == self.row_bytes
    }

    /// One past the last byte.
    pub const fn end(&self) -> usize {
        if self.rows == 0 { self.offset_bytes } else { self.offset_bytes + (self.rows - 1) * self.pitch_bytes + self.row_bytes }
    }
}

/// Copies between regions of as many bytes, row by row; either may be contiguous.
///
/// # Panics
/// If a region does not lie in its slice, or if the regions differ in size or in the length of strided rows.
pub fn copy_region(source: &[u8], from: Region, target: &mut [u8], to: Region) {
    assert_eq!(from.bytes(), to.bytes(), "regions of equal size");
    let (rows, row_bytes) = match (from.is_contiguous(), to.is_contiguous()) {
        (true, true) => (1, from.bytes()),
        (true, false) => (to.rows, to.row_bytes),
        (false, true) => (from.rows, from.row_bytes),
        (false, false) => {
            assert_eq!(from.row_bytes, to.row_bytes, "rows of equal length");
            (from.rows, from.row_bytes)
        }
    };
    let pitch = |region: Region| if region.is_contiguous() { row_bytes } else { region.pitch_bytes };
    for row in 0..rows {
        let at = from.offset_bytes + row * pitch(from);
        let put = to.offset_bytes + row * pitch(to);
        target[put..put + row_bytes].copy_from_slice(&source[at..at + row_bytes]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_give_their_bytes_back() {
        let buffer = HostBuffer::from_bytes(&[1, 2, 3]);
        assert_eq!((buffer.len(), buffer.pointer().addr() % PAGE_BYTES), (3, 0));
        let other = Arc::clone(&buffer);
        assert_eq!(buffer.into_bytes(), None);
        assert_eq!(other.into_bytes(), Some(vec![1, 2, 3]));
        assert!(HostBuffer::zeroed(0).is_empty());
    }

    #[test]
    fn windows_show_the_bytes_of_the_whole_and_keep_it_alive() {
        let whole = HostBuffer::from_bytes(&[1, 2, 3, 4, 5]);
        let window = whole.window(1, 3);
        let second = window.window(1, 1);
        // SAFETY: nobody else touches the bytes.
        unsafe { second.bytes_mut() }.fill(9);
        drop(second);
        assert_eq!((window.len(), window.pointer().addr() - whole.pointer().addr()), (3, 1));
        assert_eq!(whole.into_bytes(), None);
        assert_eq!(window.into_bytes(), Some(vec![2, 9, 4]));
    }

    #[test]
    fn slices_of_a_tensor_are_gathered_and_scattered() {
        // 2 x 3 x 2 bytes; rows 1..3 of axis 1.
        let whole: Vec<u8> = (0..12).collect();
        let slice = Region::of_slice(&[2, 3, 2], 1, 1, 1, 3);
        assert_eq!((slice.bytes(), slice.is_contiguous(), slice.end()), (8, false, 12));
        let mut gathered = [0; 8];
        copy_region(&whole, slice, &mut gathered, Region::whole(8));
        assert_eq!(gathered, [2, 3, 4, 5, 8, 9, 10, 11]);
        let mut back = [0; 12];
        copy_region(&gathered, Region::whole(8), &mut back, slice);
        assert_eq!(back, [0, 0, 2, 3, 4, 5, 0, 0, 8, 9, 10, 11]);
        // The outermost axis is contiguous.
        assert!(Region::of_slice(&[4, 5], 4, 0, 1, 3).is_contiguous());
    }
}
