//! Gradient-boosted regression trees: exact greedy splits, leaves grown best first, squared loss.
//!
//! Friedman, *Greedy function approximation: a gradient boosting machine*, 2001; leaf-wise growth as in Ke et al., *`LightGBM`*,
//! 2017. Each tree sees a random part of the rows and features; the generator is a fixed one, so fits repeat exactly.

use sim::cost::{TREE_FEATURES, TreeNode};

/// Inputs of one observation.
pub type Row = [f64; TREE_FEATURES];

/// How to grow an ensemble.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boosting {
    /// Number of trees.
    pub trees: usize,
    /// Share of each tree's prediction that is kept.
    pub learning_rate: f64,
    /// Leaves of a tree at most.
    pub leaves: usize,
    /// Observations of a leaf at least.
    pub leaf_samples: usize,
    /// Added to the sum of weights of a leaf.
    pub leaf_ridge: f64,
    /// Share of the features that a tree may split on.
    pub feature_share: f64,
    /// Share of the observations that a tree sees.
    pub row_share: f64,
    /// What each feature may do.
    pub directions: Directions,
    /// A residual counts at most this much when a tree is grown (Huber's loss); infinite for squared loss.
    pub residual_limit: f64,
    /// Seed of what each tree sees.
    pub seed: u64,
}

/// How predictions may depend on a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// In any way.
    Free,
    /// Never falling as the feature grows.
    Rising,
    /// Not at all.
    Unused,
}

/// One direction for each feature.
pub type Directions = [Direction; TREE_FEATURES];

/// No constraint.
pub const FREE: Directions = [Direction::Free; TREE_FEATURES];

/// No constraint on the first features; the others are unused.
pub const fn first(count: usize) -> Directions {
    let mut directions = FREE;
    let mut feature = count;
    while feature < TREE_FEATURES {
        directions[feature] = Direction::Unused;
        feature += 1;
    }
    directions
}

/// Knuth's 64-bit linear congruential generator (MMIX).
struct Congruential(u64);

impl Congruential {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }
}

/// Fits an ensemble to targets; the trees, in pre-order, with the learning rate in their leaves.
pub fn boost(rows: &[Row], targets: &[f64], weights: &[f64], how: Boosting) -> Vec<Vec<TreeNode>> {
    let mut residuals = targets.to_vec();
    let mut random = Congruential(how.seed);
    let mut trees = Vec::with_capacity(how.trees);
    let usable = how.directions.iter().filter(|&&direction| direction != Direction::Unused).count();
    // Unused features at the end draw no number: those that come to be appended change no fit that does not see them.
    let end = how.directions.iter().rposition(|&direction| direction != Direction::Unused).map_or(0, |last| last + 1);
    let feature_count = (libm::ceil(how.feature_share * usable as f64) as usize).clamp(1, TREE_FEATURES);
    let columns: Vec<Vec<Entry>> = (0..end).map(|feature| sorted(rows, feature)).collect();
    for _ in 0..how.trees {
        let mut keys: Vec<(u64, usize)> = (0..end).map(|feature| ((random.next() >> 11) % (1 << 40), feature)).collect();
        keys.retain(|key| how.directions[key.1] != Direction::Unused);
        keys.sort_unstable();
        let mut features: Vec<usize> = keys.iter().take(feature_count).map(|key| key.1).collect();
        features.sort_unstable();
        let is_sampled: Vec<bool> =
            (0..rows.len()).map(|_| (random.next() >> 40) as f64 / f64::from(1 << 24) < how.row_share).collect();
        let limited: Vec<f64> =
            residuals.iter().map(|residual| residual.clamp(-how.residual_limit, how.residual_limit)).collect();
        let mut grower =
            Grower { rows, residuals: &limited, weights, features: &features, how, is_lower: vec![false; rows.len()] };
        let keep = |entry: &&Entry| is_sampled[entry.row as usize];
        let members = Members {
            rows: (0..rows.len() as u32).filter(|&row| is_sampled[row as usize]).collect(),
            columns: features.iter().map(|&feature| columns[feature].iter().filter(keep).copied().collect()).collect(),
        };
        let tree = grower.grow(members);
        for (residual, row) in residuals.iter_mut().zip(rows) {
            *residual -= tree.value(row);
        }
        trees.push(tree.preorder());
    }
    trees
}

/// A value of a feature, and the row it is of.
#[derive(Clone, Copy)]
struct Entry {
    value: f64,
    row: u32,
}

/// A feature of all rows in rising order; equal ones in that of the rows.
fn sorted(rows: &[Row], feature: usize) -> Vec<Entry> {
    let mut column: Vec<Entry> =
        rows.iter().enumerate().map(|(row, values)| Entry { value: values[feature], row: row as u32 }).collect();
    column.sort_by(|one, other| one.value.total_cmp(&other.value));
    column
}

/// The observations of a leaf: in their order, and in that of each feature. Sorted once for all trees, since splits keep order.
struct Members {
    rows: Vec<u32>,
    columns: Vec<Vec<Entry>>,
}

impl Members {
    /// The rows that are marked, and the others.
    fn divide(self, is_lower: &[bool]) -> (Self, Self) {
        let (mut lower, mut upper) = (Vec::with_capacity(self.columns.len()), Vec::with_capacity(self.columns.len()));
        for column in self.columns {
            let (below, above): (Vec<Entry>, Vec<Entry>) = column.into_iter().partition(|entry| is_lower[entry.row as usize]);
            lower.push(below);
            upper.push(above);
        }
        let (below, above): (Vec<u32>, Vec<u32>) = self.rows.into_iter().partition(|&row| is_lower[row as usize]);
        (Self { rows: below, columns: lower }, Self { rows: above, columns: upper })
    }
}

/// A tree under construction.
struct Tree {
    nodes: Vec<Node>,
}

enum Node {
    Leaf(f64),
    Split { feature: usize, threshold: f64, lower: usize, upper: usize },
}

impl Tree {
    fn value(&self, row: &Row) -> f64 {
        let mut index = 0;
        loop {
            match self.nodes[index] {
                Node::Leaf(value) => return value,
                Node::Split { feature, threshold, lower, upper } => index = if row[feature] <= threshold { lower } else { upper },
            }
        }
    }

    fn preorder(&self) -> Vec<TreeNode> {
        let mut waiting = vec![0];
        let mut nodes = Vec::with_capacity(self.nodes.len());
        while let Some(index) = waiting.pop() {
            match self.nodes[index] {
                Node::Leaf(value) => nodes.push(TreeNode::Leaf(value)),
                Node::Split { feature, threshold, lower, upper } => {
                    nodes.push(TreeNode::Split { feature: feature as u8, threshold });
                    waiting.extend([upper, lower]);
                }
            }
        }
        nodes
    }
}

#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    feature: usize,
    threshold: f64,
    /// What lower leaves must stay below and upper ones above.
    middle: f64,
}

/// What the leaves of a subtree must stay within, so that constrained features never lower a prediction.
type Bounds = (f64, f64);

const UNBOUNDED: Bounds = (f64::NEG_INFINITY, f64::INFINITY);

/// A leaf that could be split.
struct Candidate {
    node: usize,
    members: Members,
    bounds: Bounds,
    split: Option<Split>,
}

struct Grower<'a> {
    rows: &'a [Row],
    residuals: &'a [f64],
    weights: &'a [f64],
    features: &'a [usize],
    how: Boosting,
    /// Scratch: by row, whether it goes to the lower branch of the split at hand.
    is_lower: Vec<bool>,
}

impl Grower<'_> {
    fn grow(&mut self, members: Members) -> Tree {
        let mut nodes = vec![Node::Leaf(self.leaf_value(&members.rows, UNBOUNDED))];
        let mut candidates = vec![self.candidate(0, members, UNBOUNDED)];
        while candidates.len() < self.how.leaves {
            // The first of equal gains.
            let best = (0..candidates.len())
                .filter_map(|index| candidates[index].split.map(|split| (index, split)))
                .reduce(|best, next| if next.1.gain > best.1.gain { next } else { best });
            let Some((index, Split { feature, threshold, middle, .. })) = best else {
                break;
            };
            let Candidate { node, members, bounds, .. } = candidates.remove(index);
            for &row in &members.rows {
                self.is_lower[row as usize] = self.rows[row as usize][feature] <= threshold;
            }
            let (lower, upper) = members.divide(&self.is_lower);
            let first = nodes.len();
            nodes[node] = Node::Split { feature, threshold, lower: first, upper: first + 1 };
            let is_rising = self.how.directions[feature] == Direction::Rising;
            let below = if is_rising { (bounds.0, bounds.1.min(middle)) } else { bounds };
            let above = if is_rising { (bounds.0.max(middle), bounds.1) } else { bounds };
            for (offset, (branch, bounds)) in [(lower, below), (upper, above)].into_iter().enumerate() {
                nodes.push(Node::Leaf(self.leaf_value(&branch.rows, bounds)));
                candidates.push(self.candidate(first + offset, branch, bounds));
            }
        }
        Tree { nodes }
    }

    fn candidate(&self, node: usize, members: Members, bounds: Bounds) -> Candidate {
        let split = self.best_split(&members, bounds);
        Candidate { node, members, bounds, split }
    }

    /// `sum(w r) / (sum(w) + ridge)` within bounds, times the learning rate.
    fn leaf_value(&self, members: &[u32], (least, most): Bounds) -> f64 {
        let (weight, weighted) = self.sums(members);
        let rate = self.how.learning_rate;
        (rate * weighted / (weight + self.how.leaf_ridge)).clamp(rate * least, rate * most)
    }

    fn sums(&self, members: &[u32]) -> (f64, f64) {
        members.iter().fold((0.0, 0.0), |(weight, weighted), &row| {
            let row = row as usize;
            (weight + self.weights[row], weighted + self.weights[row] * self.residuals[row])
        })
    }

    /// The split with the largest reduction of the squared error that keeps the directions; the first of equal ones.
    fn best_split(&self, members: &Members, (least_value, most_value): Bounds) -> Option<Split> {
        let least = self.how.leaf_samples;
        if members.rows.len() < 2 * least {
            return None;
        }
        let ridge = self.how.leaf_ridge;
        let (weight, weighted) = self.sums(&members.rows);
        let parent = weighted * weighted / (weight + ridge);
        let mut best: Option<Split> = None;
        for (&feature, order) in self.features.iter().zip(&members.columns) {
            let is_rising = self.how.directions[feature] == Direction::Rising;
            let (mut lower_weight, mut lower_weighted) = (0.0, 0.0);
            for position in 0..order.len() - least {
                let Entry { value, row } = order[position];
                let row = row as usize;
                lower_weight += self.weights[row];
                lower_weighted += self.weights[row] * self.residuals[row];
                if position + 1 < least || value >= order[position + 1].value {
                    continue;
                }
                let upper_weighted = weighted - lower_weighted;
                let gain = lower_weighted * lower_weighted / (lower_weight + ridge)
                    + upper_weighted * upper_weighted / (weight - lower_weight + ridge)
                    - parent;
                if gain <= best.map_or(1e-12, |split| split.gain) {
                    continue;
                }
                let mean = |weighted: f64, weight: f64| (weighted / (weight + ridge)).clamp(least_value, most_value);
                let (lower, upper) = (mean(lower_weighted, lower_weight), mean(upper_weighted, weight - lower_weight));
                if is_rising && lower > upper {
                    continue;
                }
                let threshold = f64::midpoint(value, order[position + 1].value);
                best = Some(Split { gain, feature, threshold, middle: f64::midpoint(lower, upper) });
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sim::cost::Forest;

    use super::*;

    const PLAIN: Boosting = Boosting {
        trees: 1,
        learning_rate: 1.0,
        leaves: 4,
        leaf_samples: 1,
        leaf_ridge: 0.0,
        feature_share: 1.0,
        row_share: 1.0,
        directions: FREE,
        residual_limit: f64::INFINITY,
        seed: 1,
    };

    fn rows(values: &[f64]) -> Vec<Row> {
        values.iter().map(|&value| [value; TREE_FEATURES]).collect()
    }

    #[test]
    fn one_tree_finds_the_steps_by_hand() {
        let trees = boost(&rows(&[1.0, 2.0, 3.0, 4.0]), &[1.0, 1.0, 5.0, 9.0], &[1.0; 4], Boosting { leaves: 3, ..PLAIN });
        let expected = [
            TreeNode::Split { feature: 0, threshold: 2.5 },
            TreeNode::Leaf(1.0),
            TreeNode::Split { feature: 0, threshold: 3.5 },
            TreeNode::Leaf(5.0),
            TreeNode::Leaf(9.0),
        ];
        assert_eq!(trees, vec![expected.to_vec()]);
    }

    #[test]
    fn leaves_hold_enough_samples_and_are_shrunk_by_the_ridge() {
        let how = Boosting { leaf_samples: 2, leaf_ridge: 2.0, ..PLAIN };
        let trees = boost(&rows(&[1.0, 2.0, 3.0, 4.0]), &[0.0, 0.0, 0.0, 8.0], &[1.0; 4], how);
        assert_eq!(trees[0], [TreeNode::Split { feature: 0, threshold: 2.5 }, TreeNode::Leaf(0.0), TreeNode::Leaf(2.0)]);
    }

    proptest! {
        /// Constrained features never lower a prediction, whatever the data say.
        #[test]
        fn rising_features_never_lower_a_prediction(
            values in prop::collection::vec((0.0..8.0_f64, 0.0..8.0_f64, -3.0..3.0_f64), 12..60),
            probe in (0.0..8.0_f64, 0.0..8.0_f64), step in 0.0..8.0_f64,
        ) {
            let row = |first: f64, second: f64| {
                let mut row = [0.0; TREE_FEATURES];
                (row[0], row[1]) = (first, second);
                row
            };
            let rows: Vec<Row> = values.iter().map(|&(first, second, _)| row(first, second)).collect();
            let targets: Vec<f64> = values.iter().map(|value| value.2).collect();
            let mut how = Boosting { trees: 20, learning_rate: 0.3, leaves: 6, leaf_ridge: 0.5, ..PLAIN };
            how.directions[0] = Direction::Rising;
            let forest = Forest::new(boost(&rows, &targets, &vec![1.0; rows.len()], how).concat()).expect("well formed");
            let (low, high) = (forest.evaluate(&row(probe.0, probe.1)), forest.evaluate(&row(probe.0 + step, probe.1)));
            prop_assert!(high >= low - 1e-12, "{} {}", low, high);
        }

        /// A leaf is a mean of residuals: with full steps and one tree, no prediction leaves the range of the targets.
        #[test]
        fn predictions_stay_within_the_targets(
            values in prop::collection::vec((-10.0..10.0_f64, -3.0..3.0_f64), 8..40), probe in -100.0..100.0_f64,
        ) {
            let (inputs, targets): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
            let how = Boosting { row_share: 0.8, leaf_ridge: 1.0, ..PLAIN };
            let trees = boost(&rows(&inputs), &targets, &vec![1.0; inputs.len()], how);
            prop_assert_eq!(&trees, &boost(&rows(&inputs), &targets, &vec![1.0; inputs.len()], how));
            let value = Forest::new(trees.concat()).expect("well formed").evaluate(&[probe; TREE_FEATURES]);
            let least = targets.iter().copied().fold(0.0, f64::min);
            let most = targets.iter().copied().fold(0.0, f64::max);
            prop_assert!((least..=most).contains(&value));
        }
    }
}
