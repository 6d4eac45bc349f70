//! Arrows: from the kernel that made bytes, over the copies that moved them, to the kernels that read them.

use sim::identifiers::MemoryId;
use sim::record::{CopyRecord, KernelRecord, Record};

use crate::RunResult;

/// An arrow from one record's slice to another's, as indices of records.
pub(super) type Flow = (usize, usize);

/// Records of one kind, found by request and by task or data item.
struct Index<T> {
    items: Vec<((u32, u32), usize, T)>,
}

impl<T: Copy> Index<T> {
    fn new(mut items: Vec<((u32, u32), usize, T)>) -> Self {
        items.sort_by_key(|&(key, record, _)| (key, record));
        Self { items }
    }

    fn of(&self, request: u32, thing: u32) -> &[((u32, u32), usize, T)] {
        let key = (request, thing);
        let begin = self.items.partition_point(|item| item.0 < key);
        let end = self.items.partition_point(|item| item.0 <= key);
        &self.items[begin..end]
    }
}

/// All arrows of a run.
pub(super) fn flows(run: &RunResult<'_>) -> Vec<Flow> {
    let (mut kernels, mut copies) = (Vec::new(), Vec::new());
    for (index, record) in run.records.iter().enumerate() {
        match record {
            Record::Kernel(kernel) => kernels.push(((kernel.request.0, kernel.task.0), index, *kernel)),
            Record::Copy(copy) => copies.push(((copy.request.0, copy.data.0), index, *copy)),
            _ => {}
        }
    }
    let finder = Finder { run, kernels: Index::new(kernels), copies: Index::new(copies) };
    let mut flows = Vec::new();
    for &(_, record, copy) in &finder.copies.items {
        flows.extend(finder.source(record, &copy).map(|from| (from, record)));
        finder.readers(record, &copy, &mut flows);
    }
    for &(_, record, kernel) in &finder.kernels.items {
        finder.direct(record, &kernel, &mut flows);
    }
    flows.sort_unstable();
    flows
}

struct Finder<'a> {
    run: &'a RunResult<'a>,
    kernels: Index<KernelRecord>,
    copies: Index<CopyRecord>,
}

impl Finder<'_> {
    fn memory(&self, kernel: &KernelRecord) -> MemoryId {
        self.run.device.worker(kernel.worker).memory
    }

    /// What put the bytes of a copy where it took them from: a kernel, or an earlier copy; nothing if they came with the request.
    fn source(&self, record: usize, copy: &CopyRecord) -> Option<usize> {
        let tasks = self.run.models[copy.model.index()].model.tasks;
        let task = tasks.producer(copy.data)?;
        let from = self.run.device.link(copy.link).from;
        let makers = self.kernels.of(copy.request.0, task.0).iter();
        let makers = makers.filter(|(_, _, kernel)| kernel.end_ns <= copy.requested_ns && self.memory(kernel) == from);
        // Parts of a task may lie in one memory: the part with as many bytes as were copied is the one.
        let fits = |kernel: &KernelRecord| kernel.part.share(tasks.bytes(copy.data)) == copy.bytes;
        if let Some(&(_, maker, _)) = makers.max_by_key(|(_, index, kernel)| (fits(kernel), kernel.end_ns, *index)) {
            return Some(maker);
        }
        let earlier = self.copies.of(copy.request.0, copy.data.0).iter();
        let arrived = |other: &CopyRecord| self.run.device.link(other.link).to == from && other.end_ns <= copy.requested_ns;
        let earlier = earlier.filter(|(_, index, other)| *index != record && other.bytes == copy.bytes && arrived(other));
        earlier.max_by_key(|(_, index, other)| (other.end_ns, *index)).map(|&(_, index, _)| index)
    }

    fn readers(&self, record: usize, copy: &CopyRecord, flows: &mut Vec<Flow>) {
        let tasks = self.run.models[copy.model.index()].model.tasks;
        let to = self.run.device.link(copy.link).to;
        for reader in tasks.readers(copy.data) {
            for (_, index, kernel) in self.kernels.of(copy.request.0, reader.0) {
                if self.memory(kernel) == to && kernel.start_ns >= copy.end_ns {
                    flows.push((record, *index));
                }
            }
        }
    }

    /// From kernels that left what this one reads in the same memory, on another worker.
    fn direct(&self, record: usize, kernel: &KernelRecord, flows: &mut Vec<Flow>) {
        let mut makers: Vec<u32> =
            self.run.models[kernel.model.index()].model.tasks.predecessors(kernel.task).map(|task| task.0).collect();
        makers.sort_unstable();
        makers.dedup();
        for maker in makers {
            for (_, index, made) in self.kernels.of(kernel.request.0, maker) {
                if made.worker != kernel.worker && self.memory(made) == self.memory(kernel) && made.end_ns <= kernel.start_ns {
                    flows.push((*index, record));
                }
            }
        }
    }
}
