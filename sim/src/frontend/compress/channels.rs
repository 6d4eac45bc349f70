//! Channels pruned by a share, everywhere consistently.
//!
//! Every convolution and product with weights makes a group of channels. Groups grow together where tensors are added or scaled element by
//! element, and go along through pooling, depthwise convolution, concatenation and flattening. A group is pruned if everything that it
//! meets is understood; one that reaches an output of the model, or an operator that mixes or cuts channels, is left as it is. Which
//! channels go is not said: the weights are new.

use std::collections::BTreeMap;

use super::groups::{Groups, Layout, Run};
use super::{own_weight, share_of};
use crate::frontend::constants::integers;
use crate::frontend::edit::{Edit, Rewrite};
use crate::frontend::registry::{Outcome, Parameter, Values};
use crate::graph::{DataType, Graph, KernelKind, Operator, RawTensor};
use crate::identifiers::{OperatorId, TensorId};

/// Parameters.
pub(in crate::frontend) const PARAMETERS: &[Parameter] = &[Parameter {
    name: "keep",
    default: 0.5,
    range: (0.01, 1.0),
    summary: "share of the channels that stay, rounded up to a multiple of 8",
}];

/// Prunes every group of channels that can be.
pub(in crate::frontend) fn run(graph: &Graph, values: &Values<'_>) -> Outcome {
    let share = values.number("keep");
    let mut plan = Plan {
        graph,
        groups: Groups::default(),
        layouts: vec![None; graph.tensors().len()],
        weights: Vec::new(),
        made: Vec::new(),
        views: Vec::new(),
    };
    for operator in graph.operators().iter().filter(|operator| !graph.is_static(operator.id)) {
        plan.operator(operator);
    }
    for &output in graph.outputs() {
        let layout = plan.layout(output);
        plan.groups.fix(&layout);
    }
    plan.rewrite(share)
}

/// What is known so far.
struct Plan<'a> {
    graph: &'a Graph,
    groups: Groups,
    /// Channels of tensors, where they are not fixed from the beginning.
    layouts: Vec<Option<Layout>>,
    /// Weights whose size along an axis is that of some channels, with who reads them.
    weights: Vec<(OperatorId, TensorId, usize, Vec<Run>)>,
    /// Operators that make channels, and their groups.
    made: Vec<(OperatorId, usize)>,
    /// Reshapes whose target holds a number of channels.
    views: Vec<OperatorId>,
}

impl Plan<'_> {
    /// The channels of a tensor; fixed ones if nothing is known.
    fn layout(&mut self, tensor: TensorId) -> Layout {
        if let Some(layout) = &self.layouts[tensor.index()] {
            return layout.clone();
        }
        let shape = &self.graph.tensor(tensor).shape;
        let axis = usize::from(shape.len() > 1);
        let group = self.groups.add(shape.get(axis).copied().unwrap_or(1), true);
        let layout = Layout { axis, runs: vec![Run { group, repeat: 1 }] };
        self.layouts[tensor.index()] = Some(layout.clone());
        layout
    }

    fn set(&mut self, operator: &Operator, layout: Layout) {
        self.layouts[operator.outputs[0].index()] = Some(layout);
    }

    fn operator(&mut self, operator: &Operator) {
        if self.follow(operator).is_none() {
            let graph = self.graph;
            for &input in operator.inputs.iter().flatten().filter(|&&input| graph.tensor(input).role.is_dynamic()) {
                let layout = self.layout(input);
                self.groups.fix(&layout);
            }
        }
    }

    /// Takes channels through an operator; `None` if it is not understood.
    fn follow(&mut self, operator: &Operator) -> Option<()> {
        let graph = self.graph;
        if !operator.domain.is_empty() || operator.outputs.len() != 1 {
            return None;
        }
        let rank = graph.tensor(operator.outputs[0]).shape.len();
        match operator.op_type.as_str() {
            "Conv" if graph.work(operator.id).kind == KernelKind::Convolution => self.weighted(operator, (1, 1), 0, Some(2)),
            "Conv" if graph.work(operator.id).kind == KernelKind::DepthwiseConvolution => self.depthwise(operator),
            "ConvTranspose" if operator.attributes.integer("group").unwrap_or(1) == 1 => {
                self.weighted(operator, (1, 0), 1, Some(2))
            }
            "Gemm" if operator.attributes.integer("transA").unwrap_or(0) == 0 => {
                let is_transposed = operator.attributes.integer("transB").unwrap_or(0) == 1;
                self.weighted(operator, (1, usize::from(is_transposed)), usize::from(!is_transposed), Some(2))
            }
            "MatMul" => self.weighted(operator, (rank.checked_sub(1)?, 0), 1, None),
            "BatchNormalization" | "InstanceNormalization" => {
                let layout = self.layout(operator.input(0)?);
                let parameters: Vec<usize> = (1..operator.inputs.len()).collect();
                if layout.axis != 1 || !parameters.iter().all(|&position| own_weight(graph, operator, position).is_some()) {
                    return None;
                }
                for position in parameters {
                    self.weight(operator, position, 0, &layout.runs);
                }
                self.set(operator, layout);
                Some(())
            }
            "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" => self.same(operator, |layout| layout.axis == 1),
            "Resize" if operator.input(3).is_none() => self.same(operator, |layout| layout.axis == 1),
            "ReduceMean" => {
                let axes = integers(graph, operator, "axes", 1)?;
                let input_rank = graph.tensor(operator.input(0)?).shape.len();
                let axes: Vec<usize> =
                    axes.iter().map(|&axis| if axis < 0 { (axis + input_rank as i64) as usize } else { axis as usize }).collect();
                let keeps = rank == input_rank;
                self.same(operator, |layout| {
                    axes.iter().all(|&axis| if keeps { axis != layout.axis } else { axis > layout.axis })
                })
            }
            "Flatten" if operator.attributes.integer("axis").unwrap_or(1) == 1 => self.flatten(operator),
            "Reshape" if rank == 2 => {
                self.flatten(operator)?;
                self.views.push(operator.id);
                Some(())
            }
            "Concat" => self.concatenate(operator),
            "Transpose" => {
                let permutation = crate::frontend::transpose::permutation(graph, operator)?;
                let layout = self.layout(operator.input(0)?);
                let axis = permutation.iter().position(|&axis| axis == layout.axis)?;
                self.set(operator, Layout { axis, ..layout });
                Some(())
            }
            _ if matches!(graph.work(operator.id).kind, KernelKind::Activation | KernelKind::Elementwise) => {
                self.elementwise(operator)
            }
            _ => None,
        }
    }

    fn same(&mut self, operator: &Operator, fits: impl Fn(&Layout) -> bool) -> Option<()> {
        let layout = self.layout(operator.input(0)?);
        fits(&layout).then(|| self.set(operator, layout))
    }

    fn weight(&mut self, operator: &Operator, position: usize, axis: usize, runs: &[Run]) {
        if let Some(weight) = operator.input(position) {
            self.weights.push((operator.id, weight, axis, runs.to_vec()));
        }
    }

    /// An operator that reads channels along an axis of its input, which is an axis of its weights too, and makes those of another.
    fn weighted(&mut self, operator: &Operator, read: (usize, usize), made: usize, bias: Option<usize>) -> Option<()> {
        let graph = self.graph;
        let weight = own_weight(graph, operator, 1)?;
        let mut layout = self.layout(operator.input(0)?);
        // Of a tensor whose channels are fixed any axis may be read.
        if layout.axis != read.0 && layout.runs.iter().all(|run| self.groups.is_fixed(run.group)) {
            let size = graph.tensor(operator.input(0)?).shape[read.0];
            layout = Layout { axis: read.0, runs: vec![Run { group: self.groups.add(size, true), repeat: 1 }] };
        }
        let bias = bias.filter(|&position| operator.input(position).is_some());
        let has_bias_of_channels = match bias {
            None => true,
            Some(position) => own_weight(graph, operator, position).is_some_and(|bias| bias.shape == [weight.shape[made]]),
        };
        if layout.axis != read.0
            || !has_bias_of_channels
            || (operator.op_type != "Conv" && operator.op_type != "ConvTranspose" && weight.shape.len() != 2)
        {
            return None;
        }
        let group = self.groups.add(weight.shape[made], false);
        let runs = vec![Run { group, repeat: 1 }];
        self.weight(operator, 1, read.1, &layout.runs);
        self.weight(operator, 1, made, &runs);
        if let Some(position) = bias {
            self.weight(operator, position, 0, &runs);
        }
        self.made.push((operator.id, group));
        self.set(operator, Layout { axis: if operator.op_type == "MatMul" { read.0 } else { 1 }, runs });
        Some(())
    }

    fn depthwise(&mut self, operator: &Operator) -> Option<()> {
        let weight = own_weight(self.graph, operator, 1)?;
        let layout = self.layout(operator.input(0)?);
        let has_bias = operator.input(2).is_some();
        let is_simple =
            weight.shape[1] == 1 && weight.shape[0] == self.graph.tensor(operator.input(0)?).shape[1] && layout.axis == 1;
        if !is_simple || has_bias && own_weight(self.graph, operator, 2).is_none() {
            return None;
        }
        self.weight(operator, 1, 0, &layout.runs);
        self.weight(operator, 2, 0, &layout.runs);
        self.views.push(operator.id);
        self.set(operator, layout);
        Some(())
    }

    fn flatten(&mut self, operator: &Operator) -> Option<()> {
        let layout = self.layout(operator.input(0)?);
        let (input, output) = (&self.graph.tensor(operator.input(0)?).shape, &self.graph.tensor(operator.outputs[0]).shape);
        if layout.axis != 1 || input.len() < 2 || output.first() != input.first() {
            return None;
        }
        let plane: u64 = input[2..].iter().product();
        let runs = layout.runs.iter().map(|run| Run { repeat: run.repeat * plane, ..*run }).collect();
        self.set(operator, Layout { axis: 1, runs });
        Some(())
    }

    fn concatenate(&mut self, operator: &Operator) -> Option<()> {
        let graph = self.graph;
        let rank = graph.tensor(operator.outputs[0]).shape.len();
        let axis = crate::graph::shape::normalize_axis(operator.attributes.integer("axis")?, rank).ok()?;
        let inputs: Vec<TensorId> = operator.inputs.iter().flatten().copied().collect();
        if inputs.iter().any(|&input| !graph.tensor(input).role.is_dynamic()) {
            return None;
        }
        let layouts: Vec<Layout> = inputs.iter().map(|&input| self.layout(input)).collect();
        let first = layouts.first()?.clone();
        if layouts.iter().any(|layout| layout.axis != first.axis) {
            return None;
        }
        if first.axis == axis {
            self.set(operator, Layout { axis, runs: layouts.into_iter().flat_map(|layout| layout.runs).collect() });
        } else {
            layouts[1..].iter().for_each(|layout| self.groups.join(&first, layout));
            self.set(operator, first);
        }
        Some(())
    }

    /// Operands have the output's channels, or 1 that broadcasts.
    fn elementwise(&mut self, operator: &Operator) -> Option<()> {
        let graph = self.graph;
        let rank = graph.tensor(operator.outputs[0]).shape.len();
        let mut found: Option<Layout> = None;
        let mut parameters = Vec::new();
        for (position, input) in operator.inputs.iter().enumerate() {
            let Some(tensor) = input.map(|input| graph.tensor(input)) else { continue };
            if !tensor.role.is_dynamic() {
                parameters.push(position);
                continue;
            }
            let layout = self.layout(tensor.id);
            if tensor.shape.len() != rank {
                return None;
            }
            if tensor.shape[layout.axis] == 1 && graph.tensor(operator.outputs[0]).shape[layout.axis] != 1 {
                self.groups.fix(&layout);
                continue;
            }
            match &found {
                Some(first) => self.groups.join(first, &layout),
                None => found = Some(layout),
            }
        }
        let layout = found?;
        let mut sized = Vec::new();
        for position in parameters {
            let shape = &graph.tensor(operator.input(position)?).shape;
            let Some(axis) = (layout.axis + shape.len()).checked_sub(rank) else { continue };
            if shape[axis] != 1 {
                own_weight(graph, operator, position)?;
                sized.push((position, axis));
            }
        }
        for (position, axis) in sized {
            self.weight(operator, position, axis, &layout.runs);
        }
        self.set(operator, layout);
        Some(())
    }

    fn rewrite(&self, share: f64) -> Option<Rewrite> {
        let graph = self.graph;
        let kept = |size: u64| share_of(size, share);
        let mut shapes: BTreeMap<TensorId, (OperatorId, Vec<u64>)> = BTreeMap::new();
        for (reader, weight, axis, runs) in &self.weights {
            let entry = shapes.entry(*weight).or_insert_with(|| (*reader, graph.tensor(*weight).shape.clone()));
            entry.1[*axis] = self.groups.channels(runs, kept);
        }
        shapes.retain(|&weight, (_, shape)| graph.tensor(weight).shape != *shape);
        if shapes.is_empty() {
            return None;
        }
        let mut edit = Edit::new(graph);
        for (&weight, (reader, shape)) in &shapes {
            let name = edit.fresh(&format!("{}.pruned", graph.tensor(weight).name));
            edit.add_initializer(RawTensor {
                name: name.clone(),
                data_type: DataType::Float32,
                shape: shape.clone(),
                data: None,
            });
            let positions = graph.operator(*reader).inputs.iter().enumerate().filter(|(_, input)| **input == Some(weight));
            for (position, _) in positions {
                if let Some(raw) = edit.operator_mut(*reader) {
                    raw.inputs[position].clone_from(&name);
                }
            }
        }
        edit.retain_initializers(|tensor| graph.tensor_named(&tensor.name).is_none_or(|tensor| !shapes.contains_key(&tensor.id)));
        for &id in &self.views {
            self.resize(&mut edit, id, kept);
        }
        let (left, pruned): (Vec<_>, Vec<_>) = self.made.iter().partition(|(_, group)| self.groups.is_fixed(*group));
        let names: Vec<&str> = left.iter().map(|(id, _)| graph.operator(*id).name.as_str()).collect();
        let mut note = format!("channels of {} of {} convolutions and products pruned", pruned.len(), self.made.len());
        if !names.is_empty() {
            note.push_str("; left as they are, for what reads them: ");
            note.push_str(&names.join(" "));
        }
        edit.finish().map(|raw| Rewrite { raw, notes: vec![note] })
    }

    /// Numbers of channels that stand in attributes or in the target of a reshape.
    fn resize(&self, edit: &mut Edit<'_>, id: OperatorId, kept: impl Fn(u64) -> u64) {
        let operator = self.graph.operator(id);
        let Some(layout) = &self.layouts[operator.outputs[0].index()] else { return };
        let channels = self.groups.channels(&layout.runs, kept) as i64;
        let shape = &self.graph.tensor(operator.outputs[0]).shape;
        if shape[layout.axis] as i64 == channels {
            return;
        }
        if operator.op_type == "Reshape" {
            let sizes = [shape[0] as i64, channels];
            let name = edit.integers(&format!("{}.shape", operator.name), &sizes);
            if let Some(raw) = edit.operator_mut(id) {
                raw.inputs[1] = name;
            }
        } else if let Some(raw) = edit.operator_mut(id) {
            raw.attributes.insert("group", crate::graph::AttributeValue::Integer(channels));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::tests::check;
    use crate::graph::{AttributeValue, Attributes, RawGraph};

    fn shapes(graph: &Graph, names: &[&str]) -> Vec<Vec<u64>> {
        names.iter().map(|name| graph.tensor_named(name).map(|tensor| tensor.shape.clone()).unwrap_or_default()).collect()
    }

    #[test]
    fn groups_are_pruned_together_and_outputs_kept() {
        let none = Attributes::new;
        let depthwise =
            none().with("group", AttributeValue::Integer(32)).with("kernel_shape", AttributeValue::Integers(vec![1, 1]));
        let raw = RawGraph::new("test")
            .with_input("x", &[1, 3, 4, 4])
            .with_weight("w1", &[32, 3, 1, 1])
            .with_weight("b1", &[32])
            .with_weight("w2", &[32, 1, 1, 1])
            .with_weight("w3", &[32, 32, 1, 1])
            .with_weight("w4", &[10, 64 * 16])
            .with_operator("Conv", &["x", "w1", "b1"], &["a"], none())
            .with_operator("Conv", &["a", "w2"], &["b"], depthwise)
            .with_operator("Relu", &["b"], &["c"], none())
            .with_operator("Conv", &["c", "w3"], &["d"], none())
            .with_operator("Add", &["d", "a"], &["e"], none())
            .with_operator("Concat", &["e", "c"], &["f"], none().with("axis", AttributeValue::Integer(1)))
            .with_operator("Flatten", &["f"], &["g"], none())
            .with_operator("Gemm", &["g", "w4"], &["y"], none().with("transB", AttributeValue::Integer(1)))
            .with_output("y");
        let after = check("channels[keep=0.3]", raw, &[]);
        let found = shapes(&after, &["w1.pruned", "b1.pruned", "w2.pruned", "w3.pruned", "w4.pruned", "y"]);
        // Three tenths of 32 are 10, rounded up to 16; the classes stay.
        let expected = [vec![16, 3, 1, 1], vec![16], vec![16, 1, 1, 1], vec![16, 16, 1, 1], vec![10, 32 * 16], vec![1, 10]];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_understood_stays() {
        let none = Attributes::new;
        let raw = RawGraph::new("test")
            .with_input("x", &[1, 3, 4, 4])
            .with_weight("w1", &[32, 3, 1, 1])
            .with_weight("w2", &[16, 8, 1, 1])
            .with_operator("Conv", &["x", "w1"], &["a"], none())
            .with_operator("DepthToSpace", &["a"], &["b"], none().with("blocksize", AttributeValue::Integer(2)))
            .with_operator("Conv", &["b", "w2"], &["y"], none())
            .with_output("y");
        check("channels", raw, &["a = Conv(x, w1)", "b = DepthToSpace(a)", "y = Conv(b, w2)"]);
    }
}
