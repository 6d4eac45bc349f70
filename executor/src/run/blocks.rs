//! Where tensors lie: one block for each data item of a slot, in host memory and in the memory of each processor that has its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::buffer::HostBuffer;

/// What a block holds. Slots are reused, so that the same launches meet the same blocks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BlockKey {
    /// A whole data item: slot, model, data item.
    Data(u32, u32, u32),
    /// A part of one, dense, before it is merged: slot, number of the plan, fragment.
    Part(u32, u32, u32),
}

/// Blocks in host memory, shared by all workers; they live as long as the run.
#[derive(Debug, Default)]
pub(super) struct HostBlocks(Mutex<BTreeMap<BlockKey, Arc<HostBuffer>>>);

impl HostBlocks {
    /// The block of a key, filled with `initial` or zeros when it is first asked for.
    pub(super) fn get(&self, key: BlockKey, bytes: usize, initial: Option<&[u8]>) -> Arc<HostBuffer> {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || initial.map_or_else(|| HostBuffer::zeroed(bytes), HostBuffer::from_bytes);
        Arc::clone(blocks.entry(key).or_insert_with(make))
    }

    /// Bytes of all blocks.
    pub(super) fn bytes(&self) -> u64 {
        let blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.values().map(|block| block.len() as u64).sum()
    }
}
