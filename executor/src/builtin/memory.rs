//! Where tensors lie: lifetimes and an arena.

/// Boundary of places in an arena.
const ALIGNMENT_BYTES: usize = 64;

/// Something that needs a place from one step to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    pub(super) bytes: usize,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// An offset for each, and the bytes of all. Larger ones choose first, each the lowest gap among those that live at the same time
/// (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020: greedy by size).
pub(super) fn place(lifetimes: &[Lifetime]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lifetimes.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(lifetimes[index].bytes), index));
    let mut offsets = vec![0; lifetimes.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut total = 0;
    for index in order {
        let one = lifetimes[index];
        let bytes = one.bytes.next_multiple_of(ALIGNMENT_BYTES);
        let mut offset = 0;
        // `placed` is in the order of offsets.
        for &other in &placed {
            let there = lifetimes[other];
            if there.last < one.first || one.last < there.first {
                continue;
            }
            if offset + bytes <= offsets[other] {
                break;
            }
            offset = offset.max(offsets[other] + there.bytes.next_multiple_of(ALIGNMENT_BYTES));
        }
        offsets[index] = offset;
        total = total.max(offset + bytes);
        let at = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(at, index);
    }
    (offsets, total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_place_of_the_dead_is_used_again() {
        let lifetime = |bytes, first, last| Lifetime { bytes, first, last };
        let chain = [lifetime(640, 0, 1), lifetime(640, 1, 2), lifetime(640, 2, 3)];
        assert_eq!(place(&chain), (vec![0, 640, 0], 1280));
    }

    proptest! {
        #[test]
        fn what_lives_at_the_same_time_does_not_overlap(
            all in prop::collection::vec((0_usize..500, 0_usize..10, 0_usize..5), 0..30),
        ) {
            let lifetimes: Vec<_> =
                all.iter().map(|&(bytes, first, length)| Lifetime { bytes, first, last: first + length }).collect();
            let (offsets, total) = place(&lifetimes);
            for one in 0..lifetimes.len() {
                prop_assert!(offsets[one] + lifetimes[one].bytes <= total);
                for other in 0..one {
                    let (a, b) = (lifetimes[one], lifetimes[other]);
                    let apart = offsets[one] + a.bytes <= offsets[other] || offsets[other] + b.bytes <= offsets[one];
                    prop_assert!(a.last < b.first || b.last < a.first || apart);
                }
            }
        }
    }
}
