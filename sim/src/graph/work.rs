//! What one operator asks of a processor: kind, multiply-accumulates, bytes and the geometry that kernels care about.
//!
//! Derived in one place (`derive.rs`, when a graph is built) from an operator and its tensors' shapes; cost models, support
//! rules and reports read it.

/// The kind of kernel that an operator needs; cost models and support rules are per kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KernelKind {
    /// Dense convolution (one group), any kernel size.
    Convolution,
    /// Convolution with as many groups as input channels.
    DepthwiseConvolution,
    /// Convolution with more than one group, but fewer than channels.
    GroupedConvolution,
    /// Transposed convolution.
    TransposedConvolution,
    /// Matrix product with constant weights (fully connected layer).
    FullyConnected,
    /// Matrix product of two activations (attention).
    MatrixMultiply,
    /// Max pooling over a window.
    MaxPool,
    /// Average pooling over a window.
    AveragePool,
    /// Mean over all of height and width (global average pooling).
    GlobalPool,
    /// Other reductions over axes.
    Reduce,
    /// Concatenation.
    Concatenate,
    /// Activation function of one tensor (`Relu`, `Sigmoid`, `HardSwish`, `Erf`, ...).
    Activation,
    /// Arithmetic of two or more tensors, or of one tensor and a constant (Add, Mul, Clip, Pow, ...).
    Elementwise,
    /// Batch, layer, instance or group normalisation.
    Normalization,
    /// Softmax and relatives.
    Softmax,
    /// Layout-changing movement of data (Transpose, Slice, Split, Pad, Gather, Expand, depth-to-space, ...).
    DataMovement,
    /// Spatial resampling (Resize, Upsample).
    Resize,
    /// Look-up of rows by index (embedding).
    Embedding,
    /// No data moves: Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout at inference.
    View,
    /// Recurrent cells.
    Recurrent,
    /// Anything else: shape arithmetic, comparison, control.
    Other,
}

impl KernelKind {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 21] = [
        Self::Convolution,
        Self::DepthwiseConvolution,
        Self::GroupedConvolution,
        Self::TransposedConvolution,
        Self::FullyConnected,
        Self::MatrixMultiply,
        Self::MaxPool,
        Self::AveragePool,
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
        Self::View,
        Self::Recurrent,
        Self::Other,
    ];

    /// The name used in profiles and reports, e.g. `depthwise_convolution`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Convolution => "convolution",
            Self::DepthwiseConvolution => "depthwise_convolution",
            Self::GroupedConvolution => "grouped_convolution",
            Self::TransposedConvolution => "transposed_convolution",
            Self::FullyConnected => "fully_connected",
            Self::MatrixMultiply => "matrix_multiply",
            Self::MaxPool => "max_pool",
            Self::AveragePool => "average_pool",
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
            Self::View => "view",
            Self::Recurrent => "recurrent",
            Self::Other => "other",
        }
    }

    /// The kind of a given name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Spatial and channel geometry of an operator, as kernels see it. Absent dimensions are 1.
///
/// For convolution and pooling, `in_height` and `in_width` include padding; depth, where there is one, is multiplied into height.
/// For matrix products `batch` is 1, `in_channels` the reduced dimension, `out_channels` the columns of the result and
/// `out_height` its rows: with one constant weight matrix all leading dimensions multiplied (`groups` is 1), otherwise those of
/// each of `groups` independent products. So a matrix product has `groups * out_height * out_channels * in_channels`
/// multiply-accumulates. Other tensors are read as batch, channels, height, width in that order; one of rank 3 has no height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Geometry {
    /// Images in the batch.
    pub batch: u64,
    /// Rows of the first input, padding included.
    pub in_height: u64,
    /// Columns of the first input, padding included.
    pub in_width: u64,
    /// Channels of the first input.
    pub in_channels: u64,
    /// Rows of the first output.
    pub out_height: u64,
    /// Columns of the first output.
    pub out_width: u64,
    /// Channels of the first output.
    pub out_channels: u64,
    /// Rows of the window.
    pub kernel_height: u64,
    /// Columns of the window.
    pub kernel_width: u64,
    /// Vertical stride.
    pub stride_height: u64,
    /// Horizontal stride.
    pub stride_width: u64,
    /// Vertical dilation.
    pub dilation_height: u64,
    /// Horizontal dilation.
    pub dilation_width: u64,
    /// Groups of a convolution; independent matrices of a matrix product.
    pub groups: u64,
}

/// How an operator walks through its data, where operators of equal sizes differ by it: what moves, joins, folds or spreads
/// tensors. All zero where nothing is to be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Elements that are read or written as one stretch: of a permutation those that stay together, of a part those that are
    /// contiguous in the smaller tensor, of a reduction those that stay behind the reduced axes, of arithmetic those of the
    /// inner stretch that one operand repeats.
    pub run: u64,
    /// Elements in the input between neighbouring stretches of the output; the step of a slice.
    pub stride: u64,
    /// Stretches at that distance; elements that are folded into one.
    pub depth: u64,
    /// Tells algorithms apart: the mode of a resize, the kind of broadcast, the axes that a permutation moves.
    pub variant: u64,
}

/// The work of one operator on one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorWork {
    /// Kind of kernel.
    pub kind: KernelKind,
    /// Nominal multiply-accumulates (no Winograd reduction, bias not counted) of convolutions, matrix products and recurrent
    /// cells; 0 for all other kinds, whose cost goes with their elements.
    pub macs: u64,
    /// Elements over all activation inputs (weights and constants excluded).
    pub input_elements: u64,
    /// Elements over all outputs.
    pub output_elements: u64,
    /// Elements of weights and biases.
    pub parameters: u64,
    /// Bytes over all activation inputs in the tensors' own data types.
    pub input_bytes: u64,
    /// Bytes over all outputs.
    pub output_bytes: u64,
    /// Bytes of weights and biases.
    pub weight_bytes: u64,
    /// Number of activation inputs.
    pub input_count: u32,
    /// Geometry.
    pub geometry: Geometry,
    /// How it walks through its data.
    pub access: Access,
    /// Elements that operators fused into its kernel read besides its result, and write beyond what it writes; 0 where nothing
    /// is fused. Only known of the work of a task.
    pub joined_elements: u64,
}

impl OperatorWork {
    /// No work of no kind.
    pub(crate) fn nothing() -> Self {
        Self {
            kind: KernelKind::View,
            macs: 0,
            input_elements: 0,
            output_elements: 0,
            parameters: 0,
            input_bytes: 0,
            output_bytes: 0,
            weight_bytes: 0,
            input_count: 0,
            geometry: Geometry::default(),
            access: Access::default(),
            joined_elements: 0,
        }
    }
}
