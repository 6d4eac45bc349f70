//! Packing buffers into an arena: greedy by size, each into the smallest gap that it fits.
//!
//! The rule is that of the memory planner of `TFLite` (Pisarchyk and Lee, 2020, "greedy by size"), with conflicts from a partial order in
//! place of intervals of time. Ignored: any other order of placing; the gap to the lower bound is reported instead.

/// Something to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// How many bytes.
    pub bytes: u64,
}

/// Where things lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// Offset of each item, in their order.
    pub offsets: Vec<u64>,
    /// Bytes of the arena.
    pub bytes: u64,
}

/// Places items such that no two that conflict overlap; the largest first, of equal ones the first. `conflict` is asked about
/// indices and must be symmetric.
pub fn pack(items: &[Item], conflict: &dyn Fn(usize, usize) -> bool) -> Packing {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(items[index].bytes), index));
    let mut packing = Packing { offsets: vec![0; items.len()], bytes: 0 };
    // Placed items, by offset.
    let mut placed: Vec<usize> = Vec::with_capacity(items.len());
    for index in order {
        let bytes = items[index].bytes;
        if bytes == 0 {
            continue;
        }
        let mut best: Option<(u64, u64)> = None;
        let mut end = 0;
        for &other in placed.iter().filter(|&&other| conflict(index, other)) {
            let begin = packing.offsets[other];
            let gap = begin.saturating_sub(end);
            if gap >= bytes && best.is_none_or(|(smallest, _)| gap < smallest) {
                best = Some((gap, end));
            }
            end = end.max(begin.saturating_add(items[other].bytes));
        }
        let offset = best.map_or(end, |(_, offset)| offset);
        packing.offsets[index] = offset;
        packing.bytes = packing.bytes.max(offset.saturating_add(bytes));
        let at = placed.partition_point(|&other| packing.offsets[other] <= offset);
        placed.insert(at, index);
    }
    packing
}
