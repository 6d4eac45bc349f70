//! Random devices, task graphs and plans for the law tests.
#![allow(dead_code, unreachable_pub)] // Each test binary uses its own part.

use proptest::prelude::*;
use sim::identifiers::{ChannelId, DataId, MemoryId, ProcessorId, TaskId, WorkerId};
use sim::plan::{Part, Piece, Plan};
use sim::platform::{Device, DeviceBuilder, Link, ProcessorKind, SupportRules, Worker};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};

/// A link of the given solo behaviour that shares nothing and blocks nobody.
pub fn plain_link(name: String, from: usize, to: usize, fixed_ns: u64, bytes_per_second: f64) -> Link {
    Link {
        name,
        from: MemoryId::from_index(from),
        to: MemoryId::from_index(to),
        fixed_ns,
        synchronization_ns: 0,
        ns_per_byte: 0.0,
        bytes_per_second,
        channels: Vec::new(),
        blocks: None,
    }
}

/// A worker with everything supported and no cost models: costs come from a table.
pub fn plain_worker(
    name: String,
    kind: ProcessorKind,
    demands: Vec<(ProcessorId, u32)>,
    memory: usize,
    invocation_ns: u64,
) -> Worker {
    Worker {
        name,
        kind,
        demands,
        memory: MemoryId::from_index(memory),
        invocation_ns,
        support: SupportRules::ALL,
        costs: sim::cost::CostModels::default().into(),
    }
}

/// `kinds.len()` processors of one core, each a worker with a memory of its own, all links alike.
pub fn simple_device(kinds: &[ProcessorKind], fixed_ns: u64, bytes_per_second: f64) -> Device {
    simple_builder(kinds, fixed_ns, bytes_per_second).build().expect("valid")
}

/// The same, not built yet.
pub fn simple_builder(kinds: &[ProcessorKind], fixed_ns: u64, bytes_per_second: f64) -> DeviceBuilder {
    let mut builder = DeviceBuilder::new("simple");
    for (index, &kind) in kinds.iter().enumerate() {
        builder.memory(format!("m{index}"));
        let processor = builder.processor(format!("p{index}"), kind, 1, Vec::new());
        builder.worker(plain_worker(format!("w{index}"), kind, vec![(processor, 1)], index, 0));
    }
    for from in 0..kinds.len() {
        for to in (0..kinds.len()).filter(|&to| to != from) {
            builder.link(plain_link(format!("{from}-{to}"), from, to, fixed_ns, bytes_per_second));
        }
    }
    builder
}

#[derive(Clone, Debug)]
struct RawLink {
    fixed_ns: u64,
    synchronization_ns: u64,
    ns_per_byte: f64,
    bytes_per_second: f64,
    shares_dram: bool,
    shares_bus: bool,
    blocks: Option<usize>,
}

fn raw_link() -> impl Strategy<Value = RawLink> {
    (0..500u64, 0..300u64, 0..3u32, 1..40u32, any::<bool>(), any::<bool>(), prop::option::of(0..8usize)).prop_map(
        |(fixed_ns, synchronization_ns, tenths, tenths_of_gigabyte, shares_dram, shares_bus, blocks)| RawLink {
            fixed_ns,
            synchronization_ns,
            ns_per_byte: f64::from(tenths) * 0.1,
            bytes_per_second: f64::from(tenths_of_gigabyte) * 1e8,
            shares_dram,
            shares_bus,
            blocks,
        },
    )
}

#[derive(Clone, Debug)]
struct RawWorker {
    processors: Vec<(usize, u32)>,
    memory: usize,
    invocation_ns: u64,
}

/// Devices with clusters of up to three cores, gangs over several clusters, shared bandwidth, copies that block workers.
pub fn device() -> impl Strategy<Value = Device> {
    let kinds = [ProcessorKind::CpuCluster, ProcessorKind::Gpu, ProcessorKind::Npu, ProcessorKind::Dsp];
    let processor = (0..4usize, 1..4u32);
    let worker = (prop::collection::vec((0..8usize, 1..4u32), 1..3), 0..3usize, prop_oneof![Just(0u64), 1..200u64])
        .prop_map(|(processors, memory, invocation_ns)| RawWorker { processors, memory, invocation_ns });
    (
        prop::collection::vec(processor, 1..4),
        1..4usize,
        prop::collection::vec(worker, 1..5),
        prop::collection::vec(raw_link(), 9),
        (1..50u32, any::<bool>(), 0..2u64),
    )
        .prop_map(move |(processors, memories, workers, links, (bandwidth, dram, decision_ns))| {
            let mut builder = DeviceBuilder::new("random");
            for memory in 0..memories {
                builder.memory(format!("m{memory}"));
            }
            let bus = builder.channel("bus", f64::from(bandwidth) * 0.5e8);
            let main = builder.channel("dram", f64::from(bandwidth) * 1e8);
            if dram {
                builder.dram(main);
            }
            builder.decision_ns(decision_ns * 50);
            let cores: Vec<u32> = processors
                .iter()
                .map(|&(kind, cores)| if kinds[kind] == ProcessorKind::CpuCluster { cores } else { 1 })
                .collect();
            for (index, &(kind, _)) in processors.iter().enumerate() {
                builder.processor(format!("p{index}"), kinds[kind], cores[index], Vec::new());
            }
            let count = workers.len();
            // The first worker needs processor 0, kind CPU: every strategy has a processor to fall back on.
            let first = RawWorker { processors: vec![(0, 1)], memory: 0, invocation_ns: 0 };
            for (index, worker) in std::iter::once(first).chain(workers).enumerate() {
                let mut demands: Vec<(ProcessorId, u32)> = worker
                    .processors
                    .iter()
                    .map(|&(processor, wanted)| {
                        let processor = processor % cores.len();
                        (ProcessorId::from_index(processor), wanted.min(cores[processor]))
                    })
                    .collect();
                demands.sort_unstable();
                demands.dedup_by_key(|demand| demand.0);
                let kind = if index == 0 { ProcessorKind::CpuCluster } else { kinds[processors[demands[0].0.index()].0] };
                builder.worker(plain_worker(format!("w{index}"), kind, demands, worker.memory % memories, worker.invocation_ns));
            }
            for from in 0..memories {
                for to in (0..memories).filter(|&to| to != from) {
                    let raw = &links[from * 3 + to];
                    let mut link = plain_link(format!("{from}-{to}"), from, to, raw.fixed_ns, raw.bytes_per_second);
                    link.synchronization_ns = raw.synchronization_ns;
                    link.ns_per_byte = raw.ns_per_byte;
                    let uses = [(raw.shares_bus, bus, 1.0), (raw.shares_dram, main, 2.0)];
                    link.channels = uses.into_iter().filter(|it| it.0).map(|it| (it.1, it.2)).collect::<Vec<(ChannelId, f64)>>();
                    link.blocks = raw.blocks.filter(|&worker| worker <= count).map(WorkerId::from_index);
                    builder.link(link);
                }
            }
            builder.build().expect("the generator makes valid devices")
        })
}

/// Tasks with one or two results each; results that nobody reads, and some others, are wanted by the requester.
pub fn tasks() -> impl Strategy<Value = TaskGraph> {
    let task =
        (prop::collection::vec(any::<prop::sample::Index>(), 0..4), prop::collection::vec(0..2000u64, 1..3), any::<bool>());
    (prop::collection::vec(0..2000u64, 0..3), prop::collection::vec(task, 1..14)).prop_map(|(inputs, tasks)| {
        let mut builder = TaskGraphBuilder::new();
        let mut data: Vec<DataId> = inputs.into_iter().map(|bytes| builder.request_input(bytes)).collect();
        for (reads, made, wanted) in tasks {
            let reads: Vec<DataId> =
                if data.is_empty() { Vec::new() } else { reads.iter().map(|index| *index.get(&data)).collect() };
            let (_, first) = builder.task(&reads, &made);
            data.extend((0..made.len()).map(|offset| DataId::from_index(first.index() + offset)));
            if wanted {
                builder.output(first);
            }
        }
        builder.build().expect("the generator keeps topological order")
    })
}

/// Costs for `tasks` on `workers` workers; worker 0 runs everything.
pub fn costs(tasks: usize, workers: usize) -> impl Strategy<Value = CostTable> {
    let cost = (prop_oneof![Just(0u64), 1..3000u64], prop_oneof![Just(0u64), 1..20_000u64], 0..5u32);
    prop::collection::vec(cost, tasks * workers).prop_map(move |costs| {
        let costs = costs.into_iter().enumerate().map(|(index, (duration_ns, memory_bytes, refuses))| {
            (refuses > 0 || index % workers == 0).then_some(KernelCost { duration_ns, memory_bytes })
        });
        CostTable::new(workers, costs.collect())
    })
}

/// A device, tasks and costs that fit each other.
pub fn system() -> impl Strategy<Value = (Device, TaskGraph, CostTable)> {
    (device(), tasks()).prop_flat_map(|(device, tasks)| {
        let costs = costs(tasks.task_count(), device.workers().len());
        (Just(device), Just(tasks), costs)
    })
}

/// Bytes that a random plan is drawn from.
pub type Choices = Vec<u8>;

/// Where a random plan's choices come from.
pub fn choices() -> impl Strategy<Value = Choices> {
    prop::collection::vec(any::<u8>(), 1..60)
}

/// A valid plan: tasks in order, some split into parts, neighbours joined into segments at random, some left open.
pub fn plan(tasks: &TaskGraph, costs: &CostTable, choices: &Choices, open: bool) -> Plan {
    let mut at = 0;
    let mut draw = |below: usize| {
        at += 1;
        choices[at % choices.len()].wrapping_add(at as u8) as usize % below
    };
    let mut plan = Plan::new();
    plan.sequenced = !open && draw(2) == 0;
    let mut segment: Vec<Piece> = Vec::new();
    let mut place = None;
    let workers_for = |task: TaskId| -> Vec<WorkerId> {
        (0..costs.worker_count()).map(WorkerId::from_index).filter(|&worker| costs.supports(task, worker)).collect()
    };
    for task in tasks.tasks() {
        let able = workers_for(task);
        if draw(5) == 0 {
            if !segment.is_empty() {
                plan.segment_of_pieces(place, segment.drain(..));
            }
            let of = 2 + draw(3) as u32;
            let cut = 1 + draw(of as usize - 1) as u32;
            let rows = draw(2) == 0;
            for (begin, end) in [(0, cut), (cut, of)] {
                let part = if rows { Part::Rows { begin, end, of } } else { Part::Channels { begin, end, of } };
                plan.segment_of_pieces(Some(able[draw(able.len())]), [Piece { task, part }]);
            }
            continue;
        }
        let fits = place.is_none_or(|worker| costs.supports(task, worker));
        if segment.is_empty() || draw(2) == 0 || !fits {
            if !segment.is_empty() {
                plan.segment_of_pieces(place, segment.drain(..));
            }
            place = if open && draw(2) == 0 { None } else { Some(able[draw(able.len())]) };
        }
        segment.push(Piece { task, part: Part::Whole });
        if place.is_none() {
            plan.segment_of_pieces(None, segment.drain(..));
        }
    }
    if !segment.is_empty() {
        plan.segment_of_pieces(place, segment);
    }
    plan
}
