//! Arrows from a prediction to what was measured, or back: the same kernel, copy and request in two runs.

use std::collections::BTreeMap;

use sim::plan::Part;
use sim::record::{Outcome, Record};

use crate::RunResult;

/// One of two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    One,
    Other,
}

/// Two records of the same thing, by their indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) one: usize,
    pub(super) other: usize,
    /// The run in which it began first: arrows point forward in time.
    pub(super) leaves: Side,
}

/// What makes two records the same: what it is, of which request, of what, and which part.
type Key = (u8, u32, u32, Part, u32);

/// Links between two runs of the same requests. What is in one of them only has none; of several alike, each has its own.
pub(super) fn links(one: &RunResult<'_>, other: &RunResult<'_>) -> Vec<Link> {
    let mut of_other: BTreeMap<(Key, u32), (usize, u64)> = BTreeMap::new();
    for (index, start_ns, key) in keyed(other) {
        of_other.insert(key, (index, start_ns));
    }
    let link = |(index, start_ns, key): (usize, u64, (Key, u32))| {
        let &(other, other_start_ns) = of_other.get(&key)?;
        let leaves = if start_ns <= other_start_ns { Side::One } else { Side::Other };
        Some(Link { one: index, other, leaves })
    };
    keyed(one).into_iter().filter_map(link).collect()
}

/// Records that can be linked, with their begin, and a key counted among equal ones.
fn keyed(run: &RunResult<'_>) -> Vec<(usize, u64, (Key, u32))> {
    let mut counts: BTreeMap<Key, u32> = BTreeMap::new();
    let mut keyed = Vec::new();
    for (index, record) in run.records.iter().enumerate() {
        let (start_ns, key) = match record {
            Record::Request(it) if it.outcome == Outcome::Completed => (it.arrived_ns, (0, it.request.0, 0, Part::Whole, 0)),
            // Kernels timed with an earlier one have no time of their own.
            Record::Kernel(it) if it.kernels > 0 => (it.start_ns, (1, it.request.0, it.task.0, it.part, 0)),
            Record::Copy(it) => (it.start_ns, (2, it.request.0, it.data.0, Part::Whole, it.link.0)),
            _ => continue,
        };
        let count = counts.entry(key).or_default();
        keyed.push((index, start_ns, (key, *count)));
        *count += 1;
    }
    keyed
}
