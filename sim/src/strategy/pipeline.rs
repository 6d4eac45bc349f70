//! What the pipelines (`pipe-it`, `dart`) share: a model cut into contiguous stages, each on a worker of its own.

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Launch, Part, Piece};
use crate::platform::Device;
use crate::strategy::Job;

/// Most places where a model can be cut; beyond, neighbours stay together.
const MOST_CUTS: usize = 256;

/// In place of a time: the worker cannot run a task of the stage.
const NEVER: u64 = u64::MAX;

/// A stage: tasks that follow each other in topological order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) worker: WorkerId,
    pub(super) tasks: Vec<TaskId>,
    /// Expected time with copies to and from the host's memory.
    pub(super) expected_ns: u64,
}

/// Times of all stages that a model can be cut into.
pub(super) struct StageTimes<'a> {
    job: &'a Job<'a>,
    workers: &'a [WorkerId],
    /// `cuts[k]`: tasks before the `k`-th place where the model can be cut; the first is 0, the last all.
    cuts: Vec<usize>,
    /// By worker, first cut, last cut.
    ns: Vec<u64>,
}

impl<'a> StageTimes<'a> {
    /// `copies`: whether bringing in what a stage reads, and back what others read, is part of it.
    pub(super) fn new(job: &'a Job<'a>, device: &Device, workers: &'a [WorkerId], copies: bool) -> Self {
        let count = job.tasks.task_count();
        let places = count.min(MOST_CUTS);
        let cuts: Vec<usize> = (0..=places).map(|place| place * count / places.max(1)).collect();
        let side = cuts.len();
        let mut times = Self { job, workers, cuts, ns: vec![NEVER; workers.len() * side * side] };
        for (index, &worker) in workers.iter().enumerate() {
            for from in 0..side - 1 {
                times.fill(device, index, worker, from, copies);
            }
        }
        times
    }

    /// The stages of one worker that start at one cut, each longer by what lies before the next cut.
    fn fill(&mut self, device: &Device, index: usize, worker: WorkerId, from: usize, copies: bool) {
        let (tasks, side) = (self.job.tasks, self.cuts.len());
        let (memory, host) = (device.worker(worker).memory, device.host());
        let piece = |task, launch| self.job.costs.piece(Piece { task, part: Part::Whole }, launch, worker);
        let first = TaskId::from_index(self.cuts[from]);
        let Some(first_ns) = piece(first, Launch::First).map(|cost| cost.duration_ns) else { return };
        let mut kernels_ns = first_ns;
        let mut read: Vec<bool> = vec![false; tasks.data_count()];
        let (mut in_ns, mut out_ns) = (0u64, 0u64);
        // What is made in the stage, and still to be read by later tasks or wanted by the requester, leaves it.
        let mut leaving: Vec<Vec<u64>> = vec![Vec::new(); tasks.task_count() + 1];
        for to in from + 1..side {
            for task in (self.cuts[to - 1]..self.cuts[to]).map(TaskId::from_index) {
                if task != first {
                    let Some(cost) = piece(task, Launch::Joined) else { return };
                    kernels_ns = kernels_ns.saturating_add(cost.duration_ns);
                }
                if !copies || memory == host {
                    continue;
                }
                for &data in tasks.inputs(task) {
                    let is_outside = tasks.producer(data).is_none_or(|producer| producer < first);
                    if is_outside && !std::mem::replace(&mut read[data.index()], true) {
                        in_ns += device.copy_ns(host, memory, tasks.bytes(data));
                    }
                }
                for &data in tasks.made(task) {
                    let last = tasks.readers(data).iter().map(|reader| reader.index()).max();
                    let back_ns = device.copy_ns(memory, host, tasks.bytes(data));
                    if tasks.is_output(data) {
                        out_ns += back_ns;
                    } else if let Some(last) = last {
                        out_ns += back_ns;
                        leaving[last].push(back_ns);
                    }
                }
                out_ns -= leaving[task.index()].drain(..).sum::<u64>();
            }
            let alone = self.cuts[to] == first.index() + 1;
            let of_alone = piece(first, Launch::Own).map_or(NEVER, |cost| cost.duration_ns);
            let stage_ns = if alone { of_alone } else { kernels_ns };
            let enter_ns = device.worker(worker).invocation_ns;
            self.ns[(index * side + from) * side + to] =
                stage_ns.saturating_add(enter_ns).saturating_add(in_ns).saturating_add(out_ns);
        }
    }

    #[inline]
    fn ns(&self, worker: usize, from: usize, to: usize) -> u64 {
        let side = self.cuts.len();
        self.ns[(worker * side + from) * side + to]
    }

    /// For each set of workers, the cut of the whole model into one stage for each of them, in any order, whose longest stage is
    /// shortest: that time, and the stages. `None` where there is none.
    pub(super) fn shortest(&self, sets: &[Vec<usize>]) -> Vec<Option<(u64, Vec<Stage>)>> {
        let side = self.cuts.len();
        // By set: the longest stage of the best cut of each beginning, and its last stage `(worker, from)`.
        let mut best: Vec<Vec<(u64, usize, usize)>> = Vec::with_capacity(sets.len());
        for set in sets {
            let mut longest = vec![(NEVER, 0, 0); side];
            for (position, &worker) in set.iter().enumerate() {
                let rest: Vec<usize> =
                    set.iter().enumerate().filter(|&(at, _)| at != position).map(|(_, &other)| other).collect();
                let start = [(0, 0, 0)];
                let before = if rest.is_empty() {
                    &start[..]
                } else {
                    sets.iter().position(|it| *it == rest).map_or(&[][..], |at| &best[at][..])
                };
                for (from, &(before_ns, ..)) in before.iter().enumerate().filter(|(_, entry)| entry.0 != NEVER) {
                    for (to, entry) in longest.iter_mut().enumerate().skip(from + 1) {
                        let stage_ns = self.ns(worker, from, to);
                        if stage_ns == NEVER {
                            break;
                        }
                        if before_ns.max(stage_ns) < entry.0 {
                            *entry = (before_ns.max(stage_ns), worker, from);
                        }
                    }
                }
            }
            best.push(longest);
        }
        sets.iter().enumerate().map(|(at, _)| self.walk_back(sets, &best, at)).collect()
    }

    fn walk_back(&self, sets: &[Vec<usize>], best: &[Vec<(u64, usize, usize)>], mut at: usize) -> Option<(u64, Vec<Stage>)> {
        let mut to = self.cuts.len() - 1;
        let total_ns = best[at][to].0;
        if total_ns == NEVER || to == 0 {
            return None;
        }
        let mut stages = Vec::new();
        loop {
            let (_, worker, from) = best[at][to];
            let tasks = (self.cuts[from]..self.cuts[to]).map(TaskId::from_index).collect();
            stages.push(Stage { worker: self.workers[worker], tasks, expected_ns: self.ns(worker, from, to) });
            let rest: Vec<usize> = sets[at].iter().copied().filter(|&other| other != worker).collect();
            if rest.is_empty() {
                break;
            }
            at = sets.iter().position(|it| *it == rest)?;
            to = from;
        }
        stages.reverse();
        Some((total_ns, stages))
    }
}

/// Sets of at most `most` workers (as indices, ascending) that can all run at the same time; each set after those within it.
pub(super) fn compatible_sets(device: &Device, workers: &[WorkerId], most: usize) -> Vec<Vec<usize>> {
    let fits = |set: &[usize]| {
        device.processors().iter().enumerate().all(|(index, processor)| {
            let demands = set.iter().flat_map(|&member| &device.worker(workers[member]).demands);
            demands.filter(|demand| demand.0.index() == index).map(|demand| demand.1).sum::<u32>() <= processor.cores
        })
    };
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    let mut first = 0;
    for _ in 0..most {
        let end = sets.len();
        for at in first..end {
            let least = sets[at].last().map_or(0, |last| last + 1);
            for next in least..workers.len() {
                let mut larger = sets[at].clone();
                larger.push(next);
                if fits(&larger) {
                    sets.push(larger);
                }
            }
        }
        first = end;
    }
    sets.remove(0);
    sets
}
