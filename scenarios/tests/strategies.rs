//! Every strategy on every model of the zoo and every device of the library: valid plans, support respected, the same again.

use std::collections::BTreeMap;

use scenarios::onnx::ReadOptions;
use scenarios::{Profile, devices, zoo};
use sim::bounds::LowerBounds;
use sim::engine::{Model, Options, SimulationError, StopReason, Summary, simulate};
use sim::identifiers::{ModelId, RequestId, TaskId, WorkerId};
use sim::plan::PlanError;
use sim::platform::Device;
use sim::record::{Outcome, Record};
use sim::strategy::Job;
use sim::strategy::registry::{STRATEGIES, build};
use sim::task::LoweredModel;
use sim::workload::{Arrivals, Stream};

fn library() -> Vec<Device> {
    let device = |entry: &scenarios::library::Entry| {
        Profile::parse(entry.name, entry.text).expect("a profile of the library").device().expect("a valid device")
    };
    devices().iter().map(device).collect()
}

fn lowered(name: &str, device: &Device) -> LoweredModel {
    let graph = zoo::load(name, &ReadOptions::default()).expect("a model of the zoo").expect("reads");
    LoweredModel::of(&graph, device)
}

/// A run of some models together, some requests of each at once; `None` where the strategy has no plan and says why.
fn run(text: &str, device: &Device, models: &[(&str, LoweredModel)], requests: u64) -> Option<(Vec<Record>, Summary)> {
    let mut strategy = build(text).expect("a strategy");
    let models: Vec<Model<'_>> =
        models.iter().map(|(name, lowered)| Model { name, tasks: &lowered.tasks, costs: &lowered.costs }).collect();
    let stream = |model| {
        let arrivals = Arrivals::ClosedLoop { clients: 1, think_ns: 0 };
        Stream::new(ModelId::from_index(model), arrivals, Some(requests))
    };
    let streams = (0..models.len()).map(stream).collect();
    let mut records = Vec::new();
    match simulate(device, &models, streams, strategy.as_mut(), &Options::default(), &mut records) {
        Ok(summary) => Some((records, summary)),
        Err(SimulationError::Plan {
            source: PlanError::Missing { .. } | PlanError::Unplaceable { .. } | PlanError::NotFound { .. },
            ..
        }) => None,
        Err(other) => panic!("{text}: {other}"),
    }
}

/// Every request completes; every task of it runs on a worker that can run it, whole once or in parts that cover it.
fn check(text: &str, device: &Device, models: &[(&str, LoweredModel)], requests: u64) -> bool {
    let what = || format!("{text} on {} of {}", models.iter().map(|it| it.0).collect::<Vec<_>>().join(", "), device.name());
    let Some((records, summary)) = run(text, device, models, requests) else { return false };
    assert_eq!(summary.stop, StopReason::Drained, "{}", what());
    assert_eq!((summary.completed, summary.refused), (requests * models.len() as u64, 0), "{}", what());
    let mut covered: BTreeMap<(RequestId, TaskId), f64> = BTreeMap::new();
    let mut of_request: BTreeMap<RequestId, ModelId> = BTreeMap::new();
    for record in &records {
        if let Record::Kernel(kernel) = record {
            let costs = &models[kernel.model.index()].1.costs;
            assert!(costs.supports(kernel.task, kernel.worker), "{}: {kernel:?} where it cannot run", what());
            let (begin, end, of) = kernel.part.range();
            *covered.entry((kernel.request, kernel.task)).or_default() += f64::from(end - begin) / f64::from(of);
            of_request.insert(kernel.request, kernel.model);
        }
    }
    for (request, model) in &of_request {
        for task in models[model.index()].1.tasks.tasks() {
            // Chains of parts compute the rows at their borders twice.
            assert!(
                covered.get(&(*request, task)).is_some_and(|&share| share > 1.0 - 1e-9),
                "{}: {task:?} is not covered",
                what()
            );
        }
    }
    let again = run(text, device, models, requests).expect("as before");
    assert!(again == (records, summary), "{} does not repeat itself", what());
    true
}

/// Strategies of which two workers share every operator.
const SHARING: [&str; 3] = ["split", "mulayer", "codl"];

/// Whether a device lacks what a strategy is for: its accelerator, or two workers that can run at the same time.
fn is_excused(strategy: &str, device: &Device) -> bool {
    let entry = STRATEGIES.iter().find(|entry| entry.name == strategy).expect("known");
    let lacks = |kind| !device.workers().iter().any(|worker| worker.kind == kind);
    let both = |one: WorkerId| device.worker_ids().any(|other| other != one && !device.conflict(one, other));
    entry.accelerator.is_some_and(lacks) || (SHARING.contains(&strategy) && !device.worker_ids().any(both))
}

#[test]
fn every_strategy_plans_every_model_of_the_zoo_on_every_device() {
    for device in library() {
        let mut without_plan: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in zoo::names() {
            let models = [(name, lowered(name, &device))];
            for entry in STRATEGIES {
                if !check(entry.name, &device, &models, 2) {
                    without_plan.entry(entry.name).or_default().push(name);
                }
            }
        }
        without_plan.retain(|strategy, _| !is_excused(strategy, &device));
        let small: Vec<&str> = zoo::names().filter(|name| lowered(name, &device).tasks.task_count() <= 12).collect();
        for (strategy, refused) in without_plan {
            assert_eq!(strategy, "exact", "{strategy} has no plan for {refused:?} on {}", device.name());
            assert!(!refused.iter().any(|name| small.contains(name)), "exact refuses a small model: {refused:?}");
        }
    }
}

/// Three models at once, among them one that the GPU cannot run all of.
#[test]
fn every_strategy_runs_three_models_together() {
    for device in library() {
        let models = ["mobilenet_v1", "bert_tiny_4x312", "squeezenet1_1"].map(|name| (name, lowered(name, &device)));
        let schedulers = ["fixed", "round_robin", "shortest_expected_latency", "heft_reserved", "least_slack"];
        let band = schedulers.map(|scheduler| format!("band[scheduler={scheduler}, minimum_subgraph_size=1]"));
        for text in STRATEGIES.iter().map(|entry| entry.name.to_owned()).chain(band) {
            let runs = check(&text, &device, &models, 4);
            let is_known = STRATEGIES.iter().any(|entry| entry.name == text);
            let is_excused = text == "exact" || (is_known && is_excused(&text, &device));
            assert!(runs || is_excused, "{text} has no plan on {}", device.name());
        }
    }
}

/// Plans of whole tasks are never below a bound on the zoo either.
#[test]
fn nothing_of_the_zoo_is_below_a_bound() {
    for device in library() {
        for name in ["alexnet", "googlenet", "mobilenet_v2", "bert_tiny_4x312"] {
            let model = lowered(name, &device);
            let job = Job { model: ModelId(0), name, tasks: &model.tasks, costs: &model.costs };
            let bounds = LowerBounds::of(&job, &device).expect("a CPU runs everything");
            let models = [(name, lowered(name, &device))];
            for entry in STRATEGIES {
                let Some((records, _)) = run(entry.name, &device, &models, 1) else { continue };
                // Parts of a task may run at once: bounds are of whole ones.
                if records.iter().any(|record| matches!(record, Record::Kernel(kernel) if !kernel.part.is_whole())) {
                    continue;
                }
                for record in &records {
                    if let Record::Request(request) = record
                        && request.outcome == Outcome::Completed
                    {
                        let latency_ns = request.ended_ns - request.arrived_ns;
                        assert!(latency_ns >= bounds.latency_ns(), "{} on {name}: {latency_ns} below {bounds:?}", entry.name);
                    }
                }
            }
        }
    }
}
