//! Derivation of [`OperatorWork`]: the one place where multiply-accumulates, parameters and bytes are counted.

use super::access;
use super::geometry::{self, UNIT};
use super::infer::{Facts, Node, rules};
use super::infer::{contraction, convolution, pooling, reduction};
use super::shape;
use super::tensor::TensorRole;
use super::work::{Geometry, KernelKind, OperatorWork};

/// The work of an operator whose inputs have the given roles; `None` if a count overflows 64 bits.
pub(super) fn derive(node: &Node<'_>, roles: &[Option<TensorRole>], outputs: &[Facts]) -> Option<OperatorWork> {
    let has_role = |wanted: fn(TensorRole) -> bool| {
        let present = node.inputs.iter().zip(roles).filter_map(|(facts, role)| facts.zip(*role));
        present.filter(move |(_, role)| wanted(*role)).map(|(facts, _)| facts)
    };
    let dynamic = || has_role(TensorRole::is_dynamic);
    let learned = || has_role(|role| role == TensorRole::Weight);
    let kind = kind(node, roles, outputs);
    let geometry = geometry(node, roles, outputs)?;
    Some(OperatorWork {
        kind,
        macs: multiply_accumulates(node, kind, &geometry, outputs)?,
        input_elements: sum(dynamic().map(elements))?,
        output_elements: sum(outputs.iter().map(elements))?,
        parameters: sum(learned().map(elements))?,
        input_bytes: sum(dynamic().map(bytes))?,
        output_bytes: sum(outputs.iter().map(bytes))?,
        weight_bytes: sum(learned().map(bytes))?,
        input_count: u32::try_from(dynamic().count()).ok()?,
        geometry,
        access: access::of(node, kind, outputs),
        joined_elements: 0,
    })
}

fn elements(facts: &Facts) -> Option<u64> {
    shape::elements(&facts.shape).ok()
}

fn bytes(facts: &Facts) -> Option<u64> {
    elements(facts).map(|elements| facts.data_type.bytes_of(elements))
}

fn sum(counts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    counts.into_iter().try_fold(0_u64, |sum, count| sum.checked_add(count?))
}

/// Position of the weight of a convolution or matrix product.
fn weight_position(op_type: &str) -> usize {
    if op_type.starts_with("QLinear") { 3 } else { 1 }
}

fn is_given(roles: &[Option<TensorRole>], position: usize) -> bool {
    roles.get(position).copied().flatten().is_some_and(|role| !role.is_dynamic())
}

/// The kind of the operator type, refined by shapes and by which inputs are learned.
fn kind(node: &Node<'_>, roles: &[Option<TensorRole>], outputs: &[Facts]) -> KernelKind {
    let Some(rule) = rules::find(node.op_type, node.domain) else {
        return KernelKind::Other;
    };
    if !outputs.is_empty() && outputs.iter().all(|facts| facts.data.is_some()) {
        return KernelKind::Other;
    }
    let input = |position: usize| node.optional(position);
    match rule.kind {
        KernelKind::Convolution => {
            let channels = input(0).and_then(|facts| facts.shape.get(1).copied()).unwrap_or(1);
            match convolution::groups(node).unwrap_or(1) {
                1 => KernelKind::Convolution,
                groups if groups == channels => KernelKind::DepthwiseConvolution,
                _ => KernelKind::GroupedConvolution,
            }
        }
        KernelKind::FullyConnected | KernelKind::MatrixMultiply => {
            let is_weighted = is_given(roles, weight_position(node.op_type)) || is_given(roles, 0);
            if is_weighted { KernelKind::FullyConnected } else { KernelKind::MatrixMultiply }
        }
        KernelKind::Reduce if node.op_type == "ReduceMean" => {
            let is_plane =
                input(0).is_some_and(|facts| facts.rank() == 4) && reduction::reduced_axes(node).is_ok_and(|axes| axes == [2, 3]);
            if is_plane { KernelKind::GlobalPool } else { KernelKind::Reduce }
        }
        KernelKind::DataMovement if node.op_type == "Gather" => {
            let is_table = roles.first() == Some(&Some(TensorRole::Weight));
            let is_by_row = node.integer("axis", 0) == 0 && input(0).is_some_and(|facts| facts.rank() == 2);
            if is_table && is_by_row { KernelKind::Embedding } else { KernelKind::DataMovement }
        }
        kind => kind,
    }
}

fn geometry(node: &Node<'_>, roles: &[Option<TensorRole>], outputs: &[Facts]) -> Option<Geometry> {
    let output = outputs.first().map_or(&[][..], |facts| facts.shape.as_slice());
    let first = node.optional(0).map_or(&[][..], |facts| facts.shape.as_slice());
    let Some(rule) = rules::find(node.op_type, node.domain) else {
        return Some(geometry::of_images(first, output));
    };
    let second = node.optional(weight_position(node.op_type)).map_or(&[][..], |facts| facts.shape.as_slice());
    match (rule.kind, node.op_type) {
        (KernelKind::Convolution | KernelKind::TransposedConvolution, _) => {
            let mut window = convolution::window(node, weight_position(node.op_type)).ok()?;
            if rule.kind == KernelKind::TransposedConvolution {
                // The padding of a transposed convolution crops its output; nothing is added to its input.
                window.pads_begin.fill(0);
                window.pads_end.fill(0);
            }
            let groups = convolution::groups(node).ok()?;
            Some(Geometry { groups, ..geometry::of_window(first, output, &window)? })
        }
        (KernelKind::MaxPool | KernelKind::AveragePool, "MaxPool" | "AveragePool" | "LpPool") => {
            geometry::of_window(first, output, &pooling::window(node).ok()?)
        }
        (KernelKind::FullyConnected | KernelKind::MatrixMultiply, op_type) if op_type != "Einsum" => {
            let left = contraction::transposed(first, node.flag("transA", false));
            let right = contraction::transposed(second, node.flag("transB", false));
            let is_one_weight = is_given(roles, weight_position(op_type)) && right.len() <= 2;
            geometry::of_matrix_product(&left, &right, output, is_one_weight)
        }
        (KernelKind::MatrixMultiply, _) => {
            let total = shape::elements(output).ok()?;
            let reduced = einstein_macs(node)?.checked_div(total).unwrap_or(0);
            Some(Geometry { in_channels: reduced, in_height: total, out_height: total, ..UNIT })
        }
        (KernelKind::Reduce, "ReduceMean") if kind(node, roles, outputs) == KernelKind::GlobalPool => {
            Some(Geometry { out_channels: geometry::image(first)[1], ..geometry::of_images(first, &[]) })
        }
        _ => Some(geometry::of_images(first, output)),
    }
}

/// Products of all letters of an Einstein sum: what a loop over them would multiply.
fn einstein_macs(node: &Node<'_>) -> Option<u64> {
    let sum = contraction::EinsteinSum::of(node).ok()?;
    sum.sizes.values().try_fold(1_u64, |product, &size| product.checked_mul(size))
}

fn multiply_accumulates(node: &Node<'_>, kind: KernelKind, geometry: &Geometry, outputs: &[Facts]) -> Option<u64> {
    let product = |factors: &[u64]| factors.iter().try_fold(1_u64, |product, &factor| product.checked_mul(factor));
    let weight = || node.optional(weight_position(node.op_type));
    match kind {
        KernelKind::Convolution | KernelKind::DepthwiseConvolution | KernelKind::GroupedConvolution => {
            product(&[elements(outputs.first()?)?, product(&weight()?.shape[1..])?])
        }
        KernelKind::TransposedConvolution => product(&[elements(node.optional(0)?)?, product(&weight()?.shape[1..])?]),
        KernelKind::FullyConnected | KernelKind::MatrixMultiply => {
            product(&[geometry.groups, geometry.out_height, geometry.out_channels, geometry.in_channels])
        }
        KernelKind::Recurrent => {
            // Every step multiplies the features by the weights and the state by the recurrence, in every direction.
            let input = node.optional(0)?;
            let steps = product(&[input.shape[0], input.shape[1]])?;
            product(&[steps, sum([weight(), node.optional(2)].into_iter().map(|facts| elements(facts?)))?])
        }
        _ => Some(0),
    }
}
