//! Ensembles of regression trees that correct a physical model.

use crate::cost::{CostModelError, KernelClass, KernelShape};

/// Number of inputs of a tree.
pub const TREE_FEATURES: usize = 64;

/// What trees split on: logarithms of the shape, and the remainders that vector widths and work groups see.
///
/// Profiles name features by their index: new ones are appended, and none is ever moved.
pub fn tree_features(class: KernelClass, shape: &KernelShape) -> [f64; TREE_FEATURES] {
    let log2 = libm::log2;
    let (out_slices, in_slices) = (shape.out_slices(), shape.in_slices());
    let size = if class == KernelClass::GlobalPool { shape.in_size() } else { shape.out_size() };
    let kernel = shape.kernel();
    let area = kernel * kernel;
    let group = if class == KernelClass::GroupedConvolution { shape.group_channels } else { shape.in_channels };
    let group_or_flag = match class {
        KernelClass::Pool if shape.is_average => 2.0,
        KernelClass::Pool => 1.0,
        _ => log2(group),
    };
    let at_least_one = |value: u64| value.max(1) as f64;
    let geometry = &shape.geometry;
    let access = &shape.access;
    let group_outputs = (shape.out_channels / at_least_one(geometry.groups)).max(1.0);
    let elements = shape.input_elements + shape.output_elements + shape.parameters;
    let in_positions = at_least_one(geometry.batch) * at_least_one(geometry.in_height) * at_least_one(geometry.in_width);
    let padding = (in_positions * shape.in_channels - shape.input_elements).max(0.0);
    [
        log2(size),
        log2(shape.in_channels),
        log2(shape.out_channels),
        kernel,
        shape.stride,
        log2(shape.positions * out_slices),
        log2(in_slices * area),
        log2(out_slices * in_slices * area),
        log2(shape.in_area * in_slices),
        libm::fmod(out_slices, 2.0),
        libm::fmod(out_slices, 4.0),
        log2(out_slices / in_slices),
        group_or_flag,
        libm::fmod(shape.out_width, 2.0),
        libm::fmod(shape.out_width, 8.0),
        log2(libm::ceil(group / 4.0)),
        // From here on the dimensions one by one; the features above fold rows into columns.
        log2(shape.macs + 1.0),
        log2(shape.input_elements + 1.0),
        log2(shape.output_elements + 1.0),
        log2(shape.parameters + 1.0),
        log2(elements + 1.0),
        log2((shape.macs + 1.0) / (elements + 1.0)),
        log2(at_least_one(geometry.batch)),
        log2(at_least_one(geometry.out_height)),
        log2(shape.out_width),
        log2(at_least_one(geometry.in_height)),
        log2(at_least_one(geometry.in_width)),
        log2(at_least_one(geometry.groups)),
        at_least_one(geometry.kernel_height),
        at_least_one(geometry.kernel_width),
        at_least_one(geometry.stride_height),
        at_least_one(geometry.stride_width),
        at_least_one(geometry.dilation_height.max(geometry.dilation_width)),
        shape.input_count,
        log2(padding + 1.0),
        libm::fmod(shape.in_channels, 8.0),
        libm::fmod(shape.in_channels, 16.0),
        libm::fmod(shape.out_channels, 8.0),
        libm::fmod(shape.out_channels, 16.0),
        libm::fmod(shape.out_width, 16.0),
        // What kernels of equal sizes differ by.
        log2(access.run as f64 + 1.0),
        log2(access.stride as f64 + 1.0),
        log2(access.depth as f64 + 1.0),
        access.variant as f64,
        log2(shape.joined_elements + 1.0),
        libm::fmod(shape.in_channels, 4.0),
        libm::fmod(shape.out_channels, 4.0),
        log2(shape.group_channels),
        log2(group_outputs),
        libm::fmod(shape.group_channels, 16.0),
        libm::fmod(group_outputs, 16.0),
        libm::fmod(shape.out_channels, 32.0),
        libm::fmod(shape.out_channels, 64.0),
        log2(shape.positions),
        libm::fmod(shape.positions, 8.0),
        libm::fmod(shape.positions, 16.0),
        log2(libm::ceil(shape.out_channels / 16.0) * 16.0 / shape.out_channels),
        log2((shape.input_elements + 1.0) / (shape.output_elements + 1.0)),
        log2(shape.output_elements / (access.run.max(1) as f64) + 1.0),
        log2(shape.in_channels * shape.out_width),
        shape.joined[0],
        shape.joined[1],
        shape.joined[2],
        log2(shape.input_elements / (access.depth.max(1) as f64) + 1.0),
    ]
}

/// A node of a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TreeNode {
    /// Adds a value.
    Leaf(f64),
    /// Goes on with the next node if the feature is at most the threshold, else after the next node's whole subtree.
    Split {
        /// Index of a feature of [`tree_features`].
        feature: u8,
        /// The threshold.
        threshold: f64,
    },
}

/// Regression trees whose leaves add up.
///
/// The nodes of all trees stand in one vector in pre-order, each tree after the other: a split is followed by its lower branch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forest {
    nodes: Vec<TreeNode>,
    /// Where the upper branch of a split starts; unused for leaves.
    upper: Vec<u32>,
    roots: Vec<u32>,
}

impl Forest {
    /// A forest from its nodes in pre-order. Fails where a tree is cut short, or a split names no feature or no number.
    pub fn new(nodes: Vec<TreeNode>) -> Result<Self, CostModelError> {
        let mut upper = vec![0; nodes.len()];
        let mut roots = Vec::new();
        let mut waiting: Vec<usize> = Vec::new();
        let mut is_open = false;
        for (index, node) in nodes.iter().enumerate() {
            if !is_open {
                roots.push(index as u32);
                is_open = true;
            }
            match *node {
                TreeNode::Split { feature, threshold } => {
                    if usize::from(feature) >= TREE_FEATURES || !threshold.is_finite() {
                        return Err(CostModelError::BadSplit { node: index, feature, threshold });
                    }
                    waiting.push(index);
                }
                TreeNode::Leaf(value) => {
                    if !value.is_finite() {
                        return Err(CostModelError::BadLeaf { node: index, value });
                    }
                    match waiting.pop() {
                        Some(split) => upper[split] = index as u32 + 1,
                        None => is_open = false,
                    }
                }
            }
        }
        if is_open {
            return Err(CostModelError::TreeCutShort { nodes: nodes.len() });
        }
        Ok(Self { nodes, upper, roots })
    }

    /// All nodes in pre-order.
    pub fn nodes(&self) -> &[TreeNode] {
        &self.nodes
    }

    /// Number of trees.
    pub fn tree_count(&self) -> usize {
        self.roots.len()
    }

    /// The sum of the leaves that features lead to.
    pub fn evaluate(&self, features: &[f64; TREE_FEATURES]) -> f64 {
        self.roots.iter().map(|&root| self.leaf(root as usize, features)).sum()
    }

    fn leaf(&self, root: usize, features: &[f64; TREE_FEATURES]) -> f64 {
        let mut index = root;
        loop {
            match self.nodes[index] {
                TreeNode::Leaf(value) => return value,
                TreeNode::Split { feature, threshold } => {
                    let is_lower = features[usize::from(feature)] <= threshold;
                    index = if is_lower { index + 1 } else { self.upper[index] as usize };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn split(feature: u8, threshold: f64) -> TreeNode {
        TreeNode::Split { feature, threshold }
    }

    #[test]
    fn leaves_of_nested_splits_add_up_over_trees() {
        let forest = Forest::new(vec![
            split(0, 1.0),
            split(1, 5.0),
            TreeNode::Leaf(1.0),
            TreeNode::Leaf(2.0),
            TreeNode::Leaf(4.0),
            TreeNode::Leaf(100.0),
        ])
        .expect("well formed");
        assert_eq!(forest.tree_count(), 2);
        let mut features = [0.0; TREE_FEATURES];
        let mut check = |first: f64, second: f64, expected: f64| {
            features[0] = first;
            features[1] = second;
            assert!((forest.evaluate(&features) - expected).abs() < 1e-12, "{first} {second}");
        };
        check(1.0, 5.0, 101.0);
        check(1.0, 5.1, 102.0);
        check(1.1, 0.0, 104.0);
    }

    #[test]
    fn malformed_forests_are_refused() {
        assert!(matches!(Forest::new(vec![split(0, 1.0), TreeNode::Leaf(0.0)]), Err(CostModelError::TreeCutShort { nodes: 2 })));
        assert!(matches!(
            Forest::new(vec![split(TREE_FEATURES as u8, 1.0)]),
            Err(CostModelError::BadSplit { node: 0, feature: 64, .. })
        ));
        assert!(matches!(Forest::new(vec![TreeNode::Leaf(f64::NAN)]), Err(CostModelError::BadLeaf { node: 0, .. })));
        assert_eq!(Forest::new(Vec::new()).expect("empty is fine").tree_count(), 0);
    }
}
