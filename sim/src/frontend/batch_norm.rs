//! Batch normalisation folded into the convolution or matrix product before it.
//!
//! At inference it is `y = (x - mean) * scale / sqrt(variance + epsilon) + bias` for each channel: with `factor = scale / sqrt(variance +
//! epsilon)` the weights become `weights * factor`, the bias `(bias_before - mean) * factor + bias`. Both are written as operators over
//! the initialisers: nothing of them depends on a request, so they are computed once when the model is loaded, and models without
//! values can be folded too.

use super::constants::{has_one_reader, is_of};
use super::edit::{Edit, Rewrite};
use super::registry::{Outcome, Values};
use super::reshape::is_modern;
use crate::graph::{Attributes, ConstantData, DataType, Graph, Operator};
use crate::identifiers::TensorId;

/// Folds every normalisation whose input one convolution or product with weights makes for it alone.
pub(super) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    let mut edit = Edit::new(graph);
    if !is_modern(graph) {
        return None;
    }
    for operator in graph.operators() {
        let Some(host) = host(graph, operator) else { continue };
        // Two in a row: the second waits for the next round.
        if edit.has(operator.id) && edit.has(host.id) && fold(&mut edit, operator, host).is_some() {
            edit.bypass_into(operator, host);
        }
    }
    edit.rewrite()
}

/// The operator that a normalisation is folded into.
fn host<'a>(graph: &'a Graph, operator: &Operator) -> Option<&'a Operator> {
    let is_inference = operator.attributes.integer("training_mode").unwrap_or(0) == 0 && operator.outputs.len() == 1;
    if !is_of(operator, "BatchNormalization") || !is_inference || operator.attributes.integer("spatial") == Some(0) {
        return None;
    }
    let is_static = |id: TensorId| !graph.tensor(id).role.is_dynamic() && graph.tensor(id).data_type == DataType::Float32;
    let input = operator.input(0)?;
    let host = graph.operator(graph.tensor(input).producer?);
    let has_weights = host.input(1).is_some_and(is_static) && host.input(2).is_none_or(is_static);
    let statistics = (1..5).all(|position| operator.input(position).is_some_and(is_static));
    let attributes = &host.attributes;
    let fits = match host.op_type.as_str() {
        "Conv" => true,
        // With groups the output channels are spread over two axes of the weights.
        "ConvTranspose" => attributes.integer("group").unwrap_or(1) == 1,
        "Gemm" => host.input(2).is_none() || attributes.float("beta").is_none_or(|beta| (beta - 1.0).abs() < f32::EPSILON),
        _ => false,
    };
    (fits && host.domain.is_empty() && has_weights && statistics && has_one_reader(graph, input)).then_some(host)
}

/// The axis of the weights that holds the output channels.
fn channel_axis(host: &Operator) -> usize {
    match host.op_type.as_str() {
        "ConvTranspose" => 1,
        "Gemm" if host.attributes.integer("transB").unwrap_or(0) == 0 => 1,
        _ => 0,
    }
}

/// Writes the new weights and bias and makes the host read them.
fn fold(edit: &mut Edit<'_>, operator: &Operator, host: &Operator) -> Option<()> {
    let graph = edit.graph;
    let name = |position: usize| operator.input(position).map(|id| graph.tensor(id).name.as_str());
    let (scale, bias, mean, variance) = (name(1)?, name(2)?, name(3)?, name(4)?);
    let weights = graph.tensor(host.input(1)?);
    let base = &operator.name;
    let epsilon = f64::from(operator.attributes.float("epsilon").unwrap_or(1e-5));
    let epsilon = edit.constant(&format!("{base}.epsilon"), DataType::Float32, &[], ConstantData::Floats(vec![epsilon]));
    let mut make = |op_type: &str, inputs: &[&str], what: &str| {
        edit.insert(host.id, op_type, inputs, &format!("{base}.{what}"), Attributes::new())
    };
    let shifted = make("Add", &[variance, &epsilon], "variance");
    let deviation = make("Sqrt", &[&shifted], "deviation");
    let factor = make("Div", &[scale, &deviation], "factor");
    let before = host.input(2).map(|id| graph.tensor(id).name.as_str());
    // The bias of a `Gemm` may be one number for all channels: it broadcasts here as there.
    let offset = if let Some(before) = before {
        let centred = make("Sub", &[before, mean], "centred");
        make("Mul", &[&centred, &factor], "scaled")
    } else {
        let scaled = make("Mul", &[mean, &factor], "scaled");
        make("Neg", &[&scaled], "negated")
    };
    let new_bias = make("Add", &[&offset, bias], "bias");
    let mut sizes = vec![1_i64; weights.shape.len()];
    let axis = channel_axis(host);
    sizes[axis] = weights.shape[axis] as i64;
    let shape = edit.integers(&format!("{base}.shape"), &sizes);
    let along = edit.insert(host.id, "Reshape", &[&factor, &shape], &format!("{base}.factors"), Attributes::new());
    let new_weights = edit.insert(host.id, "Mul", &[&weights.name, &along], &format!("{base}.weights"), Attributes::new());
    let raw = edit.operator_mut(host.id)?;
    raw.inputs.truncate(1);
    raw.inputs.extend([new_weights, new_bias]);
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::frontend::tests::check;
    use crate::graph::{AttributeValue, Attributes, RawGraph};

    fn normalized(raw: RawGraph, channels: u64) -> RawGraph {
        let raw = ["scale", "bias", "mean", "variance"].iter().fold(raw, |raw, name| raw.with_weight(name, &[channels]));
        raw.with_operator("BatchNormalization", &["a", "scale", "bias", "mean", "variance"], &["b"], Attributes::new())
            .with_operator("Relu", &["b"], &["y"], Attributes::new())
            .with_output("y")
    }

    fn one(raw: RawGraph, channels: u64, is_folded: bool) {
        let before = normalized(raw, channels);
        let parameters = before.clone().build().expect("valid").total_parameters();
        let after = check("batch_norm", before, &[]);
        let dynamic = after.operators().iter().filter(|operator| !after.is_static(operator.id)).count();
        assert_eq!(dynamic, if is_folded { 2 } else { 3 });
        // A bias of one number counts as a constant once it is no longer the bias of a convolution.
        assert!(parameters - after.total_parameters() <= 1);
    }

    #[test]
    fn normalisations_go_into_weights() {
        let none = Attributes::new;
        let image = || RawGraph::new("test").with_input("x", &[1, 4, 8, 8]);
        one(image().with_weight("w", &[6, 4, 3, 3]).with_operator("Conv", &["x", "w"], &["a"], none()), 6, true);
        let biased = image().with_weight("w", &[6, 4, 3, 3]).with_weight("c", &[6]);
        one(biased.with_operator("Conv", &["x", "w", "c"], &["a"], none()), 6, true);
        one(image().with_weight("w", &[4, 6, 3, 3]).with_operator("ConvTranspose", &["x", "w"], &["a"], none()), 6, true);
        let groups = none().with("group", AttributeValue::Integer(2));
        one(image().with_weight("w", &[4, 3, 3, 3]).with_operator("ConvTranspose", &["x", "w"], &["a"], groups), 6, false);
        let rows = || RawGraph::new("test").with_input("x", &[2, 4]).with_weight("c", &[1]);
        one(rows().with_weight("w", &[4, 6]).with_operator("Gemm", &["x", "w", "c"], &["a"], none()), 6, true);
        let transposed = none().with("transB", AttributeValue::Integer(1)).with("beta", AttributeValue::Float(0.5));
        one(rows().with_weight("w", &[6, 4]).with_operator("Gemm", &["x", "w"], &["a"], transposed.clone()), 6, true);
        one(rows().with_weight("w", &[6, 4]).with_operator("Gemm", &["x", "w", "c"], &["a"], transposed), 6, false);
    }
}
