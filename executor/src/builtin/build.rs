//! From an operator to its kernel.

use sim::graph::{DataType, Graph, Operator};
use sim::identifiers::TensorId;

use super::activation::Activation;
use super::arithmetic::Operation;
use super::channel_scale::ChannelScale;
use super::choice::{Cast, Not, Where};
use super::convolution::Convolution;
use super::depthwise::Depthwise;
use super::elementwise::{Binary, Unary};
use super::fold::Reduce;
use super::kernel::Kernel;
use super::node::{Node, Refusal};
use super::normalization::Normalization;
use super::pooling::Pooling;
use super::product::MatrixProduct;
use super::reduction::Reduction;
use super::softmax::Softmax;
use super::transposed::Transposed;
use super::{moves, resize};
use crate::unit::Constants;

/// A kernel that may take in what its result alone is used for. Every method tells whether it did.
pub(super) trait Fusible: Kernel {
    /// Applies a function to the result.
    fn activate(&mut self, _activation: Activation) -> bool {
        false
    }

    /// Scales and shifts the channels of the result.
    fn scale_channels(&mut self, _scale: &[f32], _shift: &[f32]) -> bool {
        false
    }

    /// Adds a row to every row of the result.
    fn add_row(&mut self, _row: &[f32]) -> bool {
        false
    }

    /// Adds another tensor of the result's shape, read as one more input.
    fn add_residual(&mut self) -> bool {
        false
    }

    /// Called once when nothing more is taken in.
    fn finish(&mut self) {}
}

/// A kernel with what it reads and writes.
pub(super) struct Built {
    pub(super) kernel: Box<dyn Fusible>,
    pub(super) inputs: Vec<TensorId>,
    pub(super) outputs: Vec<TensorId>,
    /// Whether the output is the input in another shape.
    pub(super) is_view: bool,
}

impl Built {
    pub(super) fn new(kernel: impl Fusible + 'static, inputs: Vec<TensorId>, outputs: Vec<TensorId>) -> Self {
        Self { kernel: Box::new(kernel), inputs, outputs, is_view: false }
    }
}

/// Values of a single-precision constant.
pub(super) fn constant(constants: &Constants, id: TensorId) -> Result<Vec<f32>, Refusal> {
    match constants.get(&id) {
        Some(tensor) if tensor.data_type == DataType::Float32 => Ok(tensor.values::<f32>().to_vec()),
        Some(tensor) => Err(format!("a constant is of type {}: float32 is needed", tensor.data_type)),
        None => Err("a constant has no values".to_owned()),
    }
}

/// The function that an operator applies to its one input, if that is what it does.
pub(super) fn activation(node: &Node<'_>) -> Result<Option<Activation>, Refusal> {
    let alpha = |default: f32| node.float("alpha", default);
    Ok(Some(match node.operator.op_type.as_str() {
        "Relu" => Activation::Clamp(0.0, f32::INFINITY),
        "Clip" => {
            let limit = |name: &str, position: usize, default: f32| -> Result<f32, Refusal> {
                let value = node.numbers(name, position)?.and_then(|values| values.first().copied());
                Ok(value.map_or_else(|| node.float(name, default), |value| value as f32))
            };
            Activation::Clamp(limit("min", 1, f32::NEG_INFINITY)?, limit("max", 2, f32::INFINITY)?)
        }
        "LeakyRelu" => Activation::LeakyRelu(alpha(0.01)),
        "HardSigmoid" => Activation::HardSigmoid(alpha(0.2), node.float("beta", 0.5)),
        "HardSwish" => Activation::HardSwish,
        "Sigmoid" => Activation::Sigmoid,
        "Tanh" => Activation::Tanh,
        "Erf" => Activation::Erf,
        "Gelu" if node.text("approximate", "none") == "none" => Activation::Gelu,
        "Exp" => Activation::Exp,
        "Sqrt" => Activation::Sqrt,
        "Reciprocal" => Activation::Reciprocal,
        "Abs" => Activation::Abs,
        "Neg" => Activation::Neg,
        "Log" => Activation::Log,
        "Floor" => Activation::Floor,
        "Ceil" => Activation::Ceil,
        "Round" => Activation::Round,
        "Sign" => Activation::Sign,
        "Sin" => Activation::Sin,
        "Cos" => Activation::Cos,
        "Elu" => Activation::Elu(alpha(1.0)),
        "Selu" => Activation::Selu(alpha(1.673_263_2), node.float("gamma", 1.050_701)),
        "Softplus" => Activation::Softplus,
        "Softsign" => Activation::Softsign,
        "Mish" => Activation::Mish,
        "ThresholdedRelu" => Activation::ThresholdedRelu(alpha(1.0)),
        _ => return Ok(None),
    }))
}

/// The kernel of an operator. Without constants it is built on trial: nothing that takes long, not to be run.
pub(super) fn build(graph: &Graph, operator: &Operator, constants: Option<&Constants>) -> Result<Built, Refusal> {
    let node = Node { graph, operator };
    if !matches!(operator.domain.as_str(), "" | "ai.onnx") {
        return Err(format!("domain `{}` is not supported", operator.domain));
    }
    let sub_byte = |id: &TensorId| {
        let data_type = graph.tensor(*id).data_type;
        data_type.bits() < 8 || data_type == DataType::String
    };
    if let Some(id) = node.inputs().iter().chain(&operator.outputs).find(|id| sub_byte(id)) {
        return Err(format!("elements of type {} are not supported", graph.tensor(*id).data_type));
    }
    if let Some(activation) = activation(&node)? {
        return Unary::build(&node, activation);
    }
    let op_type = operator.op_type.as_str();
    if let Some(operation) = Operation::of(op_type) {
        return Binary::build(&node, operation);
    }
    if let Some(reduce) = Reduce::of(op_type) {
        return Reduction::build(&node, reduce);
    }
    match op_type {
        "Conv" => match Depthwise::build(&node, constants)? {
            Some(built) => Ok(built),
            None => Convolution::build(&node, constants),
        },
        "ConvTranspose" => Transposed::build(&node),
        "MatMul" => MatrixProduct::build_matrix(&node, constants),
        "Gemm" => MatrixProduct::build_general(&node, constants),
        "MaxPool" | "AveragePool" => Pooling::build(&node),
        "BatchNormalization" => ChannelScale::build(&node, constants),
        "InstanceNormalization" | "LayerNormalization" => Normalization::build(&node),
        "Softmax" | "LogSoftmax" => Softmax::build(&node),
        "Resize" | "Upsample" => resize::build(&node),
        "Where" => Where::build(&node),
        "Cast" => Cast::build(&node),
        "Not" => {
            let input = node.required(0)?;
            Ok(Built::new(Not(input.elements() as usize), vec![input.id], vec![node.output(0)?.id]))
        }
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Dropout" => moves::view(&node),
        "Transpose" => moves::transpose(&node),
        "Expand" => moves::expand(&node),
        "Slice" => moves::slice(&node),
        "Split" => moves::split(&node),
        "Concat" => moves::concatenate(&node),
        "DepthToSpace" | "SpaceToDepth" => moves::depth_and_space(&node),
        "Tile" => moves::tile(&node),
        "Pad" => moves::pad(&node),
        "Gather" => moves::gather(&node),
        _ => Err("there is no built-in kernel for this type".to_owned()),
    }
}
