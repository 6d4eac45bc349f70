//! Nodes and edges alone.

use crate::graph::Graph;
use crate::identifiers::OperatorId;
use crate::task::TaskGraph;

/// A directed acyclic graph whose nodes are numbered in a topological order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dag {
    /// Nodes that each node reads from, ascending, each once.
    predecessors: Vec<Vec<usize>>,
    /// Nodes that read from each node, ascending, each once.
    successors: Vec<Vec<usize>>,
}

impl Dag {
    /// A graph of `count` nodes; edges lead from smaller to larger numbers and may repeat.
    ///
    /// # Panics
    /// If an edge leads backwards or to a node that is not there.
    pub fn new(count: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut dag = Self { predecessors: vec![Vec::new(); count], successors: vec![Vec::new(); count] };
        for (from, to) in edges {
            assert!(from < to && to < count, "edge {from} -> {to} among {count} nodes in topological order");
            dag.predecessors[to].push(from);
            dag.successors[from].push(to);
        }
        for neighbours in dag.predecessors.iter_mut().chain(&mut dag.successors) {
            neighbours.sort_unstable();
            neighbours.dedup();
        }
        dag
    }

    /// The tasks of a graph: node `n` is task `n`.
    pub fn of_tasks(tasks: &TaskGraph) -> Self {
        let edges = tasks.tasks().flat_map(|task| tasks.successors(task).map(move |next| (task.index(), next.index())));
        Self::new(tasks.task_count(), edges)
    }

    /// The operators of a model that every request runs, and the operator that each node is.
    pub fn of_operators(graph: &Graph) -> (Self, Vec<OperatorId>) {
        let dynamic: Vec<OperatorId> =
            graph.operators().iter().map(|operator| operator.id).filter(|&id| !graph.is_static(id)).collect();
        let node = |id: &OperatorId| dynamic.binary_search(id).ok();
        let edges = dynamic
            .iter()
            .enumerate()
            .flat_map(|(from, &id)| graph.successors(id).iter().filter_map(node).map(move |to| (from, to)).collect::<Vec<_>>());
        (Self::new(dynamic.len(), edges), dynamic.clone())
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.predecessors.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.predecessors.is_empty()
    }

    /// Nodes that a node reads from, ascending, each once.
    pub fn predecessors(&self, node: usize) -> &[usize] {
        &self.predecessors[node]
    }

    /// Nodes that read from a node, ascending, each once.
    pub fn successors(&self, node: usize) -> &[usize] {
        &self.successors[node]
    }
}
