//! What the GPU runs: `TFLite`'s GPU delegate, in ONNX names.

use sim::graph::KernelKind;
use sim::platform::{SupportRule, SupportRules};

/// Tensors of the delegate are batch x height x width x channels.
const MAXIMUM_RANK: u32 = 4;

/// ONNX operators with a counterpart among the delegate's documented operators, or among those that the measurements show on it.
///
/// Documented: `ADD`, `AVERAGE_POOL_2D`, `CONCATENATION`, `CONV_2D`, `DEPTHWISE_CONV_2D`, `EXP`, `FULLY_CONNECTED`, `LOGISTIC`,
/// `LSTM`, `MAX_POOL_2D`, `MUL`, `PAD`, `PRELU`, `RELU`, `RELU6`, `RESHAPE`, `RESIZE_BILINEAR`, `SOFTMAX`, `STRIDED_SLICE`,
/// `SUB`, `TRANSPOSE_CONV`. Measured besides: `MEAN` over height and width, grouped `CONV_2D`, and the hard swish and hard sigmoid
/// of `MobileNetV3`, which is measured whole.
const OPERATORS: [&str; 36] = [
    "Conv",
    "FusedConv",
    "ConvTranspose",
    "Gemm",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Concat",
    "Add",
    "Sub",
    "Mul",
    "Sum",
    "Exp",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Relu",
    // RELU6; other bounds are two elementary steps of the same kind.
    "Clip",
    "PRelu",
    // PRELU with one slope.
    "LeakyRelu",
    "Softmax",
    // MUL and ADD by constants.
    "BatchNormalization",
    "Pad",
    "Slice",
    "Resize",
    "Upsample",
    "LSTM",
    // RESHAPE, or nothing at all.
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Identity",
    "Dropout",
    "Cast",
    "Constant",
    "DequantizeLinear",
];

/// The rules; the first match decides.
pub(super) fn gpu() -> SupportRules {
    let mut rules = vec![
        refuse(None, Some(KernelKind::MatrixMultiply), "BATCH_MATMUL (product of two activations) is not in the delegate's list"),
        allow(None, Some(KernelKind::FullyConnected)),
        allow(None, Some(KernelKind::GlobalPool)),
    ];
    rules.extend(OPERATORS.map(|name| allow(Some(name), None)));
    let refused = [
        ("Transpose", "TRANSPOSE is not in the delegate's list"),
        ("Gather", "GATHER is not in the delegate's list"),
        ("Split", "SPLIT is not in the delegate's list"),
        ("Erf", "ERF has no TFLite operator on the GPU"),
        ("Gelu", "GELU is not in the delegate's list"),
        ("Tanh", "TANH is not in the delegate's list"),
        ("Div", "DIV is not in the delegate's list"),
        ("Pow", "POW is not in the delegate's list"),
        ("Sqrt", "SQRT is not in the delegate's list"),
        ("ReduceMean", "MEAN is known to run over height and width only"),
        ("LayerNormalization", "layer normalisation needs MEAN over channels and RSQRT, which are not in the delegate's list"),
        (
            "InstanceNormalization",
            "instance normalisation needs SQUARED_DIFFERENCE and RSQRT, which are not in the delegate's list",
        ),
    ];
    rules.extend(refused.map(|(name, reason)| refuse(Some(name), None, reason)));
    SupportRules { rules, default_supported: false }
}

fn allow(op_type: Option<&str>, kind: Option<KernelKind>) -> SupportRule {
    SupportRule {
        op_type: op_type.map(str::to_owned),
        kind,
        maximum_rank: Some(MAXIMUM_RANK),
        supported: true,
        reason: "the GPU delegate takes tensors of at most 4 dimensions".to_owned(),
    }
}

fn refuse(op_type: Option<&str>, kind: Option<KernelKind>, reason: &str) -> SupportRule {
    SupportRule { op_type: op_type.map(str::to_owned), kind, maximum_rank: None, supported: false, reason: reason.to_owned() }
}
