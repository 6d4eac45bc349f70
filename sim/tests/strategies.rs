//! Every strategy of the registry: its description, its fallback rules, and its plans on random systems.

mod common;

use proptest::prelude::*;
use sim::engine::{Model, Options, SimulationError, StopReason, simulate};
use sim::identifiers::{ModelId, SegmentId, TaskId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::platform::ProcessorKind;
use sim::record::{NoRecorder, Record};
use sim::strategy::registry::{STRATEGIES, StrategyError, build};
use sim::strategy::{DeviceView, Job};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

#[test]
fn descriptions_are_read_or_refused_with_a_hint() {
    let cases = [
        ("cpu", ""),
        (" heft ", ""),
        ("gpu[fallback=operator]", ""),
        ("gpu[fallback=partitions, partitions=3, minimum=2, cpu=w0]", ""),
        ("npu[partitions=2]", ""),
        ("hetf", "unknown strategy `hetf`: did you mean `heft`?"),
        ("gpuu", "unknown strategy `gpuu`: did you mean `gpu`?"),
        ("heft[window=3]", "strategy `heft` has no parameter `window`: it has `workers`"),
        ("gpu[fallback=never]", "parameter `fallback` of strategy `gpu` cannot be `never`: must be `partitions` or `operator`"),
        ("gpu[partitions=0]", "parameter `partitions` of strategy `gpu` cannot be `0`: must be a whole number of at least 1"),
        (
            "gpu[fallback=operator,fallback=partitions]",
            "parameter `fallback` of strategy `gpu` cannot be `partitions`: it is given twice, once is enough",
        ),
        ("gpu[partitions]", "cannot read strategy `gpu[partitions]`: write `name` or `name[parameter=value, ...]`"),
        ("gpu[", "cannot read strategy `gpu[`: write `name` or `name[parameter=value, ...]`"),
        ("gpu]", "cannot read strategy `gpu]`: write `name` or `name[parameter=value, ...]`"),
        ("", "cannot read strategy ``: write `name` or `name[parameter=value, ...]`"),
    ];
    for (text, message) in cases {
        let found = build(text).map_err(|error: StrategyError| error.to_string());
        assert_eq!(found.err().unwrap_or_default(), message, "for `{text}`");
    }
}

/// A chain of tasks with one unit of data between them.
fn chain(length: usize) -> TaskGraph {
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(1);
    for _ in 0..length {
        data = builder.task(&[data], &[1]).1;
    }
    builder.output(data);
    builder.build().expect("a chain")
}

/// The plan of `strategy` for a chain on a CPU (`w0`) and an accelerator (`w1`) as text: each segment's place and tasks.
///
/// `supported` has one letter a task: `s` supported by the accelerator, `.` not.
fn segments(strategy: &str, kind: ProcessorKind, supported: &str) -> Result<String, PlanError> {
    let device = common::simple_device(&[ProcessorKind::CpuCluster, kind], 10, 1e9);
    let tasks = chain(supported.len());
    let costs = supported
        .chars()
        .flat_map(|letter| [Some(KernelCost::of_duration(100)), (letter == 's').then_some(KernelCost::of_duration(10))]);
    let costs = CostTable::new(2, costs.collect());
    let job = Job { model: ModelId(0), name: "chain", tasks: &tasks, costs: &costs };
    let plan: Plan = build(strategy).expect("a strategy").plan(&job, &DeviceView { device: &device, jobs: &[job], seed: 0 })?;
    let text = plan.segments().iter().enumerate().map(|(index, segment)| {
        let pieces = plan.pieces(SegmentId::from_index(index)).iter();
        let tasks: String = pieces.map(|piece| char::from(b'a' + piece.task.0 as u8)).collect();
        let place = if segment.worker == Some(WorkerId(0)) { "cpu" } else { "acc" };
        format!("{place}:{tasks}")
    });
    Ok(text.collect::<Vec<_>>().join(" "))
}

#[test]
fn fallback_keeps_the_largest_partitions_or_every_operator() {
    let gpu = ProcessorKind::Gpu;
    let cases = [
        ("gpu", "ssss", "acc:abcd"),
        ("gpu", "....", "cpu:abcd"),
        ("gpu", "s.sss.s", "cpu:ab acc:cde cpu:fg"),
        ("gpu[partitions=2]", "s.sss.ss", "cpu:ab acc:cde cpu:f acc:gh"),
        ("gpu[partitions=9]", "s.sss.ss", "acc:a cpu:b acc:cde cpu:f acc:gh"),
        ("gpu[partitions=9,minimum=2]", "s.sss.ss", "cpu:ab acc:cde cpu:f acc:gh"),
        ("gpu[fallback=operator]", "s.sss.ss", "acc:a cpu:b acc:cde cpu:f acc:gh"),
        // Of equal partitions the earliest is kept.
        ("gpu", "ss.ss", "acc:ab cpu:cde"),
        ("cpu", "s.s", "cpu:abc"),
    ];
    for (strategy, supported, expected) in cases {
        assert_eq!(segments(strategy, gpu, supported).as_deref(), Ok(expected), "{strategy} on {supported}");
    }
    assert_eq!(segments("npu", ProcessorKind::Npu, "s.ss").as_deref(), Ok("cpu:ab acc:cd"));
    let missing = segments("npu", gpu, "ss").expect_err("no such processor");
    assert_eq!(missing.to_string(), "strategy `npu` needs a worker of kind `npu`, which device `simple` does not have");
    let wrong = segments("gpu[cpu=w1]", gpu, "ss").expect_err("no CPU worker");
    assert_eq!(
        wrong.to_string(),
        "strategy `gpu` needs a CPU worker (`w1` is of kind `gpu`), which device `simple` does not have"
    );
    let misspelt = segments("cpu[worker=w7]", gpu, "ss").expect_err("no such worker");
    assert_eq!(misspelt.to_string(), "strategy `cpu` needs worker `w7` (nearest: `w0`), which device `simple` does not have");
}

/// A boundary costs: the accelerator with fallback pays a copy each way.
#[test]
fn fallback_pays_for_its_boundaries() {
    let device = common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], 10, 1e9);
    let tasks = chain(3);
    let of = KernelCost::of_duration;
    let costs = CostTable::new(2, vec![Some(of(100)), Some(of(10)), Some(of(100)), None, Some(of(100)), Some(of(10))]);
    let models = [Model { name: "chain", tasks: &tasks, costs: &costs }];
    let latency = |strategy: &str| {
        let stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), Some(1));
        let mut strategy = build(strategy).expect("a strategy");
        let mut records: Vec<Record> = Vec::new();
        let options = Options::default();
        simulate(&device, &models, vec![stream], strategy.as_mut(), &options, &mut records).expect("plans").end_ns
    };
    assert_eq!(latency("cpu"), 300);
    // In 11, kernel 10, back 11, kernel 100, forth 11, kernel 10, out 11.
    assert_eq!(latency("gpu[fallback=operator]"), 164);
    // The first of the two equal partitions: in 11, kernel 10, back 11, kernels 200.
    assert_eq!(latency("gpu"), 232);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Every strategy either says what it lacks, or plans and drains every random system.
    #[test]
    fn every_strategy_plans_and_drains((device, tasks, costs) in common::system()) {
        for entry in STRATEGIES {
            let mut strategy = build(entry.name).expect("defaults are valid");
            let models = [Model { name: "random", tasks: &tasks, costs: &costs }];
            let streams = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 2, think_ns: 5 }, Some(4))];
            match simulate(&device, &models, streams, strategy.as_mut(), &Options::default(), &mut NoRecorder) {
                Ok(summary) => {
                    prop_assert_eq!(summary.stop, StopReason::Drained);
                    prop_assert_eq!(summary.completed, 4);
                }
                Err(SimulationError::Plan { source: PlanError::Missing { .. } | PlanError::Unplaceable { .. } | PlanError::NotFound { .. }, .. }) => {}
                Err(other) => prop_assert!(false, "{}: {other}", entry.name),
            }
        }
    }
}

/// A placement that names tasks, for the reader of a failure.
#[test]
fn plan_errors_name_what_is_wrong() {
    let tasks = chain(2);
    let of = KernelCost::of_duration;
    let costs = CostTable::new(2, vec![Some(of(1)), None, Some(of(1)), Some(of(1))]);
    let (first, second) = (TaskId(0), TaskId(1));
    let compile = |segments: &[(u32, &[TaskId])]| {
        let mut plan = Plan::new();
        for (worker, tasks) in segments {
            plan.segment(Some(WorkerId(*worker)), tasks.iter().copied());
        }
        sim::plan::Program::compile(&plan, &tasks, &costs)
            .map(|_| ())
            .map_err(|error| error.to_string())
            .err()
            .unwrap_or_default()
    };
    assert_eq!(compile(&[(0, &[first, second])]), "");
    assert_eq!(compile(&[(0, &[first]), (2, &[second])]), "segment 1 is placed on worker 2, but there are 2 workers");
    assert_eq!(compile(&[(1, &[first]), (0, &[second])]), "segment 0 places task 0 on worker 1, which cannot run it");
    let order = |segment| format!("segment {segment} reads what a later segment makes: segments must stand in topological order");
    assert_eq!(compile(&[(0, &[second]), (0, &[first])]), order(0));
    assert_eq!(compile(&[(0, &[second, first])]), order(0));
    let untiled =
        |task| format!("task {task} is not computed once: it must be whole, or parts must cover its rows or tile its channels");
    assert_eq!(compile(&[(0, &[first])]), untiled(1));
    assert_eq!(compile(&[(0, &[first, first, second])]), untiled(0));
    assert_eq!(compile(&[(0, &[]), (0, &[first, second])]), "segment 0 has no kernel");
}

/// An invocation is paid when a worker turns to a request, not again while it goes on with it without a pause.
#[test]
fn invocations_are_paid_once_for_each_turn_to_a_request() {
    let mut builder = sim::platform::DeviceBuilder::new("one worker");
    builder.memory("host");
    let processor = builder.processor("p", ProcessorKind::Gpu, 1, Vec::new());
    builder.worker(common::plain_worker("w".to_owned(), ProcessorKind::Gpu, vec![(processor, 1)], 0, 7));
    let device = builder.build().expect("valid");
    let tasks = chain(2);
    let costs = CostTable::new(1, vec![Some(KernelCost::of_duration(100)); 2]);
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(0)), [TaskId(0)]);
    plan.segment(Some(WorkerId(0)), [TaskId(1)]);
    let models = [Model { name: "chain", tasks: &tasks, costs: &costs }];
    let program = sim::plan::Program::compile(&plan, &tasks, &costs).expect("valid");
    let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(3));
    let mut records: Vec<Record> = Vec::new();
    let options = Options::default();
    sim::engine::simulate_programs(&device, &models, vec![program], vec![stream], None, &options, &mut records).expect("runs");
    let ends: Vec<u64> =
        records.iter().filter_map(|it| if let Record::Request(it) = it { Some(it.ended_ns) } else { None }).collect();
    assert_eq!(ends, [207, 414, 621]);
}
