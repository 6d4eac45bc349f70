//! Laws of speed: what a kernel takes where processors slow down and recover.

mod small;

use proptest::prelude::*;
use sim::engine::{Model, Options, StopReason, Summary, simulate};
use sim::environment::{Cause, Environment, SpeedChange};
use sim::identifiers::{ModelId, ProcessorId, TaskId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::platform::{Device, DeviceBuilder, ProcessorKind, SupportRules, Worker};
use sim::record::{KernelRecord, Record};
use sim::strategy::{DeviceView, Job};
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

struct Given(Plan);

impl sim::strategy::Strategy for Given {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.0.clone())
    }
}

/// Two processors of one core, a worker on the first, one on the second and one on both, all with the same share of memory time.
fn device(memory_share: f64) -> Device {
    let mut builder = DeviceBuilder::new("two");
    let one = builder.processor("one", ProcessorKind::CpuCluster, 1, vec![]);
    let other = builder.processor("other", ProcessorKind::CpuCluster, 1, vec![]);
    let memory = builder.memory("host");
    let dram = builder.channel("dram", 1e12);
    builder.dram(dram);
    for (name, demands) in [("one", vec![(one, 1)]), ("other", vec![(other, 1)]), ("both", vec![(one, 1), (other, 1)])] {
        let costs = sim::cost::CostModels::default().into();
        let kind = ProcessorKind::CpuCluster;
        let worker = Worker { name: name.into(), kind, demands, memory, invocation_ns: 0, support: SupportRules::ALL, costs };
        let worker = builder.worker(worker);
        builder.memory_share(worker, memory_share);
    }
    builder.build().expect("the device is valid")
}

/// Kernels back to back on one worker of a device.
fn run(device: &Device, worker: WorkerId, kernels: &[KernelCost], environment: Environment) -> (Summary, Vec<KernelRecord>) {
    let mut builder = TaskGraphBuilder::new();
    let tasks: Vec<TaskId> = kernels.iter().map(|_| builder.task(&[], &[]).0).collect();
    let graph = builder.build().expect("tasks that read nothing");
    let workers = device.workers().len();
    let table = kernels.iter().flat_map(|&cost| (0..workers).map(move |_| Some(cost))).collect();
    let costs = CostTable::new(workers, table);
    let mut plan = Plan::new();
    plan.segment(Some(worker), tasks);
    let models = [Model { name: "kernels", tasks: &graph, costs: &costs }];
    let stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), Some(1));
    let options = Options { environment, ..Options::default() };
    let mut records: Vec<Record> = Vec::new();
    let summary = simulate(device, &models, vec![stream], &mut Given(plan), &options, &mut records).expect("the plan is valid");
    let ran = records.iter().filter_map(|record| if let Record::Kernel(it) = record { Some(*it) } else { None });
    (summary, ran.collect())
}

fn change(at_ns: u64, processor: u32, cause: Cause, factor: f64) -> SpeedChange {
    SpeedChange { at_ns, processor: ProcessorId(processor), cause, factor }
}

/// When work of `solo_ns` that starts at `from_ns` ends, by adding up nanosecond after nanosecond what the speed then in force does of it.
fn brute_force_end(solo_ns: u64, from_ns: u64, share: f64, changes: &[SpeedChange], processors: &[u32]) -> u64 {
    let factor = |at_ns: u64, processor: u32, cause: Cause| {
        let before = changes.iter().filter(|it| it.at_ns <= at_ns && it.processor.0 == processor && it.cause == cause);
        before.max_by_key(|it| it.at_ns).map_or(1.0, |it| it.factor)
    };
    let rate = |at_ns: u64, processor| {
        let clock = factor(at_ns, processor, Cause::Frequency);
        let left = factor(at_ns, processor, Cause::Load) * factor(at_ns, processor, Cause::Availability);
        if clock > 0.0 { left / ((1.0 - share) / clock + share) } else { 0.0 }
    };
    let (mut done, mut at_ns) = (0.0, from_ns);
    while done < solo_ns as f64 - 1e-6 {
        done += processors.iter().map(|&processor| rate(at_ns, processor)).fold(f64::INFINITY, f64::min);
        at_ns += 1;
    }
    at_ns
}

fn changes() -> impl Strategy<Value = Vec<SpeedChange>> {
    let cause = prop_oneof![Just(Cause::Frequency), Just(Cause::Load), Just(Cause::Availability)];
    let factor = prop_oneof![Just(0.0), Just(1.0), 0.05..2.0];
    let one = (0u64..4_000, 0u32..2, cause, factor)
        .prop_map(|(at_ns, processor, cause, factor)| change(at_ns, processor, cause, factor));
    prop::collection::vec(one, 0..8).prop_map(|mut all| {
        // One change for each instant, so that the oracle need not say which of two counts; in the end everything is back.
        all.sort_by_key(|it| it.at_ns);
        all.dedup_by_key(|it| it.at_ns);
        for processor in 0..2 {
            for cause in [Cause::Frequency, Cause::Load, Cause::Availability] {
                all.push(change(5_000, processor, cause, 0.7));
            }
        }
        all
    })
}

proptest! {
    #[test]
    fn a_kernel_takes_what_the_integral_of_its_rate_says(
        solo in prop::collection::vec((0u64..2_000, prop_oneof![Just(0u64), 1u64..1_000]), 1..5),
        share in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0],
        changes in changes(),
        worker in 0u32..3,
    ) {
        // Never more than the channel carries, at any speed.
        let kernels: Vec<KernelCost> =
            solo.iter().map(|&(duration_ns, memory_bytes)| KernelCost { duration_ns, memory_bytes: memory_bytes.min(duration_ns * 50) }).collect();
        let environment = Environment { changes: changes.clone(), ..Environment::default() };
        let (summary, ran) = run(&device(share), WorkerId(worker), &kernels, environment.clone());
        prop_assert_eq!(summary.stop, StopReason::Drained);
        prop_assert_eq!(ran.len(), kernels.len());
        let processors: &[u32] = match worker { 0 => &[0], 1 => &[1], _ => &[0, 1] };
        for (kernel, &(solo_ns, _)) in ran.iter().zip(&solo) {
            let expected_ns = brute_force_end(solo_ns, kernel.start_ns, share, &changes, processors);
            prop_assert!(kernel.end_ns.abs_diff(expected_ns) <= 1, "ended at {} instead of {expected_ns}", kernel.end_ns);
        }
        // What was still to change does not make the run longer.
        prop_assert_eq!(summary.end_ns, ran.last().map_or(0, |last| last.end_ns));
        prop_assert_eq!(ran, run(&device(share), WorkerId(worker), &kernels, environment).1);
    }

    #[test]
    fn a_factor_of_one_changes_no_record(seed in 0u64..1_000, times in prop::collection::vec((0u64..3_000_000, 0u32..4), 0..20)) {
        let size = small::Size { seed, models: 2, tasks: 6, requests: 5 };
        let changes = times.iter().map(|&(at_ns, processor)| change(at_ns, processor, Cause::Load, 1.0)).collect();
        let (plain, constant) = (small::case(size), small::case_in(size, Environment { changes, ..Environment::default() }));
        prop_assert_eq!(plain.records, constant.records);
        prop_assert_eq!(plain.summary.end_ns, constant.summary.end_ns);
        prop_assert_eq!(plain.summary.stop, constant.summary.stop);
    }

    #[test]
    fn equal_inputs_give_equal_records(seed in 0u64..200, changes in changes()) {
        let size = small::Size { seed, models: 2, tasks: 6, requests: 5 };
        let scaled: Vec<SpeedChange> = changes.iter().map(|it| SpeedChange { at_ns: it.at_ns * 300, ..*it }).collect();
        let run = || small::case_in(size, Environment { changes: scaled.clone(), ..Environment::default() });
        let (one, other) = (run(), run());
        prop_assert_eq!(one.records, other.records);
        prop_assert_eq!(one.summary, other.summary);
    }
}

#[test]
fn a_processor_that_never_returns_stalls_its_requests() {
    for memory_bytes in [0, 500] {
        let environment = Environment { changes: vec![change(400, 0, Cause::Availability, 0.0)], ..Environment::default() };
        let cost = KernelCost { duration_ns: 1_000, memory_bytes };
        let (summary, ran) = run(&device(0.0), WorkerId(0), &[cost], environment);
        assert!(matches!(summary.stop, StopReason::Stalled(_)), "{:?}", summary.stop);
        assert_eq!((summary.end_ns, ran.len()), (400, 0));
    }
}

#[test]
fn a_change_for_nobody_and_a_negative_factor_are_refused() {
    let device = device(0.0);
    let check = |change: SpeedChange| {
        Environment { changes: vec![change], ..Environment::default() }.check(&device).expect_err("out of range").to_string()
    };
    assert_eq!(check(change(0, 2, Cause::Load, 1.0)), "a change of speed names processor 2, but the device has 2");
    assert_eq!(
        check(change(0, 1, Cause::Load, -0.5)),
        "speed factor of processor `other` is -0.5: must be finite and at least 0"
    );
}
