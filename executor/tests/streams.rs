//! Streams with gates and streams that follow others, on a real processor: who enters, who is dropped, what follows.

mod support;

use std::sync::atomic::AtomicBool;

use executor::weights::Weights;
use executor::{ModelToRun, Opener, Settings, Specification, execute, open};
use sim::engine::StopReason;
use sim::identifiers::{ModelId, StreamId};
use sim::plan::{Plan, PlanError};
use sim::platform::ProcessorKind;
use sim::record::{Outcome, Record};
use sim::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System, registry};
use sim::task::LoweredModel;
use sim::workload::{Arrivals, Count, QueueRule, Stream, WhenFull};

use support::{device, device_or_skip, zoo};

/// Six requests at once, of which one enters and one may wait; each that completes brings about two of another stream.
#[test]
fn gates_and_followers() {
    let specification: Specification = "cpu[cores=0, kernels=builtin]".parse().expect("valid");
    if device_or_skip(open(&specification)).is_none() {
        return;
    }
    let device = device(&[("cpu0", ProcessorKind::CpuCluster, false)]);
    let (graph, weights) = (zoo("squeezenet1_1"), Weights::drawn());
    let lowered = LoweredModel::of(&graph, &device);
    let models = [ModelToRun { name: "squeezenet1_1", graph: &graph, lowered: &lowered, weights: &weights }];
    for (when_full, entered) in [(WhenFull::DropNewest, [0, 1]), (WhenFull::DropOldest, [0, 5])] {
        let mut first = Stream::new(ModelId(0), Arrivals::Recorded(vec![0; 6]), None);
        first.queue = Some(QueueRule { in_flight: 1, bound: Some(1), when_full, drop_late: false });
        let after = Arrivals::After { stream: 0, probability: 1.0, count: Count::Fixed(2), delay_ns: 0 };
        let second = Stream::new(ModelId(0), after, None);
        let opener: Opener<'_> = Box::new(|| open(&specification));
        let mut strategy = registry::build("cpu").expect("known");
        let (settings, interrupt) = (Settings { warm_up: 1, ..Settings::default() }, AtomicBool::new(false));
        let executed =
            execute(&device, &models, vec![first, second], strategy.as_mut(), vec![opener], &settings, &interrupt).expect("runs");
        let summary = &executed.summary;
        assert_eq!(summary.stop, StopReason::Drained);
        assert_eq!((summary.arrived, summary.completed, summary.dropped), (10, 6, 4), "{when_full:?}");
        let ended = executed.records.iter().filter_map(|record| if let Record::Request(it) = record { Some(it) } else { None });
        let mut completed: Vec<u32> =
            ended.filter(|it| it.stream == StreamId(0) && it.outcome == Outcome::Completed).map(|it| it.request.0).collect();
        completed.sort_unstable();
        assert_eq!(completed, entered, "{when_full:?}");
    }
}

/// Asks how much waits for every worker whenever requests arrive, as adaptive strategies do.
struct Asking {
    strategy: Box<dyn Strategy>,
    asked: u32,
}

impl Strategy for Asking {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        self.strategy.plan(job, view)
    }

    fn interest(&self) -> Interest {
        Interest { arrival: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, _: &mut Decisions) {
        self.asked += 1;
        for worker in system.device().worker_ids() {
            // Whoever ended just now is held up by nothing of the request that came in its place.
            assert!(system.backlog_ns(worker) < 1_000_000_000);
        }
    }
}

/// A request that ends may give its slot to one of another model, with fewer segments, before its worker is free: what the worker had to
/// do must not be looked up in the new plan.
#[test]
fn a_slot_is_given_on_before_its_worker_is_free() {
    let specification: Specification = "cpu[cores=0, kernels=builtin]".parse().expect("valid");
    if device_or_skip(open(&specification)).is_none() {
        return;
    }
    let device = device(&[("cpu0", ProcessorKind::CpuCluster, false)]);
    let (many, few) = (zoo("squeezenet1_1"), executor::frames::frame_model(1));
    let weights = Weights::drawn();
    let lowered = [LoweredModel::of(&many, &device), LoweredModel::of(&few, &device)];
    let models = [
        ModelToRun { name: "many", graph: &many, lowered: &lowered[0], weights: &weights },
        ModelToRun { name: "few", graph: &few, lowered: &lowered[1], weights: &weights },
    ];
    let first = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(3));
    let after = Arrivals::After { stream: 0, probability: 1.0, count: Count::Fixed(1), delay_ns: 0 };
    let second = Stream::new(ModelId(1), after, None);
    let opener: Opener<'_> = Box::new(|| open(&specification));
    let mut strategy = Asking { strategy: registry::build("heft").expect("known"), asked: 0 };
    let (settings, interrupt) = (Settings { warm_up: 1, ..Settings::default() }, AtomicBool::new(false));
    let executed =
        execute(&device, &models, vec![first, second], &mut strategy, vec![opener], &settings, &interrupt).expect("runs");
    assert_eq!(executed.summary.stop, StopReason::Drained);
    assert_eq!(executed.summary.completed, 6);
    assert!(strategy.asked >= 6, "{}", strategy.asked);
}
