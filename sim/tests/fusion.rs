//! What a fused task costs on workers that fuse it and on those that do not.

use std::collections::BTreeMap;

use sim::cost::{ClassModel, CostModels, Feature, FusedCost, KernelClass, Provenance};
use sim::graph::{AttributeValue, Attributes, Graph, RawGraph};
use sim::identifiers::{MemoryId, TaskId, WorkerId};
use sim::plan::Part;
use sim::platform::{Device, DeviceBuilder, ProcessorKind, SupportRules, Worker};
use sim::task::{LoweredModel, Lowering, Pattern, Patterns};

/// Every kernel takes 1000 ns and 1 ns for each element that it reads or writes and each multiply-accumulate.
fn costs() -> CostModels {
    let model = |class| {
        let coefficients = vec![(Feature::Launch, 1000.0), (Feature::TouchedElements, 1.0), (Feature::Macs, 1.0)];
        ClassModel::linear(class, Provenance::Fitted, coefficients)
    };
    let fused = BTreeMap::from([("Erf".to_owned(), FusedCost { launch_ns: 10.0, element_ns: 0.0 })]);
    CostModels::new(4, 1.0, KernelClass::ALL.map(model).into()).expect("valid").with_fused(fused).expect("valid")
}

/// One worker for each set of patterns, all in one memory.
fn device(sets: &[Patterns]) -> Device {
    let mut builder = DeviceBuilder::new("test");
    builder.memory("memory");
    for (index, &patterns) in sets.iter().enumerate() {
        let processor = builder.processor(format!("p{index}"), ProcessorKind::CpuCluster, 1, Vec::new());
        let worker = builder.worker(Worker {
            name: format!("w{index}"),
            kind: ProcessorKind::CpuCluster,
            demands: vec![(processor, 1)],
            memory: MemoryId(0),
            invocation_ns: 0,
            support: SupportRules::ALL,
            costs: costs().into(),
        });
        builder.fuses(worker, patterns);
    }
    builder.build().expect("valid")
}

fn gelu() -> Graph {
    let none = Attributes::new;
    ["root", "one", "half"]
        .into_iter()
        .fold(RawGraph::new("test").with_input("x", &[10, 10]).with_weight("w", &[10, 10]), |raw, name| {
            raw.with_weight(name, &[])
        })
        .with_operator("MatMul", &["x", "w"], &["m"], none())
        .with_operator("Div", &["m", "root"], &["d"], none())
        .with_operator("Erf", &["d"], &["e"], none())
        .with_operator("Add", &["e", "one"], &["a"], none())
        .with_operator("Mul", &["m", "a"], &["p"], none())
        .with_operator("Mul", &["p", "half"], &["y"], none())
        .with_output("y")
        .build()
        .expect("valid")
}

#[test]
fn workers_that_do_not_fuse_run_the_kernels_in_a_row() {
    let default = Patterns::default();
    let device = device(&[Patterns::ALL, default, default.with(Pattern::Gelu), Patterns::NONE]);
    let lowered = LoweredModel::with(&gelu(), &device, Lowering { patterns: default.with(Pattern::Gelu) });
    assert_eq!(lowered.info.len(), 1);
    let found: Vec<u64> =
        (0..4).map(|worker| lowered.costs.duration_ns(TaskId(0), WorkerId(worker)).expect("supported")).collect();
    // The product has 1000 multiply-accumulates; every tensor 100 elements.
    let product = 1000 + 200 + 1000;
    let apart = product + 5 * 1000 + (4 * 200 + 300);
    // The `Div` leads the others, where the activation is a kernel of its own, and the `Erf` in it takes 10 ns.
    assert_eq!(found, [product + 10, product + 1000 + 200 + 10, product + 10, apart]);
    // Halves add up to the whole but for their launches: the weights are read twice, their rows once.
    let half = |begin: u32| {
        let part = Part::Rows { begin, end: begin + 5, of: 10 };
        lowered.costs.part(TaskId(0), part, WorkerId(1)).expect("supported").duration_ns
    };
    assert_eq!(half(0) + half(5), found[1] + 2 * 1000 + 10);
    let of = LoweredModel::of(&gelu(), &device);
    assert_eq!(of.info.len(), 2);
    assert_eq!(of.costs.duration_ns(TaskId(1), WorkerId(0)), Some(1210));
}

#[test]
fn a_fused_normalisation_reads_its_input_once_and_is_assumed() {
    let over = || Attributes::new().with("axes", AttributeValue::Integers(vec![-1]));
    let none = Attributes::new;
    let graph = RawGraph::new("test")
        .with_input("x", &[10, 10])
        .with_weight("two", &[])
        .with_weight("epsilon", &[])
        .with_operator("ReduceMean", &["x"], &["mean"], over())
        .with_operator("Sub", &["x", "mean"], &["d"], none())
        .with_operator("Pow", &["d", "two"], &["square"], none())
        .with_operator("ReduceMean", &["square"], &["variance"], over())
        .with_operator("Add", &["variance", "epsilon"], &["shifted"], none())
        .with_operator("Sqrt", &["shifted"], &["root"], none())
        .with_operator("Div", &["d", "root"], &["y"], none())
        .with_output("y")
        .build()
        .expect("valid");
    let device = device(&[Patterns::ALL, Patterns::default()]);
    let lowered = LoweredModel::with(&graph, &device, Lowering { patterns: Patterns::ALL });
    let task = TaskId(0);
    assert_eq!(lowered.info.len(), 1);
    assert_eq!(lowered.costs.duration_ns(task, WorkerId(0)), Some(1000 + 200));
    // Mean of 100 elements to 10, twice, and the square of 100.
    assert_eq!(lowered.costs.duration_ns(task, WorkerId(1)), Some(3 * 1000 + 2 * 110 + 200));
    let provenance = [WorkerId(0), WorkerId(1)].map(|worker| lowered.placement(task, worker).provenance);
    assert_eq!(provenance, [Provenance::Assumed, Provenance::Fitted]);
}
