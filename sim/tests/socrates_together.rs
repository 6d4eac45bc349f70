//! The adaptive strategy with several models: one request after the other, at random, and when only one goes on.

mod common;

use proptest::prelude::*;
use sim::engine::{Model, Options, simulate, simulate_programs};
use sim::identifiers::{ModelId, WorkerId};
use sim::plan::{Plan, Program};
use sim::platform::{Device, ProcessorKind};
use sim::record::{NoRecorder, Record};
use sim::strategy::registry;
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// A chain whose tasks take these nanoseconds on each of two workers.
fn chain(durations: &[[u64; 2]], bytes: u64) -> (TaskGraph, CostTable) {
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(bytes);
    for _ in durations {
        data = builder.task(&[data], &[bytes]).1;
    }
    builder.output(data);
    let costs = durations.iter().flatten().map(|&ns| Some(KernelCost::of_duration(ns)));
    (builder.build().expect("a chain"), CostTable::new(2, costs.collect()))
}

fn device(copy_ns: u64) -> Device {
    common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], copy_ns, 1e9)
}

fn loops(requests: &[u64]) -> Vec<Stream> {
    let one = |(model, &requests): (usize, &u64)| {
        Stream::new(ModelId::from_index(model), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(requests))
    };
    requests.iter().enumerate().map(one).collect()
}

fn run(strategy: &str, device: &Device, tables: &[(TaskGraph, CostTable)], streams: Vec<Stream>) -> Vec<Record> {
    let models: Vec<Model<'_>> = tables.iter().map(|(tasks, costs)| Model { name: "m", tasks, costs }).collect();
    let mut strategy = registry::build(strategy).expect("known");
    let mut records: Vec<Record> = Vec::new();
    simulate(device, &models, streams, strategy.as_mut(), &Options::default(), &mut records).expect("a plan");
    records
}

/// Model, latency and end of each request.
fn requests(records: &[Record]) -> Vec<(usize, u64, u64)> {
    let of = |record: &Record| match record {
        Record::Request(it) => Some((it.model.index(), it.ended_ns - it.arrived_ns, it.ended_ns)),
        _ => None,
    };
    records.iter().filter_map(of).collect()
}

fn end_ns(records: &[Record]) -> u64 {
    requests(records).iter().map(|&(.., ended_ns)| ended_ns).max().expect("requests")
}

/// The end of the best of all ways to give each model a worker for good.
fn best_fixed_ns(device: &Device, tables: &[(TaskGraph, CostTable)], each: &[u64]) -> u64 {
    let models: Vec<Model<'_>> = tables.iter().map(|(tasks, costs)| Model { name: "m", tasks, costs }).collect();
    let assignment = |code: usize| {
        let program = |(model, (tasks, costs)): (usize, &(TaskGraph, CostTable))| {
            let mut plan = Plan::new();
            plan.segment(Some(WorkerId::from_index((code >> model) & 1)), tasks.tasks());
            Program::compile(&plan, tasks, costs).expect("valid")
        };
        let programs = tables.iter().enumerate().map(program).collect();
        simulate_programs(device, &models, programs, loops(each), None, &Options::default(), &mut NoRecorder)
            .expect("fits")
            .end_ns
    };
    (0..1 << tables.len()).map(assignment).min().expect("some")
}

fn durations() -> impl Strategy<Value = Vec<[u64; 2]>> {
    prop::collection::vec([50_000..400_000_u64, 50_000..400_000_u64], 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Two like models, one request after the other: what both do together takes at most 15 % longer than under the best fixed workers.
    #[test]
    fn two_like_streams_are_no_slower_than_on_the_best_fixed_workers(durations in durations(), copy_ns in 0..50_000_u64) {
        let device = device(copy_ns);
        let tables = [chain(&durations, 100), chain(&durations, 100)];
        let each = [20, 20];
        let found_ns = end_ns(&run("socrates", &device, &tables, loops(&each)));
        let fixed_ns = best_fixed_ns(&device, &tables, &each);
        prop_assert!(found_ns as f64 <= 1.15 * fixed_ns as f64, "{found_ns} instead of {fixed_ns}");
    }
}

#[test]
fn a_plan_of_many_pieces_is_left_to_who_is_alone() {
    // Alone each model is fastest where each task is: 1 + 1 + 1 + 1 ms. Together they would wait for each other's 1 ms ... 6 ms again and again.
    let device = device(1_000);
    let one = chain(&[[1_000_000, 2_000_000], [2_000_000, 1_000_000], [1_000_000, 2_000_000], [2_000_000, 1_000_000]], 100);
    let other = chain(&[[6_500_000, 5_500_000]], 100);
    let records = run("socrates", &device, &[one, other], loops(&[40, 20]));
    let requests = requests(&records);
    let last_of_other_ns =
        requests.iter().filter(|&&(model, ..)| model == 1).map(|&(.., ended_ns)| ended_ns).max().expect("some");
    // Together: 6 ms on the CPU and 5.5 ms on the GPU, nobody waits.
    for &(model, latency_ns, ended_ns) in &requests {
        let most_ns = if model == 0 { 6_100_000 } else { 5_600_000 };
        assert!(latency_ns <= most_ns, "model {model} took {latency_ns} until {ended_ns}");
    }
    let alone: Vec<u64> = requests
        .iter()
        .filter(|&&(model, latency_ns, ended_ns)| model == 0 && ended_ns - latency_ns > last_of_other_ns)
        .map(|&(_, latency_ns, _)| latency_ns)
        .collect();
    assert!(alone.len() > 10 && alone.iter().all(|&latency_ns| latency_ns < 4_100_000), "alone again: {alone:?}");
}

#[test]
fn requests_that_come_at_random_wait_no_longer_than_under_band() {
    // 4 ms on the CPU, 3 on the GPU: both together serve one in 1.7 ms, and one comes every 2.2 ms.
    let device = device(10_000);
    let tables = [chain(&[[2_000_000, 1_500_000]; 2], 10_000), chain(&[[2_000_000, 1_500_000]; 2], 10_000)];
    let streams = || {
        let one = |model| Stream::new(ModelId(model), Arrivals::Poisson { mean_gap_ns: 4_400_000.0 }, Some(300));
        (0..2).map(one).collect::<Vec<_>>()
    };
    let mean_ns = |strategy: &str| {
        let requests = requests(&run(strategy, &device, &tables, streams()));
        requests.iter().map(|&(_, latency_ns, _)| latency_ns as f64).sum::<f64>() / requests.len() as f64
    };
    let (found_ns, band_ns) = (mean_ns("socrates"), mean_ns("band"));
    assert!(found_ns <= 1.1 * band_ns, "{found_ns} instead of {band_ns}");
}
