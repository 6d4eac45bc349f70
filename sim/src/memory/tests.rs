use proptest::prelude::*;

use super::arena::{Item, pack};

/// Least arena for items that all conflict as intervals of time do, by trying every order of placing them at the lowest offset that
/// fits: one of these orders is optimal, as any packing can be let down without changing who lies above whom.
fn optimum(sizes: &[u64], spans: &[(u32, u32)]) -> u64 {
    fn place(sizes: &[u64], spans: &[(u32, u32)], placed: &mut Vec<(usize, u64)>, best: &mut u64) {
        let top = placed.iter().map(|&(index, offset)| offset + sizes[index]).max().unwrap_or(0);
        if top >= *best {
            return;
        }
        if placed.len() == sizes.len() {
            *best = top;
            return;
        }
        for index in 0..sizes.len() {
            if placed.iter().any(|&(known, _)| known == index) {
                continue;
            }
            let mut ends: Vec<(u64, u64)> = placed
                .iter()
                .filter(|&&(other, _)| overlaps(spans[index], spans[other]))
                .map(|&(other, offset)| (offset, offset + sizes[other]))
                .collect();
            ends.sort_unstable();
            let mut offset = 0;
            for (begin, end) in ends {
                if begin < offset + sizes[index] {
                    offset = offset.max(end);
                }
            }
            placed.push((index, offset));
            place(sizes, spans, placed, best);
            placed.pop();
        }
    }
    let mut best = u64::MAX;
    place(sizes, spans, &mut Vec::new(), &mut best);
    best
}

fn overlaps(one: (u32, u32), other: (u32, u32)) -> bool {
    one.0 <= other.1 && other.0 <= one.1
}

fn live(sizes: &[u64], spans: &[(u32, u32)]) -> u64 {
    let at = |time: u32| -> u64 {
        sizes.iter().zip(spans).filter(|(_, span)| span.0 <= time && time <= span.1).map(|(bytes, _)| bytes).sum()
    };
    (0..=40).map(at).max().unwrap_or(0)
}

#[test]
fn buffers_that_follow_each_other_share_a_place() {
    let sizes = [Item { bytes: 4 }, Item { bytes: 2 }, Item { bytes: 4 }, Item { bytes: 2 }];
    // A chain: each is alive with its neighbours only.
    let packing = pack(&sizes, &|one, other| one.abs_diff(other) <= 1);
    assert_eq!(packing.bytes, 6);
    assert_eq!(packing.offsets, [0, 4, 0, 4]);
}

#[test]
fn the_smallest_gap_that_fits_is_taken() {
    // 0, 1, 2 stand side by side; 3 (5 bytes) fits in the place of 0 (10 bytes) and of 1 (6 bytes).
    let sizes = [Item { bytes: 10 }, Item { bytes: 6 }, Item { bytes: 8 }, Item { bytes: 5 }];
    let conflict = |one: usize, other: usize| {
        let pair = (one.min(other), one.max(other));
        // 2 conflicts with all, 0 with 1.
        pair.1 == 2 || pair.0 == 2 || pair == (0, 1)
    };
    let packing = pack(&sizes, &conflict);
    assert_eq!(packing.bytes, 24);
    assert_eq!(packing.offsets[3], 0, "nothing that conflicts lies below");
}

proptest! {
    #[test]
    fn packing_lies_between_what_is_alive_and_everything(
        buffers in prop::collection::vec((1..50_u64, 0..20_u32, 0..20_u32), 1..7),
    ) {
        let sizes: Vec<u64> = buffers.iter().map(|buffer| buffer.0).collect();
        let spans: Vec<(u32, u32)> = buffers.iter().map(|buffer| (buffer.1, buffer.1 + buffer.2)).collect();
        let items: Vec<Item> = sizes.iter().map(|&bytes| Item { bytes }).collect();
        let packing = pack(&items, &|one, other| overlaps(spans[one], spans[other]));
        for one in 0..items.len() {
            for other in one + 1..items.len() {
                let apart = packing.offsets[one] + sizes[one] <= packing.offsets[other]
                    || packing.offsets[other] + sizes[other] <= packing.offsets[one];
                prop_assert!(apart || !overlaps(spans[one], spans[other]));
            }
        }
        let (least, best) = (live(&sizes, &spans), optimum(&sizes, &spans));
        prop_assert!(least <= best && best <= packing.bytes);
        prop_assert!(packing.bytes <= sizes.iter().sum::<u64>());
    }
}
