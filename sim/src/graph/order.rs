//! Topological order that keeps the order of the file, and cycles by name.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// Who reads from whom: an edge from every producer to every consumer, without repetition.
pub(super) type Dependencies = DiGraph<(), ()>;

/// Dependencies of `count` operators; `edges` may repeat.
pub(super) fn dependencies(count: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Dependencies {
    let mut edges: Vec<_> = edges.into_iter().collect();
    edges.sort_unstable();
    edges.dedup();
    let mut graph = Dependencies::with_capacity(count, edges.len());
    for _ in 0..count {
        graph.add_node(());
    }
    for (from, to) in edges {
        graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
    }
    graph
}

/// Every operator after those that it depends on, the earliest of the file first among those that are ready.
/// `Err` holds the operators of one cycle, along its edges.
pub(super) fn topological_order(graph: &Dependencies) -> Result<Vec<usize>, Vec<usize>> {
    let mut waiting: Vec<usize> =
        graph.node_indices().map(|node| graph.neighbors_directed(node, petgraph::Direction::Incoming).count()).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(index, _)| Reverse(index)).collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for next in graph.neighbors(NodeIndex::new(index)) {
            waiting[next.index()] -= 1;
            if waiting[next.index()] == 0 {
                ready.push(Reverse(next.index()));
            }
        }
    }
    if order.len() == waiting.len() { Ok(order) } else { Err(cycle(graph)) }
}

/// A cycle of a graph that has one.
fn cycle(graph: &Dependencies) -> Vec<usize> {
    let is_cyclic = |component: &[NodeIndex]| component.len() > 1 || graph.contains_edge(component[0], component[0]);
    let Some(component) = tarjan_scc(graph).into_iter().find(|component| is_cyclic(component)) else {
        return Vec::new();
    };
    // Inside a strongly connected component every operator has a successor: walking must come back.
    let members: std::collections::BTreeSet<_> = component.iter().copied().collect();
    let mut walk: Vec<NodeIndex> = Vec::new();
    let mut next = members.first().copied();
    while let Some(node) = next {
        if let Some(start) = walk.iter().position(|&seen| seen == node) {
            return walk[start..].iter().map(|node| node.index()).collect();
        }
        walk.push(node);
        next = graph.neighbors(node).filter(|neighbor| members.contains(neighbor)).min();
    }
    component.iter().map(|node| node.index()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cycles_are_walked_along_edges() {
        let graph = dependencies(5, [(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)]);
        assert_eq!(topological_order(&graph), Err(vec![1, 2, 3]));
        assert_eq!(topological_order(&dependencies(1, [(0, 0)])), Err(vec![0]));
    }

    proptest! {
        #[test]
        fn every_edge_goes_forward_and_file_order_is_kept(
            edges in prop::collection::vec((0_usize..30, 0_usize..30), 0..80),
            shuffle in Just((0..30_usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let forward: Vec<_> = edges.iter().filter(|(from, to)| from < to).copied().collect();
            prop_assert_eq!(topological_order(&dependencies(30, forward.clone())), Ok((0..30).collect::<Vec<_>>()));
            let shuffled = forward.iter().map(|&(from, to)| (shuffle[from], shuffle[to]));
            let order = topological_order(&dependencies(30, shuffled.clone())).unwrap();
            let place = |index: usize| order.iter().position(|&other| other == index).unwrap();
            for (from, to) in shuffled {
                prop_assert!(place(from) < place(to));
            }
        }
    }
}
