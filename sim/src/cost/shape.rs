//! The numbers that features are made of.

use crate::cost::KernelClass;
use crate::graph::work::{Access, Geometry, KernelKind, OperatorWork};

/// An operator's shape as real numbers, with the conventions of the measured data resolved.
///
/// The input area counts explicit padding only: padding that a kernel applies itself is no memory. It is derived from the
/// operator's input elements, which hold no implicit padding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelShape {
    /// Output positions: batch x rows x columns, x independent matrices for a matrix product. `M` in the formulas.
    pub positions: f64,
    /// Input positions of one channel of one image.
    pub in_area: f64,
    /// Input channels; the reduced dimension of a matrix product.
    pub in_channels: f64,
    /// Output channels; the columns of a matrix product.
    pub out_channels: f64,
    /// Input channels that one output channel reads.
    pub group_channels: f64,
    /// Positions of the window; 1 for an average over the whole input, which has no window to slide.
    pub kernel_area: f64,
    /// Geometric mean of the strides.
    pub stride: f64,
    /// Elements of all activation inputs.
    pub input_elements: f64,
    /// Elements of all outputs.
    pub output_elements: f64,
    /// Multiply-accumulates.
    pub macs: f64,
    /// Activation inputs.
    pub input_count: f64,
    /// Output columns, whose parity kernels see.
    pub out_width: f64,
    /// Whether it averages (as opposed to taking the maximum).
    pub is_average: bool,
    /// Whether it is a concatenation, whose number of inputs stands where others have their window.
    pub is_concatenation: bool,
    /// Elements of weights and biases.
    pub parameters: f64,
    /// Every dimension as the operator has it.
    pub geometry: Geometry,
    /// How it walks through its data.
    pub access: Access,
    /// Elements that fused operators read and write besides.
    pub joined_elements: f64,
    /// Fused operators: those that convolutions absorb, arithmetic of two tensors, and functions.
    pub joined: [f64; 3],
}

impl KernelShape {
    /// The shape of an operator.
    pub fn of(work: &OperatorWork) -> Self {
        let geometry = &work.geometry;
        let at_least_one = |value: u64| value.max(1) as f64;
        let is_product = matches!(work.kind, KernelKind::MatrixMultiply | KernelKind::FullyConnected);
        let matrices = if is_product { at_least_one(geometry.groups) } else { 1.0 };
        let groups = if is_product { 1.0 } else { at_least_one(geometry.groups) };
        let batch = at_least_one(geometry.batch);
        let in_channels = at_least_one(geometry.in_channels);
        let positions = batch * at_least_one(geometry.out_height) * at_least_one(geometry.out_width) * matrices;
        // An average pooling with one output is a global one: the measured data hold both under one shape.
        let is_global = KernelClass::of(work) == Some(KernelClass::GlobalPool);
        let window = |size: u64| if is_global { 1.0 } else { at_least_one(size) };
        let in_area = if work.input_count <= 1 {
            (work.input_elements as f64 / (batch * in_channels)).max(1.0)
        } else {
            at_least_one(geometry.in_height) * at_least_one(geometry.in_width)
        };
        Self {
            positions,
            in_area,
            in_channels,
            out_channels: at_least_one(geometry.out_channels),
            group_channels: (in_channels / groups).max(1.0),
            kernel_area: window(geometry.kernel_height) * window(geometry.kernel_width),
            stride: libm::sqrt(window(geometry.stride_height) * window(geometry.stride_width)),
            input_elements: work.input_elements as f64,
            output_elements: work.output_elements as f64,
            macs: work.macs as f64,
            input_count: f64::from(work.input_count.max(1)),
            out_width: at_least_one(geometry.out_width),
            is_average: work.kind == KernelKind::AveragePool,
            is_concatenation: work.kind == KernelKind::Concatenate,
            parameters: work.parameters as f64,
            geometry: *geometry,
            access: work.access,
            joined_elements: work.joined_elements as f64,
            joined: [0.0; 3],
        }
    }

    /// The shape of an operator with the ONNX types of those fused into its kernel.
    pub fn of_kernel(work: &OperatorWork, fused: &[&str]) -> Self {
        let mut shape = Self::of(work);
        for op_type in fused {
            let kind = match *op_type {
                "Relu" | "Clip" | "BatchNormalization" => 0,
                "Add" | "Sub" | "Mul" | "Div" => 1,
                _ => 2,
            };
            shape.joined[kind] += 1.0;
        }
        shape
    }

    /// Side of a square with as many positions as the output.
    pub fn out_size(&self) -> f64 {
        libm::sqrt(self.positions)
    }

    /// Side of a square with as many positions as the input.
    pub fn in_size(&self) -> f64 {
        libm::sqrt(self.in_area)
    }

    /// Side of a square window; the number of inputs for a concatenation.
    pub fn kernel(&self) -> f64 {
        if self.is_concatenation { self.input_count } else { libm::sqrt(self.kernel_area) }
    }

    /// Groups of four output channels: GPU kernels store four channels in one texel.
    pub fn out_slices(&self) -> f64 {
        libm::ceil(self.out_channels / 4.0)
    }

    /// Groups of four input channels.
    pub fn in_slices(&self) -> f64 {
        libm::ceil(self.in_channels / 4.0)
    }

    /// Groups of four input channels of one group.
    pub fn group_slices(&self) -> f64 {
        libm::ceil(self.group_channels / 4.0)
    }

    /// Length of the dot product of one output: `K`.
    pub fn depth(&self) -> f64 {
        self.group_channels * self.kernel_area
    }

    /// Elements of the filter, without bias.
    pub fn weights(&self) -> f64 {
        self.out_channels * self.depth()
    }

    /// Whether the input is larger than the window's stride explains: explicit padding, or a window without padding.
    pub fn is_padded(&self) -> bool {
        self.kernel_area > 1.0 && self.in_size() > self.out_size() * self.stride
    }
}
