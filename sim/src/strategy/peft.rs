//! `peft`: predict earliest finish time.
//!
//! Source: Arabnejad and Barbosa, IEEE TPDS 25(3), 2014.
//! Rule: the optimistic cost `OCT(i, p)` of all that follows task `i` on worker `p` is the maximum over successors `j` of the minimum
//! over workers `q` of `OCT(j, q) + cost(j, q) + mean transfer(i, j)`, without the transfer if `q = p`. The ready task of highest
//! mean `OCT` is placed next, where its earliest finish plus `OCT` is least.
//! Ignores: contention for bandwidth, invocation costs, other requests, whatever changes at run time.

use crate::plan::{Plan, PlanError};
use crate::strategy::list::{NEVER, Scheduler, WORKERS, workers_of};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "peft",
    summary: "list scheduling: each operator where it and the least of all that follows finish earliest",
    granularity: "operator",
    optimises: "the end of each operator and the least of all that follows",
    ignores: "bandwidth, invocations, what segments save, other requests, load",
    accelerator: None,
    parameters: &[WORKERS],
    build: |parameters| Ok(Box::new(Peft { workers: parameters.names("workers") })),
};

/// The PEFT strategy.
#[derive(Clone, Debug, Default)]
pub struct Peft {
    workers: Vec<String>,
}

impl Peft {
    /// On the workers of these names; on all that never compete for a core if there are none.
    pub fn on(workers: Vec<String>) -> Self {
        Self { workers }
    }
}

impl Strategy for Peft {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let workers = workers_of(ENTRY.name, &self.workers, view.device)?;
        let mut scheduler = Scheduler::new(ENTRY.name, job, view.device, &workers)?;
        let optimistic = optimistic_costs(&scheduler);
        let count = workers.len();
        let rank: Vec<f64> = optimistic.chunks(count).map(|row| row.iter().sum::<f64>() / count as f64).collect();
        let order = scheduler.by_priority(&rank, |scheduler, task| {
            let least = |index: usize, end_ns: u64| end_ns as f64 + optimistic[task.index() * count + index];
            let places = scheduler.places(task).map(|(index, place)| (least(index, place.end_ns), place));
            places.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, place)| place)
        });
        Ok(scheduler.plan(&order))
    }
}

/// The optimistic cost table, `OCT[task * workers + worker]` in nanoseconds.
fn optimistic_costs(scheduler: &Scheduler<'_>) -> Vec<f64> {
    let (tasks, count) = (scheduler.job.tasks, scheduler.workers.len());
    let mut table = vec![0.0f64; tasks.task_count() * count];
    for task in tasks.tasks().rev() {
        for &data in tasks.made(task) {
            let transfer_ns = scheduler.transfers.mean_ns(tasks.bytes(data));
            for &reader in tasks.readers(data) {
                let durations = scheduler.durations_ns(reader);
                let follows = &table[reader.index() * count..][..count];
                let rest: Vec<f64> = (0..count)
                    .map(|index| if durations[index] == NEVER { f64::INFINITY } else { follows[index] + durations[index] as f64 })
                    .collect();
                // Least over the workers if the task ran on none of them; on the same worker there is no transfer.
                let elsewhere = rest.iter().copied().fold(f64::INFINITY, f64::min) + transfer_ns;
                for (index, here) in rest.into_iter().enumerate() {
                    let entry = task.index() * count + index;
                    table[entry] = table[entry].max(elsewhere.min(here));
                }
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifiers::{DataId, ModelId};
    use crate::platform::{Device, DeviceBuilder, Link, ProcessorKind, SupportRules, Worker};
    use crate::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};

    /// Processors of one core with memories of their own; a byte takes a nanosecond between any two.
    fn device(count: usize) -> Device {
        let mut builder = DeviceBuilder::new("simple");
        for index in 0..count {
            let memory = builder.memory(format!("m{index}"));
            let kind = ProcessorKind::CpuCluster;
            let processor = builder.processor(format!("p{index}"), kind, 1, Vec::new());
            let (name, demands, costs) = (format!("w{index}"), vec![(processor, 1)], crate::cost::CostModels::default().into());
            builder.worker(Worker { name, kind, demands, memory, invocation_ns: 0, support: SupportRules::ALL, costs });
        }
        for from in 0..count as u32 {
            for to in (0..count as u32).filter(|&to| to != from) {
                builder.link(Link {
                    name: format!("{from}-{to}"),
                    from: crate::identifiers::MemoryId(from),
                    to: crate::identifiers::MemoryId(to),
                    fixed_ns: 0,
                    synchronization_ns: 0,
                    ns_per_byte: 0.0,
                    bytes_per_second: 1e9,
                    channels: Vec::new(),
                    blocks: None,
                });
            }
        }
        builder.build().expect("valid")
    }

    /// Tasks with one data item an edge `(from, to, bytes)`.
    fn graph(count: usize, edges: &[(usize, usize, u64)]) -> TaskGraph {
        let mut builder = TaskGraphBuilder::new();
        let mut items: Vec<DataId> = vec![DataId(0); edges.len()];
        for task in 0..count {
            let reads: Vec<DataId> = (0..edges.len()).filter(|&edge| edges[edge].1 == task).map(|edge| items[edge]).collect();
            let makes: Vec<usize> = (0..edges.len()).filter(|&edge| edges[edge].0 == task).collect();
            let bytes: Vec<u64> = makes.iter().map(|&edge| edges[edge].2).collect();
            let (_, first) = builder.task(&reads, &bytes);
            for (offset, &edge) in makes.iter().enumerate() {
                items[edge] = DataId::from_index(first.index() + offset);
            }
        }
        builder.build().expect("topological order")
    }

    fn check(
        costs: &[[u64; 2]],
        edges: &[(usize, usize, u64)],
        expected_table: &[[f64; 2]],
        expected_order: &str,
        expected_plan: &str,
    ) {
        let device = device(2);
        let tasks = graph(costs.len(), edges);
        let table = costs.iter().flatten().map(|&ns| (ns > 0).then_some(KernelCost::of_duration(ns))).collect();
        let costs = CostTable::new(2, table);
        let job = Job { model: ModelId(0), name: "by hand", tasks: &tasks, costs: &costs };
        let workers: Vec<_> = device.worker_ids().collect();
        let scheduler = Scheduler::new("peft", &job, &device, &workers).expect("runs everywhere");
        assert_eq!(optimistic_costs(&scheduler), expected_table.concat());
        let plan = Peft::default().plan(&job, &DeviceView { device: &device, jobs: &[job], seed: 0 }).expect("plans");
        let letter = |task: u32| char::from(b'A' + task as u8);
        let placed = |worker: u32| -> String {
            let segments = plan.segments().iter().zip(plan.all_pieces());
            segments
                .filter(|(segment, _)| segment.worker.map(|it| it.0) == Some(worker))
                .map(|(_, piece)| letter(piece.task.0))
                .collect()
        };
        let order: String = plan.all_pieces().iter().map(|piece| letter(piece.task.0)).collect();
        assert_eq!(order, expected_order);
        assert_eq!(format!("{} | {}", placed(0), placed(1)), expected_plan);
    }

    /// A diamond, A to B and C to D. By hand:
    ///
    /// `OCT(D) = (0, 0)`. B before D (transfer 4): on w0 min(3, 2 + 4) = 3, on w1 min(3 + 4, 2) = 2. C before D (transfer 1):
    /// min(3, 2 + 1) = 3 and min(3 + 1, 2) = 2. A before B (5): on w0 min(3 + 6, 2 + 2 + 5) = 9, on w1 min(3 + 6 + 5, 2 + 2) = 4;
    /// before C (2): min(3 + 4, 2 + 9 + 2) = 7 and min(3 + 4 + 2, 2 + 9) = 9. So A is (9, 9).
    ///
    /// A: 5 + 9 against 7 + 9, on w0 until 5. B and C have the same mean, B is earlier: w0 5 + 6 + 3 = 14, w1 5 + 5 + 2 + 2 = 14,
    /// equal: the first worker, 5 to 11. C: w0 15 + 3 = 18, w1 5 + 2 + 9 + 2 = 18: w0, 11 to 15. D: w0 18, w1 max(15, 16) + 2 = 18: w0.
    #[test]
    fn a_diamond_by_hand() {
        let costs = [[5, 7], [6, 2], [4, 9], [3, 2]];
        let edges = [(0, 1, 5), (0, 2, 2), (1, 3, 4), (2, 3, 1)];
        check(&costs, &edges, &[[9.0, 9.0], [3.0, 2.0], [3.0, 2.0], [0.0, 0.0]], "ABCD", "ABCD | ");
    }

    /// Where looking ahead pays: A is done sooner on w0 (3 against 4), but what follows runs well on w1 only, and the transfer is long.
    ///
    /// `OCT(B) = (0, 0)`, `OCT(A) = (min(20, 4 + 9), min(20 + 9, 4)) = (13, 4)`: A goes to w1 (3 + 13 against 4 + 4), B too, end 8.
    #[test]
    fn looking_ahead_by_hand() {
        check(&[[3, 4], [20, 4]], &[(0, 1, 9)], &[[13.0, 4.0], [0.0, 0.0]], "AB", " | AB");
    }

    /// Two successors of which one runs on w1 only (a cost of 0 stands for that).
    ///
    /// `OCT(B) = OCT(C) = (0, 0)`. A before B (3): w0 min(2, 6 + 3) = 2, w1 min(2 + 3, 6) = 5; before C (1): w0 7 + 1 = 8, w1 7.
    /// So A is (8, 7). A: 4 + 8 = 12 on w0, 6 + 7 = 13 on w1: w0 until 4. B: w0 until 6, w1 4 + 3 + 6 = 13: w0. C: w1, 5 to 12.
    #[test]
    fn unsupported_operators_by_hand() {
        check(&[[4, 6], [2, 6], [0, 7]], &[(0, 1, 3), (0, 2, 1)], &[[8.0, 7.0], [0.0, 0.0], [0.0, 0.0]], "ABC", "AB | C");
    }
}
