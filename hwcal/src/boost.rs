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
    let mut random = Congruential(1);
    let mut trees = Vec::with_capacity(how.trees);
    let feature_count = (libm::ceil(how.feature_share * TREE_FEATURES as f64) as usize).clamp(1, TREE_FEATURES);
    for _ in 0..how.trees {
        let mut keys: Vec<(u64, usize)> =
            (0..TREE_FEATURES).map(|feature| ((random.next() >> 11) % (1 << 40), feature)).collect();
        keys.sort_unstable();
        let mut features: Vec<usize> = keys[..feature_count].iter().map(|key| key.1).collect();
        features.sort_unstable();
        let sampled: Vec<usize> =
            (0..rows.len()).filter(|_| (random.next() >> 40) as f64 / f64::from(1 << 24) < how.row_share).collect();
        let mut grower = Grower { rows, residuals: &residuals, weights, features: &features, how };
        let tree = grower.grow(sampled);
        for (residual, row) in residuals.iter_mut().zip(rows) {
            *residual -= tree.value(row);
        }
        trees.push(tree.preorder());
    }
    trees
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
}

/// A leaf that could be split.
struct Candidate {
    node: usize,
    members: Vec<usize>,
    split: Option<Split>,
}

struct Grower<'a> {
    rows: &'a [Row],
    residuals: &'a [f64],
    weights: &'a [f64],
    features: &'a [usize],
    how: Boosting,
}

impl Grower<'_> {
    fn grow(&mut self, members: Vec<usize>) -> Tree {
        let mut nodes = vec![Node::Leaf(self.leaf_value(&members))];
        let mut candidates = vec![self.candidate(0, members)];
        while candidates.len() < self.how.leaves {
            // The first of equal gains.
            let best = (0..candidates.len())
                .filter_map(|index| candidates[index].split.map(|split| (index, split)))
                .reduce(|best, next| if next.1.gain > best.1.gain { next } else { best });
            let Some((index, Split { feature, threshold, .. })) = best else {
                break;
            };
            let Candidate { node, members, .. } = candidates.remove(index);
            let (lower, upper): (Vec<usize>, Vec<usize>) =
                members.into_iter().partition(|&row| self.rows[row][feature] <= threshold);
            let first = nodes.len();
            nodes[node] = Node::Split { feature, threshold, lower: first, upper: first + 1 };
            for (offset, branch) in [lower, upper].into_iter().enumerate() {
                nodes.push(Node::Leaf(self.leaf_value(&branch)));
                candidates.push(self.candidate(first + offset, branch));
            }
        }
        Tree { nodes }
    }

    fn candidate(&self, node: usize, members: Vec<usize>) -> Candidate {
        let split = self.best_split(&members);
        Candidate { node, members, split }
    }

    /// `sum(w r) / (sum(w) + ridge)`, times the learning rate.
    fn leaf_value(&self, members: &[usize]) -> f64 {
        let (weight, weighted) = self.sums(members);
        self.how.learning_rate * weighted / (weight + self.how.leaf_ridge)
    }

    fn sums(&self, members: &[usize]) -> (f64, f64) {
        members.iter().fold((0.0, 0.0), |(weight, weighted), &row| {
            (weight + self.weights[row], weighted + self.weights[row] * self.residuals[row])
        })
    }

    /// The split with the largest reduction of the squared error; the first of equal ones.
    fn best_split(&self, members: &[usize]) -> Option<Split> {
        let least = self.how.leaf_samples;
        if members.len() < 2 * least {
            return None;
        }
        let ridge = self.how.leaf_ridge;
        let (weight, weighted) = self.sums(members);
        let parent = weighted * weighted / (weight + ridge);
        let mut best: Option<Split> = None;
        let mut order = members.to_vec();
        for &feature in self.features {
            let value = |row: usize| self.rows[row][feature];
            order.copy_from_slice(members);
            order.sort_by(|&one, &other| value(one).total_cmp(&value(other)));
            let (mut lower_weight, mut lower_weighted) = (0.0, 0.0);
            for position in 0..order.len() - least {
                let row = order[position];
                lower_weight += self.weights[row];
                lower_weighted += self.weights[row] * self.residuals[row];
                if position + 1 < least || value(row) >= value(order[position + 1]) {
                    continue;
                }
                let upper_weighted = weighted - lower_weighted;
                let gain = lower_weighted * lower_weighted / (lower_weight + ridge)
                    + upper_weighted * upper_weighted / (weight - lower_weight + ridge)
                    - parent;
                if gain > best.map_or(1e-12, |split| split.gain) {
                    best = Some(Split { gain, feature, threshold: f64::midpoint(value(row), value(order[position + 1])) });
                }
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
