//! Compiling a plan: checked against its tasks and costs, then laid out for the engine.

use crate::identifiers::{SegmentId, TaskId};
use crate::plan::program::{Fragment, KernelEntry, NO_SEGMENT, OPEN, OUTPUT, Program, SegmentEntry};
use crate::plan::{Launch, Part, Piece, Plan, PlanError};
use crate::task::{CostTable, TaskGraph};

impl Program {
    /// Checks a plan against its tasks and costs and compiles it.
    pub fn compile(plan: &Plan, tasks: &TaskGraph, costs: &CostTable) -> Result<Self, PlanError> {
        let pieces = check_cover(plan, tasks)?;
        let mut program = Self { priority: plan.priority, ..Self::default() };
        program.add_kernels(plan, costs)?;
        let of_data = program.add_fragments(tasks, &pieces);
        let is_cut = !plan.all_pieces().iter().all(|piece| piece.part.is_whole());
        if is_cut {
            program.add_needs_of_parts(tasks, &of_data)?;
        } else {
            program.add_needs(tasks, &of_data)?;
        }
        program.add_outputs(tasks, &of_data);
        program.add_readers();
        if is_cut {
            program.add_moved(tasks, &of_data)?;
        }
        if plan.has_settings() {
            program.add_settings(plan, costs)?;
        }
        program.missing = program.segments.iter().map(|segment| segment.needs.1 - segment.needs.0).collect();
        if plan.sequenced {
            program.add_sequence();
        }
        program.first = (0..program.missing.len() as u32).filter(|&segment| program.missing[segment as usize] == 0).collect();
        Ok(program)
    }

    fn add_kernels(&mut self, plan: &Plan, costs: &CostTable) -> Result<(), PlanError> {
        self.segments.reserve_exact(plan.segments().len());
        self.kernels.reserve_exact(plan.all_pieces().len());
        for (index, segment) in plan.segments().iter().enumerate() {
            if let Some(worker) = segment.worker.filter(|worker| worker.index() >= costs.worker_count()) {
                return Err(PlanError::UnknownWorker { segment: index as u32, worker: worker.0, count: costs.worker_count() });
            }
            let first = self.kernels.len() as u32;
            for (piece, launch) in Launch::of_segment(plan.pieces(SegmentId::from_index(index)).iter().copied()) {
                let cost = match segment.worker {
                    None => OPEN,
                    Some(worker) => costs.piece(piece, launch, worker).ok_or(PlanError::Unsupported {
                        segment: index as u32,
                        task: piece.task.0,
                        worker: worker.0,
                    })?,
                };
                self.kernels.push(KernelEntry { cost, piece, launch });
            }
            self.open |= segment.worker.is_none();
            let kernels = (first, self.kernels.len() as u32);
            let none = (0, 0);
            self.segments.push(SegmentEntry {
                worker: segment.worker,
                kernels,
                made: none,
                needs: none,
                next_in_sequence: NO_SEGMENT,
            });
        }
        Ok(())
    }

    /// Fragments are numbered by data item, within one in the order in which its parts stand in the plan.
    ///
    /// Returns the first fragment of each data item, and the end.
    fn add_fragments(&mut self, tasks: &TaskGraph, pieces: &[u32]) -> Vec<u32> {
        let mut of_data = Vec::with_capacity(tasks.data_count() + 1);
        self.fragments.reserve(tasks.data_count());
        for data in tasks.data() {
            let first = self.fragments.len() as u32;
            of_data.push(first);
            let producer = tasks.producer(data);
            if producer.is_none() {
                self.request_fragments.push(first);
            }
            let parts = producer.map_or(1, |task| pieces[task.index()]) as usize;
            let fragment = Fragment { bytes: tasks.bytes(data), data, maker: NO_SEGMENT, kernel: 0, readers: (0, 0) };
            self.fragments.resize(first as usize + parts, fragment);
        }
        of_data.push(self.fragments.len() as u32);
        self.made.reserve_exact(self.fragments.len());
        let mut parts_seen = vec![0u32; tasks.task_count()];
        for (index, segment) in self.segments.iter_mut().enumerate() {
            segment.made.0 = self.made.len() as u32;
            for kernel in segment.kernels.0..segment.kernels.1 {
                let piece = self.kernels[kernel as usize].piece;
                let seen = parts_seen[piece.task.index()];
                parts_seen[piece.task.index()] = seen + 1;
                for &data in tasks.made(piece.task) {
                    let id = of_data[data.index()] + seen;
                    let fragment = &mut self.fragments[id as usize];
                    fragment.bytes = piece.part.share(fragment.bytes);
                    fragment.maker = index as u32;
                    fragment.kernel = kernel;
                    self.made.push(id);
                }
            }
            segment.made.1 = self.made.len() as u32;
        }
        of_data
    }

    /// What each segment reads from outside itself, where all tasks are whole.
    fn add_needs(&mut self, tasks: &TaskGraph, of_data: &[u32]) -> Result<(), PlanError> {
        self.needs.reserve(2 * self.fragments.len());
        // The last segment that asked for a fragment: a segment needs it once, however many of its kernels read it. A task names
        // what it reads once, so that segments of one kernel need no such memory.
        let single = self.segments.len() == self.kernels.len();
        let mut asked_by = if single { Vec::new() } else { vec![NO_SEGMENT; self.fragments.len()] };
        for (index, segment) in self.segments.iter_mut().enumerate() {
            let own = index as u32;
            segment.needs.0 = self.needs.len() as u32;
            for kernel in segment.kernels.0..segment.kernels.1 {
                for &data in tasks.inputs(self.kernels[kernel as usize].piece.task) {
                    for id in of_data[data.index()]..of_data[data.index() + 1] {
                        let fragment = &self.fragments[id as usize];
                        if fragment.maker != NO_SEGMENT && fragment.kernel >= kernel {
                            return Err(PlanError::Order { segment: own });
                        }
                        if single {
                            self.needs.push(id);
                        } else if fragment.maker != own && asked_by[id as usize] != own {
                            asked_by[id as usize] = own;
                            self.needs.push(id);
                        }
                    }
                }
            }
            segment.needs.1 = self.needs.len() as u32;
        }
        Ok(())
    }

    /// What the requester wants.
    fn add_outputs(&mut self, tasks: &TaskGraph, of_data: &[u32]) {
        for data in tasks.data().filter(|&data| tasks.is_output(data)) {
            self.needs.extend(of_data[data.index()]..of_data[data.index() + 1]);
        }
        let by_segments = self.segments.last().map_or(0, |segment| segment.needs.1);
        self.outputs = self.needs.len() as u32 - by_segments;
    }

    /// Readers of each fragment, in order of segment, the requester last.
    fn add_readers(&mut self) {
        for &id in &self.needs {
            self.fragments[id as usize].readers.1 += 1;
        }
        let mut end = 0;
        for fragment in &mut self.fragments {
            let count = fragment.readers.1;
            fragment.readers = (end, end);
            end += count;
        }
        self.readers = vec![0; self.needs.len()];
        let mut put = |id: u32, reader: u32| {
            let end = &mut self.fragments[id as usize].readers.1;
            self.readers[*end as usize] = reader;
            *end += 1;
        };
        let mut by_segments = 0;
        for (index, segment) in self.segments.iter().enumerate() {
            for &id in &self.needs[segment.needs.0 as usize..segment.needs.1 as usize] {
                put(id, index as u32);
            }
            by_segments = segment.needs.1;
        }
        for &id in &self.needs[by_segments as usize..] {
            put(id, OUTPUT);
        }
    }

    /// Each segment waits for the one before it on its worker.
    fn add_sequence(&mut self) {
        let workers = self.workers().flatten().map(|worker| worker.index() + 1).max().unwrap_or(0);
        let mut last = vec![NO_SEGMENT; workers];
        for index in 0..self.segments.len() {
            if let Some(worker) = self.segments[index].worker {
                let before = std::mem::replace(&mut last[worker.index()], index as u32);
                if before != NO_SEGMENT {
                    self.segments[before as usize].next_in_sequence = index as u32;
                    self.missing[index] += 1;
                }
            }
        }
    }
}

/// Checks that every task is computed exactly once, whole or in parts that tile it; returns the number of parts of each.
fn check_cover(plan: &Plan, tasks: &TaskGraph) -> Result<Vec<u32>, PlanError> {
    let mut count = vec![0u32; tasks.task_count()];
    let mut parts: Vec<Piece> = Vec::new();
    for index in 0..plan.segments().len() {
        let pieces = plan.pieces(SegmentId::from_index(index));
        if pieces.is_empty() {
            return Err(PlanError::EmptySegment { segment: index as u32 });
        }
        for piece in pieces {
            let not_covered = PlanError::NotCovered { task: piece.task.0 };
            let Some(times) = count.get_mut(piece.task.index()) else {
                return Err(not_covered);
            };
            *times += 1;
            if !piece.part.is_whole() {
                parts.push(*piece);
            } else if *times > 1 {
                return Err(not_covered);
            }
        }
    }
    if let Some(task) = count.iter().position(|&times| times == 0) {
        return Err(PlanError::NotCovered { task: task as u32 });
    }
    parts.sort_unstable_by_key(|piece| (piece.task, piece.part.range()));
    for same in parts.chunk_by(|one, next| one.task == next.task) {
        let task: TaskId = same[0].task;
        if !covers(same) || count[task.index()] as usize != same.len() {
            return Err(PlanError::NotCovered { task: task.0 });
        }
    }
    Ok(count)
}

/// Whether parts of one task, sorted by range, cover it along one dimension; channels without overlap.
fn covers(parts: &[Piece]) -> bool {
    let dimension = std::mem::discriminant(&parts[0].part);
    let (_, _, of) = parts[0].part.range();
    let may_overlap = matches!(parts[0].part, Part::Rows { .. });
    let mut reached = 0;
    for piece in parts {
        let (begin, end, also_of) = piece.part.range();
        let is_next = if may_overlap { begin <= reached } else { begin == reached };
        if std::mem::discriminant(&piece.part) != dimension || also_of != of || !is_next || end <= begin || end > of {
            return false;
        }
        reached = reached.max(end);
    }
    reached == of && of > 0 && !matches!(parts[0].part, Part::Whole)
}
