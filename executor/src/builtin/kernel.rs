//! What a kernel is: a piece of work that several threads do together.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which part of a kernel a thread does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// Which thread, from 0.
    pub(super) index: usize,
    /// How many there are.
    pub(super) count: usize,
}

impl Share {
    /// All of it.
    pub(super) const WHOLE: Self = Self { index: 0, count: 1 };

    /// This thread's part of `0..total`, cut at multiples of `granule`.
    pub(super) fn range(self, total: usize, granule: usize) -> Range<usize> {
        let pieces = total.div_ceil(granule);
        let at = |index: usize| (pieces * index / self.count * granule).min(total);
        at(self.index)..at(self.index + 1)
    }
}

/// What a kernel works on.
pub(super) struct Arguments<'a> {
    /// First bytes of what it reads, in the order that its builder gave.
    pub(super) inputs: &'a [*const u8],
    /// First bytes of what it writes.
    pub(super) outputs: &'a [*mut u8],
    /// [`Kernel::shared_bytes`] that all threads share from the first phase to the last.
    pub(super) shared: *mut u8,
    /// [`Kernel::scratch_bytes`] of this thread's own, of unknown content, on a boundary of 64 bytes.
    pub(super) scratch: *mut u8,
    /// This thread's part.
    pub(super) share: Share,
    /// Set where input values make no sense (an index out of range).
    pub(super) fault: &'a AtomicBool,
}

impl Arguments<'_> {
    /// An input as `len` elements of type `T`.
    pub(super) fn input<T>(&self, position: usize, len: usize) -> &[T] {
        // SAFETY: whoever runs kernels gives each operand as many bytes as its tensor has, on a boundary of its elements, and
        // lets nobody write to it meanwhile.
        unsafe { std::slice::from_raw_parts(self.inputs[position].cast(), len) }
    }

    /// Part of an output as elements of type `T`.
    ///
    /// # Safety
    /// The range lies in the output, and no other thread nor an input that lies in the same place touches it meanwhile.
    #[expect(clippy::mut_from_ref, reason = "threads write to disjoint parts")]
    pub(super) unsafe fn output<T>(&self, position: usize, range: Range<usize>) -> &mut [T] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.outputs[position].cast::<T>().add(range.start), range.len()) }
    }

    /// This thread's scratch memory as numbers.
    ///
    /// # Safety
    /// At most as many as [`Kernel::scratch_bytes`] gives room for, asked for once at a time.
    #[expect(clippy::mut_from_ref, reason = "each thread has its own")]
    pub(super) unsafe fn scratch(&self, len: usize) -> &mut [f32] {
        // SAFETY: as the caller promises; the memory was zeroed when it was made.
        unsafe { std::slice::from_raw_parts_mut(self.scratch.cast(), len) }
    }

    /// Says that input values make no sense.
    pub(super) fn fail(&self) {
        self.fault.store(true, Ordering::Relaxed);
    }
}

/// A kernel with all that is known about its operator before it runs.
///
/// Its result does not depend, bit by bit, on how many threads share the work.
pub(super) trait Kernel: Send + Sync {
    /// How many phases there are; each begins when all threads have ended the one before.
    fn phases(&self) -> usize {
        1
    }

    /// Memory that each thread needs for itself.
    fn scratch_bytes(&self) -> usize {
        0
    }

    /// Memory that the threads share.
    fn shared_bytes(&self) -> usize {
        0
    }

    /// Bytes of constants that it keeps in a layout of its own.
    fn packed_bytes(&self) -> usize {
        0
    }

    /// The inputs whose place the first output may take, where nobody reads them later.
    fn in_place(&self) -> &[usize] {
        &[]
    }

    /// Does a thread's part of a phase.
    fn run(&self, phase: usize, arguments: &Arguments<'_>);
}
