//! Delegates: those that this program was built with, where the library in use has them.
//!
//! With `pip install onnxruntime-openvino`: `cargo test -p socrates-executor --features openvino --test delegate`.

#![allow(clippy::print_stderr, reason = "says what is skipped")]

use executor::onnxruntime::{DelegateProcessor, OnnxRuntimeProcessor};
use executor::weights::Weights;
use executor::{HostBuffer, Operand, Processor, ProcessorErrorKind, Tensor, Unit};
use scenarios::onnx::ReadOptions;
use sim::graph::{Attributes, DataType, DeclaredType, RawGraph};

const PROVIDERS: [&str; 7] = ["coreml", "cuda", "nnapi", "openvino", "qnn", "webgpu", "xnnpack"];

/// Every delegate that can be opened here.
fn delegates() -> Vec<(&'static str, OnnxRuntimeProcessor)> {
    let mut delegates = Vec::new();
    for provider in PROVIDERS {
        match DelegateProcessor::open(provider, &[0]) {
            Ok(delegate) => delegates.push((provider, delegate)),
            Err(error) => {
                assert_eq!(error.kind, ProcessorErrorKind::Missing, "{error}");
                eprintln!("skipped: {error}");
            }
        }
    }
    delegates
}

fn run(processor: &mut dyn Processor, unit: &Unit, input: &Tensor) -> Tensor {
    let info = unit.graph.tensor(unit.graph.outputs()[0]);
    let prepared = processor.prepare(unit).expect("prepared");
    let buffer = HostBuffer::zeroed(info.bytes() as usize);
    let (given, taken) = (processor.share(input.buffer()).expect("shared"), processor.share(&buffer).expect("shared"));
    processor.launch(prepared, &[Operand::from(given)], &[Operand::from(taken)]).expect("runs");
    processor.wait().expect("runs");
    processor.discard(prepared);
    processor.release(taken);
    Tensor::from_buffer(info.data_type, &info.shape, buffer).expect("released")
}

#[test]
fn a_delegate_takes_whole_models_and_computes_what_the_cpu_does() {
    for (provider, mut delegate) in delegates() {
        let bytes = scenarios::zoo::bytes("squeezenet1_1").expect("part of the zoo");
        let graph = scenarios::onnx::read_bytes("squeezenet1_1", bytes, &ReadOptions::default()).expect("valid");
        let weights = Weights::drawn();
        let unit = Unit::of_model(&graph, &weights).expect("drawn");
        let input = weights.input(&graph, graph.inputs()[0], 3).expect("drawn");
        delegate.support(&graph).expect("every operator is common");
        let result = run(&mut delegate, &unit, &input);
        let mut cpu = OnnxRuntimeProcessor::open(&[0]).expect("the same library");
        let expected = run(&mut cpu, &unit, &input);
        // Providers may compute in half precision.
        let difference = result.relative_difference(&expected).expect("comparable");
        assert!(difference < 2e-2, "{provider}: {difference}");
        let nodes = delegate.profile(&unit, 1).expect("profiled");
        let elsewhere: Vec<_> = nodes.iter().filter(|node| node.provider == "CPUExecutionProvider").collect();
        assert!(!nodes.is_empty() && elsewhere.is_empty(), "{provider}: {elsewhere:?}");
    }
}

#[test]
fn what_a_delegate_does_not_take_is_refused_not_run_on_the_cpu() {
    for (provider, mut delegate) in delegates() {
        // Determinants are computed by the CPU's kernels only.
        let mut raw = RawGraph::new("determinant")
            .with_input("x", &[3, 3])
            .with_operator("Relu", &["x"], &["y"], Attributes::new())
            .with_operator("Det", &["y"], &["z"], Attributes::new())
            .with_output("z");
        raw.declared.insert("z".to_owned(), DeclaredType { data_type: DataType::Float32, shape: Vec::new() });
        let unit = Unit::of_model(&raw.build().expect("declared"), &Weights::drawn()).expect("drawn");
        let error = delegate.support(&unit.graph).expect_err("no kernel");
        assert!(error.to_string().contains("operator `z` of type Det"), "{provider}: {error}");
        assert_eq!(error.kind, ProcessorErrorKind::Unsupported, "{provider}: {error}");
        let error = delegate.prepare(&unit).expect_err("no kernel");
        assert_eq!(error.kind, ProcessorErrorKind::Unsupported, "{provider}: {error}");
        // The profiler tells what would fall back.
        let nodes = delegate.profile(&unit, 1).expect("falls back");
        let determinant = nodes.iter().find(|node| node.op_type == "Det").expect("ran");
        assert_eq!(determinant.provider, "CPUExecutionProvider", "{provider}");
        OnnxRuntimeProcessor::open(&[0]).expect("the same library").support(&unit.graph).expect("a kernel");
    }
}

#[test]
fn the_cpu_can_be_profiled_node_by_node() {
    let Ok(cpu) = OnnxRuntimeProcessor::open(&[0]) else {
        assert!(std::env::var_os("SOCRATES_REQUIRE_DEVICES").is_none_or(|value| value != "1"), "the library is missing");
        eprintln!("skipped: the library is missing");
        return;
    };
    let graph = RawGraph::new("two")
        .with_input("x", &[64, 64])
        .with_operator("MatMul", &["x", "x"], &["y"], Attributes::new())
        .with_operator("Softmax", &["y"], &["z"], Attributes::new())
        .with_output("z");
    let unit = Unit::of_model(&graph.build().expect("valid"), &Weights::drawn()).expect("drawn");
    let nodes = cpu.profile(&unit, 2).expect("profiled");
    let types: Vec<&str> = nodes.iter().map(|node| node.op_type.as_str()).collect();
    assert_eq!(types, ["MatMul", "Softmax", "MatMul", "Softmax"]);
    assert!(nodes.iter().all(|node| node.provider == "CPUExecutionProvider"), "{nodes:?}");
}
