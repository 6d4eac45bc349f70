//! Whole models by every kind of plan on real processors: the outputs are those of the whole model, the records obey the laws.

mod support;

use std::sync::atomic::AtomicBool;

use executor::weights::Weights;
use executor::{Executed, MeasuredMemory, ModelToRun, Opener, Settings, Specification, Tensor, execute, open};
use sim::engine::StopReason;
use sim::graph::Graph;
use sim::identifiers::{ModelId, TaskId, WorkerId};
use sim::plan::{Part, Piece, Plan, PlanError, cut_chain};
use sim::platform::{Device, ProcessorKind};
use sim::record::{KernelRecord, Outcome, Record};
use sim::strategy::{DeviceView, Job, Strategy, registry};
use sim::task::{CostTable, KernelCost, LoweredModel};
use sim::workload::{Arrivals, Stream};

use support::{device, device_or_skip, zoo};

/// Every convolution and product that can be is split in two, by rows or by channels, over two workers.
struct SplitEverything {
    rows: bool,
}

impl Strategy for SplitEverything {
    fn plan(&mut self, job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::new();
        let part = |begin, end| if self.rows { Part::Rows { begin, end, of: 10 } } else { Part::Channels { begin, end, of: 10 } };
        for task in job.tasks.tasks() {
            if SPLITTABLE.with_borrow(|tasks| tasks.contains(&task)) {
                plan.segment_of_pieces(Some(WorkerId(0)), [Piece { task, part: part(0, 6) }]);
                plan.segment_of_pieces(Some(WorkerId(1)), [Piece { task, part: part(6, 10) }]);
            } else {
                plan.segment(Some(WorkerId(task.0 % 2)), [task]);
            }
        }
        Ok(plan)
    }
}

/// Chains of up to four tasks, wherever tasks can be cut by rows; the first worker has 40 % of the rows.
struct ChainEverything;

impl Strategy for ChainEverything {
    fn plan(&mut self, job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let tasks: Vec<TaskId> = job.tasks.tasks().collect();
        let mut plan = Plan::new();
        let mut next = 0;
        while next < tasks.len() {
            let longest = (1..=4.min(tasks.len() - next)).rev();
            let chain = longest
                .map(|length| &tasks[next..next + length])
                .find_map(|chain| cut_chain(job.tasks, chain, 0.4).map(|halves| (chain.len(), halves)));
            if let Some((length, [first, second])) = chain {
                plan.segment_of_pieces(Some(WorkerId(0)), first);
                plan.segment_of_pieces(Some(WorkerId(1)), second);
                next += length;
            } else {
                plan.segment(Some(WorkerId(next as u32 % 2)), [tasks[next]]);
                next += 1;
            }
        }
        Ok(plan)
    }
}

thread_local! {
    static SPLITTABLE: std::cell::RefCell<Vec<TaskId>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn splittable(graph: &Graph, lowered: &LoweredModel, weights: &Weights, rows: bool) -> Vec<TaskId> {
    let part = |begin, end| if rows { Part::Rows { begin, end, of: 10 } } else { Part::Channels { begin, end, of: 10 } };
    let can = |task: &TaskId| {
        let (info, made) = (&lowered.info[task.index()], lowered.tasks.made(*task));
        let cut = |part| {
            let wanted = lowered.tensors[made[0].index()];
            executor::Unit::of_part(graph, &info.operators, info.lead, wanted, part, weights).is_ok()
        };
        made.len() == 1 && graph.work(info.lead).macs > 0 && cut(part(0, 6)) && cut(part(6, 10))
    };
    lowered.tasks.tasks().filter(can).collect()
}

struct Case<'a> {
    device: &'a Device,
    specifications: &'a [&'a str],
}

impl Case<'_> {
    fn named(&self, name: &str, strategy: &str) -> Executed {
        self.run(name, registry::build(strategy).expect("known").as_mut(), 2)
    }

    fn run(&self, name: &str, strategy: &mut dyn Strategy, requests: u64) -> Executed {
        let graph = zoo(name);
        let mut lowered = LoweredModel::of(&graph, self.device);
        lowered.costs = costs(&lowered, self.device.workers().len());
        let weights = Weights::drawn();
        let models = [ModelToRun { name, graph: &graph, lowered: &lowered, weights: &weights }];
        let streams = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 2, think_ns: 0 }, Some(requests))];
        let openers = self.specifications.iter().map(|text| -> Opener<'_> {
            let specification: Specification = text.parse().expect(text);
            Box::new(move || open(&specification))
        });
        // What is read too late or written too early is NaN.
        let settings = Settings { warm_up: 1, poison: true, ..Settings::default() };
        let interrupt = AtomicBool::new(false);
        let executed = execute(self.device, &models, streams, strategy, openers.collect(), &settings, &interrupt).expect("runs");
        assert_eq!(executed.summary.stop, StopReason::Drained);
        assert_eq!((executed.summary.arrived, executed.summary.completed), (requests, requests));
        check_laws(self.device, &lowered, &executed);
        let has_one_plan = strategy.alternatives(ModelId(0)).is_empty();
        check_memory(&executed.memory, if has_one_plan { requests } else { u64::MAX });
        executed
    }
}

/// Made-up costs by which sharing is worth while: alike on all workers, a part costs its share.
fn costs(lowered: &LoweredModel, workers: usize) -> CostTable {
    let of_task = |task| {
        let work = lowered.tasks.work(task).expect("of a model");
        KernelCost::of_duration(1_000 + work.macs / 4 + work.output_elements)
    };
    CostTable::new(workers, lowered.tasks.tasks().flat_map(|task| vec![Some(of_task(task)); workers]).collect())
}

/// Every task covered once for each request, each kernel after what it reads; nothing twice at a time on one worker.
fn check_laws(device: &Device, lowered: &LoweredModel, executed: &Executed) {
    let mut busy: Vec<Vec<(u64, u64)>> = vec![Vec::new(); device.workers().len()];
    let mut parts = std::collections::BTreeMap::new();
    for record in &executed.records {
        match record {
            Record::Kernel(it) => {
                assert!(it.ready_ns <= it.start_ns && it.start_ns <= it.end_ns, "{it:?}");
                parts.entry((it.request, it.task)).or_insert_with(Vec::new).push(it.part.range());
                busy[it.worker.index()].push((it.start_ns, it.end_ns));
            }
            Record::Copy(it) => {
                let worker = device.link(it.link).blocks.expect("blocks");
                busy[worker.index()].push((it.start_ns, it.end_ns));
            }
            Record::Request(it) => assert_eq!(it.outcome, Outcome::Completed),
            _ => {}
        }
    }
    assert_eq!(parts.len() as u64, executed.summary.completed * lowered.tasks.task_count() as u64);
    for (task, parts) in &mut parts {
        parts.sort_unstable();
        let reached = parts.iter().fold(0, |reached, &(begin, end, _)| if begin <= reached { end.max(reached) } else { reached });
        assert_eq!(reached, parts[0].2, "{task:?} is covered: {parts:?}");
    }
    for spans in &mut busy {
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "one thing at a time");
    }
}

/// What is placed before the run lies in arenas of the planned size, one for each request in flight at most (larger where there are
/// other plans to switch to); the rest lies apart.
fn check_memory(memory: &MeasuredMemory, most_in_flight: u64) {
    let Some(planned) = memory.planned[0] else {
        return assert_eq!(memory.arena_bytes(), 0, "nothing is planned for open segments");
    };
    assert!(planned.lower_bound_bytes <= planned.bytes && planned.bytes <= planned.separate_bytes, "{planned:?}");
    let arenas = memory.arena_bytes();
    assert!(planned.bytes <= arenas && arenas <= planned.bytes.saturating_mul(most_in_flight), "{memory:?}");
    assert!(memory.peak_bytes <= arenas + memory.apart_bytes());
}

/// Kernels that computed a part of a task.
fn parts(executed: &Executed) -> usize {
    executed.records.iter().filter(|record| matches!(record, Record::Kernel(it) if !it.part.is_whole())).count()
}

fn first(executed: &Executed) -> &Tensor {
    &executed.outputs[0].as_ref().expect("completed")[0]
}

#[test]
fn every_granularity_and_every_split_gives_the_same_outputs() {
    let two = ["cpu[cores=0]", "cpu[cores=0]"];
    if device_or_skip(open(&two[0].parse().expect("valid"))).is_none() {
        return;
    }
    let device = device(&[("cpu0", ProcessorKind::CpuCluster, false), ("cpu1", ProcessorKind::CpuCluster, false)]);
    let case = Case { device: &device, specifications: &two };
    for name in ["squeezenet1_1", "mobilenet_v2", "bert_tiny_4x312"] {
        let whole = case.run(name, registry::build("cpu").expect("known").as_mut(), 2);
        let check = |executed: &Executed, what: &str| {
            let difference = first(executed).relative_difference(first(&whole)).expect("comparable");
            assert!(difference < 1e-4, "{name} {what}: {difference}");
        };
        check(&case.run(name, registry::build("heft").expect("known").as_mut(), 2), "heft");
        check(&case.run(name, &mut ChainEverything, 2), "chains");
        let (graph, weights) = (zoo(name), Weights::drawn());
        let lowered = LoweredModel::of(&graph, &device);
        for rows in [true, false] {
            let tasks = splittable(&graph, &lowered, &weights, rows);
            assert!(tasks.len() > 4, "{name} {rows}: {}", tasks.len());
            SPLITTABLE.set(tasks);
            check(&case.run(name, &mut SplitEverything { rows }, 2), if rows { "rows" } else { "channels" });
        }
    }
}

/// Every strategy of the registry, from the same object as in the simulator, gives the same outputs for real.
#[test]
fn every_strategy_gives_the_same_outputs() {
    let two = ["cpu[cores=0]", "cpu[cores=0]"];
    if device_or_skip(open(&two[0].parse().expect("valid"))).is_none() {
        return;
    }
    let device = device(&[("cpu0", ProcessorKind::CpuCluster, false), ("cpu1", ProcessorKind::CpuCluster, false)]);
    let case = Case { device: &device, specifications: &two };
    let name = "squeezenet1_1";
    let whole = case.named(name, "cpu");
    let more = ["band[scheduler=shortest_expected_latency]", "band[scheduler=round_robin]", "band[scheduler=fixed]"];
    for strategy in registry::STRATEGIES.iter().map(|entry| entry.name).chain(more) {
        // There is no accelerator, and the model is too large to be searched.
        if ["gpu", "npu", "exact"].contains(&strategy) {
            continue;
        }
        let difference = first(&case.named(name, strategy)).relative_difference(first(&whole)).expect("comparable");
        assert!(difference < 1e-4, "{strategy}: {difference}");
    }
}

/// Requests that cannot meet their deadline are given up, one after the other; those without one complete.
#[test]
fn requests_given_up_end_and_the_rest_completes() {
    let specification = "cpu[cores=0]";
    if device_or_skip(open(&specification.parse().expect("valid"))).is_none() {
        return;
    }
    let device = device(&[("cpu0", ProcessorKind::CpuCluster, false)]);
    let graph = zoo("squeezenet1_1");
    let lowered = LoweredModel::of(&graph, &device);
    let weights = Weights::drawn();
    let models = [ModelToRun { name: "squeezenet1_1", graph: &graph, lowered: &lowered, weights: &weights }];
    let stream = |deadline_ns| Stream {
        deadline_ns,
        ..Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(3))
    };
    let settings = Settings { warm_up: 1, ..Settings::default() };
    let mut strategy = registry::build("band[scheduler=least_slack]").expect("known");
    let opener: Opener<'_> = Box::new(move || open(&specification.parse().expect("valid")));
    let streams = vec![stream(Some(1)), stream(None)];
    let interrupt = AtomicBool::new(false);
    let executed = execute(&device, &models, streams, strategy.as_mut(), vec![opener], &settings, &interrupt).expect("runs");
    let summary = executed.summary;
    assert_eq!((summary.stop, summary.arrived, summary.completed, summary.dropped), (StopReason::Drained, 6, 3, 3));
    let ends = executed.records.iter().filter_map(|it| if let Record::Request(it) = it { Some(it) } else { None });
    for request in ends {
        let expected = if request.deadline_ns.is_some() { Outcome::Dropped } else { Outcome::Completed };
        assert_eq!(request.outcome, expected, "{request:?}");
        let ran = executed.records.iter().any(|it| matches!(it, Record::Kernel(it) if it.request == request.request));
        assert_eq!(ran, expected == Outcome::Completed, "{request:?}");
    }
}

/// Whole on the CPU, whole on the GPU, and shared by both in several ways; outputs equal those of ONNX Runtime on the CPU.
fn check_co_execution(transfer: &str, models: &[&str]) {
    // One at a time: the tests of this file would take the cores from each other.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let specifications = ["cpu[cores=0]".to_owned(), format!("opencl[transfer={transfer}]")];
    for text in &specifications {
        // On a thread of its own: opening pins.
        let opened = std::thread::scope(|scope| {
            let open = || open(&text.parse().expect("valid")).map(|_| ());
            scope.spawn(open).join().expect("no panic")
        });
        if device_or_skip(opened).is_none() {
            return;
        }
    }
    let specifications: Vec<&str> = specifications.iter().map(String::as_str).collect();
    let device = device(&[("cpu", ProcessorKind::CpuCluster, false), ("gpu", ProcessorKind::Gpu, true)]);
    let case = Case { device: &device, specifications: &specifications };
    // Runs in which both computed at the same time; on a busy machine short kernels may miss each other.
    let mut at_once = 0;
    for name in models {
        let whole = case.named(name, "cpu");
        let fixed =
            ["gpu", "heft", "split", "split[by=rows, share=40%]", "split[by=channels, share=60%]", "mulayer", "codl[sync_us=0]"];
        for strategy in fixed {
            let executed = case.named(name, strategy);
            let difference = first(&executed).relative_difference(first(&whole)).expect("comparable");
            assert!(difference < 1e-4, "{name} {strategy}: {difference}");
            let both = executed.records.iter().filter_map(|record| if let Record::Kernel(it) = record { Some(it) } else { None });
            let (cpu, gpu): (Vec<&KernelRecord>, Vec<&KernelRecord>) = both.partition(|kernel| kernel.worker == WorkerId(0));
            assert!(parts(&executed) > 0 || ["gpu", "heft", "split"].contains(&strategy), "{name} {strategy} shares nothing");
            if strategy.contains("share") {
                let overlap =
                    |one: &KernelRecord| gpu.iter().any(|other| one.start_ns < other.end_ns && other.start_ns < one.end_ns);
                at_once += usize::from(cpu.iter().any(|kernel| overlap(kernel)));
            }
        }
        let chained = case.run(name, &mut ChainEverything, 2);
        let difference = first(&chained).relative_difference(first(&whole)).expect("comparable");
        assert!(difference < 1e-4 && parts(&chained) > 0, "{name} chains: {difference}");
    }
    assert!(at_once > 0, "the CPU and the GPU never computed at the same time");
}

#[test]
fn the_cpu_and_the_gpu_share_models_by_copies() {
    check_co_execution("copy", &["mobilenet_v2", "squeezenet1_1", "bert_tiny_4x312", "resnet50"]);
}

#[test]
fn the_cpu_and_the_gpu_share_models_by_mapping() {
    check_co_execution("map", &["mobilenet_v2", "squeezenet1_1"]);
}
