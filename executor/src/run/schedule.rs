//! A compiled plan as units: what each worker prepares and launches for each segment.

use std::sync::Arc;

use sim::graph::Graph;
use sim::identifiers::{DataId, TaskId};
use sim::plan::{Part, Program};
use sim::task::LoweredModel;

use crate::buffer::Region;
use crate::unit::{Unit, UnitError};
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

/// One launch: consecutive whole tasks of a segment as one unit, or a part of a task.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) unit: Arc<Unit>,
    /// What each input of the unit is.
    pub(super) inputs: Vec<DataId>,
    /// What each output of the unit is.
    pub(super) outputs: Vec<Output>,
    /// Kernels of the program that it covers: index, task.
    pub(super) kernels: Vec<(u32, TaskId)>,
    pub(super) part: Part,
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
}

impl Schedule {
    /// Cuts the units of a program out of a model.
    pub(super) fn of(model: &ModelToRun<'_>, program: &Program) -> Result<Self, UnitError> {
        let mut schedule = Self { segments: Vec::new(), regions: vec![None; program.fragments().len()] };
        let data_of = data_of_tensor(model);
        for segment in 0..program.segment_count() as u32 {
            let mut fragments = program.made(segment).iter().copied();
            let kernels: Vec<(u32, TaskId, Part)> = program
                .kernel_range(segment)
                .map(|index| (index, program.kernel(index).task, program.kernel(index).part))
                .collect();
            let mut steps = Vec::new();
            for group in kernels.chunk_by(|one, next| one.2.is_whole() && next.2.is_whole()) {
                let step = step(model, group, &data_of, &mut fragments)?;
                for output in &step.outputs {
                    schedule.regions[output.fragment as usize] = output.region;
                }
                steps.push(step);
            }
            schedule.segments.push(steps);
        }
        Ok(schedule)
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

fn step(
    model: &ModelToRun<'_>,
    group: &[(u32, TaskId, Part)],
    data_of: &[Option<DataId>],
    fragments: &mut impl Iterator<Item = u32>,
) -> Result<Step, UnitError> {
    let tasks = &model.lowered.tasks;
    let part = group[0].2;
    // In the order in which the program numbers fragments: kernel by kernel, data item by data item.
    let made: Vec<(DataId, u32)> = group
        .iter()
        .flat_map(|&(_, task, _)| tasks.made(task))
        .zip(fragments)
        .map(|(&data, fragment)| (data, fragment))
        .collect();
    let within = |task: &TaskId| group.iter().any(|&(_, own, _)| own == *task);
    let leaves = |data: DataId| tasks.is_output(data) || tasks.readers(data).iter().any(|reader| !within(reader));
    let wanted: Vec<(DataId, u32)> = made.into_iter().filter(|&(data, _)| !part.is_whole() || leaves(data)).collect();
    let tensors: Vec<_> = wanted.iter().map(|&(data, _)| model.lowered.tensors[data.index()]).collect();
    let (unit, region) = if part.is_whole() {
        let operators: Vec<_> =
            group.iter().flat_map(|&(_, task, _)| model.lowered.info[task.index()].operators.iter().copied()).collect();
        (Unit::of_operators(model.graph, &operators, &tensors, model.weights)?, None)
    } else {
        let info = &model.lowered.info[group[0].1.index()];
        let [tensor] = tensors[..] else {
            let lead = model.graph.operator(info.lead);
            return Err(UnitError::NotSplittable {
                operator: lead.name.clone(),
                op_type: lead.op_type.clone(),
                dimension: "rows or channels",
                why: format!("its task makes {} tensors, not one", tensors.len()),
            });
        };
        let sliced = Unit::of_part(model.graph, &info.operators, info.lead, tensor, part, model.weights)?;
        let whole = model.graph.tensor(tensor);
        let element_bytes = whole.data_type.bytes() as usize;
        let region = Region::of_slice(&whole.shape, element_bytes, sliced.cut.axis, sliced.cut.begin, sliced.cut.end);
        (sliced.unit, Some(region))
    };
    let read = |id| {
        let named = model.graph.tensor_named(&unit.graph.tensor(id).name);
        named.and_then(|tensor| data_of[tensor.id.index()]).expect("a unit reads what the model has")
    };
    let kernel_of = |name: &str| {
        let operator = model.graph.operator_named(name).map(|operator| operator.id);
        let has = |task: TaskId| operator.is_some_and(|id| model.lowered.info[task.index()].operators.contains(&id));
        group.iter().position(|&(_, task, _)| has(task)).unwrap_or(0)
    };
    Ok(Step {
        inputs: unit.graph.inputs().iter().map(|&id| read(id)).collect(),
        outputs: wanted.into_iter().map(|(data, fragment)| Output { data, fragment, region }).collect(),
        kernels: group.iter().map(|&(index, task, _)| (index, task)).collect(),
        part,
        kernel_of_operator: unit.graph.operators().iter().map(|operator| kernel_of(&operator.name)).collect(),
        unit: Arc::new(unit),
    })
}
