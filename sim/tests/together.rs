//! Strategies that plan several models, or decide at run time: cases by hand, and every strategy on random models together.

mod common;

use proptest::prelude::*;
use sim::engine::{Model, Options, SimulationError, StopReason, Summary, simulate};
use sim::identifiers::{ModelId, SegmentId};
use sim::plan::{Plan, PlanError};
use sim::platform::{Device, ProcessorKind};
use sim::record::{NoRecorder, Outcome, Record};
use sim::strategy::registry::{STRATEGIES, build};
use sim::strategy::{DeviceView, Job};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

const CPU: ProcessorKind = ProcessorKind::CpuCluster;
const GPU: ProcessorKind = ProcessorKind::Gpu;

/// A model as a chain: durations on the two workers; 0 where it cannot run.
type Chain = &'static [[u64; 2]];

fn tables(chains: &[Chain]) -> Vec<(TaskGraph, CostTable)> {
    let table = |chain: &Chain| {
        let mut builder = TaskGraphBuilder::new();
        let mut data = builder.request_input(0);
        for _ in *chain {
            data = builder.task(&[data], &[0]).1;
        }
        builder.output(data);
        let costs = chain.iter().flatten().map(|&ns| (ns > 0).then_some(KernelCost::of_duration(ns)));
        (builder.build().expect("a chain"), CostTable::new(2, costs.collect()))
    };
    chains.iter().map(table).collect()
}

/// Each model's plan as text: `w0:ab w1:c`, a `?` where the worker is open.
fn plans(strategy: &str, kinds: [ProcessorKind; 2], copy_ns: u64, chains: &[Chain]) -> Vec<String> {
    let device = common::simple_device(&kinds, copy_ns, 1e9);
    let tables = tables(chains);
    let job = |(index, (tasks, costs)): (usize, &'static (TaskGraph, CostTable))| Job {
        model: ModelId::from_index(index),
        name: "chain",
        tasks,
        costs,
    };
    let tables: &'static [(TaskGraph, CostTable)] = tables.leak();
    let jobs: Vec<Job<'_>> = tables.iter().enumerate().map(job).collect();
    let view = DeviceView { device: &device, jobs: &jobs, seed: 0 };
    let mut strategy = build(strategy).expect("a strategy");
    let text = |plan: &Plan| {
        let segment = |index: usize| {
            let pieces = plan.pieces(SegmentId::from_index(index)).iter();
            let tasks: String = pieces.map(|piece| char::from(b'a' + piece.task.0 as u8)).collect();
            let worker = plan.segments()[index].worker.map_or("?".to_owned(), |worker| format!("w{}", worker.0));
            format!("{worker}:{tasks}")
        };
        (0..plan.segments().len()).map(segment).collect::<Vec<_>>().join(" ")
    };
    jobs.iter().map(|job| text(&strategy.plan(job, &view).expect("plans"))).collect()
}

#[test]
fn pipelines_balance_their_longest_stage() {
    let cases: [(&str, [ProcessorKind; 2], u64, Chain, &str); 6] = [
        ("pipe-it", [CPU, CPU], 0, &[[100, 100]; 4], "w1:ab w0:cd"),
        // 300 + 100 on w0 against 200 + 200 on w1, which is half as fast.
        ("pipe-it", [CPU, CPU], 0, &[[300, 600], [100, 200], [100, 200], [100, 200]], "w0:ab w1:cd"),
        // The stages may come in any order of workers.
        ("pipe-it", [CPU, CPU], 0, &[[600, 300], [200, 100], [200, 100], [200, 100]], "w1:ab w0:cd"),
        ("pipe-it[stages=1]", [CPU, CPU], 0, &[[100, 90]; 4], "w1:abcd"),
        // Copies of 500 each way make the GPU's stage too long. The first node is open: the request may be refused.
        ("dart", [CPU, GPU], 500, &[[100, 100]; 4], "?:abcd"),
        ("dart", [CPU, GPU], 0, &[[100, 100]; 4], "?:ab w0:cd"),
    ];
    for (strategy, kinds, copy_ns, chain, expected) in cases {
        assert_eq!(plans(strategy, kinds, copy_ns, &[chain]), [expected], "{strategy} on {chain:?}");
    }
}

#[test]
fn haxconn_has_one_transition_at_most_and_sees_the_others() {
    let cases: [(u64, &[Chain], &[&str]); 4] = [
        // Alone: each half where it is fast.
        (5, &[&[[10, 100], [100, 10]]], &["w0:a w1:b"]),
        // Going back would take a second transition: 10 + 20 + 10 with copies of 5 is not to be had.
        (5, &[&[[10, 40], [40, 20], [10, 40]]], &["w0:abc"]),
        // Two equal models: one each.
        (5, &[&[[50, 60], [50, 60]], &[[50, 60], [50, 60]]], &["w1:ab", "w0:ab"]),
        // Two that need both, in opposite order: each worker runs one of each.
        (0, &[&[[10, 90], [90, 10]], &[[90, 10], [10, 90]]], &["w0:a w1:b", "w1:a w0:b"]),
    ];
    for (copy_ns, chains, expected) in cases {
        assert_eq!(plans("haxconn", [CPU, GPU], copy_ns, chains), expected, "{chains:?}");
    }
}

fn run(strategy: &str, chains: &[Chain], streams: Vec<Stream>) -> (Vec<Record>, Summary) {
    let device = common::simple_device(&[CPU, GPU], 0, 1e9);
    let tables = tables(chains);
    let models: Vec<Model<'_>> = tables.iter().map(|(tasks, costs)| Model { name: "chain", tasks, costs }).collect();
    let mut strategy = build(strategy).expect("a strategy");
    let mut records = Vec::new();
    let summary = simulate(&device, &models, streams, strategy.as_mut(), &Options::default(), &mut records).expect("plans");
    assert_eq!(summary.stop, StopReason::Drained);
    (records, summary)
}

/// 100 each on the GPU, 130 allowed, one every 80: the second would end at 200 instead of 210, the third behind it too late.
#[test]
fn dart_admits_what_can_meet_its_deadline() {
    let stream =
        |allowed_ns| Stream { deadline_ns: allowed_ns, ..Stream::new(ModelId(0), Arrivals::Recorded(vec![0, 80, 160]), Some(3)) };
    let outcomes = |allowed_ns| -> Vec<(u64, Outcome)> {
        let records = run("dart[nodes=1]", &[&[[300, 100]]], vec![stream(allowed_ns)]).0;
        records
            .iter()
            .filter_map(|it| if let Record::Request(it) = it { Some((it.ended_ns, it.outcome)) } else { None })
            .collect()
    };
    let (completed, dropped) = (Outcome::Completed, Outcome::Dropped);
    // What a node has still to do counts whole until its kernel has ended: 100 + 100 at 80.
    assert_eq!(outcomes(Some(130)), [(80, dropped), (100, completed), (260, completed)]);
    assert_eq!(outcomes(Some(200)), [(100, completed), (200, completed), (300, completed)]);
    assert_eq!(outcomes(None), [(100, completed), (200, completed), (300, completed)]);
}

/// Two models of two blocks on one worker: they take turns.
#[test]
fn blastnet_alternates_between_models() {
    let stream = |model| Stream::new(ModelId(model), Arrivals::Recorded(vec![0]), Some(1));
    let chain: Chain = &[[0, 100], [0, 100]];
    let records = run("blastnet[blocks=2]", &[chain, chain], vec![stream(0), stream(1)]).0;
    let order: Vec<(u32, u32)> =
        records.iter().filter_map(|it| if let Record::Kernel(it) = it { Some((it.model.0, it.task.0)) } else { None }).collect();
    assert_eq!(order, [(0, 0), (1, 0), (0, 1), (1, 1)]);
}

/// Priority, then the deadline, then age decide who goes first; the rest waits for the worker to be free.
#[test]
fn adms_serves_by_priority_and_deadline() {
    let chain: Chain = &[[0, 100]];
    let order = |streams: Vec<Stream>| -> Vec<u32> {
        let records = run("adms", &[chain; 3], streams).0;
        records.iter().filter_map(|it| if let Record::Request(it) = it { Some(it.model.0) } else { None }).collect()
    };
    let stream = |model, priority, deadline_ns| Stream {
        priority,
        deadline_ns,
        ..Stream::new(ModelId(model), Arrivals::Recorded(vec![0]), Some(1))
    };
    assert_eq!(order(vec![stream(0, 0, None), stream(1, 0, None), stream(2, 0, None)]), [0, 1, 2]);
    assert_eq!(order(vec![stream(0, 0, None), stream(1, 0, Some(900)), stream(2, 5, None)]), [2, 1, 0]);
}

/// What a plan adds to the priority of its requests orders the queue of a worker.
#[test]
fn priorities_of_plans_decide_who_waits() {
    struct Urgent;
    impl sim::strategy::Strategy for Urgent {
        fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
            let mut plan = Plan::new();
            plan.segment(view.device.worker_ids().next(), job.tasks.tasks());
            plan.priority = job.model.0 as i32;
            Ok(plan)
        }
    }
    let device = common::simple_device(&[CPU, GPU], 0, 1e9);
    let chain: Chain = &[[100, 100]];
    let tables = tables(&[chain; 3]);
    let models: Vec<Model<'_>> = tables.iter().map(|(tasks, costs)| Model { name: "chain", tasks, costs }).collect();
    let streams = (0..3).map(|model| Stream::new(ModelId(model), Arrivals::Recorded(vec![0]), Some(1))).collect();
    let mut records: Vec<Record> = Vec::new();
    simulate(&device, &models, streams, &mut Urgent, &Options::default(), &mut records).expect("plans");
    let order: Vec<u32> =
        records.iter().filter_map(|it| if let Record::Request(it) = it { Some(it.model.0) } else { None }).collect();
    // The first to come finds the worker free; then the most urgent.
    assert_eq!(order, [0, 2, 1]);
}

/// Strategies with other parameters than their defaults.
const VARIED: [&str; 14] = [
    "band[scheduler=fixed, minimum_subgraph_size=1]",
    "band[scheduler=round_robin, minimum_subgraph_size=1]",
    "band[scheduler=shortest_expected_latency, minimum_subgraph_size=1]",
    "band[scheduler=heft, minimum_subgraph_size=1, window=2]",
    "band[scheduler=heft_reserved, minimum_subgraph_size=1]",
    "band[scheduler=least_slack, minimum_subgraph_size=1]",
    "adms[window=1]",
    "pipe-it[stages=2]",
    "dart[nodes=2]",
    "haxconn[groups=3, evaluations=50]",
    "puzzle[evaluations=40, population=6]",
    "blastnet[blocks=2]",
    "blastnet[blocks=40]",
    "exact[nodes=200]",
];

fn simulated(text: &str, device: &Device, models: &[Model<'_>], seed: u64) -> Result<(Vec<Record>, Summary), SimulationError> {
    let mut strategy = build(text).expect("a strategy");
    let stream = |model: usize| {
        let arrivals = [
            Arrivals::ClosedLoop { clients: 2, think_ns: 5 },
            Arrivals::Periodic { period_ns: 900, phase_ns: 3 },
            Arrivals::Poisson { mean_gap_ns: 700.0 },
        ];
        let arrivals = arrivals.into_iter().nth(model % 3).expect("three");
        Stream { deadline_ns: Some(4_000), ..Stream::new(ModelId::from_index(model), arrivals, Some(4)) }
    };
    let streams = (0..models.len()).map(stream).collect();
    let options = Options { seed, ..Options::default() };
    let mut records = Vec::new();
    simulate(device, models, streams, strategy.as_mut(), &options, &mut records).map(|summary| (records, summary))
}

fn several() -> impl Strategy<Value = (Device, Vec<(TaskGraph, CostTable)>)> {
    (common::device(), prop::collection::vec(common::tasks(), 1..4)).prop_flat_map(|(device, graphs)| {
        let costs: Vec<_> = graphs.iter().map(|tasks| common::costs(tasks.task_count(), device.workers().len())).collect();
        (Just(device), Just(graphs), costs).prop_map(|(device, graphs, costs)| (device, graphs.into_iter().zip(costs).collect()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Every strategy either says why not, or plans and drains several models, each request ended once, twice alike.
    #[test]
    fn every_strategy_runs_several_models_and_repeats_itself((device, tables) in several(), seed in 0..3u64) {
        let models: Vec<Model<'_>> = tables.iter().map(|(tasks, costs)| Model { name: "random", tasks, costs }).collect();
        for text in STRATEGIES.iter().map(|entry| entry.name).chain(VARIED) {
            match simulated(text, &device, &models, seed) {
                Ok((records, summary)) => {
                    prop_assert_eq!(&summary.stop, &StopReason::Drained, "{}", text);
                    prop_assert_eq!(summary.completed + summary.dropped, 4 * models.len() as u64, "{}", text);
                    prop_assert_eq!(summary.refused, 0, "{}", text);
                    let drops = text.contains("least_slack") || text.starts_with("dart");
                    prop_assert!(drops || summary.dropped == 0, "{text} drops");
                    let again = simulated(text, &device, &models, seed).expect("as before");
                    prop_assert!(again == (records, summary), "{text} does not repeat itself");
                }
                Err(SimulationError::Plan {
                    source: PlanError::Missing { .. } | PlanError::Unplaceable { .. } | PlanError::NotFound { .. }, ..
                }) => {}
                Err(other) => prop_assert!(false, "{text}: {other}"),
            }
        }
    }

    /// The search never ends worse than where it starts: the model whole on one of its workers.
    #[test]
    fn puzzle_is_no_worse_than_one_worker((device, tasks, costs) in common::system()) {
        struct Given(Plan);
        impl sim::strategy::Strategy for Given {
            fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
                Ok(self.0.clone())
            }
        }
        let models = [Model { name: "random", tasks: &tasks, costs: &costs }];
        let end_ns = |strategy: &mut dyn sim::strategy::Strategy| {
            let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(2));
            simulate(&device, &models, vec![stream], strategy, &Options::default(), &mut NoRecorder).map(|summary| summary.end_ns)
        };
        for worker in device.worker_ids() {
            let name = &device.worker(worker).name;
            let mut puzzle = build(&format!("puzzle[workers={name}, evaluations=30]")).expect("a strategy");
            if tasks.tasks().all(|task| costs.supports(task, worker)) {
                let mut whole = Plan::new();
                whole.segment(Some(worker), tasks.tasks());
                let (found, known) = (end_ns(puzzle.as_mut()).expect("plans"), end_ns(&mut Given(whole)).expect("plans"));
                prop_assert!(found <= known, "{found} on {name}, whole {known}");
            }
        }
    }
}
