//! What was decided in one run, followed in another: the same records, whatever was decided when.

#[path = "../../sim/tests/small/mod.rs"]
mod small;

use results::PlanRecord;
use sim::engine::{Model, Options, simulate};
use sim::identifiers::{ModelId, SegmentId, TaskId, WorkerId};
use sim::plan::{Part, Piece, Plan, PlanError};
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System};
use sim::workload::{Arrivals, Stream};
use small::{Case, Size};
use validation::replay::{Observed, Replay};

/// Leaves segments open and places them by their number; after some requests, every task is a segment of its own, on a worker.
struct Fickle {
    changes_at: Option<u32>,
}

fn able(job: &Job<'_>, device: &Device, task: TaskId) -> Vec<WorkerId> {
    device.worker_ids().filter(|&worker| job.costs.supports(task, worker)).collect()
}

impl Fickle {
    fn second(device: &Device) -> Plan {
        let _ = device;
        let mut plan = Plan::new();
        // Workers 0 to 2 run everything.
        for task in 0..SIZE.tasks {
            plan.segment(Some(WorkerId(task as u32 % 3)), [TaskId::from_index(task)]);
        }
        plan
    }
}

impl Strategy for Fickle {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::new();
        for task in job.tasks.tasks() {
            let worker = able(job, view.device, task).last().copied();
            plan.segment(worker.filter(|_| task.0 % 3 == 2), [task]);
        }
        Ok(plan)
    }

    fn interest(&self) -> Interest {
        Interest { dispatch: true, arrival: true, observe: false }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        if system.arriving().iter().any(|arriving| self.changes_at.is_some_and(|at| arriving.request.0 >= at)) {
            self.changes_at = None;
            decisions.replan(ModelId(0), Self::second(system.device()));
        }
        for ready in system.ready() {
            let worker = WorkerId((ready.request.0 * 7 + ready.segment.0 * 5) % 3);
            decisions.place(ready.in_flight, ready.segment, worker);
        }
    }
}

const SIZE: Size = Size { seed: 5, models: 2, tasks: 9, requests: 1 };

fn run(case: &Case, strategy: &mut dyn Strategy) -> Vec<Record> {
    let models: Vec<Model<'_>> = case.models();
    let streams = (0..2).map(|model| {
        let arrivals = Arrivals::Poisson { mean_gap_ns: 150_000.0 };
        Stream::new(ModelId::from_index(model), arrivals, Some(12))
    });
    let mut records = Vec::new();
    let options = Options { seed: 3, ..Options::default() };
    simulate(&case.device, &models, streams.collect(), strategy, &options, &mut records).expect("plans are valid");
    records
}

/// Without decisions: a replay need not be asked as often.
fn without_decisions(records: &[Record]) -> Vec<Record> {
    records.iter().copied().filter(|record| !matches!(record, Record::Decision(_))).collect()
}

#[test]
fn a_replay_does_what_was_done() {
    let case = small::case(SIZE);
    for changes_at in [None, Some(0), Some(7), Some(20)] {
        let mut fickle = Fickle { changes_at };
        let mut observed = Observed::new(&mut fickle);
        let records = run(&case, &mut observed);
        let choices = observed.choices(&records);
        assert_eq!(choices.replaced.len(), usize::from(changes_at.is_some()));
        let workers: std::collections::BTreeSet<u32> = choices.placements.iter().map(|placement| placement.2).collect();
        assert!(workers.len() >= 3, "{workers:?}");
        let text = serde_json::to_string(&choices).expect("a text");
        let mut replay = Replay::of(&serde_json::from_str(&text).expect("choices")).expect("plans");
        assert_eq!(without_decisions(&run(&case, &mut replay)), without_decisions(&records), "{changes_at:?}");
    }
}

#[test]
fn plans_without_choices_are_followed_without_being_asked() {
    let case = small::case(SIZE);
    let mut strategy = Fickle { changes_at: Some(0) };
    let mut observed = Observed::new(&mut strategy);
    run(&case, &mut observed);
    let fixed = Fickle::second(&case.device);
    let mut replay = Replay::of_plans(vec![fixed.clone(), fixed]);
    assert_eq!(replay.interest(), Interest::default());
    let records = run(&case, &mut replay);
    assert!(records.iter().any(|record| matches!(record, Record::Kernel(_))));
}

#[test]
fn plans_are_the_same_after_writing_and_reading() {
    let mut plan = Plan::new();
    (plan.sequenced, plan.priority) = (true, -3);
    plan.segment(None, [TaskId(0), TaskId(1)]);
    let part = |part| Piece { task: TaskId(2), part };
    plan.segment_of_pieces(Some(WorkerId(1)), [part(Part::Rows { begin: 0, end: 3, of: 7 })]);
    plan.segment_of_pieces(Some(WorkerId(0)), [part(Part::Rows { begin: 3, end: 7, of: 7 })]);
    plan.segment_of_pieces(Some(WorkerId(2)), [Piece { task: TaskId(3), part: Part::Channels { begin: 1, end: 2, of: 2 } }]);
    let text = serde_json::to_string(&PlanRecord::from(&plan)).expect("a text");
    let again: PlanRecord = serde_json::from_str(&text).expect("a plan");
    assert_eq!(again.plan().as_ref(), Some(&plan));
    assert_eq!(plan.pieces(SegmentId(0)).len(), 2);
    let wrong = text.replace("[1,0,3,7]", "[9,0,3,7]");
    assert_eq!(serde_json::from_str::<PlanRecord>(&wrong).expect("still a record").plan(), None);
}
