//! Settings of clocks that plans ask for, and the strategy `fixed-mapping`.

use sim::cost::CostModels;
use sim::engine::{Model, Options, SimulationError, StopReason, simulate};
use sim::environment::{Environment, Governor};
use sim::identifiers::{ModelId, ProcessorId, WorkerId};
use sim::platform::{Clock, Device, DeviceBuilder, OperatingPoint, Power, ProcessorKind, SupportRules, Worker};
use sim::record::Record;
use sim::strategy::registry;
use sim::task::settings::{EntryCosts, SettableClock, TakeOver};
use sim::task::{CostTable, KernelCost, Settings, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

const CPU: ProcessorId = ProcessorId(0);

/// A CPU `C` and a GPU `G`, whose host the CPU is, in one memory.
fn device() -> Device {
    let mut builder = DeviceBuilder::new("board");
    let memory = builder.memory("dram");
    for (name, kind) in [("C", ProcessorKind::CpuCluster), ("G", ProcessorKind::Gpu)] {
        let processor = builder.processor(name, kind, 1, vec![]);
        let (support, costs) = (SupportRules::ALL, CostModels::default().into());
        builder.worker(Worker {
            name: name.into(),
            kind,
            demands: vec![(processor, 1)],
            memory,
            invocation_ns: 0,
            support,
            costs,
        });
    }
    let point = |frequency_khz| OperatingPoint { frequency_khz, active_w: 1.0, idle_w: 0.0 };
    let clock = Clock { points: vec![point(500_000), point(1_000_000)], ..Clock::default() };
    builder.power(Power { clocks: vec![clock], ..Power::default() });
    builder.build().expect("valid")
}

fn chain(tasks: usize) -> TaskGraph {
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(1);
    for _ in 0..tasks {
        (_, data) = builder.task(&[data], &[1]);
    }
    builder.output(data);
    builder.build().expect("valid")
}

/// Each task takes 200 or 100 on the CPU by its point, 80 or 60 on the GPU by its host's. The CPU's clock changes within 30 up, 10 down.
fn costs(tasks: usize, entry: EntryCosts, stalls: bool) -> CostTable {
    let frequencies_khz = vec![500_000, 1_000_000];
    let clocks = vec![SettableClock { frequencies_khz, switch_ns: vec![0, 30, 10, 0], stalls }, SettableClock::default()];
    let named = vec![vec![CPU], vec![CPU]];
    let settings = Settings::new(clocks, named, tasks, [200, 100, 80, 60].repeat(tasks), entry).expect("lists fit");
    let highest = [100, 60].map(|duration_ns| Some(KernelCost::of_duration(duration_ns)));
    CostTable::new(2, highest.repeat(tasks)).with_settings(settings)
}

/// Starts and durations of the kernels of some frames, one after the other.
fn run(strategy: &str, tasks: usize, costs: &CostTable, frames: u64) -> Vec<(u64, u64)> {
    let (device, graph) = (device(), chain(tasks));
    let models = [Model { name: "chain", tasks: &graph, costs }];
    let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(frames));
    let mut strategy = registry::build(strategy).expect("a strategy");
    let mut records = Vec::new();
    let options = Options::default();
    let summary = simulate(&device, &models, vec![stream], strategy.as_mut(), &options, &mut records).expect("runs");
    assert_eq!(summary.stop, StopReason::Drained);
    let kernel = |record: &Record| match record {
        Record::Kernel(kernel) => Some((kernel.start_ns, kernel.end_ns - kernel.start_ns)),
        _ => None,
    };
    records.iter().filter_map(kernel).collect()
}

#[test]
fn a_mapping_to_one_worker_is_that_worker_alone() {
    let costs = costs(3, EntryCosts::default(), false);
    let check = |mapping: &str, alone: &str| assert_eq!(run(mapping, 3, &costs, 2), run(alone, 3, &costs, 2), "{mapping}");
    check("fixed-mapping[processors=CCC]", "cpu[worker=C]");
    check("fixed-mapping[processors=CCC,clocks=max]", "cpu[worker=C]");
    check("fixed-mapping[processors=C*3]", "cpu[worker=C]");
    check("fixed-mapping[processors=G]", "gpu");
    check("fixed-mapping[processors=GGG,clocks=1|1|1]", "gpu");
}

#[test]
fn a_mapping_takes_the_sum_of_its_parts() {
    let entry = EntryCosts {
        segment_ns: vec![5, 0],
        hand_over_ns: vec![7; 3 * 4],
        take_over: vec![TakeOver { from: None, to: WorkerId(1), processor: CPU, as_before: true, cycles: 2 }],
        ..EntryCosts::default()
    };
    let kernels = run("fixed-mapping[processors=CGC,clocks=0|0|0]", 3, &costs(3, entry, false), 1);
    // Taking over from the CPU at 500 MHz: 2 cycles are 4 ns.
    assert_eq!(kernels, [(0, 200), (200 + 7 + 4, 80), (291 + 5 + 7, 200)]);
}

#[test]
fn clocks_change_late() {
    let check = |clocks: &str, stalls: bool, frames: u64, expected: &[u64]| {
        let strategy = format!("fixed-mapping[processors=CC,clocks={clocks}]");
        let kernels = run(&strategy, 2, &costs(2, EntryCosts::default(), stalls), frames);
        assert_eq!(kernels.iter().map(|kernel| kernel.1).collect::<Vec<_>>(), expected, "{clocks}");
    };
    // 30 of the 200 at the old clock, then 85 % of the 100.
    check("0|1", false, 1, &[200, 30 + 85]);
    // 10 of the 100 at the old clock, then 90 % of the 200.
    check("1|0", false, 1, &[100, 10 + 180]);
    check("0|1", true, 1, &[200, 130]);
    // The second frame begins at the clock that the first has left.
    check("0|1", false, 2, &[200, 115, 10 + 180, 115]);
    check("1|1", false, 2, &[100; 4]);
}

#[test]
fn a_worker_with_several_segments_loads_again() {
    let entry = EntryCosts { load_ns: [0, 50].repeat(3), ..EntryCosts::default() };
    let durations = |processors: &str| {
        let kernels = run(&format!("fixed-mapping[processors={processors},clocks=max]"), 3, &costs(3, entry.clone(), false), 1);
        kernels.last().map(|last| last.0 + last.1)
    };
    assert_eq!(durations("CGG"), Some(100 + 120));
    assert_eq!(durations("GCG"), Some(50 + 60 + 100 + 50 + 60));
}

#[test]
fn what_cannot_be_is_refused() {
    let (device, graph) = (device(), chain(2));
    let check = |strategy: &str, costs: &CostTable, environment: Environment, message: &str| {
        let models = [Model { name: "chain", tasks: &graph, costs }];
        let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(1));
        let options = Options { environment, ..Options::default() };
        let mut strategy = registry::build(strategy).expect("a strategy");
        let refused: Result<_, SimulationError> =
            simulate(&device, &models, vec![stream], strategy.as_mut(), &options, &mut Vec::<Record>::new());
        assert_eq!(refused.expect_err("refused").to_string(), message);
    };
    let with = costs(2, EntryCosts::default(), false);
    let without = CostTable::new(2, vec![Some(KernelCost::of_duration(1)); 4]);
    let still = Environment::default;
    let governed = Environment { governors: vec![(CPU, Governor::Performance)], ..Environment::default() };
    let place = "model `chain`: strategy `fixed-mapping` found no plan: ";
    check("fixed-mapping[processors=CCC]", &with, still(), &format!("{place}`processors` places 3 tasks, the model has 2"));
    check("fixed-mapping[clocks=0|0|0]", &with, still(), &format!("{place}`clocks` names 3 settings, the model has 2 tasks"));
    check(
        "fixed-mapping[clocks=2]",
        &with,
        still(),
        &format!("{place}worker `C` has no such setting of its clocks: Points([2])"),
    );
    check(
        "fixed-mapping[clocks=0]",
        &without,
        still(),
        "model `chain`: strategy `fixed-mapping` needs costs at settings of clocks, which device `board` does not have",
    );
    check(
        "fixed-mapping[processors=CX]",
        &with,
        still(),
        "model `chain`: strategy `fixed-mapping` needs worker `X` (nearest: `C`), which device `board` does not have",
    );
    check(
        "fixed-mapping[clocks=0]",
        &with,
        governed,
        "the clock of processor `C` is set by a plan and by a governor: leave one of them out",
    );
    let bad = registry::build("fixed-mapping[clocks=fast]").err().map(|error| error.to_string());
    let right = "`fast` is not `max`, `min`, `none`, or points such as `5` or `4-7`";
    assert_eq!(
        bad.as_deref(),
        Some(format!("parameter `clocks` of strategy `fixed-mapping` cannot be `fast`: {right}").as_str())
    );
}
