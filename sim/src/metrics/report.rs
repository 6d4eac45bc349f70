//! The report: machine output (through serde) and pretty output (through `Display`) of one struct.

use serde::{Deserialize, Serialize};

use crate::metrics::{AllocatedReport, DeviceReport, InterfaceReport, StreamReport};
use crate::record::{Outcome, RequestRecord};

/// Everything computed from the records of one run. Definitions, units and edge cases: `docs/metrics.md`.
///
/// Where a number does not exist (the latency of no request, a share of nothing) it is `None`, never NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Length of the run, from 0 to its end.
    pub end_ns: u64,
    /// Requests over all models.
    pub requests: Requests,
    /// One entry for each model, in their order.
    pub models: Vec<ModelReport>,
    /// One entry for each worker, in the device's order.
    pub workers: Vec<WorkerReport>,
    /// One entry for each processor, in the device's order.
    pub processors: Vec<ProcessorReport>,
    /// One entry for each link, in the device's order.
    pub links: Vec<LinkReport>,
    /// One entry for each pool of memories that are mapped into each other, in the device's order.
    pub memory: Vec<PoolReport>,
    /// Most bytes of weights and arenas at once, over all pools.
    pub peak_memory_bytes: Option<u64>,
    /// One entry for each stream, in their order.
    #[serde(default)]
    pub streams: Vec<StreamReport>,
    /// `XRBench`'s score, where streams have deadlines; see [`crate::metrics::xrbench_score`].
    #[serde(default)]
    pub xrbench_score: Option<f64>,
    /// Memory that an executor allocated; `None` in simulated runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<AllocatedReport>,
    /// Sums over the run.
    pub totals: Totals,
    /// Energy, clocks and temperatures, where the run models them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceReport>,
    /// Frames of the user interface, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<InterfaceReport>,
}

/// One pool of memories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolReport {
    /// Names of its memories, joined by `+`.
    pub name: String,
    /// Weights of all models.
    pub weight_bytes: u64,
    /// Most bytes of arenas of requests in flight at once.
    pub peak_arena_bytes: u64,
}

/// Memory of one model, over all pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// Different placements of its requests that are counted in.
    pub placements: u32,
    /// Weights, once for each pool or layout that some placement needs them in.
    pub weight_bytes: u64,
    /// Arena of one request, of the placement that needs most.
    pub arena_bytes: u64,
    /// What that placement holds at once in any case: no arena can be smaller.
    pub lower_bound_bytes: u64,
    /// What it would take if every buffer had a place of its own.
    pub separate_bytes: u64,
}

/// What became of requests: `arrived = completed + dropped + unfinished`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests that completed.
    pub completed: u64,
    /// Requests that were dropped.
    pub dropped: u64,
    /// Requests in flight when the run ended.
    pub unfinished: u64,
    /// Requests with a deadline of which it is known whether they met it.
    pub deadlines: u64,
    /// Those of them that missed it.
    pub deadline_misses: u64,
}

impl Requests {
    /// Counts how a request ended.
    pub(super) fn count(&mut self, request: &RequestRecord) {
        let late = request.deadline_ns.is_some_and(|deadline_ns| request.ended_ns > deadline_ns);
        let (decided, missed) = match request.outcome {
            Outcome::Completed => {
                self.completed += 1;
                (true, late)
            }
            Outcome::Dropped => {
                self.dropped += 1;
                (true, true)
            }
            Outcome::Unfinished => {
                self.unfinished += 1;
                (late, late)
            }
        };
        if request.deadline_ns.is_some() {
            self.deadlines += u64::from(decided);
            self.deadline_misses += u64::from(missed);
        }
    }
}

/// Distribution of the latency (arrival to end) of completed requests; quantiles of type 7.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Arithmetic mean.
    pub mean_ns: f64,
    /// Smallest.
    pub min_ns: u64,
    /// Median.
    pub p50_ns: f64,
    /// 90th percentile.
    pub p90_ns: f64,
    /// 95th percentile.
    pub p95_ns: f64,
    /// 99th percentile.
    pub p99_ns: f64,
    /// Largest.
    pub max_ns: u64,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelReport {
    /// Its name.
    pub name: String,
    /// Its requests.
    pub requests: Requests,
    /// Latency of its completed requests.
    pub latency: Option<Latency>,
    /// Completed requests per second of the run.
    pub throughput_per_second: Option<f64>,
    /// Its memory; `None` where none of its requests completed.
    pub memory: Option<MemoryReport>,
    /// Its kernels and copies.
    pub totals: Totals,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Its name.
    pub name: String,
    /// Kernels that ended on it.
    pub kernels: u64,
    /// Invocations that ended on it.
    pub invocations: u64,
    /// Time in kernels.
    pub kernel_ns: u64,
    /// Time in invocations.
    pub invocation_ns: u64,
    /// Time occupied by copies that block it.
    pub blocked_ns: u64,
    /// Time waiting for the end of kernels to be known and merging parts; 0 in simulated runs, whose kernels include it.
    pub step_ns: u64,
    /// `kernel_ns + invocation_ns + blocked_ns + step_ns`.
    pub busy_ns: u64,
    /// `busy_ns / end_ns`.
    pub utilization: Option<f64>,
    /// Sum over segments of the time from ready to start.
    pub waiting_ns: u64,
    /// Mean number of segments that wait for it: `waiting_ns / end_ns`.
    #[serde(default)]
    pub mean_queue_length: Option<f64>,
}

/// One processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessorReport {
    /// Its name.
    pub name: String,
    /// Its cores.
    pub cores: u32,
    /// Kernels of workers that use it.
    pub kernels: u64,
    /// Sum over its workers of `busy_ns` times the cores they use of it.
    pub busy_core_ns: u64,
    /// `busy_core_ns / (cores * end_ns)`.
    pub utilization: Option<f64>,
    /// Sum of `waiting_ns` over workers that use it.
    pub waiting_ns: u64,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkReport {
    /// Its name.
    pub name: String,
    /// Copies that ended on it.
    pub copies: u64,
    /// Bytes they carried.
    pub bytes: u64,
    /// Sum of their durations.
    pub copy_ns: u64,
    /// Time with at least one copy under way.
    pub busy_ns: u64,
    /// `busy_ns / end_ns`.
    pub utilization: Option<f64>,
    /// Sum of the time from requested to start.
    pub waiting_ns: u64,
}

/// Sums over a run or over a model of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Kernels that ended.
    pub kernels: u64,
    /// Sum of their durations.
    pub kernel_ns: u64,
    /// Sum of what they were expected to take with nothing else running.
    pub kernel_solo_ns: u64,
    /// Copies that ended.
    pub copies: u64,
    /// Sum of their durations.
    pub copy_ns: u64,
    /// Sum of what they were expected to take with nothing else running.
    pub copy_solo_ns: u64,
    /// Bytes copied.
    pub copy_bytes: u64,
    /// Invocations that ended.
    pub invocations: u64,
    /// Sum of their durations.
    pub invocation_ns: u64,
    /// Time from the end of kernels, by their device's clock, until it was known; 0 in simulated runs.
    pub wait_ns: u64,
    /// Time putting parts in their places; 0 in simulated runs.
    pub merge_ns: u64,
    /// Sum over segments of the time from ready to start.
    pub segment_waiting_ns: u64,
    /// Sum over copies of the time from requested to start.
    pub copy_waiting_ns: u64,
    /// Decisions of the strategy at run time. A decision belongs to no model.
    pub decisions: u64,
    /// Sum of what they cost.
    pub decision_ns: u64,
    /// Tasks of which at least one kernel ran on a worker that is not one of the model's primary workers.
    pub fallback_tasks: u64,
    /// Kernels on workers that are not primary.
    pub fallback_kernels: u64,
    /// Sum of the durations of those kernels.
    pub fallback_ns: u64,
    /// `kernel_ns / kernel_solo_ns`.
    pub contention_slowdown: Option<f64>,
    /// Share of `kernel_ns` in kernels whose prediction lies outside the range the profile was fitted on.
    pub extrapolated_share: Option<f64>,
}
