//! Laws of processors that vanish and return.

mod common;
mod small;

use proptest::prelude::*;
use sim::engine::{Model, Options, StopReason, simulate};
use sim::environment::{Absence, Environment, OnOutage, Outage, Watchdog};
use sim::identifiers::{ModelId, ProcessorId};
use sim::platform::ProcessorKind;
use sim::record::{Outcome, Record};
use sim::strategy::registry;
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};
use small::kernels::{GPU, Ran, clusters, run};

fn away(from_ns: u64, until_ns: Option<u64>) -> Outage {
    Outage { processor: ProcessorId(2), absence: Absence::During { from_ns, until_ns } }
}

fn environment(outages: &[Outage], on_outage: OnOutage) -> Environment {
    Environment { outages: outages.to_vec(), on_outage, ..Environment::default() }
}

fn runs(kernels: &[KernelCost], arrivals: Vec<u64>, outages: &[Outage], on_outage: OnOutage) -> Ran {
    let options = Options { environment: environment(outages, on_outage), ..Options::default() };
    run(&clusters(0.0), GPU, kernels, arrivals, &options)
}

/// Two kernels of 1,000 ns, the GPU away from 1,400 to 1,700: by hand, whether they move bytes or not.
#[test]
fn work_waits_or_begins_anew_or_is_dropped() {
    for memory_bytes in [0, 300, 1_000] {
        let kernels = [KernelCost { duration_ns: 1_000, memory_bytes }; 2];
        for (policy, end_ns, lost_ns, outcome) in [
            (OnOutage::Wait, 2_300, 0, Outcome::Completed),
            (OnOutage::Restart, 2_700, 400, Outcome::Completed),
            (OnOutage::Drop, 1_400, 0, Outcome::Dropped),
        ] {
            let ran = runs(&kernels, vec![0], &[away(1_400, Some(1_700))], policy);
            let ended = ran.records.iter().find_map(|it| if let Record::Request(it) = it { Some(*it) } else { None });
            let ended = ended.expect("one request");
            // What moves bytes ends when the last is moved, rounded up.
            assert!(ended.ended_ns.abs_diff(end_ns) <= 1, "{policy:?}, {memory_bytes} bytes: {}", ended.ended_ns);
            assert_eq!(ended.outcome, outcome, "{policy:?}, {memory_bytes} bytes");
            let device = ran.report.device.expect("states were recorded");
            assert_eq!(device.outages[0].lost_ns, lost_ns, "{policy:?}, {memory_bytes} bytes");
            assert_eq!(device.outage_drops, u64::from(policy == OnOutage::Drop));
        }
    }
}

/// Time away is counted, and outages that overlap are one.
#[test]
fn the_report_counts_absences() {
    let outages = [away(100, Some(400)), away(300, Some(600)), away(1_000, Some(1_001))];
    let ran = runs(&[KernelCost::of_duration(2_000)], vec![0], &outages, OnOutage::Wait);
    assert_eq!(ran.summary.end_ns, 2_501);
    let device = ran.report.device.expect("states were recorded");
    // Each outage begins with the same availability: what is said three times at the start counts once.
    assert_eq!((device.outages.len(), device.outages[0].outages, device.outages[0].away_ns), (1, 2, 501));
}

/// Requests that come while the GPU is away are dropped as they come; those before and after are served.
#[test]
fn requests_for_a_processor_that_is_away_are_dropped() {
    let kernels = [KernelCost::of_duration(100)];
    let ran = runs(&kernels, vec![0, 500, 550, 900], &[away(400, Some(800))], OnOutage::Drop);
    let ended = ran.records.iter().filter_map(|record| match record {
        Record::Request(it) => Some((it.arrived_ns, it.ended_ns, it.outcome)),
        _ => None,
    });
    let expected = [
        (0, 100, Outcome::Completed),
        (500, 500, Outcome::Dropped),
        (550, 550, Outcome::Dropped),
        (900, 1_000, Outcome::Completed),
    ];
    assert_eq!(ended.collect::<Vec<_>>(), expected);
    assert_eq!((ran.summary.dropped, ran.report.device.expect("recorded").outage_drops), (2, 2));
}

/// A processor that never returns: those who wait stall, those who are dropped do not.
#[test]
fn a_static_plan_stalls_where_nobody_drops() {
    for policy in [OnOutage::Wait, OnOutage::Restart] {
        let ran = runs(&[KernelCost::of_duration(1_000)], vec![0], &[away(400, None)], policy);
        assert!(matches!(ran.summary.stop, StopReason::Stalled(_)), "{policy:?}: {:?}", ran.summary.stop);
    }
    let ran = runs(&[KernelCost::of_duration(1_000)], vec![0], &[away(400, None)], OnOutage::Drop);
    assert_eq!((ran.summary.stop, ran.summary.dropped), (StopReason::Drained, 1));
}

/// Up three times as long as down: three quarters of the time.
#[test]
fn random_outages_have_their_mean() {
    let absence = Absence::Random { mean_up_ns: 3e6, mean_down_ns: 1e6 };
    let outage = Outage { processor: ProcessorId(2), absence };
    let ran = runs(&[KernelCost::of_duration(6_000_000_000)], vec![0], &[outage], OnOutage::Wait);
    let rate = 6e9 / ran.summary.end_ns as f64;
    assert!((rate - 0.75).abs() < 0.02, "{rate}");
}

/// A request each millisecond for 20 ms, 0.2 ms on the GPU or 0.6 on the CPU; the GPU is away for 12 of them. How many requests end meanwhile.
fn served_while_the_gpu_is_away(strategy: &str, on_outage: OnOutage) -> (u64, u64) {
    let device = common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], 1_000, 1e9);
    let mut builder = TaskGraphBuilder::new();
    let input = builder.request_input(10);
    let made = builder.task(&[input], &[10]).1;
    builder.output(made);
    let graph = builder.build().expect("one task");
    let costs = CostTable::new(2, [600_000, 200_000].map(|ns| Some(KernelCost::of_duration(ns))).to_vec());
    let models = [Model { name: "m", tasks: &graph, costs: &costs }];
    let arrivals = Arrivals::Periodic { period_ns: 1_000_000, phase_ns: 0 };
    let streams = vec![Stream::new(ModelId(0), arrivals, Some(20))];
    let absence = Absence::During { from_ns: 4_500_000, until_ns: Some(16_500_000) };
    let environment = environment(&[Outage { processor: ProcessorId(1), absence }], on_outage);
    let options = Options { environment, ..Options::default() };
    let mut strategy = registry::build(strategy).expect("known");
    let mut records: Vec<Record> = Vec::new();
    let summary = simulate(&device, &models, streams, strategy.as_mut(), &options, &mut records).expect("a plan");
    assert_eq!((&summary.stop, summary.refused), (&StopReason::Drained, 0));
    let served = records.iter().filter(|record| match record {
        Record::Request(it) => it.outcome == Outcome::Completed && (4_500_000..16_500_000).contains(&it.ended_ns),
        _ => false,
    });
    (served.count() as u64, summary.dropped)
}

/// Strategies that look where they place go on with what is there; a plan made once waits, or loses its requests.
#[test]
fn who_looks_degrades_and_who_does_not_waits() {
    for (strategy, policy, served, dropped) in [
        ("gpu", OnOutage::Restart, 0, 0),
        ("gpu", OnOutage::Drop, 0, 12),
        ("cpu", OnOutage::Restart, 12, 0),
        ("socrates", OnOutage::Restart, 12, 0),
        ("socrates", OnOutage::Drop, 12, 0),
        ("band[scheduler=heft]", OnOutage::Restart, 12, 0),
        ("band[scheduler=round_robin]", OnOutage::Drop, 12, 0),
        ("adms", OnOutage::Restart, 12, 0),
        ("blastnet", OnOutage::Drop, 12, 0),
    ] {
        let (seen, lost) = served_while_the_gpu_is_away(strategy, policy);
        // One may be under way as the window ends.
        let right = if served == 0 { seen == 0 } else { seen.abs_diff(served) <= 1 };
        assert!(right && lost == dropped, "{strategy}, {policy:?}: {seen} served, {lost} dropped");
    }
}

proptest! {
    /// Whatever vanishes when: every request ends once, and equal inputs give equal records.
    #[test]
    fn every_request_ends_once(
        seed in 0u64..500,
        policy in prop_oneof![Just(OnOutage::Wait), Just(OnOutage::Restart), Just(OnOutage::Drop)],
        mean_ns in 1e3..3e5,
        scripted in prop::collection::vec((0u32..4, 0u64..400_000, 1u64..200_000), 0..4),
    ) {
        let size = small::Size { seed, models: 2, tasks: 6, requests: 5 };
        let mut outages: Vec<Outage> = scripted
            .iter()
            .map(|&(processor, from_ns, lasts_ns)| Outage {
                processor: ProcessorId(processor),
                absence: Absence::During { from_ns, until_ns: Some(from_ns + lasts_ns) },
            })
            .collect();
        let absence = Absence::Random { mean_up_ns: mean_ns, mean_down_ns: mean_ns };
        outages.push(Outage { processor: ProcessorId(2), absence });
        // A kernel longer than most times between outages might never end where it begins anew each time.
        if policy == OnOutage::Restart {
            outages.pop();
        }
        let environment = environment(&outages, policy);
        let (one, other) = (small::case_in(size, environment.clone()), small::case_in(size, environment));
        prop_assert_eq!(&one.records, &other.records);
        prop_assert!(matches!(one.summary.stop, StopReason::Drained | StopReason::Horizon), "{:?}", one.summary.stop);
        let mut ended: Vec<u32> = one.records.iter().filter_map(|record| match record {
            Record::Request(it) => Some(it.request.0),
            _ => None,
        }).collect();
        ended.sort_unstable();
        prop_assert_eq!(ended, (0..one.summary.arrived as u32).collect::<Vec<_>>());
    }
}

/// A kernel of 1,000 ns and one of 400, a limit of 500: by hand, with and without a reset of 300. The second request finds the GPU away.
#[test]
fn a_watchdog_ends_what_takes_too_long() {
    for memory_bytes in [0, 300] {
        let kernels = [KernelCost { duration_ns: 400, memory_bytes }, KernelCost { duration_ns: 1_000, memory_bytes }];
        for (limit_ns, reset_ns, ends, timeouts) in
            [(1_100, 0, [1_400, 2_800], 0), (500, 0, [900, 1_800], 2), (500, 300, [900, 2_100], 2), (100, 0, [100, 750], 2)]
        {
            let watchdogs = vec![Watchdog { processor: ProcessorId(2), limit_ns, reset_ns }];
            let environment = Environment { watchdogs, ..Environment::default() };
            let options = Options { environment, ..Options::default() };
            let ran = run(&clusters(0.0), GPU, &kernels, vec![0, 650], &options);
            let ended: Vec<_> =
                ran.records.iter().filter_map(|it| if let Record::Request(it) = it { Some(*it) } else { None }).collect();
            let outcome = if timeouts > 0 { Outcome::Dropped } else { Outcome::Completed };
            for (request, at_ns) in ended.iter().zip(ends) {
                assert!(request.ended_ns.abs_diff(at_ns) <= 2, "limit {limit_ns}, reset {reset_ns}: {}", request.ended_ns);
                assert_eq!(request.outcome, outcome);
            }
            assert_eq!(ran.report.device.map_or(0, |device| device.timeouts), timeouts);
        }
    }
}

proptest! {
    /// Nothing that ends in time is touched; every request is completed or dropped; the engine ends.
    #[test]
    fn watchdogs_spare_what_ends_in_time(
        durations in prop::collection::vec(1u64..2_000, 1..5),
        arrivals in prop::collection::vec(0u64..20_000, 1..12),
        limit_ns in 1u64..2_500,
        reset_ns in prop_oneof![Just(0u64), 1..3_000u64],
    ) {
        let kernels: Vec<KernelCost> = durations.iter().map(|&duration_ns| KernelCost { duration_ns, memory_bytes: duration_ns / 3 }).collect();
        let watchdogs = vec![Watchdog { processor: ProcessorId(2), limit_ns, reset_ns }];
        let options = Options { environment: Environment { watchdogs, ..Environment::default() }, ..Options::default() };
        let mut arrivals = arrivals;
        arrivals.sort_unstable();
        let count = arrivals.len() as u64;
        let ran = run(&clusters(0.0), GPU, &kernels, arrivals, &options);
        prop_assert_eq!(ran.summary.stop, StopReason::Drained);
        prop_assert_eq!(ran.summary.completed + ran.summary.dropped, count);
        // What shares bandwidth ends up to a nanosecond late.
        if durations.iter().all(|&duration_ns| duration_ns + 1 < limit_ns) {
            prop_assert_eq!(ran.summary.completed, count);
        }
        if durations.iter().any(|&duration_ns| duration_ns > limit_ns) {
            prop_assert_eq!(ran.summary.dropped, count);
        }
    }
}
