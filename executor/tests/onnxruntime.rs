//! Units on ONNX Runtime: whole models against chains of single operators, small cases against results computed by hand, and
//! what must be refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use executor::onnxruntime::{OnnxRuntimeProcessor, library};
use executor::weights::Weights;
use executor::{HostBuffer, Operand, Processor, ProcessorError, ProcessorErrorKind, Tensor, Unit};
use scenarios::onnx::ReadOptions;
use sim::graph::{AttributeValue, Attributes, DataType, Graph, RawGraph};
use sim::identifiers::TensorId;

/// A processor on core 0; `None` where the library is missing and may be.
fn processor() -> Option<OnnxRuntimeProcessor> {
    match OnnxRuntimeProcessor::open(&[0]) {
        Ok(processor) => Some(processor),
        Err(error) if std::env::var_os("SOCRATES_REQUIRE_DEVICES").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn run(processor: &mut dyn Processor, unit: &Unit, inputs: &[Tensor]) -> Result<Vec<Tensor>, ProcessorError> {
    let graph = &unit.graph;
    let prepared = processor.prepare(unit)?;
    let mut given = Vec::new();
    for input in inputs {
        given.push(Operand::from(processor.share(input.buffer())?));
    }
    let (mut buffers, mut taken) = (Vec::new(), Vec::new());
    for &output in graph.outputs() {
        let buffer = HostBuffer::zeroed(graph.tensor(output).bytes() as usize);
        taken.push(Operand::from(processor.share(&buffer)?));
        buffers.push(buffer);
    }
    processor.launch(prepared, &given, &taken)?;
    processor.wait()?;
    processor.discard(prepared);
    given.iter().chain(&taken).for_each(|operand| processor.release(operand.buffer));
    let tensor = |(&id, buffer): (&TensorId, Arc<HostBuffer>)| {
        let info = graph.tensor(id);
        Tensor::from_buffer(info.data_type, &info.shape, buffer).expect("released")
    };
    Ok(graph.outputs().iter().zip(buffers).map(tensor).collect())
}

fn zoo(name: &str) -> Graph {
    let bytes = scenarios::zoo::bytes(name).expect("part of the zoo");
    scenarios::onnx::read_bytes(name, bytes, &ReadOptions::default()).expect("valid")
}

fn inputs_of(graph: &Graph, weights: &Weights) -> Vec<Tensor> {
    graph.inputs().iter().map(|&id| weights.input(graph, id, 7).expect("drawn")).collect()
}

/// Every operator as a unit of its own, each result handed on.
fn run_chain(processor: &mut dyn Processor, graph: &Graph, weights: &Weights, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut values: BTreeMap<TensorId, Tensor> = graph.inputs().iter().copied().zip(inputs.iter().cloned()).collect();
    for operator in graph.operators() {
        let unit = Unit::of_operators(graph, &[operator.id], &operator.outputs, weights).expect("cut out");
        let of_model = |id: &TensorId| graph.tensor_named(&unit.graph.tensor(*id).name).expect("of the model").id;
        let given: Vec<Tensor> = unit.graph.inputs().iter().map(|id| values[&of_model(id)].clone()).collect();
        processor.support(&unit.graph).expect(&operator.op_type);
        let results = run(processor, &unit, &given).expect(&operator.name);
        values.extend(unit.graph.outputs().iter().map(of_model).zip(results));
    }
    graph.outputs().iter().map(|id| values[id].clone()).collect()
}

#[test]
fn a_model_as_one_unit_equals_its_operators_one_by_one() {
    let Some(mut processor) = processor() else { return };
    for name in ["mobilenet_v2", "squeezenet1_1", "resnet18", "bert_tiny_4x312", "shufflenet_v2_x1_0"] {
        let graph = zoo(name);
        let weights = Weights::drawn();
        let inputs = inputs_of(&graph, &weights);
        processor.support(&graph).expect(name);
        let unit = Unit::of_model(&graph, &weights).expect("weights");
        let whole = run(&mut processor, &unit, &inputs).expect(name);
        let chain = run_chain(&mut processor, &graph, &weights, &inputs);
        for (one, other) in whole.iter().zip(&chain) {
            let difference = one.relative_difference(other).expect("comparable");
            eprintln!("{name}: {difference:.1e}");
            assert!(difference < 1e-3, "{name}: {difference}");
            assert!(other.values::<f32>().iter().any(|value| *value != 0.0), "{name}: all zero");
        }
    }
}
