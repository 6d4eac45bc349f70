//! What a plan forces to happen before what: launches and copies as a partial order.

use crate::memory::buffers::Buffer;
use crate::plan::{NO_SEGMENT, OUTPUT, Program};

/// The partial order of a program's launches and copies. Launches are nodes `0..launches`, copies the nodes behind.
///
/// The simulator launches kernel by kernel; who launches several at once, as the executor does, says which.
#[derive(Clone, Debug)]
pub struct Order {
    words: usize,
    /// `ancestors[node * words..][..words]`: nodes that have ended before a node begins, as bits.
    ancestors: Vec<u64>,
    /// Copies: fragment and destination of node `launches + index`, sorted.
    pub(super) copies: Vec<(u32, u32)>,
    launches: u32,
}

impl Order {
    /// Launches of a segment run one after the other, a segment after the copies of what it reads and after the segments that made
    /// it, and where the plan is sequenced after the segment before it on its worker.
    ///
    /// `places[s]` is where segment `s` computes (any numbers: copies lead from one to another), `host` where requests arrive.
    /// `launch_of` numbers the launch of each kernel: 0 for the first, and never less than that of the kernel before.
    ///
    /// # Panics
    /// If there is not one place for each segment.
    pub fn of(program: &Program, places: &[u32], host: u32, launch_of: impl Fn(u32) -> u32) -> Self {
        assert_eq!(places.len(), program.segment_count(), "one place for each segment");
        let launches = (program.kernel_count() as u32).checked_sub(1).map_or(0, |last| launch_of(last) + 1);
        let mut order = Self { words: 0, ancestors: Vec::new(), copies: copies(program, places, host), launches };
        let nodes = launches as usize + order.copies.len();
        order.words = nodes.div_ceil(64);
        order.ancestors = vec![0; nodes * order.words];
        let last_of = |segment: u32| launch_of(program.kernel_range(segment).end - 1);
        let mut before = vec![NO_SEGMENT; program.segment_count()];
        for segment in 0..program.segment_count() as u32 {
            let next = program.next_in_sequence(segment);
            if next != NO_SEGMENT {
                before[next as usize] = segment;
            }
        }
        for segment in 0..program.segment_count() as u32 {
            let place = places[segment as usize];
            let range = program.kernel_range(segment);
            let first = launch_of(range.start);
            for &fragment in program.needs(segment) {
                let maker = program.fragments()[fragment as usize].maker;
                let copy = order.copy(fragment, place);
                if maker != NO_SEGMENT {
                    order.follow(last_of(maker), copy.unwrap_or(first));
                }
                if let Some(copy) = copy {
                    order.follow(copy, first);
                }
            }
            if before[segment as usize] != NO_SEGMENT {
                order.follow(last_of(before[segment as usize]), first);
            }
            for launch in first..last_of(segment) {
                order.follow(launch, launch + 1);
            }
        }
        // Copies for the requester, which no segment asked for.
        for index in 0..order.copies.len() {
            let maker = program.fragments()[order.copies[index].0 as usize].maker;
            if maker != NO_SEGMENT {
                order.follow(last_of(maker), launches + index as u32);
            }
        }
        order
    }

    /// Number of launches and copies.
    pub fn nodes(&self) -> u32 {
        self.launches + self.copies.len() as u32
    }

    /// Number of launches: the nodes before those of copies.
    pub const fn launches(&self) -> u32 {
        self.launches
    }

    /// Copies in the order of their nodes: fragment, and where to.
    pub fn copies(&self) -> &[(u32, u32)] {
        &self.copies
    }

    /// The copy of a fragment to a place, as a node.
    pub fn copy(&self, fragment: u32, place: u32) -> Option<u32> {
        self.copies.binary_search(&(fragment, place)).ok().map(|index| self.launches + index as u32)
    }

    /// Whether one node has ended before another begins, in every execution.
    pub fn is_before(&self, one: u32, other: u32) -> bool {
        self.ancestors[other as usize * self.words + one as usize / 64] >> (one % 64) & 1 == 1
    }

    /// Whether two buffers can be alive at the same time.
    pub(super) fn conflict(&self, one: &Buffer, other: &Buffer) -> bool {
        !self.is_done_before(one, other) && !self.is_done_before(other, one)
    }

    fn is_done_before(&self, one: &Buffer, other: &Buffer) -> bool {
        let is_before_all = |node: u32| other.made_by.iter().all(|&made| self.is_before(node, made));
        !one.is_kept && !other.is_given && one.made_by.iter().chain(&one.used_by).all(|&node| is_before_all(node))
    }

    /// The most bytes that are alive at one node in every execution, over all nodes.
    pub(super) fn lower_bound(&self, buffers: &[&Buffer]) -> u64 {
        let alive = |node: u32| {
            let is_alive = |buffer: &Buffer| {
                let has_begun = buffer.is_given || buffer.made_by.iter().any(|&made| made == node || self.is_before(made, node));
                let is_needed = buffer.is_kept
                    || buffer.made_by.contains(&node)
                    || buffer.used_by.iter().any(|&used| used == node || self.is_before(node, used));
                has_begun && is_needed
            };
            buffers.iter().filter(|buffer| is_alive(buffer)).map(|buffer| buffer.bytes).sum::<u64>()
        };
        let kept = buffers.iter().filter(|buffer| buffer.is_kept).map(|buffer| buffer.bytes).sum();
        let given = buffers.iter().filter(|buffer| buffer.is_given).map(|buffer| buffer.bytes).sum();
        (0..self.nodes()).map(alive).max().unwrap_or(0).max(kept).max(given)
    }

    /// `node` begins after `before` has ended, and so after all that ended before that.
    fn follow(&mut self, before: u32, node: u32) {
        let (before_row, row) = (before as usize * self.words, node as usize * self.words);
        for word in 0..self.words {
            self.ancestors[row + word] |= self.ancestors[before_row + word];
        }
        self.ancestors[row + before as usize / 64] |= 1 << (before % 64);
    }
}

/// Fragments that are copied, and into which pool, each once, sorted.
fn copies(program: &Program, pool_of_segment: &[u32], host: u32) -> Vec<(u32, u32)> {
    let mut copies = Vec::new();
    for (fragment, made) in program.fragments().iter().enumerate() {
        let from = if made.maker == NO_SEGMENT { host } else { pool_of_segment[made.maker as usize] };
        for &reader in program.readers(fragment as u32) {
            let to = if reader == OUTPUT { host } else { pool_of_segment[reader as usize] };
            if to != from {
                copies.push((fragment as u32, to));
            }
        }
    }
    copies.sort_unstable();
    copies.dedup();
    copies
}
