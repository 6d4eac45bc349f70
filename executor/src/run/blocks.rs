//! Host memory of a run, shared by all workers: an arena for each slot, and blocks for what lies apart.

#![allow(unsafe_code, reason = "places that nobody needs any more are filled with NaN")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::buffer::HostBuffer;
use crate::run::layout::{Layout, Space, Window};
use crate::run::meter::{Meter, Use};
use crate::run::version::Version;

/// What an apart block holds. Slots are reused, so that the same launches meet the same blocks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BlockKey {
    /// A whole data item: slot, model, data item.
    Data(u32, u32, u32),
    /// A part of one, dense, before it is merged: slot, number of the plan, fragment.
    Part(u32, u32, u32),
}

/// Whose an arena is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ArenaKey {
    /// Of all plans made before the run: a slot holds one request at a time.
    Slot(u32),
    /// Of a plan made during the run that needs more: slot, model, number of the plan.
    Plan(u32, u32, u32),
}

/// Memory of a run in the host's memory, and how much there is of it everywhere.
#[derive(Debug)]
pub(super) struct HostMemory {
    blocks: Mutex<BTreeMap<BlockKey, Arc<HostBuffer>>>,
    arenas: Mutex<BTreeMap<ArenaKey, Arc<HostBuffer>>>,
    /// Bytes of a slot's arena in each space: the most that a plan made before the run needs.
    slot_bytes: OnceLock<Vec<usize>>,
    pub(super) meter: Meter,
    /// For each window of a request in flight, how many launches and copies will still touch it; `None` if nobody wants to know.
    touches: Option<Mutex<Touches>>,
}

/// By slot and number of the plan: a count for each window.
type Touches = BTreeMap<(u32, u32), Vec<u32>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HostMemory {
    pub(super) fn new(workers: usize, poisons: bool) -> Self {
        Self {
            blocks: Mutex::default(),
            arenas: Mutex::default(),
            slot_bytes: OnceLock::new(),
            meter: Meter::new(workers),
            touches: poisons.then(Mutex::default),
        }
    }

    /// What lies apart, filled with `initial` or zeros when it is first asked for.
    pub(super) fn apart(&self, key: BlockKey, bytes: usize, initial: Option<&[u8]>) -> Arc<HostBuffer> {
        let make = || {
            self.meter.add(Space::HOST, Use::Apart, bytes);
            initial.map_or_else(|| HostBuffer::zeroed(bytes), HostBuffer::from_bytes)
        };
        Arc::clone(lock(&self.blocks).entry(key).or_insert_with(make))
    }

    /// Makes slots' arenas large enough for these plans. Once, before the run.
    pub(super) fn size_slots<'a>(&self, layouts: impl Iterator<Item = &'a Layout>) {
        let spaces = layouts.fold(Vec::new(), |mut most: Vec<usize>, layout| {
            most.resize(layout.arenas.len(), 0);
            most.iter_mut().zip(&layout.arenas).for_each(|(most, arena)| *most = arena.bytes.max(*most));
            most
        });
        let _ = self.slot_bytes.set(spaces);
    }

    /// The arena that a plan uses in a space for a slot, and its size.
    pub(super) fn arena_of(&self, slot: u32, version: &Version, layout: &Layout, space: Space) -> (ArenaKey, usize) {
        let of_slot = self.slot_bytes.get().and_then(|bytes| bytes.get(space.index())).copied().unwrap_or(0);
        let needed = layout.arenas[space.index()].bytes;
        let own = ArenaKey::Plan(slot, version.model.0, version.number);
        if needed <= of_slot { (ArenaKey::Slot(slot), of_slot) } else { (own, needed) }
    }

    /// A window of an arena in host memory.
    pub(super) fn window(&self, slot: u32, version: &Version, layout: &Layout, window: Window) -> Arc<HostBuffer> {
        let (key, bytes) = self.arena_of(slot, version, layout, Space::HOST);
        let make = || {
            self.meter.add(Space::HOST, Use::Arena, bytes);
            HostBuffer::zeroed(bytes)
        };
        lock(&self.arenas).entry(key).or_insert_with(make).window(window.offset_bytes, window.bytes)
    }

    /// Forgets what plans before this one, made during the run, had in a slot. Their memory goes when all workers have forgotten it.
    pub(super) fn forget_before(&self, slot: u32, version: &Version) {
        lock(&self.arenas).retain(|&key, arena| {
            let stays = !matches!(key, ArenaKey::Plan(of, model, number) if of == slot && version.replaces(model, number));
            if !stays {
                self.meter.subtract(Space::HOST, Use::Arena, arena.len());
            }
            stays
        });
    }

    /// Whether places are filled with NaN when nobody needs them any more.
    pub(super) const fn poisons(&self) -> bool {
        self.touches.is_some()
    }

    /// A request begins.
    pub(super) fn begin(&self, slot: u32, version: &Version) {
        if let (Some(touches), Some(layout)) = (&self.touches, version.layout()) {
            let counts = layout.windows.iter().map(|window| window.touches).collect();
            lock(touches).insert((slot, version.number), counts);
        }
    }

    /// A launch or a copy has touched a window; whether it was the last that does.
    pub(super) fn touched(&self, slot: u32, version: &Version, window: u32) -> bool {
        let Some(touches) = &self.touches else { return false };
        let mut touches = lock(touches);
        let Some(left) = touches.get_mut(&(slot, version.number)).and_then(|counts| counts.get_mut(window as usize)) else {
            return false;
        };
        *left = left.saturating_sub(1);
        *left == 0
    }
}

/// Bytes that no kernel can make sense of: NaN in every floating-point type, -1 in every integer.
pub(super) const POISON: u8 = 0xFF;

/// Fills a buffer with [`POISON`].
///
/// # Safety
/// Nobody else may touch the bytes meanwhile.
pub(super) unsafe fn poison(buffer: &HostBuffer) {
    // SAFETY: as the caller promises.
    unsafe { buffer.bytes_mut() }.fill(POISON);
}
