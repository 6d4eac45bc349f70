//! What an operator, or a chain, is predicted to take, and the best way to run one operator.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::identifiers::{DataId, TaskId, WorkerId};
use crate::plan::{Launch, Part, Piece};
use crate::platform::{Device, Link};
use crate::strategy::Job;
use crate::strategy::co_execution::{Pair, TENTHS, cut_at};

use super::{By, Choice, Decision, Synchronization};

/// A piece, how it is launched, and where.
type Asked = (TaskId, Part, Launch, WorkerId);

/// Predicts what parts and sharing take.
pub(super) struct Predictor<'a> {
    pub(super) job: &'a Job<'a>,
    device: &'a Device,
    pair: Pair,
    /// From the accelerator's memory to the CPU's, and back; `None` where they are one.
    links: (Option<&'a Link>, Option<&'a Link>),
    synchronization_ns: u64,
    /// Durations of pieces that were asked for before.
    known: RefCell<BTreeMap<Asked, Option<u64>>>,
}

impl<'a> Predictor<'a> {
    pub(super) fn new(job: &'a Job<'a>, device: &'a Device, pair: Pair, synchronization: Synchronization) -> Self {
        let memory = |worker: WorkerId| device.worker(worker).memory;
        let (own, host) = (memory(pair.accelerator), memory(pair.cpu));
        let link = |from, to| device.route(from, to).map(|link| device.link(link));
        let links = (link(own, host), link(host, own));
        let synchronization_ns = match synchronization {
            Synchronization::Bound(bound_ns) => bound_ns,
            Synchronization::OfLink => links.0.map_or(0, |link| 2 * link.synchronization_ns),
        };
        Self { job, device, pair, links, synchronization_ns, known: RefCell::default() }
    }

    /// What some pieces take back to back on a worker; `None` where it cannot run one.
    pub(super) fn pieces_ns(&self, pieces: &[Piece], worker: WorkerId) -> Option<u64> {
        Launch::of_segment(pieces.iter().copied()).try_fold(0_u64, |total, (piece, launch)| {
            let key = (piece.task, piece.part, launch, worker);
            let known = self.known.borrow().get(&key).copied();
            let duration_ns = known.unwrap_or_else(|| {
                let duration_ns = self.job.costs.piece(piece, launch, worker).map(|cost| cost.duration_ns);
                self.known.borrow_mut().insert(key, duration_ns);
                duration_ns
            })?;
            Some(total.saturating_add(duration_ns))
        })
    }

    /// What it takes that the CPU computes some pieces: what they read from outside is transformed and mapped, and what others read of
    /// what they make is transformed back, after the two have met once.
    pub(super) fn sharing_ns(&self, pieces: &[Piece]) -> u64 {
        let tasks = self.job.tasks;
        let (Some(to_cpu), Some(back)) = self.links else { return 0 };
        let is_within = |task: TaskId| pieces.iter().any(|piece| piece.task == task);
        let rows_bytes = |data: DataId, rows: Option<(u32, u32)>| match rows {
            Some((begin, end)) => Part::Rows { begin, end, of: tasks.rows(data) }.share(tasks.bytes(data)),
            None => tasks.bytes(data),
        };
        let mut total_ns = self.synchronization_ns;
        for piece in pieces {
            for (position, &data) in tasks.inputs(piece.task).iter().enumerate() {
                if !tasks.producer(data).is_some_and(is_within) {
                    let bytes = rows_bytes(data, tasks.rows_read(piece.task, position, piece.part));
                    total_ns = total_ns.saturating_add(without_synchronization(to_cpu, bytes));
                }
            }
            for &data in tasks.made(piece.task) {
                if tasks.is_output(data) || !tasks.readers(data).iter().all(|&reader| is_within(reader)) {
                    total_ns = total_ns.saturating_add(without_synchronization(back, piece.part.share(tasks.bytes(data))));
                }
            }
        }
        total_ns
    }

    /// Consecutive tasks whole on one worker; `None` where it cannot run one.
    pub(super) fn whole(&self, chain: &[TaskId], on_accelerator: bool) -> Option<Decision> {
        let pieces: Vec<Piece> = chain.iter().map(|&task| Piece { task, part: Part::Whole }).collect();
        let decision = if on_accelerator {
            let latency_ns = self.pieces_ns(&pieces, self.pair.accelerator)?;
            Decision { choice: Choice::OnAccelerator, tenths: 10, latency_ns }
        } else {
            let latency_ns = self.pieces_ns(&pieces, self.pair.cpu)?.saturating_add(self.sharing_ns(&pieces));
            Decision { choice: Choice::OnCpu, tenths: 0, latency_ns }
        };
        Some(decision)
    }

    /// Both halves at the same time; `None` where a worker cannot run its half.
    pub(super) fn shared(&self, halves: [Vec<Piece>; 2], tenths: u32) -> Option<Decision> {
        let [accelerated, rest] = &halves;
        let compute_ns = self.pieces_ns(accelerated, self.pair.accelerator)?.max(self.pieces_ns(rest, self.pair.cpu)?);
        let latency_ns = compute_ns.saturating_add(self.sharing_ns(rest));
        Some(Decision { choice: Choice::Shared(halves), tenths, latency_ns })
    }

    /// The best way to run one task; `None` where neither worker can. `accelerated` tells whether the accelerator can.
    pub(super) fn best(&self, task: TaskId, by: By, accelerated: bool) -> Option<Decision> {
        let splits = self.job.tasks.splits(task);
        let rows = (splits.rows, true, by != By::Channels);
        let channels = (splits.channels, false, by != By::Rows);
        let on_accelerator = if accelerated { self.whole(&[task], true) } else { None };
        let mut best = [on_accelerator, self.whole(&[task], false)].into_iter().flatten().min_by_key(|it| it.latency_ns);
        for (of, is_rows, _) in [rows, channels].into_iter().filter(|&(_, _, wanted)| wanted && accelerated) {
            for tenths in TENTHS {
                let Some(at) = cut_at(of, tenths) else { continue };
                let piece = |begin, end| {
                    let part = if is_rows { Part::Rows { begin, end, of } } else { Part::Channels { begin, end, of } };
                    vec![Piece { task, part }]
                };
                if let Some(decision) = self.shared([piece(0, at), piece(at, of)], tenths)
                    && best.as_ref().is_none_or(|known| decision.latency_ns < known.latency_ns)
                {
                    best = Some(decision);
                }
            }
        }
        best
    }

    /// Whether a worker of the device is there to run the accelerator's half of all tasks.
    pub(super) fn can_run(&self, tasks: &[TaskId], worker: WorkerId) -> bool {
        worker.index() < self.device.workers().len() && tasks.iter().all(|&task| self.job.costs.supports(task, worker))
    }
}

/// What a copy takes apart from waiting for the other processor.
fn without_synchronization(link: &Link, bytes: u64) -> u64 {
    link.solo_ns(bytes).saturating_sub(link.synchronization_ns)
}
