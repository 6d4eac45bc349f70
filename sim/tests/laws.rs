//! Laws that every simulation obeys, on random devices, models, plans and arrivals.

mod common;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sim::engine::{Model, Options, StopReason, Summary, Variation, simulate};
use sim::identifiers::{MemoryId, ModelId, ProcessorId, RequestId, TaskId, WorkerId};
use sim::plan::{Part, Plan, PlanError};
use sim::platform::Device;
use sim::record::{KernelRecord, Outcome, Record};
use sim::strategy::{Decisions, DeviceView, Interest, Job, Ready, Strategy, System};
use sim::task::{CostTable, TaskGraph};
use sim::workload::{Arrivals, Stream};

/// Carries out a given plan; what it leaves open goes to the worker that the choices name, as soon as it is ready.
struct Drawn {
    plan: Plan,
    choices: common::Choices,
    calls: usize,
}

impl Strategy for Drawn {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.plan.clone())
    }

    fn interest(&self) -> Interest {
        Interest { dispatch: true, observe: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        for ready in system.ready() {
            self.calls += 1;
            let able: Vec<WorkerId> = system
                .device()
                .worker_ids()
                .filter(|&worker| system.segment_ns(ready.in_flight, ready.segment, worker).is_some())
                .collect();
            let choice = self.choices[self.calls % self.choices.len()] as usize;
            // Now and then it waits for an idle worker, as long as something else is going on.
            let worker = able[choice % able.len()];
            let others_run = system.device().worker_ids().any(|other| !system.is_idle(other));
            if !choice.is_multiple_of(3) || system.is_idle(worker) || !others_run {
                decisions.place(ready.in_flight, ready.segment, worker);
            }
            assert!(valid(system, ready));
        }
    }
}

fn valid(system: &dyn System, ready: &Ready) -> bool {
    system.placed(ready.in_flight, ready.segment).is_none()
        && ready.arrived_ns <= system.now_ns()
        && system.device().worker_ids().all(|worker| system.is_idle(worker) <= (system.backlog_ns(worker) == 0))
}

struct Run {
    records: Vec<Record>,
    summary: Summary,
}

fn run(
    device: &Device,
    tasks: &TaskGraph,
    costs: &CostTable,
    plan: &Plan,
    choices: &common::Choices,
    variation: Variation,
) -> Run {
    let models = [Model { name: "random", tasks, costs }];
    let gap = u64::from(choices[0]) * 20;
    let streams = vec![
        Stream::new(ModelId(0), Arrivals::Periodic { period_ns: gap, phase_ns: 3 }, Some(3)),
        Stream { priority: 1, ..Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 2, think_ns: gap }, Some(3)) },
    ];
    let mut strategy = Drawn { plan: plan.clone(), choices: choices.clone(), calls: 0 };
    let options = Options { seed: 7, variation, ..Options::default() };
    let mut records = Vec::new();
    let summary = simulate(device, &models, streams, &mut strategy, &options, &mut records).expect("the plan is valid");
    Run { records, summary }
}

fn kernels(run: &Run) -> impl Iterator<Item = &KernelRecord> {
    run.records.iter().filter_map(|record| match record {
        Record::Kernel(kernel) => Some(kernel),
        _ => None,
    })
}

/// Every request ends once; every task of it runs exactly once, in parts that tile it.
fn conservation(run: &Run, tasks: &TaskGraph) {
    assert_eq!(run.summary.stop, StopReason::Drained);
    assert_eq!((run.summary.arrived, run.summary.completed), (6, 6));
    let mut ended = BTreeMap::new();
    for record in &run.records {
        if let Record::Request(request) = record {
            assert_eq!(request.outcome, Outcome::Completed);
            assert!(ended.insert(request.request, request.ended_ns).is_none(), "a request ends once");
        }
    }
    assert_eq!(ended.len(), 6);
    let mut done: BTreeMap<(RequestId, TaskId), u32> = BTreeMap::new();
    for kernel in kernels(run) {
        let (begin, end, of) = kernel.part.range();
        *done.entry((kernel.request, kernel.task)).or_default() += (end - begin) * 120 / of;
    }
    assert!(done.values().all(|&share| (118..=120).contains(&share)), "parts tile tasks");
    assert_eq!(done.len(), 6 * tasks.task_count());
}

/// No kernel starts before all it reads is in its worker's memory.
fn causality(run: &Run, device: &Device, tasks: &TaskGraph) {
    let memory = |worker: WorkerId| device.worker(worker).memory;
    let mut arrived = BTreeMap::new();
    let mut made: BTreeMap<(RequestId, TaskId), Vec<(u64, MemoryId)>> = BTreeMap::new();
    for record in &run.records {
        match record {
            Record::Arrival(it) => drop(arrived.insert(it.request, it.at_ns)),
            Record::Kernel(it) => made.entry((it.request, it.task)).or_default().push((it.end_ns, memory(it.worker))),
            _ => {}
        }
    }
    let copies: Vec<_> =
        run.records.iter().filter_map(|record| if let Record::Copy(it) = record { Some(it) } else { None }).collect();
    let was_copied = |request, data, to: MemoryId, by_ns: u64| {
        copies.iter().any(|it| it.request == request && it.data == data && device.link(it.link).to == to && it.end_ns <= by_ns)
    };
    for kernel in kernels(run) {
        assert!(kernel.start_ns >= arrived[&kernel.request] && kernel.ready_ns <= kernel.start_ns);
        let here = memory(kernel.worker);
        for &data in tasks.inputs(kernel.task) {
            let sources = match tasks.producer(data) {
                None => vec![(arrived[&kernel.request], device.host())],
                Some(task) => made[&(kernel.request, task)].clone(),
            };
            for (end_ns, there) in sources {
                assert!(end_ns <= kernel.start_ns, "{kernel:?} starts before its input {data:?} is made at {end_ns}");
                assert!(
                    there == here || was_copied(kernel.request, data, here, kernel.start_ns),
                    "{kernel:?} reads {data:?} from afar"
                );
            }
        }
    }
    for copy in &copies {
        assert!(copy.requested_ns <= copy.start_ns && copy.start_ns <= copy.end_ns);
        if let Some(task) = tasks.producer(copy.data) {
            let first_made = made[&(copy.request, task)].iter().map(|it| it.0).min().expect("made");
            assert!(copy.requested_ns >= first_made, "a copy of what does not exist yet");
        }
    }
}

/// One occupation of a worker: `(start, end, worker)`.
fn occupations(run: &Run, device: &Device) -> Vec<(u64, u64, WorkerId)> {
    let of = |record: &Record| match record {
        Record::Invocation(it) => Some((it.start_ns, it.end_ns, it.worker)),
        Record::Kernel(it) => Some((it.start_ns, it.end_ns, it.worker)),
        Record::Copy(it) => device.link(it.link).blocks.map(|worker| (it.start_ns, it.end_ns, worker)),
        _ => None,
    };
    run.records.iter().filter_map(of).filter(|(start, end, _)| end > start).collect()
}

/// No processor runs more than its cores at once, no worker more than one thing.
fn capacity(run: &Run, device: &Device) {
    let occupations = occupations(run, device);
    for &(at_ns, _, _) in &occupations {
        let now: Vec<WorkerId> = occupations.iter().filter(|it| it.0 <= at_ns && at_ns < it.1).map(|it| it.2).collect();
        for worker in device.worker_ids() {
            assert!(now.iter().filter(|&&other| other == worker).count() <= 1, "{worker:?} runs two things at {at_ns}");
        }
        for (index, processor) in device.processors().iter().enumerate() {
            assert!(
                busy(device, &now, ProcessorId::from_index(index)) <= processor.cores,
                "{} is over capacity at {at_ns}",
                processor.name
            );
        }
    }
}

fn busy(device: &Device, now: &[WorkerId], processor: ProcessorId) -> u32 {
    let demands = now.iter().flat_map(|&worker| &device.worker(worker).demands);
    demands.filter(|demand| demand.0 == processor).map(|demand| demand.1).sum()
}

/// While a segment waits for its worker, the worker is busy or too few of its cores are free.
fn work_conservation(run: &Run, device: &Device) {
    let occupations = occupations(run, device);
    let waits = run.records.iter().filter_map(|record| match record {
        Record::Invocation(it) => Some((it.ready_ns, it.start_ns, it.worker)),
        Record::Kernel(it) => Some((it.ready_ns, it.start_ns, it.worker)),
        _ => None,
    });
    for (ready_ns, start_ns, worker) in waits {
        let moments =
            occupations.iter().flat_map(|it| [it.0, it.1]).chain([ready_ns]).filter(|at| (ready_ns..start_ns).contains(at));
        for at_ns in moments {
            let now: Vec<WorkerId> = occupations.iter().filter(|it| it.0 <= at_ns && at_ns < it.1).map(|it| it.2).collect();
            let blocked = device
                .worker(worker)
                .demands
                .iter()
                .any(|&(processor, cores)| device.processor(processor).cores - busy(device, &now, processor) < cores);
            assert!(
                now.contains(&worker) || blocked,
                "{worker:?} idles at {at_ns} while work waits from {ready_ns} to {start_ns}"
            );
        }
    }
}

/// Latency is at least the critical path and the makespan at least the work over the cores, each at the best worker's cost.
fn bounds(run: &Run, device: &Device, tasks: &TaskGraph, costs: &CostTable, whole: bool) {
    if !whole {
        return; // Parts of a task may run at once.
    }
    let mut path_ns = vec![0u64; tasks.task_count()];
    let mut work = 0u64;
    for task in tasks.tasks() {
        let before = tasks.predecessors(task).map(|from| path_ns[from.index()]).max().unwrap_or(0);
        let able: Vec<(u64, WorkerId)> =
            device.worker_ids().filter_map(|worker| costs.duration_ns(task, worker).map(|ns| (ns, worker))).collect();
        path_ns[task.index()] = before + able.iter().map(|it| it.0).min().expect("worker 0 runs everything");
        work += able.iter().map(|&(ns, worker)| ns * u64::from(device.worker(worker).threads())).min().unwrap_or(0);
    }
    let critical_ns = path_ns.into_iter().max().unwrap_or(0);
    let cores: u64 = device.processors().iter().map(|processor| u64::from(processor.cores)).sum();
    for record in &run.records {
        if let Record::Request(request) = record {
            assert!(request.ended_ns - request.arrived_ns >= critical_ns, "faster than the critical path");
        }
    }
    assert!(run.summary.end_ns * cores >= work * 6, "more work than the cores could do");
}

/// Sharing bandwidth slows down, never speeds up; alone, everything takes its solo time.
fn no_speed_up(run: &Run, device: &Device) {
    for record in &run.records {
        let (duration_ns, solo_ns, shares) = match record {
            Record::Kernel(it) => (it.end_ns - it.start_ns, it.solo_ns, device.dram().is_some()),
            Record::Copy(it) => (it.end_ns - it.start_ns, it.solo_ns, !device.link(it.link).channels.is_empty()),
            _ => continue,
        };
        // One nanosecond for the rounding of a rate to whole nanoseconds.
        assert!(duration_ns + 1 >= solo_ns, "{record:?} is faster than alone");
        assert!(shares || duration_ns == solo_ns, "{record:?} shares nothing and takes another time than alone");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn every_run_obeys_the_laws((device, tasks, costs) in common::system(), choices in common::choices(), open in any::<bool>()) {
        let plan = common::plan(&tasks, &costs, &choices, open);
        let run = run(&device, &tasks, &costs, &plan, &choices, Variation::None);
        prop_assert!(run.records.windows(2).all(|pair| Record::ended_ns(&pair[0]) <= Record::ended_ns(&pair[1])), "the clock ran backwards");
        conservation(&run, &tasks);
        causality(&run, &device, &tasks);
        capacity(&run, &device);
        work_conservation(&run, &device);
        let whole = plan.all_pieces().iter().all(|piece| piece.part == Part::Whole);
        bounds(&run, &device, &tasks, &costs, whole);
        no_speed_up(&run, &device);
        prop_assert_eq!(run.summary.refused, 0);
    }

    /// With nothing else running, a kernel or copy takes its solo time, whatever bandwidth it asks for.
    #[test]
    fn alone_everything_takes_its_solo_time((device, tasks, costs) in common::system()) {
        let mut plan = Plan::new();
        plan.segment(Some(WorkerId(0)), tasks.tasks());
        let models = [Model { name: "alone", tasks: &tasks, costs: &costs }];
        let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(2));
        let mut strategy = Drawn { plan, choices: vec![0], calls: 0 };
        let mut records = Vec::new();
        let options = Options::default();
        simulate(&device, &models, vec![stream], &mut strategy, &options, &mut records).expect("the plan is valid");
        let copies = records.iter().filter(|record| matches!(record, Record::Copy(_))).count();
        for record in &records {
            let (duration_ns, solo_ns) = match record {
                Record::Kernel(it) => (it.end_ns - it.start_ns, it.solo_ns),
                // Several copies may flow at once.
                Record::Copy(it) if copies <= 2 => (it.end_ns - it.start_ns, it.solo_ns),
                _ => continue,
            };
            prop_assert_eq!(duration_ns, solo_ns, "{:?}", record);
        }
    }

    #[test]
    fn equal_seeds_give_equal_records((device, tasks, costs) in common::system(), choices in common::choices()) {
        let plan = common::plan(&tasks, &costs, &choices, true);
        let one = run(&device, &tasks, &costs, &plan, &choices, Variation::Exponential);
        let other = run(&device, &tasks, &costs, &plan, &choices, Variation::Exponential);
        prop_assert_eq!(&one.records, &other.records);
        prop_assert_eq!(&one.summary, &other.summary);
        conservation(&one, &tasks);
        causality(&one, &device, &tasks);
        capacity(&one, &device);
    }
}
