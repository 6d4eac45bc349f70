//! A plan compiled into dense arrays: what the engine and the executor carry out.

use std::ops::Range;

use crate::identifiers::{DataId, WorkerId};
use crate::plan::{Launch, Piece, ProgramSettings};
use crate::task::KernelCost;

/// In place of a segment: none.
pub const NO_SEGMENT: u32 = u32::MAX;

/// In place of a consumer segment: the requester, in the host's memory.
pub const OUTPUT: u32 = u32::MAX - 1;

/// The bytes that one kernel makes of one data item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// How many bytes.
    pub bytes: u64,
    /// Of which data item.
    pub data: DataId,
    /// The segment that makes it; [`NO_SEGMENT`] if it comes with the request.
    pub maker: u32,
    /// Index of the kernel that makes it, over all kernels; meaningless if it comes with the request.
    pub(super) kernel: u32,
    /// Its readers, as a range.
    pub(super) readers: (u32, u32),
}

impl Fragment {
    /// Index of the kernel that makes it, over all kernels; meaningless if it comes with the request.
    #[inline]
    pub const fn kernel(&self) -> u32 {
        self.kernel
    }
}

/// A compiled segment: ranges into the program's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentEntry {
    pub(super) worker: Option<WorkerId>,
    pub(super) kernels: (u32, u32),
    pub(super) made: (u32, u32),
    pub(super) needs: (u32, u32),
    pub(super) next_in_sequence: u32,
}

/// In place of the cost of a kernel whose segment has no planned worker.
pub(super) const OPEN: KernelCost = KernelCost { duration_ns: u64::MAX, memory_bytes: 0 };

/// A compiled kernel: what it computes and what it costs on the planned worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KernelEntry {
    pub(super) cost: KernelCost,
    pub(super) piece: Piece,
    pub(super) launch: Launch,
}

/// A compiled plan of one model on one device. Segments are numbered as in the plan.
///
/// Everything a segment makes becomes available when the whole segment has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    pub(super) segments: Vec<SegmentEntry>,
    pub(super) kernels: Vec<KernelEntry>,
    pub(super) fragments: Vec<Fragment>,
    pub(super) readers: Vec<u32>,
    pub(super) needs: Vec<u32>,
    pub(super) made: Vec<u32>,
    pub(super) missing: Vec<u32>,
    pub(super) first: Vec<u32>,
    pub(super) request_fragments: Vec<u32>,
    pub(super) outputs: u32,
    pub(super) open: bool,
    /// What a copy of each fragment moves; empty where nothing is cut and all of it moves.
    pub(super) moved: Vec<Moved>,
    pub(super) priority: i32,
    /// What segments ask of clocks, and what entering them costs; `None` where the plan asks for nothing.
    pub(super) settings: Option<Box<ProgramSettings>>,
}

/// What a copy of a fragment moves: the rows that are needed by those who have to wait for a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// First row and one past the last, as rows of the data item; the same where rows do not matter and all of it moves.
    pub(super) rows: (u32, u32),
    pub(super) bytes: u64,
}

impl Program {
    /// Number of segments.
    #[inline]
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Planned worker of a segment; `None` where the plan leaves it open.
    #[inline]
    pub fn worker(&self, segment: u32) -> Option<WorkerId> {
        self.segments[segment as usize].worker
    }

    /// Planned workers of all segments, in order.
    pub fn workers(&self) -> impl ExactSizeIterator<Item = Option<WorkerId>> + '_ {
        self.segments.iter().map(|segment| segment.worker)
    }

    /// What the plan adds to the priority of its requests.
    #[inline]
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// What segments ask of clocks, and what entering them costs; `None` where the plan asks for nothing.
    #[inline]
    pub fn settings(&self) -> Option<&ProgramSettings> {
        self.settings.as_deref()
    }

    /// Whether the plan leaves any segment open.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Kernels of a segment as a range for [`Self::kernel`] and [`Self::planned_cost`].
    #[inline]
    pub fn kernel_range(&self, segment: u32) -> Range<u32> {
        let (first, end) = self.segments[segment as usize].kernels;
        first..end
    }

    /// One kernel.
    #[inline]
    pub fn kernel(&self, index: u32) -> Piece {
        self.kernels[index as usize].piece
    }

    /// How a kernel is launched.
    #[inline]
    pub fn launch(&self, index: u32) -> Launch {
        self.kernels[index as usize].launch
    }

    /// Number of kernels over all segments.
    #[inline]
    pub fn kernel_count(&self) -> usize {
        self.kernels.len()
    }

    /// Cost of a kernel on its segment's planned worker; `None` where the plan leaves the segment open.
    #[inline]
    pub fn planned_cost(&self, index: u32) -> Option<KernelCost> {
        let cost = self.kernels[index as usize].cost;
        (cost.duration_ns != OPEN.duration_ns).then_some(cost)
    }

    /// All fragments.
    #[inline]
    pub fn fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    /// Bytes that a copy of a fragment moves: fewer than it has where its readers on other workers need only some of its rows.
    #[inline]
    pub fn copied_bytes(&self, fragment: u32) -> u64 {
        self.moved.get(fragment as usize).map_or(self.fragments[fragment as usize].bytes, |moved| moved.bytes)
    }

    /// The rows of the data item that a copy of a fragment moves; `None` where it moves all of the fragment.
    #[inline]
    pub fn copied_rows(&self, fragment: u32) -> Option<(u32, u32)> {
        self.moved.get(fragment as usize).map(|moved| moved.rows).filter(|rows| rows.0 < rows.1)
    }

    /// Fragments that come with the request.
    #[inline]
    pub fn request_fragments(&self) -> &[u32] {
        &self.request_fragments
    }

    /// Fragments that a segment makes.
    #[inline]
    pub fn made(&self, segment: u32) -> &[u32] {
        slice(&self.made, self.segments[segment as usize].made)
    }

    /// Fragments that a segment reads from outside itself, each once.
    #[inline]
    pub fn needs(&self, segment: u32) -> &[u32] {
        slice(&self.needs, self.segments[segment as usize].needs)
    }

    /// Segments that read a fragment from outside, ascending; [`OUTPUT`] last where the requester wants it.
    #[inline]
    pub fn readers(&self, fragment: u32) -> &[u32] {
        slice(&self.readers, self.fragments[fragment as usize].readers)
    }

    /// The segment that may start only after this one has ended, on the same worker; [`NO_SEGMENT`] if none.
    #[inline]
    pub fn next_in_sequence(&self, segment: u32) -> u32 {
        self.segments[segment as usize].next_in_sequence
    }

    /// For each segment, how many fragments and predecessors in sequence it waits for at first.
    #[inline]
    pub fn missing(&self) -> &[u32] {
        &self.missing
    }

    /// Segments that wait for nothing at all, not even for what comes with the request.
    #[inline]
    pub fn first_segments(&self) -> &[u32] {
        &self.first
    }

    /// Number of fragments that the requester wants.
    #[inline]
    pub fn output_count(&self) -> u32 {
        self.outputs
    }
}

#[inline]
fn slice(items: &[u32], (first, end): (u32, u32)) -> &[u32] {
    &items[first as usize..end as usize]
}
