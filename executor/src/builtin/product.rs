//! `MatMul` and `Gemm`.

use std::ops::Range;

use super::activation::Activation;
use super::build::{Built, Fusible, constant};
use super::instruction_set::InstructionSet;
use super::kernel::{Arguments, Kernel};
use super::matrix::micro::MAXIMUM_WIDTH;
use super::matrix::{Aligned, Bias, Depth, Multiplier, Product, Right, Strides, pack, packed_len};
use super::node::{Node, Refusal, product};
use crate::unit::Constants;

pub(super) struct MatrixProduct {
    multiplier: Multiplier,
    rows: usize,
    columns: usize,
    depth: Depth,
    left: Strides,
    right: Strides,
    /// For each product the matrices of left and right operand that it multiplies.
    pairs: Vec<[usize; 2]>,
    left_matrices: usize,
    right_matrices: usize,
    right_values: Vec<f32>,
    packed: Aligned,
    /// Whether the right operand is a constant that is packed once.
    is_constant: bool,
    scale: f32,
    bias: Vec<f32>,
    padded_bias: Aligned,
    activation: Activation,
}

impl MatrixProduct {
    pub(super) fn build_matrix(node: &Node<'_>, constants: Option<&Constants>) -> Result<Built, Refusal> {
        node.only_floats()?;
        let (mut left, mut right) = (node.shape(0)?, node.shape(1)?);
        // Vectors become matrices of one row or column.
        if left.len() == 1 {
            left.insert(0, 1);
        }
        if right.len() == 1 {
            right.push(1);
        }
        let (mut rows, depth) = (left[left.len() - 2], left[left.len() - 1]);
        let columns = right[right.len() - 1];
        let (left_leading, right_leading) = (&left[..left.len() - 2], &right[..right.len() - 2]);
        let rank = left_leading.len().max(right_leading.len());
        let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
        let mut pairs = vec![[0, 0]];
        for axis in 0..rank {
            let sizes = [at(left_leading, axis), at(right_leading, axis)];
            let size = if sizes.contains(&0) { 0 } else { sizes[0].max(sizes[1]) };
            pairs = pairs
                .into_iter()
                .flat_map(|pair| {
                    (0..size)
                        .map(move |index| [0, 1].map(|side| pair[side] * sizes[side] + if sizes[side] == 1 { 0 } else { index }))
                })
                .collect();
        }
        let mut left_matrices = product(left_leading);
        if product(right_leading) == 1 && left_matrices > 0 {
            // One right matrix: all rows are rows of one product.
            rows *= left_matrices;
            left_matrices = 1;
            pairs = vec![[0, 0]];
        }
        let strides = |columns: usize| Strides { row: columns, column: 1 };
        let kernel = Self::new((rows, columns, depth), strides(depth), strides(columns));
        let kernel = Self { pairs, left_matrices, right_matrices: product(right_leading), ..kernel };
        kernel.finish_build(node, constants)
    }

    pub(super) fn build_general(node: &Node<'_>, constants: Option<&Constants>) -> Result<Built, Refusal> {
        node.only_floats()?;
        let (left, right) = (node.shape(0)?, node.shape(1)?);
        let is_transposed = |name: &str| node.integer(name, 0) != 0;
        let strides = |columns: usize, is_transposed: bool| {
            if is_transposed { Strides { row: 1, column: columns } } else { Strides { row: columns, column: 1 } }
        };
        let (rows, depth) = if is_transposed("transA") { (left[1], left[0]) } else { (left[0], left[1]) };
        let columns = if is_transposed("transB") { right[0] } else { right[1] };
        let mut kernel = Self::new(
            (rows, columns, depth),
            strides(left[1], is_transposed("transA")),
            strides(right[1], is_transposed("transB")),
        );
        kernel.scale = node.float("alpha", 1.0);
        if let Some(bias) = node.input(2) {
            let beta = node.float("beta", 1.0);
            let shape = node.shape(2)?;
            if shape.iter().rev().skip(1).any(|&size| size != 1) || bias.role.is_dynamic() {
                return Err(format!("bias of shape {shape:?}: a constant of one row is supported"));
            }
            if let Some(constants) = constants {
                let values = constant(constants, bias.id)?;
                kernel.bias = (0..columns).map(|column| beta * values[if values.len() == 1 { 0 } else { column }]).collect();
            }
        }
        kernel.finish_build(node, constants)
    }

    fn new((rows, columns, depth): (usize, usize, usize), left: Strides, right: Strides) -> Self {
        Self {
            multiplier: Multiplier::of(InstructionSet::best()),
            rows,
            columns,
            depth: Depth::of(depth),
            left,
            right,
            pairs: vec![[0, 0]],
            left_matrices: 1,
            right_matrices: 1,
            right_values: Vec::new(),
            packed: Aligned::default(),
            is_constant: false,
            scale: 1.0,
            bias: Vec::new(),
            padded_bias: Aligned::default(),
            activation: Activation::Identity,
        }
    }

    fn finish_build(mut self, node: &Node<'_>, constants: Option<&Constants>) -> Result<Built, Refusal> {
        let (left, right) = (node.required(0)?, node.required(1)?);
        self.is_constant = !right.role.is_dynamic();
        let mut inputs = vec![left.id];
        if !self.is_constant {
            if self.scale != 1.0 {
                return Err(format!("`alpha` is {} and no operand is a constant: 1 is supported", self.scale));
            }
            inputs.push(right.id);
        } else if let Some(constants) = constants {
            self.right_values = constant(constants, right.id)?;
        }
        let output = node.output(0)?.id;
        Ok(Built::new(self, inputs, vec![output]))
    }

    fn packed_left(&self) -> usize {
        packed_len(self.rows, self.multiplier.shape.height, self.depth.total).next_multiple_of(16)
    }

    fn packed_right(&self) -> usize {
        packed_len(self.columns, self.multiplier.shape.width(), self.depth.total)
    }

    fn pack_left(&self, source: *const f32, panels: Range<usize>, target: *mut f32) {
        let panels_of_one = self.rows.div_ceil(self.multiplier.shape.height);
        for panel in panels {
            let (matrix, panel) = (panel / panels_of_one, panel % panels_of_one);
            // SAFETY: matrices follow each other.
            unsafe {
                let source = source.add(matrix * self.rows * self.depth.total);
                let target = target.add(matrix * self.packed_left());
                let height = self.multiplier.shape.height;
                pack(source, (self.rows, self.left.row), (self.depth, self.left.column), height, panel..panel + 1, target);
            }
        }
    }

    fn pack_right(&self, source: *const f32, panels: Range<usize>, target: *mut f32) {
        let panels_of_one = self.columns.div_ceil(self.multiplier.shape.width());
        for panel in panels {
            let (matrix, panel) = (panel / panels_of_one, panel % panels_of_one);
            // SAFETY: matrices follow each other.
            unsafe {
                let source = source.add(matrix * self.columns * self.depth.total);
                let target = target.add(matrix * self.packed_right());
                let width = self.multiplier.shape.width();
                pack(source, (self.columns, self.right.column), (self.depth, self.right.row), width, panel..panel + 1, target);
            }
        }
    }
}

impl Fusible for MatrixProduct {
    fn activate(&mut self, activation: Activation) -> bool {
        if self.activation == Activation::Identity {
            self.activation = activation;
            return true;
        }
        false
    }

    fn add_row(&mut self, row: &[f32]) -> bool {
        if self.activation != Activation::Identity || row.len() != self.columns {
            return false;
        }
        if self.bias.is_empty() {
            self.bias = row.to_vec();
        } else {
            self.bias.iter_mut().zip(row).for_each(|(bias, value)| *bias += value);
        }
        true
    }

    fn finish(&mut self) {
        if self.is_constant && !self.right_values.is_empty() {
            if self.scale != 1.0 {
                self.right_values.iter_mut().for_each(|value| *value *= self.scale);
            }
            let mut packed = Aligned::zeroed(self.right_matrices * self.packed_right());
            let panels = self.right_matrices * self.columns.div_ceil(self.multiplier.shape.width());
            self.pack_right(self.right_values.as_ptr(), 0..panels, packed.pointer_mut());
            self.packed = packed;
            self.right_values = Vec::new();
        }
        self.padded_bias = Aligned::padded(&self.bias, MAXIMUM_WIDTH);
    }
}

impl Kernel for MatrixProduct {
    fn phases(&self) -> usize {
        2
    }

    fn shared_bytes(&self) -> usize {
        let right = if self.is_constant { 0 } else { self.right_matrices * self.packed_right() };
        4 * (self.left_matrices * self.packed_left() + right)
    }

    fn packed_bytes(&self) -> usize {
        self.packed.bytes() + self.padded_bias.bytes()
    }

    fn scratch_bytes(&self) -> usize {
        4 * self.multiplier.scratch_elements(true)
    }

    fn run(&self, phase: usize, arguments: &Arguments<'_>) {
        let share = arguments.share;
        let tile = self.multiplier.shape;
        let packed_left: *mut f32 = arguments.shared.cast();
        // SAFETY: the packed right operand follows the left.
        let packed_right = unsafe { packed_left.add(self.left_matrices * self.packed_left()) };
        if phase == 0 {
            let panels = self.left_matrices * self.rows.div_ceil(tile.height);
            self.pack_left(arguments.inputs[0].cast(), share.range(panels, 1), packed_left);
            if !self.is_constant {
                let panels = self.right_matrices * self.columns.div_ceil(tile.width());
                self.pack_right(arguments.inputs[1].cast(), share.range(panels, 1), packed_right);
            }
            return;
        }
        let by_product = self.pairs.len() >= 4 * share.count;
        let mine = if by_product { share.range(self.pairs.len(), 1) } else { 0..self.pairs.len() };
        let by_rows = self.rows.div_ceil(tile.height) > self.columns.div_ceil(tile.width());
        for index in mine {
            let [left, right] = self.pairs[index];
            let (mut rows, mut columns) = (0..self.rows, 0..self.columns);
            if !by_product && by_rows {
                rows = share.range(self.rows, tile.height);
            } else if !by_product {
                columns = share.range(self.columns, tile.width());
            }
            // SAFETY: all within the tensors; threads write to different rows or columns.
            unsafe {
                let packed = if self.is_constant { self.packed.pointer() } else { packed_right.cast_const() };
                let product = Product {
                    rows: self.rows,
                    columns: self.columns,
                    depth: self.depth,
                    left: packed_left.add(left * self.packed_left()),
                    right: Right::Packed(packed.add(right * self.packed_right())),
                    target: arguments.outputs[0].cast::<f32>().add(index * self.rows * self.columns),
                    target_stride: self.columns,
                    bias: if self.bias.is_empty() { Bias::None } else { Bias::Columns(self.padded_bias.pointer()) },
                    residual: std::ptr::null(),
                    activation: self.activation,
                };
                self.multiplier.multiply(&product, rows, columns, arguments.scratch.cast());
            }
        }
    }
}
