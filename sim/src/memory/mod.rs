//! Memory allocation: which bytes a plan needs where, for how long, and how they are packed.
//!
//! Every fragment that a plan makes, and every copy of one in another memory, is a buffer. Two buffers may lie in the same bytes if
//! the plan's own dependencies force one of them to be done with before the other begins, whatever the timing: an allocation made
//! before the run is safe on any clock (`order.rs`). Buffers are packed greedily by size, each into the smallest gap that it fits
//! (`arena.rs`); a result of the size of what an element-wise kernel reads for the last time takes its place. Memories that are
//! mapped into each other without copying bytes are one pool. Weights stay for the life of the model, once for each pool that needs
//! them (`weights.rs`).

mod arena;
mod buffers;
mod order;
#[cfg(test)]
mod tests;
mod weights;

use crate::identifiers::{MemoryId, WorkerId};
use crate::plan::Program;
use crate::platform::Device;
use crate::task::TaskGraph;

pub use arena::{Item, Packing, pack};
pub use order::Order;
pub(crate) use weights::Resident;

/// How buffers are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Offsets and sizes are multiples of this many bytes; at least 1.
    pub alignment_bytes: u64,
    /// Whether results may take the place of inputs that nobody reads any more.
    pub in_place: bool,
    /// Whether parts of one data item lie at their places in one buffer of the whole, as who reads the whole needs them.
    pub whole_data: bool,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { alignment_bytes: 64, in_place: true, whole_data: false }
    }
}

/// What one pool holds for one request at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolPlan {
    /// Memories that are mapped into each other without copies.
    pub memories: Vec<MemoryId>,
    /// Bytes of the arena that holds all buffers of a request.
    pub arena_bytes: u64,
    /// Bytes that are alive at once in any execution of the plan: no arena can be smaller.
    pub lower_bound_bytes: u64,
    /// Bytes if every buffer had a place of its own.
    pub separate_bytes: u64,
    /// Bytes of weights, as long as the model is loaded.
    pub weight_bytes: u64,
}

/// Where a buffer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The fragment, as an index into [`Program::fragments`]; where parts lie in one buffer, the first of their data item.
    pub fragment: u32,
    /// The pool, as an index into [`MemoryPlan::pools`].
    pub pool: u32,
    /// Offset in the pool's arena.
    pub offset: u64,
    /// Bytes, rounded up to the alignment.
    pub bytes: u64,
    /// Whether it lies where another one was.
    pub in_place: bool,
    /// Whether only kernels of the segment that makes it read it.
    pub is_internal: bool,
}

/// The memory of one model under one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Pools that hold anything, or could.
    pub pools: Vec<PoolPlan>,
    /// Every buffer, by fragment, then by pool.
    pub allocations: Vec<Allocation>,
}

impl MemoryPlan {
    /// The memory that a program needs when segment `s` runs on `placed[s]`.
    ///
    /// # Panics
    /// If there is not one worker for each segment.
    pub fn of(program: &Program, placed: &[WorkerId], tasks: &TaskGraph, device: &Device, options: MemoryOptions) -> Self {
        assert_eq!(placed.len(), program.segment_count(), "one worker for each segment");
        let pools = Pools::of(device);
        let pool_of_segment: Vec<u32> = placed.iter().map(|&worker| pools.of_worker(device, worker)).collect();
        let host = pools.of_memory[device.host().index()];
        let order = Order::of(program, &pool_of_segment, host, |kernel| kernel);
        let mut buffers = buffers::collect(program, &pool_of_segment, host, tasks, &order);
        if options.whole_data {
            buffers = buffers::join(buffers, program, tasks);
        }
        let rounded = |bytes: u64| bytes.next_multiple_of(options.alignment_bytes.max(1));
        for buffer in &mut buffers {
            buffer.bytes = rounded(buffer.bytes);
        }
        let roots =
            if options.in_place { buffers::reuse(&mut buffers, program, tasks, &order) } else { (0..buffers.len()).collect() };
        let mut resident = Resident::default();
        resident.add(program, placed, tasks, device, &pools);
        let weights = resident.bytes(tasks, device, &pools);
        let mut offsets = vec![0; buffers.len()];
        let plans = pools.memories.into_iter().enumerate().map(|(pool, memories)| {
            let own = |index: &usize| buffers[*index].pool == pool as u32;
            let stores: Vec<usize> = (0..buffers.len()).filter(own).filter(|&index| roots[index] == index).collect();
            let conflict = |one: usize, other: usize| order.conflict(&buffers[stores[one]], &buffers[stores[other]]);
            let sizes: Vec<Item> = stores.iter().map(|&index| Item { bytes: buffers[index].bytes }).collect();
            let packing = pack(&sizes, &conflict);
            for (&index, &offset) in stores.iter().zip(&packing.offsets) {
                offsets[index] = offset;
            }
            PoolPlan {
                memories,
                arena_bytes: packing.bytes,
                lower_bound_bytes: order.lower_bound(&stores.iter().map(|&index| &buffers[index]).collect::<Vec<_>>()),
                separate_bytes: (0..buffers.len()).filter(own).map(|index| buffers[index].bytes).sum(),
                weight_bytes: weights[pool],
            }
        });
        let plans: Vec<PoolPlan> = plans.collect();
        let allocations = buffers.iter().enumerate().map(|(index, buffer)| Allocation {
            fragment: buffer.fragment,
            pool: buffer.pool,
            offset: offsets[roots[index]],
            bytes: buffer.bytes,
            in_place: roots[index] != index,
            is_internal: buffer.is_internal,
        });
        Self { allocations: allocations.collect(), pools: plans }
    }

    /// The memory of a program whose plan places every segment; `None` where it leaves one open.
    pub fn of_program(program: &Program, tasks: &TaskGraph, device: &Device, options: MemoryOptions) -> Option<Self> {
        let placed: Vec<WorkerId> = program.workers().collect::<Option<_>>()?;
        Some(Self::of(program, &placed, tasks, device, options))
    }

    /// Bytes of all arenas: what each request in flight needs.
    pub fn arena_bytes(&self) -> u64 {
        self.pools.iter().map(|pool| pool.arena_bytes).sum()
    }

    /// Bytes of weights over all pools.
    pub fn weight_bytes(&self) -> u64 {
        self.pools.iter().map(|pool| pool.weight_bytes).sum()
    }

    /// Sum of the pools' lower bounds.
    pub fn lower_bound_bytes(&self) -> u64 {
        self.pools.iter().map(|pool| pool.lower_bound_bytes).sum()
    }

    /// Bytes of the arenas if every buffer had a place of its own.
    pub fn separate_bytes(&self) -> u64 {
        self.pools.iter().map(|pool| pool.separate_bytes).sum()
    }

    /// Weights and the arenas of one request.
    pub fn peak_bytes(&self) -> u64 {
        self.weight_bytes().saturating_add(self.arena_bytes())
    }

    /// Where a fragment lies in a pool.
    pub fn allocation(&self, fragment: u32, pool: u32) -> Option<&Allocation> {
        let index = self.allocations.binary_search_by_key(&(fragment, pool), |at| (at.fragment, at.pool)).ok()?;
        Some(&self.allocations[index])
    }
}

/// Memories grouped by zero-copy mapping.
pub(crate) struct Pools {
    /// The pool of each memory.
    pub(crate) of_memory: Vec<u32>,
    /// The memories of each pool.
    pub(crate) memories: Vec<Vec<MemoryId>>,
}

impl Pools {
    /// Two memories are one pool where links lead both ways over which no byte flows and nothing is transformed.
    pub(crate) fn of(device: &Device) -> Self {
        let count = device.memories().len();
        let mut of_memory = vec![u32::MAX; count];
        let mut memories: Vec<Vec<MemoryId>> = Vec::new();
        let is_mapped = |from: MemoryId, to: MemoryId| {
            let link = device.route(from, to).map(|link| device.link(link));
            link.is_some_and(|link| link.bytes_per_second.is_infinite() && link.ns_per_byte == 0.0)
        };
        for first in 0..count {
            if of_memory[first] != u32::MAX {
                continue;
            }
            let pool = memories.len() as u32;
            of_memory[first] = pool;
            let mut members = vec![MemoryId::from_index(first)];
            let mut next = 0;
            while let Some(&from) = members.get(next) {
                for other in (0..count).filter(|&other| of_memory[other] == u32::MAX).collect::<Vec<_>>() {
                    let to = MemoryId::from_index(other);
                    if is_mapped(from, to) && is_mapped(to, from) {
                        of_memory[other] = pool;
                        members.push(to);
                    }
                }
                next += 1;
            }
            members.sort_unstable();
            memories.push(members);
        }
        Self { of_memory, memories }
    }

    /// The pool that a worker computes in.
    pub(crate) fn of_worker(&self, device: &Device, worker: WorkerId) -> u32 {
        self.of_memory[device.worker(worker).memory.index()]
    }
}
