//! Tracks of a group: a slice goes to the first track that is free when it begins.

use std::collections::BTreeMap;

use super::slices::{Group, Slice};

/// For each slice its lane within its group, and the number of lanes of each group.
pub(super) fn lanes(slices: &[Slice]) -> (Vec<usize>, BTreeMap<Group, usize>) {
    let mut order: Vec<usize> = (0..slices.len()).collect();
    order.sort_by_key(|&index| (slices[index].group, slices[index].start_ns, slices[index].end_ns, index));
    let mut lane_of = vec![0; slices.len()];
    let mut counts = BTreeMap::new();
    for same in order.chunk_by(|&one, &next| slices[one].group == slices[next].group) {
        let mut free_from_ns: Vec<u64> = Vec::new();
        for &index in same {
            let slice = &slices[index];
            let lane = free_from_ns.iter().position(|&free| free <= slice.start_ns).unwrap_or_else(|| {
                free_from_ns.push(0);
                free_from_ns.len() - 1
            });
            free_from_ns[lane] = slice.end_ns;
            lane_of[index] = lane;
        }
        counts.insert(slices[same[0]].group, free_from_ns.len());
    }
    (lane_of, counts)
}
