//! State of a run: events, requests in flight, workers, copies.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::identifiers::{LinkId, ModelId, RequestId, WorkerId};
use crate::plan::Program;

/// In place of a worker: none yet.
pub(super) const UNPLACED: u16 = u16::MAX;

/// The closed set of events.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// What a worker does now has ended: an invocation, a kernel.
    Worker { worker: u16, generation: u32 },
    /// The bytes of a copy begin to flow.
    CopyFlows { copy: u32 },
    /// A copy has ended.
    Copy { copy: u32, generation: u32 },
    /// A request of a source arrives.
    Arrival { source: u32 },
    /// The strategy is asked.
    Decide,
    /// What it decided takes effect.
    Decided,
    /// The device changes.
    Environment { trigger: u32 },
    /// A worker has prepared a unit of a new plan.
    Prepared { worker: u16 },
}

impl Event {
    /// The event in one word, which moves through the queue in one register: kind in 4 bits, index in 28, generation in 32.
    #[inline]
    pub(super) const fn packed(self) -> u64 {
        let (kind, index, generation) = match self {
            Self::Worker { worker, generation } => (0, worker as u32, generation),
            Self::CopyFlows { copy } => (1, copy, 0),
            Self::Copy { copy, generation } => (2, copy, generation),
            Self::Arrival { source } => (3, source, 0),
            Self::Decide => (4, 0, 0),
            Self::Decided => (5, 0, 0),
            Self::Environment { trigger } => (6, trigger, 0),
            Self::Prepared { worker } => (7, worker as u32, 0),
        };
        ((kind as u64) << 60) | ((index as u64) << 32) | generation as u64
    }

    /// The inverse of [`Self::packed`].
    #[inline]
    pub(super) const fn unpacked(word: u64) -> Self {
        let index = (word >> 32) as u32 & INDEX_MASK;
        let generation = word as u32;
        match word >> 60 {
            0 => Self::Worker { worker: index as u16, generation },
            1 => Self::CopyFlows { copy: index },
            2 => Self::Copy { copy: index, generation },
            3 => Self::Arrival { source: index },
            4 => Self::Decide,
            5 => Self::Decided,
            6 => Self::Environment { trigger: index },
            _ => Self::Prepared { worker: index as u16 },
        }
    }
}

const INDEX_MASK: u32 = (1 << 28) - 1;

/// Who shares bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Worker(u16),
    Copy(u32),
    /// Someone else who takes bandwidth.
    Hog(u16),
}

/// What a worker can be occupied by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Occupation {
    Segment {
        slot: u32,
        segment: u32,
    },
    Copy {
        copy: u32,
    },
    /// A frame of the user interface.
    Frame,
    /// Preparing a unit of the plan of that number.
    Preparation {
        number: u32,
    },
}

/// Something that waits for a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) occupation: Occupation,
    pub(super) priority: i32,
    /// Order among all that wait on any worker.
    pub(super) ticket: u64,
    pub(super) since_ns: u64,
}

/// A worker at run time.
#[derive(Debug, Default)]
pub(super) struct WorkerState {
    pub(super) running: Option<Occupation>,
    pub(super) waiting: VecDeque<Waiting>,
    /// The kernel that runs, as an index into the program; meaningless during an invocation or a copy.
    pub(super) kernel: u32,
    /// One past the last kernel of the segment.
    pub(super) kernel_end: u32,
    pub(super) in_invocation: bool,
    /// Whether a frame runs between two kernels of the segment.
    pub(super) paused: bool,
    pub(super) ready_ns: u64,
    pub(super) start_ns: u64,
    pub(super) solo_ns: u64,
    pub(super) shares_bandwidth: bool,
    /// Request and end of the segment that ran last.
    pub(super) last_segment_end: Option<(RequestId, u64)>,
    pub(super) generation: u32,
}

/// A request in flight. Vectors are indexed by segment or by fragment of its program and are reused from request to request.
#[derive(Debug, Default)]
pub(super) struct RequestState {
    pub(super) id: RequestId,
    pub(super) model: ModelId,
    pub(super) program: Rc<Program>,
    pub(super) source: u32,
    /// Its number in its stream.
    pub(super) ordinal: u64,
    pub(super) arrived_ns: u64,
    /// When the request arrived that brought it about, or brought about the one that did.
    pub(super) origin_ns: u64,
    pub(super) deadline_ns: Option<u64>,
    pub(super) priority: i32,
    /// Segments and outputs not yet there; 0 when the request is complete (and its slot free).
    pub(super) left: u32,
    /// Whether the strategy gave it up: nothing more of it starts.
    pub(super) given_up: bool,
    /// Of a request given up, segments and copies that run still.
    pub(super) running: u32,
    pub(super) segments_done: u32,
    /// For each segment, fragments (in its worker's memory) and predecessors in sequence that it waits for.
    pub(super) missing: Vec<u32>,
    /// For each segment, its worker or [`UNPLACED`].
    pub(super) placed: Vec<u16>,
    /// For each fragment, memories that hold it, as bits.
    pub(super) present: Vec<u32>,
    /// For each fragment, memories it is being copied to, as bits.
    pub(super) in_flight: Vec<u32>,
    /// For each segment, fragments not yet made; kept only where the plan leaves segments open.
    pub(super) unmade: Vec<u32>,
}

/// A copy under way or waiting for the worker that it blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct CopyState {
    pub(super) slot: u32,
    pub(super) fragment: u32,
    pub(super) link: LinkId,
    pub(super) bytes: u64,
    pub(super) requested_ns: u64,
    pub(super) start_ns: u64,
    pub(super) blocks: Option<WorkerId>,
    pub(super) flowing: bool,
    pub(super) generation: u32,
}

impl Default for RequestId {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Default for ModelId {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

/// Things with reusable slots.
#[derive(Debug)]
pub(super) struct Slots<T> {
    pub(super) items: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// Takes the slot freed last, or a new one made by `make`.
    #[inline]
    pub(super) fn take(&mut self, make: impl FnOnce() -> T) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.items.push(make());
            self.items.len() as u32 - 1
        })
    }

    #[inline]
    pub(super) fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }
}
