//! Each builtin operator as ONNX operators.

use sim::graph::{AttributeValue, Attributes};

use super::convert::{Converter, integer_attribute, integer_attributes, named};
use super::names as n;
use super::schema::Operator;
use super::shapes;

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
        n::CONV_2D | n::DEPTHWISE_CONV_2D => convolution(to, operator),
        n::TRANSPOSE_CONV => transposed_convolution(to, operator),
        n::MAX_POOL_2D | n::AVERAGE_POOL_2D => pool(to, operator),
        n::FULLY_CONNECTED => fully_connected(to, operator),
        n::BATCH_MATMUL => matrix_product(to, operator),
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

/// Padding of one axis: elements before and after. `same` pads so that the output is the input over the stride, more after than before.
fn padding(is_same: bool, sizes: [u64; 2], kernel: i64, stride: i64, dilation: i64) -> [i64; 2] {
    let [from, into] = sizes.map(|size| size as i64);
    let reach = (kernel - 1).saturating_mul(dilation).saturating_add(1);
    let missing = (into - 1).saturating_mul(stride).saturating_add(reach).saturating_sub(from).max(0);
    if is_same { [missing / 2, missing - missing / 2] } else { [0, 0] }
}

/// Options that are numbers above 0.
fn positive(operator: &Operator<'_>, index: usize, what: &str) -> Result<i64, String> {
    let value = option(operator, index, 1)?;
    if (1..=1 << 20).contains(&value) { Ok(value) } else { Err(format!("its {what} is {value}, but must be from 1 to 1048576")) }
}

/// Height and width of a tensor with channels last.
fn extent(to: &Converter<'_>, tensor: usize) -> Result<[u64; 2], String> {
    match to.model.tensors[tensor].shape.as_slice() {
        &[_, height, width, _] => Ok([height, width]),
        shape => Err(format!("tensor `{}` has shape {shape:?}, but four dimensions are needed", to.name(tensor))),
    }
}

fn convolution(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let is_depthwise = operator.code == n::DEPTHWISE_CONV_2D;
    let (from, weights, into) = (input(operator, 0)?, input(operator, 1)?, output(operator)?);
    let &[first, height, width, last] = to.model.tensors[weights].shape.as_slice() else {
        return Err(format!("its filter has shape {:?}, but four dimensions are needed", to.model.tensors[weights].shape));
    };
    let channels = to.model.tensors[from].shape.get(3).copied().unwrap_or(0);
    let (filter, groups) = if is_depthwise {
        ([last, 1, height, width], channels)
    } else {
        ([first, last, height, width], channels.checked_div(last).unwrap_or(0))
    };
    let is_same = small_option(operator, 0)? == 0;
    let strides = [positive(operator, 2, "stride")?, positive(operator, 1, "stride")?];
    let (fused, wide, high) = if is_depthwise { (4, 5, 6) } else { (3, 4, 5) };
    let dilations = [positive(operator, high, "dilation")?, positive(operator, wide, "dilation")?];
    let (before, after) = (extent(to, from)?, extent(to, into)?);
    let kernel = [height as i64, width as i64];
    let pads: Vec<[i64; 2]> =
        (0..2).map(|axis| padding(is_same, [before[axis], after[axis]], kernel[axis], strides[axis], dilations[axis])).collect();
    let activation = small_option(operator, fused)?;
    let attributes = integer_attributes(&[
        ("kernel_shape", &kernel),
        ("strides", &strides),
        ("dilations", &dilations),
        ("pads", &[pads[0][0], pads[1][0], pads[0][1], pads[1][1]]),
    ]);
    let attributes = attributes.with("group", AttributeValue::Integer(groups as i64));
    let mut inputs = vec![to.input(from), weight(to, weights, filter.to_vec())?];
    if let Some(&Some(bias)) = operator.inputs.get(2) {
        inputs.push(to.input(bias));
    }
    let (target, kind) = to.fused(into, activation)?;
    to.emit("Conv", inputs, target.clone(), attributes);
    to.activate(&target, kind, activation, into);
    Ok(())
}

/// A filter under the shape that ONNX has it in.
fn weight(to: &mut Converter<'_>, tensor: usize, shape: Vec<u64>) -> Result<String, String> {
    if to.is_constant[tensor] {
        return Ok(to.constant(tensor, shape));
    }
    Err(format!("its filter `{}` is computed, not a constant", to.name(tensor)))
}

fn transposed_convolution(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let (weights, from, into) = (input(operator, 1)?, input(operator, 2)?, output(operator)?);
    let &[channels, height, width, inner] = to.model.tensors[weights].shape.as_slice() else {
        return Err(format!("its filter has shape {:?}, but four dimensions are needed", to.model.tensors[weights].shape));
    };
    let strides = [positive(operator, 2, "stride")?, positive(operator, 1, "stride")?];
    let (before, after) = (extent(to, from)?, extent(to, into)?);
    let kernel = [height as i64, width as i64];
    // What the whole product exceeds the stated output by is cut off; what it lacks is added after.
    let excess: Vec<i64> = (0..2)
        .map(|axis| {
            (before[axis] as i64 - 1)
                .saturating_mul(strides[axis])
                .saturating_add(kernel[axis])
                .saturating_sub(after[axis] as i64)
        })
        .collect();
    let cut: Vec<i64> = excess.iter().map(|&excess| excess.max(0)).collect();
    let added: Vec<i64> = excess.iter().map(|&excess| (-excess).max(0)).collect();
    let activation = small_option(operator, 3)?;
    let attributes = integer_attributes(&[
        ("kernel_shape", &kernel),
        ("strides", &strides),
        ("pads", &[cut[0] / 2, cut[1] / 2, cut[0] - cut[0] / 2, cut[1] - cut[1] / 2]),
        ("output_padding", &added),
    ]);
    let mut inputs = vec![to.input(from), weight(to, weights, vec![inner, channels, height, width])?];
    if let Some(&Some(bias)) = operator.inputs.get(3) {
        inputs.push(to.input(bias));
    }
    let (target, kind) = to.fused(into, activation)?;
    to.emit("ConvTranspose", inputs, target.clone(), attributes);
    to.activate(&target, kind, activation, into);
    Ok(())
}

fn pool(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    let is_same = small_option(operator, 0)? == 0;
    let strides = [positive(operator, 2, "stride")?, positive(operator, 1, "stride")?];
    let kernel = [positive(operator, 4, "window")?, positive(operator, 3, "window")?];
    let (before, after) = (extent(to, from)?, extent(to, into)?);
    let pads: Vec<[i64; 2]> =
        (0..2).map(|axis| padding(is_same, [before[axis], after[axis]], kernel[axis], strides[axis], 1)).collect();
    let attributes = integer_attributes(&[
        ("kernel_shape", &kernel),
        ("strides", &strides),
        ("pads", &[pads[0][0], pads[1][0], pads[0][1], pads[1][1]]),
    ]);
    let op_type = if operator.code == n::MAX_POOL_2D { "MaxPool" } else { "AveragePool" };
    let activation = small_option(operator, 5)?;
    let from = to.input(from);
    let (target, kind) = to.fused(into, activation)?;
    to.emit(op_type, vec![from], target.clone(), attributes);
    to.activate(&target, kind, activation, into);
    Ok(())
}

fn fully_connected(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let (from, weights, into) = (input(operator, 0)?, input(operator, 1)?, output(operator)?);
    let &[columns, depth] = to.model.tensors[weights].shape.as_slice() else {
        return Err(format!("its weights have shape {:?}, but two dimensions are needed", to.model.tensors[weights].shape));
    };
    let elements = to.model.tensors[from].elements();
    if depth == 0 || !elements.is_multiple_of(depth) {
        return Err(format!("its input has {elements} elements, which is no multiple of the {depth} rows of its weights"));
    }
    let rows = elements / depth;
    let mut name = to.input(from);
    if to.shape(from) != [rows, depth] {
        name = to.reshaped(&name, vec![rows, depth]);
    }
    let mut inputs = vec![name, to.input(weights)];
    if let Some(&Some(bias)) = operator.inputs.get(2) {
        inputs.push(to.input(bias));
    }
    let activation = small_option(operator, 0)?;
    let (target, kind) = to.fused(into, activation)?;
    let attributes = integer_attribute("transB", 1);
    if to.shape(into) == [rows, columns] {
        to.emit("Gemm", inputs, target.clone(), attributes);
    } else {
        let product = to.fresh(&format!("{target}.rows"));
        to.emit("Gemm", inputs, product.clone(), attributes);
        let shape = to.shape(into);
        to.reshape(&product, target.clone(), shape);
    }
    to.activate(&target, kind, activation, into);
    Ok(())
}

fn matrix_product(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let into = output(operator)?;
    let mut inputs = Vec::new();
    for place in 0..2 {
        let tensor = input(operator, place)?;
        let mut name = to.input(tensor);
        let rank = to.model.tensors[tensor].rank() as i64;
        if small_option(operator, place)? != 0 && rank >= 2 {
            let mut order: Vec<i64> = (0..rank).collect();
            order.swap(rank as usize - 1, rank as usize - 2);
            let turned = to.fresh(&format!("{name}.transposed"));
            to.emit("Transpose", vec![name], turned.clone(), integer_attributes(&[("perm", &order)]));
            name = turned;
        }
        inputs.push(name);
    }
    to.emit("MatMul", inputs, to.name(into), Attributes::new());
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
