//! Operators that a kernel takes in because nobody else reads its result.

use std::collections::BTreeSet;

use sim::graph::Graph;
use sim::identifiers::{OperatorId, TensorId};

use super::activation::Activation;
use super::build::{self, Built, constant};
use super::channel_scale::batch_parameters;
use super::node::Node;
use crate::unit::Constants;

/// Takes operators behind a kernel into it, as far as they go; tells which. `known` are the tensors that are there when the
/// kernel runs, `done` the operators that run elsewhere.
pub(super) fn take_in(
    built: &mut Built,
    graph: &Graph,
    constants: &Constants,
    known: &BTreeSet<TensorId>,
    done: &BTreeSet<OperatorId>,
) -> Vec<OperatorId> {
    let mut taken = Vec::new();
    while let Some(next) = take_one(built, graph, constants, known, done) {
        taken.extend(next);
    }
    taken
}

fn take_one(
    built: &mut Built,
    graph: &Graph,
    constants: &Constants,
    known: &BTreeSet<TensorId>,
    done: &BTreeSet<OperatorId>,
) -> Option<Vec<OperatorId>> {
    let [output] = built.outputs[..] else { return None };
    let tensor = graph.tensor(output);
    if tensor.is_output || tensor.consumers.iter().any(|consumer| done.contains(consumer)) {
        return None;
    }
    if let Some((multiply, activated)) = silu(graph, output) {
        if built.kernel.activate(Activation::Silu) {
            built.outputs.clone_from(&graph.operator(multiply).outputs);
            return Some(vec![activated, multiply]);
        }
        return None;
    }
    let [consumer] = tensor.consumers[..] else { return None };
    let operator = graph.operator(consumer);
    let node = Node { graph, operator };
    if !matches!(operator.domain.as_str(), "" | "ai.onnx") || operator.outputs.len() != 1 {
        return None;
    }
    let taken = match operator.op_type.as_str() {
        "BatchNormalization" if operator.input(0) == Some(output) && node.integer("training_mode", 0) == 0 => {
            let (scale, shift) = batch_parameters(&node, constants).ok()?;
            built.kernel.scale_channels(&scale, &shift)
        }
        "Add" => {
            let other = operator.inputs.iter().copied().flatten().find(|&input| input != output)?;
            let other_tensor = graph.tensor(other);
            let result = graph.tensor(operator.outputs[0]);
            if result.shape != tensor.shape {
                false
            } else if other_tensor.role.is_dynamic() {
                if other_tensor.shape == tensor.shape && known.contains(&other) && built.kernel.add_residual() {
                    built.inputs.push(other);
                    true
                } else {
                    false
                }
            } else {
                let is_row = other_tensor.shape.iter().rev().skip(1).all(|&size| size == 1);
                is_row && constant(constants, other).is_ok_and(|row| built.kernel.add_row(&row))
            }
        }
        _ => {
            let activation = build::activation(&node).ok().flatten()?;
            tensor.data_type == sim::graph::DataType::Float32 && built.kernel.activate(activation)
        }
    };
    if taken {
        built.outputs.clone_from(&operator.outputs);
        return Some(vec![consumer]);
    }
    None
}

/// `x * sigmoid(x)`, where nothing else reads `x` or its sigmoid: the product and the sigmoid.
fn silu(graph: &Graph, x: TensorId) -> Option<(OperatorId, OperatorId)> {
    let [one, other] = graph.tensor(x).consumers[..] else { return None };
    let is = |id: OperatorId, op_type: &str| graph.operator(id).op_type == op_type;
    let (activated, multiply) = if is(one, "Sigmoid") && is(other, "Mul") {
        (one, other)
    } else if is(one, "Mul") && is(other, "Sigmoid") {
        (other, one)
    } else {
        return None;
    };
    let sigmoid = graph.tensor(graph.operator(activated).outputs[0]);
    let inputs = &graph.operator(multiply).inputs;
    let is_product = inputs.len() == 2 && inputs.contains(&Some(x)) && inputs.contains(&Some(sigmoid.id));
    (is_product && sigmoid.consumers == [multiply] && !sigmoid.is_output).then_some((multiply, activated))
}
