//! Dynamic programming over tasks in topological order: partial plans that leave the same interface compete.
//!
//! What comes after a partial plan depends on it only by when each worker is free, where the data lie that are still to be read, and
//! which segment is open. Where a task is a cut of the graph (all else that was made has been read), partial plans with the same last
//! worker and the same places of data differ by their time alone, and the earliest is kept: on a chain this is exact. Between
//! cuts, where branches run side by side, the [`WIDTH`] best are kept.

use crate::identifiers::{DataId, MemoryId, TaskId, WorkerId};
use crate::plan::{Launch, Part, Piece};
use crate::platform::Device;
use crate::strategy::socrates::options::{Choice, Options, Shared};
use crate::task::{CostTable, TaskGraph};

/// Not there.
const NEVER: u64 = u64::MAX;

/// What does not change while partial plans grow.
pub(super) struct Beam<'a> {
    device: &'a Device,
    tasks: &'a TaskGraph,
    costs: &'a CostTable,
    options: &'a Options,
    /// Partial plans kept after each task.
    width: usize,
    memories: usize,
    /// Workers that cannot run beside each one.
    conflicts: Vec<Vec<usize>>,
    /// Last task that reads each data item, or makes it if nobody does; `NEVER` for outputs.
    last_use: Vec<usize>,
}

/// A partial plan.
#[derive(Clone)]
struct State {
    /// When each worker is free.
    free_ns: Vec<u64>,
    /// Data still to be read.
    live: Vec<DataId>,
    /// When each of them is in each memory: `at_ns[position in live * memories + memory]`.
    at_ns: Vec<u64>,
    open: Option<Open>,
    /// Index into the history.
    last: u32,
}

/// A segment that the next task can join.
#[derive(Clone, Copy)]
struct Open {
    worker: WorkerId,
    start_ns: u64,
    /// Duration of its tasks.
    total_ns: u64,
    /// The only task so far, launched on its own.
    single: Option<TaskId>,
    /// First task.
    first: TaskId,
}

impl<'a> Beam<'a> {
    pub(super) fn new(
        device: &'a Device,
        tasks: &'a TaskGraph,
        costs: &'a CostTable,
        options: &'a Options,
        width: usize,
    ) -> Self {
        let conflicts = |worker: WorkerId| {
            let others = device.worker_ids().filter(|&other| other != worker && device.conflict(worker, other));
            others.map(WorkerId::index).collect()
        };
        let last_use = tasks.data().map(|data| {
            if tasks.is_output(data) {
                return usize::MAX;
            }
            let readers = tasks.readers(data).iter().map(|task| task.index()).max();
            readers.or_else(|| tasks.producer(data).map(TaskId::index)).unwrap_or(0)
        });
        Self {
            device,
            tasks,
            costs,
            options,
            width,
            memories: device.memories().len(),
            conflicts: device.worker_ids().map(conflicts).collect(),
            last_use: last_use.collect(),
        }
    }

    /// The choice for each task of the best plan found; `None` if some task can run nowhere.
    pub(super) fn search(&self) -> Option<Vec<Choice>> {
        // Choices with the one before, shared by all partial plans.
        let mut history: Vec<(u32, Choice)> = Vec::new();
        let mut states = vec![self.begin()];
        let mut grown: Vec<(u64, State)> = Vec::new();
        for task in self.tasks.tasks() {
            grown.clear();
            for state in &states {
                for worker in self.device.worker_ids().filter(|&worker| self.costs.supports(task, worker)) {
                    self.grow(state, task, Choice::Whole(worker), None, &mut history, &mut grown);
                }
                for shared in &self.options.shared[task.index()] {
                    self.grow(state, task, Choice::Shared(shared.halves), Some(shared), &mut history, &mut grown);
                }
            }
            states = self.keep(&mut grown);
            if states.is_empty() {
                return None;
            }
        }
        let best = states.iter().min_by_key(|state| self.end_ns(state))?;
        let mut choices = Vec::with_capacity(self.tasks.task_count());
        let mut at = best.last;
        while at != u32::MAX {
            let (before, choice) = history[at as usize];
            choices.push(choice);
            at = before;
        }
        choices.reverse();
        Some(choices)
    }

    fn begin(&self) -> State {
        let live: Vec<DataId> = self.tasks.data().filter(|&data| self.tasks.producer(data).is_none()).collect();
        let mut at_ns = vec![NEVER; live.len() * self.memories];
        for position in 0..live.len() {
            at_ns[position * self.memories + self.device.host().index()] = 0;
        }
        State { free_ns: vec![0; self.device.workers().len()], live, at_ns, open: None, last: u32::MAX }
    }

    fn grow(
        &self,
        state: &State,
        task: TaskId,
        choice: Choice,
        shared: Option<&Shared>,
        history: &mut Vec<(u32, Choice)>,
        grown: &mut Vec<(u64, State)>,
    ) {
        let mut next = state.clone();
        let made = match (choice, shared) {
            (Choice::Whole(worker), _) => self.run_whole(&mut next, task, worker),
            (Choice::Shared(_), Some(shared)) => self.run_shared(&mut next, task, shared),
            (Choice::Shared(_), None) => return,
        };
        // Only what is read later stays.
        let mut kept = 0;
        for position in 0..next.live.len() {
            if self.last_use[next.live[position].index()] > task.index() {
                next.live.swap(kept, position);
                for memory in 0..self.memories {
                    next.at_ns.swap(kept * self.memories + memory, position * self.memories + memory);
                }
                kept += 1;
            }
        }
        next.live.truncate(kept);
        next.at_ns.truncate(kept * self.memories);
        for &data in self.tasks.made(task) {
            if self.last_use[data.index()] > task.index() {
                next.live.push(data);
                next.at_ns.extend((0..self.memories).map(|memory| made.at(self, memory, self.tasks.bytes(data))));
            }
        }
        history.push((state.last, choice));
        next.last = history.len() as u32 - 1;
        grown.push((self.score(&next), next));
    }

    fn run_whole(&self, state: &mut State, task: TaskId, worker: WorkerId) -> Made {
        let ready_ns = self.fetch(state, task, worker);
        let memory = self.device.worker(worker).memory.index();
        let own_ns = self.costs.duration_ns(task, worker).unwrap_or(NEVER);
        let free_ns = self.free(state, worker);
        let alone_start_ns = match state.open {
            // A worker that goes on with the same request without a pause has been entered already.
            Some(open) if open.worker == worker && ready_ns <= free_ns => free_ns,
            _ => free_ns.max(ready_ns).saturating_add(self.device.worker(worker).invocation_ns),
        };
        let alone = Open { worker, start_ns: alone_start_ns, total_ns: own_ns, single: Some(task), first: task };
        let joined = state.open.filter(|open| open.worker == worker).and_then(|open| {
            let total_ns = match open.single {
                Some(first) => self.costs.segment_ns(&[first, task], worker)?,
                None => open.total_ns.saturating_add(self.joined_ns(task, worker)?),
            };
            // All that a segment reads from outside is there before it starts.
            Some(Open { start_ns: open.start_ns.max(ready_ns), total_ns, single: None, ..open })
        });
        let end = |open: &Open| open.start_ns.saturating_add(open.total_ns);
        let open = joined.filter(|joined| end(joined) <= end(&alone)).unwrap_or(alone);
        let end_ns = end(&open);
        state.free_ns[worker.index()] = end_ns;
        if open.first != task {
            // What the segment made before is there when it ends, not sooner.
            for position in 0..state.live.len() {
                let made_inside = self.tasks.producer(state.live[position]).is_some_and(|producer| producer >= open.first);
                let at_ns = &mut state.at_ns[position * self.memories + memory];
                if made_inside && *at_ns != NEVER {
                    *at_ns = end_ns;
                }
            }
        }
        state.open = Some(open);
        Made::Whole { memory, end_ns }
    }

    fn joined_ns(&self, task: TaskId, worker: WorkerId) -> Option<u64> {
        let piece = Piece { task, part: Part::Whole };
        self.costs.piece(piece, Launch::Joined, worker).map(|cost| cost.duration_ns)
    }

    fn run_shared(&self, state: &mut State, task: TaskId, shared: &Shared) -> Made {
        let mut parts = [(0, 0, Part::Whole); 2];
        for (half, &(worker, part)) in shared.halves.iter().enumerate() {
            let ready_ns = self.fetch(state, task, worker);
            let start_ns = self.free(state, worker).max(ready_ns).saturating_add(self.device.worker(worker).invocation_ns);
            let end_ns = start_ns.saturating_add(shared.duration_ns[half]);
            state.free_ns[worker.index()] = end_ns;
            parts[half] = (self.device.worker(worker).memory.index(), end_ns, part);
        }
        state.open = None;
        Made::Shared(parts)
    }

    /// When all that a task reads is in a worker's memory; notes that it is there from then on.
    fn fetch(&self, state: &mut State, task: TaskId, worker: WorkerId) -> u64 {
        let memory = self.device.worker(worker).memory;
        let mut ready_ns = 0;
        for &data in self.tasks.inputs(task) {
            let Some(position) = state.live.iter().position(|&live| live == data) else { continue };
            let row = position * self.memories;
            if state.at_ns[row + memory.index()] == NEVER {
                let bytes = self.tasks.bytes(data);
                let from = (0..self.memories).filter(|&from| state.at_ns[row + from] != NEVER).map(|from| {
                    let copy_ns = self.device.copy_ns(MemoryId::from_index(from), memory, bytes);
                    state.at_ns[row + from].saturating_add(copy_ns)
                });
                let there_ns = from.min().unwrap_or(0);
                state.at_ns[row + memory.index()] = there_ns;
                // The segment that made it has to end for it to be copied.
                if state.open.is_some_and(|open| open.worker != worker) {
                    state.open = None;
                }
            }
            ready_ns = ready_ns.max(state.at_ns[row + memory.index()]);
        }
        ready_ns
    }

    fn free(&self, state: &State, worker: WorkerId) -> u64 {
        let others = self.conflicts[worker.index()].iter().map(|&other| state.free_ns[other]);
        others.fold(state.free_ns[worker.index()], u64::max)
    }

    /// When all that is wanted so far is made.
    fn score(&self, state: &State) -> u64 {
        let made = state.at_ns.chunks_exact(self.memories).map(|row| row.iter().copied().min().unwrap_or(0));
        made.max().unwrap_or_else(|| state.free_ns.iter().copied().max().unwrap_or(0))
    }

    /// When outputs are in the host's memory.
    fn end_ns(&self, state: &State) -> u64 {
        let host = self.device.host();
        let there = state.live.iter().enumerate().map(|(position, &data)| {
            let row = &state.at_ns[position * self.memories..(position + 1) * self.memories];
            let from = row.iter().enumerate().filter(|&(_, &at_ns)| at_ns != NEVER).map(|(from, &at_ns)| {
                let from = MemoryId::from_index(from);
                at_ns.saturating_add(self.device.copy_ns(from, host, self.tasks.bytes(data)))
            });
            from.min().unwrap_or(NEVER)
        });
        there.max().unwrap_or_else(|| state.free_ns.iter().copied().max().unwrap_or(0))
    }

    /// The best partial plans: of each interface a share, at a cut one.
    fn keep(&self, grown: &mut Vec<(u64, State)>) -> Vec<State> {
        grown.sort_by_key(|(score, state)| (*score, state.free_ns.iter().sum::<u64>()));
        let is_cut = grown.first().is_some_and(|(_, state)| state.live.len() <= 1);
        let of_each = if is_cut { 1 } else { 3 };
        let mut kept: Vec<State> = Vec::with_capacity(self.width);
        let mut interfaces: Vec<(Interface, usize)> = Vec::new();
        for (_, state) in grown.drain(..) {
            if kept.len() == self.width {
                break;
            }
            let open = state.open.map(|open| (open.worker, open.single.is_some()));
            let there =
                state.at_ns.iter().take(64).enumerate().fold(0, |bits, (at, &at_ns)| bits | (u64::from(at_ns != NEVER) << at));
            match interfaces.iter_mut().find(|known| known.0 == (open, there)) {
                Some(known) if known.1 == of_each => continue,
                Some(known) => known.1 += 1,
                None => interfaces.push(((open, there), 1)),
            }
            kept.push(state);
        }
        kept
    }
}

/// What may go on: the worker of the open segment and whether it has one task; and where data are, as bits.
type Interface = (Option<(WorkerId, bool)>, u64);

/// Where what a task makes comes into being.
enum Made {
    Whole {
        memory: usize,
        end_ns: u64,
    },
    /// Memory, end and part of both halves.
    Shared([(usize, u64, Part); 2]),
}

impl Made {
    /// When a data item of the task is in a memory; [`NEVER`] if it has to be fetched.
    fn at(&self, beam: &Beam<'_>, memory: usize, bytes: u64) -> u64 {
        match *self {
            Self::Whole { memory: own, end_ns } => {
                if own == memory {
                    end_ns
                } else {
                    NEVER
                }
            }
            Self::Shared(parts) => {
                let to = MemoryId::from_index(memory);
                let of_part = |&(own, end_ns, part): &(usize, u64, Part)| {
                    if own == memory {
                        return end_ns;
                    }
                    let from = MemoryId::from_index(own);
                    end_ns.saturating_add(beam.device.copy_ns(from, to, part.share(bytes)))
                };
                parts.iter().map(of_part).max().unwrap_or(NEVER)
            }
        }
    }
}
