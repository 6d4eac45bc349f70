//! Which intermediate tensors share a buffer. A buffer each, not places in one: in one dispatch a buffer may not be both read
//! and written.

use std::collections::{BTreeMap, BTreeSet};

use sim::identifiers::TensorId;

use super::plan::{Source, Step};

/// Buffers of the intermediate tensors of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Size of each buffer in bytes.
    pub(super) sizes: Vec<u64>,
    /// Index of the buffer of each intermediate tensor.
    pub(super) places: BTreeMap<TensorId, usize>,
}

impl Memory {
    /// Gives a tensor, from its first write to its last read, the buffer that fits best among those that are free, or else
    /// enlarges the largest of them.
    pub(super) fn of(steps: &[Step], operands: &BTreeSet<TensorId>, bytes: impl Fn(TensorId) -> u64) -> Self {
        let mut last_use: BTreeMap<TensorId, usize> = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            let reads = step.reads.iter().filter_map(|source| match source {
                Source::Tensor(tensor) => Some(*tensor),
                Source::Constant(_) => None,
            });
            last_use.extend(reads.chain([step.writes]).map(|tensor| (tensor, index)));
        }
        let mut memory = Self::default();
        let mut free: BTreeSet<usize> = BTreeSet::new();
        for (index, step) in steps.iter().enumerate() {
            let tensor = step.writes;
            if !operands.contains(&tensor) && !memory.places.contains_key(&tensor) {
                let size = bytes(tensor);
                let fitting = free.iter().copied().filter(|&place| memory.sizes[place] >= size);
                let best = fitting.min_by_key(|&place| memory.sizes[place]);
                let place = best.or_else(|| free.iter().copied().max_by_key(|&place| memory.sizes[place])).unwrap_or_else(|| {
                    memory.sizes.push(0);
                    memory.sizes.len() - 1
                });
                free.remove(&place);
                memory.sizes[place] = memory.sizes[place].max(size);
                memory.places.insert(tensor, place);
            }
            let ended = memory.places.iter().filter(|&(tensor, _)| last_use.get(tensor) == Some(&index));
            free.extend(ended.map(|(_, &place)| place));
        }
        memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_and_never_read_and_written_at_once() {
        let tensor = TensorId::from_index;
        let step = |reads: &[usize], writes: usize| Step {
            operator: 0,
            label: "test",
            source: String::new(),
            parameters: Vec::new(),
            reads: reads.iter().map(|&read| Source::Tensor(tensor(read))).collect(),
            writes: tensor(writes),
            groups: [1; 3],
        };
        // A chain with a residual: 0 and 5 are operands.
        let steps = [step(&[0], 1), step(&[1], 2), step(&[2], 3), step(&[3, 1], 4), step(&[4], 5)];
        let operands = [tensor(0), tensor(5)].into();
        let memory = Memory::of(&steps, &operands, |tensor| if tensor.index() == 4 { 80 } else { 40 });
        let places: Vec<usize> = (1..5).map(|index| memory.places[&tensor(index)]).collect();
        assert_eq!((places, memory.sizes), (vec![0, 1, 2, 1], vec![40, 80, 40]));
    }
}
