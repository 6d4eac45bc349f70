//! Kernels back to back on one worker of a device of two CPU clusters and a GPU.

use sim::engine::{Model, Options, Summary, simulate};
use sim::environment::Environment;
use sim::identifiers::{ModelId, TaskId, WorkerId};
use sim::metrics::{ModelFacts, Report, report};
use sim::plan::{Plan, PlanError};
use sim::platform::{Device, DeviceBuilder, ProcessorKind, SupportRules, Worker};
use sim::record::{KernelRecord, Record};
use sim::strategy::{DeviceView, Job, Strategy};
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// The plan it was given.
pub(crate) struct Given(pub(crate) Plan);

impl Strategy for Given {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.0.clone())
    }
}

/// Workers of [`clusters`].
pub(crate) const TWO_OF_BIG: WorkerId = WorkerId(0);
pub(crate) const ONE_OF_LITTLE: WorkerId = WorkerId(1);
pub(crate) const BOTH: WorkerId = WorkerId(2);
pub(crate) const GPU: WorkerId = WorkerId(3);

/// `big` of 2 cores, `little` of 4, `gpu`; one memory of 1 GB/s.
pub(crate) fn clusters(memory_share: f64) -> Device {
    let mut builder = DeviceBuilder::new("clusters");
    let big = builder.processor("big", ProcessorKind::CpuCluster, 2, vec![]);
    let little = builder.processor("little", ProcessorKind::CpuCluster, 4, vec![]);
    let gpu = builder.processor("gpu", ProcessorKind::Gpu, 1, vec![]);
    let memory = builder.memory("host");
    let dram = builder.channel("dram", 1e9);
    builder.dram(dram);
    for (name, kind, demands) in [
        ("big.2", ProcessorKind::CpuCluster, vec![(big, 2)]),
        ("little.1", ProcessorKind::CpuCluster, vec![(little, 1)]),
        ("big.2+little.4", ProcessorKind::CpuCluster, vec![(big, 2), (little, 4)]),
        ("gpu", ProcessorKind::Gpu, vec![(gpu, 1)]),
    ] {
        let costs = sim::cost::CostModels::default().into();
        let worker = Worker { name: name.into(), kind, demands, memory, invocation_ns: 0, support: SupportRules::ALL, costs };
        let worker = builder.worker(worker);
        builder.memory_share(worker, memory_share);
    }
    builder.build().expect("the device is valid")
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) summary: Summary,
    pub(crate) records: Vec<Record>,
    pub(crate) report: Report,
}

impl Ran {
    pub(crate) fn kernels(&self) -> Vec<KernelRecord> {
        let kernel = |record: &Record| if let Record::Kernel(it) = record { Some(*it) } else { None };
        self.records.iter().filter_map(kernel).collect()
    }
}

/// Requests of one segment of kernels, at given times.
pub(crate) fn run(device: &Device, worker: WorkerId, kernels: &[KernelCost], arrivals: Vec<u64>, options: &Options) -> Ran {
    let mut builder = TaskGraphBuilder::new();
    let tasks: Vec<TaskId> = kernels.iter().map(|_| builder.task(&[], &[]).0).collect();
    let graph = builder.build().expect("tasks that read nothing");
    let workers = device.workers().len();
    let table = kernels.iter().flat_map(|&cost| (0..workers).map(move |_| Some(cost))).collect();
    let costs = CostTable::new(workers, table);
    let mut plan = Plan::new();
    plan.segment(Some(worker), tasks);
    let models = [Model { name: "kernels", tasks: &graph, costs: &costs }];
    let count = arrivals.len() as u64;
    let stream = Stream::new(ModelId(0), Arrivals::Recorded(arrivals), Some(count));
    let mut records: Vec<Record> = Vec::new();
    let summary = simulate(device, &models, vec![stream], &mut Given(plan), options, &mut records).expect("the plan is valid");
    let facts = [ModelFacts { name: "kernels", ..ModelFacts::default() }];
    let report = report(device, &facts, &records, summary.end_ns).expect("the records are sound");
    Ran { summary, records, report }
}

/// One request at the start.
pub(crate) fn run_once(device: &Device, worker: WorkerId, kernels: &[KernelCost], environment: Environment) -> Ran {
    run(device, worker, kernels, vec![0], &Options { environment, ..Options::default() })
}
