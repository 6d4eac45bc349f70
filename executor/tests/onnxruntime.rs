//! Units on ONNX Runtime: whole models against chains of single operators, small cases against results computed by hand, and
//! what must be refused.

#![allow(clippy::print_stderr, reason = "says what is skipped")]

mod onnx_file;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use executor::onnxruntime::{OnnxRuntimeProcessor, library, session_of_file};
use executor::pinning::current_affinity;
use executor::weights::Weights;
use executor::{HostBuffer, Operand, Processor, ProcessorError, ProcessorErrorKind, Tensor, Transfer, Unit};
use ort::session::SessionInputValue;
use ort::value::TensorRef;
use scenarios::onnx::ReadOptions;
use sim::graph::{AttributeValue, Attributes, ConstantData, DataType, DeclaredType, Graph, RawGraph, RawTensor};
use sim::identifiers::TensorId;

/// A processor on the first core; `None` where the library is missing and may be.
fn processor() -> Option<OnnxRuntimeProcessor> {
    match OnnxRuntimeProcessor::open(&current_affinity().expect("known")[..1]) {
        Ok(processor) => Some(processor),
        Err(error) if std::env::var_os("SOCRATES_REQUIRE_DEVICES").is_some_and(|value| value == "1") => panic!("{error}"),
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
            assert!(difference < 1e-3, "{name}: {difference}");
            assert!(other.values::<f32>().iter().any(|value| *value != 0.0), "{name}: all zero");
        }
    }
}

/// Every model of the zoo that is small enough for a test, and those that alone have some operator types, through the model editor, against ONNX Runtime's own way in: the bytes of
/// an ONNX file. Between them they have every operator type of the zoo.
#[test]
fn a_unit_equals_the_same_model_from_a_file() {
    let Some(mut processor) = processor() else { return };
    let mut seen = BTreeSet::new();
    for name in scenarios::zoo::names() {
        let graph = zoo(name);
        let has_rare_operators = ["fast_style_transfer", "unet", "yolov2", "yolov8n_like"].contains(&name);
        if !has_rare_operators && (graph.total_macs() > 3_000_000_000 || graph.total_weight_bytes() > 100_000_000) {
            continue;
        }
        seen.extend(graph.operators().iter().map(|operator| operator.op_type.clone()));
        let weights = Weights::drawn();
        let inputs = inputs_of(&graph, &weights);
        let unit = Unit::of_model(&graph, &weights).expect("weights");
        processor.support(&graph).expect(name);
        let ours = run(&mut processor, &unit, &inputs).expect(name);
        for (index, (one, other)) in ours.iter().zip(run_file(&unit, &inputs)).enumerate() {
            let difference = one.relative_difference(&other).unwrap_or_else(|| panic!("{name}, output {index}: not comparable"));
            assert!(difference < 1e-4, "{name}, output {index}: {difference}");
        }
    }
    let all: BTreeSet<String> = scenarios::zoo::names()
        .flat_map(|name| zoo(name).operators().iter().map(|operator| operator.op_type.clone()).collect::<Vec<_>>())
        .collect();
    let unseen: Vec<&String> = all.difference(&seen).collect();
    assert!(unseen.is_empty(), "no model tested has {unseen:?}");
}

fn run_file(unit: &Unit, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut session = session_of_file(&onnx_file::bytes(unit), &[0]).expect("a valid file");
    let shape = |tensor: &Tensor| tensor.shape.iter().map(|&size| size as i64).collect::<Vec<_>>();
    let values: Vec<SessionInputValue<'_>> = inputs
        .iter()
        .map(|tensor| match tensor.data_type {
            DataType::Int64 => TensorRef::from_array_view((shape(tensor), tensor.values::<i64>())).expect("fits").into(),
            _ => TensorRef::from_array_view((shape(tensor), tensor.values::<f32>())).expect("fits").into(),
        })
        .collect();
    let outputs = session.run(values.as_slice()).expect("runs");
    let results = unit.graph.outputs().iter().map(|&id| {
        let info = unit.graph.tensor(id);
        let (_, values) = outputs[info.name.as_str()].try_extract_tensor::<f32>().expect("single precision");
        Tensor::floats(&info.shape, values)
    });
    results.collect()
}

#[test]
fn several_cores_compute_what_one_does() {
    let Some(mut one) = processor() else { return };
    let cores = current_affinity().expect("known");
    if cores.len() < 2 {
        eprintln!("skipped: one core only");
        return;
    }
    let mut two = OnnxRuntimeProcessor::open(&cores[..2]).expect("as the other");
    let graph = zoo("mobilenet_v2");
    let weights = Weights::drawn();
    let (unit, inputs) = (Unit::of_model(&graph, &weights).expect("weights"), inputs_of(&graph, &weights));
    let (expected, result) = (run(&mut one, &unit, &inputs).expect("runs"), run(&mut two, &unit, &inputs).expect("runs"));
    let difference = result[0].relative_difference(&expected[0]).expect("comparable");
    assert!(difference < 1e-4, "{difference}");
}

fn unit(raw: RawGraph) -> Unit {
    Unit::of_model(&raw.build().expect("valid"), &Weights::drawn()).expect("drawn")
}

#[test]
fn small_cases_give_what_was_computed_by_hand() {
    let Some(mut processor) = processor() else { return };
    let mut check = |raw: RawGraph, inputs: &[Tensor], expected: &[&[f32]]| {
        let unit = unit(raw);
        let results = run(&mut processor, &unit, inputs).unwrap_or_else(|error| panic!("{}: {error}", unit.graph.name));
        for (result, expected) in results.iter().zip(expected) {
            assert_eq!(result.values::<f32>(), *expected, "{}", unit.graph.name);
        }
        assert_eq!(results.len(), expected.len());
    };
    let attribute = |name: &str, values: &[i64]| Attributes::new().with(name, AttributeValue::Integers(values.to_vec()));
    let image = Tensor::floats(&[1, 1, 2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let base = |name: &str| RawGraph::new(name).with_input("x", &[1, 1, 2, 3]);

    let pooled = base("largest of 2 x 2").with_operator("MaxPool", &["x"], &["y"], attribute("kernel_shape", &[2, 2]));
    check(pooled.with_output("y"), std::slice::from_ref(&image), &[&[5.0, 6.0]]);

    // A constant filter: the sum of the diagonal.
    let mut convolved = base("diagonal").with_operator("Conv", &["x", "w"], &["y"], Attributes::new()).with_output("y");
    convolved.initializers.push(RawTensor {
        name: "w".to_owned(),
        data_type: DataType::Float32,
        shape: vec![1, 1, 2, 2],
        data: Some(ConstantData::Floats(vec![1.0, 0.0, 0.0, 1.0])),
    });
    check(convolved, std::slice::from_ref(&image), &[&[6.0, 8.0]]);

    // An absent optional input, and two outputs.
    let split = base("clipped, then split")
        .with_integers("sizes", &[1, 2])
        .with_operator("Clip", &["x", "", "x_most"], &["c"], Attributes::new())
        .with_operator("Split", &["c", "sizes"], &["a", "b"], Attributes::new().with("axis", AttributeValue::Integer(3)))
        .with_output("b")
        .with_output("a");
    let mut split = split;
    split.opset_version = Some(13);
    split.initializers.push(RawTensor {
        name: "x_most".to_owned(),
        data_type: DataType::Float32,
        shape: Vec::new(),
        data: Some(ConstantData::Floats(vec![4.5])),
    });
    check(split, std::slice::from_ref(&image), &[&[2.0, 3.0, 4.5, 4.5], &[1.0, 4.0]]);

    // Outputs that are an input and an intermediate result.
    let handed_on = base("handed on").with_operator("Neg", &["x"], &["y"], Attributes::new()).with_operator(
        "Relu",
        &["y"],
        &["z"],
        Attributes::new(),
    );
    let handed_on = handed_on.with_output("x").with_output("z").with_output("y");
    let (given, negated) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]);
    check(handed_on, std::slice::from_ref(&image), &[&given, &[0.0; 6], &negated]);

    // Nothing but copies: the operator is not wanted.
    let copied = base("copied").with_operator("Neg", &["x"], &["y"], Attributes::new()).with_output("x");
    check(copied, std::slice::from_ref(&image), &[&given]);

    // A result that only reshapes its input must still be written to the output's memory.
    let reshaped =
        base("reshaped").with_integers("shape", &[3, 2]).with_operator("Reshape", &["x", "shape"], &["y"], Attributes::new());
    check(reshaped.with_output("y"), std::slice::from_ref(&image), &[&given]);

    // An input that nobody reads.
    let unread =
        base("unread").with_input("other", &[2]).with_operator("Neg", &["x"], &["y"], Attributes::new()).with_output("y");
    check(unread, &[image.clone(), Tensor::floats(&[2], &[0.0, 0.0])], &[&negated]);
}

#[test]
fn results_are_written_at_offsets_and_read_by_the_next_launch() {
    let Some(mut processor) = processor() else { return };
    let double = unit(
        RawGraph::new("double")
            .with_input("x", &[2])
            .with_operator("Add", &["x", "x"], &["y"], Attributes::new())
            .with_output("y"),
    );
    let prepared = processor.prepare(&double).expect("prepared");
    let buffer = HostBuffer::from_bytes(bytemuck::cast_slice(&[1.0_f32, 2.0, 0.0, 0.0, 0.0, 0.0]));
    let shared = processor.share(&buffer).expect("shared");
    let at = |offset_bytes| Operand { buffer: shared, offset_bytes };
    // Alternating operands, so that bindings are found again.
    for _ in 0..3 {
        processor.launch(prepared, &[at(0)], &[at(8)]).expect("runs");
        processor.launch(prepared, &[at(8)], &[at(16)]).expect("runs");
    }
    processor.wait().expect("runs");
    processor.release(shared);
    drop(processor);
    let bytes = buffer.into_bytes().expect("released");
    let (numbers, _) = bytes.as_chunks();
    let values: Vec<f32> = numbers.iter().map(|&number| f32::from_le_bytes(number)).collect();
    assert_eq!(values, [1.0, 2.0, 2.0, 4.0, 4.0, 8.0]);
}

#[test]
fn what_cannot_run_is_refused_with_the_reason() {
    let Some(mut processor) = processor() else { return };
    let check = |result: Result<(), ProcessorError>, kind: ProcessorErrorKind, expected: &str| {
        let error = result.expect_err(expected);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let declared = |op_type: &str, domain: &str| {
        let mut raw =
            RawGraph::new("odd").with_input("x", &[4]).with_operator(op_type, &["x"], &["y"], Attributes::new()).with_output("y");
        domain.clone_into(&mut raw.operators[0].domain);
        raw.declared.insert("y".to_owned(), DeclaredType { data_type: DataType::Float32, shape: vec![4] });
        unit(raw)
    };
    for (op_type, domain, expected) in [
        ("Frobnicate", "", "Frobnicate"),
        ("Relu", "org.example", "operator `y` of type Relu is of the unknown domain `org.example`"),
        ("Frobnicate", "com.microsoft", "Frobnicate"),
    ] {
        let odd = declared(op_type, domain);
        // Twice: the second answer is the remembered one.
        check(processor.support(&odd.graph), ProcessorErrorKind::Unsupported, expected);
        check(processor.support(&odd.graph), ProcessorErrorKind::Unsupported, expected);
        check(processor.prepare(&odd).map(drop), ProcessorErrorKind::Unsupported, expected);
    }
    // A known operator without a kernel for that type.
    let bits = unit(
        RawGraph::new("bits")
            .with_typed_input("x", DataType::Bool, &[4])
            .with_operator("Relu", &["x"], &["y"], Attributes::new())
            .with_output("y"),
    );
    check(processor.support(&bits.graph), ProcessorErrorKind::Unsupported, "operator `y` of type Relu");
    check(processor.prepare(&bits).map(drop), ProcessorErrorKind::Unsupported, "bool");

    let nameless = RawGraph::new("nameless").with_input("x\0", &[4]).with_operator("Relu", &["x\0"], &["y"], Attributes::new());
    let nameless = unit(nameless.with_output("y"));
    check(processor.support(&nameless.graph), ProcessorErrorKind::Unsupported, "the name \"x\\0\" has a zero byte");
    check(processor.prepare(&nameless).map(drop), ProcessorErrorKind::Unsupported, "has a zero byte");

    let relu = unit(
        RawGraph::new("relu").with_input("x", &[4]).with_operator("Relu", &["x"], &["y"], Attributes::new()).with_output("y"),
    );
    processor.support(&relu.graph).expect("a kernel");
    let prepared = processor.prepare(&relu).expect("prepared");
    let (small, large) = (processor.allocate(8).expect("small"), processor.allocate(64).expect("small"));
    let misuse = ProcessorErrorKind::Misuse;
    let mut launch = |inputs: &[Operand], outputs: &[Operand]| processor.launch(prepared, inputs, outputs);
    let at = |offset_bytes| Operand { buffer: large, offset_bytes };
    check(launch(&[small.into()], &[at(0)]), misuse, "input `x` needs 16 bytes from offset 0 on, but its buffer has 8");
    check(launch(&[at(0)], &[at(56)]), misuse, "output `y` needs 16 bytes from offset 56 on");
    check(launch(&[at(0)], &[at(18)]), misuse, "no multiple of 4 bytes");
    check(launch(&[at(0)], &[at(8)]), misuse, "the memory of output `y` overlaps that of `x`");
    check(launch(&[at(0)], &[]), misuse, "`relu` has 1 inputs and 1 outputs, but was launched with 1 and 0");
    launch(&[at(0)], &[at(16)]).expect("side by side");
    processor.release(large);
    check(processor.launch(prepared, &[at(0)], &[at(16)]), misuse, "there is no buffer 1");
    processor.discard(prepared);
    check(processor.launch(prepared, &[], &[]), misuse, "there is no unit 0");
    check(OnnxRuntimeProcessor::open(&[]).map(drop), misuse, "at least one core");
    check(OnnxRuntimeProcessor::open(&[100_000]).map(drop), misuse, "core 100000 does not exist or is not allowed here");
}

/// In a process of its own, because a library is loaded once: this test program again, with only [`child_without_library`].
#[test]
fn a_missing_library_is_an_error_that_says_what_to_do() {
    for (path, expected) in
        [("/nonexistent/libonnxruntime.so", "/nonexistent/libonnxruntime.so"), ("libc.so.6", "it is no ONNX Runtime")]
    {
        let child = std::process::Command::new(std::env::current_exe().expect("known"))
            .args(["--exact", "child_without_library", "--nocapture", "--ignored"])
            .env("ORT_DYLIB_PATH", path)
            .output()
            .expect("starts");
        let text = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success() && text.contains(expected) && text.contains("pip install onnxruntime"), "{text}");
    }
}

#[test]
#[ignore = "run by a_missing_library_is_an_error_that_says_what_to_do"]
fn child_without_library() {
    for _ in 0..2 {
        let error = OnnxRuntimeProcessor::open(&[0]).err().expect("no library");
        assert_eq!(error.kind, ProcessorErrorKind::Missing);
        eprintln!("{error}");
        assert_eq!(library().expect_err("no library").kind, ProcessorErrorKind::Missing);
    }
}

#[test]
fn the_library_and_the_processor_describe_themselves() {
    let Some(processor) = processor() else { return };
    let library = library().expect("loaded");
    assert!(library.version.starts_with("1."), "{library:?}");
    let description = processor.description();
    assert_eq!(description.kernels, format!("ONNX Runtime {}", library.version));
    assert_eq!((description.transfer, description.offsets, description.cores.len()), (Transfer::None, true, 1));
    assert!(!description.hardware.is_empty());
}
