//! Convolution and transposed convolution.

use super::window::{AutoPad, Window, auto_pad, explicit_pads, span};
use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::data_type::DataType;
use crate::graph::shape::text;

/// Groups of a convolution, checked against the channels of its input and weight.
pub(crate) fn groups(node: &Node<'_>) -> Result<u64, InferenceError> {
    let group = node.integer("group", 1);
    u64::try_from(group)
        .ok()
        .filter(|&group| group > 0)
        .ok_or_else(|| InferenceError::invalid("group", group, "a positive integer is expected"))
}

/// The kernel of a convolution: the spatial dimensions of its weight, which `kernel_shape` may only repeat.
fn kernel(node: &Node<'_>, weight: &Facts) -> Result<Vec<u64>, InferenceError> {
    let kernel = weight.shape[2..].to_vec();
    let declared = node.positive_list("kernel_shape", kernel.len(), 1)?;
    if node.attributes.integers("kernel_shape").is_some() && declared != kernel {
        let expected = format!("the weight has shape {}", text(&weight.shape));
        return Err(InferenceError::invalid("kernel_shape", declared, expected));
    }
    if kernel.contains(&0) {
        return Err(InferenceError::invalid("kernel_shape", kernel, "a window cannot be empty"));
    }
    Ok(kernel)
}

fn operands<'a>(node: &Node<'a>, weight_position: usize) -> Result<(&'a Facts, &'a Facts), InferenceError> {
    let expected = "a batch, channels and at least one spatial dimension are expected";
    let input = node.ranked(0, |rank| rank >= 3, expected)?;
    let weight =
        node.ranked(weight_position, |rank| rank == input.rank(), "the weight must have as many dimensions as the input")?;
    Ok((input, weight))
}

/// The window of a convolution whose weight is the input at `weight_position`.
pub(crate) fn window(node: &Node<'_>, weight_position: usize) -> Result<Window, InferenceError> {
    let (input, weight) = operands(node, weight_position)?;
    Window::of(node, &input.shape[2..], kernel(node, weight)?)
}

fn convolution_shape(node: &Node<'_>, weight_position: usize) -> Result<Vec<u64>, InferenceError> {
    let (input, weight) = operands(node, weight_position)?;
    let groups = groups(node)?;
    let (input_text, weight_text) = (text(&input.shape), text(&weight.shape));
    if weight.shape[1].checked_mul(groups) != Some(input.shape[1]) {
        return Err(InferenceError::mismatch(format!(
            "input {input_text} has {} channels, but weight {weight_text} with {groups} groups asks for {}",
            input.shape[1],
            weight.shape[1].saturating_mul(groups)
        )));
    }
    if !weight.shape[0].is_multiple_of(groups) {
        return Err(InferenceError::mismatch(format!(
            "weight {weight_text} has {} output channels, which {groups} groups do not divide",
            weight.shape[0]
        )));
    }
    let mut shape = vec![input.shape[0], weight.shape[0]];
    shape.extend(window(node, weight_position)?.positions(&input.shape[2..])?);
    Ok(shape)
}

/// `Conv`: input `N x C x spatial`, weight `M x C/groups x kernel`.
pub(super) fn convolution(node: &Node<'_>) -> Inferred {
    Ok(vec![Facts::new(node.input(0)?.data_type, convolution_shape(node, 1)?)])
}

/// `ConvInteger`: as `Conv`, accumulated in 32 bits.
pub(super) fn convolution_integer(node: &Node<'_>) -> Inferred {
    Ok(vec![Facts::new(DataType::Int32, convolution_shape(node, 1)?)])
}

/// `QLinearConv`: the weight is input 3, the output has the type of the output zero point, input 7.
pub(super) fn convolution_quantized(node: &Node<'_>) -> Inferred {
    Ok(vec![Facts::new(node.input(7)?.data_type, convolution_shape(node, 3)?)])
}

/// `ConvTranspose`: input `N x C x spatial`, weight `C x M/groups x kernel`.
pub(super) fn transposed(node: &Node<'_>) -> Inferred {
    let (input, weight) = operands(node, 1)?;
    let groups = groups(node)?;
    if weight.shape[0] != input.shape[1] || !input.shape[1].is_multiple_of(groups) {
        return Err(InferenceError::mismatch(format!(
            "input {} has {} channels, but weight {} asks for {}, which {groups} groups must divide",
            text(&input.shape),
            input.shape[1],
            text(&weight.shape),
            weight.shape[0]
        )));
    }
    let channels = weight.shape[1]
        .checked_mul(groups)
        .ok_or_else(|| InferenceError::invalid("group", groups, "the output channels overflow"))?;
    let mut shape = vec![input.shape[0], channels];
    shape.extend(transposed_spatial(node, &input.shape[2..], &kernel(node, weight)?)?);
    Ok(vec![Facts::new(input.data_type, shape)])
}

fn transposed_spatial(node: &Node<'_>, spatial: &[u64], kernel: &[u64]) -> Result<Vec<u64>, InferenceError> {
    let rank = spatial.len();
    if node.attributes.integers("output_shape").is_some() {
        return node.positive_list("output_shape", rank, 1);
    }
    let strides = node.positive_list("strides", rank, 1)?;
    let dilations = node.positive_list("dilations", rank, 1)?;
    let extra = node.attributes.integers("output_padding").map_or_else(|| vec![0; rank], <[i64]>::to_vec);
    if extra.len() != rank {
        return Err(InferenceError::invalid("output_padding", extra, format!("{rank} integers are expected")));
    }
    let padding = auto_pad(node)?;
    let (begin, end) = if padding == AutoPad::Explicit { explicit_pads(node, rank)? } else { (vec![0; rank], vec![0; rank]) };
    let along = |axis: usize| {
        if matches!(padding, AutoPad::SameUpper | AutoPad::SameLower) {
            return spatial[axis].checked_mul(strides[axis]);
        }
        let reach = spatial[axis].checked_sub(1)?.checked_mul(strides[axis])?;
        let full = reach.checked_add(span(kernel[axis], dilations[axis])?)?.checked_add_signed(extra[axis])?;
        let cropped = full.checked_add_signed(begin[axis].checked_neg()?)?.checked_add_signed(end[axis].checked_neg()?)?;
        (cropped > 0).then_some(cropped)
    };
    (0..rank)
        .map(|axis| {
            along(axis).ok_or_else(|| {
                let problem = "with its padding crops input {} with kernel {} to nothing";
                InferenceError::mismatch(format!(
                    "the transposed convolution {}",
                    problem.replacen("{}", &text(spatial), 1).replacen("{}", &text(kernel), 1)
                ))
            })
        })
        .collect()
}
