//! Numbers over time: busy cores of each processor, queue of each worker, traffic on the shared bandwidth; frequencies, temperatures, power.

use std::collections::BTreeMap;

use sim::identifiers::{ChannelId, ProcessorId, WorkerId};
use sim::record::{self, Record};

use crate::RunResult;

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    BusyCores(ProcessorId),
    Queue(ProcessorId, WorkerId),
    Traffic(ChannelId),
    /// As recorded.
    State(record::Quantity),
}

/// A counter with its values `(time, value)`, times ascending, each once.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    pub(super) quantity: Quantity,
    pub(super) values: Vec<(u64, f64)>,
}

/// Spans during which an amount is added to a quantity.
#[derive(Default)]
struct Spans(Vec<(Quantity, u64, f64)>);

impl Spans {
    fn add(&mut self, quantity: Quantity, start_ns: u64, end_ns: u64, amount: f64) {
        if end_ns > start_ns && amount > 0.0 {
            self.0.push((quantity, start_ns, amount));
            self.0.push((quantity, end_ns, -amount));
        }
    }
}

/// The counters of a run that are not always zero.
pub(super) fn counters(run: &RunResult<'_>) -> Vec<Counter> {
    let mut spans = Spans::default();
    for record in run.records {
        add(run, record, &mut spans);
    }
    let mut changes = spans.0;
    // At one time what ends is taken away first; equal amounts are interchangeable.
    changes.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)).then(one.2.total_cmp(&other.2)));
    let mut counters: Vec<Counter> = changes.chunk_by(|one, next| one.0 == next.0).map(counter).collect();
    counters.extend(states(run));
    counters
}

/// What was recorded as it was: of one time the last value. Totals at the end of the run are no numbers over time.
fn states(run: &RunResult<'_>) -> Vec<Counter> {
    let mut states: BTreeMap<record::Quantity, BTreeMap<u64, f64>> = BTreeMap::new();
    for record in run.records {
        if let Record::State(state) = record
            && !is_total(state.quantity)
        {
            states.entry(state.quantity).or_default().insert(state.at_ns, state.value);
        }
    }
    let counter = |(quantity, values): (record::Quantity, BTreeMap<u64, f64>)| Counter {
        quantity: Quantity::State(quantity),
        values: values.into_iter().collect(),
    };
    states.into_iter().map(counter).collect()
}

fn is_total(quantity: record::Quantity) -> bool {
    use record::Quantity::{ActiveEnergy, BaseEnergy, IdleEnergy, MemoryEnergy};
    matches!(quantity, ActiveEnergy(_) | IdleEnergy(_) | MemoryEnergy | BaseEnergy)
}

fn counter(changes: &[(Quantity, u64, f64)]) -> Counter {
    let mut values = vec![(0, 0.0)];
    let (mut level, mut active) = (0.0, 0i64);
    for instant in changes.chunk_by(|one, next| one.1 == next.1) {
        for (_, _, amount) in instant {
            level += amount;
            active += if *amount > 0.0 { 1 } else { -1 };
        }
        // Sums of rates leave a rounding residue behind.
        if active == 0 {
            level = 0.0;
        }
        let at_ns = instant[0].1;
        match values.last_mut() {
            Some(last) if last.0 == at_ns => last.1 = level,
            _ => values.push((at_ns, level)),
        }
    }
    Counter { quantity: changes[0].0, values }
}

fn add(run: &RunResult<'_>, record: &Record, spans: &mut Spans) {
    let device = run.device;
    match record {
        Record::Invocation(invocation) => {
            occupy(run, invocation.worker, invocation.start_ns, invocation.end_ns, spans);
            queue(run, invocation.worker, invocation.ready_ns, invocation.start_ns, spans);
        }
        Record::Kernel(kernel) => {
            occupy(run, kernel.worker, kernel.start_ns, kernel.end_ns, spans);
            queue(run, kernel.worker, kernel.ready_ns, kernel.start_ns, spans);
            let costs = run.models[kernel.model.index()].model.costs;
            if let (Some(dram), Some(cost)) = (device.dram(), costs.part(kernel.task, kernel.part, kernel.worker)) {
                let rate = cost.memory_bytes as f64 / (kernel.end_ns - kernel.start_ns) as f64;
                spans.add(Quantity::Traffic(dram), kernel.start_ns, kernel.end_ns, rate);
            }
        }
        Record::Copy(copy) => {
            let link = device.link(copy.link);
            if let Some(worker) = link.blocks {
                occupy(run, worker, copy.start_ns, copy.end_ns, spans);
                queue(run, worker, copy.requested_ns, copy.start_ns, spans);
            }
            for &(channel, per_byte) in &link.channels {
                let rate = copy.bytes as f64 * per_byte / (copy.end_ns - copy.start_ns) as f64;
                spans.add(Quantity::Traffic(channel), copy.start_ns, copy.end_ns, rate);
            }
        }
        Record::Step(step) => occupy(run, step.worker, step.start_ns, step.end_ns, spans),
        Record::Arrival(_)
        | Record::Request(_)
        | Record::Decision(_)
        | Record::State(_)
        | Record::Energy(_)
        | Record::Frame(_) => {}
    }
}

fn occupy(run: &RunResult<'_>, worker: WorkerId, start_ns: u64, end_ns: u64, spans: &mut Spans) {
    for &(processor, cores) in &run.device.worker(worker).demands {
        spans.add(Quantity::BusyCores(processor), start_ns, end_ns, f64::from(cores));
    }
}

fn queue(run: &RunResult<'_>, worker: WorkerId, ready_ns: u64, start_ns: u64, spans: &mut Spans) {
    spans.add(Quantity::Queue(run.device.worker(worker).demands[0].0, worker), ready_ns, start_ns, 1.0);
}
