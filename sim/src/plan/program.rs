//! A plan compiled into dense arrays: what the engine and the executor carry out.

use crate::identifiers::{DataId, SegmentId, TaskId, WorkerId};
use crate::plan::{Part, Piece, Plan, PlanError};
use crate::task::{CostTable, KernelCost, TaskGraph};

/// In place of a segment: none.
pub const NO_SEGMENT: u32 = u32::MAX;

/// In place of a consumer segment: the requester, in the host's memory.
pub const OUTPUT: u32 = u32::MAX - 1;

/// The bytes that one segment makes of one data item and others read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The data item.
    pub data: DataId,
    /// How many bytes of it.
    pub bytes: u64,
    /// The segment that makes it; [`NO_SEGMENT`] if it comes with the request.
    pub maker: u32,
}

/// A compiled plan of one model on one device. Segments are numbered as in the plan.
///
/// Everything a segment makes becomes available when the whole segment has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    workers: Vec<Option<WorkerId>>,
    kernel_start: Vec<u32>,
    kernels: Vec<Piece>,
    kernel_costs: Vec<KernelCost>,
    fragments: Vec<Fragment>,
    reader_start: Vec<u32>,
    readers: Vec<u32>,
    need_start: Vec<u32>,
    needs: Vec<u32>,
    made_start: Vec<u32>,
    next_in_sequence: Vec<u32>,
    missing: Vec<u32>,
    outputs: u32,
    request_fragments: u32,
}

impl Program {
    /// Checks a plan against its tasks and costs and compiles it.
    pub fn compile(plan: &Plan, tasks: &TaskGraph, costs: &CostTable) -> Result<Self, PlanError> {
        let places = Places::of(plan, tasks)?;
        let mut program = Self::with_kernels(plan, costs)?;
        program.add_fragments(plan, tasks, &places)?;
        program.add_sequence(plan);
        Ok(program)
    }

    fn with_kernels(plan: &Plan, costs: &CostTable) -> Result<Self, PlanError> {
        let count = plan.segments().len();
        let mut program = Self {
            workers: plan.segments().iter().map(|segment| segment.worker).collect(),
            kernel_start: Vec::with_capacity(count + 1),
            kernels: plan.all_pieces().to_vec(),
            kernel_costs: Vec::with_capacity(plan.all_pieces().len()),
            fragments: Vec::new(),
            reader_start: Vec::new(),
            readers: Vec::new(),
            need_start: Vec::new(),
            needs: Vec::new(),
            made_start: Vec::new(),
            next_in_sequence: vec![NO_SEGMENT; count],
            missing: vec![0; count],
            outputs: 0,
            request_fragments: 0,
        };
        program.kernel_start.push(0);
        for (index, segment) in plan.segments().iter().enumerate() {
            for piece in plan.pieces(SegmentId::from_index(index)) {
                program.kernel_costs.push(match segment.worker {
                    None => KernelCost::of_duration(0),
                    Some(worker) => costs.part(piece.task, piece.part, worker).ok_or(PlanError::Unsupported {
                        segment: index as u32,
                        task: piece.task.0,
                        worker: worker.0,
                    })?,
                });
            }
            program.kernel_start.push(program.kernel_costs.len() as u32);
        }
        Ok(program)
    }

    /// Fragments are numbered: request inputs in order of data, then by segment, piece and data made.
    fn add_fragments(&mut self, plan: &Plan, tasks: &TaskGraph, places: &Places) -> Result<(), PlanError> {
        let segments = plan.segments().len();
        // Which fragments make up each data item, as ranges into `of_data`.
        let mut of_data_count = vec![0u32; tasks.data_count() + 1];
        for data in tasks.data() {
            of_data_count[data.index() + 1] = tasks.producer(data).map_or(1, |task| places.count(task));
        }
        accumulate(&mut of_data_count);
        let of_data_start = of_data_count;
        let mut of_data = vec![0u32; of_data_start[tasks.data_count()] as usize];
        let mut next = of_data_start.clone();
        let mut fragments = Vec::with_capacity(of_data.len());
        let mut add = |fragment: Fragment| {
            let slot = &mut next[fragment.data.index()];
            of_data[*slot as usize] = fragments.len() as u32;
            *slot += 1;
            fragments.push(fragment);
        };
        for data in tasks.data().filter(|&data| tasks.producer(data).is_none()) {
            add(Fragment { data, bytes: tasks.bytes(data), maker: NO_SEGMENT });
            self.request_fragments += 1;
        }
        self.made_start = Vec::with_capacity(segments + 1);
        let mut made_count = self.request_fragments;
        for index in 0..segments {
            self.made_start.push(made_count);
            for piece in plan.pieces(SegmentId::from_index(index)) {
                for &data in tasks.made(piece.task) {
                    add(Fragment { data, bytes: piece.part.share(tasks.bytes(data)), maker: index as u32 });
                    made_count += 1;
                }
            }
        }
        self.made_start.push(made_count);
        self.made_start.push(made_count);
        self.add_needs(plan, tasks, &of_data_start, &of_data, &fragments)?;
        for data in tasks.data().filter(|&data| tasks.is_output(data)) {
            for &fragment in range(&of_data_start, &of_data, data.index()) {
                self.needs.push(fragment);
                self.outputs += 1;
            }
        }
        self.invert_needs(fragments.len());
        self.fragments = fragments;
        Ok(())
    }

    fn add_needs(
        &mut self,
        plan: &Plan,
        tasks: &TaskGraph,
        of_data_start: &[u32],
        of_data: &[u32],
        fragments: &[Fragment],
    ) -> Result<(), PlanError> {
        self.need_start = Vec::with_capacity(plan.segments().len() + 1);
        // The last segment that asked for a fragment: a segment needs it once, however many of its kernels read it.
        let mut asked_by = vec![NO_SEGMENT; fragments.len()];
        for index in 0..plan.segments().len() {
            self.need_start.push(self.needs.len() as u32);
            let own = index as u32;
            // Fragments made by the pieces before the one looked at.
            let mut made = self.made_start[index];
            for piece in plan.pieces(SegmentId::from_index(index)) {
                for &data in tasks.inputs(piece.task) {
                    for &fragment in range(of_data_start, of_data, data.index()) {
                        let maker = fragments[fragment as usize].maker;
                        if maker != NO_SEGMENT && (maker > own || fragment >= made) {
                            return Err(PlanError::Order { segment: own });
                        }
                        if maker == own || asked_by[fragment as usize] == own {
                            continue;
                        }
                        asked_by[fragment as usize] = own;
                        self.needs.push(fragment);
                        self.missing[index] += 1;
                    }
                }
                made += tasks.made(piece.task).len() as u32;
            }
        }
        self.need_start.push(self.needs.len() as u32);
        Ok(())
    }

    /// Readers of each fragment, in order of segment, the requester last.
    fn invert_needs(&mut self, fragment_count: usize) {
        let mut start = vec![0u32; fragment_count + 1];
        for &fragment in &self.needs {
            start[fragment as usize + 1] += 1;
        }
        accumulate(&mut start);
        let mut next = start.clone();
        self.readers = vec![0; self.needs.len()];
        let mut put = |fragment: u32, reader: u32| {
            let slot = &mut next[fragment as usize];
            self.readers[*slot as usize] = reader;
            *slot += 1;
        };
        for index in 0..self.workers.len() {
            for &fragment in range(&self.need_start, &self.needs, index) {
                put(fragment, index as u32);
            }
        }
        for &fragment in &self.needs[self.need_start[self.workers.len()] as usize..] {
            put(fragment, OUTPUT);
        }
        self.reader_start = start;
    }

    fn add_sequence(&mut self, plan: &Plan) {
        if !plan.sequenced {
            return;
        }
        let workers = self.workers.iter().flatten().map(|worker| worker.index() + 1).max().unwrap_or(0);
        let mut last = vec![NO_SEGMENT; workers];
        for (index, worker) in self.workers.iter().enumerate() {
            if let Some(worker) = worker {
                let before = std::mem::replace(&mut last[worker.index()], index as u32);
                if before != NO_SEGMENT {
                    self.next_in_sequence[before as usize] = index as u32;
                    self.missing[index] += 1;
                }
            }
        }
    }

    /// Number of segments.
    #[inline]
    pub fn segment_count(&self) -> usize {
        self.workers.len()
    }

    /// Planned worker of each segment.
    #[inline]
    pub fn workers(&self) -> &[Option<WorkerId>] {
        &self.workers
    }

    /// Kernels of a segment as a range for [`Self::kernel`] and [`Self::planned_cost`].
    #[inline]
    pub fn kernel_range(&self, segment: u32) -> std::ops::Range<u32> {
        self.kernel_start[segment as usize]..self.kernel_start[segment as usize + 1]
    }

    /// One kernel.
    #[inline]
    pub fn kernel(&self, index: u32) -> Piece {
        self.kernels[index as usize]
    }

    /// Number of kernels over all segments.
    #[inline]
    pub fn kernel_count(&self) -> usize {
        self.kernels.len()
    }

    /// Cost of a kernel on its segment's planned worker; zero where the segment has none.
    #[inline]
    pub fn planned_cost(&self, index: u32) -> KernelCost {
        self.kernel_costs[index as usize]
    }

    /// All fragments.
    #[inline]
    pub fn all_fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    /// Fragments that come with the request.
    #[inline]
    pub fn request_fragments(&self) -> std::ops::Range<u32> {
        0..self.request_fragments
    }

    /// Fragments that a segment makes, as a contiguous range of identifiers.
    #[inline]
    pub fn made(&self, segment: u32) -> std::ops::Range<u32> {
        self.made_start[segment as usize]..self.made_start[segment as usize + 1]
    }

    /// Fragments that a segment reads from outside itself, each once.
    #[inline]
    pub fn needs(&self, segment: u32) -> &[u32] {
        range(&self.need_start, &self.needs, segment as usize)
    }

    /// Segments that read a fragment from outside, ascending; [`OUTPUT`] last where the requester wants it.
    #[inline]
    pub fn readers(&self, fragment: u32) -> &[u32] {
        range(&self.reader_start, &self.readers, fragment as usize)
    }

    /// The segment that may start only after this one has ended, on the same worker; [`NO_SEGMENT`] if none.
    #[inline]
    pub fn next_in_sequence(&self, segment: u32) -> u32 {
        self.next_in_sequence[segment as usize]
    }

    /// For each segment, how many fragments and predecessors in sequence it waits for at first.
    #[inline]
    pub fn missing(&self) -> &[u32] {
        &self.missing
    }

    /// Number of fragments that the requester wants.
    #[inline]
    pub fn output_count(&self) -> u32 {
        self.outputs
    }
}

/// Where each task is computed, checked: its parts tile it along one dimension.
struct Places {
    count: Vec<u32>,
}

impl Places {
    fn of(plan: &Plan, tasks: &TaskGraph) -> Result<Self, PlanError> {
        let mut count = vec![0u32; tasks.task_count()];
        let mut parts: Vec<Piece> = Vec::new();
        for index in 0..plan.segments().len() {
            let pieces = plan.pieces(SegmentId::from_index(index));
            if pieces.is_empty() {
                return Err(PlanError::EmptySegment { segment: index as u32 });
            }
            for piece in pieces {
                let Some(times) = count.get_mut(piece.task.index()) else {
                    return Err(PlanError::NotTiled { task: piece.task.0 });
                };
                *times += 1;
                if !piece.part.is_whole() {
                    parts.push(*piece);
                } else if *times > 1 {
                    return Err(PlanError::NotTiled { task: piece.task.0 });
                }
            }
        }
        if let Some(task) = count.iter().position(|&times| times == 0) {
            return Err(PlanError::NotTiled { task: task as u32 });
        }
        parts.sort_unstable_by_key(|piece| (piece.task, piece.part.range()));
        for same in parts.chunk_by(|one, next| one.task == next.task) {
            if !tiles(same) || count[same[0].task.index()] as usize != same.len() {
                return Err(PlanError::NotTiled { task: same[0].task.0 });
            }
        }
        Ok(Self { count })
    }

    fn count(&self, task: TaskId) -> u32 {
        self.count[task.index()]
    }
}

/// Whether parts of one task, sorted by range, tile it along one dimension.
fn tiles(parts: &[Piece]) -> bool {
    let dimension = std::mem::discriminant(&parts[0].part);
    let (_, _, of) = parts[0].part.range();
    let mut reached = 0;
    for piece in parts {
        let (begin, end, also_of) = piece.part.range();
        if std::mem::discriminant(&piece.part) != dimension || also_of != of || begin != reached || end <= begin || end > of {
            return false;
        }
        reached = end;
    }
    reached == of && of > 0 && !matches!(parts[0].part, Part::Whole)
}

fn accumulate(counts: &mut [u32]) {
    for index in 1..counts.len() {
        counts[index] += counts[index - 1];
    }
}

#[inline]
fn range<'a>(start: &[u32], items: &'a [u32], index: usize) -> &'a [u32] {
    &items[start[index] as usize..start[index + 1] as usize]
}
