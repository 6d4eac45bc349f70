//! Decompositions against definitions and brute force.

use proptest::prelude::*;

use super::*;

/// Every path as a chain: `a.b` nodes in a row, `(x|y)` branches, `~` an edge past them, `{..}` a tangle.
fn written(blocks: &[Block]) -> String {
    let text = |block: &Block| match block {
        Block::Node(node) => node.to_string(),
        Block::Tangle(nodes) => format!("{{{}}}", nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        Block::Parallel { branches, is_bypassed } => {
            let branches: Vec<String> = branches.iter().map(|branch| written(branch)).collect();
            format!("({}{})", branches.join("|"), if *is_bypassed { "|~" } else { "" })
        }
    };
    blocks.iter().map(text).collect::<Vec<_>>().join(".")
}

fn check(count: usize, edges: &[(usize, usize)], expected: &str) {
    assert_eq!(written(&Decomposition::of(&Dag::new(count, edges.iter().copied())).blocks), expected);
}

#[test]
fn typical_graphs_are_taken_apart() {
    check(0, &[], "");
    check(1, &[], "0");
    check(3, &[(0, 1), (1, 2)], "0.1.2");
    check(2, &[], "(0|1)");
    // A residual block, then an inception block with a branch of two.
    check(4, &[(0, 1), (1, 2), (0, 2), (2, 3)], "0.(1|~).2.3");
    check(6, &[(0, 1), (0, 2), (2, 3), (0, 4), (1, 5), (3, 5), (4, 5)], "0.(1|2.3|4).5");
    // Blocks within branches.
    check(7, &[(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (0, 5), (4, 6), (5, 6)], "0.(1.(2|3).4|5).6");
    // The smallest graph that is not series-parallel: 1 and 2 feed 3, 2 feeds 4 too.
    check(6, &[(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 5), (4, 5)], "0.{1 2 3 4}.5");
    check(4, &[(0, 2), (1, 2), (1, 3)], "{0 1 2 3}");
    // A node that ends in the middle leads to the end, too.
    check(4, &[(0, 1), (0, 2), (2, 3)], "0.(1|2.3)");
    // A chain that reads what comes before it again and again.
    check(5, &[(0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (0, 3)], "0.((1|~).2|~).3.4");
}

#[test]
fn search_spaces() {
    let space = |count: usize, edges: &[(usize, usize)], workers: usize| {
        let dag = Dag::new(count, edges.iter().copied());
        let space = SearchSpace::of(&dag, &Decomposition::of(&dag), workers);
        (libm::round(libm::pow(10.0, space.all_log10)) as u64, libm::round(libm::pow(10.0, space.pruned_log10)) as u64)
    };
    assert_eq!(space(3, &[(0, 1), (1, 2)], 2), (8, 2 + 4 + 4));
    assert_eq!(space(6, &[(0, 1), (0, 2), (2, 3), (0, 4), (1, 5), (3, 5), (4, 5)], 3), (729, 3 + 3 * (3 + (3 + 9) + 3) + 9));
    assert_eq!(space(6, &[(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 5), (4, 5)], 2), (64, 2 + 2 * 16 + 4));
    assert_eq!(space(5, &[], 1), (1, 5));
    // Layers each of which reads what the first node makes.
    let masked: Vec<(usize, usize)> = (1..12).flat_map(|node| [(node, node + 1), (0, node)]).chain([(0, 12)]).collect();
    let (all, pruned) = space(13, &masked, 2);
    assert_eq!(all, 1 << 13);
    assert!(pruned < 100, "{pruned}");
    // The same, tangled: node by node, not all at once.
    let (_, pruned) = space(13, &[masked, vec![(1, 3), (2, 4), (4, 6), (5, 7), (7, 9), (8, 10)]].concat(), 2);
    assert!(pruned < 400, "{pruned}");
}

/// Random edges among a few nodes.
fn dags(most: usize) -> impl Strategy<Value = Dag> {
    (1..=most).prop_flat_map(|count| {
        prop::collection::vec((0..count, 0..count), 0..2 * count)
            .prop_map(move |pairs| Dag::new(count, pairs.into_iter().filter(|(from, to)| from < to)))
    })
}

/// Random series-parallel graphs, by growing edges between two ends.
fn series_parallel(steps: usize) -> impl Strategy<Value = Dag> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..steps).prop_map(|steps| {
        // Positions on a line keep the order topological: a node lies between the ends of the edge that it grows on.
        let mut places = vec![0.0, 1.0];
        let mut edges = vec![(0, 1)];
        for (pick, is_series) in steps {
            let index = pick.index(edges.len());
            let (from, to): (usize, usize) = edges[index];
            places.push(f64::midpoint(places[from], places[to]));
            let node = places.len() - 1;
            if is_series {
                edges[index] = (from, node);
            } else {
                edges.push((from, node));
            }
            edges.push((node, to));
        }
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by(|&one, &other| places[one].total_cmp(&places[other]));
        let mut number = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &node)| number[node] = place);
        Dag::new(places.len(), edges.into_iter().map(|(from, to)| (number[from], number[to])))
    })
}

fn collect(blocks: &[Block], nodes: &mut Vec<usize>) {
    for block in blocks {
        match block {
            Block::Node(node) => nodes.push(*node),
            Block::Tangle(members) => nodes.extend(members),
            Block::Parallel { branches, .. } => branches.iter().for_each(|branch| collect(branch, nodes)),
        }
    }
}

/// Whether a path from a node that nothing leads to, to a node that leads nowhere, avoids `without`.
fn can_avoid(dag: &Dag, without: usize) -> bool {
    let mut reached = vec![false; dag.len()];
    for node in (0..dag.len()).filter(|&node| node != without) {
        let predecessors = dag.predecessors(node);
        reached[node] = predecessors.is_empty() || predecessors.iter().any(|&before| reached[before]);
        if reached[node] && dag.successors(node).is_empty() {
            return true;
        }
    }
    false
}

/// Costs of nodes on workers, and of edges between different workers.
struct Costs {
    node: Vec<Vec<u64>>,
    edge: u64,
}

impl Costs {
    fn edges(&self, dag: &Dag, node: usize, worker: usize, placed: &[Option<usize>]) -> u64 {
        let neighbours = dag.predecessors(node).iter().chain(dag.successors(node));
        neighbours.filter(|&&other| placed[other].is_some_and(|place| place != worker)).count() as u64 * self.edge
    }

    /// Cheapest placement by trying everything.
    fn brute_force(&self, dag: &Dag, workers: usize) -> u64 {
        let mut placed = vec![None; dag.len()];
        self.tangle(dag, &(0..dag.len()).collect::<Vec<_>>(), workers, &mut placed)
    }

    /// Cheapest placement of some nodes, given those already placed: edges among them and to the placed ones.
    fn tangle(&self, dag: &Dag, nodes: &[usize], workers: usize, placed: &mut Vec<Option<usize>>) -> u64 {
        let Some((&node, rest)) = nodes.split_first() else { return 0 };
        let mut best = u64::MAX;
        for worker in 0..workers {
            let own = self.node[node][worker] + self.edges(dag, node, worker, placed);
            placed[node] = Some(worker);
            best = best.min(own + self.tangle(dag, rest, workers, placed));
            placed[node] = None;
        }
        best
    }

    /// Cheapest placement of a chain, given what is placed around it: block by block, remembering the last cut's worker only.
    fn chain(&self, dag: &Dag, blocks: &[Block], workers: usize, placed: &mut Vec<Option<usize>>) -> u64 {
        // Least cost up to the last cut, for each of its workers.
        let mut before: Vec<(Option<usize>, u64)> = vec![(None, 0)];
        let mut last = None;
        let mut waiting: Option<&Block> = None;
        for block in blocks {
            let Block::Node(node) = *block else {
                assert!(waiting.is_none(), "two blocks without a cut between");
                waiting = Some(block);
                continue;
            };
            let mut next = Vec::new();
            for worker in 0..workers {
                let mut best = u64::MAX;
                for &(place, cost) in &before {
                    if let Some(last) = last {
                        placed[last] = place;
                    }
                    let own = self.node[node][worker] + self.edges(dag, node, worker, placed);
                    placed[node] = Some(worker);
                    best = best.min(cost + own + waiting.map_or(0, |block| self.block(dag, block, workers, placed)));
                    placed[node] = None;
                }
                next.push((Some(worker), best));
            }
            if let Some(last) = last {
                placed[last] = None;
            }
            (before, last, waiting) = (next, Some(node), None);
        }
        let mut best = u64::MAX;
        for (place, cost) in before {
            if let Some(last) = last {
                placed[last] = place;
            }
            best = best.min(cost + waiting.map_or(0, |block| self.block(dag, block, workers, placed)));
        }
        if let Some(last) = last {
            placed[last] = None;
        }
        best
    }

    /// Cheapest placement node by node, remembering the workers of the frontier only.
    fn along_frontiers(&self, dag: &Dag, workers: usize) -> u64 {
        let nodes: Vec<usize> = (0..dag.len()).collect();
        let mut states = std::collections::BTreeMap::from([(Vec::new(), 0_u64)]);
        let mut frontiers = frontiers(dag, &nodes);
        frontiers.push(Vec::new());
        for node in nodes {
            let mut next = std::collections::BTreeMap::new();
            for (places, cost) in states {
                let mut placed = vec![None; dag.len()];
                frontiers[node].iter().zip(&places).for_each(|(&earlier, &place)| placed[earlier] = Some(place));
                for worker in 0..workers {
                    placed[node] = None;
                    let own = self.node[node][worker] + self.edges(dag, node, worker, &placed);
                    placed[node] = Some(worker);
                    let kept: Vec<usize> = frontiers[node + 1].iter().filter_map(|&earlier| placed[earlier]).collect();
                    let best = next.entry(kept).or_insert(u64::MAX);
                    *best = (*best).min(cost + own);
                }
            }
            states = next;
        }
        states.into_values().min().unwrap_or(0)
    }

    fn block(&self, dag: &Dag, block: &Block, workers: usize, placed: &mut Vec<Option<usize>>) -> u64 {
        match block {
            Block::Node(node) => self.tangle(dag, &[*node], workers, placed),
            Block::Tangle(nodes) => self.tangle(dag, nodes, workers, placed),
            Block::Parallel { branches, .. } => branches.iter().map(|branch| self.chain(dag, branch, workers, placed)).sum(),
        }
    }
}

proptest! {
    #[test]
    fn every_node_is_in_one_block_and_cuts_are_on_every_path(dag in dags(12)) {
        let decomposition = Decomposition::of(&dag);
        let mut nodes = Vec::new();
        collect(&decomposition.blocks, &mut nodes);
        nodes.sort_unstable();
        prop_assert_eq!(nodes, (0..dag.len()).collect::<Vec<_>>());
        let cuts: Vec<usize> = decomposition.blocks.iter().filter_map(|block| match block { Block::Node(node) => Some(*node), _ => None }).collect();
        let expected: Vec<usize> = (0..dag.len()).filter(|&node| !can_avoid(&dag, node)).collect();
        prop_assert_eq!(decomposition.counts().cuts, cuts.len());
        prop_assert_eq!(cuts, expected);
    }

    #[test]
    fn block_by_block_finds_the_cheapest_placement(
        dag in dags(7),
        costs in prop::collection::vec(prop::collection::vec(0_u64..20, 3), 7),
        edge in 0_u64..10,
        workers in 1_usize..4,
    ) {
        let costs = Costs { node: costs, edge };
        let decomposition = Decomposition::of(&dag);
        let found = costs.chain(&dag, &decomposition.blocks, workers, &mut vec![None; dag.len()]);
        let expected = costs.brute_force(&dag, workers);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(costs.along_frontiers(&dag, workers), expected);
    }

    #[test]
    fn series_parallel_graphs_have_no_tangles(dag in series_parallel(20)) {
        let decomposition = Decomposition::of(&dag);
        prop_assert_eq!(decomposition.counts().largest_tangle, 0, "{}", written(&decomposition.blocks));
    }
}
