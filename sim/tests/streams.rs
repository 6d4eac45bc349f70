//! What is reported of streams, by hand.

mod common;

use sim::identifiers::{ModelId, RequestId, StreamId};
use sim::metrics::{ModelFacts, Verdict, report, xrbench_score};
use sim::platform::ProcessorKind;
use sim::record::{ArrivalRecord, Outcome, Record, RequestRecord};

const MS: u64 = 1_000_000;

/// `(stream, arrived, ended, deadline, outcome)` of each request, in milliseconds.
fn records(requests: &[(u32, u64, u64, Option<u64>, Outcome)]) -> Vec<Record> {
    let one = |(index, &(stream, arrived, ended, deadline, outcome)): (usize, &(u32, u64, u64, Option<u64>, Outcome))| {
        let (request, stream, model) = (RequestId(index as u32), StreamId(stream), ModelId(0));
        let (arrived_ns, ended_ns, deadline_ns) = (arrived * MS, ended * MS, deadline.map(|deadline| deadline * MS));
        [
            Record::Arrival(ArrivalRecord { request, stream, model, at_ns: arrived_ns }),
            Record::Request(RequestRecord { request, stream, model, arrived_ns, ended_ns, deadline_ns, outcome }),
        ]
    };
    requests.iter().enumerate().flat_map(one).collect()
}

#[test]
fn streams_are_reported_apart() {
    use Outcome::{Completed, Dropped, Unfinished};
    let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
    let models = [ModelFacts { name: "model", ..ModelFacts::default() }];
    let requests = [
        (0, 0, 10, Some(10), Completed),
        (0, 5, 20, Some(15), Dropped),
        (1, 0, 9, Some(10), Completed),
        (2, 10, 100, None, Unfinished),
        (2, 20, 30, None, Completed),
        (2, 30, 40, None, Completed),
    ];
    let report = report(&device, &models, &records(&requests), 100 * MS).unwrap();
    let [first, second, third] = report.streams.as_slice() else { panic!("three streams") };
    assert_eq!((first.requests.arrived, first.requests.completed, first.requests.dropped), (2, 1, 1));
    // A drop misses its deadline; ending at the deadline meets it, with half a point.
    assert_eq!((first.miss_rate, first.real_time_score), (Some(0.5), Some(0.5)));
    assert_eq!((first.mean_in_system, first.most_in_system), (Some(0.25), 2));
    assert!((second.real_time_score.unwrap() - 1.0).abs() < 1e-6);
    assert_eq!((third.miss_rate, third.real_time_score, third.mean_in_system), (None, None, Some(1.1)));
    // The second of the third stream has ended when the last arrives.
    assert_eq!((third.most_in_system, third.verdict), (2, Verdict::Undecided));
    assert!(third.settled.is_none() && third.latency.unwrap().max_ns == 10 * MS);
    // (1/2 x 1/2 x 1/2 + 1) / 2; the stream without deadlines does not count.
    let score = report.xrbench_score.unwrap();
    assert!((score - 56.25).abs() < 1e-4, "{score}");
    // Half of the energy budget is half of a score; beyond it there is none.
    let with_energy = xrbench_score(&report.streams, Some(&[750.0, 3_000.0, 0.0])).unwrap();
    assert!((with_energy - 3.125).abs() < 1e-4, "{with_energy}");
    assert_eq!(xrbench_score(&report.streams[2..], None), None);
}

/// Of a thousand requests that wait longer and longer the stream is told to be backlogged; of a settled one the warm-up is left out.
#[test]
fn warm_up_and_verdict_reach_the_report() {
    let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
    let models = [ModelFacts { name: "model", ..ModelFacts::default() }];
    let flood: Vec<_> = (0..1_000).map(|index| (0, index * 10, index * 12 + 12, None, Outcome::Completed)).collect();
    // A hundred slow ones at first, then alternately 4 and 6 ms.
    let settles = (0..1_000).map(|index| {
        let latency = if index < 100 { 200 - index } else { 4 + 2 * (index % 2) };
        (1, index * 10, index * 10 + latency, None, Outcome::Completed)
    });
    let all: Vec<_> = flood.into_iter().chain(settles).collect();
    let report = report(&device, &models, &records(&all), 20_000 * MS).unwrap();
    assert_eq!((report.streams[0].verdict, &report.streams[0].settled), (Verdict::Backlogged, &None));
    assert_eq!(report.streams[1].verdict, Verdict::Stable);
    let settled = report.streams[1].settled.as_ref().unwrap();
    assert_eq!((settled.warm_up_requests, settled.from_ns), (100, 1_000 * MS));
    assert!((settled.latency.mean_ns - 5e6).abs() < 1e-3 && settled.latency.max_ns == 6 * MS);
}
