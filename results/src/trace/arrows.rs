//! Arrows of a run, by the slices that they leave and arrive at.

use super::flows::flows;
use super::slices::{Category, Slice};
use crate::RunResult;

/// Arrows by the record they leave and the record they arrive at.
pub(super) struct Arrows {
    leaving: Vec<(usize, u64)>,
    arriving: Vec<(usize, u64)>,
}

impl Arrows {
    pub(super) fn new(run: &RunResult<'_>, number: u32, ends: &[(usize, u64, bool)]) -> Self {
        let base = u64::from(number) << 32;
        let (mut leaving, mut arriving) = (Vec::new(), Vec::new());
        for (index, (from, to)) in flows(run).into_iter().enumerate() {
            leaving.push((from, base + index as u64));
            arriving.push((to, base + index as u64));
        }
        for &(record, arrow, leaves) in ends {
            if leaves { &mut leaving } else { &mut arriving }.push((record, arrow));
        }
        leaving.sort_unstable();
        arriving.sort_unstable();
        Self { leaving, arriving }
    }

    /// Arrows that leave and arrive at a slice; the slice of a blocked worker has none, its copy's has them.
    pub(super) fn of(&self, slice: &Slice) -> (Vec<u64>, Vec<u64>) {
        if slice.category == Category::Blocked {
            return (Vec::new(), Vec::new());
        }
        (of_record(&self.leaving, slice.record), of_record(&self.arriving, slice.record))
    }
}

fn of_record(arrows: &[(usize, u64)], record: usize) -> Vec<u64> {
    let begin = arrows.partition_point(|arrow| arrow.0 < record);
    arrows[begin..].iter().take_while(|arrow| arrow.0 == record).map(|arrow| arrow.1).collect()
}
