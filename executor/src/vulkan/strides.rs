//! Walks over tensors of several dimensions: row-major strides, broadcasts, and dimensions merged where strides allow it.

use std::fmt::Write as _;

use super::kernels::Shader;

/// Most dimensions, after merging, that a kernel walks over.
pub(super) const MAXIMUM_DIMENSIONS: usize = 6;

/// Row-major strides in elements.
pub(super) fn row_major(shape: &[u64]) -> Vec<i64> {
    let mut strides = vec![1_i64; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as i64;
    }
    strides
}

/// Strides with which a tensor is read that is broadcast to a shape of at least its rank: 0 along broadcast dimensions.
pub(super) fn broadcast(source: &[u64], target: &[u64]) -> Vec<i64> {
    let missing = target.len() - source.len();
    let own = source.iter().zip(row_major(source)).map(|(&size, stride)| if size == 1 { 0 } else { stride });
    std::iter::repeat_n(0, missing).chain(own).collect()
}

/// A loop over some dimensions, in which each operand moves by strides of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// Size of each dimension, outermost first; none for a single element.
    sizes: Vec<u64>,
    /// Of each operand, as many as dimensions.
    strides: Vec<Vec<i64>>,
}

impl Walk {
    /// A walk with as few dimensions as possible.
    pub(super) fn new(shape: &[u64], operands: &[Vec<i64>]) -> Self {
        let mut walk = Self { sizes: Vec::new(), strides: vec![Vec::new(); operands.len()] };
        for (axis, &size) in shape.iter().enumerate().filter(|&(_, &size)| size != 1) {
            let continues = |(own, given): (&Vec<i64>, &Vec<i64>)| own.last() == Some(&(given[axis] * size as i64));
            let merges = !walk.sizes.is_empty() && walk.strides.iter().zip(operands).all(continues);
            if merges {
                if let Some(last) = walk.sizes.last_mut() {
                    *last *= size;
                }
            } else {
                walk.sizes.push(size);
            }
            for (own, given) in walk.strides.iter_mut().zip(operands) {
                if merges {
                    own.pop();
                }
                own.push(given[axis]);
            }
        }
        walk
    }

    /// Dimensions that are left.
    pub(super) fn dimensions(&self) -> usize {
        self.sizes.len()
    }

    /// Elements in all.
    pub(super) fn count(&self) -> u64 {
        self.sizes.iter().product()
    }

    /// Adds sizes and strides to a shader's parameters, and gives the statements that set `names[i]`, of type `i32`, to the
    /// element of operand `i` that belongs to the walk's element number `index`.
    pub(super) fn indices(&self, shader: &mut Shader, index: &str, names: &[&'static str]) -> String {
        const SIZES: [&str; MAXIMUM_DIMENSIONS] = ["size_0", "size_1", "size_2", "size_3", "size_4", "size_5"];
        const STRIDES: [[&str; MAXIMUM_DIMENSIONS]; 3] = [
            ["step_a0", "step_a1", "step_a2", "step_a3", "step_a4", "step_a5"],
            ["step_b0", "step_b1", "step_b2", "step_b3", "step_b4", "step_b5"],
            ["step_c0", "step_c1", "step_c2", "step_c3", "step_c4", "step_c5"],
        ];
        let mut text = format!("    var rest = {index};\n");
        for name in names {
            let _ = writeln!(text, "    var {name} = 0i;");
        }
        for axis in (0..self.dimensions()).rev() {
            // The outermost coordinate is what is left.
            if axis > 0 {
                shader.size(SIZES[axis], self.sizes[axis]);
                let _ = writeln!(text, "    let at_{axis} = i32(rest % p.{}); rest = rest / p.{};", SIZES[axis], SIZES[axis]);
            } else {
                text.push_str("    let at_0 = i32(rest);\n");
            }
            for ((name, strides), parameters) in names.iter().zip(&self.strides).zip(&STRIDES) {
                shader.signed(parameters[axis], strides[axis]);
                let _ = writeln!(text, "    {name} += at_{axis} * p.{};", parameters[axis]);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_merge_where_all_strides_allow_it() {
        let check = |shape: &[u64], operands: &[Vec<i64>], sizes: &[u64], strides: &[Vec<i64>]| {
            let walk = Walk::new(shape, operands);
            assert_eq!((walk.sizes.as_slice(), walk.strides.as_slice()), (sizes, strides));
        };
        let shape = [2, 3, 4, 5];
        check(&shape, &[row_major(&shape), row_major(&shape)], &[120], &[vec![1], vec![1]]);
        // A bias of channels.
        check(&shape, &[broadcast(&[3, 1, 1], &shape)], &[2, 3, 20], &[vec![0, 1, 0]]);
        check(&shape, &[broadcast(&[], &shape)], &[120], &[vec![0]]);
        // A transposition.
        check(&[5, 4], &[vec![1, 5]], &[5, 4], &[vec![1, 5]]);
        check(&[1, 1], &[vec![7, 7]], &[], &[vec![]]);
    }
}
