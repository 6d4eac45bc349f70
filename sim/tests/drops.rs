//! Requests that a strategy gives up: what runs ends, nothing more starts, everybody else goes on.

mod common;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sim::engine::{Model, Options, StopReason, simulate};
use sim::identifiers::{ModelId, RequestId, TaskId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::platform::ProcessorKind;
use sim::record::{Outcome, Record};
use sim::strategy::{Decisions, DeviceView, InFlight, Interest, Job, Strategy, System};
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// Places everything on worker 0 and gives up the first request in a given call of `dispatch`.
struct GivesUp {
    plan: Plan,
    in_call: usize,
    calls: usize,
    first: Option<InFlight>,
}

impl Strategy for GivesUp {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.plan.clone())
    }

    fn interest(&self) -> Interest {
        Interest { dispatch: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        self.calls += 1;
        for ready in system.ready() {
            self.first = self.first.or(Some(ready.in_flight));
            decisions.place(ready.in_flight, ready.segment, WorkerId(0));
        }
        if self.calls == self.in_call {
            decisions.drop(self.first.expect("a request is there"));
            decisions.drop(InFlight(99));
        }
    }
}

/// Two requests of two open segments of 50 each, at 0 and at 10, on one worker.
#[test]
fn what_runs_ends_and_nothing_more_starts() {
    let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
    let mut builder = TaskGraphBuilder::new();
    let (_, data) = builder.task(&[], &[1]);
    builder.task(&[data], &[]);
    let tasks = builder.build().expect("two tasks");
    let costs = CostTable::new(1, vec![Some(KernelCost::of_duration(50)); 2]);
    let models = [Model { name: "two", tasks: &tasks, costs: &costs }];
    // Call 1 at 0 (the request is given up before it is placed), call 2 at 10 (its first segment runs until 50).
    for (in_call, expected) in
        [(1, [(0, Outcome::Dropped), (110, Outcome::Completed)]), (2, [(50, Outcome::Dropped), (150, Outcome::Completed)])]
    {
        let mut plan = Plan::new();
        plan.segment(None, [TaskId(0)]);
        plan.segment(None, [TaskId(1)]);
        let mut strategy = GivesUp { plan, in_call, calls: 0, first: None };
        let stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0, 10]), Some(2));
        let mut records: Vec<Record> = Vec::new();
        let options = Options::default();
        let summary = simulate(&device, &models, vec![stream], &mut strategy, &options, &mut records).expect("plans");
        let ends: Vec<(u64, Outcome)> = records
            .iter()
            .filter_map(|it| if let Record::Request(it) = it { Some((it.ended_ns, it.outcome)) } else { None })
            .collect();
        assert_eq!(ends, expected, "given up in call {in_call}");
        assert_eq!((summary.stop, summary.completed, summary.dropped), (StopReason::Drained, 1, 1));
        // There is no request 99; in the first call the placement of the request given up is refused too.
        assert_eq!(summary.refused, if in_call == 1 { 2 } else { 1 });
    }
}

/// Places what is ready anywhere, and now and then gives up some request that it has seen.
struct Fickle {
    plan: Plan,
    choices: common::Choices,
    calls: usize,
    seen: Vec<InFlight>,
}

impl Strategy for Fickle {
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
            decisions.place(ready.in_flight, ready.segment, able[choice % able.len()]);
            self.seen.push(ready.in_flight);
            if choice.is_multiple_of(4) {
                decisions.drop(self.seen[choice % self.seen.len()]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn requests_given_up_end_once_and_the_rest_completes((device, tasks, costs) in common::system(), choices in common::choices()) {
        let plan = common::plan(&tasks, &costs, &choices, true);
        let models = [Model { name: "random", tasks: &tasks, costs: &costs }];
        let streams = vec![
            Stream::new(ModelId(0), Arrivals::Periodic { period_ns: 700, phase_ns: 3 }, Some(4)),
            Stream { priority: 1, ..Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 2, think_ns: 9 }, Some(5)) },
        ];
        let mut strategy = Fickle { plan, choices, calls: 0, seen: Vec::new() };
        let mut records: Vec<Record> = Vec::new();
        let options = Options::default();
        let summary = simulate(&device, &models, streams, &mut strategy, &options, &mut records).expect("plans");
        prop_assert_eq!(&summary.stop, &StopReason::Drained);
        prop_assert_eq!((summary.arrived, summary.completed + summary.dropped), (9, 9));
        let mut ended: BTreeMap<RequestId, (u64, Outcome)> = BTreeMap::new();
        for record in &records {
            if let Record::Request(it) = record {
                prop_assert!(ended.insert(it.request, (it.ended_ns, it.outcome)).is_none(), "a request ends once");
            }
        }
        prop_assert_eq!(ended.values().filter(|(_, outcome)| *outcome == Outcome::Dropped).count() as u64, summary.dropped);
        let mut kernels: BTreeMap<RequestId, usize> = BTreeMap::new();
        for record in &records {
            let (request, end_ns) = match record {
                Record::Kernel(it) => {
                    *kernels.entry(it.request).or_default() += 1;
                    (it.request, it.end_ns)
                }
                Record::Copy(it) => (it.request, it.end_ns),
                _ => continue,
            };
            prop_assert!(end_ns <= ended[&request].0, "{record:?} after its request has ended");
        }
        let pieces = strategy.plan.all_pieces().len();
        for (request, (_, outcome)) in &ended {
            if *outcome == Outcome::Completed {
                prop_assert_eq!(kernels.get(request).copied().unwrap_or(0), pieces);
            }
        }
    }
}
