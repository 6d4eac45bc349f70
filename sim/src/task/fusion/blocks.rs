//! Patterns of several kernels.

use super::group::Kernels;
use super::patterns::Pattern;
use crate::graph::{Graph, KernelKind, Operator};
use crate::identifiers::{OperatorId, TensorId};

/// Unites the kernels of every pattern that counts.
pub(super) fn merge(kernels: &mut Kernels<'_>) {
    let graph = kernels.graph;
    let operators: Vec<OperatorId> =
        graph.operators().iter().map(|operator| operator.id).filter(|&id| kernels.of(id).is_some()).collect();
    if kernels.patterns.contains(Pattern::LayerNormalization) {
        for &id in &operators {
            if let Some(parts) = layer_normalization(kernels, graph.operator(id)) {
                kernels.unite(&parts, Some(Pattern::LayerNormalization));
            }
        }
    }
    if kernels.patterns.contains(Pattern::Attention) {
        for &id in &operators {
            if let Some(parts) = attention(kernels, graph.operator(id)) {
                kernels.unite(&parts, Some(Pattern::Attention));
            }
        }
    }
    if kernels.patterns.contains(Pattern::Swish) || kernels.patterns.contains(Pattern::Gelu) {
        for &id in &operators {
            if let Some(parts) = gated_activation(kernels, graph.operator(id)) {
                kernels.unite(&parts, None);
            }
        }
    }
}

/// The one operator that reads a tensor which is no output.
fn reader(graph: &Graph, tensor: TensorId) -> Option<&Operator> {
    let tensor = graph.tensor(tensor);
    match tensor.consumers[..] {
        [id] if !tensor.is_output => Some(graph.operator(id)),
        _ => None,
    }
}

fn is(operator: &Operator, op_type: &str) -> bool {
    operator.domain.is_empty() && operator.op_type == op_type
}

/// Different kernels of some operators, in order; `None` if what one but the last makes is read outside of them.
fn closed(kernels: &Kernels<'_>, operators: &[OperatorId]) -> Option<Vec<usize>> {
    let mut parts: Vec<usize> = operators.iter().map(|&id| kernels.of(id)).collect::<Option<_>>()?;
    parts.dedup();
    let graph = kernels.graph;
    let (last, inner) = parts.split_last()?;
    let is_unique = inner.iter().enumerate().all(|(index, part)| !inner[..index].contains(part) && part != last);
    let is_within = |id: &OperatorId| kernels.of(*id).is_some_and(|kernel| parts.contains(&kernel));
    let stays = |&output: &TensorId| !graph.tensor(output).is_output && graph.tensor(output).consumers.iter().all(is_within);
    let made = inner.iter().flat_map(|&part| &kernels.all[part].group.operators).flat_map(|&id| &graph.operator(id).outputs);
    (is_unique && inner.iter().all(|&part| kernels.all[part].group.block.is_none()) && made.into_iter().all(stays))
        .then_some(parts)
}

/// `mean = ReduceMean(x)`, `d = Sub(x, mean)`, `ReduceMean(Pow(d, 2))`, `Add`, `Sqrt`, `Div(d, ..)`: from the first mean on.
fn layer_normalization(kernels: &Kernels<'_>, mean: &Operator) -> Option<Vec<usize>> {
    let graph = kernels.graph;
    if !is(mean, "ReduceMean") {
        return None;
    }
    let difference =
        reader(graph, mean.outputs[0]).filter(|operator| is(operator, "Sub") && operator.input(0) == mean.input(0))?;
    let centred = difference.outputs[0];
    let square = graph.tensor(centred).consumers.iter().map(|&id| graph.operator(id)).find(|operator| {
        is(operator, "Pow") || is(operator, "Mul") && operator.inputs.iter().all(|&input| input == Some(centred))
    })?;
    let variance = reader(graph, square.outputs[0]).filter(|operator| is(operator, "ReduceMean"))?;
    let shifted = reader(graph, variance.outputs[0]).filter(|operator| is(operator, "Add"))?;
    let deviation = reader(graph, shifted.outputs[0]).filter(|operator| is(operator, "Sqrt"))?;
    let quotient =
        reader(graph, deviation.outputs[0]).filter(|operator| is(operator, "Div") && operator.input(0) == Some(centred))?;
    closed(kernels, &[mean.id, difference.id, square.id, variance.id, shifted.id, deviation.id, quotient.id])
}

/// A product of two activations, point-wise operators and views, `Softmax`, a product of that with another activation.
fn attention(kernels: &Kernels<'_>, scores: &Operator) -> Option<Vec<usize>> {
    let graph = kernels.graph;
    if graph.work(scores.id).kind != KernelKind::MatrixMultiply {
        return None;
    }
    let mut path = vec![scores.id];
    let mut last = scores;
    while !is(last, "Softmax") {
        last = reader(graph, last.outputs[0])?;
        let is_between = matches!(graph.work(last.id).kind, KernelKind::Elementwise | KernelKind::View);
        if !is_between && !is(last, "Softmax") {
            return None;
        }
        path.push(last.id);
    }
    let product = reader(graph, last.outputs[0])?;
    if graph.work(product.id).kind != KernelKind::MatrixMultiply || product.input(0) != Some(last.outputs[0]) {
        return None;
    }
    path.push(product.id);
    closed(kernels, &path)
}

/// A kernel and the activation behind it, which reads what it makes more than once.
fn gated_activation(kernels: &Kernels<'_>, host: &Operator) -> Option<Vec<usize>> {
    let graph = kernels.graph;
    let [output] = host.outputs[..] else { return None };
    let tensor = graph.tensor(output);
    let (&first, rest) = tensor.consumers.split_first()?;
    let (from, to) = (kernels.maker(output)?, kernels.of(first)?);
    let is_whole = !rest.is_empty() && !tensor.is_output && rest.iter().all(|&id| kernels.of(id) == Some(to)) && from != to;
    let activation = &kernels.all[to].group;
    let is_pointwise =
        |&id: &OperatorId| matches!(graph.work(id).kind, KernelKind::Activation | KernelKind::Elementwise | KernelKind::View);
    if !is_whole || activation.block.is_some() || !activation.operators.iter().all(is_pointwise) {
        return None;
    }
    let has = |op_types: &[&str]| activation.operators.iter().any(|&id| op_types.contains(&graph.operator(id).op_type.as_str()));
    let pattern = if has(&["Erf"]) { Pattern::Gelu } else { Pattern::Swish };
    let is_gate = pattern == Pattern::Gelu || has(&["Sigmoid", "HardSigmoid", "Tanh"]);
    (is_gate && kernels.patterns.contains(pattern)).then(|| vec![from, to])
}
