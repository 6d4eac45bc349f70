//! One measurement each: runs a workload, checks its outcome, reports the time.

use std::time::Instant;

use sim::engine::{Model, Options, Variation, simulate, simulate_programs};
use sim::identifiers::{ModelId, WorkerId};
use sim::plan::{Plan, Program};
use sim::record::{NoRecorder, Outcome, Record, Recorder};
use sim::strategy::{DeviceView, Heft, Job, Strategy};
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

use crate::workloads::{CHAIN, Given, SplitMix, chain, chain_plan, chain_stream, device, layered_dag};

/// One line of the common benchmark's output.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Name of the measure, e.g. `dag_sim`.
    pub bench: &'static str,
    /// Size of the workload.
    pub size: usize,
    /// What the time is divided by.
    pub events: u64,
    /// Wall-clock time of the part measured.
    pub seconds: f64,
    /// The outcome, to be compared between engines.
    pub check: String,
}

impl Measurement {
    /// The line as JSON.
    pub fn json(&self) -> String {
        format!(
            "{{\"engine\":\"socrates\",\"bench\":\"{}\",\"n\":{},\"events\":{},\"s\":{:.6},\"ns_per_event\":{:.2},\"rss_mb\":{:.1},\"check\":\"{}\"}}",
            self.bench,
            self.size,
            self.events,
            self.seconds,
            self.seconds * 1e9 / self.events as f64,
            peak_memory_mb(),
            self.check
        )
    }
}

/// Largest resident size of this process so far; 0 where the system does not tell.
fn peak_memory_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).map_or(0.0, |kilobytes| kilobytes / 1024.0)
}

/// Workload (b): plan by HEFT and compile the plan, then simulate the program; the two timed apart.
///
/// # Panics
/// If the engine refuses the workload: then the engine is wrong.
pub fn dag(count: usize, megabytes_per_second: f64, shared: bool) -> Vec<Measurement> {
    let device = device(megabytes_per_second, shared);
    let workload = layered_dag(count);
    let job = Job { model: ModelId(0), name: "dag", tasks: &workload.tasks, costs: &workload.costs };
    let view = DeviceView { device: &device, jobs: &[job], seed: 0 };
    let start = Instant::now();
    let plan = Heft::default().plan(&job, &view).expect("every task runs everywhere");
    let program = Program::compile(&plan, &workload.tasks, &workload.costs).expect("a HEFT plan is valid");
    let planned = Instant::now();
    let models = [Model { name: "dag", tasks: &workload.tasks, costs: &workload.costs }];
    let stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), Some(1));
    let options = Options::default();
    let summary = simulate_programs(&device, &models, vec![program], vec![stream], None, &options, &mut NoRecorder)
        .expect("one program for one model");
    let simulated = Instant::now();
    let check = format!("makespan={:.9} events={} edges={}", summary.end_ns as f64 * 1e-9, summary.events, workload.edges);
    let measurement = |bench, from: Instant, to: Instant, check| Measurement {
        bench,
        size: count,
        events: count as u64,
        seconds: (to - from).as_secs_f64(),
        check,
    };
    vec![
        measurement("dag_sched", start, planned, String::new()),
        measurement("dag_sim", planned, simulated, check.clone()),
        measurement("dag", start, simulated, check),
    ]
}

/// Keeps the latency of each completed request.
#[derive(Default)]
struct Latencies(Vec<u64>);

impl Recorder for Latencies {
    #[inline]
    fn record(&mut self, record: &Record) {
        if let Record::Request(request) = record
            && request.outcome == Outcome::Completed
        {
            self.0.push(request.ended_ns - request.arrived_ns);
        }
    }
}

/// Workload (c). Tracing is off while it is timed; the latencies come from a second run.
///
/// # Panics
/// If the engine refuses the workload: then the engine is wrong.
pub fn stream(requests: usize) -> Measurement {
    let device = device(2000.0, false);
    let (workload, mean_gap_s) = chain();
    let models = [Model { name: "chain", tasks: &workload.tasks, costs: &workload.costs }];
    let options = Options::default();
    let run = || vec![chain_stream(requests, mean_gap_s)];
    let start = Instant::now();
    let summary = simulate(&device, &models, run(), &mut Given(chain_plan()), &options, &mut NoRecorder).expect("a valid plan");
    let seconds = start.elapsed().as_secs_f64();
    let mut latencies = Latencies::default();
    simulate(&device, &models, run(), &mut Given(chain_plan()), &options, &mut latencies).expect("a valid plan");
    let mut sorted = latencies.0;
    sorted.sort_unstable();
    let mean_s = sorted.iter().map(|&ns| ns as f64).sum::<f64>() / sorted.len() as f64 * 1e-9;
    let p99_s = sorted[(sorted.len() as f64 * 0.99) as usize] as f64 * 1e-9;
    let check = format!("end={:.9} mean={mean_s:.12} p99={p99_s:.9}", summary.end_ns as f64 * 1e-9);
    // 73 canonical events a request: its arrival, 70 operator ends, 2 transfers.
    Measurement { bench: "stream", size: requests, events: requests as u64 * (CHAIN as u64 + 3), seconds, check }
}

/// Workload (a1): one server, exponential gaps of mean 1/0.8 s, exponential service of mean 1 s.
///
/// # Panics
/// If the engine refuses the workload: then the engine is wrong.
pub fn queue(customers: usize) -> Measurement {
    let device = device(2000.0, false);
    let mut builder = TaskGraphBuilder::new();
    let (task, _) = builder.task(&[], &[]);
    let tasks = builder.build().expect("one task");
    let costs = CostTable::new(3, vec![Some(KernelCost::of_duration(1_000_000_000)); 3]);
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(0)), [task]);
    debug_assert!(Program::compile(&plan, &tasks, &costs).is_ok());
    let models = [Model { name: "customer", tasks: &tasks, costs: &costs }];
    let options = Options { seed: 2, variation: Variation::Exponential, ..Options::default() };
    let mut random = SplitMix(1);
    let gap = move || Some((random.exponential(1.25) * 1e9).round() as u64);
    let stream = Stream::new(ModelId(0), Arrivals::Gaps(Box::new(gap)), Some(customers as u64));
    let mut latencies = Latencies::default();
    let start = Instant::now();
    let summary = simulate(&device, &models, vec![stream], &mut Given(plan), &options, &mut latencies).expect("a valid plan");
    let seconds = start.elapsed().as_secs_f64();
    let mean_s = latencies.0.iter().map(|&ns| ns as f64).sum::<f64>() / latencies.0.len() as f64 * 1e-9;
    let check = format!("mean={mean_s:.12} end={:.9}", summary.end_ns as f64 * 1e-9);
    Measurement { bench: "mm1", size: customers, events: 2 * customers as u64, seconds, check }
}
