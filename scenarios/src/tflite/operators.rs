//! Each builtin operator as ONNX operators.

use sim::graph::{AttributeValue, Attributes};

use super::convert::{Converter, integer_attribute, named};
use super::names as n;
use super::schema::Operator;
use super::{dense, shapes};

/// Operators of one tensor that keep its shape.
const UNARY: [(u32, &str); 22] = [
    (n::RELU, "Relu"),
    (n::LOGISTIC, "Sigmoid"),
    (n::TANH, "Tanh"),
    (n::HARD_SWISH, "HardSwish"),
    (n::ELU, "Elu"),
    (n::GELU, "Gelu"),
    (n::EXP, "Exp"),
    (n::LOG, "Log"),
    (n::SIN, "Sin"),
    (n::COS, "Cos"),
    (n::SQRT, "Sqrt"),
    (n::ABS, "Abs"),
    (n::NEG, "Neg"),
    (n::FLOOR, "Floor"),
    (n::CEIL, "Ceil"),
    (n::ROUND, "Round"),
    (n::SIGN, "Sign"),
    (n::LOGICAL_NOT, "Not"),
    (n::LEAKY_RELU, "LeakyRelu"),
    (n::ZEROS_LIKE, "Identity"),
    (n::BITCAST, "Identity"),
    (n::FAKE_QUANT, "Identity"),
];

/// Arithmetic of several tensors that spread over each other.
const SPREAD: [(u32, &str); 20] = [
    (n::ADD, "Add"),
    (n::SUB, "Sub"),
    (n::MUL, "Mul"),
    (n::DIV, "Div"),
    (n::FLOOR_DIV, "Div"),
    (n::MAXIMUM, "Max"),
    (n::MINIMUM, "Min"),
    (n::POW, "Pow"),
    (n::FLOOR_MOD, "Mod"),
    (n::ADD_N, "Sum"),
    (n::PRELU, "PRelu"),
    (n::GREATER, "Greater"),
    (n::GREATER_EQUAL, "GreaterOrEqual"),
    (n::LESS, "Less"),
    (n::LESS_EQUAL, "LessOrEqual"),
    (n::EQUAL, "Equal"),
    (n::LOGICAL_AND, "And"),
    (n::LOGICAL_OR, "Or"),
    (n::SELECT, "Where"),
    (n::SELECT_V2, "Where"),
];

const REDUCTIONS: [(u32, &str); 5] = [
    (n::MEAN, "ReduceMean"),
    (n::SUM, "ReduceSum"),
    (n::REDUCE_MAX, "ReduceMax"),
    (n::REDUCE_MIN, "ReduceMin"),
    (n::REDUCE_PROD, "ReduceProd"),
];

fn listed(table: &[(u32, &'static str)], code: u32) -> Option<&'static str> {
    table.iter().find(|row| row.0 == code).map(|row| row.1)
}

pub(super) fn input(operator: &Operator<'_>, place: usize) -> Result<usize, String> {
    operator.inputs.get(place).copied().flatten().ok_or_else(|| format!("input {place} is absent"))
}

pub(super) fn output(operator: &Operator<'_>) -> Result<usize, String> {
    operator.outputs.first().copied().ok_or_else(|| "it has no output".to_owned())
}

/// An option; `index` counts the fields of the operator's table.
pub(super) fn option(operator: &Operator<'_>, index: usize, default: i32) -> Result<i64, String> {
    let read = operator.options.map_or(Ok(default), |table| table.i32(index, default));
    read.map(i64::from).map_err(|fault| format!("its options cannot be read at byte {}", fault.offset))
}

/// An option of one byte: an enumeration or a truth value.
pub(super) fn small_option(operator: &Operator<'_>, index: usize) -> Result<u8, String> {
    let read = operator.options.map_or(Ok(0), |table| table.byte(index));
    read.map_err(|fault| format!("its options cannot be read at byte {}", fault.offset))
}

/// Adds what an operator is to the graph.
pub(super) fn convert(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let code = operator.code;
    if let Some(op_type) = listed(&UNARY, code) {
        return unary(to, operator, op_type);
    }
    if let Some(op_type) = listed(&SPREAD, code) {
        return spread(to, operator, op_type);
    }
    if let Some(op_type) = listed(&REDUCTIONS, code) {
        return shapes::reduce(to, operator, op_type);
    }
    match code {
        n::CONV_2D | n::DEPTHWISE_CONV_2D => dense::convolution(to, operator),
        n::TRANSPOSE_CONV => dense::transposed_convolution(to, operator),
        n::MAX_POOL_2D | n::AVERAGE_POOL_2D => dense::pool(to, operator),
        n::FULLY_CONNECTED => dense::fully_connected(to, operator),
        n::BATCH_MATMUL => dense::matrix_product(to, operator),
        n::RELU6 | n::RELU_N1_TO_1 | n::RELU_0_TO_1 => clip(to, operator),
        n::SQUARE | n::SQUARED_DIFFERENCE | n::RSQRT => composed(to, operator),
        n::SOFTMAX | n::LOG_SOFTMAX | n::L2_NORMALIZATION => along_last(to, operator),
        n::QUANTIZE | n::DEQUANTIZE => quantization(to, operator),
        n::CAST => {
            let (from, into) = (input(operator, 0)?, output(operator)?);
            let target = to.model.tensors[into].data_type.onnx_code();
            let from = to.input(from);
            to.emit("Cast", vec![from], to.name(into), integer_attribute("to", target));
            Ok(())
        }
        n::CONCATENATION | n::PACK | n::SPLIT | n::SPLIT_V | n::UNPACK => shapes::pieces(to, operator),
        n::RESHAPE | n::SQUEEZE | n::EXPAND_DIMS => {
            let (from, into) = (input(operator, 0)?, output(operator)?);
            let (from, shape) = (to.input(from), to.shape(into));
            to.reshape(&from, to.name(into), shape);
            Ok(())
        }
        n::TRANSPOSE => shapes::transpose(to, operator),
        n::GATHER | n::ARG_MAX | n::ARG_MIN => shapes::select(to, operator),
        n::PAD | n::PADV2 | n::MIRROR_PAD => shapes::stated(to, operator, "Pad", 1),
        n::SLICE | n::STRIDED_SLICE => shapes::stated(to, operator, "Slice", 2),
        n::TILE => shapes::stated(to, operator, "Tile", 1),
        n::BROADCAST_TO => shapes::stated(to, operator, "Expand", 1),
        n::RESIZE_BILINEAR | n::RESIZE_NEAREST_NEIGHBOR => shapes::stated(to, operator, "Resize", 1),
        n::DEPTH_TO_SPACE | n::SPACE_TO_DEPTH => {
            let op_type = if code == n::DEPTH_TO_SPACE { "DepthToSpace" } else { "SpaceToDepth" };
            let (from, into) = (input(operator, 0)?, output(operator)?);
            let size = option(operator, 0, 0)?;
            let from = to.input(from);
            to.emit(op_type, vec![from], to.name(into), integer_attribute("blocksize", size));
            Ok(())
        }
        _ => Err(format!(
            "{} has no counterpart here; convert the model without it, or export it as ONNX, where unknown operators with stated shapes are taken",
            named(operator)
        )),
    }
}

fn unary(to: &mut Converter<'_>, operator: &Operator<'_>, op_type: &str) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    let mut attributes = Attributes::new();
    if operator.code == n::LEAKY_RELU {
        let alpha = operator.options.map_or(Ok(0.0), |table| table.f32(0));
        let alpha = alpha.map_err(|fault| format!("its options cannot be read at byte {}", fault.offset))?;
        attributes.insert("alpha", AttributeValue::Float(alpha));
    }
    let from = to.input(from);
    to.emit(op_type, vec![from], to.name(into), attributes);
    Ok(())
}

fn spread(to: &mut Converter<'_>, operator: &Operator<'_>, op_type: &str) -> Result<(), String> {
    let into = output(operator)?;
    let inputs = operator.inputs.iter().flatten().map(|&tensor| to.operand(tensor, into)).collect();
    let activation = match operator.code {
        n::ADD | n::SUB | n::MUL | n::DIV => small_option(operator, 0)?,
        _ => 0,
    };
    let (target, kind) = to.fused(into, activation)?;
    to.emit(op_type, inputs, target.clone(), Attributes::new());
    to.activate(&target, kind, activation, into);
    Ok(())
}

fn clip(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    let ends = match operator.code {
        n::RELU6 => [0.0, 6.0],
        n::RELU_N1_TO_1 => [-1.0, 1.0],
        _ => [0.0, 1.0],
    };
    let mut inputs = vec![to.input(from)];
    let (stem, data_type) = (format!("{}.end", to.name(into)), to.model.tensors[into].data_type);
    inputs.extend(ends.map(|end| to.number(&stem, data_type, end)));
    to.emit("Clip", inputs, to.name(into), Attributes::new());
    Ok(())
}

/// Operators that are two of ONNX's.
fn composed(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let into = output(operator)?;
    let operands: Vec<String> = operator.inputs.iter().flatten().map(|&tensor| to.operand(tensor, into)).collect();
    let first = operands.first().cloned().ok_or("input 0 is absent")?;
    let middle = to.fresh(&format!("{}.before", to.name(into)));
    match operator.code {
        n::RSQRT => {
            to.emit("Sqrt", vec![first], middle.clone(), Attributes::new());
            to.emit("Reciprocal", vec![middle], to.name(into), Attributes::new());
        }
        n::SQUARED_DIFFERENCE => {
            to.emit("Sub", operands, middle.clone(), Attributes::new());
            to.emit("Mul", vec![middle.clone(), middle], to.name(into), Attributes::new());
        }
        _ => to.emit("Mul", vec![first.clone(), first], to.name(into), Attributes::new()),
    }
    Ok(())
}

fn along_last(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    let op_type = match operator.code {
        n::SOFTMAX => "Softmax",
        n::LOG_SOFTMAX => "LogSoftmax",
        _ => "LpNormalization",
    };
    let axis = to.axis(from, -1)?;
    let from = to.input(from);
    to.emit(op_type, vec![from], to.name(into), integer_attribute("axis", axis));
    Ok(())
}

fn quantization(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    let [before, after] = [from, into].map(|tensor| to.model.tensors[tensor].data_type);
    // From one quantised type to another: one operator, a change of type.
    let attributes = || integer_attribute("to", after.onnx_code());
    let is_float = |name: &str| name.starts_with("float");
    let name = to.input(from);
    let (quantized, op_type) = match (is_float(before.name()), is_float(after.name())) {
        (true, false) => (after, "QuantizeLinear"),
        (false, true) => (before, "DequantizeLinear"),
        _ => {
            to.emit("Cast", vec![name], to.name(into), attributes());
            return Ok(());
        }
    };
    let stem = to.name(into);
    let scale = to.number(&format!("{stem}.scale"), sim::graph::DataType::Float32, 1.0);
    let zero = to.number(&format!("{stem}.zero"), quantized, 0.0);
    to.emit(op_type, vec![name, scale, zero], stem, Attributes::new());
    Ok(())
}
