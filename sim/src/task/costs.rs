//! What each task costs on each worker: evaluated once per (model, device), read everywhere.

use std::ops::Range;
use std::sync::Arc;

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Launch, Part, Piece};
use crate::task::Settings;

/// Cost of one kernel on one worker with nothing else running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelCost {
    /// Duration.
    pub duration_ns: u64,
    /// Bytes moved to and from shared DRAM while it runs: its claim on the shared bandwidth.
    pub memory_bytes: u64,
}

impl KernelCost {
    /// A kernel that claims no shared bandwidth.
    pub const fn of_duration(duration_ns: u64) -> Self {
        Self { duration_ns, memory_bytes: 0 }
    }
}

/// Longest duration that scaling makes, 13 days.
const LONGEST_NS: f64 = (1u64 << 50) as f64;

/// In place of a cost: the worker cannot run the task.
const NEVER: KernelCost = KernelCost { duration_ns: u64::MAX, memory_bytes: 0 };

/// Cost of a part of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialCost {
    /// Launched on its own.
    pub alone: KernelCost,
    /// Duration inside a segment of several kernels, without what launching the segment costs.
    pub in_segment_ns: u64,
    /// Putting it in its place in the whole, at the end of a launch of its own.
    pub merge_ns: u64,
}

/// Cost of a part of a task; `None` where the worker cannot run it.
pub type PartCost = dyn Fn(TaskId, Part, WorkerId) -> Option<PartialCost> + Send + Sync;

/// A dense table `tasks x workers` of [`KernelCost`], with the cost of parts computed on request.
pub struct CostTable {
    workers: usize,
    /// [`NEVER`] marks a worker that cannot run the task.
    costs: Vec<KernelCost>,
    /// Durations inside a segment, in the order of the costs; empty where they are those alone.
    in_segment_ns: Vec<u64>,
    /// What launching a segment of several kernels costs on each worker; empty where it costs nothing.
    segment_launch_ns: Vec<u64>,
    log_deviation: Vec<f64>,
    part_cost: Option<Arc<PartCost>>,
    settings: Option<Arc<Settings>>,
}

impl std::fmt::Debug for CostTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CostTable").field("workers", &self.workers).field("costs", &self.costs).finish_non_exhaustive()
    }
}

impl CostTable {
    /// A table from `costs[task * workers + worker]`; `None` marks a worker that cannot run the task.
    ///
    /// # Panics
    /// If `costs` is not a whole number of rows.
    pub fn new(workers: usize, costs: Vec<Option<KernelCost>>) -> Self {
        assert!(workers > 0 && costs.len().is_multiple_of(workers), "one cost for each task and worker");
        let costs = costs.into_iter().map(|cost| cost.unwrap_or(NEVER)).collect();
        let none = Vec::new();
        Self {
            workers,
            costs,
            in_segment_ns: none.clone(),
            segment_launch_ns: none,
            log_deviation: Vec::new(),
            part_cost: None,
            settings: None,
        }
    }

    /// Sets what tasks take inside a segment of several whole tasks: durations in the order of the costs, and on each worker what
    /// launching such a segment costs once. Without it a segment takes the sum of its tasks.
    ///
    /// # Panics
    /// If there is not one duration for each cost and one launch for each worker.
    #[must_use]
    pub fn with_segments(mut self, in_segment_ns: Vec<u64>, segment_launch_ns: Vec<u64>) -> Self {
        assert_eq!(in_segment_ns.len(), self.costs.len(), "one duration for each cost");
        assert_eq!(segment_launch_ns.len(), self.workers, "one launch for each worker");
        (self.in_segment_ns, self.segment_launch_ns) = (in_segment_ns, segment_launch_ns);
        self
    }

    /// Sets how a part of a task is costed. Without it a part costs its share of the whole.
    #[must_use]
    pub fn with_part_cost(mut self, part_cost: Box<PartCost>) -> Self {
        self.part_cost = Some(part_cost.into());
        self
    }

    /// Sets what tasks cost where a plan asks for a setting of a worker's clocks. Copies of the table that are scaled or cut have none.
    ///
    /// # Panics
    /// If they are not for the workers of the table.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        assert_eq!(settings.worker_count(), self.workers, "settings of each worker");
        self.settings = Some(Arc::new(settings));
        self
    }

    /// What tasks cost at each setting of the workers' clocks, if that is known.
    pub fn settings(&self) -> Option<&Arc<Settings>> {
        self.settings.as_ref()
    }

    /// Sets the deviation of `ln(measured / expected)` of each task on each worker, in the order of the costs.
    ///
    /// # Panics
    /// If there is not one for each cost.
    #[must_use]
    pub fn with_log_deviation(mut self, log_deviation: Vec<f64>) -> Self {
        assert_eq!(log_deviation.len(), self.costs.len(), "one deviation for each cost");
        self.log_deviation = log_deviation;
        self
    }

    /// The same table with every duration multiplied by `factor(task, worker)`, which is finite and above 0. Bytes stay.
    #[must_use]
    pub fn scaled(&self, factor: &dyn Fn(TaskId, WorkerId) -> f64) -> Self {
        let by = |index: usize| factor(TaskId::from_index(index / self.workers), WorkerId::from_index(index % self.workers));
        let factors: Vec<f64> = (0..self.costs.len()).map(by).collect();
        let scale = |duration_ns: u64, factor: f64| match duration_ns {
            u64::MAX => u64::MAX,
            duration_ns => libm::round((duration_ns as f64 * factor).min(LONGEST_NS)) as u64,
        };
        let costs = self.costs.iter().zip(&factors);
        let inside = self.in_segment_ns.iter().zip(&factors);
        Self {
            workers: self.workers,
            costs: costs.map(|(cost, &by)| KernelCost { duration_ns: scale(cost.duration_ns, by), ..*cost }).collect(),
            in_segment_ns: inside.map(|(&duration_ns, &by)| scale(duration_ns, by)).collect(),
            segment_launch_ns: self.segment_launch_ns.clone(),
            log_deviation: self.log_deviation.clone(),
            part_cost: self.part_cost.clone().map(|part_cost| {
                let (workers, factors) = (self.workers, factors);
                let scaled = move |task: TaskId, part: Part, worker: WorkerId| {
                    let PartialCost { alone, in_segment_ns, merge_ns } = part_cost(task, part, worker)?;
                    let by = factors[task.index() * workers + worker.index()];
                    let alone = KernelCost { duration_ns: scale(alone.duration_ns, by), ..alone };
                    Some(PartialCost { alone, in_segment_ns: scale(in_segment_ns, by), merge_ns })
                };
                Arc::new(scaled) as Arc<PartCost>
            }),
            settings: None,
        }
    }

    /// The costs of consecutive tasks.
    pub(super) fn window(&self, range: Range<usize>) -> Self {
        let cut = range.start * self.workers..range.end * self.workers;
        let some = |all: &Vec<u64>| if all.is_empty() { Vec::new() } else { all[cut.clone()].to_vec() };
        Self {
            workers: self.workers,
            costs: self.costs[cut.clone()].to_vec(),
            in_segment_ns: some(&self.in_segment_ns),
            segment_launch_ns: self.segment_launch_ns.clone(),
            log_deviation: self.log_deviation.get(cut.clone()).unwrap_or_default().to_vec(),
            part_cost: self.part_cost.clone().map(|part_cost| {
                let of_whole = move |task: TaskId, part: Part, worker: WorkerId| {
                    part_cost(TaskId::from_index(task.index() + range.start), part, worker)
                };
                Arc::new(of_whole) as Arc<PartCost>
            }),
            settings: None,
        }
    }

    /// Deviation of `ln(measured / expected)`; 0 where none was set.
    pub fn log_deviation(&self, task: TaskId, worker: WorkerId) -> f64 {
        self.log_deviation.get(task.index() * self.workers + worker.index()).copied().unwrap_or(0.0)
    }

    /// Number of workers.
    pub fn worker_count(&self) -> usize {
        self.workers
    }

    /// Number of tasks.
    pub fn task_count(&self) -> usize {
        self.costs.len() / self.workers
    }

    /// Cost of a whole task; `None` where the worker cannot run it.
    #[inline]
    pub fn whole(&self, task: TaskId, worker: WorkerId) -> Option<KernelCost> {
        let cost = self.costs[task.index() * self.workers + worker.index()];
        (cost.duration_ns != NEVER.duration_ns).then_some(cost)
    }

    /// Duration of a whole task in nanoseconds; `None` where the worker cannot run it.
    #[inline]
    pub fn duration_ns(&self, task: TaskId, worker: WorkerId) -> Option<u64> {
        self.whole(task, worker).map(|cost| cost.duration_ns)
    }

    /// Cost of a part of a task; `None` where the worker cannot run it.
    pub fn part(&self, task: TaskId, part: Part, worker: WorkerId) -> Option<KernelCost> {
        if part.is_whole() {
            return self.whole(task, worker);
        }
        if let Some(part_cost) = &self.part_cost {
            let PartialCost { alone, merge_ns, .. } = part_cost(task, part, worker)?;
            return Some(KernelCost { duration_ns: alone.duration_ns.saturating_add(merge_ns), ..alone });
        }
        let whole = self.whole(task, worker)?;
        Some(KernelCost { duration_ns: part.share(whole.duration_ns), memory_bytes: part.share(whole.memory_bytes) })
    }

    /// Cost of a piece that is launched as part of a segment; `None` where the worker cannot run it.
    ///
    /// Pieces that are one unit take its launch, borne by the first of them, and what each takes inside a segment.
    #[inline]
    pub fn piece(&self, piece: Piece, launch: Launch, worker: WorkerId) -> Option<KernelCost> {
        if launch == Launch::Own || self.in_segment_ns.is_empty() {
            return self.part(piece.task, piece.part, worker);
        }
        let whole = self.whole(piece.task, worker)?;
        let mut within_ns = self.in_segment_ns[piece.task.index() * self.workers + worker.index()];
        let mut memory_bytes = whole.memory_bytes;
        if !piece.part.is_whole() {
            let shared = || PartialCost {
                alone: KernelCost { duration_ns: 0, memory_bytes: piece.part.share(memory_bytes) },
                in_segment_ns: piece.part.share(within_ns),
                merge_ns: 0,
            };
            let part = match &self.part_cost {
                Some(part_cost) => part_cost(piece.task, piece.part, worker)?,
                None => shared(),
            };
            (within_ns, memory_bytes) = (part.in_segment_ns, part.alone.memory_bytes);
        }
        let launch_ns = if launch == Launch::First { self.segment_launch_ns[worker.index()] } else { 0 };
        Some(KernelCost { duration_ns: within_ns.saturating_add(launch_ns), memory_bytes })
    }

    /// Duration of a piece but for putting a part in its place, which a run for real does, and records, apart.
    pub fn kernel_ns(&self, piece: Piece, launch: Launch, worker: WorkerId) -> Option<u64> {
        let duration_ns = self.piece(piece, launch, worker)?.duration_ns;
        let is_by_itself = launch == Launch::Own || self.in_segment_ns.is_empty();
        let part = self.part_cost.as_ref().filter(|_| is_by_itself && !piece.part.is_whole());
        let merge_ns = part.and_then(|part_cost| part_cost(piece.task, piece.part, worker)).map_or(0, |cost| cost.merge_ns);
        Some(duration_ns - merge_ns.min(duration_ns))
    }

    /// Duration of whole tasks in one segment; `None` where the worker cannot run one of them.
    pub fn segment_ns(&self, tasks: &[TaskId], worker: WorkerId) -> Option<u64> {
        let pieces = tasks.iter().map(|&task| Piece { task, part: Part::Whole });
        Launch::of_segment(pieces)
            .try_fold(0u64, |total, (piece, launch)| Some(total.saturating_add(self.piece(piece, launch, worker)?.duration_ns)))
    }

    /// Whether a worker can run a task.
    #[inline]
    pub fn supports(&self, task: TaskId, worker: WorkerId) -> bool {
        self.whole(task, worker).is_some()
    }
}
