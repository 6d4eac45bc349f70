//! A model to be planned, as strategies in Python see it.

use std::sync::Arc;

use pyo3::prelude::*;
use runner::{Inputs, Job as Run, Model};
use sim::identifiers::{DataId, ModelId, TaskId, WorkerId};
use sim::plan::Part;
use sim::platform::Device as Simulated;
use sim::strategy::{DeviceView, Job as Planned, registry};

use crate::device::{Device, WorkerSpec};
use crate::error;
use crate::plan::Plan;

/// What all models of a run share.
pub(crate) struct Shared {
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) run: Run,
    /// Models of the run, as indices into those of the inputs.
    used: Vec<usize>,
    seed: u64,
    pub(crate) device: Device,
}

impl Shared {
    pub(crate) fn new(inputs: &Arc<Inputs>, run: &Run, seed: u64) -> Self {
        let device = Device { profile: Arc::clone(&inputs.profile), device: Arc::clone(&inputs.device) };
        Self { inputs: Arc::clone(inputs), used: run.used(inputs), run: run.clone(), seed, device }
    }

    fn model(&self, model: ModelId) -> &Model {
        self.run.model(&self.inputs, self.used[model.index()])
    }

    /// Models of the run.
    pub(crate) fn model_count(&self) -> usize {
        self.used.len()
    }

    /// Tasks of a model.
    pub(crate) fn task_count(&self, model: ModelId) -> usize {
        self.model(model).lowered.tasks.task_count()
    }

    fn planned(&self, model: ModelId) -> Planned<'_> {
        let of = self.model(model);
        Planned { model, name: &of.name, tasks: &of.lowered.tasks, costs: &of.lowered.costs }
    }

    fn jobs(&self) -> Vec<Planned<'_>> {
        (0..self.used.len()).map(|index| self.planned(ModelId::from_index(index))).collect()
    }
}

/// One model to be planned.
#[pyclass(frozen, module = "socrates")]
pub(crate) struct Job {
    shared: Arc<Shared>,
    id: ModelId,
}

impl Job {
    pub(crate) const fn new(shared: Arc<Shared>, id: ModelId) -> Self {
        Self { shared, id }
    }

    fn of(&self) -> &Model {
        self.shared.model(self.id)
    }

    fn device(&self) -> &Simulated {
        &self.shared.inputs.device
    }

    fn check_task(&self, task: u32) -> PyResult<TaskId> {
        let tasks = self.of().lowered.tasks.task_count();
        if (task as usize) < tasks {
            Ok(TaskId(task))
        } else {
            Err(error::input(format!("no task {task}: the model has {tasks}")))
        }
    }

    fn check_data(&self, data: u32) -> PyResult<DataId> {
        let items = self.of().lowered.tasks.data_count();
        if (data as usize) < items {
            Ok(DataId(data))
        } else {
            Err(error::input(format!("no data item {data}: the model has {items}")))
        }
    }

    fn at(&self, task: u32, worker: &WorkerSpec) -> PyResult<(TaskId, WorkerId)> {
        Ok((self.check_task(task)?, worker.resolve(self.device())?))
    }
}

fn numbers(tasks: impl Iterator<Item = TaskId>) -> Vec<u32> {
    tasks.map(|task| task.0).collect()
}

#[pymethods]
impl Job {
    /// Number of the model in the run.
    #[getter]
    fn model(&self) -> u32 {
        self.id.0
    }

    /// Name of the model.
    #[getter]
    fn name(&self) -> &str {
        &self.of().name
    }

    /// Seed for strategies that search at random.
    #[getter]
    fn seed(&self) -> u64 {
        self.shared.seed
    }

    /// Tasks, in topological order.
    #[getter]
    fn task_count(&self) -> usize {
        self.of().lowered.tasks.task_count()
    }

    /// Data items.
    #[getter]
    fn data_count(&self) -> usize {
        self.of().lowered.tasks.data_count()
    }

    /// The models that share the device, this one included.
    #[getter]
    fn jobs(&self) -> Vec<Self> {
        (0..self.shared.used.len()).map(|index| Self::new(Arc::clone(&self.shared), ModelId::from_index(index))).collect()
    }

    /// Name of a task: that of its leading operator.
    fn task_name(&self, task: u32) -> PyResult<&str> {
        Ok(&self.of().lowered.info[self.check_task(task)?.index()].name)
    }

    /// Kernel kind of a task.
    fn task_kind(&self, task: u32) -> PyResult<&'static str> {
        Ok(self.of().lowered.info[self.check_task(task)?.index()].kind.name())
    }

    /// Names of the operators of a task.
    fn operators(&self, task: u32) -> PyResult<Vec<String>> {
        Ok(self.of().operator_names[self.check_task(task)?.index()].clone())
    }

    /// Tasks whose data a task reads.
    fn predecessors(&self, task: u32) -> PyResult<Vec<u32>> {
        Ok(numbers(self.of().lowered.tasks.predecessors(self.check_task(task)?)))
    }

    /// Tasks that read what a task makes.
    fn successors(&self, task: u32) -> PyResult<Vec<u32>> {
        Ok(numbers(self.of().lowered.tasks.successors(self.check_task(task)?)))
    }

    /// Data items that a task reads.
    fn inputs(&self, task: u32) -> PyResult<Vec<u32>> {
        Ok(self.of().lowered.tasks.inputs(self.check_task(task)?).iter().map(|data| data.0).collect())
    }

    /// Data items that a task makes.
    fn made(&self, task: u32) -> PyResult<Vec<u32>> {
        Ok(self.of().lowered.tasks.made(self.check_task(task)?).iter().map(|data| data.0).collect())
    }

    /// Size of a data item.
    fn size_bytes(&self, data: u32) -> PyResult<u64> {
        Ok(self.of().lowered.tasks.bytes(self.check_data(data)?))
    }

    /// The task that makes a data item; `None` if it comes with the request.
    fn producer(&self, data: u32) -> PyResult<Option<u32>> {
        Ok(self.of().lowered.tasks.producer(self.check_data(data)?).map(|task| task.0))
    }

    /// Output rows and channels by which a task can be cut; 0 where it cannot.
    fn splits(&self, task: u32) -> PyResult<(u32, u32)> {
        let splits = self.of().lowered.tasks.splits(self.check_task(task)?);
        Ok((splits.rows, splits.channels))
    }

    /// Expected duration of a task on a worker; `None` where it cannot run there.
    fn duration_ns(&self, task: u32, worker: WorkerSpec) -> PyResult<Option<u64>> {
        let (task, worker) = self.at(task, &worker)?;
        Ok(self.of().lowered.costs.duration_ns(task, worker))
    }

    /// Expected durations of all tasks on all workers, row by row; `None` where a worker cannot run a task.
    fn durations_ns(&self) -> Vec<Vec<Option<u64>>> {
        let lowered = &self.of().lowered;
        let row = |task| self.device().worker_ids().map(|worker| lowered.costs.duration_ns(task, worker)).collect();
        lowered.tasks.tasks().map(row).collect()
    }

    /// Expected duration of output rows or channels `begin..end` of `of` of a task on a worker.
    fn part_ns(&self, task: u32, worker: WorkerSpec, kind: &str, begin: u32, end: u32, of: u32) -> PyResult<Option<u64>> {
        let (task, worker) = self.at(task, &worker)?;
        if begin >= end || end > of {
            return Err(error::input(format!("no part {begin}..{end} of {of}: it must begin before it ends, and end within")));
        }
        let part = match kind {
            "rows" => Part::Rows { begin, end, of },
            "channels" => Part::Channels { begin, end, of },
            other => return Err(error::input(format!("unknown kind of part `{other}`: write `rows` or `channels`"))),
        };
        Ok(self.of().lowered.costs.part(task, part, worker).map(|cost| cost.duration_ns))
    }

    /// Expected duration of tasks as one segment on a worker, without the invocation; `None` where it cannot run one of them.
    fn segment_ns(&self, tasks: Vec<u32>, worker: WorkerSpec) -> PyResult<Option<u64>> {
        let worker = worker.resolve(self.device())?;
        let tasks: Vec<TaskId> = tasks.into_iter().map(|task| self.check_task(task)).collect::<PyResult<_>>()?;
        Ok(self.of().lowered.costs.segment_ns(&tasks, worker))
    }

    /// Whether a worker can run a task.
    fn supports(&self, task: u32, worker: WorkerSpec) -> PyResult<bool> {
        let (task, worker) = self.at(task, &worker)?;
        Ok(self.of().lowered.costs.supports(task, worker))
    }

    /// Why a worker cannot run a task; `None` if it can.
    fn refusal(&self, task: u32, worker: WorkerSpec) -> PyResult<Option<String>> {
        let (task, worker) = self.at(task, &worker)?;
        Ok(self.of().lowered.placement(task, worker).unsupported.clone())
    }

    /// The plan that a strategy of the registry makes of this model.
    fn plan_by(&self, strategy: &str) -> PyResult<Plan> {
        let mut strategy = registry::build(strategy).map_err(error::input)?;
        let jobs = self.shared.jobs();
        let view = DeviceView { device: self.device(), jobs: &jobs, seed: self.shared.seed };
        let plan = strategy.plan(&self.shared.planned(self.id), &view).map_err(error::input)?;
        Ok(Plan::of(&plan, self.device()))
    }

    fn __repr__(&self) -> String {
        format!("Job({:?}, {} tasks)", self.name(), self.task_count())
    }
}
