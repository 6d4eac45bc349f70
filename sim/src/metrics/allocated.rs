//! Memory that an executor allocated: part of the report of a measured run, filled in by who ran it.

use serde::{Deserialize, Serialize};

/// Memory that an executor allocated, where [`Report::memory`](crate::metrics::Report::memory) is what plans need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatedReport {
    /// Tensors between launches, in all memories: the most bytes at once.
    pub peak_bytes: u64,
    /// Tensors between launches, memory by memory; the host's first.
    pub memories: Vec<AllocatedMemory>,
    /// Tensors inside of what is launched at once, in scratch memory of processors.
    pub scratch_bytes: u64,
    /// Weights in memories or layouts of processors, beside the host's copy.
    pub weight_bytes: u64,
    /// For each model the arenas of one request by its last plan; `None` where that leaves segments open, so that nothing is planned.
    pub requests: Vec<Option<AllocatedRequest>>,
}

/// Tensors between launches in one memory: the most bytes at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatedMemory {
    /// `host`, or the worker whose processor's memory it is.
    pub name: String,
    /// Arenas.
    pub arena_bytes: u64,
    /// What has no place in an arena.
    pub apart_bytes: u64,
}

/// Arenas of one request, over all memories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatedRequest {
    /// Their bytes.
    pub arena_bytes: u64,
    /// Bytes that are alive at once in any case.
    pub lower_bound_bytes: u64,
    /// Bytes if everything had a place of its own.
    pub separate_bytes: u64,
}
