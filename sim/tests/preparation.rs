//! Plans made at run time: prepared by the workers in turn with requests, which follow the plan before meanwhile.

mod common;

use std::sync::Arc;

use sim::cost::{CostModels, Overhead, Overheads};
use sim::engine::{Model, Options, StopReason, Summary, simulate};
use sim::identifiers::{ModelId, TaskId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::platform::{Device, DeviceBuilder, ProcessorKind};
use sim::record::Record;
use sim::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System};
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// Both tasks in one segment on worker 0; from the first arrival on, each on a worker of its own.
struct Changes {
    is_named_before: bool,
    /// Whether the plan in force is asked for again when this request arrives.
    back_at: Option<u32>,
    /// Requests at whose arrival a plan was being prepared.
    met_preparation: Vec<u32>,
}

fn together() -> Plan {
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(0)), [TaskId(0), TaskId(1)]);
    plan
}

fn apart() -> Plan {
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(0)), [TaskId(0)]);
    plan.segment(Some(WorkerId(1)), [TaskId(1)]);
    plan
}

impl Strategy for Changes {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(together())
    }

    fn alternatives(&self, _model: ModelId) -> Vec<Plan> {
        if self.is_named_before { vec![apart()] } else { Vec::new() }
    }

    fn interest(&self) -> Interest {
        Interest { arrival: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        for arriving in system.arriving() {
            if system.is_being_prepared(arriving.model) {
                self.met_preparation.push(arriving.request.0);
            }
            if arriving.request.0 == 0 {
                decisions.replan(ModelId(0), apart());
            }
            if self.back_at == Some(arriving.request.0) {
                decisions.replan(ModelId(0), together());
            }
        }
    }
}

/// Two workers on one memory, which prepare a kernel in so many nanoseconds.
fn device(preparation_ns: [f64; 2]) -> Device {
    let mut builder = DeviceBuilder::new("two");
    builder.memory("m".to_owned());
    for (index, fixed_ns) in preparation_ns.into_iter().enumerate() {
        let processor = builder.processor(format!("p{index}"), ProcessorKind::CpuCluster, 1, Vec::new());
        let mut worker = common::plain_worker(format!("w{index}"), ProcessorKind::CpuCluster, vec![(processor, 1)], 0, 0);
        let preparation = Overhead { fixed_ns, byte_ns: 1.0 };
        let preparation = if fixed_ns > 0.0 { preparation } else { Overhead::default() };
        let overheads = Overheads { preparation, ..Overheads::default() };
        worker.costs = Arc::new(CostModels::default().with_overheads(overheads).expect("positive"));
        builder.worker(worker);
    }
    builder.build().expect("valid")
}

/// Ends of requests at some times, of two tasks of 50 each.
fn ends(device: &Device, arrivals: Vec<u64>, strategy: &mut Changes) -> (Vec<u64>, Summary) {
    let mut builder = TaskGraphBuilder::new();
    let (_, data) = builder.task(&[], &[1]);
    builder.task(&[data], &[]);
    let tasks = builder.build().expect("two tasks");
    let costs = CostTable::new(2, vec![Some(KernelCost::of_duration(50)); 4]);
    let models = [Model { name: "two", tasks: &tasks, costs: &costs }];
    let count = arrivals.len() as u64;
    let stream = Stream::new(ModelId(0), Arrivals::Recorded(arrivals), Some(count));
    let mut records: Vec<Record> = Vec::new();
    let summary = simulate(device, &models, vec![stream], strategy, &Options::default(), &mut records).expect("plans");
    let ends = records.iter().filter_map(|it| if let Record::Request(it) = it { Some(it.ended_ns) } else { None }).collect();
    (ends, summary)
}

#[test]
fn requests_follow_the_plan_before_until_all_units_are_prepared() {
    let check = |preparation_ns: [f64; 2], is_named_before: bool, back_at, expected: [u64; 3], met: &[u32]| {
        let mut strategy = Changes { is_named_before, back_at, met_preparation: Vec::new() };
        let (ends, summary) = ends(&device(preparation_ns), vec![0, 10, 200], &mut strategy);
        assert_eq!((&ends[..], &strategy.met_preparation[..]), (&expected[..], met), "{preparation_ns:?} {is_named_before}");
        assert_eq!((summary.stop, summary.refused), (StopReason::Drained, 0));
    };
    // Without costs the first request follows the new plan, as before.
    check([0.0, 0.0], false, None, [100, 150, 300], &[]);
    // Worker 0 prepares until 30, then runs the first two requests as the first plan says; the third follows the new one.
    check([30.0, 30.0], false, None, [130, 230, 330], &[1]);
    // Named before the run: prepared already.
    check([30.0, 30.0], true, None, [100, 150, 300], &[]);
    // Worker 1 is not done by 200: the third request follows the first plan, too.
    check([30.0, 500.0], false, None, [130, 230, 330], &[1, 2]);
    // The plan in force is asked for again while the other is prepared: that one never comes.
    check([30.0, 500.0], false, Some(1), [130, 230, 330], &[1]);
}

#[test]
fn a_run_does_not_wait_for_a_preparation() {
    let mut strategy = Changes { is_named_before: false, back_at: None, met_preparation: Vec::new() };
    let (ends, summary) = ends(&device([0.0, 1e9]), vec![0], &mut strategy);
    assert_eq!((&ends[..], summary.end_ns, summary.stop), (&[100][..], 100, StopReason::Drained));
}
