//! Operators that give an input back as it is.

use super::constants::{integers, is_all, is_of, numbers};
use super::edit::{Edit, Rewrite};
use super::registry::{Outcome, Values};
use crate::graph::{Graph, Operator};
use crate::identifiers::TensorId;

/// Removes them; one that leads from a graph input to a graph output stays.
pub(super) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    let mut edit = Edit::new(graph);
    for operator in graph.operators().iter().filter(|operator| operator.domain.is_empty()) {
        if let Some(position) = forwards(graph, operator)
            && let Some(input) = operator.input(position)
        {
            edit.bypass(operator.outputs[0], input);
        }
    }
    edit.rewrite()
}

/// The position of the input that the first output equals, where the others are not wanted.
fn forwards(graph: &Graph, operator: &Operator) -> Option<usize> {
    let output = graph.tensor(operator.outputs[0]);
    let is_wanted = |&tensor: &TensorId| graph.tensor(tensor).is_output || !graph.tensor(tensor).consumers.is_empty();
    if operator.outputs[1..].iter().any(is_wanted) {
        return None;
    }
    // Every rule below is about an input of the output's type and shape.
    let same = |position: usize| {
        operator.input(position).is_some_and(|input| {
            let input = graph.tensor(input);
            input.data_type == output.data_type && input.shape == output.shape
        })
    };
    let when = |position: usize, holds: bool| (holds && same(position)).then_some(position);
    let all = |position: usize, value: f64| is_all(graph, operator.input(position), value);
    match operator.op_type.as_str() {
        // A pooling or reduction of the same shape meets dimensions of 1 only.
        "Identity" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Cast" | "CastLike" | "Expand" | "Tile"
        | "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" => {
            when(0, true)
        }
        "Dropout" => when(0, operator.input(2).is_none() || all(2, 0.0)),
        "Transpose" => when(0, is_identity_permutation(graph, operator)),
        "Concat" | "Sum" | "Max" | "Min" | "Mean" => when(0, operator.inputs.len() == 1),
        "Split" => when(0, operator.outputs.len() == 1),
        "Slice" => {
            let has_steps = operator.input(4).is_some() || operator.attributes.integers("steps").is_some();
            let forward = |steps: Vec<i64>| steps.iter().all(|&step| step == 1);
            when(0, !has_steps || integers(graph, operator, "steps", 4).is_some_and(forward))
        }
        "Pad" => when(0, integers(graph, operator, "pads", 1).is_some_and(|pads| pads.iter().all(|&pad| pad == 0))),
        "Resize" | "Upsample" => when(0, is_resize_by_one(graph, operator)),
        "MaxPool" | "AveragePool" => when(0, is_window_of_one(operator)),
        "Add" => when(0, all(1, 0.0)).or_else(|| when(1, all(0, 0.0))),
        "Sub" => when(0, all(1, 0.0)),
        "Mul" => when(0, all(1, 1.0)).or_else(|| when(1, all(0, 1.0))),
        "Div" | "Pow" => when(0, all(1, 1.0)),
        "LeakyRelu" => when(0, operator.attributes.float("alpha") == Some(1.0)),
        "Relu" => when(0, operator.input(0).is_some_and(|input| is_never_negative(graph, input))),
        _ => None,
    }
}

fn is_identity_permutation(graph: &Graph, operator: &Operator) -> bool {
    let rank = operator.input(0).map_or(0, |input| graph.tensor(input).shape.len());
    let reversed: Vec<i64> = (0..rank as i64).rev().collect();
    let permutation = operator.attributes.integers("perm").unwrap_or(&reversed);
    permutation.is_sorted()
}

/// Every coordinate transformation but the one with a region of interest maps a pixel onto itself at scale 1.
fn is_resize_by_one(graph: &Graph, operator: &Operator) -> bool {
    if operator.attributes.text("coordinate_transformation_mode") == Some("tf_crop_and_resize") {
        return false;
    }
    let scales = match (operator.op_type.as_str(), operator.attributes.floats("scales")) {
        ("Upsample", Some(scales)) => Some(scales.iter().map(|&scale| f64::from(scale)).collect()),
        // In opset 10 scales are the second of two inputs; later the third, which is absent or empty where sizes are given.
        ("Upsample", None) => numbers(graph, operator.input(1)),
        _ if operator.inputs.len() == 2 => numbers(graph, operator.input(1)),
        _ if operator.input(3).is_some() => Some(Vec::new()),
        _ => numbers(graph, operator.input(2)),
    };
    #[expect(clippy::float_cmp, reason = "a scale of exactly 1")]
    scales.is_some_and(|scales| scales.iter().all(|&scale| scale == 1.0))
}

fn is_window_of_one(operator: &Operator) -> bool {
    let is_all =
        |name: &str, value: i64| operator.attributes.integers(name).is_none_or(|values| values.iter().all(|&it| it == value));
    operator.attributes.integers("kernel_shape").is_some()
        && is_all("kernel_shape", 1)
        && is_all("strides", 1)
        && is_all("pads", 0)
}

/// Whether what makes a tensor gives nothing below 0.
fn is_never_negative(graph: &Graph, tensor: TensorId) -> bool {
    let Some(producer) = graph.tensor(tensor).producer.map(|id| graph.operator(id)) else { return false };
    match producer.op_type.as_str() {
        "Relu" | "Sigmoid" | "HardSigmoid" | "Softmax" | "Abs" => producer.domain.is_empty(),
        "Clip" => {
            let lowest = producer.attributes.float("min").map(f64::from);
            let given = numbers(graph, producer.input(1)).and_then(|values| values.first().copied());
            lowest.or(given).is_some_and(|lowest| lowest >= 0.0)
        }
        // A window holds at least one value of its input, and padding never wins.
        "MaxPool" => is_of(producer, "MaxPool") && producer.input(0).is_some_and(|input| is_never_negative(graph, input)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::frontend::tests::check;
    use crate::graph::{AttributeValue, Attributes, ConstantData, DataType, RawGraph, RawTensor};

    fn with(mut raw: RawGraph, name: &str, values: &[f64]) -> RawGraph {
        let (name, data) = (name.to_owned(), Some(ConstantData::Floats(values.to_vec())));
        raw.initializers.push(RawTensor { name, data_type: DataType::Float32, shape: vec![values.len() as u64], data });
        raw
    }

    /// One operator between two that stay.
    fn one(op_type: &str, extra: &[&str], attributes: Attributes, is_removed: bool) {
        let mut raw = RawGraph::new("test").with_input("x", &[1, 2, 4, 4]);
        for (name, values) in [("zero", vec![0.0]), ("one", vec![1.0, 1.0, 1.0, 1.0]), ("two", vec![2.0])] {
            raw = with(raw, name, &values);
        }
        raw = raw
            .with_integers("same", &[1, 2, 4, 4])
            .with_integers("none", &[0; 8])
            .with_integers("pads", &[0, 0, 0, 0, 0, 0, 1, -1]);
        raw = raw
            .with_integers("starts", &[0])
            .with_integers("ends", &[9])
            .with_integers("axes", &[3])
            .with_integers("steps", &[-1]);
        raw = raw.with_integers("back", &[-1]).with_integers("low", &[-99]);
        raw = raw.with_operator("Neg", &["x"], &["a"], Attributes::new());
        let inputs: Vec<&str> = std::iter::once("a").chain(extra.iter().copied()).collect();
        raw = raw.with_operator(op_type, &inputs, &["b"], attributes).with_operator("Neg", &["b"], &["y"], Attributes::new());
        let after = check("identity", raw.with_output("y"), &[]);
        assert_eq!(after.operator_named("b").is_none(), is_removed, "{op_type} {extra:?}");
    }

    #[test]
    fn what_does_nothing_goes() {
        let none = Attributes::new;
        let integers = |name: &str, values: &[i64]| none().with(name, AttributeValue::Integers(values.to_vec()));
        one("Identity", &[], none(), true);
        one("Dropout", &[], none(), true);
        one("Reshape", &["same"], none(), true);
        one("Flatten", &[], none(), false);
        one("Transpose", &[], integers("perm", &[0, 1, 2, 3]), true);
        one("Transpose", &[], integers("perm", &[0, 1, 3, 2]), false);
        one("Cast", &[], none().with("to", AttributeValue::Integer(1)), true);
        one("Cast", &[], none().with("to", AttributeValue::Integer(10)), false);
        one("Slice", &["starts", "ends", "axes"], none(), true);
        one("Slice", &["back", "low", "axes", "steps"], none(), false);
        one("Pad", &["none"], none(), true);
        one("Pad", &["pads"], none(), false);
        one("Resize", &["", "one"], none(), true);
        one("Resize", &["", "", "same"], none(), true);
        one("Expand", &["same"], none(), true);
        one("Concat", &[], none().with("axis", AttributeValue::Integer(1)), true);
        one("MaxPool", &[], integers("kernel_shape", &[1, 1]), true);
        one("MaxPool", &[], integers("kernel_shape", &[3, 3]).with("pads", AttributeValue::Integers(vec![1; 4])), false);
        one("ReduceMean", &[], integers("axes", &[0]), true);
        one("ReduceMean", &[], integers("axes", &[1]), false);
        one("Add", &["zero"], none(), true);
        one("Add", &["two"], none(), false);
        one("Sub", &["zero"], none(), true);
        one("Mul", &["one"], none(), true);
        one("Mul", &["zero"], none(), false);
        one("Div", &["one"], none(), true);
        one("Relu", &[], none(), false);
    }

    #[test]
    fn outputs_keep_their_names() {
        let raw = || RawGraph::new("test").with_input("x", &[2]);
        let identity = |raw: RawGraph, from: &str, to: &str| raw.with_operator("Identity", &[from], &[to], Attributes::new());
        check("identity", identity(raw(), "x", "y").with_output("y"), &["y = Identity(x)"]);
        let relu = raw().with_operator("Relu", &["x"], &["a"], Attributes::new());
        check("identity", identity(relu.clone(), "a", "y").with_output("y"), &["y = Relu(x)"]);
        let both = identity(identity(relu, "a", "y"), "a", "z");
        check("identity", both.with_output("y").with_output("z"), &["y = Relu(x)", "z = Identity(y)"]);
        let twice = raw().with_operator("Relu", &["x"], &["a"], Attributes::new()).with_operator(
            "Relu",
            &["a"],
            &["y"],
            Attributes::new(),
        );
        check("identity", twice.with_output("y"), &["y = Relu(x)"]);
    }
}
