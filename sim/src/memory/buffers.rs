//! The buffers of a plan: who makes them, who uses them, which of them can be written in place.

use crate::graph::KernelKind;
use crate::identifiers::SegmentId;
use crate::memory::order::Order;
use crate::plan::{NO_SEGMENT, OUTPUT, Program};
use crate::task::TaskGraph;

/// A fragment in a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Buffer {
    pub(super) fragment: u32,
    pub(super) pool: u32,
    pub(super) bytes: u64,
    /// Kernels and copies that write it.
    pub(super) made_by: Vec<u32>,
    /// Whether it comes with the request.
    pub(super) is_given: bool,
    /// Kernels and copies that read it.
    pub(super) used_by: Vec<u32>,
    /// Whether the requester wants it: it stays until the request has ended.
    pub(super) is_kept: bool,
    /// Whether only kernels of the segment that makes it read it.
    pub(super) is_internal: bool,
}

/// All buffers, by fragment, then by pool.
pub(super) fn collect(program: &Program, pool_of_segment: &[u32], host: u32, tasks: &TaskGraph, order: &Order) -> Vec<Buffer> {
    let mut buffers: Vec<Buffer> = Vec::with_capacity(program.fragments().len() + order.copies.len());
    for (index, fragment) in program.fragments().iter().enumerate() {
        let index = index as u32;
        let readers = program.readers(index);
        let is_output = readers.last() == Some(&OUTPUT);
        let (pool, made_by) = match fragment.maker {
            NO_SEGMENT => (host, None),
            maker => (pool_of_segment[maker as usize], Some(fragment.kernel())),
        };
        let first = order.copies.partition_point(|&(copied, _)| copied < index);
        let copied = order.copies[first..].iter().take_while(|&&(copied, _)| copied == index).map(|&(_, to)| to);
        let copied: Vec<u32> = copied.collect();
        let buffer = |pool: u32, made_by: Option<u32>| Buffer {
            fragment: index,
            pool,
            bytes: fragment.bytes,
            made_by: made_by.into_iter().collect(),
            is_given: made_by.is_none(),
            used_by: Vec::new(),
            is_kept: is_output && pool == host,
            is_internal: readers.is_empty(),
        };
        let mut own = buffer(pool, made_by);
        own.used_by.extend(copied.iter().filter_map(|&to| order.copy(index, to)));
        let at = buffers.len();
        buffers.push(own);
        buffers.extend(copied.iter().map(|&to| buffer(to, order.copy(index, to))));
        buffers[at..].sort_by_key(|buffer| buffer.pool);
    }
    let mut of_data = vec![0; tasks.data_count() + 1];
    for buffer in &buffers {
        of_data[program.fragments()[buffer.fragment as usize].data.index() + 1] += 1;
    }
    for data in 0..tasks.data_count() {
        of_data[data + 1] += of_data[data];
    }
    // Fragments are numbered by data item, and buffers by fragment.
    for (segment, &pool) in pool_of_segment.iter().enumerate() {
        for kernel in program.kernel_range(SegmentId::from_index(segment).0) {
            for &data in tasks.inputs(program.kernel(kernel).task) {
                for buffer in &mut buffers[of_data[data.index()]..of_data[data.index() + 1]] {
                    if buffer.pool == pool && buffer.made_by.iter().all(|&made| order.is_before(made, kernel)) {
                        buffer.used_by.push(kernel);
                    }
                }
            }
        }
    }
    buffers
}

/// Puts the fragments of a data item in a pool into one buffer of the whole's size.
pub(super) fn join(buffers: Vec<Buffer>, program: &Program, tasks: &TaskGraph) -> Vec<Buffer> {
    let data_of = |buffer: &Buffer| program.fragments()[buffer.fragment as usize].data;
    let mut joined: Vec<Buffer> = Vec::with_capacity(buffers.len());
    for mut buffer in buffers {
        let data = data_of(&buffer);
        let same = joined.iter_mut().rev().take_while(|known| data_of(known) == data).find(|known| known.pool == buffer.pool);
        if let Some(known) = same {
            known.made_by.append(&mut buffer.made_by);
            known.used_by.append(&mut buffer.used_by);
            known.is_kept |= buffer.is_kept;
            known.is_internal &= buffer.is_internal;
        } else {
            joined.push(Buffer { bytes: tasks.bytes(data), ..buffer });
        }
    }
    // By data item, then by pool; of each data item the first fragment stands for all.
    for same in joined.chunk_by_mut(|one, next| data_of(one) == data_of(next)) {
        let first = same.iter().map(|buffer| buffer.fragment).min().unwrap_or(0);
        for buffer in same.iter_mut() {
            buffer.fragment = first;
        }
        same.sort_by_key(|buffer| buffer.pool);
    }
    joined
}

/// Lets results of element-wise kernels and views take the place of what they read for the last time. Returns for each buffer the
/// one that it lies in, which takes over its users; its own index where it lies by itself.
pub(super) fn reuse(buffers: &mut [Buffer], program: &Program, tasks: &TaskGraph, order: &Order) -> Vec<usize> {
    let mut roots: Vec<usize> = (0..buffers.len()).collect();
    let mut by_kernel: Vec<Vec<usize>> = vec![Vec::new(); program.kernel_count()];
    let mut reads: Vec<Vec<usize>> = vec![Vec::new(); program.kernel_count()];
    for (index, buffer) in buffers.iter().enumerate() {
        for &made in buffer.made_by.iter().filter(|&&made| (made as usize) < program.kernel_count()) {
            by_kernel[made as usize].push(index);
        }
        for &used in buffer.used_by.iter().filter(|&&used| (used as usize) < program.kernel_count()) {
            reads[used as usize].push(index);
        }
    }
    for kernel in 0..program.kernel_count() as u32 {
        let piece = program.kernel(kernel);
        let can = piece.part.is_whole() && tasks.work(piece.task).is_some_and(|work| writes_in_place(work.kind));
        let ([made], true) = (&by_kernel[kernel as usize][..], can) else {
            continue;
        };
        let made = *made;
        let taken = reads[kernel as usize].iter().copied().find(|&read| {
            let root = &buffers[roots[read]];
            let is_last = root.used_by.iter().all(|&used| used == kernel || order.is_before(used, kernel));
            root.bytes == buffers[made].bytes && root.pool == buffers[made].pool && !root.is_given && !root.is_kept && is_last
        });
        if let Some(read) = taken {
            let root = roots[read];
            roots[made] = root;
            let (used_by, is_kept) = (buffers[made].used_by.clone(), buffers[made].is_kept);
            buffers[root].used_by.extend(used_by);
            buffers[root].is_kept |= is_kept;
        }
    }
    roots
}

/// Kernels that read each element before they write it, and nothing else in between.
const fn writes_in_place(kind: KernelKind) -> bool {
    matches!(kind, KernelKind::Activation | KernelKind::Elementwise | KernelKind::View)
}
