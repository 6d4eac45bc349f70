//! Strategies that share operators between two processors: every model of the zoo on every device that has both.

use scenarios::onnx::ReadOptions;
use scenarios::profile::Profile;
use scenarios::{library, zoo};
use sim::engine::{Model, Options, StopReason, simulate};
use sim::graph::Graph;
use sim::identifiers::{ModelId, SegmentId};
use sim::plan::{Part, Plan, Program};
use sim::platform::Device;
use sim::record::{Outcome, Record};
use sim::strategy::{DeviceView, Job, registry};
use sim::task::LoweredModel;
use sim::workload::{Arrivals, Stream};

const STRATEGIES: [&str; 5] =
    ["split", "mulayer", "codl", "codl[chains=off, sync_us=auto]", "codl[by=rows, sync_us=0, ratios=near]"];

fn device(text: &str) -> Device {
    Profile::parse("device.toml", text).expect("valid").device().expect("valid")
}

fn plan(graph: &str, lowered: &LoweredModel, device: &Device, strategy: &str) -> Plan {
    let job = Job { model: ModelId(0), name: graph, tasks: &lowered.tasks, costs: &lowered.costs };
    let view = DeviceView { device, jobs: &[job], seed: 0 };
    registry::build(strategy).expect("known").plan(&job, &view).unwrap_or_else(|error| panic!("{graph} {strategy}: {error}"))
}

/// Lengths of the chains of a plan: segments of several parts.
fn chains(plan: &Plan) -> Vec<usize> {
    let pieces = (0..plan.segments().len()).map(|index| plan.pieces(SegmentId::from_index(index)));
    pieces.filter(|pieces| pieces.len() > 1 && matches!(pieces[0].part, Part::Rows { .. })).map(<[_]>::len).collect()
}

/// Plans are valid, the same twice, and run to their end with every task covered once.
#[test]
fn every_model_is_shared_on_every_device() {
    let graphs: Vec<Graph> = zoo::names()
        .map(|name| {
            zoo::load(name, &ReadOptions::default()).expect("in the zoo").unwrap_or_else(|error| panic!("{name}: {error}"))
        })
        .collect();
    let mut longest = 0;
    for entry in library::devices() {
        let device = device(entry.text);
        let both = |one| device.worker_ids().any(|other| other != one && !device.conflict(one, other));
        if !device.worker_ids().any(both) {
            // A board with one cluster of cores: nothing to share with.
            continue;
        }
        for graph in &graphs {
            let lowered = LoweredModel::of(graph, &device);
            for strategy in STRATEGIES {
                let what = format!("{} {} {strategy}", entry.name, graph.name);
                let plan = plan(&graph.name, &lowered, &device, strategy);
                assert_eq!(plan, self::plan(&graph.name, &lowered, &device, strategy), "{what}: the same twice");
                longest = chains(&plan).into_iter().fold(longest, usize::max);
                Program::compile(&plan, &lowered.tasks, &lowered.costs).unwrap_or_else(|error| panic!("{what}: {error}"));
                let models = [Model { name: &graph.name, tasks: &lowered.tasks, costs: &lowered.costs }];
                let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(1));
                let mut records: Vec<Record> = Vec::new();
                let mut strategy = registry::build(strategy).expect("known");
                let options = Options::default();
                let summary = simulate(&device, &models, vec![stream], strategy.as_mut(), &options, &mut records).expect("runs");
                assert_eq!(summary.stop, StopReason::Drained, "{what}");
                let mut parts = vec![Vec::new(); lowered.tasks.task_count()];
                for record in &records {
                    match record {
                        Record::Kernel(it) => parts[it.task.index()].push(it.part.range()),
                        Record::Request(it) => assert_eq!(it.outcome, Outcome::Completed, "{what}"),
                        _ => {}
                    }
                }
                for parts in &mut parts {
                    parts.sort_unstable();
                    let reached = parts.iter().fold(0, |at, &(begin, end, _)| if begin <= at { end.max(at) } else { at });
                    assert_eq!(reached, parts[0].2, "{what}");
                }
            }
        }
    }
    assert!(longest >= 4, "chains of at most {longest}");
}
