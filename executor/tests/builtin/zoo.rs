//! Whole models.

use std::collections::BTreeMap;

use executor::builtin::BuiltInProcessor;
use executor::weights::Weights;
use executor::{Processor, Tensor, Unit};
use scenarios::onnx::ReadOptions;
use sim::graph::{DataType, Graph};
use sim::identifiers::TensorId;

use crate::support::{cores, open, run};

fn load(name: &str) -> Graph {
    scenarios::zoo::load(name, &ReadOptions::default()).expect("in the zoo").expect("valid")
}

fn inputs(graph: &Graph) -> Vec<Tensor> {
    graph.inputs().iter().map(|&id| Weights::drawn().input(graph, id, 1).expect("drawn")).collect()
}

fn assert_finite(name: &str, tensors: &[Tensor]) {
    for tensor in tensors.iter().filter(|tensor| tensor.data_type == DataType::Float32) {
        let values: &[f32] = tensor.values();
        assert!(values.iter().all(|value| value.is_finite()), "{name}: not all results are finite");
        assert!(values.iter().any(|&value| value != values[0]), "{name}: all results are {}", values[0]);
    }
}

/// Runs every operator as a unit of its own.
fn chain(processor: &mut dyn Processor, graph: &Graph, inputs: &[Tensor]) -> Vec<Tensor> {
    let weights = Weights::drawn();
    let mut values: BTreeMap<TensorId, Tensor> = graph.inputs().iter().copied().zip(inputs.iter().cloned()).collect();
    for &id in graph.topological_order() {
        let outputs = &graph.operator(id).outputs;
        if outputs.iter().all(|&output| graph.tensor(output).data.is_some()) {
            continue;
        }
        let unit = Unit::of_operators(graph, &[id], outputs, &weights).expect("cut out");
        let given: Vec<Tensor> = unit
            .graph
            .inputs()
            .iter()
            .map(|&input| {
                let tensor = graph.tensor_named(&unit.graph.tensor(input).name).expect("the model's");
                values[&tensor.id].clone()
            })
            .collect();
        let results = run(processor, &unit, &given).unwrap_or_else(|error| panic!("{error}"));
        values.extend(outputs.iter().copied().zip(results));
    }
    graph.outputs().iter().map(|output| values[output].clone()).collect()
}

fn check(name: &str) {
    let graph = load(name);
    let unit = Unit::of_model(&graph, &Weights::drawn()).expect("weights are drawn");
    let inputs = inputs(&graph);
    let mut one = open();
    one.support(&graph).expect("supported");
    let whole = run(&mut one, &unit, &inputs).expect("runs");
    assert_finite(name, &whole);
    let pieces = chain(&mut one, &graph, &inputs);
    for (whole, piece) in whole.iter().zip(&pieces) {
        // Folding a normalisation into weights rounds differently.
        let difference = whole.relative_difference(piece).expect("same types and shapes");
        assert!(difference < 2e-4, "{name}: whole and one by one differ by {difference}");
    }
    let mut both = BuiltInProcessor::open(&cores(2)).expect("two cores");
    let split = run(&mut both, &unit, &inputs).expect("runs");
    for (whole, split) in whole.iter().zip(&split) {
        assert!(whole.bytes() == split.bytes(), "{name}: two threads give another result than one");
    }
}

macro_rules! models {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*
    };
}

models!(
    bert_tiny_4x312 densenet121 efficientnet_b0 espcn_x3 googlenet mobilenet_v1 mobilenet_v2 mobilenet_v3_large resnet18
    shufflenet_v2_x1_0 squeezenet1_1
);

/// The rest takes longer.
#[test]
#[ignore = "takes minutes: run with --release"]
fn every_model_of_the_zoo() {
    for name in scenarios::zoo::names() {
        let begin = std::time::Instant::now();
        check(name);
        eprintln!("{name}: {:.1} s", begin.elapsed().as_secs_f64());
    }
}
