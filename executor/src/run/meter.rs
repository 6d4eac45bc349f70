//! Bytes that a run allocates, counted where they are allocated.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::processor::UnitMemory;
use crate::run::layout::{Layout, Space};

/// Bytes now and at most.
#[derive(Debug, Default)]
struct Count {
    now: AtomicU64,
    most: AtomicU64,
}

impl Count {
    fn add(&self, bytes: u64) {
        let now = self.now.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: u64) {
        self.now.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

/// What memory between launches is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Arenas.
    Arena,
    /// What lies apart.
    Apart,
}

/// Counts of every address space.
#[derive(Debug)]
pub(super) struct Meter {
    spaces: Vec<[Count; 2]>,
    all: Count,
}

impl Meter {
    pub(super) fn new(workers: usize) -> Self {
        Self { spaces: (0..Space::count(workers)).map(|_| Default::default()).collect(), all: Count::default() }
    }

    pub(super) fn add(&self, space: Space, what: Use, bytes: usize) {
        self.spaces[space.index()][what as usize].add(bytes as u64);
        self.all.add(bytes as u64);
    }

    pub(super) fn subtract(&self, space: Space, what: Use, bytes: usize) {
        self.spaces[space.index()][what as usize].subtract(bytes as u64);
        self.all.subtract(bytes as u64);
    }

    /// The memory of a worker's processor: the most bytes of each of its spaces.
    fn own(&self, worker: usize) -> SpaceMemory {
        let [wholes, parts] = [1, 2].map(|space| self.space(2 * worker + space));
        SpaceMemory { arena_bytes: wholes.arena_bytes + parts.arena_bytes, apart_bytes: wholes.apart_bytes + parts.apart_bytes }
    }

    fn space(&self, space: usize) -> SpaceMemory {
        let [arenas, apart] = &self.spaces[space];
        SpaceMemory { arena_bytes: arenas.most(), apart_bytes: apart.most() }
    }
}

/// Memory between launches of one address space: the most bytes at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceMemory {
    /// Arenas: one for each slot of requests in flight.
    pub arena_bytes: u64,
    /// What has no place in an arena: inputs, what host and device share by mapping, what open segments make, and everything where
    /// a processor gives no windows.
    pub apart_bytes: u64,
}

/// What one worker's processor holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerMemory {
    /// In its own memory; zeros where it computes in the host's.
    pub own: SpaceMemory,
    /// What its prepared units hold.
    pub units: UnitMemory,
}

/// The places that were planned for one request of a model, all address spaces together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlannedArena {
    /// Bytes of the arenas.
    pub bytes: u64,
    /// Bytes that are alive at once in any execution: no arena can be smaller.
    pub lower_bound_bytes: u64,
    /// Bytes if everything had a place of its own.
    pub separate_bytes: u64,
}

impl PlannedArena {
    pub(super) fn of(layout: &Layout) -> Self {
        layout.arenas.iter().fold(Self::default(), |sum, arena| Self {
            bytes: sum.bytes + arena.bytes as u64,
            lower_bound_bytes: sum.lower_bound_bytes + arena.lower_bound_bytes as u64,
            separate_bytes: sum.separate_bytes + arena.separate_bytes as u64,
        })
    }
}

/// Memory that a run allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeasuredMemory {
    /// In the host's memory.
    pub host: SpaceMemory,
    /// By each worker's processor, in the device's order.
    pub workers: Vec<WorkerMemory>,
    /// Arenas and what lies apart, everywhere: the most bytes at once.
    pub peak_bytes: u64,
    /// For each model the arena of one request by the plan in force at the end; `None` where that plan leaves segments open.
    pub planned: Vec<Option<PlannedArena>>,
}

impl MeasuredMemory {
    pub(super) fn of(meter: &Meter, units: &[UnitMemory], planned: Vec<Option<PlannedArena>>) -> Self {
        let worker = |(index, &units): (usize, &UnitMemory)| WorkerMemory { own: meter.own(index), units };
        Self {
            host: meter.space(0),
            workers: units.iter().enumerate().map(worker).collect(),
            peak_bytes: meter.all.most(),
            planned,
        }
    }

    /// Arenas over all address spaces.
    pub fn arena_bytes(&self) -> u64 {
        self.host.arena_bytes + self.workers.iter().map(|worker| worker.own.arena_bytes).sum::<u64>()
    }

    /// What lies apart over all address spaces.
    pub fn apart_bytes(&self) -> u64 {
        self.host.apart_bytes + self.workers.iter().map(|worker| worker.own.apart_bytes).sum::<u64>()
    }

    /// Constants in layouts or memories of processors.
    pub fn constant_bytes(&self) -> u64 {
        self.workers.iter().map(|worker| worker.units.constant_bytes).sum()
    }

    /// Scratch memory of units, and what processors of one library have in common, once.
    pub fn scratch_bytes(&self) -> u64 {
        let common = self.workers.iter().map(|worker| worker.units.common_bytes).max().unwrap_or(0);
        self.workers.iter().map(|worker| worker.units.scratch_bytes).sum::<u64>() + common
    }
}
