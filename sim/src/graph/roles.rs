//! Which of the tensors that a model brings along are learned, and which are mere constants.

use super::raw::{RawOperator, RawTensor};
use super::tensor::TensorRole;
use super::work::KernelKind;
use super::{infer::rules, shape};

/// The role of an initialiser, by its type, its size and how operators use it.
///
/// Indices, sizes, truth values and scalars are constants, and so is what only steers an operator (the scales of `Resize`,
/// the bounds of `Clip`) or is a single number in element-wise arithmetic. Everything else is a weight.
pub(super) fn initializer_role(tensor: &RawTensor, uses: &[(&RawOperator, usize)]) -> TensorRole {
    let is_one_number = shape::elements(&tensor.shape) == Ok(1);
    let is_constant_use = |&(operator, position): &(&RawOperator, usize)| {
        let kind = rules::find(&operator.op_type, &operator.domain).map(|rule| rule.kind);
        steers(&operator.op_type, position) || (is_one_number && kind == Some(KernelKind::Elementwise))
    };
    let is_only_constant = !uses.is_empty() && uses.iter().all(is_constant_use);
    if tensor.data_type.is_index() || tensor.shape.is_empty() || is_only_constant {
        TensorRole::Constant
    } else {
        TensorRole::Weight
    }
}

/// Whether the input at `position` tells an operator what to do, instead of being computed with.
fn steers(op_type: &str, position: usize) -> bool {
    match op_type {
        "Resize" | "Upsample" | "Clip" | "Dropout" | "Pad" | "TopK" | "OneHot" => position > 0,
        "NonMaxSuppression" => position > 1,
        "Range" | "ConstantOfShape" => true,
        _ => false,
    }
}
