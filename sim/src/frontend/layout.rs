//! Transpositions that cancel through element-wise operators.
//!
//! Models exported from channels-last code convert layouts around what could run in either. A region is grown backwards from a
//! transposition over operators that work the same in any order of axes (element by element, or along named axes), until it meets inverse
//! transpositions, constants, or anything else, which would have to be transposed instead. The region is rewritten in the other layout if
//! fewer elements are moved then.

use std::collections::{BTreeMap, BTreeSet};

use super::constants::{integers, is_of};
use super::edit::{Edit, Rewrite};
use super::registry::{Outcome, Values};
use super::reshape::is_modern;
use super::transpose::{attributes, permutation};
use crate::graph::{AttributeValue, Attributes, Graph, Operator};
use crate::identifiers::{OperatorId, TensorId};

/// Rewrites every region that moves fewer elements in the other layout; regions of one run do not overlap.
pub(super) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    if !is_modern(graph) {
        return None;
    }
    let mut edit = Edit::new(graph);
    let mut touched: BTreeSet<OperatorId> = BTreeSet::new();
    for operator in graph.operators().iter().filter(|operator| is_of(operator, "Transpose")) {
        let Some(region) = Region::grow(graph, operator) else { continue };
        let all = || region.inside.iter().chain(&region.ends).chain(region.begins.values());
        if region.gain > 0 && all().all(|id| !touched.contains(id)) {
            touched.extend(all());
            region.apply(&mut edit);
        }
    }
    edit.rewrite()
}

/// Operators that are to work in the layout that a transposition gives.
struct Region {
    /// Axis of the present layout for each axis of the other one.
    permutation: Vec<usize>,
    /// Operators that change layout.
    inside: BTreeSet<OperatorId>,
    /// Transpositions to the other layout, which are no longer needed.
    ends: BTreeSet<OperatorId>,
    /// Tensors that come from the other layout, each with the transposition that is skipped.
    begins: BTreeMap<TensorId, OperatorId>,
    /// Other tensors of every request, to be transposed.
    transposed: BTreeSet<TensorId>,
    /// Elements that are moved less.
    gain: i64,
}

impl Region {
    /// The region before a transposition; `None` if it has no operators.
    fn grow(graph: &Graph, end: &Operator) -> Option<Self> {
        let permutation = permutation(graph, end)?;
        let (inside, ends, begins, transposed) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        let mut region = Self { permutation, inside, ends, begins, transposed, gain: 0 };
        // Later tensors first: when one is looked at, all its readers that can be in the region are.
        let mut open: BTreeSet<TensorId> = [end.input(0)?].into();
        while let Some(tensor) = open.pop_last() {
            let producer = graph.tensor(tensor).producer.map(|id| graph.operator(id));
            if let Some(producer) = producer.filter(|producer| region.is_inverse(graph, producer)) {
                region.begins.insert(tensor, producer.id);
            } else if let Some(producer) = producer.filter(|producer| region.takes(graph, producer)) {
                region.inside.insert(producer.id);
                region.ends.extend(region.ends_of(graph, tensor));
                open.extend(operands(graph, producer).into_iter().filter(|&id| graph.tensor(id).role.is_dynamic()));
            } else {
                region.transposed.insert(tensor);
            }
        }
        let outputs = region.ends.iter().filter(|&&id| graph.tensor(graph.operator(id).outputs[0]).is_output).count();
        if region.inside.is_empty() || outputs > 1 {
            return None;
        }
        region.gain = region.gain_in(graph);
        Some(region)
    }

    /// Whether an operator transposes back to the other layout.
    fn is_inverse(&self, graph: &Graph, operator: &Operator) -> bool {
        let earlier = permutation(graph, operator);
        earlier.is_some_and(|earlier| {
            earlier.len() == self.permutation.len()
                && self.permutation.iter().enumerate().all(|(axis, &from)| earlier[from] == axis)
        })
    }

    /// Transpositions of a tensor to the other layout.
    fn ends_of(&self, graph: &Graph, tensor: TensorId) -> Vec<OperatorId> {
        let is_end = |id: &&OperatorId| permutation(graph, graph.operator(**id)).as_ref() == Some(&self.permutation);
        graph.tensor(tensor).consumers.iter().filter(is_end).copied().collect()
    }

    /// Whether an operator works in the other layout and nobody outside wants what it makes in this one.
    fn takes(&self, graph: &Graph, operator: &Operator) -> bool {
        let output = graph.tensor(operator.outputs[0]);
        let rank = self.permutation.len();
        let fits = |&id: &TensorId| {
            let tensor = graph.tensor(id);
            if tensor.role.is_dynamic() { tensor.shape.len() == rank } else { tensor.shape.len() <= rank }
        };
        let ends = self.ends_of(graph, output.id);
        let is_within = |id: &OperatorId| self.inside.contains(id) || ends.contains(id);
        operator.outputs.len() == 1
            && !output.is_output
            && output.shape.len() == rank
            && !graph.is_static(operator.id)
            && layout_free(graph, operator).is_some()
            && operands(graph, operator).iter().all(fits)
            && output.consumers.iter().all(is_within)
    }

    fn gain_in(&self, graph: &Graph) -> i64 {
        let elements = |id: TensorId| graph.tensor(id).elements() as i64;
        let removed: i64 = self.ends.iter().map(|&id| elements(graph.operator(id).outputs[0])).sum();
        let is_gone = |tensor: &&TensorId| {
            let tensor = graph.tensor(**tensor);
            !tensor.is_output && tensor.consumers.iter().all(|id| self.inside.contains(id))
        };
        let skipped: i64 = self.begins.keys().filter(is_gone).map(|&id| elements(id)).sum();
        let added: i64 = self.transposed.iter().map(|&id| elements(id)).sum();
        removed + skipped - added
    }

    fn apply(&self, edit: &mut Edit<'_>) {
        let graph = edit.graph;
        let mut names: BTreeMap<TensorId, String> = BTreeMap::new();
        for &id in &self.inside {
            let operator = graph.operator(id);
            for operand in operands(graph, operator) {
                names.entry(operand).or_insert_with(|| self.operand(edit, operator, operand));
            }
            let place = |axis: usize| self.permutation.iter().position(|&from| from == axis).unwrap_or(axis) as i64;
            let how = layout_free(graph, operator);
            let reduced = match &how {
                Some(Axes::Reduce(reduced)) => reduced.iter().map(|&axis| place(axis)).collect(),
                _ => Vec::new(),
            };
            let given = (!reduced.is_empty() && operator.input(1).is_some())
                .then(|| edit.integers(&format!("{}.axes", operator.name), &reduced));
            let operands = operands(graph, operator);
            let Some(raw) = edit.operator_mut(id) else { continue };
            for (position, input) in operator.inputs.iter().enumerate() {
                if let Some(name) = input.filter(|input| operands.contains(input)).and_then(|input| names.get(&input)) {
                    raw.inputs[position].clone_from(name);
                }
            }
            match how {
                Some(Axes::Concatenate(axis) | Axes::Along(axis)) => {
                    raw.attributes.insert("axis", AttributeValue::Integer(place(axis)));
                }
                Some(Axes::Reduce(_)) => match given {
                    Some(name) => raw.inputs[1] = name,
                    None => raw.attributes.insert("axes", AttributeValue::Integers(reduced)),
                },
                Some(Axes::Elementwise) | None => {}
            }
        }
        for &id in &self.ends {
            let end = graph.operator(id);
            if let Some(input) = end.input(0) {
                edit.bypass(end.outputs[0], input);
            }
        }
    }

    /// Name of a tensor in the other layout.
    fn operand(&self, edit: &mut Edit<'_>, reader: &Operator, id: TensorId) -> String {
        let graph = edit.graph;
        let tensor = graph.tensor(id);
        if let Some(&begin) = self.begins.get(&id)
            && let Some(input) = graph.operator(begin).input(0)
        {
            return edit.name(input);
        }
        if tensor.producer.is_some_and(|producer| self.inside.contains(&producer))
            || tensor.elements() == 1 && !tensor.role.is_dynamic()
        {
            return tensor.name.clone();
        }
        let rank = self.permutation.len();
        let mut name = tensor.name.clone();
        let padded: Vec<u64> = std::iter::repeat_n(1, rank - tensor.shape.len()).chain(tensor.shape.iter().copied()).collect();
        let moved: Vec<usize> = self.permutation.iter().copied().filter(|&axis| padded[axis] != 1).collect();
        let target: Vec<i64> = self.permutation.iter().map(|&axis| padded[axis] as i64).collect();
        let base = format!("{}.{}", reader.name, "layout");
        if tensor.shape.len() < rank || moved.is_sorted() {
            let sizes = if moved.is_sorted() { target } else { padded.iter().map(|&size| size as i64).collect() };
            let shape = edit.integers(&format!("{base}.shape"), &sizes);
            name = edit.insert(reader.id, "Reshape", &[&name, &shape], &base, Attributes::new());
        }
        if !moved.is_sorted() {
            name = edit.insert(reader.id, "Transpose", &[&name], &base, attributes(&self.permutation));
        }
        name
    }
}

/// How an operator depends on the order of axes.
enum Axes {
    /// Not at all, for all its inputs.
    Elementwise,
    /// Joins its inputs along an axis.
    Concatenate(usize),
    /// Works along an axis of its first input.
    Along(usize),
    /// Reduces axes of its first input and keeps them as 1.
    Reduce(Vec<usize>),
}

/// The inputs whose layout matters.
fn operands(graph: &Graph, operator: &Operator) -> Vec<TensorId> {
    let count = match layout_free(graph, operator) {
        Some(Axes::Elementwise | Axes::Concatenate(_)) => operator.inputs.len(),
        _ => 1,
    };
    operator.inputs.iter().take(count).flatten().copied().collect()
}

/// How an operator depends on the order of axes, if it can be rewritten for another one.
fn layout_free(graph: &Graph, operator: &Operator) -> Option<Axes> {
    if !operator.domain.is_empty() {
        return None;
    }
    let rank = graph.tensor(operator.input(0)?).shape.len();
    let counted = |axis: i64| crate::graph::shape::normalize_axis(axis, rank).ok();
    match operator.op_type.as_str() {
        "Abs" | "Add" | "And" | "Cast" | "Ceil" | "Celu" | "Clip" | "Cos" | "Div" | "Elu" | "Equal" | "Erf" | "Exp" | "Floor"
        | "Gelu" | "Greater" | "GreaterOrEqual" | "HardSigmoid" | "HardSwish" | "Identity" | "LeakyRelu" | "Less"
        | "LessOrEqual" | "Log" | "Max" | "Mean" | "Min" | "Mish" | "Mul" | "Neg" | "Not" | "Or" | "PRelu" | "Pow"
        | "Reciprocal" | "Relu" | "Round" | "Selu" | "Sigmoid" | "Sign" | "Sin" | "Softplus" | "Softsign" | "Sqrt" | "Sub"
        | "Sum" | "Tanh" | "ThresholdedRelu" | "Where" | "Xor" => Some(Axes::Elementwise),
        "Concat" => Some(Axes::Concatenate(counted(operator.attributes.integer("axis")?)?)),
        // Before opset 13 all axes from this one on are one.
        "Softmax" | "LogSoftmax" if graph.opset_version.is_none_or(|version| version >= 13) => {
            Some(Axes::Along(counted(operator.attributes.integer("axis").unwrap_or(-1))?))
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2" | "ReduceSumSquare"
            if operator.attributes.integer("keepdims").unwrap_or(1) == 1 =>
        {
            let reduced: Vec<usize> = integers(graph, operator, "axes", 1)?.into_iter().map(counted).collect::<Option<_>>()?;
            (!reduced.is_empty()).then_some(Axes::Reduce(reduced))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::tests::check;
    use crate::graph::RawGraph;

    const LAST: [usize; 4] = [0, 2, 3, 1];
    const FIRST: [usize; 4] = [0, 3, 1, 2];

    /// A layer normalisation over channels, in channels-last layout between two convolutions.
    fn normalization() -> RawGraph {
        let none = Attributes::new;
        let over = || none().with("axes", AttributeValue::Integers(vec![-1]));
        RawGraph::new("test")
            .with_input("x", &[1, 4, 8, 6])
            .with_weight("w", &[4, 4, 1, 1])
            .with_weight("scale", &[4])
            .with_operator("Conv", &["x", "w"], &["a"], none())
            .with_operator("Transpose", &["a"], &["b"], attributes(&LAST))
            .with_operator("ReduceMean", &["b"], &["mean"], over())
            .with_operator("Sub", &["b", "mean"], &["centred"], none())
            .with_operator("Mul", &["centred", "scale"], &["scaled"], none())
            .with_operator("Transpose", &["scaled"], &["c"], attributes(&FIRST))
            .with_operator("Relu", &["c"], &["y"], none())
            .with_output("y")
    }

    #[test]
    fn transpositions_cancel_through_a_normalisation() {
        let expected = [
            "a = Conv(x, w)",
            "b = Transpose(a)",
            "mean = ReduceMean(a)",
            "centred = Sub(a, mean)",
            "scaled.layout = Reshape(scale, scaled.layout.shape)",
            "scaled = Mul(centred, scaled.layout)",
            "y = Relu(scaled)",
        ];
        let after = check("layout", normalization(), &expected);
        let axes = after.operator_named("mean").and_then(|operator| operator.attributes.integers("axes"));
        assert_eq!(axes, Some(&[1][..]));
        assert_eq!(after.tensor_named("scaled.layout").map(|tensor| tensor.shape.clone()), Some(vec![1, 4, 1, 1]));
        let clean = check("dead,layout,dead", normalization(), &[]);
        assert!(clean.operators().iter().all(|operator| operator.op_type != "Transpose"));
    }

    #[test]
    fn nothing_moves_where_that_would_not_pay() {
        // The sum is read in its own layout too: transposing both of its operands back would move more.
        let raw = RawGraph::new("test")
            .with_input("x", &[1, 4, 8, 6])
            .with_input("y", &[1, 4, 8, 6])
            .with_operator("Add", &["x", "y"], &["sum"], Attributes::new())
            .with_operator("Transpose", &["sum"], &["z"], attributes(&LAST))
            .with_output("z");
        check("layout", raw, &["sum = Add(x, y)", "z = Transpose(sum)"]);
    }
}
