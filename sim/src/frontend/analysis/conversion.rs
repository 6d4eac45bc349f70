//! Where a placement converts layouts: a memory is an address space and a layout, and what passes from one to another is converted.
//!
//! Each tensor is converted once for each memory that reads it, however many tasks read it there, and where a task stands alone between
//! two conversions that are inverse to each other, both cancel if it is placed where its tensors are.

use crate::identifiers::{DataId, MemoryId, TaskId, WorkerId};
use crate::platform::Device;
use crate::task::TaskGraph;

/// A tensor brought from the layout of one memory to that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conversion {
    /// The tensor.
    pub data: DataId,
    /// Where it is made.
    pub from: MemoryId,
    /// Where it is read.
    pub to: MemoryId,
    /// What it takes with nothing else running.
    pub duration_ns: u64,
}

/// The conversions of a placement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversions {
    /// Those needed, in the order of the tensors.
    pub placed: Vec<Conversion>,
    /// Conversions if every reader made its own.
    pub by_reader: usize,
    /// Tasks that read only what one other memory makes and make only what it reads: placed there, they need no conversion at all.
    /// With that memory, and the time that conversions take less.
    pub round_trips: Vec<RoundTrip>,
}

/// A task whose conversions cancel if it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// The task.
    pub task: TaskId,
    /// The memory where its tensors are.
    pub memory: MemoryId,
    /// Time of the conversions that only it needs.
    pub saved_ns: u64,
}

impl Conversions {
    /// The conversions where task `t` runs on `workers[t]`.
    ///
    /// # Panics
    /// If there is not a worker for each task.
    pub fn of(tasks: &TaskGraph, workers: &[WorkerId], device: &Device) -> Self {
        assert_eq!(workers.len(), tasks.task_count(), "a worker for each task");
        let memory = |task: TaskId| device.worker(workers[task.index()]).memory;
        let made_in = |data: DataId| tasks.producer(data).map_or(device.host(), memory);
        let mut conversions = Self::default();
        for data in tasks.data() {
            let from = made_in(data);
            let host = tasks.is_output(data).then(|| device.host());
            let mut read_in: Vec<MemoryId> =
                tasks.readers(data).iter().map(|&task| memory(task)).chain(host).filter(|&to| to != from).collect();
            conversions.by_reader += read_in.len();
            read_in.sort_unstable();
            read_in.dedup();
            let place = |to| Conversion { data, from, to, duration_ns: device.copy_ns(from, to, tasks.bytes(data)) };
            conversions.placed.extend(read_in.into_iter().map(place));
        }
        for task in tasks.tasks() {
            conversions.round_trips.extend(round_trip(tasks, task, memory(task), &made_in, &memory, device));
        }
        conversions
    }

    /// Time of all conversions, with nothing else running.
    pub fn duration_ns(&self) -> u64 {
        self.placed.iter().map(|conversion| conversion.duration_ns).sum()
    }
}

fn round_trip(
    tasks: &TaskGraph,
    task: TaskId,
    here: MemoryId,
    made_in: &dyn Fn(DataId) -> MemoryId,
    memory: &dyn Fn(TaskId) -> MemoryId,
    device: &Device,
) -> Option<RoundTrip> {
    let read_by = |data: DataId| {
        let host = tasks.is_output(data).then(|| device.host());
        tasks.readers(data).iter().map(|&reader| memory(reader)).chain(host)
    };
    let outside =
        tasks.inputs(task).iter().map(|&data| made_in(data)).chain(tasks.made(task).iter().flat_map(|&data| read_by(data)));
    let mut outside = outside.collect::<Vec<_>>();
    outside.dedup();
    let &[there] = outside.as_slice() else { return None };
    if there == here {
        return None;
    }
    // What others here read too is converted anyway.
    let is_only_reader = |data: &&DataId| tasks.readers(**data).iter().all(|&reader| reader == task || memory(reader) != here);
    let inward = tasks.inputs(task).iter().filter(is_only_reader).map(|&data| device.copy_ns(there, here, tasks.bytes(data)));
    let outward = tasks.made(task).iter().map(|&data| device.copy_ns(here, there, tasks.bytes(data)));
    Some(RoundTrip { task, memory: there, saved_ns: inward.chain(outward).sum() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{DeviceBuilder, Link, ProcessorKind, SupportRules, Worker};
    use crate::task::TaskGraphBuilder;

    /// Two workers, a copy takes 1000 ns there and 2000 ns back.
    fn device() -> Device {
        let mut builder = DeviceBuilder::new("test");
        for name in ["cpu", "gpu"] {
            let memory = builder.memory(name);
            let processor = builder.processor(name, ProcessorKind::CpuCluster, 1, Vec::new());
            builder.worker(Worker {
                name: name.to_owned(),
                kind: ProcessorKind::CpuCluster,
                demands: vec![(processor, 1)],
                memory,
                invocation_ns: 0,
                support: SupportRules::ALL,
                costs: std::sync::Arc::default(),
            });
        }
        for (from, to, fixed_ns) in [(0, 1, 1000), (1, 0, 2000)] {
            builder.link(Link {
                name: format!("{from}-{to}"),
                from: MemoryId(from),
                to: MemoryId(to),
                fixed_ns,
                synchronization_ns: 0,
                ns_per_byte: 0.0,
                bytes_per_second: f64::INFINITY,
                channels: Vec::new(),
                blocks: None,
            });
        }
        builder.build().expect("valid")
    }

    #[test]
    fn tensors_are_converted_once_and_round_trips_found() {
        // input -> a -> b -> d, a -> c -> d -> output
        let mut builder = TaskGraphBuilder::new();
        let input = builder.request_input(4);
        let (_, a) = builder.task(&[input], &[4]);
        let (_, b) = builder.task(&[a], &[4]);
        let (_, c) = builder.task(&[a], &[4]);
        let (_, d) = builder.task(&[b, c], &[4]);
        builder.output(d);
        let tasks = builder.build().expect("valid");
        let (cpu, gpu) = (WorkerId(0), WorkerId(1));
        let check = |workers: [WorkerId; 4], placed: usize, by_reader: usize, trips: &[(u32, u64)]| {
            let found = Conversions::of(&tasks, &workers, &device());
            assert_eq!((found.placed.len(), found.by_reader), (placed, by_reader));
            let found: Vec<(u32, u64)> = found.round_trips.iter().map(|trip| (trip.task.0, trip.saved_ns)).collect();
            assert_eq!(found, trips);
        };
        check([cpu; 4], 0, 0, &[]);
        check([gpu; 4], 2, 2, &[]);
        check([cpu, gpu, cpu, cpu], 2, 2, &[(1, 3000)]);
        // The first tensor is brought over once for both.
        check([cpu, gpu, gpu, cpu], 3, 4, &[(1, 2000), (2, 2000)]);
        assert_eq!(Conversions::of(&tasks, &[cpu, gpu, gpu, cpu], &device()).duration_ns(), 1000 + 2 * 2000);
        check([cpu, gpu, gpu, gpu], 2, 3, &[]);
    }
}
