//! How each task can run: whole on a worker, or shared by two that never compete for a core.

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::Part;
use crate::platform::Device;
use crate::task::{CostTable, TaskGraph};

/// One way to run a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// On one worker.
    Whole(WorkerId),
    /// Cut in two.
    Shared([(WorkerId, Part); 2]),
}

/// A way to share a task, with the durations of both parts, each launched on its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    pub(super) halves: [(WorkerId, Part); 2],
    pub(super) duration_ns: [u64; 2],
}

/// Ways to share each task that are worth a try.
pub(super) struct Options {
    pub(super) shared: Vec<Vec<Shared>>,
}

/// Pairs of workers that share tasks, at most.
const MOST_PAIRS: usize = 2;

/// Tasks shorter than this on the faster of two workers are not shared: entering two segments takes as long.
const SHORTEST_SHARED_NS: u64 = 20_000;

impl Options {
    /// No task is shared.
    pub(super) fn whole_only(tasks: &TaskGraph) -> Self {
        Self { shared: vec![Vec::new(); tasks.task_count()] }
    }

    /// Each task by rows and by channels, where it can be cut, at the share that balances the two parts.
    pub(super) fn of(tasks: &TaskGraph, costs: &CostTable, device: &Device) -> Self {
        let mut options = Self::whole_only(tasks);
        for (one, other) in pairs(tasks, costs, device) {
            for task in tasks.tasks() {
                let (Some(one_ns), Some(other_ns)) = (costs.duration_ns(task, one), costs.duration_ns(task, other)) else {
                    continue;
                };
                if one_ns.min(other_ns) >= SHORTEST_SHARED_NS {
                    let splits = tasks.splits(task);
                    for (of, by_rows) in [(splits.rows, true), (splits.channels, false)] {
                        let balance = other_ns as f64 / (one_ns + other_ns).max(1) as f64;
                        options.shared[task.index()].extend(balanced(costs, task, (one, other), of, by_rows, balance));
                    }
                }
            }
        }
        options
    }
}

/// The cut near `balance` (the first worker's share) whose longer part is shortest.
fn balanced(
    costs: &CostTable,
    task: TaskId,
    (one, other): (WorkerId, WorkerId),
    of: u32,
    by_rows: bool,
    balance: f64,
) -> Option<Shared> {
    if of < 2 {
        return None;
    }
    let part = |begin, end| if by_rows { Part::Rows { begin, end, of } } else { Part::Channels { begin, end, of } };
    let shared = |at: u32| {
        let parts = [part(0, at), part(at, of)];
        let first_ns = costs.part(task, parts[0], one)?.duration_ns;
        let second_ns = costs.part(task, parts[1], other)?.duration_ns;
        Some(Shared { halves: [(one, parts[0]), (other, parts[1])], duration_ns: [first_ns, second_ns] })
    };
    // Tenths, or every row or channel where there are fewer.
    let step = (of / 10).max(1);
    let clamp = |at: f64| (at.max(1.0) as u32).clamp(1, of - 1);
    let middle = clamp(libm::round(f64::from(of) * balance / f64::from(step)) * f64::from(step));
    let mut best = shared(middle)?;
    let longer = |shared: &Shared| shared.duration_ns[0].max(shared.duration_ns[1]);
    // Down or up, as long as the longer part gets shorter.
    let gives_to_second = best.duration_ns[0] > best.duration_ns[1];
    let mut at = middle;
    for _ in 0..3 {
        let next = if gives_to_second { at.saturating_sub(step) } else { at.saturating_add(step) };
        if next == 0 || next >= of {
            break;
        }
        let moved = shared(next)?;
        if longer(&moved) >= longer(&best) {
            break;
        }
        (best, at) = (moved, next);
    }
    Some(best)
}

/// Pairs that never compete for a core, those first that together would be fastest over all tasks that both can run.
fn pairs(tasks: &TaskGraph, costs: &CostTable, device: &Device) -> Vec<(WorkerId, WorkerId)> {
    let mut pairs: Vec<(u64, WorkerId, WorkerId)> = Vec::new();
    for one in device.worker_ids() {
        for other in device.worker_ids().filter(|&other| other > one && !device.conflict(one, other)) {
            let together =
                tasks.tasks().filter_map(|task| match (costs.duration_ns(task, one), costs.duration_ns(task, other)) {
                    (Some(a), Some(b)) => Some((u128::from(a) * u128::from(b) / u128::from((a + b).max(1))) as u64),
                    (one_ns, other_ns) => one_ns
                        .or(other_ns)
                        .or_else(|| device.worker_ids().filter_map(|worker| costs.duration_ns(task, worker)).min()),
                });
            pairs.push((together.fold(0, u64::saturating_add), one, other));
        }
    }
    pairs.sort_unstable();
    pairs.truncate(MOST_PAIRS);
    pairs.into_iter().map(|(_, one, other)| (one, other)).collect()
}
