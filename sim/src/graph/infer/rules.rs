//! The table of operator types: one line each, with the kind of kernel and the inference rule.

use super::{
    Inferred, Node, constants, contraction, convolution, elementwise, indexing, movement, normalization, pooling, quantization,
    recurrent, reduction, resampling, slicing, views,
};
use crate::graph::work::KernelKind;

/// What is known of an operator type.
pub(crate) struct Rule {
    /// ONNX type.
    pub(crate) op_type: &'static str,
    /// Kind of kernel, where shapes and weights do not refine it.
    pub(crate) kind: KernelKind,
    /// Infers the outputs.
    pub(crate) infer: fn(&Node<'_>) -> Inferred,
}

const fn rule(op_type: &'static str, kind: KernelKind, infer: fn(&Node<'_>) -> Inferred) -> Rule {
    Rule { op_type, kind, infer }
}

/// The rule of an operator type of the standard domain or of `com.microsoft`; other domains mean what they like.
pub(crate) fn find(op_type: &str, domain: &str) -> Option<&'static Rule> {
    if !matches!(domain, "" | "ai.onnx" | "com.microsoft") {
        return None;
    }
    RULES.binary_search_by(|rule| rule.op_type.cmp(op_type)).ok().map(|index| &RULES[index])
}

/// The operator types whose outputs can be inferred, in alphabetical order.
pub fn known_operator_types() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.op_type)
}

use KernelKind as Kind;

#[rustfmt::skip]
static RULES: &[Rule] = &[
    // In alphabetical order, which a test checks: the search is binary.
    rule("Abs", Kind::Elementwise, elementwise::unary),
    rule("Acos", Kind::Elementwise, elementwise::same),
    rule("Acosh", Kind::Elementwise, elementwise::same),
    rule("Add", Kind::Elementwise, elementwise::binary),
    rule("And", Kind::Other, elementwise::comparison_or_logic),
    rule("ArgMax", Kind::Reduce, reduction::argument),
    rule("ArgMin", Kind::Reduce, reduction::argument),
    rule("Asin", Kind::Elementwise, elementwise::same),
    rule("Asinh", Kind::Elementwise, elementwise::same),
    rule("Atan", Kind::Elementwise, elementwise::same),
    rule("Atanh", Kind::Elementwise, elementwise::same),
    rule("AveragePool", Kind::AveragePool, pooling::average),
    rule("BatchNormalization", Kind::Normalization, normalization::batch),
    rule("Bernoulli", Kind::Other, constants::like),
    rule("BiasGelu", Kind::Activation, elementwise::same),
    rule("BitShift", Kind::Elementwise, elementwise::binary),
    rule("BitwiseAnd", Kind::Elementwise, elementwise::binary),
    rule("BitwiseNot", Kind::Elementwise, elementwise::same),
    rule("BitwiseOr", Kind::Elementwise, elementwise::binary),
    rule("BitwiseXor", Kind::Elementwise, elementwise::binary),
    rule("Cast", Kind::Elementwise, elementwise::cast),
    rule("CastLike", Kind::Elementwise, elementwise::cast_like),
    rule("Ceil", Kind::Elementwise, elementwise::unary),
    rule("Celu", Kind::Activation, elementwise::same),
    rule("Clip", Kind::Elementwise, elementwise::same),
    rule("Compress", Kind::DataMovement, indexing::data_dependent),
    rule("Concat", Kind::Concatenate, movement::concatenate),
    rule("Constant", Kind::Other, constants::constant),
    rule("ConstantOfShape", Kind::Other, constants::constant_of_shape),
    rule("Conv", Kind::Convolution, convolution::convolution),
    rule("ConvInteger", Kind::Convolution, convolution::convolution_integer),
    rule("ConvTranspose", Kind::TransposedConvolution, convolution::transposed),
    rule("Cos", Kind::Elementwise, elementwise::same),
    rule("Cosh", Kind::Elementwise, elementwise::same),
    rule("CumSum", Kind::Other, reduction::cumulative),
    rule("DepthToSpace", Kind::DataMovement, movement::depth_to_space),
    rule("DequantizeLinear", Kind::Elementwise, quantization::dequantize),
    rule("Div", Kind::Elementwise, elementwise::binary),
    rule("Dropout", Kind::View, elementwise::dropout),
    rule("DynamicQuantizeLinear", Kind::Elementwise, quantization::quantize_dynamically),
    rule("Einsum", Kind::MatrixMultiply, contraction::einstein_sum),
    rule("Elu", Kind::Activation, elementwise::same),
    rule("Equal", Kind::Other, elementwise::comparison_or_logic),
    rule("Erf", Kind::Activation, elementwise::same),
    rule("Exp", Kind::Elementwise, elementwise::same),
    rule("Expand", Kind::DataMovement, movement::expand),
    rule("EyeLike", Kind::Other, constants::like),
    rule("FastGelu", Kind::Activation, elementwise::same),
    rule("Flatten", Kind::View, views::flatten),
    rule("Floor", Kind::Elementwise, elementwise::unary),
    rule("FusedConv", Kind::Convolution, convolution::convolution),
    rule("FusedGemm", Kind::FullyConnected, contraction::general_matrix_multiply),
    rule("FusedMatMul", Kind::MatrixMultiply, contraction::matrix_multiply_fused),
    rule("GRU", Kind::Recurrent, recurrent::recurrent),
    rule("Gather", Kind::DataMovement, indexing::gather),
    rule("GatherElements", Kind::DataMovement, indexing::gather_elements),
    rule("GatherND", Kind::DataMovement, indexing::gather_many),
    rule("Gelu", Kind::Activation, elementwise::same),
    rule("Gemm", Kind::FullyConnected, contraction::general_matrix_multiply),
    rule("GlobalAveragePool", Kind::GlobalPool, pooling::global),
    rule("GlobalLpPool", Kind::GlobalPool, pooling::global),
    rule("GlobalMaxPool", Kind::GlobalPool, pooling::global),
    rule("Greater", Kind::Other, elementwise::comparison_or_logic),
    rule("GreaterOrEqual", Kind::Other, elementwise::comparison_or_logic),
    rule("GridSample", Kind::Resize, resampling::grid_sample),
    rule("GroupNormalization", Kind::Normalization, elementwise::same),
    rule("HardSigmoid", Kind::Activation, elementwise::same),
    rule("HardSwish", Kind::Activation, elementwise::same),
    rule("Hardmax", Kind::Softmax, normalization::along_axis),
    rule("Identity", Kind::View, views::identity),
    rule("InstanceNormalization", Kind::Normalization, normalization::instance),
    rule("IsInf", Kind::Other, elementwise::unary_test),
    rule("IsNaN", Kind::Other, elementwise::unary_test),
    rule("LRN", Kind::Normalization, elementwise::same),
    rule("LSTM", Kind::Recurrent, recurrent::recurrent),
    rule("LayerNormalization", Kind::Normalization, normalization::layer),
    rule("LeakyRelu", Kind::Activation, elementwise::same),
    rule("Less", Kind::Other, elementwise::comparison_or_logic),
    rule("LessOrEqual", Kind::Other, elementwise::comparison_or_logic),
    rule("Log", Kind::Elementwise, elementwise::same),
    rule("LogSoftmax", Kind::Softmax, normalization::along_axis),
    rule("LpNormalization", Kind::Normalization, elementwise::same),
    rule("LpPool", Kind::AveragePool, pooling::average),
    rule("MatMul", Kind::MatrixMultiply, contraction::matrix_multiply),
    rule("MatMulInteger", Kind::MatrixMultiply, contraction::matrix_multiply_integer),
    rule("Max", Kind::Elementwise, elementwise::variadic),
    rule("MaxPool", Kind::MaxPool, pooling::max),
    rule("Mean", Kind::Elementwise, elementwise::variadic),
    rule("MeanVarianceNormalization", Kind::Normalization, elementwise::same),
    rule("Min", Kind::Elementwise, elementwise::variadic),
    rule("Mish", Kind::Activation, elementwise::same),
    rule("Mod", Kind::Elementwise, elementwise::binary),
    rule("Mul", Kind::Elementwise, elementwise::binary),
    rule("Neg", Kind::Elementwise, elementwise::unary),
    rule("NonMaxSuppression", Kind::Other, indexing::data_dependent),
    rule("NonZero", Kind::Other, indexing::non_zero),
    rule("Not", Kind::Other, elementwise::unary),
    rule("OneHot", Kind::Other, indexing::one_hot),
    rule("Or", Kind::Other, elementwise::comparison_or_logic),
    rule("PRelu", Kind::Activation, elementwise::same),
    rule("Pad", Kind::DataMovement, movement::pad),
    rule("Pow", Kind::Elementwise, elementwise::binary),
    rule("QLinearConv", Kind::Convolution, convolution::convolution_quantized),
    rule("QLinearMatMul", Kind::MatrixMultiply, contraction::matrix_multiply_quantized),
    rule("QuantizeLinear", Kind::Elementwise, quantization::quantize),
    rule("QuickGelu", Kind::Activation, elementwise::same),
    rule("RMSNormalization", Kind::Normalization, elementwise::same),
    rule("RNN", Kind::Recurrent, recurrent::recurrent),
    rule("RandomNormalLike", Kind::Other, constants::like),
    rule("RandomUniformLike", Kind::Other, constants::like),
    rule("Range", Kind::Other, constants::range),
    rule("Reciprocal", Kind::Elementwise, elementwise::same),
    rule("ReduceL1", Kind::Reduce, reduction::reduce),
    rule("ReduceL2", Kind::Reduce, reduction::reduce),
    rule("ReduceLogSum", Kind::Reduce, reduction::reduce),
    rule("ReduceLogSumExp", Kind::Reduce, reduction::reduce),
    rule("ReduceMax", Kind::Reduce, reduction::reduce),
    rule("ReduceMean", Kind::Reduce, reduction::reduce),
    rule("ReduceMin", Kind::Reduce, reduction::reduce),
    rule("ReduceProd", Kind::Reduce, reduction::reduce),
    rule("ReduceSum", Kind::Reduce, reduction::reduce),
    rule("ReduceSumSquare", Kind::Reduce, reduction::reduce),
    rule("Relu", Kind::Activation, elementwise::same),
    rule("Reshape", Kind::View, views::reshape),
    rule("Resize", Kind::Resize, resampling::resize),
    rule("ReverseSequence", Kind::DataMovement, elementwise::same),
    rule("RoiAlign", Kind::AveragePool, pooling::region_align),
    rule("Round", Kind::Elementwise, elementwise::unary),
    rule("ScatterElements", Kind::DataMovement, elementwise::same),
    rule("ScatterND", Kind::DataMovement, indexing::scatter_many),
    rule("Selu", Kind::Activation, elementwise::same),
    rule("Shape", Kind::Other, constants::shape),
    rule("Shrink", Kind::Activation, elementwise::same),
    rule("Sigmoid", Kind::Activation, elementwise::same),
    rule("Sign", Kind::Elementwise, elementwise::same),
    rule("SimplifiedLayerNormalization", Kind::Normalization, elementwise::same),
    rule("Sin", Kind::Elementwise, elementwise::same),
    rule("Sinh", Kind::Elementwise, elementwise::same),
    rule("Size", Kind::Other, constants::size),
    rule("SkipLayerNormalization", Kind::Normalization, normalization::skip_layer),
    rule("Slice", Kind::DataMovement, slicing::slice),
    rule("Softmax", Kind::Softmax, normalization::along_axis),
    rule("Softplus", Kind::Activation, elementwise::same),
    rule("Softsign", Kind::Activation, elementwise::same),
    rule("SpaceToDepth", Kind::DataMovement, movement::space_to_depth),
    rule("Split", Kind::DataMovement, slicing::split),
    rule("Sqrt", Kind::Elementwise, elementwise::unary),
    rule("Squeeze", Kind::View, views::squeeze),
    rule("Sub", Kind::Elementwise, elementwise::binary),
    rule("Sum", Kind::Elementwise, elementwise::variadic),
    rule("Swish", Kind::Activation, elementwise::same),
    rule("Tan", Kind::Elementwise, elementwise::same),
    rule("Tanh", Kind::Activation, elementwise::same),
    rule("ThresholdedRelu", Kind::Activation, elementwise::same),
    rule("Tile", Kind::DataMovement, movement::tile),
    rule("TopK", Kind::Other, indexing::top_k),
    rule("Transpose", Kind::DataMovement, movement::transpose),
    rule("Trilu", Kind::DataMovement, elementwise::same),
    rule("Unique", Kind::Other, indexing::data_dependent),
    rule("Unsqueeze", Kind::View, views::unsqueeze),
    rule("Upsample", Kind::Resize, resampling::upsample),
    rule("Where", Kind::Elementwise, elementwise::select),
    rule("Xor", Kind::Other, elementwise::comparison_or_logic),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_without_repetition() {
        assert!(RULES.windows(2).all(|pair| pair[0].op_type < pair[1].op_type));
    }

    #[test]
    fn foreign_domains_are_unknown() {
        assert!(find("Conv", "").is_some());
        assert!(find("Conv", "my.company").is_none());
        assert!(find("Convolve", "").is_none());
    }
}
