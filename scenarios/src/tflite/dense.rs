//! Convolutions, poolings and matrix products.

use sim::graph::{AttributeValue, Attributes};

use super::convert::{Converter, integer_attribute, integer_attributes};
use super::names as n;
use super::operators::{input, option, output, small_option};
use super::schema::Operator;

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

pub(super) fn convolution(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
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

pub(super) fn transposed_convolution(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
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

pub(super) fn pool(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
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

pub(super) fn fully_connected(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
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

pub(super) fn matrix_product(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
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
