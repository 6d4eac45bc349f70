//! How many placements there are, and how many must be looked at.

use super::dag::Dag;
use super::decompose::{Block, Decomposition};
use super::frontier::frontiers;

/// Sizes of the search for a placement, as decimal logarithms: the numbers themselves exceed any type.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SearchSpace {
    /// Placements of `n` nodes on `w` workers: `w^n`.
    pub all_log10: f64,
    /// What a dynamic program over the blocks looks at, where the cost is a sum over nodes and edges: `w^2` for each node of a chain (its
    /// worker, and that of the node before), all branches of a parallel block once for each worker of the node before it, and for a tangle
    /// of `k`, given that too, `w^k`, or node by node `w^(f+1)` for a frontier of `f`, whichever is less.
    pub pruned_log10: f64,
}

impl SearchSpace {
    /// The sizes for a number of workers.
    pub fn of(dag: &Dag, decomposition: &Decomposition, workers: usize) -> Self {
        let worker_log10 = libm::log10(workers.max(1) as f64);
        let pruned_log10 = evaluations_log10(dag, &decomposition.blocks, worker_log10).max(0.0);
        Self { all_log10: nodes(&decomposition.blocks) as f64 * worker_log10, pruned_log10 }
    }
}

fn nodes(blocks: &[Block]) -> usize {
    let of = |block: &Block| match block {
        Block::Node(_) => 1,
        Block::Tangle(members) => members.len(),
        Block::Parallel { branches, .. } => branches.iter().map(|branch| nodes(branch)).sum(),
    };
    blocks.iter().map(of).sum()
}

fn evaluations_log10(dag: &Dag, blocks: &[Block], worker_log10: f64) -> f64 {
    let of = |(place, block): (usize, &Block)| {
        // What comes first in a branch follows the node before its block, whose workers are counted there.
        let before = if place == 0 { 0.0 } else { worker_log10 };
        before
            + match block {
                Block::Node(_) => worker_log10,
                Block::Tangle(nodes) => {
                    let steps = frontiers(dag, nodes).into_iter().map(|frontier| (frontier.len() + 1) as f64 * worker_log10);
                    (nodes.len() as f64 * worker_log10).min(sum_log10(steps))
                }
                Block::Parallel { branches, .. } => {
                    sum_log10(branches.iter().map(|branch| evaluations_log10(dag, branch, worker_log10)))
                }
            }
    };
    sum_log10(blocks.iter().enumerate().map(of))
}

/// Logarithm of the sum of numbers given by their logarithms.
fn sum_log10(logarithms: impl Iterator<Item = f64>) -> f64 {
    let logarithms: Vec<f64> = logarithms.collect();
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() {
        return largest;
    }
    largest + libm::log10(logarithms.iter().map(|logarithm| libm::pow(10.0, logarithm - largest)).sum())
}
