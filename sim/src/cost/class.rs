//! The classes that cost models are fitted for: kernel kinds, told apart where kernels differ by shape.

use crate::graph::work::{KernelKind, OperatorWork};

/// What one [`crate::cost::ClassModel`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KernelClass {
    /// Dense convolution with more than one output position.
    Convolution,
    /// Dense convolution with one output position: a matrix-vector product.
    SinglePixelConvolution,
    /// Fully connected layer on one row: a matrix-vector product.
    FullyConnected,
    /// Fully connected layer on several rows: a matrix product, as a 1x1 convolution.
    FullyConnectedRows,
    /// Matrix product of two activations.
    MatrixMultiply,
    /// Depthwise convolution.
    DepthwiseConvolution,
    /// Convolution in groups.
    GroupedConvolution,
    /// Transposed convolution.
    TransposedConvolution,
    /// Max or average pooling over a window.
    Pool,
    /// Mean over all of height and width.
    GlobalPool,
    /// Other reductions.
    Reduce,
    /// Concatenation.
    Concatenate,
    /// Activation function on its own.
    Activation,
    /// Element-wise arithmetic on its own.
    Elementwise,
    /// Normalisation on its own.
    Normalization,
    /// Softmax.
    Softmax,
    /// Layout-changing movement.
    DataMovement,
    /// Spatial resampling.
    Resize,
    /// Look-up of rows by index.
    Embedding,
    /// Recurrent cells.
    Recurrent,
    /// Anything else.
    Other,
}

impl KernelClass {
    /// Every class, in declaration order.
    pub const ALL: [Self; 21] = [
        Self::Convolution,
        Self::SinglePixelConvolution,
        Self::FullyConnected,
        Self::FullyConnectedRows,
        Self::MatrixMultiply,
        Self::DepthwiseConvolution,
        Self::GroupedConvolution,
        Self::TransposedConvolution,
        Self::Pool,
        Self::GlobalPool,
        Self::Reduce,
        Self::Concatenate,
        Self::Activation,
        Self::Elementwise,
        Self::Normalization,
        Self::Softmax,
        Self::DataMovement,
        Self::Resize,
        Self::Embedding,
        Self::Recurrent,
        Self::Other,
    ];

    /// The class of an operator; `None` for views, which cost nothing.
    pub const fn of(work: &OperatorWork) -> Option<Self> {
        let geometry = &work.geometry;
        let is_single_pixel = geometry.batch.saturating_mul(geometry.out_height).saturating_mul(geometry.out_width) <= 1;
        Some(match work.kind {
            KernelKind::Convolution if is_single_pixel => Self::SinglePixelConvolution,
            KernelKind::Convolution => Self::Convolution,
            KernelKind::DepthwiseConvolution => Self::DepthwiseConvolution,
            KernelKind::GroupedConvolution => Self::GroupedConvolution,
            KernelKind::TransposedConvolution => Self::TransposedConvolution,
            KernelKind::FullyConnected if is_single_pixel && geometry.groups <= 1 => Self::FullyConnected,
            KernelKind::FullyConnected => Self::FullyConnectedRows,
            KernelKind::MatrixMultiply => Self::MatrixMultiply,
            KernelKind::AveragePool if is_single_pixel => Self::GlobalPool,
            KernelKind::MaxPool | KernelKind::AveragePool => Self::Pool,
            KernelKind::GlobalPool => Self::GlobalPool,
            KernelKind::Reduce => Self::Reduce,
            KernelKind::Concatenate => Self::Concatenate,
            KernelKind::Activation => Self::Activation,
            KernelKind::Elementwise => Self::Elementwise,
            KernelKind::Normalization => Self::Normalization,
            KernelKind::Softmax => Self::Softmax,
            KernelKind::DataMovement => Self::DataMovement,
            KernelKind::Resize => Self::Resize,
            KernelKind::Embedding => Self::Embedding,
            KernelKind::Recurrent => Self::Recurrent,
            KernelKind::Other => Self::Other,
            KernelKind::View => return None,
        })
    }

    /// The name used in profiles and reports, e.g. `single_pixel_convolution`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Convolution => "convolution",
            Self::SinglePixelConvolution => "single_pixel_convolution",
            Self::FullyConnected => "fully_connected",
            Self::FullyConnectedRows => "fully_connected_rows",
            Self::MatrixMultiply => "matrix_multiply",
            Self::DepthwiseConvolution => "depthwise_convolution",
            Self::GroupedConvolution => "grouped_convolution",
            Self::TransposedConvolution => "transposed_convolution",
            Self::Pool => "pool",
            Self::GlobalPool => "global_pool",
            Self::Reduce => "reduce",
            Self::Concatenate => "concatenate",
            Self::Activation => "activation",
            Self::Elementwise => "elementwise",
            Self::Normalization => "normalization",
            Self::Softmax => "softmax",
            Self::DataMovement => "data_movement",
            Self::Resize => "resize",
            Self::Embedding => "embedding",
            Self::Recurrent => "recurrent",
            Self::Other => "other",
        }
    }

    /// The class of a given name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}
