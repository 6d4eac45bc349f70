//! Bytes of weights: once for each pool whose workers compute with them, once more for each worker that repacks them.

use std::collections::BTreeMap;

use crate::graph::OperatorWork;
use crate::identifiers::{SegmentId, TaskId, WorkerId};
use crate::memory::Pools;
use crate::plan::{Part, Program};
use crate::platform::Device;
use crate::task::TaskGraph;

/// Whose copy of a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    /// Workers of a pool that use weights as they are.
    Pool(u32),
    /// A worker with a layout of its own.
    Worker(WorkerId),
}

/// Weights that must be there: of one plan, or of all that a model is run by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resident(BTreeMap<(Holder, TaskId), Vec<Part>>);

impl Resident {
    /// Adds what a program needs when segment `s` runs on `placed[s]`.
    pub(crate) fn add(&mut self, program: &Program, placed: &[WorkerId], tasks: &TaskGraph, device: &Device, pools: &Pools) {
        for (segment, &worker) in placed.iter().enumerate() {
            let holder = if device.repacks_weights(worker) {
                Holder::Worker(worker)
            } else {
                Holder::Pool(pools.of_worker(device, worker))
            };
            for kernel in program.kernel_range(SegmentId::from_index(segment).0) {
                let piece = program.kernel(kernel);
                if tasks.work(piece.task).is_some_and(|work| work.weight_bytes > 0) {
                    let parts = self.0.entry((holder, piece.task)).or_default();
                    if !parts.contains(&piece.part) {
                        parts.push(piece.part);
                    }
                }
            }
        }
    }

    /// Bytes in each pool. A part by channels needs its channels' share, any other all.
    pub(crate) fn bytes(&self, tasks: &TaskGraph, device: &Device, pools: &Pools) -> Vec<u64> {
        let mut bytes = vec![0_u64; pools.memories.len()];
        for (&(holder, task), parts) in &self.0 {
            let pool = match holder {
                Holder::Pool(pool) => pool,
                Holder::Worker(worker) => pools.of_worker(device, worker),
            };
            let weights = tasks.work(task).map_or(0, |work| of_parts(work, parts));
            bytes[pool as usize] = bytes[pool as usize].saturating_add(weights);
        }
        bytes
    }
}

/// Weights that some parts of a task need together.
fn of_parts(work: &OperatorWork, parts: &[Part]) -> u64 {
    if parts.iter().any(|part| !matches!(part, Part::Channels { .. })) {
        return work.weight_bytes;
    }
    let at = |boundary: u32, of: u32| Part::Channels { begin: 0, end: boundary, of }.share(work.weight_bytes);
    let mut spans: Vec<(u64, u64)> = parts
        .iter()
        .map(|part| {
            let (begin, end, of) = part.range();
            (at(begin, of), at(end, of))
        })
        .collect();
    crate::metrics::covered_ns(std::mem::take(&mut spans))
}
