//! What a plan forces to happen before what: kernels and copies as a partial order.

use crate::memory::buffers::Buffer;
use crate::plan::{NO_SEGMENT, OUTPUT, Program};

/// The partial order of a program's kernels and copies. Kernels are nodes `0..kernel_count`, copies the nodes behind.
pub(super) struct Order {
    words: usize,
    /// `ancestors[node * words..][..words]`: nodes that have ended before a node begins, as bits.
    ancestors: Vec<u64>,
    /// Copies: fragment and destination pool of node `kernel_count + index`, sorted.
    pub(super) copies: Vec<(u32, u32)>,
    kernels: u32,
}

impl Order {
    /// Kernels of a segment run one after the other, a segment after the copies of what it reads and after the segments that made
    /// it, and where the plan is sequenced after the segment before it on its worker.
    pub(super) fn of(program: &Program, pool_of_segment: &[u32], host: u32) -> Self {
        let kernels = program.kernel_count() as u32;
        let mut order = Self { words: 0, ancestors: Vec::new(), copies: copies(program, pool_of_segment, host), kernels };
        let nodes = kernels as usize + order.copies.len();
        order.words = nodes.div_ceil(64);
        order.ancestors = vec![0; nodes * order.words];
        let mut before = vec![NO_SEGMENT; program.segment_count()];
        for segment in 0..program.segment_count() as u32 {
            let next = program.next_in_sequence(segment);
            if next != NO_SEGMENT {
                before[next as usize] = segment;
            }
        }
        for segment in 0..program.segment_count() as u32 {
            let pool = pool_of_segment[segment as usize];
            let range = program.kernel_range(segment);
            let first = range.start;
            for &fragment in program.needs(segment) {
                let maker = program.fragments()[fragment as usize].maker;
                if let Some(copy) = order.copy(fragment, pool) {
                    order.follow_maker(program, maker, copy);
                    order.follow(copy, first);
                } else {
                    order.follow_maker(program, maker, first);
                }
            }
            if before[segment as usize] != NO_SEGMENT {
                order.follow_maker(program, before[segment as usize], first);
            }
            for kernel in range.skip(1) {
                order.follow(kernel - 1, kernel);
            }
        }
        // Copies for the requester, which no segment asked for.
        for index in 0..order.copies.len() {
            let maker = program.fragments()[order.copies[index].0 as usize].maker;
            order.follow_maker(program, maker, kernels + index as u32);
        }
        order
    }

    /// The copy of a fragment into a pool, as a node.
    pub(super) fn copy(&self, fragment: u32, pool: u32) -> Option<u32> {
        self.copies.binary_search(&(fragment, pool)).ok().map(|index| self.kernels + index as u32)
    }

    /// Whether one node has ended before another begins, in every execution.
    pub(super) fn is_before(&self, one: u32, other: u32) -> bool {
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
        let nodes = self.kernels + self.copies.len() as u32;
        let kept = buffers.iter().filter(|buffer| buffer.is_kept).map(|buffer| buffer.bytes).sum();
        let given = buffers.iter().filter(|buffer| buffer.is_given).map(|buffer| buffer.bytes).sum();
        (0..nodes).map(alive).max().unwrap_or(0).max(kept).max(given)
    }

    fn follow_maker(&mut self, program: &Program, maker: u32, node: u32) {
        if maker != NO_SEGMENT {
            self.follow(program.kernel_range(maker).end - 1, node);
        }
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
