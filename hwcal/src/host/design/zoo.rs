//! The models of the zoo as tasks: what strategies will ask about.

use std::collections::BTreeSet;
use std::sync::Arc;

use executor::Unit;
use executor::unit::UnitError;
use executor::weights::Weights;
use scenarios::onnx::ReadOptions;
use scenarios::zoo;
use sim::cost::CostModels;
use sim::graph::{Graph, OperatorWork};
use sim::identifiers::{OperatorId, TaskId, TensorId};
use sim::plan::Part;
use sim::platform::{Device, DeviceBuilder, ProcessorKind, SupportRules, Worker};
use sim::task::{LoweredModel, kernel_work};

/// A task of a model.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Its operators, in topological order.
    pub(crate) operators: Vec<OperatorId>,
    /// The leading one.
    pub(crate) lead: OperatorId,
    /// What it makes that others read.
    pub(crate) wanted: Vec<TensorId>,
    /// Work of the leading operator, with what the others add.
    pub(crate) work: OperatorWork,
}

/// A model and its tasks.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The graph.
    pub(crate) graph: Arc<Graph>,
    /// Its tasks, in topological order.
    pub(crate) tasks: Arc<[Task]>,
}

impl Model {
    /// Groups the operators of a graph into tasks, as a device without restrictions does.
    pub(crate) fn of(graph: Graph) -> Self {
        let lowered = LoweredModel::of(&graph, &device());
        let describe = |(index, info): (usize, &sim::task::TaskInfo)| {
            let made = lowered.tasks.made(TaskId::from_index(index));
            let wanted = made.iter().map(|&data| lowered.tensors[data.index()]).collect();
            let work = kernel_work(&graph, &info.operators, info.lead);
            Task { operators: info.operators.clone(), lead: info.lead, wanted, work }
        };
        let tasks = lowered.info.iter().enumerate().map(describe).collect();
        Self { graph: Arc::new(graph), tasks }
    }

    /// Work of the leading operator of a task, with what the others add.
    pub(crate) fn work(&self, task: usize) -> &OperatorWork {
        &self.tasks[task].work
    }

    /// ONNX types of the operators behind the leading one.
    pub(crate) fn fused(&self, task: usize) -> Vec<String> {
        let task = &self.tasks[task];
        let others = task.operators.iter().filter(|&&operator| operator != task.lead);
        others.map(|&operator| self.graph.operator(operator).op_type.clone()).collect()
    }

    /// Bytes that a task reads and makes in every request, fused operators included.
    pub(crate) fn request_bytes(&self, task: usize) -> u64 {
        let task = &self.tasks[task];
        let made: Vec<TensorId> =
            task.operators.iter().flat_map(|&operator| self.graph.operator(operator).outputs.clone()).collect();
        let inputs = task.operators.iter().flat_map(|&operator| self.graph.operator(operator).inputs.iter().flatten().copied());
        let read: BTreeSet<TensorId> = inputs.filter(|input| !made.contains(input)).collect();
        let dynamic = read.into_iter().chain(task.wanted.iter().copied()).map(|tensor| self.graph.tensor(tensor));
        dynamic.filter(|tensor| tensor.role.is_dynamic()).map(sim::graph::Tensor::bytes).sum()
    }

    /// Consecutive tasks as a unit.
    pub(crate) fn unit(&self, first: usize, count: usize) -> Result<Unit, UnitError> {
        let tasks = &self.tasks[first..first + count];
        let mut operators: Vec<OperatorId> = tasks.iter().flat_map(|task| task.operators.iter().copied()).collect();
        operators.sort_unstable();
        let is_within = |operator: &OperatorId| operators.binary_search(operator).is_ok();
        let is_wanted = |tensor: &TensorId| {
            let tensor = self.graph.tensor(*tensor);
            tensor.is_output || tensor.consumers.iter().any(|consumer| !is_within(consumer))
        };
        let made = tasks.iter().flat_map(|task| task.wanted.iter().copied());
        let wanted: Vec<TensorId> = made.filter(is_wanted).collect();
        Unit::of_operators(&self.graph, &operators, &wanted, &Weights::drawn())
    }

    /// A part of a task as a unit.
    pub(crate) fn part_unit(&self, task: usize, part: Part) -> Result<Unit, UnitError> {
        let task = &self.tasks[task];
        let wanted = task.wanted[0];
        Unit::of_part(&self.graph, &task.operators, task.lead, wanted, part, &Weights::drawn()).map(|sliced| sliced.unit)
    }
}

/// Every model of the zoo.
///
/// # Panics
/// Never: the zoo is valid, as its own tests show.
pub(crate) fn models() -> Vec<Model> {
    let load = |name| zoo::load(name, &ReadOptions::default()).expect("a name of the zoo").expect("a valid model");
    zoo::names().map(|name| Model::of(load(name))).collect()
}

/// Two workers that run everything: tasks are grouped the same on every device that does.
fn device() -> Device {
    let mut builder = DeviceBuilder::new("plain");
    let memory = builder.memory("host");
    for (name, kind) in [("cpu", ProcessorKind::CpuCluster), ("gpu", ProcessorKind::Gpu)] {
        let processor = builder.processor(name, kind, 1, Vec::new());
        builder.worker(Worker {
            name: name.to_owned(),
            kind,
            demands: vec![(processor, 1)],
            memory,
            invocation_ns: 0,
            support: SupportRules::ALL,
            costs: Arc::new(CostModels::default()),
        });
    }
    builder.build().expect("two workers in one memory are a device")
}
