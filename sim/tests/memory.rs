//! Memory plans against runs: whatever the timing, buffers that are alive together never lie in the same bytes.

mod common;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sim::engine::{Model, Options, Variation, simulate};
use sim::identifiers::{MemoryId, ModelId, WorkerId};
use sim::memory::{MemoryOptions, MemoryPlan};
use sim::plan::{NO_SEGMENT, OUTPUT, Plan, PlanError, Program};
use sim::platform::{Device, ProcessorKind};
use sim::record::{KernelRecord, Record};
use sim::strategy::{DeviceView, Job, Strategy};
use sim::task::{CostTable, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

struct Fixed(Plan);

impl Strategy for Fixed {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.0.clone())
    }
}

/// Records of one request, its durations drawn at random.
fn run(device: &Device, tasks: &TaskGraph, costs: &CostTable, plan: &Plan, seed: u64) -> Vec<Record> {
    let models = [Model { name: "random", tasks, costs }];
    let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(1));
    let options = Options { seed, variation: Variation::Exponential, ..Options::default() };
    let mut records = Vec::new();
    simulate(device, &models, vec![stream], &mut Fixed(plan.clone()), &options, &mut records).expect("valid");
    records
}

/// When each buffer was written first and read last in a run.
struct Alive {
    pool: u32,
    begin: u64,
    end: u64,
    offset: u64,
    bytes: u64,
    in_place: bool,
}

fn alive(
    device: &Device,
    tasks: &TaskGraph,
    program: &Program,
    plan: &MemoryPlan,
    records: &[Record],
    whole_data: bool,
) -> Vec<Alive> {
    let pool_of = |memory: MemoryId| plan.pools.iter().position(|pool| pool.memories.contains(&memory)).expect("a pool") as u32;
    let kernels: Vec<&KernelRecord> =
        records.iter().filter_map(|record| if let Record::Kernel(kernel) = record { Some(kernel) } else { None }).collect();
    let end_ns = kernels.iter().map(|kernel| kernel.end_ns).max().unwrap_or(0) + 1_000_000_000;
    let mut result = Vec::new();
    for allocation in &plan.allocations {
        let first = &program.fragments()[allocation.fragment as usize];
        let is_here = |worker: WorkerId| pool_of(device.worker(worker).memory) == allocation.pool;
        // Records name the data item and the bytes of a copy, not the fragment: where two parts are of one size, nothing is known.
        let same = |other: usize| {
            let fragment = &program.fragments()[other];
            other as u32 != allocation.fragment
                && fragment.data == first.data
                && program.copied_bytes(other as u32) == program.copied_bytes(allocation.fragment)
        };
        if !whole_data && (0..program.fragments().len()).any(same) {
            continue;
        }
        let (mut begin, mut end) = (u64::MAX, 0);
        for (index, fragment) in program.fragments().iter().enumerate() {
            let is_meant = if whole_data { fragment.data == first.data } else { index as u32 == allocation.fragment };
            if !is_meant {
                continue;
            }
            let maker = (fragment.maker != NO_SEGMENT).then(|| {
                let piece = program.kernel(fragment.kernel());
                *kernels.iter().find(|kernel| (kernel.task, kernel.part) == (piece.task, piece.part)).expect("every piece ran")
            });
            match maker {
                Some(maker) if is_here(maker.worker) => (begin, end) = (begin.min(maker.start_ns), end.max(maker.end_ns)),
                None if pool_of(device.host()) == allocation.pool => begin = 0,
                _ => {}
            }
            for record in records {
                if let Record::Copy(copy) = record
                    && copy.data == fragment.data
                    && copy.bytes == program.copied_bytes(index as u32)
                {
                    if pool_of(device.link(copy.link).to) == allocation.pool {
                        begin = begin.min(copy.start_ns);
                    } else if pool_of(device.link(copy.link).from) == allocation.pool {
                        end = end.max(copy.end_ns);
                    }
                }
            }
            let is_output = program.readers(index as u32).last() == Some(&OUTPUT);
            if is_output && pool_of(device.host()) == allocation.pool {
                end = end_ns;
            }
        }
        let reads = kernels.iter().filter(|kernel| is_here(kernel.worker) && tasks.inputs(kernel.task).contains(&first.data));
        end = reads.map(|kernel| kernel.end_ns).fold(end, u64::max).max(begin);
        let (pool, offset, bytes) = (allocation.pool, allocation.offset, allocation.bytes);
        result.push(Alive { pool, begin, end, offset, bytes, in_place: allocation.in_place });
    }
    result
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_alive_together_lies_apart((device, tasks, costs) in common::system(), choices in common::choices(), seed in 0..1000_u64, whole_data in any::<bool>()) {
        let plan = common::plan(&tasks, &costs, &choices, false);
        let program = Program::compile(&plan, &tasks, &costs).expect("valid");
        let options = MemoryOptions { alignment_bytes: 1, in_place: false, whole_data };
        let memory = MemoryPlan::of_program(&program, &tasks, &device, options).expect("all placed");
        for pool in &memory.pools {
            prop_assert!(pool.lower_bound_bytes <= pool.arena_bytes);
            prop_assert!(pool.arena_bytes <= pool.separate_bytes);
        }
        let records = run(&device, &tasks, &costs, &plan, seed);
        let alive = alive(&device, &tasks, &program, &memory, &records, whole_data);
        let mut live: BTreeMap<(u32, u64), u64> = BTreeMap::new();
        for (index, one) in alive.iter().enumerate() {
            prop_assert!(!one.in_place);
            for other in &alive[index + 1..] {
                let together = one.pool == other.pool && one.begin < other.end && other.begin < one.end;
                let apart = one.offset + one.bytes <= other.offset || other.offset + other.bytes <= one.offset;
                prop_assert!(!together || apart || one.bytes == 0 || other.bytes == 0);
            }
            let at = alive.iter().filter(|other| other.pool == one.pool && other.begin <= one.begin && one.begin < other.end);
            live.insert((one.pool, one.begin), at.map(|other| other.bytes).sum());
        }
        // No arena is smaller than what a run holds at once.
        for (&(pool, _), &bytes) in &live {
            prop_assert!(bytes <= memory.pools[pool as usize].arena_bytes);
        }
    }

    #[test]
    fn in_place_never_needs_more_to_be_alive((device, tasks, costs) in common::system(), choices in common::choices()) {
        let plan = common::plan(&tasks, &costs, &choices, false);
        let program = Program::compile(&plan, &tasks, &costs).expect("valid");
        let of = |in_place| {
            let options = MemoryOptions { in_place, ..MemoryOptions::default() };
            MemoryPlan::of_program(&program, &tasks, &device, options).expect("all placed")
        };
        prop_assert!(of(true).lower_bound_bytes() <= of(false).lower_bound_bytes());
    }
}

#[test]
fn a_chain_on_one_worker_needs_two_neighbours_and_its_input() {
    let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(64);
    for bytes in [640, 1280, 320, 64] {
        data = builder.task(&[data], &[bytes]).1;
    }
    builder.output(data);
    let tasks = builder.build().expect("valid");
    let costs = CostTable::new(1, vec![Some(sim::task::KernelCost::of_duration(10)); 4]);
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(0)), tasks.tasks());
    let program = Program::compile(&plan, &tasks, &costs).expect("valid");
    let memory = MemoryPlan::of_program(&program, &tasks, &device, MemoryOptions::default()).expect("all placed");
    assert_eq!(memory.separate_bytes(), 64 + 640 + 1280 + 320 + 64);
    assert_eq!(memory.lower_bound_bytes(), 640 + 1280);
    assert_eq!(memory.arena_bytes(), 640 + 1280);
}
