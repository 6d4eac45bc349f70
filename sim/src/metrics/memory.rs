//! Memory of a run, from its records: what was placed where is a plan, and a plan has a memory plan.

use std::collections::BTreeMap;

use crate::identifiers::{RequestId, SegmentId, TaskId, WorkerId};
use crate::memory::{MemoryOptions, MemoryPlan, Pools, Resident};
use crate::metrics::{MemoryReport, ModelFacts, PoolReport};
use crate::plan::{Part, Piece, Plan, Program};
use crate::platform::Device;
use crate::record::{KernelRecord, Outcome, Record, RequestRecord};

/// Different placements of one model that are looked at; of what comes after the largest so far is assumed.
const MOST_PLACEMENTS: usize = 64;

/// Kernels of a request: segment, start, task, part, worker.
type Ran = Vec<(SegmentId, u64, TaskId, Part, WorkerId)>;

/// Where each piece of a request ran.
type Placement = Vec<(SegmentId, TaskId, Part, WorkerId)>;

/// The memory of the models and of the device's pools.
pub(super) struct Memory {
    pub(super) models: Vec<Option<MemoryReport>>,
    pub(super) pools: Vec<PoolReport>,
    pub(super) peak_bytes: Option<u64>,
}

/// Computes it from records in any order, whose models, tasks and workers are there.
pub(super) fn of(device: &Device, models: &[ModelFacts<'_>], records: &[Record]) -> Memory {
    let mut collector = Collector::new(device, models);
    // Kernels before the end of their request.
    let mut order: Vec<&Record> =
        records.iter().filter(|record| matches!(record, Record::Kernel(_) | Record::Request(_))).collect();
    order.sort_by_key(|record| (record.ended_ns(), matches!(record, Record::Request(_))));
    for record in order {
        match record {
            Record::Kernel(kernel) => collector.kernel(kernel),
            Record::Request(request) => collector.request(request),
            _ => {}
        }
    }
    collector.finish()
}

#[derive(Default)]
struct OfModel {
    known: BTreeMap<Placement, Option<Vec<u64>>>,
    /// Largest arena of each pool.
    arenas: Vec<u64>,
    report: Option<MemoryReport>,
    resident: Resident,
}

struct Collector<'a> {
    device: &'a Device,
    facts: &'a [ModelFacts<'a>],
    pools: Pools,
    models: Vec<OfModel>,
    in_flight: BTreeMap<RequestId, Ran>,
    /// When arenas come and go: time, whether it comes, model, bytes in each pool where they are known.
    changes: Vec<(u64, bool, usize, Option<Vec<u64>>)>,
}

impl<'a> Collector<'a> {
    fn new(device: &'a Device, facts: &'a [ModelFacts<'a>]) -> Self {
        let pools = Pools::of(device);
        let model = || OfModel { arenas: vec![0; pools.memories.len()], ..OfModel::default() };
        let models = facts.iter().map(|_| model()).collect();
        Self { device, facts, pools, models, in_flight: BTreeMap::new(), changes: Vec::new() }
    }

    fn kernel(&mut self, kernel: &KernelRecord) {
        if self.facts[kernel.model.index()].model.is_some() {
            let ran = (kernel.segment, kernel.start_ns, kernel.task, kernel.part, kernel.worker);
            self.in_flight.entry(kernel.request).or_default().push(ran);
        }
    }

    fn request(&mut self, request: &RequestRecord) {
        let ran = self.in_flight.remove(&request.request).unwrap_or_default();
        if request.outcome == Outcome::Dropped {
            return;
        }
        let arenas = if request.outcome == Outcome::Completed { self.place(request.model.index(), ran) } else { None };
        let model = request.model.index();
        self.changes.push((request.arrived_ns, true, model, arenas.clone()));
        self.changes.push((request.ended_ns, false, model, arenas));
    }

    /// Bytes of the arenas that a request with these kernels needed.
    fn place(&mut self, model: usize, mut ran: Ran) -> Option<Vec<u64>> {
        ran.sort_by_key(|&(segment, start_ns, ..)| (segment, start_ns));
        let placement: Placement = ran.iter().map(|&(segment, _, task, part, worker)| (segment, task, part, worker)).collect();
        let of = &mut self.models[model];
        if let Some(arenas) = of.known.get(&placement) {
            return arenas.clone();
        }
        if of.known.len() == MOST_PLACEMENTS {
            return None;
        }
        let (tasks, costs) = self.facts[model].model?;
        let plan = carried_out(&ran);
        let program = Program::compile(&plan, tasks, costs).ok();
        let options = MemoryOptions::default();
        let memory = program.as_ref().and_then(|program| MemoryPlan::of_program(program, tasks, self.device, options));
        let arenas = memory.as_ref().map(|memory| memory.pools.iter().map(|pool| pool.arena_bytes).collect::<Vec<u64>>());
        if let (Some(memory), Some(program)) = (memory, program) {
            let workers: Vec<WorkerId> = program.workers().flatten().collect();
            of.resident.add(&program, &workers, tasks, self.device, &self.pools);
            for (arena, pool) in of.arenas.iter_mut().zip(&memory.pools) {
                *arena = (*arena).max(pool.arena_bytes);
            }
            let report = of.report.get_or_insert_default();
            report.placements += 1;
            if memory.arena_bytes() >= report.arena_bytes {
                report.arena_bytes = memory.arena_bytes();
                report.lower_bound_bytes = memory.lower_bound_bytes();
                report.separate_bytes = memory.separate_bytes();
            }
        }
        of.known.insert(placement, arenas.clone());
        arenas
    }

    fn finish(mut self) -> Memory {
        let count = self.pools.memories.len();
        let mut weights = vec![0_u64; count];
        for (model, facts) in self.models.iter_mut().zip(self.facts) {
            if let (Some(report), Some((tasks, _))) = (&mut model.report, facts.model) {
                let of_pools = model.resident.bytes(tasks, self.device, &self.pools);
                report.weight_bytes = of_pools.iter().sum();
                weights.iter_mut().zip(&of_pools).for_each(|(sum, bytes)| *sum += bytes);
            }
        }
        // What ends at an instant ends before what begins at it.
        self.changes.sort_by_key(|&(at_ns, begins, ..)| (at_ns, begins));
        let mut now = vec![0_u64; count];
        let mut most = vec![0_u64; count];
        let mut peak = 0_u64;
        for (_, begins, model, arenas) in &self.changes {
            let arenas = arenas.as_ref().unwrap_or(&self.models[*model].arenas);
            for (pool, &bytes) in arenas.iter().enumerate() {
                now[pool] = if *begins { now[pool].saturating_add(bytes) } else { now[pool].saturating_sub(bytes) };
                most[pool] = most[pool].max(now[pool]);
            }
            peak = peak.max(now.iter().sum());
        }
        let pools = self.pools.memories.iter().enumerate().map(|(pool, memories)| {
            let names: Vec<&str> = memories.iter().map(|memory| self.device.memories()[memory.index()].name.as_str()).collect();
            PoolReport { name: names.join("+"), weight_bytes: weights[pool], peak_arena_bytes: most[pool] }
        });
        let pools = pools.collect();
        let models: Vec<Option<MemoryReport>> = self.models.into_iter().map(|model| model.report).collect();
        let is_known = models.iter().any(Option::is_some);
        Memory { models, pools, peak_bytes: is_known.then(|| peak.saturating_add(weights.iter().sum())) }
    }
}

/// The plan that these kernels, sorted by segment and start, have carried out.
fn carried_out(ran: &Ran) -> Plan {
    let mut plan = Plan::new();
    let mut last_ns: BTreeMap<WorkerId, u64> = BTreeMap::new();
    plan.sequenced = true;
    for segment in ran.chunk_by(|one, next| one.0 == next.0) {
        let (_, start_ns, .., worker) = segment[0];
        let before = last_ns.insert(worker, start_ns).unwrap_or(0);
        plan.sequenced &= before <= start_ns;
        plan.segment_of_pieces(Some(worker), segment.iter().map(|&(_, _, task, part, _)| Piece { task, part }));
    }
    plan
}
