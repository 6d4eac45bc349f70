//! The kernels that a task is on a worker: one where the worker's runtime fuses all of it, else several in a row.

use crate::cost::{CostModels, KernelClass, Prediction, Provenance, slice_work};
use crate::graph::{Geometry, Graph, KernelKind, OperatorWork};
use crate::identifiers::{OperatorId, TensorId};
use crate::plan::Part;
use crate::task::fusion::{Group, Pattern};

/// One kernel, as cost models see it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kernel {
    /// ONNX type of the leading operator, or of the operator that a fused pattern is.
    op_type: String,
    /// Types of the operators fused into it.
    fused: Vec<String>,
    /// Work of the leading operator; of a fused pattern, what all do together on the tensors outside of it.
    pub(super) work: OperatorWork,
    /// Whether it is a fused pattern, which no profile is fitted on unless it has a model of that type.
    is_block: bool,
}

impl Kernel {
    /// The kernel of a group.
    pub(super) fn of(graph: &Graph, group: &Group) -> Self {
        match group.block {
            Some(Pattern::Attention) => Self::block("Attention", attention(graph, &group.operators)),
            Some(_) => Self::block("LayerNormalization", normalization(graph, &group.operators)),
            None => {
                let lead = lead(graph, &group.operators);
                let name = |operator: OperatorId| graph.operator(operator).op_type.clone();
                let fused = group.operators.iter().filter(|&&operator| operator != lead);
                let fused = fused.map(|&operator| name(operator)).collect();
                Self { op_type: name(lead), fused, work: kernel_work(graph, &group.operators, lead), is_block: false }
            }
        }
    }

    fn block(op_type: &str, work: OperatorWork) -> Self {
        Self { op_type: op_type.to_owned(), fused: Vec::new(), work, is_block: true }
    }

    /// What some of its work is expected to cost.
    fn predict(&self, work: &OperatorWork, costs: &CostModels) -> Prediction {
        let fused: Vec<&str> = self.fused.iter().map(String::as_str).collect();
        let prediction = costs.predict_kernel(&self.op_type, &fused, work);
        let class = KernelClass::of(work);
        let has_model =
            || class.and_then(|class| costs.of_operator(class, &self.op_type)).is_some_and(|model| model.operator.is_some());
        if !self.is_block || has_model() {
            return prediction;
        }
        Prediction { in_range: false, provenance: Provenance::Assumed, ..prediction }
    }
}

/// What parts of kernels in a row are expected to cost together.
pub(super) fn predict(kernels: &[Kernel], part: Part, costs: &CostModels) -> Prediction {
    let mut predictions = kernels.iter().enumerate().map(|(place, kernel)| {
        let work = if place == 0 { slice_work(&kernel.work, part) } else { follower(&kernel.work, part) };
        kernel.predict(&work, costs)
    });
    let first = predictions.next().unwrap_or_else(|| costs.predict(&OperatorWork::nothing()));
    predictions.fold(first, |all, next| {
        // Views cost nothing and say nothing about the others.
        if next.duration_ns <= 0.0 || all.duration_ns <= 0.0 {
            return if next.duration_ns <= 0.0 { all } else { next };
        }
        let duration_ns = all.duration_ns + next.duration_ns;
        // Deviations of several kernels are independent: the relative deviation of their sum.
        let deviations = [all, next].map(|it| it.log_deviation * it.duration_ns);
        let log_deviation =
            if duration_ns > 0.0 { libm::hypot(deviations[0], deviations[1]) / duration_ns } else { all.log_deviation };
        Prediction {
            duration_ns,
            segment_ns: all.segment_ns + next.segment_ns,
            memory_bytes: all.memory_bytes + next.memory_bytes,
            log_deviation,
            in_range: all.in_range && next.in_range,
            provenance: all.provenance.max(next.provenance),
        }
    })
}

/// What putting a part in its place takes: by channels it is made there, where the worker can; by rows it is if nothing lies between them.
pub(super) fn merge_ns(kernels: &[Kernel], part: Part, costs: &CostModels) -> f64 {
    let overheads = costs.overheads();
    let Some(last) = kernels.last().filter(|_| !part.is_whole() && !overheads.merge.is_none()) else { return 0.0 };
    let geometry = &last.work.geometry;
    let is_product = matches!(last.work.kind, KernelKind::FullyConnected | KernelKind::MatrixMultiply);
    let lies_apart = matches!(part, Part::Rows { .. }) && !is_product && geometry.batch.max(1) * geometry.out_channels > 1;
    if !lies_apart && !overheads.merges_all {
        return 0.0;
    }
    overheads.merge.duration_ns(part.share(last.work.output_elements) as f64 * f64::from(costs.element_bytes()))
}

/// The work of a kernel of several operators: that of the leading one, and what the others read and write besides.
pub fn kernel_work(graph: &Graph, operators: &[OperatorId], lead: OperatorId) -> OperatorWork {
    let mut work = graph.work(lead).clone();
    let elements = |tensor: TensorId| graph.tensor(tensor).elements();
    let made = |tensor: &TensorId| operators.iter().any(|&operator| graph.operator(operator).outputs.contains(tensor));
    let fused = || operators.iter().filter(|&&operator| operator != lead).map(|&operator| graph.operator(operator));
    let read = fused().flat_map(|operator| operator.inputs.iter().flatten().copied());
    let read = read.filter(|tensor| graph.tensor(*tensor).role.is_dynamic() && !made(tensor)).map(elements);
    let widest = fused().flat_map(|operator| operator.outputs.iter().copied()).map(elements).max().unwrap_or(0);
    work.joined_elements = read.fold(widest.saturating_sub(work.output_elements), u64::saturating_add);
    work
}

/// The work of a part of what follows a leading operator element by element. Rows of a product are no rows of an image there.
fn follower(work: &OperatorWork, part: Part) -> OperatorWork {
    match part {
        Part::Rows { .. } if work.geometry.out_height <= 1 => OperatorWork {
            macs: part.share(work.macs),
            input_elements: part.share(work.input_elements),
            output_elements: part.share(work.output_elements),
            joined_elements: part.share(work.joined_elements),
            input_bytes: part.share(work.input_bytes),
            output_bytes: part.share(work.output_bytes),
            ..work.clone()
        },
        _ => slice_work(work, part),
    }
}

/// The first operator that is not a view.
pub(super) fn lead(graph: &Graph, operators: &[OperatorId]) -> OperatorId {
    let computes = |operator: &&OperatorId| graph.work(**operator).kind != KernelKind::View;
    operators.iter().find(computes).copied().unwrap_or(operators[0])
}

/// Tensors that pass the border of some operators, as work without a kind and a geometry.
fn border(graph: &Graph, operators: &[OperatorId]) -> OperatorWork {
    let mut work = OperatorWork::nothing();
    let is_within = |id: &OperatorId| operators.binary_search(id).is_ok();
    let mut seen = Vec::new();
    for &id in operators {
        let operator = graph.operator(id);
        for &input in operator.inputs.iter().flatten() {
            let tensor = graph.tensor(input);
            if tensor.role.is_dynamic() && !tensor.producer.as_ref().is_some_and(is_within) && !seen.contains(&input) {
                seen.push(input);
                work.input_elements += tensor.elements();
                work.input_bytes += tensor.bytes();
                work.input_count += 1;
            }
        }
        for tensor in operator.outputs.iter().map(|&output| graph.tensor(output)) {
            if tensor.is_output || tensor.consumers.iter().any(|consumer| !is_within(consumer)) {
                work.output_elements += tensor.elements();
                work.output_bytes += tensor.bytes();
            }
        }
        work.parameters += graph.work(id).parameters;
        work.weight_bytes += graph.work(id).weight_bytes;
        work.macs += graph.work(id).macs;
    }
    work
}

/// A layer normalisation: one pass over its input.
fn normalization(graph: &Graph, operators: &[OperatorId]) -> OperatorWork {
    let geometry = operators.last().map_or_else(Geometry::default, |&last| graph.work(last).geometry);
    OperatorWork { kind: KernelKind::Normalization, macs: 0, geometry, ..border(graph, operators) }
}

/// Attention: one product as deep as its two together, without the scores between them.
fn attention(graph: &Graph, operators: &[OperatorId]) -> OperatorWork {
    let products: Vec<&Geometry> = operators
        .iter()
        .map(|&id| graph.work(id))
        .filter(|work| work.kind == KernelKind::MatrixMultiply)
        .map(|work| &work.geometry)
        .collect();
    let geometry = match products[..] {
        [scores, values] => Geometry { in_channels: scores.in_channels + values.out_channels, ..*scores },
        _ => Geometry::default(),
    };
    OperatorWork { kind: KernelKind::MatrixMultiply, geometry, ..border(graph, operators) }
}
