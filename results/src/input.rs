//! What a run is made of, as the writer takes it.

use sim::engine::{Model, Summary};
use sim::identifiers::{ModelId, ProcessorId, TaskId, WorkerId};
use sim::metrics::{MetricsError, ModelFacts, Report};
use sim::platform::Device;
use sim::record::Record;

use crate::ResultsError;

/// Where records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The simulator.
    Simulated,
    /// The executor, on real processors.
    Measured,
}

impl Origin {
    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Measured => "measured",
        }
    }
}

/// One run: one case under one strategy.
#[derive(Clone, Copy, Debug)]
pub struct RunResult<'a> {
    /// Name of the case: a scenario, or one point of a sweep.
    pub case: &'a str,
    /// Name of the strategy with its parameters.
    pub strategy: &'a str,
    /// Where the records come from.
    pub origin: Origin,
    /// Seed of the run.
    pub seed: u64,
    /// The device.
    pub device: &'a Device,
    /// The models, in order of their identifiers.
    pub models: &'a [ModelInfo<'a>],
    /// What happened.
    pub records: &'a [Record],
    /// What the engine says of the run.
    pub summary: &'a Summary,
    /// What [`report`] makes of the records.
    pub report: &'a Report,
}

/// A model of a run.
#[derive(Clone)]
pub struct ModelInfo<'a> {
    /// Name, tasks and costs, as the engine took them.
    pub model: Model<'a>,
    /// What is known of each task, in order of task.
    pub tasks: Vec<TaskInfo>,
    /// Workers that the strategy means the model to run on: what runs elsewhere is a fallback. Empty: nothing is.
    pub primary: Vec<WorkerId>,
}

impl std::fmt::Debug for ModelInfo<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ModelInfo")
            .field("name", &self.model.name)
            .field("primary", &self.primary)
            .finish_non_exhaustive()
    }
}

/// One task: a kernel launch that covers one or more operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskInfo {
    /// Name, e.g. that of its first operator.
    pub name: String,
    /// Names of the operators it covers.
    pub operators: Vec<String>,
    /// Kernel kind, e.g. `convolution`.
    pub kind: String,
    /// What each worker of the device could do with it, in order of worker; empty to say only what the cost table says.
    pub choices: Vec<Choice>,
}

/// A task on a worker, whether it runs there or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Why the worker cannot run the task; `None` where it can.
    pub refusal: Option<String>,
    /// What it is expected to take, or would be if the worker could run it; `None` where nothing is known.
    pub expected_ns: Option<u64>,
    /// Whether the expectation lies outside the range the profile was fitted on.
    pub extrapolated: bool,
}

impl ModelInfo<'_> {
    /// A task on a worker, as told by the caller or by the cost table.
    pub(crate) fn choice(&self, task: usize, worker: WorkerId) -> Choice {
        if let Some(choice) = self.tasks.get(task).and_then(|info| info.choices.get(worker.index())) {
            return choice.clone();
        }
        let expected_ns = self.model.costs.duration_ns(TaskId::from_index(task), worker);
        let refusal = expected_ns.is_none().then(|| "the worker cannot run it".to_owned());
        Choice { refusal, expected_ns, extrapolated: false }
    }

    /// The name of a task; `task N` where the caller gave none.
    pub(crate) fn task_name(&self, task: usize) -> String {
        self.tasks.get(task).map_or_else(|| format!("task {task}"), |info| info.name.clone())
    }

    /// The kernel kind of a task; empty where the caller gave none.
    pub(crate) fn task_kind(&self, task: usize) -> &str {
        self.tasks.get(task).map_or("", |info| &info.kind)
    }
}

/// Computes the report of a run that lasted until `end_ns`; see [`sim::metrics::report`].
pub fn report(device: &Device, models: &[ModelInfo<'_>], records: &[Record], end_ns: u64) -> Result<Report, MetricsError> {
    let workers = device.workers().len();
    let extrapolated: Vec<Vec<bool>> = models
        .iter()
        .map(|info| {
            let of = |task: &TaskInfo| -> Vec<bool> {
                (0..workers).map(|worker| task.choices.get(worker).is_some_and(|choice| choice.extrapolated)).collect()
            };
            info.tasks.iter().flat_map(of).collect()
        })
        .collect();
    let facts: Vec<ModelFacts<'_>> = models
        .iter()
        .zip(&extrapolated)
        .map(|(info, extrapolated)| ModelFacts {
            name: info.model.name,
            model: Some((info.model.tasks, info.model.costs)),
            primary: &info.primary,
            extrapolated,
        })
        .collect();
    sim::metrics::report(device, &facts, records, end_ns)
}

impl RunResult<'_> {
    /// Whether everything that the records name is there.
    pub(crate) fn check(&self) -> Result<(), ResultsError> {
        for (index, record) in self.records.iter().enumerate() {
            if let Err(why) = self.check_record(record) {
                let why = format!("record {index} names {why}");
                return Err(ResultsError::Inconsistent { case: self.case.to_owned(), strategy: self.strategy.to_owned(), why });
            }
        }
        Ok(())
    }

    fn check_record(&self, record: &Record) -> Result<(), String> {
        let known = |what: &str, index: u32, count: usize| {
            if (index as usize) < count { Ok(()) } else { Err(format!("{what} {index}, but there are {count}")) }
        };
        let model = |model: ModelId| known("model", model.0, self.models.len());
        let worker = |worker: WorkerId| known("worker", worker.0, self.device.workers().len());
        match record {
            Record::Arrival(arrival) => model(arrival.model),
            Record::Request(request) => model(request.model),
            Record::Invocation(invocation) => model(invocation.model).and_then(|()| worker(invocation.worker)),
            Record::Kernel(kernel) => {
                model(kernel.model)?;
                worker(kernel.worker)?;
                known("task", kernel.task.0, self.models[kernel.model.index()].model.tasks.task_count())
            }
            Record::Copy(copy) => {
                model(copy.model)?;
                known("link", copy.link.0, self.device.links().len())?;
                known("data item", copy.data.0, self.models[copy.model.index()].model.tasks.data_count())
            }
            Record::Step(step) => model(step.model).and_then(|()| worker(step.worker)),
            Record::Energy(energy) => model(energy.model).and_then(|()| energy.worker.map_or(Ok(()), worker)),
            Record::Decision(_) | Record::State(_) => Ok(()),
            Record::Frame(frame) => {
                let processor = |it: ProcessorId| known("processor", it.0, self.device.processors().len());
                processor(frame.cpu).and_then(|()| processor(frame.gpu))
            }
        }
    }
}
