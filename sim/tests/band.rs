//! Band's schedulers on cases worked out by hand.

mod common;

use sim::engine::{Model, Options, StopReason, Summary, simulate};
use sim::identifiers::{ModelId, SegmentId};
use sim::platform::{Device, ProcessorKind};
use sim::record::{Outcome, Record};
use sim::strategy::registry::build;
use sim::strategy::{DeviceView, Job};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// A model as a chain: durations on the CPU and on the GPU; 0 where it cannot run. Arrival and allowed time of its one request.
struct Given {
    chain: &'static [[u64; 2]],
    arrives_ns: u64,
    allowed_ns: Option<u64>,
}

const fn given(chain: &'static [[u64; 2]], arrives_ns: u64, allowed_ns: Option<u64>) -> Given {
    Given { chain, arrives_ns, allowed_ns }
}

fn tables(given: &[Given]) -> Vec<(TaskGraph, CostTable)> {
    let table = |given: &Given| {
        let mut builder = TaskGraphBuilder::new();
        let mut data = builder.request_input(0);
        for _ in given.chain {
            data = builder.task(&[data], &[0]).1;
        }
        builder.output(data);
        let costs = given.chain.iter().flatten().map(|&ns| (ns > 0).then_some(KernelCost::of_duration(ns)));
        (builder.build().expect("a chain"), CostTable::new(2, costs.collect()))
    };
    given.iter().map(table).collect()
}

fn device(copy_ns: u64) -> Device {
    common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], copy_ns, 1e9)
}

fn run(strategy: &str, given: &[Given], copy_ns: u64) -> (Vec<Record>, Summary) {
    let device = device(copy_ns);
    let tables = tables(given);
    let models: Vec<Model<'_>> = tables.iter().map(|(tasks, costs)| Model { name: "chain", tasks, costs }).collect();
    let stream = |(index, given): (usize, &Given)| {
        let arrivals = Arrivals::Recorded(vec![given.arrives_ns]);
        Stream { deadline_ns: given.allowed_ns, ..Stream::new(ModelId::from_index(index), arrivals, Some(1)) }
    };
    let streams = given.iter().enumerate().map(stream).collect();
    let mut strategy = build(strategy).expect("a strategy");
    let mut records = Vec::new();
    let summary = simulate(&device, &models, streams, strategy.as_mut(), &Options::default(), &mut records).expect("plans");
    assert_eq!((&summary.stop, summary.refused), (&StopReason::Drained, 0));
    (records, summary)
}

/// What ran: `model task @ worker start-end`, and what was dropped, in order of end.
fn story(strategy: &str, given: &[Given], copy_ns: u64) -> String {
    let name = |model: ModelId| char::from(b'A' + model.0 as u8);
    let line = |record: &Record| match record {
        Record::Kernel(it) => {
            Some(format!("{}{}@{} {}-{}", name(it.model), it.task.0, ["cpu", "gpu"][it.worker.index()], it.start_ns, it.end_ns))
        }
        Record::Request(it) if it.outcome == Outcome::Dropped => Some(format!("{} dropped {}", name(it.model), it.ended_ns)),
        _ => None,
    };
    run(strategy, given, copy_ns).0.iter().filter_map(line).collect::<Vec<_>>().join(", ")
}

/// The first two at once, the third a little later. See each line for why.
#[test]
fn schedulers_decide_as_published() {
    let three = || [given(&[[100, 50]], 0, Some(200)), given(&[[80, 20]], 0, Some(75)), given(&[[200, 60]], 10, Some(55))];
    let cases = [
        // A takes longest at best (50) and gets the GPU. B: 80 on the CPU, 50 + 20 behind A: queues. C: 40 + 20 + 60 queues too.
        ("shortest_expected_latency", "A0@gpu 0-50, B0@gpu 50-70, C0@gpu 70-130"),
        // B waits rather than queue. At 10, C (40 + 60) would come before B on the GPU: B is better off on the CPU.
        ("heft", "A0@gpu 0-50, B0@cpu 10-90, C0@gpu 50-110"),
        // Nothing follows, so nothing is reserved.
        ("heft_reserved", "A0@gpu 0-50, B0@cpu 10-90, C0@gpu 50-110"),
        // Idle workers in turn take the first request.
        ("round_robin", "B0@gpu 0-20, C0@gpu 20-80, A0@cpu 0-100"),
        // Models in turn: A and C have the CPU, B the GPU.
        ("fixed", "B0@gpu 0-20, A0@cpu 0-100, C0@cpu 100-300"),
        // B has less slack (75 - 20) than A (200 - 50). A waits for the GPU (20 + 50 before 100). C would end at 10 + 10 + 60 at the
        // earliest, allowed is 65.
        ("least_slack", "C dropped 10, B0@gpu 0-20, A0@gpu 20-70"),
    ];
    for (scheduler, expected) in cases {
        let strategy = format!("band[scheduler={scheduler}, minimum_subgraph_size=1]");
        assert_eq!(story(&strategy, &three(), 0), expected, "{scheduler}");
    }
    let pinned = "band[scheduler=fixed, pinned=w1, minimum_subgraph_size=1]";
    assert_eq!(story(pinned, &three(), 0), "A0@gpu 0-50, B0@gpu 50-70, C0@gpu 70-130");
}

/// A's second half needs the GPU: reserving it keeps B off.
#[test]
fn reserving_keeps_a_worker_for_what_follows() {
    let two = || [given(&[[10, 0], [0, 100]], 0, None), given(&[[90, 30]], 5, None)];
    let heft = story("band[scheduler=heft, minimum_subgraph_size=1]", &two(), 0);
    assert_eq!(heft, "A0@cpu 0-10, B0@gpu 5-35, A1@gpu 35-135");
    let reserved = story("band[scheduler=heft_reserved, minimum_subgraph_size=1]", &two(), 0);
    assert_eq!(reserved, "A0@cpu 0-10, B0@cpu 10-100, A1@gpu 10-110");
}

/// Copies of 1,000 ns make going to and fro a bad idea; Band does not see them.
#[test]
fn copies_are_not_in_the_estimate() {
    let chain = || [given(&[[10, 5], [10, 0], [10, 5]], 0, None)];
    let blind = story("band[minimum_subgraph_size=1]", &chain(), 1_000);
    assert_eq!(blind, "A0@gpu 1000-1005, A1@cpu 2005-2015, A2@gpu 3015-3020");
    // Pieces of one operator are too small for the GPU.
    assert_eq!(story("band[minimum_subgraph_size=2]", &chain(), 1_000), "A0@cpu 0-10, A1@cpu 10-20, A2@cpu 20-30");
}

/// Two units that follow each other on one worker are one sub-graph: nobody comes between, although B is more urgent by then.
#[test]
fn merged_units_run_without_a_break() {
    let two = [given(&[[0, 10], [40, 10]], 0, None), given(&[[0, 30]], 5, None)];
    assert_eq!(story("band[minimum_subgraph_size=1]", &two, 0), "A0@gpu 0-10, A1@gpu 10-20, B0@gpu 20-50");
}

#[test]
fn models_are_cut_where_support_changes() {
    let cases: [(&str, &[[u64; 2]], &str); 5] = [
        ("band[minimum_subgraph_size=1]", &[[1, 1], [1, 1], [1, 0], [1, 1]], "01 2 3"),
        ("band[minimum_subgraph_size=2]", &[[1, 1], [1, 1], [1, 0], [1, 1]], "01 23"),
        ("band", &[[1, 1], [1, 1], [1, 0], [1, 1]], "0123"),
        ("adms[window=2]", &[[1, 1], [1, 1], [1, 0], [1, 1]], "01 23"),
        // Nobody else can run it: it is kept, however small.
        ("band", &[[1, 1], [0, 1], [1, 1]], "0 1 2"),
    ];
    for (strategy, chain, expected) in cases {
        let device = device(0);
        let tables = tables(&[given(chain, 0, None)]);
        let job = Job { model: ModelId(0), name: "chain", tasks: &tables[0].0, costs: &tables[0].1 };
        let view = DeviceView { device: &device, jobs: &[job], seed: 0 };
        let plan = build(strategy).expect("a strategy").plan(&job, &view).expect("plans");
        let unit = |index| -> String {
            plan.pieces(SegmentId::from_index(index)).iter().map(|piece| piece.task.0.to_string()).collect()
        };
        let units: Vec<String> = (0..plan.segments().len()).map(unit).collect();
        assert_eq!(units.join(" "), expected, "{strategy} on {chain:?}");
    }
}

/// A request that cannot meet its deadline is dropped and counted, and never started.
#[test]
fn least_slack_counts_what_it_drops() {
    let hopeless = [given(&[[100, 50]], 0, Some(49)), given(&[[100, 50]], 0, Some(50))];
    let (records, summary) = run("band[scheduler=least_slack, minimum_subgraph_size=1]", &hopeless, 0);
    assert_eq!((summary.arrived, summary.completed, summary.dropped), (2, 1, 1));
    assert!(!records.iter().any(|record| matches!(record, Record::Kernel(it) if it.model == ModelId(0))));
}
