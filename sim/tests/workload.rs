//! Arrivals by their laws, gates and followers by hand.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use sim::engine::{Model, Options, SimulationError, StopReason, Variation, simulate};
use sim::identifiers::{ModelId, RequestId, StreamId, TaskId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::platform::ProcessorKind;
use sim::record::{Outcome, Record, RequestRecord};
use sim::strategy::{DeviceView, Job, Strategy};
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{
    Arrivals, Count, Daily, DeadlineFrom, Jitter, Jittered, Modulated, ModulatedState, QueueRule, Source, Stream, StreamError,
    Variants, WhenFull,
};

/// The first arrivals of an open stream.
fn times(arrivals: Arrivals, count: usize, seed: u64) -> Vec<u64> {
    let mut source = Source::new(Stream::new(ModelId(0), arrivals, None), seed, 0);
    let mut times = source.first();
    while times.len() < count {
        match source.after_arrival(times[times.len() - 1]) {
            Some(at_ns) => times.push(at_ns),
            None => break,
        }
    }
    times
}

#[test]
fn jitter_stays_near_the_grid_and_does_not_add_up() {
    for (jitter, most_ns) in [
        (Jitter::Uniform { most_ns: 200 }, 200),
        (Jitter::Uniform { most_ns: 9_000 }, 500),
        (Jitter::Normal { deviation_ns: 100 }, 300),
        (Jitter::Normal { deviation_ns: 400 }, 500),
        (Jitter::Normal { deviation_ns: 0 }, 0),
    ] {
        let times = times(Arrivals::Jittered(Jittered::new(1_000, 700, jitter)), 5_000, 3);
        let off = |(index, &at_ns): (usize, &u64)| at_ns as i64 - (700 + 1_000 * index as i64);
        let offs: Vec<i64> = times.iter().enumerate().map(off).collect();
        assert!(offs.iter().all(|off| off.abs() <= most_ns), "{jitter:?}");
        assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{jitter:?}");
        assert_eq!(offs.iter().any(|&off| off != 0), most_ns > 0, "{jitter:?}");
        // Mean 0, within four standard errors.
        let mean = offs.iter().sum::<i64>() as f64 / 5_000.0;
        assert!(mean.abs() <= 4.0 * most_ns as f64 / 5_000_f64.sqrt(), "{jitter:?}: {mean}");
    }
}

/// Mean and variance of the count of a two-state process in windows much longer than its stays (Fischer and Meier-Hellstern 1993):
/// for on-off with rate r, stays a (on) and b (off), the variance of N(t) tends to `m t + 2 r^2 p q t / (1/a + 1/b)`, with p the
/// share of on, q = 1 - p, m = p r.
#[test]
fn bursts_have_the_mean_and_the_dispersion_of_an_interrupted_poisson_process() {
    let state = |rate_per_second, mean_stay_ns| ModulatedState { rate_per_second, mean_stay_ns };
    let states = vec![state(100.0, 1e9), state(0.0, 3e9)];
    let (windows, length_s) = (400_usize, 200.0);
    let mut counts = vec![0.0_f64; windows];
    let arrivals = Arrivals::Modulated(Modulated::new(states).unwrap());
    for at_ns in times(arrivals, 2_100_000, 7) {
        if let Some(count) = counts.get_mut((at_ns as f64 * 1e-9 / length_s) as usize) {
            *count += 1.0;
        }
    }
    let mean = counts.iter().sum::<f64>() / windows as f64;
    let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / (windows - 1) as f64;
    let (share, expected_mean) = (0.25, 25.0 * length_s);
    let expected_variance = expected_mean + 2.0 * 1e4 * share * (1.0 - share) * length_s / (1.0 + 1.0 / 3.0);
    let mean_error = (expected_variance / windows as f64).sqrt();
    assert!((mean - expected_mean).abs() < 4.0 * mean_error, "{mean} of {expected_mean}");
    // The relative standard error of a variance of 400 values is 7 %; windows of 150 relaxation times are short of the limit by under 1 %.
    assert!((variance / expected_variance - 1.0).abs() < 0.28, "{variance} of {expected_variance}");
}

#[test]
fn a_day_has_the_rates_of_its_hours() {
    // 0 at midnight, 40 a second at noon, 0 at midnight; days of 10 s.
    let daily = Daily::new(10_000_000_000, &[(0.0, 0.0), (0.5, 40.0)]).unwrap();
    assert!((daily.mean_rate_per_second() - 20.0).abs() < 1e-9);
    let (days, bins) = (500.0, 10_usize);
    let mut counts = vec![0.0_f64; bins];
    for at_ns in times(Arrivals::Daily(daily), 101_000, 5) {
        let at_s = at_ns as f64 * 1e-9;
        if at_s < days * 10.0 {
            counts[(at_s % 10.0) as usize] += 1.0;
        }
    }
    for (bin, count) in counts.iter().enumerate() {
        // The mean rate of a second is that of its middle.
        let middle = bin as f64 + 0.5;
        let expected = days * 8.0 * middle.min(10.0 - middle);
        assert!((count - expected).abs() < 4.0 * expected.sqrt(), "second {bin}: {count} of {expected}");
    }
    // From the last corner round midnight to the first.
    let night = Daily::new(1_000, &[(0.25, 1.0), (0.75, 3.0)]).unwrap();
    assert!((night.mean_rate_per_second() - 2.0).abs() < 1e-9);
    for wrong in [&[][..], &[(0.0, 0.0)], &[(0.5, 1.0), (0.2, 1.0)], &[(1.0, 1.0)], &[(0.0, -1.0)], &[(0.0, f64::NAN)]] {
        assert!(Daily::new(1_000, wrong).is_none(), "{wrong:?}");
    }
}

#[test]
fn counts_have_their_means() {
    let state = |rate_per_second, mean_stay_ns| ModulatedState { rate_per_second, mean_stay_ns };
    assert!(Modulated::new(vec![state(0.0, 1.0)]).is_none() && Modulated::new(vec![state(1.0, 0.0)]).is_none());
    assert!((Count::Histogram(vec![(0, 1.0), (4, 3.0)]).mean() - 3.0).abs() < 1e-12);
    assert!(Variants::new(vec![]).is_none() && Variants::new(vec![(ModelId(0), 0.0)]).is_none());
}

struct OnWorker0;

impl Strategy for OnWorker0 {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::new();
        plan.segment(Some(WorkerId(0)), [TaskId(0)]);
        Ok(plan)
    }
}

/// Ends of the requests of some streams on one worker, models of one task of these durations.
fn run(
    streams: Vec<Stream>,
    durations_ns: &[u64],
    options: &Options,
) -> Result<(StopReason, Vec<RequestRecord>), SimulationError> {
    let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
    let mut builder = TaskGraphBuilder::new();
    builder.task(&[], &[]);
    let tasks = builder.build().unwrap();
    let costs: Vec<CostTable> =
        durations_ns.iter().map(|&ns| CostTable::new(1, vec![Some(KernelCost::of_duration(ns))])).collect();
    let models: Vec<Model<'_>> = costs.iter().map(|costs| Model { name: "model", tasks: &tasks, costs }).collect();
    let mut records: Vec<Record> = Vec::new();
    let summary = simulate(&device, &models, streams, &mut OnWorker0, options, &mut records)?;
    let ended = records.iter().filter_map(|record| if let Record::Request(it) = record { Some(*it) } else { None });
    let ended: Vec<RequestRecord> = ended.collect();
    assert_eq!(summary.arrived, ended.len() as u64, "every request ends once");
    assert_eq!(summary.dropped, ended.iter().filter(|it| it.outcome == Outcome::Dropped).count() as u64);
    Ok((summary.stop, ended))
}

/// Requests of 100 at 0, 10, 20, 30 and 210, with a deadline of 150: who ends when, and how.
#[test]
fn gates_let_in_and_drop_by_their_rule() {
    use Outcome::{Completed, Dropped};
    let check = |rule: QueueRule, expected: [(u32, u64, Outcome); 5]| {
        let mut stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0, 10, 20, 30, 210]), None);
        (stream.queue, stream.deadline_ns) = (Some(rule), Some(150));
        let (stop, ended) = run(vec![stream], &[100], &Options::default()).unwrap();
        let ended: Vec<(u32, u64, Outcome)> = ended.iter().map(|it| (it.request.0, it.ended_ns, it.outcome)).collect();
        assert_eq!((stop, ended.as_slice()), (StopReason::Drained, &expected[..]), "{rule:?}");
    };
    let rule = QueueRule { in_flight: 1, bound: Some(1), when_full: WhenFull::DropNewest, drop_late: false };
    check(rule, [(2, 20, Dropped), (3, 30, Dropped), (0, 100, Completed), (1, 200, Completed), (4, 310, Completed)]);
    let keep_latest = QueueRule { when_full: WhenFull::DropOldest, ..rule };
    check(keep_latest, [(1, 20, Dropped), (2, 30, Dropped), (0, 100, Completed), (3, 200, Completed), (4, 310, Completed)]);
    // None waits: whoever comes while one is in flight is lost, whichever is to be dropped.
    for when_full in [WhenFull::DropNewest, WhenFull::DropOldest] {
        let loss = QueueRule { bound: Some(0), when_full, ..rule };
        check(loss, [(1, 10, Dropped), (2, 20, Dropped), (3, 30, Dropped), (0, 100, Completed), (4, 310, Completed)]);
    }
    // At 100, 1 enters (until 160); at 200, 2 (until 170) and 3 (until 180) are late; 4 comes to an empty gate.
    let late = QueueRule { bound: None, drop_late: true, ..rule };
    check(late, [(0, 100, Completed), (1, 200, Completed), (2, 200, Dropped), (3, 200, Dropped), (4, 310, Completed)]);
    // Two in flight share the worker in order of entering: at 100, 2 enters behind 1.
    let two = QueueRule { in_flight: 2, ..rule };
    check(two, [(3, 30, Dropped), (0, 100, Completed), (1, 200, Completed), (2, 300, Completed), (4, 400, Completed)]);
}

/// What stands at the gate when the run stops is unfinished.
#[test]
fn requests_at_the_gate_are_unfinished_at_the_horizon() {
    let mut stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0, 10, 20]), None);
    stream.queue = Some(QueueRule { in_flight: 1, bound: None, when_full: WhenFull::DropNewest, drop_late: false });
    let options = Options { horizon_ns: Some(50), ..Options::default() };
    let (stop, ended) = run(vec![stream], &[100], &options).unwrap();
    assert_eq!(stop, StopReason::Horizon);
    let ended: Vec<(RequestId, u64, Outcome)> = ended.iter().map(|it| (it.request, it.ended_ns, it.outcome)).collect();
    assert_eq!(ended, [0, 1, 2].map(|id| (RequestId(id), 50, Outcome::Unfinished)));
}

/// The share lost by M/M/1/K (Kendall's K counts the one in service): `(1 - r) r^K / (1 - r^(K + 1))`, `1 / (K + 1)` at load 1.
#[test]
fn a_bounded_queue_loses_what_the_birth_and_death_chain_says() {
    for (load, bound, expected) in [(0.5_f64, 0_u32, 1.0 / 3.0), (1.0, 3, 0.2), (2.0, 1, 4.0 / 7.0)] {
        let mut losses: Vec<f64> = Vec::new();
        for seed in 0..10 {
            let mut stream = Stream::new(ModelId(0), Arrivals::Poisson { mean_gap_ns: 1e6 / load }, Some(20_000));
            stream.queue =
                Some(QueueRule { in_flight: 1, bound: Some(bound), when_full: WhenFull::DropNewest, drop_late: false });
            let options = Options { seed, variation: Variation::Exponential, ..Options::default() };
            let (_, ended) = run(vec![stream], &[1_000_000], &options).unwrap();
            losses.push(ended.iter().filter(|it| it.outcome == Outcome::Dropped).count() as f64 / 20_000.0);
        }
        let mean = sim::statistics::mean(&losses).unwrap();
        let error = sim::statistics::sample_deviation(&losses).unwrap() / 10_f64.sqrt();
        assert!(
            (mean - expected).abs() < 3.0 * error,
            "load {load}, bound {bound}: {mean} of {expected}, standard error {error}"
        );
    }
}

fn after(stream: usize, probability: f64, count: Count, delay_ns: u64) -> Stream {
    Stream::new(ModelId(1), Arrivals::After { stream, probability, count, delay_ns }, None)
}

/// One completion at 100 brings about two requests at 107 of 30 each, and these bring about one each of the third stream.
#[test]
fn completions_bring_about_requests_of_other_streams() {
    let deadline = |from| move |stream: Stream| Stream { deadline_ns: Some(50), deadline_from: from, ..stream };
    let streams = vec![
        Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), None),
        deadline(DeadlineFrom::Arrival)(after(0, 1.0, Count::Fixed(2), 7)),
        deadline(DeadlineFrom::Origin)(after(1, 1.0, Count::Fixed(1), 0)),
        after(0, 0.0, Count::Fixed(1), 0),
    ];
    let (stop, ended) = run(streams, &[100, 30], &Options::default()).unwrap();
    assert_eq!(stop, StopReason::Drained);
    let ended: Vec<(u32, u64, u64, Option<u64>)> =
        ended.iter().map(|it| (it.stream.0, it.arrived_ns, it.ended_ns, it.deadline_ns)).collect();
    let expected =
        [(0, 0, 100, None), (1, 107, 137, Some(157)), (1, 107, 167, Some(157)), (2, 137, 197, Some(50)), (2, 167, 227, Some(50))];
    assert_eq!(ended, expected);
}

/// Counts of followers: mean and, for Poisson, variance, within four standard errors; the same for any order of completion.
#[test]
fn followers_come_as_often_as_they_should() {
    let parents = 4_000_u64;
    for (probability, count, mean, variance) in [
        (0.5, Count::Fixed(1), 0.5, 0.25),
        (1.0, Count::Poisson(3.0), 3.0, 3.0),
        (1.0, Count::Histogram(vec![(0, 1.0), (4, 1.0)]), 2.0, 4.0),
    ] {
        let first = Stream::new(ModelId(0), Arrivals::Periodic { period_ns: 1_000, phase_ns: 0 }, Some(parents));
        let (_, ended) = run(vec![first, after(0, probability, count.clone(), 0)], &[10, 10], &Options::default()).unwrap();
        let followers = ended.iter().filter(|it| it.stream == StreamId(1)).count() as f64;
        let error = (variance * parents as f64).sqrt();
        assert!((followers - mean * parents as f64).abs() < 4.0 * error, "{count:?}: {followers}");
    }
}

#[test]
fn streams_that_cannot_run_are_refused() {
    let check = |streams: Vec<Stream>, expected: StreamError| {
        let error = run(streams, &[1, 1], &Options::default()).map(|_| ()).unwrap_err();
        assert_eq!(error, SimulationError::Stream(expected));
    };
    let one = |stream| after(stream, 1.0, Count::Fixed(1), 0);
    let first = || Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), None);
    check(vec![first(), one(2)], StreamError::UnknownStream { stream: 1, follows: 2, count: 2 });
    check(vec![one(0)], StreamError::Cycle { stream: 0 });
    check(vec![one(2), first(), one(0)], StreamError::Cycle { stream: 0 });
    check(vec![one(1), one(2), one(1)], StreamError::Cycle { stream: 1 });
    let rule = QueueRule { in_flight: 1, bound: None, when_full: WhenFull::DropNewest, drop_late: false };
    let mut closed = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(1));
    closed.queue = Some(rule);
    check(vec![closed], StreamError::ClosedLoopQueue { stream: 0 });
}

/// Requests choose among models with the weights given, each by itself.
#[test]
fn work_depends_on_the_input() {
    let mut stream = Stream::new(ModelId(0), Arrivals::Periodic { period_ns: 1_000, phase_ns: 0 }, Some(4_000));
    stream.variants = Variants::new(vec![(ModelId(0), 3.0), (ModelId(1), 1.0)]);
    let (_, ended) = run(vec![stream], &[10, 70], &Options::default()).unwrap();
    let long: Vec<&RequestRecord> = ended.iter().filter(|it| it.model == ModelId(1)).collect();
    assert!(long.iter().all(|it| it.ended_ns - it.arrived_ns == 70));
    assert!((long.len() as f64 - 1_000.0).abs() < 4.0 * 750_f64.sqrt(), "{}", long.len());
}

/// Mean over seeds of the mean duration, and how durations of one run relate, by the kind of variation.
#[test]
fn model_error_stays_for_a_run_and_noise_does_not() {
    let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
    let mut builder = TaskGraphBuilder::new();
    builder.task(&[], &[]);
    let tasks = builder.build().unwrap();
    // Residuals of 0.5, of which noise is 0.3: the model is wrong by 0.4.
    let costs = CostTable::new(1, vec![Some(KernelCost::of_duration(1_000_000))]).with_log_deviation(vec![0.5]);
    let models = [Model { name: "model", tasks: &tasks, costs: &costs }];
    let logarithms = |variation: Variation, seed: u64| -> Vec<f64> {
        let options = Options { seed, variation, noise_log_deviation: 0.3, ..Options::default() };
        let stream = Stream::new(ModelId(0), Arrivals::Periodic { period_ns: 100_000_000, phase_ns: 0 }, Some(50));
        let mut records: Vec<Record> = Vec::new();
        simulate(&device, &models, vec![stream], &mut OnWorker0, &options, &mut records).unwrap();
        let kernels = records.iter().filter_map(|record| if let Record::Kernel(it) = record { Some(it) } else { None });
        kernels.map(|it| libm::log((it.end_ns - it.start_ns) as f64 * 1e-6)).collect()
    };
    let seeds = 400;
    for (variation, between, within) in [
        (Variation::ModelError, 0.4, 0.0),
        (Variation::Noise, 0.3 / 50_f64.sqrt(), 0.3),
        (Variation::ModelErrorAndNoise, (0.16_f64 + 0.09 / 50.0).sqrt(), 0.3),
        (Variation::Residuals, 0.5 / 50_f64.sqrt(), 0.5),
    ] {
        let runs: Vec<Vec<f64>> = (0..seeds).map(|seed| logarithms(variation, seed)).collect();
        let means: Vec<f64> = runs.iter().map(|run| sim::statistics::mean(run).unwrap()).collect();
        let found = sim::statistics::sample_deviation(&means).unwrap();
        // A deviation of 400 values has a relative standard error of 3.5 %.
        assert!((found / between - 1.0).abs() < 0.14, "{variation:?}: runs differ by {found} instead of {between}");
        let found = runs.iter().map(|run| sim::statistics::sample_deviation(run).unwrap()).sum::<f64>() / f64::from(seeds as u32);
        assert!((found - within).abs() < 0.02, "{variation:?}: requests differ by {found} instead of {within}");
    }
}
