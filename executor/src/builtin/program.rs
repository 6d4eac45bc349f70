//! A unit made ready: kernels in order, and where each finds its tensors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use sim::graph::Graph;
use sim::identifiers::{OperatorId, TensorId};

use super::build::{self, Built, Fusible};
use super::fusion;
use super::kernel::{Arguments, Share};
use super::matrix::Aligned;
use super::memory::{Lifetime, place};
use super::node::Refusal;
use crate::tensor::Tensor;
use crate::unit::{Constants, Unit};

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the launch's input of that position.
    Input(usize),
    /// In the launch's output of that position.
    Output(usize),
    /// In the unit's constants.
    Constant(usize),
    /// In the arena, from that byte on.
    Arena(usize),
}

/// One kernel.
pub(super) struct Step {
    /// Index of the operator in the unit's graph, the first of those that are fused.
    pub(super) operator: usize,
    pub(super) kernel: Box<dyn Fusible>,
    pub(super) inputs: Vec<Place>,
    pub(super) outputs: Vec<Place>,
    /// Offset in the arena of what its threads share.
    pub(super) shared: usize,
}

/// A unit made ready.
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) constants: Vec<Tensor>,
    pub(super) arena_bytes: usize,
    pub(super) scratch_bytes: usize,
    /// Bytes and bytes of an element of each input and output of the graph.
    pub(super) input_bytes: Vec<[usize; 2]>,
    pub(super) output_bytes: Vec<[usize; 2]>,
}

/// An operator that cannot be built, and why.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) operator: String,
    pub(super) op_type: String,
    pub(super) why: Refusal,
}

impl Refused {
    fn of(graph: &Graph, id: OperatorId, why: Refusal) -> Self {
        let operator = graph.operator(id);
        Self { operator: operator.name.clone(), op_type: operator.op_type.clone(), why }
    }
}

/// Whether all operators of a graph have kernels: the first that has not, and why.
pub(super) fn check(graph: &Graph) -> Result<(), Refused> {
    for &id in graph.topological_order() {
        if !is_known(graph, id) {
            build::build(graph, graph.operator(id), None).map_err(|why| Refused::of(graph, id, why))?;
        }
    }
    Ok(())
}

/// Whether the graph itself knows all that an operator computes.
fn is_known(graph: &Graph, id: OperatorId) -> bool {
    graph.operator(id).outputs.iter().all(|&output| constant_of(graph, output).is_some())
}

fn constant_of(graph: &Graph, id: TensorId) -> Option<Tensor> {
    let tensor = graph.tensor(id);
    Tensor::from_constant(tensor.data_type, &tensor.shape, tensor.data.as_ref()?)
}

/// Runs one kernel by itself, on tensors of its own.
fn evaluate(built: &mut Built, graph: &Graph, constants: &Constants) -> Result<Vec<Tensor>, Refusal> {
    built.kernel.finish();
    let inputs =
        built.inputs.iter().map(|id| constants.get(id).ok_or("a constant has no values")).collect::<Result<Vec<_>, _>>()?;
    let outputs: Vec<Tensor> =
        built.outputs.iter().map(|&id| Tensor::zeros(graph.tensor(id).data_type, &graph.tensor(id).shape)).collect();
    let inputs: Vec<*const u8> = inputs.iter().map(|tensor| tensor.buffer().pointer().cast_const()).collect();
    let pointers: Vec<*mut u8> = outputs.iter().map(|tensor| tensor.buffer().pointer()).collect();
    let mut shared = Aligned::zeroed(built.kernel.shared_bytes().div_ceil(4));
    let mut scratch = Aligned::zeroed(built.kernel.scratch_bytes().div_ceil(4));
    let fault = AtomicBool::new(false);
    for phase in 0..built.kernel.phases() {
        let (shared, scratch) = (shared.pointer_mut().cast(), scratch.pointer_mut().cast());
        let arguments = Arguments { inputs: &inputs, outputs: &pointers, shared, scratch, share: Share::WHOLE, fault: &fault };
        built.kernel.run(phase, &arguments);
    }
    if fault.into_inner() { Err("an index is out of range".to_owned()) } else { Ok(outputs) }
}

/// What a step will read and write, before places are known.
struct Draft {
    operator: OperatorId,
    built: Built,
    /// The launch's output that it writes instead of the tensors that it names.
    target: Option<usize>,
}

/// Storage that several tensors share: views of each other, or written in place.
struct Storage {
    bytes: usize,
    first: usize,
    last: usize,
    /// Where it lies, if that is fixed.
    fixed: Option<Place>,
}

impl Program {
    /// Builds kernels, fuses what can be fused, evaluates what is constant, and plans the memory.
    pub(super) fn of(unit: &Unit) -> Result<Self, Refused> {
        let graph = &*unit.graph;
        let mut constants = unit.constants.clone();
        let drafts = draft(graph, &mut constants)?;
        Ok(plan(graph, drafts, &constants))
    }
}

fn draft(graph: &Graph, constants: &mut Constants) -> Result<Vec<Draft>, Refused> {
    let mut drafts = Vec::new();
    let mut done: BTreeSet<OperatorId> = BTreeSet::new();
    let mut known: BTreeSet<TensorId> = graph.inputs().iter().copied().collect();
    for &id in graph.topological_order() {
        if done.contains(&id) {
            continue;
        }
        let operator = graph.operator(id);
        if is_known(graph, id) {
            constants.extend(operator.outputs.iter().filter_map(|&output| Some((output, constant_of(graph, output)?))));
            continue;
        }
        let mut built = build::build(graph, operator, Some(constants)).map_err(|why| Refused::of(graph, id, why))?;
        if graph.is_static(id) {
            let values = evaluate(&mut built, graph, constants).map_err(|why| Refused::of(graph, id, why))?;
            constants.extend(built.outputs.iter().copied().zip(values));
            continue;
        }
        done.extend(fusion::take_in(&mut built, graph, constants, &known, &done));
        built.kernel.finish();
        known.extend(built.outputs.iter().copied());
        drafts.push(Draft { operator: id, built, target: None });
    }
    Ok(drafts)
}

struct Planner<'a> {
    graph: &'a Graph,
    storages: Vec<Storage>,
    of_tensor: BTreeMap<TensorId, usize>,
}

impl Planner<'_> {
    fn bytes(&self, id: TensorId) -> usize {
        self.graph.tensor(id).bytes() as usize
    }

    /// The position among the graph's outputs.
    fn output_position(&self, id: TensorId) -> Option<usize> {
        self.graph.outputs().iter().position(|&output| output == id)
    }

    fn new_storage(&mut self, id: TensorId, step: usize) {
        let fixed = self.output_position(id).map(Place::Output);
        self.storages.push(Storage { bytes: self.bytes(id), first: step, last: step, fixed });
        self.of_tensor.insert(id, self.storages.len() - 1);
    }

    /// Whether a tensor may lie where another lies; if so it does.
    fn join(&mut self, id: TensorId, other: TensorId, step: usize) -> bool {
        let Some(&storage) = self.of_tensor.get(&other) else { return false };
        let wanted = self.output_position(id).map(Place::Output);
        let there = &mut self.storages[storage];
        if there.bytes != self.graph.tensor(id).bytes() as usize {
            return false;
        }
        match (wanted, there.fixed) {
            (None, _) => {}
            (Some(place), None) => there.fixed = Some(place),
            (Some(_), Some(_)) => return false,
        }
        there.last = there.last.max(step);
        self.of_tensor.insert(id, storage);
        true
    }
}

/// The last step that reads each tensor, views included under the tensor that they are views of only once planned.
fn last_reads(drafts: &[Draft]) -> BTreeMap<TensorId, usize> {
    let mut last = BTreeMap::new();
    for (step, draft) in drafts.iter().enumerate() {
        last.extend(draft.built.inputs.iter().map(|&input| (input, step)));
    }
    last
}

fn plan(graph: &Graph, drafts: Vec<Draft>, constants: &Constants) -> Program {
    let last_reads = last_reads(&drafts);
    let mut planner = Planner { graph, storages: Vec::new(), of_tensor: BTreeMap::new() };
    let mut lists = Lists::default();
    for (position, &id) in graph.inputs().iter().enumerate() {
        let (bytes, fixed) = (planner.bytes(id), Some(Place::Input(position)));
        planner.storages.push(Storage { bytes, first: 0, last: usize::MAX, fixed });
        planner.of_tensor.entry(id).or_insert(planner.storages.len() - 1);
    }
    // How far each storage is read, through whichever of its tensors: extended as views join.
    let mut kept: Vec<(usize, Draft)> = Vec::new();
    for (step, draft) in drafts.into_iter().enumerate() {
        for &input in &draft.built.inputs {
            if !planner.of_tensor.contains_key(&input) {
                lists.constant(&mut planner, input, constants);
            }
        }
        let first = draft.built.outputs[0];
        let last_use = last_reads.get(&first).copied().unwrap_or(step);
        if draft.built.is_view && planner.join(first, draft.built.inputs[0], last_use) {
            continue;
        }
        let in_place = draft.built.kernel.in_place().iter().map(|&position| draft.built.inputs[position]).find(|&input| {
            let storage = &planner.storages[planner.of_tensor[&input]];
            // Dies here, and nobody outside sees it.
            storage.last <= step && storage.fixed.is_none() && last_reads.get(&input) == Some(&step)
        });
        let mut rest = &draft.built.outputs[..];
        if in_place.is_some_and(|input| planner.join(first, input, last_use)) {
            rest = &rest[1..];
        }
        for &output in rest {
            planner.new_storage(output, step);
            let storage = planner.of_tensor[&output];
            planner.storages[storage].last = last_reads.get(&output).copied().unwrap_or(step);
        }
        kept.push((step, draft));
    }
    lists.copies_of_constants(&mut planner, constants, &mut kept);
    finish(&planner, kept, lists.values)
}

/// Constants in the order in which they are met.
#[derive(Default)]
struct Lists {
    values: Vec<Tensor>,
}

impl Lists {
    fn constant(&mut self, planner: &mut Planner<'_>, id: TensorId, constants: &Constants) {
        // What has no values is empty: no kernel was built that needs them.
        let tensor = planner.graph.tensor(id);
        let value = constants.get(&id).cloned().unwrap_or_else(|| Tensor::zeros(tensor.data_type, &tensor.shape));
        self.values.push(value);
        let fixed = Some(Place::Constant(self.values.len() - 1));
        planner.storages.push(Storage { bytes: tensor.bytes() as usize, first: 0, last: usize::MAX, fixed });
        planner.of_tensor.insert(id, planner.storages.len() - 1);
    }

    /// Outputs of the graph that no kernel writes: constants, inputs and repeated outputs are copied.
    fn copies_of_constants(&mut self, planner: &mut Planner<'_>, constants: &Constants, kept: &mut Vec<(usize, Draft)>) {
        let graph = planner.graph;
        for (position, &id) in graph.outputs().iter().enumerate() {
            if !planner.of_tensor.contains_key(&id) {
                self.constant(planner, id, constants);
            }
            let storage = planner.of_tensor[&id];
            if planner.storages[storage].fixed == Some(Place::Output(position)) {
                continue;
            }
            let step = kept.last().map_or(0, |(step, _)| step + 1);
            if planner.storages[storage].last != usize::MAX {
                planner.storages[storage].last = planner.storages[storage].last.max(step);
            }
            let tensor = graph.tensor(id);
            let operator = tensor.producer.unwrap_or(OperatorId::from_index(0));
            let built = super::moves::copy(tensor);
            kept.push((step, Draft { operator, built, target: Some(position) }));
        }
    }
}

fn finish(planner: &Planner<'_>, kept: Vec<(usize, Draft)>, constants: Vec<Tensor>) -> Program {
    let graph = planner.graph;
    let arena: Vec<usize> = (0..planner.storages.len()).filter(|&index| planner.storages[index].fixed.is_none()).collect();
    let mut lifetimes: Vec<Lifetime> = arena
        .iter()
        .map(|&index| {
            let Storage { bytes, first, last, .. } = planner.storages[index];
            Lifetime { bytes, first, last }
        })
        .collect();
    lifetimes.extend(kept.iter().map(|(step, draft)| Lifetime {
        bytes: draft.built.kernel.shared_bytes(),
        first: *step,
        last: *step,
    }));
    let (offsets, arena_bytes) = place(&lifetimes);
    let mut places: Vec<Place> = planner.storages.iter().map(|storage| storage.fixed.unwrap_or(Place::Arena(0))).collect();
    for (&index, &offset) in arena.iter().zip(&offsets) {
        places[index] = Place::Arena(offset);
    }
    let mut scratch_bytes = 0;
    let mut steps = Vec::new();
    for ((_, draft), &shared) in kept.into_iter().zip(&offsets[arena.len()..]) {
        let Draft { operator, built, target } = draft;
        scratch_bytes = scratch_bytes.max(built.kernel.scratch_bytes());
        let inputs: Vec<Place> = built.inputs.iter().map(|id| places[planner.of_tensor[id]]).collect();
        let outputs: Vec<Place> = match target {
            Some(position) => vec![Place::Output(position)],
            None => built.outputs.iter().map(|id| places[planner.of_tensor[id]]).collect(),
        };
        steps.push(Step { operator: operator.index(), kernel: built.kernel, inputs, outputs, shared });
    }
    let bytes = |ids: &[TensorId]| {
        let tensors = ids.iter().map(|&id| graph.tensor(id));
        tensors.map(|tensor| [tensor.bytes() as usize, tensor.data_type.bytes() as usize]).collect()
    };
    Program {
        steps,
        constants,
        arena_bytes,
        scratch_bytes,
        input_bytes: bytes(graph.inputs()),
        output_bytes: bytes(graph.outputs()),
    }
}
