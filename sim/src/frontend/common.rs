//! Operators that compute what another one computes already.

use std::collections::BTreeMap;

use super::edit::{Edit, Rewrite};
use super::registry::{Outcome, Values};
use crate::graph::{AttributeValue, Graph, Operator, known_operator_types};
use crate::identifiers::{OperatorId, TensorId};

/// Keeps the first of operators of equal type, attributes and inputs. Constants are equal if their values are.
pub(super) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    let mut edit = Edit::new(graph);
    let mut meaning = constants(graph);
    let mut first: BTreeMap<String, OperatorId> = BTreeMap::new();
    for operator in graph.operators() {
        let Some(key) = key(operator, &meaning) else { continue };
        let Some(&earlier) = first.get(&key) else {
            first.insert(key, operator.id);
            continue;
        };
        let kept = graph.operator(earlier).outputs.clone();
        // With several outputs, none may be renamed: all or nothing.
        let is_output = |&output: &TensorId| graph.tensor(output).is_output;
        if operator.outputs.len() > 1 && operator.outputs.iter().any(is_output) {
            continue;
        }
        if operator.outputs.iter().zip(&kept).all(|(&output, &kept)| edit.bypass(output, kept)) {
            for (output, kept) in operator.outputs.iter().zip(kept) {
                meaning[output.index()] = meaning[kept.index()];
            }
        }
    }
    edit.rewrite()
}

/// For each tensor the first of its meaning: itself, or for a small constant the first of its type, shape and values.
fn constants(graph: &Graph) -> Vec<TensorId> {
    let mut first: BTreeMap<String, TensorId> = BTreeMap::new();
    let meaning = graph.tensors().iter().map(|tensor| match &tensor.data {
        Some(data) if tensor.producer.is_none() => {
            *first.entry(format!("{} {:?} {data:?}", tensor.data_type, tensor.shape)).or_insert(tensor.id)
        }
        _ => tensor.id,
    });
    meaning.collect()
}

/// What an operator computes; `None` if it may be another thing each time, or is not comparable.
fn key(operator: &Operator, meaning: &[TensorId]) -> Option<String> {
    let is_random = matches!(operator.op_type.as_str(), "Bernoulli" | "RandomNormalLike" | "RandomUniformLike" | "Dropout");
    let is_known = !operator.shapes_declared && known_operator_types().any(|known| known == operator.op_type);
    let is_unknown = |value: &AttributeValue| matches!(value, AttributeValue::Tensor(tensor) if tensor.data.is_none());
    if is_random || !is_known || operator.attributes.iter().any(|(_, value)| is_unknown(value)) {
        return None;
    }
    let inputs: Vec<Option<TensorId>> = operator.inputs.iter().map(|input| input.map(|input| meaning[input.index()])).collect();
    let (domain, op_type, outputs) = (&operator.domain, &operator.op_type, operator.outputs.len());
    Some(format!("{domain}.{op_type} {inputs:?} {outputs} {:?}", operator.attributes))
}

#[cfg(test)]
mod tests {
    use crate::frontend::tests::check;
    use crate::graph::{AttributeValue, Attributes, RawGraph};

    #[test]
    fn equal_operators_become_one() {
        let slope = |alpha: f32| Attributes::new().with("alpha", AttributeValue::Float(alpha));
        let none = Attributes::new;
        let raw = RawGraph::new("test")
            .with_input("x", &[2, 3])
            .with_integers("one", &[3, 2])
            .with_integers("other", &[3, 2])
            .with_operator("LeakyRelu", &["x"], &["a"], slope(0.1))
            .with_operator("LeakyRelu", &["x"], &["b"], slope(0.1))
            .with_operator("LeakyRelu", &["x"], &["c"], slope(0.2))
            .with_operator("Reshape", &["a", "one"], &["d"], none())
            .with_operator("Reshape", &["b", "other"], &["e"], none())
            .with_operator("Add", &["d", "e"], &["f"], none())
            .with_operator("Neg", &["c"], &["g"], none())
            .with_operator("Neg", &["c"], &["h"], none())
            .with_output("f")
            .with_output("h")
            .with_output("g");
        let expected =
            ["a = LeakyRelu(x)", "c = LeakyRelu(x)", "d = Reshape(a, one)", "f = Add(d, d)", "g = Neg(c)", "h = Neg(c)"];
        let after = check("cse", raw, &expected);
        assert_eq!(after.outputs().len(), 3);
    }
}
