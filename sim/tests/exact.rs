//! `exact` against brute force, and every strategy against the lower bounds.

mod common;

use proptest::prelude::*;
use sim::bounds::LowerBounds;
use sim::engine::{Model, Options, SimulationError, simulate};
use sim::identifiers::{MemoryId, ModelId, TaskId, WorkerId};
use sim::plan::PlanError;
use sim::platform::{Device, DeviceBuilder, ProcessorKind};
use sim::record::{NoRecorder, Outcome, Record};
use sim::strategy::Job;
use sim::strategy::registry::{STRATEGIES, build};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// Two or three processors over one to three memories; copies share nothing and block nobody.
fn device() -> impl Strategy<Value = Device> {
    (prop::collection::vec(0..3usize, 2..4), prop::collection::vec((0..800u64, 1..40u32), 9)).prop_map(|(places, links)| {
        let mut builder = DeviceBuilder::new("quiet");
        for memory in 0..3 {
            builder.memory(format!("m{memory}"));
        }
        for (index, &place) in places.iter().enumerate() {
            let kind = ProcessorKind::CpuCluster;
            let processor = builder.processor(format!("p{index}"), kind, 1, Vec::new());
            builder.worker(common::plain_worker(format!("w{index}"), kind, vec![(processor, 1)], place, 0));
        }
        for from in 0..3 {
            for to in (0..3).filter(|&to| to != from) {
                let (fixed_ns, speed) = links[from * 3 + to];
                builder.link(common::plain_link(format!("{from}-{to}"), from, to, fixed_ns, f64::from(speed) * 1e8));
            }
        }
        builder.build().expect("valid")
    })
}

/// Up to eight tasks, most of which read from an earlier one.
fn tasks() -> impl Strategy<Value = TaskGraph> {
    let task = (prop::collection::vec(any::<prop::sample::Index>(), 0..3), 0..2000u64, any::<bool>());
    (0..2000u64, prop::collection::vec(task, 1..9)).prop_map(|(input, tasks)| {
        let mut builder = TaskGraphBuilder::new();
        let mut data = vec![builder.request_input(input)];
        for (reads, bytes, wanted) in tasks {
            let reads: Vec<_> = reads.iter().map(|index| *index.get(&data)).collect();
            let (_, made) = builder.task(&reads, &[bytes]);
            data.push(made);
            if wanted {
                builder.output(made);
            }
        }
        builder.build().expect("topological order")
    })
}

fn quiet_system() -> impl Strategy<Value = (Device, TaskGraph, CostTable)> {
    (device(), tasks()).prop_flat_map(|(device, tasks)| {
        let costs = common::costs(tasks.task_count(), device.workers().len());
        (Just(device), Just(tasks), costs)
    })
}

/// What is known on the way through all schedules.
struct Search<'a> {
    device: &'a Device,
    tasks: &'a TaskGraph,
    costs: &'a CostTable,
    end_ns: Vec<u64>,
    place: Vec<Option<WorkerId>>,
    free_ns: Vec<u64>,
    best_ns: u64,
}

impl Search<'_> {
    /// Tries every ready task on every worker next, after what the worker has already.
    fn descend(&mut self, length_ns: u64) {
        if length_ns >= self.best_ns {
            return;
        }
        let ready: Vec<TaskId> = self.tasks.tasks().filter(|&task| self.is_ready(task)).collect();
        if ready.is_empty() {
            self.best_ns = length_ns;
            return;
        }
        let memory = |worker: WorkerId| self.device.worker(worker).memory;
        let memories: Vec<MemoryId> = self.device.worker_ids().map(memory).collect();
        for task in ready {
            for worker in self.device.worker_ids() {
                let Some(duration_ns) = self.costs.duration_ns(task, worker) else { continue };
                let here = memories[worker.index()];
                let mut start_ns = self.free_ns[worker.index()];
                for &data in self.tasks.inputs(task) {
                    let (made_ns, there) = match self.tasks.producer(data) {
                        None => (0, self.device.host()),
                        Some(from) => (self.end_ns[from.index()], memories[self.place[from.index()].expect("placed").index()]),
                    };
                    start_ns = start_ns.max(made_ns + self.device.copy_ns(there, here, self.tasks.bytes(data)));
                }
                let end_ns = start_ns + duration_ns;
                let outputs = self.tasks.made(task).iter().filter(|&&data| self.tasks.is_output(data));
                let back = |&data: &_| end_ns + self.device.copy_ns(here, self.device.host(), self.tasks.bytes(data));
                let length = outputs.map(back).max().unwrap_or(end_ns).max(end_ns).max(length_ns);
                let before = std::mem::replace(&mut self.free_ns[worker.index()], end_ns);
                (self.end_ns[task.index()], self.place[task.index()]) = (end_ns, Some(worker));
                self.descend(length);
                self.place[task.index()] = None;
                self.free_ns[worker.index()] = before;
            }
        }
    }

    fn is_ready(&self, task: TaskId) -> bool {
        let placed = |task: TaskId| self.place[task.index()].is_some();
        !placed(task) && self.tasks.predecessors(task).all(placed)
    }
}

fn brute_force_ns(device: &Device, tasks: &TaskGraph, costs: &CostTable) -> u64 {
    let count = tasks.task_count();
    let free_ns = vec![0; device.workers().len()];
    let mut search =
        Search { device, tasks, costs, end_ns: vec![0; count], place: vec![None; count], free_ns, best_ns: u64::MAX };
    search.descend(0);
    search.best_ns
}

/// Latency of one request alone; `None` where the strategy has no plan.
fn latency_ns(strategy: &str, device: &Device, tasks: &TaskGraph, costs: &CostTable) -> Option<u64> {
    let mut strategy = build(strategy).expect("a strategy");
    let models = [Model { name: "random", tasks, costs }];
    let stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), Some(1));
    match simulate(device, &models, vec![stream], strategy.as_mut(), &Options::default(), &mut NoRecorder) {
        Ok(summary) => Some(summary.end_ns),
        Err(SimulationError::Plan {
            source: PlanError::Missing { .. } | PlanError::Unplaceable { .. } | PlanError::NotFound { .. },
            ..
        }) => None,
        Err(other) => panic!("{other}"),
    }
}

/// Gaps to the shortest schedule over many small graphs, for `cargo test -- --nocapture gaps`.
#[test]
#[expect(clippy::print_stdout, reason = "a table for whoever asks with --nocapture")]
fn gaps_to_the_shortest_schedule() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategies = ["heft", "cpop", "peft", "puzzle", "haxconn", "exact"];
    let mut gaps: Vec<Vec<f64>> = vec![Vec::new(); strategies.len()];
    for _ in 0..100 {
        let (device, tasks) = (device(), tasks()).new_tree(&mut runner).expect("generates").current();
        let cost = prop_oneof![5 => (200..3000u64).prop_map(|ns| Some(KernelCost::of_duration(ns))), 1 => Just(None)];
        let count = device.workers().len();
        let costs = prop::collection::vec(cost, count * tasks.task_count()).new_tree(&mut runner).expect("generates").current();
        let runs_here =
            |(index, cost): (usize, Option<KernelCost>)| cost.or((index % count == 0).then_some(KernelCost::of_duration(1500)));
        let costs = CostTable::new(count, costs.into_iter().enumerate().map(runs_here).collect());
        let best_ns = brute_force_ns(&device, &tasks, &costs);
        for (strategy, gaps) in strategies.iter().zip(&mut gaps) {
            let found_ns = latency_ns(strategy, &device, &tasks, &costs).expect("plans");
            gaps.push(found_ns as f64 / best_ns.max(1) as f64 - 1.0);
        }
    }
    for (strategy, gaps) in strategies.iter().zip(&mut gaps) {
        gaps.sort_by(f64::total_cmp);
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let (median, p90, worst) = (gaps[gaps.len() / 2], gaps[gaps.len() * 9 / 10], gaps[gaps.len() - 1]);
        println!(
            "{strategy}: mean {:.1} %, median {:.1} %, p90 {:.1} %, worst {:.1} %",
            mean * 1e2,
            median * 1e2,
            p90 * 1e2,
            worst * 1e2
        );
        // One transition at most, and nothing at the same time, costs more than the others' haste.
        let limit = if *strategy == "haxconn" { 1.0 } else { 0.3 };
        assert!(mean < limit, "{strategy} is {mean} above the shortest on average");
    }
    assert!(gaps[5].iter().all(|gap| gap.abs() < 1e-12));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Placements and orders, copies counted: what `exact` plans is simulated to take what brute force finds.
    #[test]
    fn exact_equals_brute_force((device, tasks, costs) in quiet_system()) {
        let expected = brute_force_ns(&device, &tasks, &costs);
        prop_assert_eq!(latency_ns("exact", &device, &tasks, &costs), Some(expected));
        let job = Job { model: ModelId(0), name: "random", tasks: &tasks, costs: &costs };
        let bounds = LowerBounds::with_relaxation(&job, &device).expect("worker 0 runs everything");
        prop_assert!(bounds.latency_ns() <= expected, "{bounds:?} above {expected}");
        prop_assert!(bounds.relaxation_ns.is_some());
    }

    /// No strategy is ever below a lower bound, whatever the device.
    #[test]
    fn nothing_is_below_a_bound((device, tasks, costs) in common::system()) {
        let job = Job { model: ModelId(0), name: "random", tasks: &tasks, costs: &costs };
        let bounds = LowerBounds::with_relaxation(&job, &device).expect("worker 0 runs everything");
        for entry in STRATEGIES {
            let mut strategy = build(entry.name).expect("defaults are valid");
            let models = [Model { name: "random", tasks: &tasks, costs: &costs }];
            let streams = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 2, think_ns: 5 }, Some(4))];
            let mut records: Vec<Record> = Vec::new();
            let options = Options::default();
            if let Ok(summary) = simulate(&device, &models, streams, strategy.as_mut(), &options, &mut records) {
                prop_assert!(summary.end_ns >= bounds.work_ns * 4, "{}: more work than the cores can do", entry.name);
                for record in &records {
                    if let Record::Request(request) = record && request.outcome == Outcome::Completed {
                        let latency_ns = request.ended_ns - request.arrived_ns;
                        prop_assert!(latency_ns >= bounds.latency_ns(), "{}: {latency_ns} below {bounds:?}", entry.name);
                    }
                }
            }
        }
    }
}
