//! From what was collected to the report.

use crate::metrics::collect::{Collector, MetricsError, OfWorker};
use crate::metrics::memory::Memory;
use crate::metrics::{Latency, LinkReport, ModelReport, ProcessorReport, Report, Requests, Totals, WorkerReport, covered_ns};
use crate::platform::Device;
use crate::statistics::{Sorted, StatisticsError};

impl Collector<'_> {
    pub(super) fn finish(self, memory: Memory) -> Result<Report, MetricsError> {
        let end_ns = self.end_ns;
        let mut requests = Requests::default();
        let mut totals = Totals { decisions: self.decisions, decision_ns: self.decision_ns, ..Totals::default() };
        let mut extrapolated_ns = 0;
        let mut models = Vec::with_capacity(self.models.len());
        for ((facts, mut model), memory) in self.facts.iter().zip(self.models).zip(memory.models) {
            model.totals.fallback_tasks = model.fallback_tasks.len() as u64;
            add_requests(&mut requests, &model.requests);
            add_totals(&mut totals, &model.totals);
            extrapolated_ns += model.extrapolated_ns;
            set_shares(&mut model.totals, model.extrapolated_ns);
            models.push(ModelReport {
                name: facts.name.to_owned(),
                requests: model.requests,
                latency: latency(model.latencies_ns)?,
                throughput_per_second: share(model.requests.completed as f64, end_ns as f64 * 1e-9),
                memory,
                totals: model.totals,
            });
        }
        set_shares(&mut totals, extrapolated_ns);
        let device = self.device;
        let workers = device.workers().iter().zip(&self.workers).map(|(worker, of)| WorkerReport {
            name: worker.name.clone(),
            kernels: of.kernels,
            invocations: of.invocations,
            kernel_ns: of.kernel_ns,
            invocation_ns: of.invocation_ns,
            blocked_ns: of.blocked_ns,
            step_ns: of.step_ns,
            busy_ns: of.busy_ns(),
            utilization: share(of.busy_ns() as f64, end_ns as f64),
            waiting_ns: of.waiting_ns,
            mean_queue_length: share(of.waiting_ns as f64, end_ns as f64),
        });
        let links = device.links().iter().zip(self.links).map(|(link, of)| {
            let busy_ns = covered_ns(of.spans);
            LinkReport {
                name: link.name.clone(),
                copies: of.copies,
                bytes: of.bytes,
                copy_ns: of.copy_ns,
                busy_ns,
                utilization: share(busy_ns as f64, end_ns as f64),
                waiting_ns: of.waiting_ns,
            }
        });
        Ok(Report {
            end_ns,
            requests,
            models,
            workers: workers.collect(),
            processors: processors(device, &self.workers, end_ns),
            links: links.collect(),
            memory: memory.pools,
            peak_memory_bytes: memory.peak_bytes,
            streams: Vec::new(),
            xrbench_score: None,
            allocated: None,
            totals,
            device: None,
            interface: None,
        })
    }
}

fn processors(device: &Device, workers: &[OfWorker], end_ns: u64) -> Vec<ProcessorReport> {
    let mut reports: Vec<ProcessorReport> = device
        .processors()
        .iter()
        .map(|processor| ProcessorReport {
            name: processor.name.clone(),
            cores: processor.cores,
            kernels: 0,
            busy_core_ns: 0,
            utilization: None,
            waiting_ns: 0,
        })
        .collect();
    for (worker, of) in device.workers().iter().zip(workers) {
        for &(processor, cores) in &worker.demands {
            let report = &mut reports[processor.index()];
            report.kernels += of.kernels;
            report.busy_core_ns += of.busy_ns() * u64::from(cores);
            report.waiting_ns += of.waiting_ns;
        }
    }
    for report in &mut reports {
        report.utilization = share(report.busy_core_ns as f64, f64::from(report.cores) * end_ns as f64);
    }
    reports
}

pub(super) fn latency(latencies_ns: Vec<f64>) -> Result<Option<Latency>, StatisticsError> {
    if latencies_ns.is_empty() {
        return Ok(None);
    }
    let mean_ns = crate::statistics::mean(&latencies_ns)?;
    let sorted = Sorted::new(latencies_ns)?;
    let values = sorted.values();
    Ok(Some(Latency {
        mean_ns,
        min_ns: values[0] as u64,
        p50_ns: sorted.quantile(0.50)?,
        p90_ns: sorted.quantile(0.90)?,
        p95_ns: sorted.quantile(0.95)?,
        p99_ns: sorted.quantile(0.99)?,
        max_ns: values[values.len() - 1] as u64,
    }))
}

fn set_shares(totals: &mut Totals, extrapolated_ns: u64) {
    totals.contention_slowdown = share(totals.kernel_ns as f64, totals.kernel_solo_ns as f64);
    totals.extrapolated_share = share(extrapolated_ns as f64, totals.kernel_ns as f64);
}

/// `part / whole`; `None` where the whole is 0.
pub(super) fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn add_requests(sum: &mut Requests, one: &Requests) {
    sum.arrived += one.arrived;
    sum.completed += one.completed;
    sum.dropped += one.dropped;
    sum.unfinished += one.unfinished;
    sum.deadlines += one.deadlines;
    sum.deadline_misses += one.deadline_misses;
}

fn add_totals(sum: &mut Totals, one: &Totals) {
    sum.kernels += one.kernels;
    sum.kernel_ns += one.kernel_ns;
    sum.kernel_solo_ns += one.kernel_solo_ns;
    sum.copies += one.copies;
    sum.copy_ns += one.copy_ns;
    sum.copy_solo_ns += one.copy_solo_ns;
    sum.copy_bytes += one.copy_bytes;
    sum.invocations += one.invocations;
    sum.invocation_ns += one.invocation_ns;
    sum.wait_ns += one.wait_ns;
    sum.merge_ns += one.merge_ns;
    sum.segment_waiting_ns += one.segment_waiting_ns;
    sum.copy_waiting_ns += one.copy_waiting_ns;
    sum.fallback_tasks += one.fallback_tasks;
    sum.fallback_kernels += one.fallback_kernels;
    sum.fallback_ns += one.fallback_ns;
}
