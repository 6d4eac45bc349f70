//! Taking a graph apart into chains and parallel branches.

use super::dag::Dag;

/// Blocks within blocks; deeper ones are taken as tangles.
const MAXIMUM_DEPTH: u32 = 64;

/// A part of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A cut: every path through the chain that it is in passes it.
    Node(usize),
    /// Branches that have no edge between them. They begin where the chain was before and end where it goes on.
    Parallel {
        /// Each a chain, not empty; in order of their first nodes.
        branches: Vec<Vec<Block>>,
        /// Whether there is an edge past all branches too, as around a residual block.
        is_bypassed: bool,
    },
    /// Connected nodes that several edges enter or leave, ascending: not series-parallel at this level.
    Tangle(Vec<usize>),
}

/// A graph as a chain of blocks.
///
/// An edge leads from a node to the next node of its chain, into or out of the parallel block or tangle between the two, or past it. So
/// all edges into a branch come from the node before its block, and all edges out of it lead to the node after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decomposition {
    /// The chain.
    pub blocks: Vec<Block>,
}

/// What there is of each kind in a decomposition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nodes that are cuts of the whole graph.
    pub cuts: usize,
    /// Most nodes in a row of one chain with nothing between.
    pub longest_chain: usize,
    /// Parallel blocks of two branches or more.
    pub parallel_blocks: usize,
    /// Most branches of a parallel block.
    pub most_branches: usize,
    /// Nodes of the largest tangle.
    pub largest_tangle: usize,
}

impl Decomposition {
    /// Takes a graph apart, in `O(depth x (nodes + edges))` with a depth of at most 64.
    pub fn of(dag: &Dag) -> Self {
        let all: Vec<usize> = (0..dag.len()).collect();
        let mut scratch = Scratch { member: vec![0; dag.len()], stamp: 0, component: vec![usize::MAX; dag.len()] };
        Self { blocks: chain(dag, &all, 0, &mut scratch) }
    }

    /// How many there are of each kind.
    pub fn counts(&self) -> Counts {
        let mut counts =
            Counts { cuts: self.blocks.iter().filter(|block| matches!(block, Block::Node(_))).count(), ..Counts::default() };
        count(&self.blocks, &mut counts);
        counts
    }
}

fn count(blocks: &[Block], counts: &mut Counts) {
    let mut row = 0;
    for block in blocks {
        row = if matches!(block, Block::Node(_)) { row + 1 } else { 0 };
        counts.longest_chain = counts.longest_chain.max(row);
        match block {
            Block::Node(_) => {}
            Block::Tangle(nodes) => counts.largest_tangle = counts.largest_tangle.max(nodes.len()),
            Block::Parallel { branches, .. } => {
                counts.parallel_blocks += usize::from(branches.len() > 1);
                counts.most_branches = counts.most_branches.max(branches.len());
                for branch in branches {
                    count(branch, counts);
                }
            }
        }
    }
}

/// Which nodes are looked at, without clearing between.
struct Scratch {
    member: Vec<u64>,
    stamp: u64,
    component: Vec<usize>,
}

/// The chain that some nodes make, ascending. Whatever leads in or out of them counts as beginning or end.
fn chain(dag: &Dag, nodes: &[usize], depth: u32, scratch: &mut Scratch) -> Vec<Block> {
    scratch.stamp += 1;
    let stamp = scratch.stamp;
    for &node in nodes {
        scratch.member[node] = stamp;
    }
    let is_inside = |node: &&usize| scratch.member[**node] == stamp;
    let begins = |node: usize| dag.predecessors(node).is_empty() || !dag.predecessors(node).iter().all(|node| is_inside(&node));
    // How many places an edge reaches: its end, in the order of the nodes.
    let reach = |node: usize| {
        let successors = dag.successors(node);
        if successors.is_empty() || !successors.iter().all(|node| is_inside(&node)) {
            usize::MAX
        } else {
            *successors.last().unwrap_or(&node)
        }
    };
    let last_beginning = nodes.iter().rposition(|&node| begins(node)).unwrap_or(0);
    let mut farthest = 0;
    let mut cuts = Vec::new();
    for (place, &node) in nodes.iter().enumerate() {
        // No edge jumps over the node: neither from the beginning to a later one nor from an earlier one.
        if place >= last_beginning && farthest <= node {
            cuts.push(place);
        }
        farthest = farthest.max(reach(node));
    }
    let mut stretches = Vec::new();
    let mut begin = 0_usize;
    for place in cuts.iter().copied().chain([nodes.len()]) {
        let is_bypassed = match (begin.checked_sub(1), nodes.get(place)) {
            (Some(before), Some(after)) => dag.successors(nodes[before]).binary_search(after).is_ok(),
            // By an edge from before the chain, or to behind it.
            (None, Some(&after)) => !dag.predecessors(after).iter().all(|node| is_inside(&node)),
            (Some(before), None) => !dag.successors(nodes[before]).iter().all(|node| is_inside(&node)),
            (None, None) => false,
        };
        stretches.push((begin, place, is_bypassed));
        begin = place + 1;
    }
    // What follows looks at other nodes.
    let mut blocks = Vec::new();
    for (begin, place, is_bypassed) in stretches {
        blocks.extend(between(dag, &nodes[begin..place], is_bypassed, depth, scratch));
        if place < nodes.len() {
            blocks.push(Block::Node(nodes[place]));
        }
    }
    blocks
}

/// The block of the nodes between two cuts; `None` for none.
fn between(dag: &Dag, nodes: &[usize], is_bypassed: bool, depth: u32, scratch: &mut Scratch) -> Option<Block> {
    if nodes.is_empty() {
        return None;
    }
    let components = components(dag, nodes, scratch);
    // A single piece that every path passes has no cut of its own: it would be one of the chain.
    if depth >= MAXIMUM_DEPTH || components.len() == 1 && !is_bypassed {
        return Some(Block::Tangle(nodes.to_vec()));
    }
    let branches = components.iter().map(|nodes| chain(dag, nodes, depth + 1, scratch)).collect();
    Some(Block::Parallel { branches, is_bypassed })
}

/// Nodes that hang together, each set ascending, in order of their first nodes.
fn components(dag: &Dag, nodes: &[usize], scratch: &mut Scratch) -> Vec<Vec<usize>> {
    scratch.stamp += 1;
    for &node in nodes {
        scratch.member[node] = scratch.stamp;
        scratch.component[node] = usize::MAX;
    }
    let mut found: Vec<Vec<usize>> = Vec::new();
    for &first in nodes {
        if scratch.component[first] != usize::MAX {
            continue;
        }
        let mut members = Vec::new();
        let mut open = vec![first];
        scratch.component[first] = found.len();
        while let Some(node) = open.pop() {
            members.push(node);
            for &next in dag.predecessors(node).iter().chain(dag.successors(node)) {
                if scratch.member[next] == scratch.stamp && scratch.component[next] == usize::MAX {
                    scratch.component[next] = found.len();
                    open.push(next);
                }
            }
        }
        members.sort_unstable();
        found.push(members);
    }
    found
}
