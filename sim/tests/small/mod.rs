//! Small random devices, models and plans, drawn from one seed: material for laws.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod kernels;

use sim::engine::{Model, Options, Summary, Variation, simulate};
use sim::environment::Environment;
use sim::identifiers::{DataId, ModelId, TaskId, WorkerId};
use sim::plan::{Part, Piece, Plan, PlanError};
use sim::platform::{Device, DeviceBuilder, Link, ProcessorKind, SupportRules, Worker};
use sim::random::{Purpose, Stream as Random};
use sim::record::Record;
use sim::strategy::{DeviceView, Job, Strategy};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// How large a case is and what it is drawn from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) seed: u64,
    pub(crate) models: usize,
    pub(crate) tasks: usize,
    pub(crate) requests: u64,
}

/// A run and everything it was made of.
pub(crate) struct Case {
    pub(crate) device: Device,
    pub(crate) names: Vec<String>,
    pub(crate) graphs: Vec<TaskGraph>,
    pub(crate) costs: Vec<CostTable>,
    /// Whether durations vary about their expectation.
    pub(crate) varied: bool,
    pub(crate) records: Vec<Record>,
    pub(crate) summary: Summary,
}

struct Draw(Random);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        (self.0.uniform() * limit as f64) as u64
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.0.uniform() < probability
    }
}

/// Two CPU clusters, a GPU and an NPU; three memories; workers that share cores; links that block, share or do neither.
pub(crate) fn device() -> Device {
    let mut builder = DeviceBuilder::new("small");
    let big = builder.processor("big", ProcessorKind::CpuCluster, 2, vec![]);
    let little = builder.processor("little", ProcessorKind::CpuCluster, 4, vec![]);
    let gpu = builder.processor("gpu", ProcessorKind::Gpu, 1, vec![]);
    let npu = builder.processor("npu", ProcessorKind::Npu, 1, vec![]);
    let memories = ["host", "gpu memory", "npu memory"].map(|name| builder.memory(name));
    let dram = builder.channel("dram", 8e9);
    builder.dram(dram);
    for (name, kind, demands, memory, invocation_ns) in [
        ("big.1", ProcessorKind::CpuCluster, vec![(big, 1)], 0, 0),
        ("big.2", ProcessorKind::CpuCluster, vec![(big, 2)], 0, 700),
        ("big.1+little.3", ProcessorKind::CpuCluster, vec![(big, 1), (little, 3)], 0, 900),
        ("gpu", ProcessorKind::Gpu, vec![(gpu, 1)], 1, 5_000),
        ("npu", ProcessorKind::Npu, vec![(npu, 1)], 2, 3_000),
    ] {
        let memory = memories[memory];
        let costs = sim::cost::CostModels::default();
        builder.worker(Worker {
            name: name.into(),
            kind,
            demands,
            memory,
            invocation_ns,
            support: SupportRules::ALL,
            costs: costs.into(),
        });
    }
    for (name, from, to, fixed_ns, bytes_per_second, blocks) in [
        ("host to gpu", 0, 1, 2_000, 4e9, Some(WorkerId(3))),
        ("gpu to host", 1, 0, 2_500, 3e9, Some(WorkerId(3))),
        ("host to npu", 0, 2, 0, f64::INFINITY, None),
        ("npu to host", 2, 0, 4_000, 2e9, None),
        ("gpu to npu", 1, 2, 1_000, 5e9, None),
        ("npu to gpu", 2, 1, 1_000, 5e9, None),
    ] {
        let channels = if f64::is_finite(bytes_per_second) { vec![(dram, 2.0)] } else { vec![] };
        let (from, to, name) = (memories[from], memories[to], name.to_owned());
        builder.link(Link {
            name,
            from,
            to,
            fixed_ns,
            synchronization_ns: 300,
            ns_per_byte: 0.01,
            bytes_per_second,
            channels,
            blocks,
        });
    }
    builder.build().expect("the small device is valid")
}

/// A run of random models on [`device`], some tasks unsupported on the GPU and the NPU, some split in two.
pub(crate) fn case(size: Size) -> Case {
    case_in(size, Environment::default())
}

/// The same on a device that changes.
pub(crate) fn case_in(size: Size, environment: Environment) -> Case {
    let device = device();
    let mut draw = Draw(Random::new(size.seed, Purpose::Search, 0, 0));
    let workers = device.workers().len();
    let graphs: Vec<TaskGraph> = (0..size.models).map(|_| graph(size.tasks, &mut draw)).collect();
    let costs: Vec<CostTable> = (0..size.models).map(|_| costs(size.tasks, workers, &mut draw)).collect();
    let names: Vec<String> = (0..size.models).map(|index| format!("model {index}")).collect();
    let models: Vec<Model<'_>> =
        names.iter().zip(graphs.iter().zip(&costs)).map(|(name, (tasks, costs))| Model { name, tasks, costs }).collect();
    let streams = (0..size.models).map(|index| stream(index, size.requests, &mut draw)).collect();
    let variation = if draw.chance(0.3) { Variation::Residuals } else { Variation::None };
    let horizon_ns = draw.chance(0.4).then(|| draw.below(3_000_000));
    let options = Options { seed: size.seed, horizon_ns, variation, environment, ..Options::default() };
    let mut records = Vec::new();
    let mut strategy = Scattered(draw);
    let summary = simulate(&device, &models, streams, &mut strategy, &options, &mut records).expect("the plan is valid");
    Case { device, names, graphs, costs, varied: variation != Variation::None, records, summary }
}

impl Case {
    pub(crate) fn models(&self) -> Vec<Model<'_>> {
        let all = self.names.iter().zip(self.graphs.iter().zip(&self.costs));
        all.map(|(name, (tasks, costs))| Model { name, tasks, costs }).collect()
    }
}

fn graph(tasks: usize, draw: &mut Draw) -> TaskGraph {
    let mut builder = TaskGraphBuilder::new();
    let mut all = vec![builder.request_input(1 + draw.below(50_000))];
    for _ in 0..tasks {
        let inputs: Vec<DataId> = (0..=draw.below(3)).map(|_| all[draw.below(all.len() as u64) as usize]).collect();
        let made: Vec<u64> = (0..=draw.below(2)).map(|_| draw.below(60_000)).collect();
        let (_, first) = builder.task(&inputs, &made);
        all.extend((0..made.len()).map(|offset| DataId::from_index(first.index() + offset)));
    }
    builder.output(all[all.len() - 1]);
    builder.build().expect("tasks read what is there")
}

fn costs(tasks: usize, workers: usize, draw: &mut Draw) -> CostTable {
    let mut costs = Vec::new();
    for index in 0..tasks * workers {
        let supported = index % workers < 3 || draw.chance(0.7);
        let duration_ns = draw.below(100_000);
        let memory_bytes = if draw.chance(0.5) { draw.below(400_000) } else { 0 };
        costs.push(supported.then_some(KernelCost { duration_ns, memory_bytes }));
    }
    CostTable::new(workers, costs).with_log_deviation(vec![0.2; tasks * workers])
}

fn stream(model: usize, requests: u64, draw: &mut Draw) -> Stream {
    let arrivals = match draw.below(3) {
        0 => Arrivals::ClosedLoop { clients: 1 + draw.below(3) as u32, think_ns: draw.below(2_000) },
        1 => Arrivals::Periodic { period_ns: 1 + draw.below(200_000), phase_ns: draw.below(1_000) },
        _ => Arrivals::Poisson { mean_gap_ns: 1.0 + draw.below(300_000) as f64 },
    };
    let deadline_ns = draw.chance(0.5).then(|| draw.below(1_000_000));
    let priority = draw.below(2) as i32;
    Stream { deadline_ns, priority, ..Stream::new(ModelId::from_index(model), arrivals, Some(requests)) }
}

/// Places each task on some worker that can run it, cutting it in two now and then.
struct Scattered(Draw);

impl Strategy for Scattered {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::new();
        let mut open: Option<(WorkerId, Vec<TaskId>)> = None;
        for task in job.tasks.tasks() {
            let able: Vec<WorkerId> = view.device.worker_ids().filter(|&worker| job.costs.supports(task, worker)).collect();
            let mut pick = || able[self.0.below(able.len() as u64) as usize];
            let (worker, other) = (pick(), pick());
            let (split, cut, by_rows) = (self.0.chance(0.2), self.0.chance(0.3), self.0.chance(0.5));
            if let Some((at, tasks)) = open.take_if(|(at, _)| split || cut || *at != worker) {
                plan.segment(Some(at), tasks);
            }
            if split {
                let part = |begin, end| {
                    if by_rows { Part::Rows { begin, end, of: 7 } } else { Part::Channels { begin, end, of: 7 } }
                };
                plan.segment_of_pieces(Some(worker), [Piece { task, part: part(0, 3) }]);
                plan.segment_of_pieces(Some(other), [Piece { task, part: part(3, 7) }]);
            } else {
                open.get_or_insert_with(|| (worker, Vec::new())).1.push(task);
            }
        }
        if let Some((at, tasks)) = open {
            plan.segment(Some(at), tasks);
        }
        Ok(plan)
    }
}
