//! Which operators run as one kernel: a convolution with its normalisation, an addition of the same shape and an activation;
//! other arithmetic with an activation.

use std::collections::BTreeSet;

use sim::graph::{Graph, Operator};
use sim::identifiers::{OperatorId, TensorId};

use super::activation;
use super::constants::Norm;
use super::plan::{is_known, refusal};
use crate::processor::ProcessorError;

/// Operators that one kernel computes.
#[derive(Clone, Debug)]
pub(super) struct Chain<'a> {
    /// The operator that decides on the kernel.
    pub(super) head: &'a Operator,
    /// A normalisation of channels, to be folded into constants.
    pub(super) norm: Option<Norm>,
    /// A tensor of the output's shape, to be added.
    pub(super) residual: Option<TensorId>,
    /// The body of `activate`.
    pub(super) activation: Option<String>,
    /// What the last of them writes.
    pub(super) output: TensorId,
    last: OperatorId,
}

/// All operators but those whose results are known, in an order in which they can run.
pub(super) fn chains(graph: &Graph) -> Result<Vec<Chain<'_>>, ProcessorError> {
    let mut taken: BTreeSet<OperatorId> = BTreeSet::new();
    let mut chains = Vec::new();
    for head in graph.operators() {
        if taken.contains(&head.id) || is_known(graph, head) {
            continue;
        }
        let chain = grow(graph, head, &mut taken)?;
        chains.push(chain);
    }
    // A kernel runs where its last operator stands: only there is all that it reads certainly made.
    chains.sort_by_key(|chain| chain.last);
    Ok(chains)
}

fn grow<'a>(graph: &'a Graph, head: &'a Operator, taken: &mut BTreeSet<OperatorId>) -> Result<Chain<'a>, ProcessorError> {
    let mut chain = Chain { head, norm: None, residual: None, activation: None, output: head.outputs[0], last: head.id };
    let own = activation::expression(graph, head).filter(|_| head.domain.is_empty());
    if let Some(own) = own {
        chain.activation = Some(own.map_err(|reason| refusal(head, reason))?);
        return Ok(chain);
    }
    let kind = head.op_type.as_str();
    let is_convolution = kind == "Conv";
    let ends_in_activation =
        matches!(kind, "Conv" | "Gemm" | "MatMul" | "BatchNormalization" | "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min");
    if !ends_in_activation || !head.domain.is_empty() {
        return Ok(chain);
    }
    while let Some(next) = only_reader(graph, chain.output, taken) {
        let other = next.inputs.iter().flatten().copied().find(|&input| input != chain.output);
        let is_normalization = next.op_type == "BatchNormalization" && next.input(0) == Some(chain.output);
        if is_convolution && is_normalization && chain.norm.is_none() && chain.residual.is_none() {
            let Some(norm) = Norm::of(graph, next) else { break };
            chain.norm = Some(norm);
        } else if let ("Add", true, None, Some(other)) = (next.op_type.as_str(), is_convolution, chain.residual, other)
            && next.inputs.len() == 2
            && graph.tensor(other).shape == graph.tensor(chain.output).shape
            && graph.tensor(other).role.is_dynamic()
        {
            chain.residual = Some(other);
        } else if let Some(Ok(text)) = activation::expression(graph, next) {
            chain.activation = Some(text);
        } else {
            break;
        }
        taken.insert(next.id);
        (chain.output, chain.last) = (next.outputs[0], next.id);
        if chain.activation.is_some() {
            return Ok(chain);
        }
    }
    if let Some((sigmoid, product)) = sigmoid_and_product(graph, chain.output, taken) {
        taken.extend([sigmoid.id, product.id]);
        chain.activation = Some(activation::sigmoid_linear_unit());
        (chain.output, chain.last) = (product.outputs[0], product.id);
    }
    Ok(chain)
}

/// The one operator that reads a tensor which nothing else needs.
fn only_reader<'a>(graph: &'a Graph, tensor: TensorId, taken: &BTreeSet<OperatorId>) -> Option<&'a Operator> {
    let tensor = graph.tensor(tensor);
    let &[reader] = tensor.consumers.as_slice() else { return None };
    let reader = graph.operator(reader);
    let is_free = !tensor.is_output && !taken.contains(&reader.id) && reader.domain.is_empty();
    (is_free && reader.outputs.len() == 1).then_some(reader)
}

/// `v * sigmoid(v)`, of a tensor that nothing else needs.
fn sigmoid_and_product<'a>(
    graph: &'a Graph,
    tensor: TensorId,
    taken: &BTreeSet<OperatorId>,
) -> Option<(&'a Operator, &'a Operator)> {
    let info = graph.tensor(tensor);
    let &[first, second] = info.consumers.as_slice() else { return None };
    let (sigmoid, product) = (graph.operator(first), graph.operator(second));
    let gate = sigmoid.outputs[0];
    let is_pattern = sigmoid.op_type == "Sigmoid" && product.op_type == "Mul" && product.inputs.len() == 2;
    let reads_both = product.inputs.contains(&Some(tensor)) && product.inputs.contains(&Some(gate));
    let is_private = !info.is_output && !graph.tensor(gate).is_output && graph.tensor(gate).consumers.len() == 1;
    let is_free = !taken.contains(&first) && !taken.contains(&second);
    let is_standard = sigmoid.domain.is_empty() && product.domain.is_empty();
    (is_pattern && reads_both && is_private && is_free && is_standard).then_some((sigmoid, product))
}
