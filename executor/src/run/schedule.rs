//! A compiled plan as units: what each worker prepares and launches for each segment.

use std::sync::Arc;

use sim::graph::Graph;
use sim::identifiers::{DataId, TaskId};
use sim::plan::{Piece, Program};
use sim::task::LoweredModel;

use crate::buffer::Region;
use crate::unit::{ChainLink, Cut, Unit, UnitError};
use crate::weights::Weights;

/// A model to be run.
#[derive(Clone, Copy)]
pub struct ModelToRun<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its operators.
    pub graph: &'a Graph,
    /// The same as tasks and costs on the device.
    pub lowered: &'a LoweredModel,
    /// Its weights.
    pub weights: &'a Weights,
}

/// One launch: consecutive whole tasks of a segment as one unit, a chain of parts of tasks, or a part of a task.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) unit: Arc<Unit>,
    /// What each input of the unit is.
    pub(super) inputs: Vec<DataId>,
    /// What each output of the unit is.
    pub(super) outputs: Vec<Output>,
    /// Kernels of the program that it covers.
    pub(super) kernels: Vec<Piece>,
    /// For each operator of the unit's graph, the kernel that it belongs to, as an index into `kernels`.
    pub(super) kernel_of_operator: Vec<usize>,
}

/// An output of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) data: DataId,
    pub(super) fragment: u32,
    /// Where it lies in the whole data item; `None` if it is the whole.
    pub(super) region: Option<Region>,
}

/// The steps of each segment.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub(super) segments: Vec<Vec<Step>>,
    /// For each fragment where it lies in its data item; `None` if it is the whole.
    pub(super) regions: Vec<Option<Region>>,
    /// For each fragment of which a copy moves some rows only: where these lie in the data item, and in the fragment.
    pub(super) copied: Vec<Option<(Region, Region)>>,
}

impl Schedule {
    /// Cuts the units of a program out of a model.
    pub(super) fn of(model: &ModelToRun<'_>, program: &Program) -> Result<Self, UnitError> {
        let count = program.fragments().len();
        let mut schedule = Self { segments: Vec::new(), regions: vec![None; count], copied: vec![None; count] };
        let data_of = data_of_tensor(model);
        let mut cuts: Vec<Option<Cut>> = vec![None; count];
        for segment in 0..program.segment_count() as u32 {
            let mut fragments = program.made(segment).iter().copied();
            let kernels: Vec<Piece> = program.kernel_range(segment).map(|index| program.kernel(index)).collect();
            // In the order in which the program numbers fragments: kernel by kernel, data item by data item.
            let kernels: Vec<(Piece, Vec<(DataId, u32)>)> = kernels
                .into_iter()
                .map(|piece| (piece, model.lowered.tasks.made(piece.task).iter().copied().zip(fragments.by_ref()).collect()))
                .collect();
            let mut steps = Vec::new();
            for group in kernels.chunk_by(|one, next| one.0.joins(next.0)) {
                // What the group makes is read outside the segment, or by kernels of it that follow.
                let is_last = group.last().map(|it| it.0) == kernels.last().map(|it| it.0);
                let chained = step(model, program, group, is_last, &data_of, &mut cuts);
                match chained {
                    Ok(step) => steps.push(step),
                    // Parts that are no chain: one reads what another makes elsewhere.
                    Err(UnitError::NotSplittable { .. }) if group.len() > 1 && !group[0].0.part.is_whole() => {
                        for one in group.chunks(1) {
                            steps.push(step(model, program, one, false, &data_of, &mut cuts)?);
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            for output in steps.iter().flat_map(|step| &step.outputs) {
                schedule.regions[output.fragment as usize] = output.region;
            }
            schedule.segments.push(steps);
        }
        schedule.add_copied(model, program, &cuts);
        Ok(schedule)
    }

    fn add_copied(&mut self, model: &ModelToRun<'_>, program: &Program, cuts: &[Option<Cut>]) {
        for (id, fragment) in program.fragments().iter().enumerate() {
            let Some((begin, end)) = program.copied_rows(id as u32) else { continue };
            let whole = model.graph.tensor(model.lowered.tensors[fragment.data.index()]);
            let (bytes, axis) = (whole.data_type.bytes() as usize, whole.shape.len() - 2);
            let (begin, end) = (u64::from(begin), u64::from(end));
            let held = cuts[id].unwrap_or(Cut { axis, begin: 0, end: whole.shape[axis] });
            if held.axis == axis && held.begin <= begin && end <= held.end {
                let mut shape = whole.shape.clone();
                shape[axis] = held.end - held.begin;
                let within = Region::of_slice(&shape, bytes, axis, begin - held.begin, end - held.begin);
                self.copied[id] = Some((Region::of_slice(&whole.shape, bytes, axis, begin, end), within));
            }
        }
    }
}

/// The data item that each tensor of a model is.
fn data_of_tensor(model: &ModelToRun<'_>) -> Vec<Option<DataId>> {
    let mut data_of = vec![None; model.graph.tensors().len()];
    for (index, tensor) in model.lowered.tensors.iter().enumerate() {
        data_of[tensor.index()] = Some(DataId::from_index(index));
    }
    data_of
}

/// One launch of some kernels, with the fragments that each makes.
fn step(
    model: &ModelToRun<'_>,
    program: &Program,
    group: &[(Piece, Vec<(DataId, u32)>)],
    is_last: bool,
    data_of: &[Option<DataId>],
    cuts: &mut [Option<Cut>],
) -> Result<Step, UnitError> {
    let tasks = &model.lowered.tasks;
    let is_whole = group[0].0.part.is_whole();
    let within = |task: &TaskId| group.iter().any(|(own, _)| own.task == *task);
    // Of a chain, what is read outside of the segment, or behind this step; its last kernel is.
    let leaves = |data: DataId, fragment: u32| {
        let is_read_behind = !is_last && tasks.readers(data).iter().any(|reader| !within(reader));
        let is_read = is_read_behind || !program.readers(fragment).is_empty();
        if is_whole { tasks.is_output(data) || tasks.readers(data).iter().any(|reader| !within(reader)) } else { is_read }
    };
    let last = group.len() - 1;
    let mut wanted: Vec<(DataId, u32)> = Vec::new();
    for (index, (_, made)) in group.iter().enumerate() {
        wanted.extend(made.iter().filter(|&&(data, fragment)| (!is_whole && index == last) || leaves(data, fragment)));
    }
    let tensors: Vec<_> = wanted.iter().map(|&(data, _)| model.lowered.tensors[data.index()]).collect();
    let info = |piece: Piece| &model.lowered.info[piece.task.index()];
    let (unit, regions) = if is_whole {
        let operators: Vec<_> = group.iter().flat_map(|(piece, _)| info(*piece).operators.iter().copied()).collect();
        (Unit::of_operators(model.graph, &operators, &tensors, model.weights)?, vec![None; tensors.len()])
    } else {
        if let Some((piece, made)) = group.iter().find(|(_, made)| made.len() != 1) {
            let lead = model.graph.operator(info(*piece).lead);
            return Err(UnitError::NotSplittable {
                operator: lead.name.clone(),
                op_type: lead.op_type.clone(),
                dimension: "rows or channels",
                why: format!("its task makes {} tensors, not one", made.len()),
            });
        }
        let link = |(piece, _): &(Piece, _)| {
            let info = info(*piece);
            ChainLink { operators: &info.operators, lead: info.lead, part: piece.part }
        };
        let links: Vec<ChainLink<'_>> = group.iter().map(link).collect();
        let chain = Unit::of_chain(model.graph, &links, &tensors, model.weights)?;
        let region = |(&tensor, cut): (&sim::identifiers::TensorId, &Cut)| {
            let whole = model.graph.tensor(tensor);
            let element_bytes = whole.data_type.bytes() as usize;
            Some(Region::of_slice(&whole.shape, element_bytes, cut.axis, cut.begin, cut.end))
        };
        let regions: Vec<Option<Region>> = tensors.iter().zip(&chain.cuts).map(region).collect();
        for (&(_, fragment), &cut) in wanted.iter().zip(&chain.cuts) {
            cuts[fragment as usize] = Some(cut);
        }
        (chain.unit, regions)
    };
    let read = |id| {
        let named = model.graph.tensor_named(&unit.graph.tensor(id).name);
        named.and_then(|tensor| data_of[tensor.id.index()]).expect("a unit reads what the model has")
    };
    let kernel_of = |name: &str| {
        let operator = model.graph.operator_named(name).map(|operator| operator.id);
        let has = |piece: Piece| operator.is_some_and(|id| info(piece).operators.contains(&id));
        group.iter().position(|&(piece, _)| has(piece)).unwrap_or(0)
    };
    let output = |((data, fragment), region)| Output { data, fragment, region };
    Ok(Step {
        inputs: unit.graph.inputs().iter().map(|&id| read(id)).collect(),
        outputs: wanted.into_iter().zip(regions).map(output).collect(),
        kernels: group.iter().map(|&(piece, _)| piece).collect(),
        kernel_of_operator: unit.graph.operators().iter().map(|operator| kernel_of(&operator.name)).collect(),
        unit: Arc::new(unit),
    })
}
