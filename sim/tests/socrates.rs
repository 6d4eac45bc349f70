//! The adaptive strategy: exact on chains, never behind the best single worker, and it changes its mind when a worker slows down.

mod common;

use proptest::prelude::*;
use sim::engine::{Model, Options, plan_all, simulate, simulate_programs};
use sim::identifiers::{ModelId, RequestId, SegmentId, TaskId, WorkerId};
use sim::plan::{Part, Plan, Program};
use sim::platform::{Clock, Device, OperatingPoint, Power, ProcessorKind};
use sim::record::{KernelRecord, NoRecorder, Record};
use sim::strategy::{Arriving, Decisions, DeviceView, InFlight, Job, Ready, System, registry};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

fn once() -> Vec<Stream> {
    vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(1))]
}

fn latency_ns(device: &Device, tasks: &TaskGraph, costs: &CostTable, plan: &Plan) -> u64 {
    let models = [Model { name: "m", tasks, costs }];
    let program = Program::compile(plan, tasks, costs).expect("valid");
    let summary =
        simulate_programs(device, &models, vec![program], once(), None, &Options::default(), &mut NoRecorder).expect("fits");
    assert_eq!(summary.completed, 1);
    summary.end_ns
}

fn planned_ns(strategy: &str, device: &Device, tasks: &TaskGraph, costs: &CostTable) -> u64 {
    let mut strategy = registry::build(strategy).expect("known");
    let models = [Model { name: "m", tasks, costs }];
    let summary = simulate(device, &models, once(), strategy.as_mut(), &Options::default(), &mut NoRecorder).expect("a plan");
    assert_eq!(summary.completed, 1);
    summary.end_ns
}

fn chain(bytes: &[u64]) -> TaskGraph {
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(bytes[0]);
    for &made in &bytes[1..] {
        data = builder.task(&[data], &[made]).1;
    }
    builder.output(data);
    builder.build().expect("a chain")
}

/// The best placement of whole tasks, neighbours on one worker joined, by trying all.
fn best_ns(device: &Device, tasks: &TaskGraph, costs: &CostTable) -> u64 {
    let workers = device.workers().len();
    let count = tasks.task_count();
    let mut best = u64::MAX;
    for mut code in 0..workers.pow(count as u32) {
        let mut plan = Plan::new();
        let mut run: Vec<TaskId> = Vec::new();
        let mut on = None;
        let mut possible = true;
        for task in tasks.tasks() {
            let worker = WorkerId::from_index(code % workers);
            code /= workers;
            possible &= costs.supports(task, worker);
            if on != Some(worker) && !run.is_empty() {
                plan.segment(on, run.drain(..));
            }
            on = Some(worker);
            run.push(task);
        }
        plan.segment(on, run);
        if possible {
            best = best.min(latency_ns(device, tasks, costs, &plan));
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn on_chains_the_search_finds_the_best(
        bytes in prop::collection::vec(0..3000_u64, 2..7),
        durations in prop::collection::vec((1..3000_u64, 0..4_u32), 18),
        fixed_ns in 0..800_u64,
    ) {
        let device = common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu, ProcessorKind::Npu], fixed_ns, 2e9);
        let tasks = chain(&bytes);
        let costs = durations[..3 * tasks.task_count()].iter().enumerate();
        let costs = costs.map(|(index, &(ns, refuses))| (refuses > 0 || index % 3 == 0).then_some(KernelCost::of_duration(ns)));
        let costs = CostTable::new(3, costs.collect());
        let found = planned_ns("socrates[splits=off, others=off, adapt=off]", &device, &tasks, &costs);
        prop_assert_eq!(found, best_ns(&device, &tasks, &costs));
    }

    #[test]
    fn it_is_never_behind_a_single_worker((device, tasks, costs) in common::system()) {
        let found = planned_ns("socrates[adapt=off]", &device, &tasks, &costs);
        for worker in device.worker_ids().filter(|&worker| tasks.tasks().all(|task| costs.supports(task, worker))) {
            let mut plan = Plan::new();
            plan.segment(Some(worker), tasks.tasks());
            prop_assert!(found <= latency_ns(&device, &tasks, &costs, &plan));
        }
    }

    #[test]
    fn placing_is_never_worse_than_staying_on_one_processor((device, tasks, costs) in common::system()) {
        let found = planned_ns("socrates[adapt=off]", &device, &tasks, &costs);
        let job = Job { model: ModelId(0), name: "m", tasks: &tasks, costs: &costs };
        let view = DeviceView { device: &device, jobs: &[job], seed: 0 };
        let mut staying = registry::build("socrates[placement=off, adapt=off]").expect("known");
        // Where a processor refuses an operator and nobody stands in for it, there is no such plan.
        if let Ok(plan) = staying.plan(&job, &view) {
            let stayed = latency_ns(&device, &tasks, &costs, &plan);
            prop_assert!(found <= stayed);
            for worker in device.worker_ids().filter(|&worker| tasks.tasks().all(|task| costs.supports(task, worker))) {
                let mut plan = Plan::new();
                plan.segment(Some(worker), tasks.tasks());
                prop_assert!(stayed <= latency_ns(&device, &tasks, &costs, &plan));
            }
        }
    }
}

/// A system in which one request has arrived and nothing runs.
struct Quiet<'a> {
    device: &'a Device,
    costs: &'a CostTable,
    program: Program,
    now_ns: u64,
    arriving: Vec<Arriving>,
}

impl System for Quiet<'_> {
    fn now_ns(&self) -> u64 {
        self.now_ns
    }
    fn device(&self) -> &Device {
        self.device
    }
    fn ready(&self) -> &[Ready] {
        &[]
    }
    fn arriving(&self) -> &[Arriving] {
        &self.arriving
    }
    fn is_idle(&self, _: WorkerId) -> bool {
        true
    }
    fn queue_length(&self, _: WorkerId) -> usize {
        0
    }
    fn backlog_ns(&self, _: WorkerId) -> u64 {
        0
    }
    fn program(&self, _: InFlight) -> &Program {
        &self.program
    }
    fn costs(&self, _: ModelId) -> &CostTable {
        self.costs
    }
    fn placed(&self, _: InFlight, _: SegmentId) -> Option<WorkerId> {
        None
    }
    fn model(&self, _: InFlight) -> ModelId {
        ModelId(0)
    }
    fn transfer_ns(&self, _: InFlight, _: SegmentId, _: WorkerId) -> u64 {
        0
    }
}

#[test]
fn a_worker_that_slows_down_is_left_and_taken_again_when_it_recovers() {
    let device = common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], 1_000, 1e9);
    let tasks = chain(&[1000, 1000, 1000, 1000]);
    // 2 ms a task on the CPU, 1 ms on the GPU.
    let costs = CostTable::new(2, [2_000_000, 1_000_000].repeat(3).into_iter().map(KernelCost::of_duration).map(Some).collect());
    let mut strategy = registry::build("socrates").expect("known");
    let job = Job { model: ModelId(0), name: "m", tasks: &tasks, costs: &costs };
    let view = DeviceView { device: &device, jobs: &[job], seed: 0 };
    let first = strategy.plan(&job, &view).expect("a plan");
    assert!(first.segments().iter().all(|segment| segment.worker == Some(WorkerId(1))), "the GPU is twice as fast");
    assert!(strategy.alternatives(ModelId(0)).len() > 1);
    let program = Program::compile(&first, &tasks, &costs).expect("valid");
    let arriving = Arriving { request: RequestId(9), model: ModelId(0), arrived_ns: 0, deadline_ns: None, priority: 0 };
    let mut system = Quiet { device: &device, costs: &costs, program, now_ns: 0, arriving: vec![arriving] };
    let mut ran = |strategy: &mut Box<dyn sim::strategy::Strategy>, from_ns: u64, took_ns: u64| {
        for index in 0..60 {
            let start_ns = from_ns + index * 4_000_000;
            strategy.observe(&Record::Kernel(KernelRecord {
                request: RequestId(0),
                model: ModelId(0),
                segment: SegmentId(0),
                task: TaskId(0),
                part: Part::Whole,
                kernels: 1,
                worker: WorkerId(1),
                ready_ns: start_ns,
                start_ns,
                end_ns: start_ns + took_ns,
                solo_ns: 1_000_000,
            }));
        }
        system.now_ns = from_ns + 240_000_000;
        let mut decisions = Decisions::default();
        strategy.dispatch(&system, &mut decisions);
        decisions
    };
    let same = ran(&mut strategy, 0, 1_050_000);
    assert!(same.plans.is_empty() && same.spent_ns == 0, "5 % is no reason to think again");
    let slower = ran(&mut strategy, 300_000_000, 4_000_000);
    let [(model, plan)] = &slower.plans[..] else { panic!("one new plan, not {}", slower.plans.len()) };
    assert_eq!(*model, ModelId(0));
    assert!(plan.segments().iter().all(|segment| segment.worker == Some(WorkerId(0))), "four times slower: the CPU is better");
    assert!(slower.spent_ns > 0, "planning is charged");
    // Nothing is seen of the GPU for long: the factor fades, and the GPU is tried again.
    system_after(&mut strategy, &device, &costs, &tasks, 20_000_000_000);
}

fn system_after(
    strategy: &mut Box<dyn sim::strategy::Strategy>,
    device: &Device,
    costs: &CostTable,
    tasks: &TaskGraph,
    now_ns: u64,
) {
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(0)), tasks.tasks());
    let program = Program::compile(&plan, tasks, costs).expect("valid");
    let arriving = Arriving { request: RequestId(10), model: ModelId(0), arrived_ns: now_ns, deadline_ns: None, priority: 0 };
    let system = Quiet { device, costs, program, now_ns, arriving: vec![arriving] };
    let mut decisions = Decisions::default();
    strategy.dispatch(&system, &mut decisions);
    let [(_, plan)] = &decisions.plans[..] else { panic!("one new plan, not {}", decisions.plans.len()) };
    assert!(plan.segments().iter().all(|segment| segment.worker == Some(WorkerId(1))));
}

/// Latencies of requests one after the other, planned for one device and run on another.
fn latencies_elsewhere(planned_for: &Device, device: &Device, tasks: &TaskGraph, costs: &CostTable, requests: u64) -> Vec<u64> {
    let mut strategy = registry::build("socrates").expect("known");
    let models = [Model { name: "m", tasks, costs }];
    let programs = plan_all(planned_for, &models, strategy.as_mut(), &Options::default()).expect("a plan");
    let streams = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(requests))];
    let mut records: Vec<Record> = Vec::new();
    let strategy: &mut dyn sim::strategy::Strategy = strategy.as_mut();
    simulate_programs(device, &models, programs, streams, Some(strategy), &Options::default(), &mut records).expect("fits");
    let latency_ns = |record: &Record| match record {
        Record::Request(request) => Some(request.ended_ns - request.arrived_ns),
        _ => None,
    };
    records.iter().filter_map(latency_ns).collect()
}

#[test]
fn plans_that_take_longer_than_simulated_are_left_for_a_single_worker() {
    // Four pairs of equal branches: shared by both workers they take half the time, if copies cost what the profile says.
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(1000);
    for _ in 0..4 {
        let (one, other) = (builder.task(&[data], &[1000]).1, builder.task(&[data], &[1000]).1);
        data = builder.task(&[one, other], &[1000]).1;
    }
    builder.output(data);
    let tasks = builder.build().expect("a graph");
    let costs = CostTable::new(2, vec![Some(KernelCost::of_duration(1_000_000)); 2 * tasks.task_count()]);
    let kinds = [ProcessorKind::CpuCluster, ProcessorKind::Gpu];
    let (profile, device) = (common::simple_device(&kinds, 1_000, 1e9), common::simple_device(&kinds, 2_500_000, 1e9));
    let as_planned = latencies_elsewhere(&profile, &profile, &tasks, &costs, 20);
    assert!(as_planned.iter().all(|&took_ns| took_ns < 9_000_000), "both workers are used: {as_planned:?}");
    let latencies = latencies_elsewhere(&profile, &device, &tasks, &costs, 60);
    assert!(latencies[0] > 14_000_000, "copies take far longer than the profile says: {}", latencies[0]);
    // The first request of a plan tells nothing of it (it may be cold): one try of the cold plan, two of the warm one.
    let slow = latencies.iter().filter(|&&took_ns| took_ns > 12_100_000).count();
    assert!(slow <= 3, "twelve tasks on one worker take 12 ms: {latencies:?}");
    assert!(latencies[20..].iter().all(|&took_ns| took_ns <= 12_100_000), "left for good: {latencies:?}");
}

#[test]
fn energy_is_saved_where_the_deadline_allows_it() {
    // 2 ms and 2 mJ a task on the CPU, 1 ms and 4 mJ on the GPU.
    let mut builder = common::simple_builder(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], 1_000, 1e9);
    let clock =
        |active_w| Clock { points: vec![OperatingPoint { frequency_khz: 1_000_000, active_w, idle_w: 0.1 }], ..Clock::default() };
    builder.power(Power { clocks: vec![clock(1.0), clock(4.0)], ..Power::default() });
    let device = builder.build().expect("valid");
    let tasks = chain(&[1000, 1000, 1000, 1000]);
    let costs = CostTable::new(2, [2_000_000, 1_000_000].repeat(3).into_iter().map(KernelCost::of_duration).map(Some).collect());
    let job = Job { model: ModelId(0), name: "m", tasks: &tasks, costs: &costs };
    let view = DeviceView { device: &device, jobs: &[job], seed: 0 };
    let all_on = |plan: &Plan, worker: u32| plan.segments().iter().all(|segment| segment.worker == Some(WorkerId(worker)));
    let mut fastest = registry::build("socrates").expect("known");
    assert!(all_on(&fastest.plan(&job, &view).expect("a plan"), 1));
    let mut frugal = registry::build("socrates[objective=energy]").expect("known");
    let plan = frugal.plan(&job, &view).expect("a plan");
    assert!(all_on(&plan, 0), "half the energy");
    let program = Program::compile(&plan, &tasks, &costs).expect("valid");
    let mut planned_for = |request: u32, deadline_ns| {
        let arriving = Arriving { request: RequestId(request), model: ModelId(0), arrived_ns: 0, deadline_ns, priority: 0 };
        let system = Quiet { device: &device, costs: &costs, program: program.clone(), now_ns: 0, arriving: vec![arriving] };
        let mut decisions = Decisions::default();
        frugal.dispatch(&system, &mut decisions);
        decisions.plans.pop().map(|(_, plan)| plan)
    };
    assert_eq!(planned_for(0, Some(20_000_000)), None, "6 ms of 20: the plan in force will do");
    let hurried = planned_for(1, Some(5_000_000)).expect("a plan for the hurried");
    assert!(all_on(&hurried, 1), "3 ms on the GPU, 6 on the CPU");
    assert!(all_on(&planned_for(2, None).expect("back again"), 0));
    let dark = common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], 1_000, 1e9);
    let refused = registry::build("socrates[objective=energy]").expect("known").plan(&job, &DeviceView { device: &dark, ..view });
    assert!(refused.is_err_and(|error| error.to_string().contains("power")));
}

#[test]
fn models_that_ask_at_once_do_not_all_follow_the_same_worker() {
    let device = common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], 1_000, 1e9);
    let tasks = chain(&[1000, 1000, 1000]);
    // 3 ms a model on the CPU, 2 ms on the GPU: together on the GPU they take 4 ms.
    let costs = CostTable::new(2, [1_500_000, 1_000_000].repeat(2).into_iter().map(KernelCost::of_duration).map(Some).collect());
    let job = |model: u32| Job { model: ModelId(model), name: "m", tasks: &tasks, costs: &costs };
    let jobs = [job(0), job(1)];
    let view = DeviceView { device: &device, jobs: &jobs, seed: 0 };
    let mut strategy = registry::build("socrates[splits=off, others=off]").expect("known");
    let mut plans: Vec<Plan> = jobs.iter().map(|job| strategy.plan(job, &view).expect("a plan")).collect();
    let program = Program::compile(&plans[0], &tasks, &costs).expect("valid");
    let mut request = 0;
    // Whoever is asked about first, and again and again: an idle device has a worker for each.
    for order in [[0, 1], [1, 0], [0, 1]] {
        let arriving = order.map(|model| {
            request += 1;
            Arriving { request: RequestId(request), model: ModelId(model), arrived_ns: 0, deadline_ns: None, priority: 0 }
        });
        let system = Quiet { device: &device, costs: &costs, program: program.clone(), now_ns: 0, arriving: arriving.to_vec() };
        let mut decisions = Decisions::default();
        strategy.dispatch(&system, &mut decisions);
        for (model, plan) in decisions.plans {
            plans[model.index()] = plan;
        }
        let workers = |plan: &Plan| plan.segments().iter().filter_map(|segment| segment.worker).collect::<Vec<_>>();
        let (one, other) = (workers(&plans[0]), workers(&plans[1]));
        assert!(one.iter().all(|worker| !other.contains(worker)), "{order:?}: {one:?} and {other:?}");
    }
}
