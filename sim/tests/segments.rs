//! What segments save: a segment of several whole tasks takes its launch once, and of each task what it takes inside.

mod common;

use proptest::prelude::*;
use sim::engine::{Model, Options, simulate};
use sim::identifiers::{ModelId, SegmentId, TaskId, WorkerId};
use sim::plan::{Launch, Part, Piece, Plan, PlanError, Program};
use sim::platform::ProcessorKind;
use sim::record::Record;
use sim::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

const WORKER: WorkerId = WorkerId(0);

/// A chain of tasks.
fn chain(length: usize) -> TaskGraph {
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(8);
    for _ in 0..length {
        data = builder.task(&[data], &[8]).1;
    }
    builder.output(data);
    builder.build().expect("topological order")
}

/// Carries out a plan; open segments go to the only worker, and what the system expects of them is kept.
struct Given {
    plan: Plan,
    expected_ns: Vec<u64>,
}

impl Strategy for Given {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.plan.clone())
    }

    fn interest(&self) -> Interest {
        Interest { dispatch: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        for ready in system.ready() {
            self.expected_ns.push(system.segment_ns(ready.in_flight, ready.segment, WORKER).expect("it runs everything"));
            decisions.place(ready.in_flight, ready.segment, WORKER);
        }
    }
}

proptest! {
    #[test]
    fn a_segment_takes_its_launch_and_what_each_task_takes_inside(
        durations in prop::collection::vec((1_000_u64..100_000, 0_u64..100_000), 1..8),
        launch_ns in 0_u64..50_000, cut in 0_usize..8, split in any::<bool>(), open in any::<bool>(),
    ) {
        let count = durations.len();
        let tasks = chain(count);
        let alone = durations.iter().map(|&(alone, _)| Some(KernelCost::of_duration(alone))).collect();
        let costs = CostTable::new(1, alone).with_segments(durations.iter().map(|&(_, inside)| inside).collect(), vec![launch_ns]);
        // Two segments; the last task may be computed in two parts.
        let cut = cut.min(count - 1);
        let mut plan = Plan::new();
        let place = if open { None } else { Some(WORKER) };
        let mut segments: Vec<Vec<Piece>> = Vec::new();
        for range in [0..cut, cut..count] {
            let whole = |index: usize| Piece { task: TaskId::from_index(index), part: Part::Whole };
            let mut pieces: Vec<Piece> = range.map(whole).collect();
            if split && pieces.last().is_some_and(|last| last.task.index() == count - 1) {
                let task = pieces.pop().expect("not empty").task;
                pieces.extend([(0, 1), (1, 3)].map(|(begin, end)| Piece { task, part: Part::Rows { begin, end, of: 3 } }));
            }
            if !pieces.is_empty() {
                plan.segment_of_pieces(place, pieces.iter().copied());
                segments.push(pieces);
            }
        }
        let expected: Vec<u64> = segments.iter().map(|pieces| {
            let wholes: Vec<usize> = pieces.iter().filter(|it| it.part.is_whole()).map(|it| it.task.index()).collect();
            let parts = pieces.iter().filter(|it| !it.part.is_whole());
            let alone: u64 = parts.map(|it| it.part.share(durations[it.task.index()].0)).sum();
            alone + match wholes.as_slice() {
                [] => 0,
                [only] => durations[*only].0,
                several => launch_ns + several.iter().map(|&index| durations[index].1).sum::<u64>(),
            }
        }).collect();

        let program = Program::compile(&plan, &tasks, &costs).expect("valid");
        if !open {
            for (index, expected) in expected.iter().enumerate() {
                let planned: u64 = program.kernel_range(index as u32).map(|it| program.planned_cost(it).expect("placed").duration_ns).sum();
                prop_assert_eq!(planned, *expected);
            }
        }
        let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
        let models = [Model { name: "chain", tasks: &tasks, costs: &costs }];
        let stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), Some(1));
        let mut strategy = Given { plan, expected_ns: Vec::new() };
        let mut records: Vec<Record> = Vec::new();
        simulate(&device, &models, vec![stream], &mut strategy, &Options::default(), &mut records).expect("valid");
        let mut taken = vec![0_u64; expected.len()];
        for record in &records {
            if let Record::Kernel(kernel) = record {
                taken[SegmentId::index(kernel.segment)] += kernel.end_ns - kernel.start_ns;
            }
        }
        prop_assert_eq!(&taken, &expected);
        if open {
            prop_assert_eq!(&strategy.expected_ns, &expected);
        }
        let all: Vec<TaskId> = tasks.tasks().collect();
        let inside: u64 = durations.iter().map(|&(_, inside)| inside).sum();
        let whole = if count == 1 { durations[0].0 } else { launch_ns + inside };
        prop_assert_eq!(costs.segment_ns(&all, WORKER), Some(whole));
    }
}

#[test]
fn without_segment_costs_a_segment_takes_the_sum_of_its_tasks() {
    let costs = CostTable::new(1, [10, 20, 30].map(|ns| Some(KernelCost::of_duration(ns))).to_vec());
    let all: Vec<TaskId> = (0..3).map(TaskId).collect();
    assert_eq!(costs.segment_ns(&all, WORKER), Some(60));
    let piece = Piece { task: TaskId(1), part: Part::Whole };
    for launch in [Launch::Own, Launch::First, Launch::Joined] {
        assert_eq!(costs.piece(piece, launch, WORKER), Some(KernelCost::of_duration(20)));
    }
}
