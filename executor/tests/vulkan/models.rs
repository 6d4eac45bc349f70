//! Whole models, against the same models run operator by operator, and against the kernels of the CPU.

use std::collections::BTreeMap;

use executor::builtin::BuiltInProcessor;
use executor::pinning::current_affinity;
use executor::{Processor, Tensor, Unit, run_once, weights::Weights};
use sim::identifiers::TensorId;

use super::{device_or_skip, drawn_inputs, run};

fn check(name: &str) {
    let Some(mut processor) = device_or_skip() else { return };
    let graph = scenarios::zoo::load(name, &scenarios::onnx::ReadOptions::default()).unwrap().unwrap();
    let weights = Weights::drawn();
    let unit = Unit::of_model(&graph, &weights).unwrap();
    processor.support(&unit.graph).unwrap();
    let inputs = drawn_inputs(&graph);
    let (whole, completion) = run(&mut processor, &unit, &inputs).unwrap();
    let mut cpu = BuiltInProcessor::open(&current_affinity().unwrap()[..1]).unwrap();
    for (result, expected) in whole.iter().zip(&run_once(&mut cpu, &unit, &inputs).unwrap()) {
        let difference = result.relative_difference(expected);
        assert!(difference.is_some_and(|difference| difference < 1e-4), "{name}, against the CPU: {difference:?}");
    }
    if let Some(busy_ns) = completion.busy_ns {
        assert!(completion.kernels.len() < graph.operators().len(), "operators are fused");
        let kernels_ns: u64 = completion.kernels.iter().map(|&(_, duration_ns)| duration_ns).sum();
        assert!(0 < kernels_ns && kernels_ns <= busy_ns, "{kernels_ns} ns in kernels, {busy_ns} ns in all");
    }
    let mut known: BTreeMap<TensorId, Tensor> = graph.inputs().iter().copied().zip(inputs).collect();
    for operator in graph.operators() {
        let unit = Unit::of_operators(&graph, &[operator.id], &operator.outputs, &weights).unwrap();
        let inputs: Vec<Tensor> = unit
            .graph
            .inputs()
            .iter()
            .map(|&input| known[&graph.tensor_named(&unit.graph.tensor(input).name).unwrap().id].clone())
            .collect();
        let (results, _) = run(&mut processor, &unit, &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
        known.extend(operator.outputs.iter().copied().zip(results));
    }
    for (result, output) in whole.iter().zip(graph.outputs()) {
        assert!(result.values::<f32>().iter().all(|value| value.is_finite()), "{name}: finite");
        let difference = result.relative_difference(&known[output]).unwrap();
        assert!(difference < 1e-4, "{name}: {difference}");
        assert!(result.values::<f32>().iter().any(|&value| value != 0.0), "{name}: not all zero");
    }
}

#[test]
fn mobilenet_v1() {
    check("mobilenet_v1");
}

#[test]
fn mobilenet_v2() {
    check("mobilenet_v2");
}

#[test]
fn squeezenet() {
    check("squeezenet1_1");
}

#[test]
fn resnet() {
    check("resnet18");
}
