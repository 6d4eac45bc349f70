//! The report as aligned text.

use std::fmt::{Display, Formatter, Result, Write};

use crate::metrics::{DeviceReport, InterfaceReport, ModelReport, Report, Totals};

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        writeln!(formatter, "run of {} ms", milliseconds(self.end_ns as f64))?;
        let mut models =
            Table::new(&["model", "arrived", "done", "dropped", "open", "late", "mean ms", "p50", "p90", "p99", "max", "1/s"]);
        for model in &self.models {
            models.row(model_row(model));
        }
        models.fmt(formatter)?;
        let mut processors = Table::new(&["processor", "cores", "kernels", "busy core ms", "used", "queued ms"]);
        for processor in &self.processors {
            processors.row(vec![
                processor.name.clone(),
                processor.cores.to_string(),
                processor.kernels.to_string(),
                milliseconds(processor.busy_core_ns as f64),
                percent(processor.utilization),
                milliseconds(processor.waiting_ns as f64),
            ]);
        }
        processors.fmt(formatter)?;
        let mut workers =
            Table::new(&["worker", "kernels", "invoked", "kernel ms", "invoke ms", "blocked ms", "used", "queued ms"]);
        for worker in self.workers.iter().filter(|worker| worker.busy_ns > 0 || worker.kernels > 0) {
            workers.row(vec![
                worker.name.clone(),
                worker.kernels.to_string(),
                worker.invocations.to_string(),
                milliseconds(worker.kernel_ns as f64),
                milliseconds(worker.invocation_ns as f64),
                milliseconds(worker.blocked_ns as f64),
                percent(worker.utilization),
                milliseconds(worker.waiting_ns as f64),
            ]);
        }
        workers.fmt(formatter)?;
        let mut links = Table::new(&["link", "copies", "bytes", "copy ms", "used", "queued ms"]);
        for link in self.links.iter().filter(|link| link.copies > 0) {
            links.row(vec![
                link.name.clone(),
                link.copies.to_string(),
                link.bytes.to_string(),
                milliseconds(link.copy_ns as f64),
                percent(link.utilization),
                milliseconds(link.waiting_ns as f64),
            ]);
        }
        links.fmt(formatter)?;
        let mut memory = Table::new(&["memory", "weights MB", "arenas MB at once"]);
        for pool in self.memory.iter().filter(|pool| pool.weight_bytes > 0 || pool.peak_arena_bytes > 0) {
            memory.row(vec![pool.name.clone(), megabytes(pool.weight_bytes), megabytes(pool.peak_arena_bytes)]);
        }
        memory.fmt(formatter)?;
        if let Some(device) = &self.device {
            of_device(device, formatter)?;
        }
        if let Some(interface) = &self.interface {
            of_interface(interface, formatter)?;
        }
        totals(&self.totals, formatter)
    }
}

fn of_device(device: &DeviceReport, formatter: &mut Formatter<'_>) -> Result {
    let mut clocks = Table::new(&["clock", "mean MHz", "least", "at the end", "changes"]);
    for clock in &device.clocks {
        let mut row = vec![clock.processor.clone()];
        row.extend([clock.mean_khz, clock.least_khz, clock.end_khz].map(|khz| format!("{:.0}", khz * 1e-3)));
        row.push(clock.changes.to_string());
        clocks.row(row);
    }
    clocks.fmt(formatter)?;
    let mut temperatures = Table::new(&["temperature", "at first C", "most", "at the end"]);
    for node in &device.temperatures {
        let mut row = vec![node.node.clone()];
        row.extend([node.start_celsius, node.most_celsius, node.end_celsius].map(|celsius| format!("{celsius:.1}")));
        temperatures.row(row);
    }
    temperatures.fmt(formatter)?;
    let mut outages = Table::new(&["away", "times", "ms", "lost kernel ms"]);
    for outage in &device.outages {
        let mut row = vec![outage.processor.clone(), outage.outages.to_string()];
        row.extend([outage.away_ns, outage.lost_ns].map(|nanoseconds| milliseconds(nanoseconds as f64)));
        outages.row(row);
    }
    outages.fmt(formatter)?;
    if device.timeouts > 0 {
        writeln!(formatter, "kernels that took too long, and whose requests were dropped: {}", device.timeouts)?;
    }
    if device.outage_drops > 0 {
        writeln!(formatter, "dropped because a processor was away: {}", device.outage_drops)?;
    }
    let Some(energy) = &device.energy else {
        return Ok(());
    };
    let mut models = Table::new(&["energy", "active J", "memory J", "shared J", "mJ an inference"]);
    for model in &energy.models {
        let mut row = vec![model.name.clone()];
        row.extend([model.active_j, model.memory_j, model.shared_j].map(|joules| format!("{joules:.4}")));
        row.push(model.per_inference_j.map_or_else(|| "-".to_owned(), |joules| format!("{:.2}", joules * 1e3)));
        models.row(row);
    }
    models.fmt(formatter)?;
    let watts = energy.mean_power_w.map_or_else(|| "-".to_owned(), |watts| format!("{watts:.3}"));
    writeln!(formatter, "energy {:.4} J, mean power {watts} W", energy.total_j)
}

fn of_interface(interface: &InterfaceReport, formatter: &mut Formatter<'_>) -> Result {
    let header =
        ["frames", "shown", "skipped", "open", "missed", "slow", "frozen", "stuffed", "p50 ms", "p90", "p95", "p99", "max"];
    let mut frames = Table::new(&header);
    let counts =
        [interface.shown, interface.skipped, interface.unfinished, interface.deadline_missed, interface.slow, interface.frozen];
    let mut row = vec![interface.beats.to_string()];
    row.extend(counts.iter().chain([&interface.stuffed]).map(u64::to_string));
    let times = interface.frame_time.map(|it| [it.p50_ns, it.p90_ns, it.p95_ns, it.p99_ns, it.max_ns as f64]);
    row.extend(times.map_or_else(|| [(); 5].map(|()| "-".to_owned()), |it| it.map(milliseconds)));
    frames.row(row);
    frames.fmt(formatter)?;
    writeln!(
        formatter,
        "{} frames/s, {} dropped, {} janky; GPU: frames {}, requests {}",
        interface.frames_per_second.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}")),
        percent(interface.drop_rate),
        percent(interface.jank_rate),
        percent(interface.gpu_utilization),
        percent(interface.gpu_utilization_of_requests),
    )
}

fn model_row(model: &ModelReport) -> Vec<String> {
    let requests = &model.requests;
    let counts = [requests.arrived, requests.completed, requests.dropped, requests.unfinished, requests.deadline_misses];
    let latencies = model.latency.map(|it| [it.mean_ns, it.p50_ns, it.p90_ns, it.p99_ns, it.max_ns as f64]);
    let mut row = vec![model.name.clone()];
    row.extend(counts.map(|count| count.to_string()));
    row.extend(latencies.map_or_else(|| [(); 5].map(|()| "-".to_owned()), |it| it.map(milliseconds)));
    row.push(model.throughput_per_second.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2}")));
    row
}

fn totals(totals: &Totals, formatter: &mut Formatter<'_>) -> Result {
    writeln!(
        formatter,
        "kernels {} ms ({}), copies {} ms ({}, {} bytes), invocations {} ms ({}), decisions {} ms ({})",
        milliseconds(totals.kernel_ns as f64),
        totals.kernels,
        milliseconds(totals.copy_ns as f64),
        totals.copies,
        totals.copy_bytes,
        milliseconds(totals.invocation_ns as f64),
        totals.invocations,
        milliseconds(totals.decision_ns as f64),
        totals.decisions,
    )?;
    writeln!(
        formatter,
        "fallback: {} tasks, {} kernels, {} ms; slowdown {}; extrapolated {}",
        totals.fallback_tasks,
        totals.fallback_kernels,
        milliseconds(totals.fallback_ns as f64),
        totals.contention_slowdown.map_or_else(|| "-".to_owned(), |slowdown| format!("{slowdown:.3}")),
        percent(totals.extrapolated_share),
    )
}

fn milliseconds(nanoseconds: f64) -> String {
    format!("{:.3}", nanoseconds * 1e-6)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 * 1e-6)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}%", share * 100.0))
}

/// Columns padded to their widest cell: the first to the right, the others to the left.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|&name| name.to_owned()).collect()] }
    }

    fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Nothing is written for a table without rows.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        if self.rows.len() < 2 {
            return Ok(());
        }
        let columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            write!(formatter, "{:<width$}", row[0], width = widths[0])?;
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                write!(formatter, "  {cell:>width$}")?;
            }
            formatter.write_char('\n')?;
        }
        formatter.write_char('\n')
    }
}
