//! The report: laws on random runs, and one run computed by hand.

mod small;

use proptest::prelude::*;
use sim::identifiers::{DataId, LinkId, ModelId, RequestId, SegmentId, StreamId, TaskId, WorkerId};
use sim::metrics::{Latency, MetricsError, ModelFacts, Report, Requests, report};
use sim::plan::Part;
use sim::record::{ArrivalRecord, CopyRecord, DecisionRecord, InvocationRecord, KernelRecord, Outcome, Record, RequestRecord};

fn of(case: &small::Case) -> Report {
    let facts: Vec<ModelFacts<'_>> = case
        .names
        .iter()
        .zip(case.graphs.iter().zip(&case.costs))
        .map(|(name, model)| ModelFacts { name, model: Some(model), primary: &[WorkerId(3)], extrapolated: &[] })
        .collect();
    report(&case.device, &facts, &case.records, case.summary.end_ns).expect("the engine's records are consistent")
}

fn size() -> impl Strategy<Value = small::Size> {
    (any::<u64>(), 1..3usize, 1..9usize, 0..12u64).prop_map(|(seed, models, tasks, requests)| small::Size {
        seed,
        models,
        tasks,
        requests,
    })
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(1.0)
}

proptest! {
    #[test]
    fn requests_are_conserved(size in size()) {
        let case = small::case(size);
        let report = of(&case);
        let sum = |field: fn(&Requests) -> u64| report.models.iter().map(|model| field(&model.requests)).sum::<u64>();
        for requests in report.models.iter().map(|model| &model.requests).chain([&report.requests]) {
            prop_assert_eq!(requests.arrived, requests.completed + requests.dropped + requests.unfinished);
            prop_assert!(requests.deadline_misses <= requests.deadlines && requests.deadlines <= requests.arrived);
        }
        prop_assert_eq!(report.requests.arrived, sum(|it| it.arrived));
        prop_assert_eq!(report.requests.completed, sum(|it| it.completed));
        prop_assert_eq!(report.requests.arrived, case.summary.arrived);
        prop_assert_eq!(report.requests.completed, case.summary.completed);
    }

    #[test]
    fn time_and_bytes_are_conserved(size in size()) {
        let report = of(&small::case(size));
        let totals = report.totals;
        let workers = |field: fn(&sim::metrics::WorkerReport) -> u64| report.workers.iter().map(field).sum::<u64>();
        let links = |field: fn(&sim::metrics::LinkReport) -> u64| report.links.iter().map(field).sum::<u64>();
        let models = |field: fn(&sim::metrics::Totals) -> u64| report.models.iter().map(|it| field(&it.totals)).sum::<u64>();
        for (what, whole, parts) in [
            ("kernels of workers", totals.kernels, workers(|it| it.kernels)),
            ("kernel time of workers", totals.kernel_ns, workers(|it| it.kernel_ns)),
            ("invocations of workers", totals.invocation_ns, workers(|it| it.invocation_ns)),
            ("waiting of workers", totals.segment_waiting_ns, workers(|it| it.waiting_ns)),
            ("copies of links", totals.copies, links(|it| it.copies)),
            ("bytes of links", totals.copy_bytes, links(|it| it.bytes)),
            ("copy time of links", totals.copy_ns, links(|it| it.copy_ns)),
            ("waiting of links", totals.copy_waiting_ns, links(|it| it.waiting_ns)),
            ("kernel time of models", totals.kernel_ns, models(|it| it.kernel_ns)),
            ("copy time of models", totals.copy_ns, models(|it| it.copy_ns)),
            ("fallback of models", totals.fallback_ns, models(|it| it.fallback_ns)),
        ] {
            prop_assert_eq!(whole, parts, "{}", what);
        }
        let elsewhere: u64 = report.workers.iter().filter(|it| it.name != "gpu").map(|it| it.kernel_ns).sum();
        prop_assert_eq!(totals.fallback_ns, elsewhere);
    }

    #[test]
    fn nothing_is_busier_than_the_run_is_long(size in size()) {
        let report = of(&small::case(size));
        for worker in &report.workers {
            prop_assert!(worker.busy_ns <= report.end_ns, "{worker:?}");
            prop_assert_eq!(worker.busy_ns, worker.kernel_ns + worker.invocation_ns + worker.blocked_ns);
        }
        for processor in &report.processors {
            prop_assert!(processor.utilization.is_none_or(|it| it <= 1.0), "{processor:?}");
        }
        for link in &report.links {
            prop_assert!(link.busy_ns <= report.end_ns && link.busy_ns <= link.copy_ns, "{link:?}");
        }
    }

    #[test]
    fn quantiles_ascend(size in size()) {
        for model in of(&small::case(size)).models {
            prop_assert_eq!(model.latency.is_some(), model.requests.completed > 0);
            if let Some(it) = model.latency {
                let ascending = [it.min_ns as f64, it.p50_ns, it.p90_ns, it.p95_ns, it.p99_ns, it.max_ns as f64];
                prop_assert!(ascending.is_sorted(), "{:?}", it);
                prop_assert!(it.min_ns as f64 <= it.mean_ns && it.mean_ns <= it.max_ns as f64, "{:?}", it);
            }
        }
    }

    #[test]
    fn the_order_of_records_does_not_matter(size in size()) {
        let mut case = small::case(size);
        let report = of(&case);
        case.records.reverse();
        prop_assert_eq!(report, of(&case));
    }
}

#[test]
fn random_runs_cover_what_there_is_and_sharing_never_speeds_up() {
    let (mut unfinished, mut blocked_ns, mut slowed, mut split) = (0, 0, 0, 0);
    for seed in 0..200 {
        let case = small::case(small::Size { seed, models: 2, tasks: 6, requests: 6 });
        for record in &case.records {
            if let Record::Kernel(kernel) = record {
                assert!(case.varied || kernel.end_ns - kernel.start_ns >= kernel.solo_ns, "seed {seed}: {kernel:?}");
                split += u64::from(!kernel.part.is_whole());
            }
        }
        let report = of(&case);
        let slowdown = report.totals.contention_slowdown.unwrap_or(1.0);
        assert!(case.varied || slowdown >= 1.0, "seed {seed}: {slowdown}");
        unfinished += report.requests.unfinished;
        blocked_ns += report.workers.iter().map(|worker| worker.blocked_ns).sum::<u64>();
        slowed += u64::from(slowdown > 1.01);
    }
    assert!(unfinished > 0 && blocked_ns > 0 && slowed > 0 && split > 0, "{unfinished} {blocked_ns} {slowed} {split}");
}

fn kernel(task: u32, worker: u32, times: [u64; 3], solo_ns: u64) -> Record {
    let (request, model, segment) = (RequestId(0), ModelId(0), SegmentId(task));
    let [ready_ns, start_ns, end_ns] = times;
    let (task, worker, part) = (TaskId(task), WorkerId(worker), Part::Whole);
    Record::Kernel(KernelRecord { request, model, segment, task, part, kernels: 1, worker, ready_ns, start_ns, end_ns, solo_ns })
}

fn request(number: u32, arrived_ns: u64, ended_ns: u64, deadline_ns: Option<u64>, outcome: Outcome) -> [Record; 2] {
    let (request, model) = (RequestId(number), ModelId(0));
    [
        Record::Arrival(ArrivalRecord { request, stream: StreamId(0), model, at_ns: arrived_ns }),
        Record::Request(RequestRecord { request, stream: StreamId(0), model, arrived_ns, ended_ns, deadline_ns, outcome }),
    ]
}

/// On `big.1+little.3` (2), `gpu` (3) and the link `host to gpu` (0), which blocks the GPU.
fn by_hand() -> Vec<Record> {
    let (id, model) = (RequestId(0), ModelId(0));
    let mut records = vec![
        kernel(0, 2, [0, 10, 110], 100),
        Record::Invocation(InvocationRecord {
            request: id,
            model,
            segment: SegmentId(1),
            worker: WorkerId(3),
            ready_ns: 200,
            start_ns: 250,
            end_ns: 300,
        }),
        kernel(1, 3, [300, 300, 600], 200),
        Record::Decision(DecisionRecord { at_ns: 5, cost_ns: 40, placed: 1 }),
    ];
    for (requested_ns, start_ns, end_ns) in [(110, 120, 160), (110, 140, 200)] {
        let (data, bytes, link, solo_ns) = (DataId(1), 64, LinkId(0), 40);
        records.push(Record::Copy(CopyRecord { request: id, model, data, bytes, link, requested_ns, start_ns, end_ns, solo_ns }));
    }
    records.extend(request(0, 0, 600, Some(599), Outcome::Completed));
    records.extend(request(1, 100, 500, Some(500), Outcome::Completed));
    records.extend(request(2, 100, 300, Some(900), Outcome::Dropped));
    records.extend(request(3, 700, 1000, Some(2000), Outcome::Unfinished));
    records.extend(request(4, 700, 1000, Some(999), Outcome::Unfinished));
    records.extend(request(5, 900, 1000, None, Outcome::Unfinished));
    records
}

#[test]
fn a_run_computed_by_hand() {
    let device = small::device();
    let mut extrapolated = vec![false; 2 * device.workers().len()];
    extrapolated[device.workers().len() + 3] = true;
    let facts = ModelFacts { name: "m", model: None, primary: &[WorkerId(3), WorkerId(4)], extrapolated: &extrapolated };
    let report = report(&device, &[facts], &by_hand(), 1000).expect("consistent");
    let requests = Requests { arrived: 6, completed: 2, dropped: 1, unfinished: 3, deadlines: 4, deadline_misses: 3 };
    assert_eq!(report.requests, requests);
    let latency =
        Latency { mean_ns: 500.0, min_ns: 400, p50_ns: 500.0, p90_ns: 580.0, p95_ns: 590.0, p99_ns: 598.0, max_ns: 600 };
    assert_eq!(report.models[0].latency, Some(latency));
    assert!(close(report.models[0].throughput_per_second.unwrap_or(0.0), 2e6));
    let gpu = &report.workers[3];
    assert_eq!((gpu.kernel_ns, gpu.invocation_ns, gpu.blocked_ns, gpu.busy_ns, gpu.waiting_ns), (300, 50, 100, 450, 50));
    assert_eq!(gpu.utilization, Some(0.45));
    let [big, little] = [0, 1].map(|index| &report.processors[index]);
    assert_eq!((big.busy_core_ns, big.utilization), (100, Some(0.05)));
    assert_eq!((little.busy_core_ns, little.utilization, little.kernels), (300, Some(0.075), 1));
    let link = &report.links[0];
    assert_eq!((link.copies, link.bytes, link.copy_ns, link.busy_ns, link.waiting_ns), (2, 128, 100, 80, 40));
    let totals = report.totals;
    assert_eq!((totals.kernel_ns, totals.kernel_solo_ns, totals.contention_slowdown), (400, 300, Some(400.0 / 300.0)));
    assert_eq!((totals.fallback_tasks, totals.fallback_kernels, totals.fallback_ns), (1, 1, 100));
    assert_eq!(totals.extrapolated_share, Some(0.75));
    assert_eq!((totals.decisions, totals.decision_ns, totals.segment_waiting_ns), (1, 40, 60));
    let text = report.to_string();
    assert!(text.contains("little         4        1         0.000   7.5%"), "{text}");
}

#[test]
fn an_empty_run_has_no_shares() {
    let device = small::device();
    let report = report(&device, &[ModelFacts { name: "m", ..ModelFacts::default() }], &[], 0).expect("consistent");
    assert_eq!(report.models[0].latency, None);
    assert_eq!(report.models[0].throughput_per_second, None);
    assert_eq!((report.totals.contention_slowdown, report.workers[0].utilization), (None, None));
}

#[test]
fn inconsistent_records_are_refused() {
    let device = small::device();
    let facts = [ModelFacts { name: "m", ..ModelFacts::default() }];
    for (record, expected) in [
        (kernel(0, 99, [0, 1, 2], 1), "record 0 names worker 99, but there are 5"),
        (kernel(0, 0, [0, 9, 2], 1), "record 0 goes from 9 ns to 2 ns: times must ascend and end by the end of the run, 50 ns"),
        (
            kernel(0, 0, [0, 1, 51], 1),
            "record 0 goes from 51 ns to 50 ns: times must ascend and end by the end of the run, 50 ns",
        ),
    ] {
        let error: MetricsError = report(&device, &facts, &[record], 50).expect_err("inconsistent");
        assert_eq!(error.to_string(), expected);
    }
}
