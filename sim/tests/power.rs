//! Laws of clocks, temperatures and energy.

use proptest::prelude::*;
use sim::engine::{Model, Network, Options, Summary, simulate};
use sim::environment::{Cause, Climate, Environment, Governor, SpeedChange};
use sim::identifiers::{ModelId, ProcessorId, WorkerId};
use sim::metrics::{DeviceReport, ModelFacts, report};
use sim::plan::{Plan, PlanError};
use sim::platform::{
    Clock, Device, DeviceBuilder, HeatSource, OperatingPoint, Power, ProcessorKind, SupportRules, Thermal, ThermalNode, Trip,
    Worker,
};
use sim::record::{Quantity, Record};
use sim::strategy::{DeviceView, Job};
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

struct Given(Plan);

impl sim::strategy::Strategy for Given {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.0.clone())
    }
}

const CPU: ProcessorId = ProcessorId(0);
const SECOND_NS: u64 = 1_000_000_000;

fn points() -> Vec<OperatingPoint> {
    let point = |frequency_khz, active_w, idle_w| OperatingPoint { frequency_khz, active_w, idle_w };
    vec![point(500_000, 0.25, 0.0625), point(1_000_000, 1.0, 0.125), point(2_000_000, 4.0, 0.25)]
}

fn one_node(capacity_j_per_k: f64, ambient_k_per_w: f64) -> Thermal {
    Thermal {
        nodes: vec![ThermalNode { name: "soc".into(), capacity_j_per_k, ambient_k_per_w: Some(ambient_k_per_w) }],
        resistances: Vec::new(),
        heats: vec![(HeatSource::Processor(CPU), 0), (HeatSource::Memory, 0), (HeatSource::Base, 0)],
        trips: Vec::new(),
        polling_ns: SECOND_NS / 4,
    }
}

/// One CPU of two cores with a worker on one of them and one on both.
fn device(clock: Clock, thermal: Option<Thermal>) -> Device {
    let mut builder = DeviceBuilder::new("warm");
    let cpu = builder.processor("cpu", ProcessorKind::CpuCluster, 2, vec![]);
    let memory = builder.memory("host");
    let dram = builder.channel("dram", 1e12);
    builder.dram(dram);
    for cores in [1, 2] {
        let costs = sim::cost::CostModels::default().into();
        let (name, kind) = (format!("cpu.{cores}"), ProcessorKind::CpuCluster);
        let demands = vec![(cpu, cores)];
        builder.worker(Worker { name, kind, demands, memory, invocation_ns: 0, support: SupportRules::ALL, costs });
    }
    builder.power(Power { base_w: 0.5, memory_j_per_byte: 1e-9, clocks: vec![clock], battery_j: Some(1_000.0) });
    if let Some(thermal) = thermal {
        builder.thermal(thermal);
    }
    builder.build().expect("the device is valid")
}

fn clock() -> Clock {
    Clock { points: points(), switch_ns: 0, switch_stalls: false }
}

struct Run {
    summary: Summary,
    records: Vec<Record>,
    report: DeviceReport,
}

/// Requests of one kernel each on one worker.
fn run(
    device: &Device,
    worker: u32,
    cost: KernelCost,
    arrivals: Arrivals,
    requests: Option<u64>,
    environment: Environment,
) -> Run {
    let mut builder = TaskGraphBuilder::new();
    let (task, _) = builder.task(&[], &[]);
    let tasks = builder.build().expect("one task");
    let costs = CostTable::new(2, vec![Some(cost), Some(cost)]);
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(worker)), [task]);
    let models = [Model { name: "kernel", tasks: &tasks, costs: &costs }];
    let horizon_ns = requests.is_none().then_some(60 * SECOND_NS);
    let options = Options { environment, horizon_ns, ..Options::default() };
    let mut records: Vec<Record> = Vec::new();
    let stream = Stream::new(ModelId(0), arrivals, requests);
    let summary = simulate(device, &models, vec![stream], &mut Given(plan), &options, &mut records).expect("the run is valid");
    let facts = [ModelFacts { name: "kernel", model: Some((&tasks, &costs)), primary: &[], extrapolated: &[] }];
    let report = report(device, &facts, &records, summary.end_ns).expect("the records are valid").device.expect("it is modelled");
    Run { summary, records, report }
}

fn metered() -> Environment {
    Environment { energy: true, ..Environment::default() }
}

fn values(run: &Run, quantity: Quantity) -> Vec<(u64, f64)> {
    let of = |record: &Record| match record {
        Record::State(state) if state.quantity == quantity => Some((state.at_ns, state.value)),
        _ => None,
    };
    run.records.iter().filter_map(of).collect()
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
}

/// Two seconds of work on one core at half the clock: 4 s x 1 W active, 4 s x 0.125 W idle, 4 s x 0.5 W base, 10^9 bytes x 1 nJ.
#[test]
fn energy_of_a_fixed_clock_by_hand() {
    let cost = KernelCost { duration_ns: 2 * SECOND_NS, memory_bytes: 1_000_000_000 };
    let environment = Environment { governors: vec![(CPU, Governor::fixed(1_000_000))], ..metered() };
    let run = run(&device(clock(), None), 0, cost, Arrivals::Recorded(vec![0]), Some(1), environment);
    assert_eq!(run.summary.end_ns, 4 * SECOND_NS);
    let energy = run.report.energy.expect("it is metered");
    assert!(close(energy.processors[0].active_j, 4.0) && close(energy.processors[0].idle_j, 0.5), "{energy:?}");
    assert!(close(energy.base_j, 2.0) && close(energy.memory_j, 1.0) && close(energy.total_j, 7.5), "{energy:?}");
    assert!(close(energy.mean_power_w.expect("it lasted"), 1.875) && close(energy.battery_share.expect("known"), 0.0075));
    assert!(close(energy.models[0].per_inference_j.expect("it completed"), 7.5));
    assert!(close(run.report.clocks[0].mean_khz, 1_000_000.0));
}

/// Racing to idle against running slowly: the same work on both cores, at 2 GHz then at 0.5 GHz. By hand: 1 s x (8 + 0.25 + 0.5) W, and
/// 4 s x (0.5 + 0.0625 + 0.5) W.
#[test]
fn energy_of_two_clocks_by_hand() {
    for (khz, seconds, joules) in [(2_000_000, 1, 8.75), (500_000, 4, 4.25)] {
        let cost = KernelCost { duration_ns: SECOND_NS, memory_bytes: 0 };
        let environment = Environment { governors: vec![(CPU, Governor::fixed(khz))], ..metered() };
        let run = run(&device(clock(), None), 1, cost, Arrivals::Recorded(vec![0]), Some(1), environment);
        assert_eq!(run.summary.end_ns, seconds * SECOND_NS);
        assert!(close(run.report.energy.expect("it is metered").total_j, joules));
    }
}

/// A clock that falls in the middle of a kernel: 1 s at 2 GHz does half of 2 s of work, the rest takes 2 s at 1 GHz.
#[test]
fn energy_follows_a_clock_that_changes_under_a_kernel() {
    let cost = KernelCost { duration_ns: 2 * SECOND_NS, memory_bytes: 0 };
    let trace = Governor::Trace(vec![(SECOND_NS, 1_000_000)]);
    let environment = Environment { governors: vec![(CPU, trace)], ..metered() };
    let run = run(&device(clock(), None), 0, cost, Arrivals::Recorded(vec![0]), Some(1), environment);
    assert_eq!(run.summary.end_ns, 3 * SECOND_NS);
    let energy = run.report.energy.expect("it is metered");
    assert!(close(energy.processors[0].active_j, 4.0 + 2.0) && close(energy.processors[0].idle_j, 0.25 + 0.25), "{energy:?}");
    assert!(close(run.report.clocks[0].mean_khz, 4_000_000.0 / 3.0), "{:?}", run.report.clocks);
}

#[test]
fn a_switch_of_clocks_takes_its_time_and_may_stall() {
    for (switch_stalls, end_ns) in [(false, 3_000_000 - 250_000), (true, 3_000_000 + 500_000)] {
        // 1 ms of 2 ms is done at full speed; then half a millisecond passes at the old clock or not at all.
        let clock = Clock { switch_ns: 500_000, switch_stalls, ..clock() };
        let cost = KernelCost { duration_ns: 2_000_000, memory_bytes: 0 };
        let environment =
            Environment { governors: vec![(CPU, Governor::Trace(vec![(1_000_000, 1_000_000)]))], ..Environment::default() };
        let run = run(&device(clock, None), 0, cost, Arrivals::Recorded(vec![0]), Some(1), environment);
        let expected_ns = if switch_stalls { end_ns } else { 1_000_000 + 500_000 + 1_000_000 };
        assert_eq!(run.summary.end_ns, expected_ns, "stalls: {switch_stalls}");
        assert_eq!(values(&run, Quantity::Frequency(CPU)), [(0, 2e6), (1_500_000, 1e6)]);
    }
}

/// Busy all the time it reaches the top, idle the bottom; a quarter busy at any clock would ask for 1.25 x 2 GHz x 0.25.
#[test]
fn schedutil_asks_for_what_the_load_needs() {
    let check = |duration_ns: u64, period_ns: u64, khz: f64| {
        let governor = Governor::Schedutil { period_ns: 10_000_000 };
        let environment = Environment { governors: vec![(CPU, governor)], ..Environment::default() };
        let cost = KernelCost { duration_ns, memory_bytes: 0 };
        let arrivals = Arrivals::Periodic { period_ns, phase_ns: 0 };
        let run = run(&device(clock(), None), 0, cost, arrivals, None, environment);
        assert!(close(run.report.clocks[0].end_khz, khz), "{duration_ns} of {period_ns}: {:?}", run.report.clocks);
    };
    check(1_100_000, 1_000_000, 2_000_000.0);
    check(1_000, 1_000_000, 500_000.0);
    check(250_000, 1_000_000, 1_000_000.0);
}

/// `T = T_ambient + P R (1 - exp(-t / R C))` while heated by constant power, `T_0` decaying with the same constant without.
#[test]
fn one_node_follows_the_closed_form() {
    for (watts, start) in [(3.0, 0.0), (0.0, 40.0), (2.5, 60.0)] {
        for seconds in [0.01, 1.0, 90.0, 4_000.0] {
            let network = Network::new(&one_node(15.0, 6.0), seconds);
            let above = network.advance(&[start], &[watts])[0];
            let expected = watts * 6.0 + (start - watts * 6.0) * libm::exp(-seconds / 90.0);
            assert!((above - expected).abs() < 1e-10, "{watts} W for {seconds} s: {above} instead of {expected}");
        }
    }
}

proptest! {
    /// Two coupled nodes against a thousand small steps of the classical Runge-Kutta method, and many steps against one.
    #[test]
    fn two_nodes_follow_small_steps(
        capacity in (1.0..50.0f64, 1.0..200.0f64),
        between in 0.5..20.0f64,
        outside in 1.0..20.0f64,
        watts in (0.0..8.0f64, 0.0..2.0f64),
        start in (-10.0..50.0f64, -10.0..50.0f64),
    ) {
        let node = |name: &str, capacity_j_per_k, ambient_k_per_w| ThermalNode { name: name.into(), capacity_j_per_k, ambient_k_per_w };
        let thermal = Thermal {
            nodes: vec![node("soc", capacity.0, None), node("skin", capacity.1, Some(outside))],
            resistances: vec![(0, 1, between)],
            ..Thermal::default()
        };
        let slope = |x: [f64; 2]| {
            let flow = (x[0] - x[1]) / between;
            [(watts.0 - flow) / capacity.0, (watts.1 + flow - x[1] / outside) / capacity.1]
        };
        let along = |x: [f64; 2], k: [f64; 2], h: f64| [x[0] + h * k[0], x[1] + h * k[1]];
        let mut x = [start.0, start.1];
        let h = 0.005;
        for _ in 0..1_000 {
            let k1 = slope(x);
            let k2 = slope(along(x, k1, h / 2.0));
            let k3 = slope(along(x, k2, h / 2.0));
            let k4 = slope(along(x, k3, h));
            for index in 0..2 {
                x[index] += h / 6.0 * (k1[index] + 2.0 * k2[index] + 2.0 * k3[index] + k4[index]);
            }
        }
        let watts = [watts.0, watts.1];
        let whole = Network::new(&thermal, 5.0).advance(&[start.0, start.1], &watts);
        let quarter = Network::new(&thermal, 1.25);
        let parts = (0..4).fold(vec![start.0, start.1], |above, _| quarter.advance(&above, &watts));
        for index in 0..2 {
            prop_assert!((whole[index] - x[index]).abs() < 1e-7, "{:?} instead of {:?}", whole, x);
            prop_assert!((whole[index] - parts[index]).abs() < 1e-9);
        }
    }

    /// Whatever happens: parts sum up to the total, and records of who ran to the energy of cores and of traffic.
    #[test]
    fn parts_sum_up_to_the_total(
        duration_ns in 1_000u64..50_000_000,
        memory_bytes in 0u64..1_000_000,
        period_ns in 1_000_000u64..100_000_000,
        worker in 0u32..2,
        schedutil_ns in 100_000u64..50_000_000,
        load in prop::collection::vec((0u64..500_000_000, 0.1..1.5f64), 0..5),
        switch_ns in 0u64..3_000_000,
        switch_stalls: bool,
    ) {
        let device = device(Clock { switch_ns, switch_stalls, ..clock() }, Some(one_node(2.0, 6.0)));
        let changes = load
            .iter()
            .map(|&(at_ns, factor)| SpeedChange { at_ns, processor: CPU, cause: Cause::Load, factor })
            .collect();
        let environment = Environment {
            changes,
            governors: vec![(CPU, Governor::Schedutil { period_ns: schedutil_ns })],
            climate: Some(Climate { ambient_celsius: 25.0, initial_celsius: 25.0 }),
            energy: true,
            ..Environment::default()
        };
        let cost = KernelCost { duration_ns, memory_bytes };
        let arrivals = || Arrivals::Periodic { period_ns, phase_ns: 7 };
        let go = || run(&device, worker, cost, arrivals(), Some(20), environment.clone());
        let (one, other) = (go(), go());
        prop_assert_eq!(&one.records, &other.records);
        let energy = one.report.energy.clone().expect("it is metered");
        let (mut active_j, mut memory_j) = (0.0, 0.0);
        for record in &one.records {
            if let Record::Energy(it) = record {
                active_j += it.active_j;
                memory_j += it.memory_j;
            }
        }
        prop_assert!(close(active_j, energy.processors[0].active_j));
        prop_assert!(close(memory_j, energy.memory_j));
        let parts = energy.base_j + energy.memory_j + energy.processors[0].active_j + energy.processors[0].idle_j;
        prop_assert!(close(parts, energy.total_j));
        let model = &energy.models[0];
        prop_assert!(close(model.active_j + model.memory_j + model.shared_j + energy.unattributed_j, energy.total_j));
        prop_assert!(energy.unattributed_j > -1e-9);
        // Mean powers between looks hold the whole energy.
        let mut from_ns = 0;
        let mut joules = 0.0;
        for (at_ns, watts) in values(&one, Quantity::Power) {
            joules += watts * (at_ns - from_ns) as f64 * 1e-9;
            from_ns = at_ns;
        }
        prop_assert_eq!(from_ns, one.summary.end_ns);
        prop_assert!((joules - energy.total_j).abs() < 1e-6, "{} instead of {}", joules, energy.total_j);
    }
}

/// After many time constants a device that draws 0.5 + 0.25 + 4 W through 6 K/W is 28.5 K above ambient.
#[test]
fn a_run_settles_at_power_times_resistance() {
    let climate = Climate { ambient_celsius: 20.0, initial_celsius: 20.0 };
    let environment = Environment { climate: Some(climate), ..Environment::default() };
    let cost = KernelCost { duration_ns: 10_000_000, memory_bytes: 0 };
    let arrivals = Arrivals::ClosedLoop { clients: 1, think_ns: 0 };
    let run = run(&device(clock(), Some(one_node(0.5, 6.0))), 0, cost, arrivals, None, environment);
    let node = &run.report.temperatures[0];
    assert!((node.end_celsius - 48.5).abs() < 1e-6, "{node:?}");
    // On the way: after one time constant (3 s) it has come 1 - 1/e of it.
    let at =
        |seconds: u64| values(&run, Quantity::Temperature(0)).iter().find(|it| it.0 == seconds * SECOND_NS).expect("a look").1;
    assert!((at(3) - (20.0 + 28.5 * (1.0 - libm::exp(-1.0)))).abs() < 1e-6, "{}", at(3));
}

/// It heats up at the top clock, is capped a point a look, and, where the floor is low enough to cool down, let go again: each change
/// at a temperature that says so.
#[test]
fn trip_points_cap_and_release() {
    let trip = |caps| Trip { node: 0, at_celsius: 40.0, hysteresis_k: 5.0, caps };
    for (floor_khz, lowest, changes) in [(500_000, 500_000.0, 5), (900_000, 1_000_000.0, 1)] {
        let thermal = Thermal { trips: vec![trip(vec![(CPU, floor_khz)])], ..one_node(0.5, 12.0) };
        let environment =
            Environment { climate: Some(Climate { ambient_celsius: 25.0, initial_celsius: 25.0 }), ..Environment::default() };
        let cost = KernelCost { duration_ns: 10_000_000, memory_bytes: 0 };
        let arrivals = Arrivals::ClosedLoop { clients: 1, think_ns: 0 };
        let run = run(&device(clock(), Some(thermal)), 0, cost, arrivals, None, environment);
        let clock = &run.report.clocks[0];
        assert!(close(clock.least_khz, lowest) && clock.changes >= changes, "{clock:?}");
        let frequencies = values(&run, Quantity::Frequency(CPU));
        let temperature = |at_ns| values(&run, Quantity::Temperature(0)).iter().find(|it| it.0 == at_ns).expect("a look").1;
        for pair in frequencies.windows(2).filter(|pair| pair[1].0 > 0) {
            let celsius = temperature(pair[1].0);
            assert!(if pair[1].1 < pair[0].1 { celsius >= 40.0 } else { celsius < 35.0 }, "{pair:?} at {celsius}");
        }
    }
}

#[test]
fn what_a_profile_does_not_know_cannot_be_modelled() {
    let mut builder = DeviceBuilder::new("bare");
    let cpu = builder.processor("cpu", ProcessorKind::CpuCluster, 1, vec![]);
    let memory = builder.memory("host");
    let costs = sim::cost::CostModels::default().into();
    let (name, kind, support) = ("cpu".to_owned(), ProcessorKind::CpuCluster, SupportRules::ALL);
    builder.worker(Worker { name, kind, demands: vec![(cpu, 1)], memory, invocation_ns: 0, support, costs });
    let bare = builder.build().expect("the device is valid");
    let climate = Climate { ambient_celsius: 20.0, initial_celsius: 20.0 };
    let warm = Environment { climate: Some(climate), ..Environment::default() };
    let governed = |governor| Environment { governors: vec![(CPU, governor)], ..Environment::default() };
    let no_network = device(clock(), None);
    for (environment, device, expected) in [
        (metered(), &bare, "the profile of device `bare` says nothing of its power"),
        (warm.clone(), &bare, "the profile of device `bare` says nothing of its power"),
        (warm, &no_network, "the profile of device `warm` says nothing of its thermal network"),
        (
            governed(Governor::Performance),
            &bare,
            "the profile of device `bare` has no operating points of processor `cpu`: nothing to govern",
        ),
        (
            governed(Governor::fixed(700_000)),
            &no_network,
            "frequency of processor `cpu` is 700000 kHz: must be one of its operating points",
        ),
        (
            governed(Governor::Schedutil { period_ns: 0 }),
            &no_network,
            "period of schedutil of processor `cpu` is 0 ns: must be above 0",
        ),
    ] {
        assert_eq!(environment.check(device).expect_err("not modelled").to_string(), expected);
    }
}
