//! Layouts of directed graphs in layers: ranks by longest path, order by barycentres, places by isotonic regression.
//!
//! After Sugiyama, Tagawa and Toda (1981). An edge over several layers gets a stand-in in each layer between, so that it goes around what
//! is there.

/// A graph laid out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layered {
    /// What stands in each layer, from left to right.
    pub(crate) layers: Vec<Vec<Place>>,
    /// For each edge of the input its places, from layer to layer, as (layer, index in the layer).
    pub(crate) routes: Vec<Vec<(usize, usize)>>,
    /// Where each node is, as (layer, index in the layer).
    pub(crate) nodes: Vec<(usize, usize)>,
}

/// A place in a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// The node; `None` of a stand-in.
    pub(crate) node: Option<usize>,
    /// Where its middle is.
    pub(crate) x: f64,
    /// How wide it is.
    pub(crate) width: f64,
}

/// Passes over all layers, down and up again.
const SWEEPS: usize = 12;

impl Layered {
    /// Lays out `count` nodes of a width. Edges are (from, to) with `from < to`; others are left out.
    pub(crate) fn new(count: usize, edges: &[(usize, usize)], width: f64, gap: f64) -> Self {
        let kept = |&&(from, to): &&(usize, usize)| from < to && to < count;
        let mut sorted: Vec<(usize, usize)> = edges.iter().filter(kept).copied().collect();
        sorted.sort_unstable_by_key(|&(from, to)| (to, from));
        let ranks = ranks(count, &sorted);
        let mut graph = Self { layers: vec![Vec::new(); ranks.iter().max().map_or(0, |most| most + 1)], ..Self::default() };
        // Cells are numbered: nodes first, then stand-ins. The links of each cell lead to the layer above and below.
        let mut cells: Vec<Cell> = ranks.iter().map(|&rank| Cell::new(rank, width)).collect();
        let mut routes = Vec::new();
        for &(from, to) in edges {
            let mut route = Vec::new();
            if from < to && to < count {
                route.push(from);
                for rank in ranks[from] + 1..ranks[to] {
                    cells.push(Cell::new(rank, 2.0));
                    route.push(cells.len() - 1);
                }
                route.push(to);
            }
            for pair in route.windows(2) {
                cells[pair[0]].below.push(pair[1]);
                cells[pair[1]].above.push(pair[0]);
            }
            routes.push(route);
        }
        let mut order: Vec<Vec<usize>> = vec![Vec::new(); graph.layers.len()];
        for (index, cell) in cells.iter().enumerate() {
            order[cell.rank].push(index);
        }
        arrange(&mut order, &cells);
        let x = places(&order, &cells, gap);
        let mut at = vec![(0, 0); cells.len()];
        for (rank, layer) in order.iter().enumerate() {
            for (index, &cell) in layer.iter().enumerate() {
                at[cell] = (rank, index);
                let node = (cell < count).then_some(cell);
                graph.layers[rank].push(Place { node, x: x[cell], width: cells[cell].width });
            }
        }
        graph.routes = routes.into_iter().map(|route| route.into_iter().map(|cell| at[cell]).collect()).collect();
        graph.nodes = at[..count].to_vec();
        graph
    }

    /// Links that cross from one layer to the next one.
    pub(crate) fn links_below(&self, layer: usize) -> usize {
        let crosses = |route: &&Vec<(usize, usize)>| route.iter().any(|at| at.0 == layer) && route.iter().any(|at| at.0 > layer);
        self.routes.iter().filter(crosses).count()
    }
}

struct Cell {
    rank: usize,
    width: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

impl Cell {
    fn new(rank: usize, width: f64) -> Self {
        Self { rank, width, above: Vec::new(), below: Vec::new() }
    }
}

/// The layer of each node: below all that it reads; what reads nothing is right above its first reader.
fn ranks(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0; count];
    for &(from, to) in edges {
        ranks[to] = ranks[to].max(ranks[from] + 1);
    }
    for (node, rank) in ranks.clone().into_iter().enumerate().filter(|(_, rank)| *rank == 0) {
        let first = edges.iter().filter(|edge| edge.0 == node).map(|edge| ranks[edge.1]).min();
        ranks[node] = first.map_or(rank, |first| first - 1);
    }
    ranks
}

/// Orders each layer by the mean place of its neighbours.
fn arrange(order: &mut [Vec<usize>], cells: &[Cell]) {
    let mut position = vec![0.0; cells.len()];
    let place = |layer: &[usize], position: &mut Vec<f64>| {
        for (index, &cell) in layer.iter().enumerate() {
            position[cell] = (index as f64 + 0.5) / layer.len() as f64;
        }
    };
    for layer in order.iter() {
        place(layer, &mut position);
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let count = order.len();
        for step in 0..count {
            let layer = &mut order[if down { step } else { count - 1 - step }];
            let target = |cell: usize| {
                let neighbours = if down { &cells[cell].above } else { &cells[cell].below };
                mean(neighbours.iter().map(|&it| position[it])).unwrap_or(position[cell])
            };
            let mut keyed: Vec<(f64, usize)> = layer.iter().map(|&cell| (target(cell), cell)).collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            *layer = keyed.into_iter().map(|(_, cell)| cell).collect();
            place(layer, &mut position);
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Where each cell's middle is: near its neighbours, apart from those beside it.
fn places(order: &[Vec<usize>], cells: &[Cell], gap: f64) -> Vec<f64> {
    let mut x = vec![0.0; cells.len()];
    let apart = |one: usize, other: usize| f64::midpoint(cells[one].width, cells[other].width) + gap;
    for layer in order {
        let mut at = 0.0;
        for (index, &cell) in layer.iter().enumerate() {
            if index > 0 {
                at += apart(layer[index - 1], cell);
            }
            x[cell] = at;
        }
        let middle = at / 2.0;
        for &cell in layer {
            x[cell] -= middle;
        }
    }
    for sweep in 0..2 * SWEEPS {
        let count = order.len();
        for step in 0..count {
            let layer = &order[if sweep % 2 == 0 { step } else { count - 1 - step }];
            let wanted = |&cell: &usize| {
                let both = cells[cell].above.iter().chain(&cells[cell].below);
                let one = if sweep % 2 == 0 { &cells[cell].above } else { &cells[cell].below };
                let last = sweep + 2 >= 2 * SWEEPS;
                let near = if last { mean(both.map(|&it| x[it])) } else { mean(one.iter().map(|&it| x[it])) };
                near.unwrap_or(x[cell])
            };
            let wanted: Vec<f64> = layer.iter().map(wanted).collect();
            let gaps: Vec<f64> = layer.windows(2).map(|pair| apart(pair[0], pair[1])).collect();
            for (&cell, at) in layer.iter().zip(spread(&wanted, &gaps)) {
                x[cell] = at;
            }
        }
    }
    x
}

/// The places nearest to those wanted, in sum of squares, that are at least these gaps apart: isotonic regression by pooling.
fn spread(wanted: &[f64], gaps: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    // Blocks of places that touch: sum of what they want less their offset, and how many.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    let mut offsets = Vec::new();
    for (index, want) in wanted.iter().enumerate() {
        if index > 0 {
            offset += gaps[index - 1];
        }
        offsets.push(offset);
        blocks.push((want - offset, 1));
        while let [.., before, last] = blocks.as_slice()
            && before.0 / before.1 as f64 >= last.0 / last.1 as f64
        {
            let pooled = (before.0 + last.0, before.1 + last.1);
            blocks.truncate(blocks.len() - 2);
            blocks.push(pooled);
        }
    }
    let level = blocks.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    level.zip(offsets).map(|(level, offset)| level + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_by_hand() {
        assert_eq!(spread(&[0.0, 10.0], &[3.0]), [0.0, 10.0]);
        assert_eq!(spread(&[0.0, 0.0], &[4.0]), [-2.0, 2.0]);
        assert_eq!(spread(&[5.0, 0.0, 1.0], &[1.0, 1.0]), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn edges_lead_down_and_nothing_overlaps() {
        // A pseudo-random graph, the same each time.
        let mut state = 7_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let edges: Vec<(usize, usize)> = (1..120).flat_map(|to| [(next(to), to), (to - 1 - next(to.min(6)), to)]).collect();
        let graph = Layered::new(120, &edges, 40.0, 6.0);
        for (route, &(from, to)) in graph.routes.iter().zip(&edges) {
            assert!(route.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "a link from layer to layer");
            assert_eq!((route[0], route[route.len() - 1]), (graph.nodes[from], graph.nodes[to]));
        }
        for layer in &graph.layers {
            for pair in layer.windows(2) {
                assert!(pair[1].x - pair[0].x >= f64::midpoint(pair[0].width, pair[1].width) + 6.0 - 1e-6);
            }
        }
        let chain = Layered::new(5, &[(0, 1), (1, 2), (2, 3), (3, 4)], 40.0, 6.0);
        assert!(chain.layers.iter().all(|layer| layer.len() == 1 && layer[0].x.abs() < 1e-9));
        assert_eq!(Layered::new(0, &[], 1.0, 1.0).layers.len(), 0);
    }
}
