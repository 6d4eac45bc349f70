//! Time covered by intervals that may overlap.

/// Nanoseconds that lie in at least one of the intervals `(start, end)`.
pub fn covered_ns(mut intervals: Vec<(u64, u64)>) -> u64 {
    intervals.sort_unstable();
    let (mut covered, mut reached) = (0, 0);
    for (start, end) in intervals {
        let start = start.max(reached);
        if end > start {
            covered += end - start;
            reached = end;
        }
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::covered_ns;

    #[test]
    fn overlaps_count_once() {
        for (intervals, expected) in [
            (vec![], 0),
            (vec![(3, 3)], 0),
            (vec![(0, 5), (5, 7)], 7),
            (vec![(10, 20), (0, 12), (15, 16)], 20),
            (vec![(0, 100), (10, 20), (100, 101)], 101),
        ] {
            assert_eq!(covered_ns(intervals.clone()), expected, "{intervals:?}");
        }
    }
}
