//! Streams of requests: what became of them, whether they settled.

use serde::{Deserialize, Serialize};

use crate::metrics::assemble::{latency, share};
use crate::metrics::{Latency, Report, Requests, Verdict, steady};
use crate::record::{Outcome, Record, RequestRecord};
use crate::statistics::StatisticsError;

/// One stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamReport {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its requests.
    pub requests: Requests,
    /// Deadline misses over requests with a deadline whose fate is known.
    pub miss_rate: Option<f64>,
    /// Latency of its completed requests.
    pub latency: Option<Latency>,
    /// Completed requests per second of the run.
    pub throughput_per_second: Option<f64>,
    /// Mean number of its requests in the system over the time of the run.
    pub mean_in_system: Option<f64>,
    /// Most of its requests in the system at once.
    pub most_in_system: u64,
    /// The same without the warm-up; `None` where none can be told.
    pub settled: Option<Settled>,
    /// Whether the number in the system grew.
    pub verdict: Verdict,
    /// Mean of the real-time score of completed requests with a deadline, see [`real_time_score`].
    pub real_time_score: Option<f64>,
}

/// What is left of a stream without its warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// Completed requests left out, the first to arrive.
    pub warm_up_requests: u64,
    /// Arrival of the first that counts.
    pub from_ns: u64,
    /// Latency of those that count.
    pub latency: Latency,
}

/// `XRBench`'s steepness of the real-time score, per millisecond.
const STEEPNESS_PER_MS: f64 = 15.0;

/// How well a latency meets its deadline, from 1 (long before) by 1/2 (at it) to 0 (long after): `1 / (1 + exp(15 (latency - deadline)))`, times
/// in milliseconds (Kwon et al., "`XRBench`", `MLSys` 2023).
pub fn real_time_score(ended_ns: u64, deadline_ns: u64) -> f64 {
    let late_ms = (ended_ns as f64 - deadline_ns as f64) * 1e-6;
    1.0 / (1.0 + libm::exp(STEEPNESS_PER_MS * late_ms))
}

/// Energy at which `XRBench`'s energy score reaches 0, in millijoules a request.
const WORST_ENERGY_MJ: f64 = 1500.0;

/// `XRBench`'s score from 0 to 100: the mean over streams with deadlines of `sum of real-time x energy score over its completed requests / its requests`
/// times the share of its requests that were not dropped.
///
/// `energy_mj` are the energies of a request of each stream, where they are known; without them the energy score is 1. An unfinished request counts as one
/// that was neither dropped nor completed. `None` where no stream has a request with a deadline.
pub fn xrbench_score(streams: &[StreamReport], energy_mj: Option<&[f64]>) -> Option<f64> {
    let mut scores = Vec::new();
    for (index, stream) in streams.iter().enumerate() {
        let requests = &stream.requests;
        if requests.deadlines == 0 || requests.arrived == 0 {
            continue;
        }
        let energy =
            energy_mj.and_then(|all| all.get(index)).map_or(1.0, |mj| ((WORST_ENERGY_MJ - mj) / WORST_ENERGY_MJ).max(0.0));
        let arrived = requests.arrived as f64;
        let served = stream.real_time_score.unwrap_or(0.0) * energy * requests.completed as f64 / arrived;
        scores.push(served * (1.0 - requests.dropped as f64 / arrived));
    }
    (!scores.is_empty()).then(|| 100.0 * scores.iter().sum::<f64>() / scores.len() as f64)
}

/// The score of a run: with energy where the energy of an inference is known of every model that completed requests.
pub(super) fn score(report: &Report, records: &[Record]) -> Option<f64> {
    let energy = report.device.as_ref().and_then(|device| device.energy.as_ref());
    let energy_mj = energy.and_then(|energy| {
        let mut of_streams = vec![(0.0, 0.0); report.streams.len()];
        for record in records {
            if let Record::Request(RequestRecord { stream, model, outcome: Outcome::Completed, .. }) = record {
                let (sum, count) = &mut of_streams[stream.index()];
                (*sum, *count) = (*sum + energy.models.get(model.index())?.per_inference_j? * 1e3, *count + 1.0);
            }
        }
        Some(of_streams.into_iter().map(|(sum, count)| if count > 0.0 { sum / count } else { 0.0 }).collect::<Vec<f64>>())
    });
    xrbench_score(&report.streams, energy_mj.as_deref())
}

/// Reports on the streams that records name, in their order.
pub(super) fn of(records: &[Record], end_ns: u64) -> Result<Vec<StreamReport>, StatisticsError> {
    let mut streams: Vec<Vec<RequestRecord>> = Vec::new();
    let mut arrived: Vec<u64> = Vec::new();
    for record in records {
        let stream = match record {
            Record::Arrival(arrival) => arrival.stream.index(),
            Record::Request(request) => request.stream.index(),
            _ => continue,
        };
        if streams.len() <= stream {
            streams.resize_with(stream + 1, Vec::new);
            arrived.resize(stream + 1, 0);
        }
        match record {
            Record::Request(request) => streams[stream].push(*request),
            _ => arrived[stream] += 1,
        }
    }
    streams.into_iter().zip(arrived).map(|(requests, arrived)| one(requests, arrived, end_ns)).collect()
}

fn one(mut records: Vec<RequestRecord>, arrived: u64, end_ns: u64) -> Result<StreamReport, StatisticsError> {
    records.sort_unstable_by_key(|it| (it.arrived_ns, it.request));
    let mut requests = Requests { arrived, ..Requests::default() };
    for record in &records {
        requests.count(record);
    }
    let completed = || records.iter().filter(|it| it.outcome == Outcome::Completed);
    let latencies_ns: Vec<f64> = completed().map(|it| (it.ended_ns - it.arrived_ns) as f64).collect();
    let scores: Vec<f64> = completed().filter_map(|it| Some(real_time_score(it.ended_ns, it.deadline_ns?))).collect();
    let spans: Vec<(u64, u64)> = records.iter().map(|it| (it.arrived_ns, it.ended_ns)).collect();
    let in_system_ns: u64 = spans.iter().map(|(arrived_ns, ended_ns)| ended_ns - arrived_ns).sum();
    let settled = match steady::warm_up(&latencies_ns) {
        None => None,
        Some(left_out) => {
            let from_ns = completed().nth(left_out).map_or(0, |it| it.arrived_ns);
            latency(latencies_ns[left_out..].to_vec())?.map(|latency| Settled {
                warm_up_requests: left_out as u64,
                from_ns,
                latency,
            })
        }
    };
    Ok(StreamReport {
        name: None,
        miss_rate: share(requests.deadline_misses as f64, requests.deadlines as f64),
        throughput_per_second: share(requests.completed as f64, end_ns as f64 * 1e-9),
        mean_in_system: share(in_system_ns as f64, end_ns as f64),
        most_in_system: most_at_once(&spans),
        settled,
        verdict: steady::verdict(&spans),
        real_time_score: share(scores.iter().sum(), scores.len() as f64),
        latency: latency(latencies_ns)?,
        requests,
    })
}

/// Most intervals that hold one instant; what ends at an instant has ended when others begin.
fn most_at_once(spans: &[(u64, u64)]) -> u64 {
    let mut ends: Vec<u64> = spans.iter().map(|&(_, ended_ns)| ended_ns).collect();
    ends.sort_unstable();
    let (mut ended, mut most) = (0, 0);
    // Spans stand in order of arrival.
    for (begun, &(arrived_ns, _)) in spans.iter().enumerate() {
        while ended < begun && ends[ended] <= arrived_ns {
            ended += 1;
        }
        most = most.max((begun + 1).saturating_sub(ended));
    }
    most as u64
}
