//! The workloads of the common benchmark, built through the public interface of `sim`.
//!
//! (a1) an M/M/1 queue, (b) a layered random DAG on three unequal processors, (c) an open-loop stream of a 70-operator chain.
//! All random numbers come from `SplitMix64`, so that other engines can run the same.

use sim::cost::CostModels;
use sim::identifiers::{DataId, MemoryId, ModelId, TaskId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::platform::{Device, DeviceBuilder, Link, ProcessorKind, SupportRules, Worker};
use sim::strategy::{DeviceView, Job, Strategy};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// `SplitMix64`; a stream is its seed.
#[derive(Clone, Debug)]
pub struct SplitMix(pub u64);

impl SplitMix {
    /// The next 64 bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// Uniform on `[0, 1)`.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Exponential of the given mean.
    #[inline]
    pub fn exponential(&mut self, mean: f64) -> f64 {
        // The logarithm of the platform, as all other engines of the benchmark use it.
        let logarithm = (1.0 - self.uniform()).ln();
        -mean * logarithm
    }
}

/// Rates of the three processors in Gflop/s.
pub const RATES: [f64; 3] = [1.0, 3.0, 10.0];
const LATENCY_NS: u64 = 50_000;
const LAYER: usize = 32;

fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// The three processors, each with a memory of its own.
///
/// `shared`: the copies of a pair of processors, both directions, share one bandwidth max-min fairly; else each has it alone.
///
/// # Panics
/// Never: the device is valid.
pub fn device(megabytes_per_second: f64, shared: bool) -> Device {
    let mut builder = DeviceBuilder::new("three-processors");
    for index in 0..RATES.len() {
        let name = format!("p{index}");
        let memory = builder.memory(name.clone());
        let processor = builder.processor(name.clone(), ProcessorKind::CpuCluster, 1, Vec::new());
        builder.worker(Worker {
            name,
            kind: ProcessorKind::CpuCluster,
            demands: vec![(processor, 1)],
            memory,
            invocation_ns: 0,
            support: SupportRules::ALL,
            costs: CostModels::default().into(),
        });
    }
    let bytes_per_second = megabytes_per_second * 1e6;
    for one in 0..RATES.len() {
        for other in one + 1..RATES.len() {
            let channels =
                if shared { vec![(builder.channel(format!("{one}-{other}"), bytes_per_second), 1.0)] } else { Vec::new() };
            for (from, to) in [(one, other), (other, one)] {
                builder.link(Link {
                    name: format!("{from}-{to}"),
                    from: MemoryId::from_index(from),
                    to: MemoryId::from_index(to),
                    fixed_ns: LATENCY_NS,
                    synchronization_ns: 0,
                    ns_per_byte: 0.0,
                    bytes_per_second,
                    channels: channels.clone(),
                    blocks: None,
                });
            }
        }
    }
    builder.build().expect("the device is valid")
}

/// Tasks with their costs, and the number of edges.
pub struct Workload {
    /// Tasks.
    pub tasks: TaskGraph,
    /// Costs on the three processors.
    pub costs: CostTable,
    /// Predecessors over all tasks.
    pub edges: usize,
}

fn costs(gigaflops: &[f64]) -> CostTable {
    let cost = |flops: &f64| RATES.map(|rate| Some(KernelCost::of_duration(ns(flops / rate))));
    CostTable::new(RATES.len(), gigaflops.iter().flat_map(cost).collect())
}

/// Workload (b).
///
/// # Panics
/// Never: tasks are made in topological order.
pub fn layered_dag(count: usize) -> Workload {
    let mut random = SplitMix(7);
    let mut builder = TaskGraphBuilder::new();
    let mut gigaflops = Vec::with_capacity(count);
    let mut edges = 0;
    let mut predecessors = Vec::new();
    for task in 0..count {
        gigaflops.push((0.5 + random.uniform()) * 0.01);
        let bytes = ((0.2 + 1.6 * random.uniform()) * 1e6).round() as u64;
        predecessors.clear();
        let layer = task / LAYER;
        if layer > 0 {
            let more = random.word() % 4;
            predecessors.push(DataId::from_index(task - LAYER));
            for _ in 0..more {
                let drawn = DataId::from_index((layer - 1) * LAYER + (random.word() % LAYER as u64) as usize);
                if !predecessors.contains(&drawn) {
                    predecessors.push(drawn);
                }
            }
        }
        edges += predecessors.len();
        builder.task(&predecessors, &[bytes]);
    }
    Workload { tasks: builder.build().expect("topological order"), costs: costs(&gigaflops), edges }
}

/// The chain of workload (c) and the mean gap between its requests in seconds.
///
/// # Panics
/// Never: tasks are made in topological order.
pub fn chain() -> (Workload, f64) {
    let mut random = SplitMix(11);
    let mut builder = TaskGraphBuilder::new();
    let mut gigaflops = Vec::new();
    let mut load_s = [0.0f64; 3];
    let mut last = None;
    for operator in 0..CHAIN {
        let flops = (0.5 + random.uniform()) * 0.01;
        let bytes = ((0.2 + 1.6 * random.uniform()) * 1e6).round() as u64;
        let place = chain_place(operator);
        load_s[place] += flops / RATES[place];
        gigaflops.push(flops);
        let inputs: Vec<DataId> = last.into_iter().collect();
        last = Some(builder.task(&inputs, &[bytes]).1);
    }
    let workload = Workload { tasks: builder.build().expect("topological order"), costs: costs(&gigaflops), edges: CHAIN - 1 };
    (workload, load_s.into_iter().fold(0.0, f64::max) / 0.8)
}

/// Operators of the chain.
pub const CHAIN: usize = 70;

/// Processor of an operator of the chain.
fn chain_place(operator: usize) -> usize {
    match operator {
        0..5 => 0,
        5..55 => 2,
        _ => 1,
    }
}

/// Requests of workload (c): exponential gaps from stream 12.
pub fn chain_stream(requests: usize, mean_gap_s: f64) -> Stream {
    let mut random = SplitMix(12);
    let mut at_s = 0.0;
    let mut last_ns = 0;
    let gap = move || {
        at_s += random.exponential(mean_gap_s);
        let arrival_ns = ns(at_s);
        Some(arrival_ns - std::mem::replace(&mut last_ns, arrival_ns))
    };
    Stream::new(ModelId(0), Arrivals::Gaps(Box::new(gap)), Some(requests as u64))
}

/// Carries out one given plan.
pub struct Given(pub Plan);

impl Strategy for Given {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.0.clone())
    }
}

/// The plan of workload (c): every operator a segment of its own, so that requests interleave operator by operator.
pub fn chain_plan() -> Plan {
    let mut plan = Plan::with_capacity(CHAIN);
    for operator in 0..CHAIN {
        plan.segment(Some(WorkerId::from_index(chain_place(operator))), [TaskId::from_index(operator)]);
    }
    plan
}
