//! Laws of load by others: what it leaves of processors and of bandwidth.

mod small;

use proptest::prelude::*;
use sim::engine::{Options, StopReason};
use sim::environment::{BandwidthHog, Environment, Load, Migration, Presence, Takes};
use sim::identifiers::{ProcessorId, WorkerId};
use sim::task::KernelCost;
use small::kernels::{BOTH, GPU, ONE_OF_LITTLE, TWO_OF_BIG, clusters, run, run_once};

fn load(processor: u32, takes: Takes) -> Load {
    Load { processor: ProcessorId(processor), takes, presence: Presence::ALWAYS, migration: None }
}

/// When a kernel of 12,000 ns ends under loads.
fn end_ns(worker: WorkerId, memory_share: f64, loads: Vec<Load>) -> u64 {
    let environment = Environment { loads, ..Environment::default() };
    let ran = run_once(&clusters(memory_share), worker, &[KernelCost::of_duration(12_000)], environment);
    assert_eq!(ran.summary.stop, StopReason::Drained);
    ran.summary.end_ns
}

/// A share of `s` makes a kernel take `1 / (1 - s)` times as long, memory-bound or not; shares add up.
#[test]
fn a_constant_share_is_taken_from_every_kernel() {
    for (shares, expected_ns) in
        [(vec![], 12_000), (vec![0.0], 12_000), (vec![0.25], 16_000), (vec![0.5], 24_000), (vec![0.25, 0.5], 48_000)]
    {
        let loads: Vec<Load> = shares.iter().map(|&share| load(2, Takes::Share(share))).collect();
        assert_eq!(end_ns(GPU, 0.0, loads.clone()), expected_ns, "{shares:?}");
        assert_eq!(end_ns(GPU, 0.7, loads.clone()), expected_ns, "{shares:?}, memory-bound");
        assert_eq!(end_ns(TWO_OF_BIG, 0.0, loads), 12_000, "{shares:?}: elsewhere");
    }
}

/// Fair shares of time-shared cores: a gang of `g` on `n` cores beside `k` threads has `n / (g + k)` of a core each, at most one.
#[test]
fn threads_share_cores_fairly() {
    for (worker, processor, threads, expected_ns) in [
        (TWO_OF_BIG, 0, 1, 18_000),
        (TWO_OF_BIG, 0, 2, 24_000),
        (TWO_OF_BIG, 0, 6, 48_000),
        (ONE_OF_LITTLE, 1, 3, 12_000),
        (ONE_OF_LITTLE, 1, 4, 15_000),
        (ONE_OF_LITTLE, 1, 11, 36_000),
        // The slowest of its processors decides.
        (BOTH, 0, 2, 24_000),
        (BOTH, 1, 2, 18_000),
    ] {
        assert_eq!(end_ns(worker, 0.0, vec![load(processor, Takes::Threads(threads))]), expected_ns, "{threads} threads");
    }
    assert_eq!(end_ns(TWO_OF_BIG, 0.0, vec![load(0, Takes::Threads(1)), load(0, Takes::Share(0.25))]), 24_000);
}

/// 2,000 ns alone, 8,000 ns at half speed make 6,000 ns of work; the rest alone.
#[test]
fn a_load_counts_while_it_is_there() {
    let presence = Presence::During { from_ns: 2_000, until_ns: Some(10_000) };
    assert_eq!(end_ns(GPU, 0.0, vec![Load { presence, ..load(2, Takes::Share(0.5)) }]), 16_000);
}

/// Over long times the mean rate is what the share of time with load says: half of the time half of the speed.
#[test]
fn bursts_and_moves_have_their_mean() {
    let bursts = Presence::Bursts { mean_on_ns: 1e6, mean_off_ns: 1e6 };
    let migration = Some(Migration { others: vec![ProcessorId(0), ProcessorId(1)], mean_stay_ns: 1e6 });
    let kernels = vec![KernelCost::of_duration(1_000_000); 3_000];
    for (one, expected) in
        [(Load { presence: bursts, ..load(2, Takes::Share(0.5)) }, 0.75), (Load { migration, ..load(2, Takes::Share(0.6)) }, 0.8)]
    {
        let environment = Environment { loads: vec![one.clone()], ..Environment::default() };
        let ran = run_once(&clusters(0.0), GPU, &kernels, environment);
        let rate = 3e9 / ran.summary.end_ns as f64;
        assert!((rate - expected).abs() < 0.02, "{one:?}: {rate} for {expected}");
    }
}

/// A kernel that asks for 0.8 GB/s of 1 GB/s beside hogs: max-min fair parts by hand.
#[test]
fn hogs_take_their_fair_part_of_bandwidth() {
    for (hogs, expected_ns) in [
        (vec![0.1e9], 1_000),
        (vec![0.2e9], 1_000),
        (vec![0.4e9], 1_334),
        (vec![5e9], 1_600),
        (vec![5e9, 5e9], 2_400),
        (vec![0.2e9, 5e9], 2_000),
    ] {
        let hog = |&bytes_per_second: &f64| BandwidthHog { bytes_per_second, presence: Presence::ALWAYS };
        let environment = Environment { hogs: hogs.iter().map(hog).collect(), ..Environment::default() };
        let kernel = KernelCost { duration_ns: 1_000, memory_bytes: 800 };
        let ran = run_once(&clusters(0.0), GPU, &[kernel], environment);
        // Thirds of a rate do not end on a whole nanosecond.
        assert!(ran.summary.end_ns.abs_diff(expected_ns) <= 1, "{hogs:?}: {} for {expected_ns}", ran.summary.end_ns);
    }
}

/// 400 ns alone move 320 bytes, then 480 at 0.5 GB/s for 600 ns move 300, then 180 at 0.8 GB/s take 225 ns.
#[test]
fn a_hog_comes_and_goes() {
    let presence = Presence::During { from_ns: 400, until_ns: Some(1_000) };
    let environment = Environment { hogs: vec![BandwidthHog { bytes_per_second: 9e9, presence }], ..Environment::default() };
    let ran = run_once(&clusters(0.0), GPU, &[KernelCost { duration_ns: 1_000, memory_bytes: 800 }], environment);
    assert_eq!(ran.summary.end_ns, 1_225);
}

#[test]
fn loads_out_of_range_are_refused() {
    let device = clusters(0.0);
    let check = |environment: Environment| environment.check(&device).expect_err("out of range").to_string();
    let of_load = |load: Load| check(Environment { loads: vec![load], ..Environment::default() });
    assert_eq!(of_load(load(9, Takes::Share(0.5))), "a load names processor 9, but the device has 3");
    assert_eq!(of_load(load(0, Takes::Share(1.0))), "share of a load is 1: must be at least 0 and below 1");
    let backwards = Presence::During { from_ns: 5, until_ns: Some(5) };
    assert_eq!(
        of_load(Load { presence: backwards, ..load(0, Takes::Threads(1)) }),
        "load: until is 5 ns: must be after its beginning"
    );
    let bursts = Presence::Bursts { mean_on_ns: 0.0, mean_off_ns: 1.0 };
    assert_eq!(
        of_load(Load { presence: bursts, ..load(0, Takes::Threads(1)) }),
        "load: mean stay is 0: must be finite and above 0"
    );
}

proptest! {
    #[test]
    fn equal_inputs_give_equal_records(seed in 0u64..200, share in 0.0..0.9, mean_ns in 1e3..1e6) {
        let size = small::Size { seed, models: 2, tasks: 6, requests: 5 };
        let presence = Presence::Bursts { mean_on_ns: mean_ns, mean_off_ns: mean_ns };
        let migration = Some(Migration { others: vec![ProcessorId(1), ProcessorId(2)], mean_stay_ns: mean_ns });
        let loads = vec![
            Load { processor: ProcessorId(0), takes: Takes::Share(share), presence, migration },
            Load { processor: ProcessorId(2), takes: Takes::Threads(2), presence, migration: None },
        ];
        let hogs = vec![BandwidthHog { bytes_per_second: 5e9, presence }];
        let environment = Environment { loads, hogs, ..Environment::default() };
        let (one, other) = (small::case_in(size, environment.clone()), small::case_in(size, environment));
        prop_assert_eq!(&one.records, &other.records);
        prop_assert!(matches!(one.summary.stop, StopReason::Drained | StopReason::Horizon));
    }

    /// A load that takes nothing changes no record.
    #[test]
    fn a_load_of_nothing_changes_no_record(seed in 0u64..200) {
        let size = small::Size { seed, models: 2, tasks: 6, requests: 5 };
        let loads = (0..4).map(|processor| load(processor, Takes::Share(0.0))).collect();
        let hogs = vec![BandwidthHog { bytes_per_second: 1e-9, presence: Presence::ALWAYS }];
        let (plain, loaded) = (small::case(size), small::case_in(size, Environment { loads, hogs, ..Environment::default() }));
        prop_assert_eq!(plain.records, loaded.records);
    }
}

/// Bursts of different loads are drawn apart: adding one does not move the others.
#[test]
fn a_second_load_does_not_move_the_first() {
    let presence = Presence::Bursts { mean_on_ns: 1e4, mean_off_ns: 1e4 };
    let first = Load { presence, ..load(2, Takes::Share(0.5)) };
    let second = Load { presence, ..load(0, Takes::Share(0.5)) };
    let end_ns = |loads: Vec<Load>| {
        let options = Options { environment: Environment { loads, ..Environment::default() }, seed: 4, ..Options::default() };
        run(&clusters(0.0), GPU, &[KernelCost::of_duration(500_000)], vec![0], &options).summary.end_ns
    };
    assert_eq!(end_ns(vec![first.clone()]), end_ns(vec![first, second]));
}
