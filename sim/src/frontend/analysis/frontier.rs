//! Searching a tangle in topological order: what must be remembered is where the nodes lie that later ones still read.

use super::dag::Dag;

/// For each of some nodes (ascending), those before it among them that it or a later one reads from, or a node outside of them.
///
/// A dynamic program in this order needs one state for each placement of these: the cost so far depends on no other node. (This is a path
/// decomposition of the graph along its topological order; Bodlaender, "A Partial k-Arboretum of Graphs with Bounded Treewidth", 1998.)
pub fn frontiers(dag: &Dag, nodes: &[usize]) -> Vec<Vec<usize>> {
    // Place of the last reader; a reader outside reads at the end.
    let last_read = |node: usize| dag.successors(node).iter().map(|next| nodes.binary_search(next).unwrap_or(nodes.len())).max();
    let last_read: Vec<Option<usize>> = nodes.iter().map(|&node| last_read(node)).collect();
    let mut live: Vec<usize> = Vec::new();
    let mut frontiers = Vec::with_capacity(nodes.len());
    for place in 0..nodes.len() {
        live.retain(|&earlier| last_read[earlier].is_some_and(|last| last >= place));
        frontiers.push(live.iter().map(|&earlier| nodes[earlier]).collect());
        live.push(place);
    }
    frontiers
}
