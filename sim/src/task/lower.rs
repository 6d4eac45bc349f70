//! A model on a device as tasks and costs: what a strategy plans and the engine runs.

use std::sync::Arc;

use crate::cost::{CostModels, Prediction, Provenance};
use crate::graph::{Graph, KernelKind};
use crate::identifiers::{DataId, OperatorId, TaskId, TensorId, WorkerId};
use crate::plan::Part;
use crate::platform::{Device, Support};
use crate::task::fusion::{Group, Patterns, group};
use crate::task::kernel::{self, Kernel};
use crate::task::split;
use crate::task::{CostTable, KernelCost, PartialCost, TaskGraph, TaskGraphBuilder};

/// How a model is lowered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lowering {
    /// Patterns of operators that become one task. A worker whose runtime does not fuse one of them runs its kernels in a row.
    pub patterns: Patterns,
}

/// What a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskInfo {
    /// Name of its leading operator.
    pub name: String,
    /// Its operators, in topological order; the first that is not a view leads and decides the cost.
    pub operators: Vec<OperatorId>,
    /// The leading operator.
    pub lead: OperatorId,
    /// Kind of the leading operator.
    pub kind: KernelKind,
}

/// How a task fares on a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Why the worker cannot run it; `None` if it can.
    pub unsupported: Option<String>,
    /// Whether the expected cost lies within the range of what the profile was fitted on.
    pub in_range: bool,
    /// Where the expected cost comes from.
    pub provenance: Provenance,
}

/// A model lowered onto a device.
#[derive(Debug)]
pub struct LoweredModel {
    /// Tasks in topological order.
    pub tasks: TaskGraph,
    /// Their costs.
    pub costs: CostTable,
    /// What each task is.
    pub info: Vec<TaskInfo>,
    /// How each task fares on each worker: `placements[task * workers + worker]`.
    placements: Vec<Placement>,
    /// The tensor that each data item is.
    pub tensors: Vec<TensorId>,
}

impl LoweredModel {
    /// Fuses the operators of a model into tasks by the default patterns and costs each on every worker of a device.
    ///
    /// # Panics
    /// Never: fused operators stay in topological order.
    pub fn of(graph: &Graph, device: &Device) -> Self {
        Self::with(graph, device, Lowering::default())
    }

    /// The same by other patterns.
    ///
    /// # Panics
    /// Never: fused operators stay in topological order.
    pub fn with(graph: &Graph, device: &Device, lowering: Lowering) -> Self {
        let workers = device.workers().len();
        let refusal = |operator: OperatorId, worker: usize| refusal(graph, device, operator, worker);
        let supports = |operator: OperatorId, worker: usize| refusal(operator, worker).is_none();
        let dynamic: Vec<OperatorId> =
            graph.operators().iter().map(|operator| operator.id).filter(|&id| !graph.is_static(id)).collect();
        let groups = group(graph, &dynamic, lowering.patterns, workers, &supports);
        let kernels: Vec<TaskKernels> =
            groups.iter().map(|group| kernels_of(graph, device, group, lowering, &supports)).collect();
        let info: Vec<TaskInfo> = groups.into_iter().map(|group| describe(graph, group.operators)).collect();
        let (tasks, tensors) = connect(graph, &info, &kernels);
        let mut costs = Vec::with_capacity(info.len() * workers);
        let mut in_segment_ns = Vec::with_capacity(costs.capacity());
        let mut deviations = Vec::with_capacity(costs.capacity());
        let mut placements = Vec::with_capacity(costs.capacity());
        for (task, kernels) in info.iter().zip(&kernels) {
            for (index, worker) in device.workers().iter().enumerate() {
                let unsupported = task.operators.iter().find_map(|&operator| refusal(operator, index));
                let prediction = kernel::predict(kernels.on(index), Part::Whole, &worker.costs);
                costs.push(unsupported.is_none().then(|| cost_of(&prediction)));
                in_segment_ns.push(whole_ns(prediction.segment_ns));
                deviations.push(prediction.log_deviation);
                placements.push(Placement {
                    unsupported: unsupported.map(str::to_owned),
                    in_range: prediction.in_range,
                    provenance: prediction.provenance,
                });
            }
        }
        let table = CostTable::new(workers, costs);
        let launch = |costs: &CostModels| whole_ns(costs.alone_ns() + costs.overheads().turn.fixed_ns);
        let launch_ns = device.workers().iter().map(|worker| launch(&worker.costs)).collect();
        let part_cost = part_cost(device, kernels, &placements);
        let costs = table.with_segments(in_segment_ns, launch_ns).with_log_deviation(deviations).with_part_cost(part_cost);
        Self { tasks, costs, info, placements, tensors }
    }

    /// How a task fares on a worker.
    pub fn placement(&self, task: TaskId, worker: WorkerId) -> &Placement {
        &self.placements[task.index() * self.costs.worker_count() + worker.index()]
    }
}

/// Why a worker cannot run an operator.
fn refusal<'a>(graph: &Graph, device: &'a Device, operator: OperatorId, worker: usize) -> Option<&'a str> {
    let rank = largest_rank(graph, operator);
    match device.workers()[worker].support.check(&graph.operator(operator).op_type, graph.work(operator), rank) {
        Support::Supported => None,
        Support::Unsupported(reason) => Some(reason),
    }
}

/// Largest rank among the tensors that an operator reads or writes in every request.
fn largest_rank(graph: &Graph, operator: OperatorId) -> u32 {
    let operator = graph.operator(operator);
    let tensors = operator.inputs.iter().flatten().chain(&operator.outputs).map(|&tensor| graph.tensor(tensor));
    tensors.filter(|tensor| tensor.role.is_dynamic()).map(|tensor| tensor.shape.len() as u32).max().unwrap_or(0)
}

/// The kernels of a task on each worker.
struct TaskKernels {
    /// As one, where everything is fused.
    whole: Vec<Kernel>,
    /// On workers that fuse less.
    apart: Vec<(usize, Vec<Kernel>)>,
}

impl TaskKernels {
    fn on(&self, worker: usize) -> &[Kernel] {
        self.apart.iter().find(|(index, _)| *index == worker).map_or(&self.whole, |(_, kernels)| kernels)
    }
}

fn kernels_of(
    graph: &Graph,
    device: &Device,
    whole: &Group,
    lowering: Lowering,
    supports: &dyn Fn(OperatorId, usize) -> bool,
) -> TaskKernels {
    let mut apart = Vec::new();
    for worker in device.worker_ids() {
        let patterns = device.fuses(worker).intersection(lowering.patterns);
        if patterns != lowering.patterns && whole.operators.len() > 1 {
            let groups = group(graph, &whole.operators, patterns, device.workers().len(), supports);
            if groups.len() > 1 {
                apart.push((worker.index(), groups.iter().map(|group| Kernel::of(graph, group)).collect()));
            }
        }
    }
    TaskKernels { whole: vec![Kernel::of(graph, whole)], apart }
}

fn describe(graph: &Graph, operators: Vec<OperatorId>) -> TaskInfo {
    let lead = kernel::lead(graph, &operators);
    TaskInfo { name: graph.operator(lead).name.clone(), lead, kind: graph.work(lead).kind, operators }
}

/// Tasks connected by the tensors that pass between them; returns the tensor of each data item too.
fn connect(graph: &Graph, info: &[TaskInfo], kernels: &[TaskKernels]) -> (TaskGraph, Vec<TensorId>) {
    let mut builder = TaskGraphBuilder::new();
    let mut data_of: Vec<Option<DataId>> = vec![None; graph.tensors().len()];
    let mut tensors = Vec::new();
    for &input in graph.inputs() {
        let data = builder.request_input(graph.tensor(input).bytes());
        builder.rows(data, rows_of(graph, input));
        data_of[input.index()] = Some(data);
        tensors.push(input);
    }
    for (task, kernels) in info.iter().zip(kernels) {
        let within = |operator: &OperatorId| task.operators.contains(operator);
        let reads = task.operators.iter().flat_map(|&operator| graph.operator(operator).inputs.iter().flatten());
        let inputs: Vec<DataId> = reads.filter_map(|tensor| data_of[tensor.index()]).collect();
        let leaves = |tensor: &TensorId| {
            let tensor = graph.tensor(*tensor);
            tensor.is_output || tensor.consumers.iter().any(|consumer| !within(consumer))
        };
        let writes = task.operators.iter().flat_map(|&operator| graph.operator(operator).outputs.iter().copied());
        let made: Vec<TensorId> = writes.filter(leaves).collect();
        let bytes: Vec<u64> = made.iter().map(|&tensor| graph.tensor(tensor).bytes()).collect();
        let (id, first) = builder.task(&inputs, &bytes);
        builder.work(id, kernels.whole[0].work.clone());
        if made.len() == 1 {
            let splits = split::of(graph, task);
            builder.splits(id, splits);
            for &data in inputs.iter().filter(|_| splits.rows > 0) {
                builder.row_access(id, data, split::row_access(graph, task, tensors[data.index()], splits.rows));
            }
        }
        for (offset, &tensor) in made.iter().enumerate() {
            let data = DataId::from_index(first.index() + offset);
            builder.rows(data, rows_of(graph, tensor));
            data_of[tensor.index()] = Some(data);
            tensors.push(tensor);
        }
    }
    for data in graph.outputs().iter().filter_map(|output| data_of[output.index()]) {
        builder.output(data);
    }
    (builder.build().expect("fused operators stay in topological order"), tensors)
}

/// Rows of a tensor: its last dimension but one; 0 where there is none.
fn rows_of(graph: &Graph, tensor: TensorId) -> u32 {
    let shape = &graph.tensor(tensor).shape;
    let rows = shape.len().checked_sub(2).map_or(0, |axis| shape[axis]);
    u32::try_from(rows).unwrap_or(0)
}

/// Costs of parts: the cost models, asked about the work of the part.
fn part_cost(device: &Device, kernels: Vec<TaskKernels>, placements: &[Placement]) -> Box<super::PartCost> {
    let models: Vec<Arc<CostModels>> = device.workers().iter().map(|worker| Arc::clone(&worker.costs)).collect();
    let supported: Vec<bool> = placements.iter().map(|placement| placement.unsupported.is_none()).collect();
    Box::new(move |task: TaskId, part: Part, worker: WorkerId| {
        if !supported[task.index() * models.len() + worker.index()] {
            return None;
        }
        let (kernels, models) = (kernels[task.index()].on(worker.index()), &models[worker.index()]);
        let prediction = kernel::predict(kernels, part, models);
        // What a chain makes in between stays where it is.
        let merge_ns = whole_ns(kernel::merge_ns(kernels, part, models));
        Some(PartialCost { alone: cost_of(&prediction), in_segment_ns: whole_ns(prediction.segment_ns), merge_ns })
    })
}

/// Longest kernel, 13 days: whatever is predicted beyond stays a number that sums do not overflow on.
const LONGEST_NS: f64 = (1u64 << 50) as f64;

fn cost_of(prediction: &Prediction) -> KernelCost {
    KernelCost { duration_ns: whole_ns(prediction.duration_ns), memory_bytes: prediction.memory_bytes.min(LONGEST_NS) as u64 }
}

fn whole_ns(duration_ns: f64) -> u64 {
    libm::round(duration_ns.min(LONGEST_NS)) as u64
}
