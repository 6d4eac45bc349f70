//! The one-operator models of the `onnx` package (Apache-2.0, not copied here), where installed.
//!
//! `ONNX_NODE_TESTS=.../site-packages/onnx/backend/test/data/node cargo test -p socrates-executor --test builtin node_models
//! -- --ignored --nocapture`

use std::path::Path;

use executor::weights::Weights;
use executor::{Processor, ProcessorErrorKind, Tensor, Unit};
use prost::Message;
use scenarios::onnx::{ReadOptions, read_raw_bytes};
use sim::graph::{ConstantData, DataType, Graph, RawGraph};

use crate::support::{open, run};

/// What of a `TensorProto` the node tests use.
#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

fn read(path: &Path) -> Option<Tensor> {
    let proto = TensorProto::decode(&*std::fs::read(path).ok()?).ok()?;
    let data_type = DataType::from_onnx_code(i64::from(proto.data_type))?;
    let shape: Vec<u64> = proto.dims.iter().map(|&size| size as u64).collect();
    let elements = shape.iter().product::<u64>();
    if data_type == DataType::String || data_type.bits() < 8 {
        return None;
    }
    if proto.raw_data.len() as u64 == data_type.bytes_of(elements) {
        return Some(Tensor::new(data_type, &shape, &proto.raw_data));
    }
    let is_whole = |count: usize| count as u64 == elements;
    match data_type {
        DataType::Float32 if is_whole(proto.float_data.len()) => Some(Tensor::floats(&shape, &proto.float_data)),
        DataType::Int64 if is_whole(proto.int64_data.len()) => Some(Tensor::new(data_type, &shape, &proto.int64_data)),
        _ => None,
    }
}

enum Outcome {
    Passed,
    /// Not for this processor, or not for this project's reader.
    Refused(String),
    Failed(String),
}

/// Inputs that shapes depend on become constants.
fn with_constants(mut raw: RawGraph, inputs: &[Tensor]) -> (RawGraph, Vec<usize>) {
    let mut kept = Vec::new();
    let mut dynamic = Vec::new();
    for (position, (mut tensor, value)) in std::mem::take(&mut raw.inputs).into_iter().zip(inputs).enumerate() {
        let is_first = position == 0;
        let integers: Option<Vec<i64>> = match value.data_type {
            DataType::Int64 => Some(value.values::<i64>().to_vec()),
            DataType::Int32 => Some(value.values::<i32>().iter().map(|&value| i64::from(value)).collect()),
            _ => None,
        };
        let operator = raw.operators.first().map_or("", |operator| operator.op_type.as_str());
        let is_parameter = match operator {
            "Gather" | "Add" | "Sub" | "Mul" | "Div" | "Where" | "Equal" | "Less" | "Greater" | "Min" | "Max" | "Pow" => false,
            "Resize" | "Upsample" | "Clip" | "Pad" => !is_first,
            _ => !is_first && integers.is_some(),
        };
        if is_parameter {
            tensor.data = Some(match integers {
                Some(integers) => ConstantData::Integers(integers),
                None if value.data_type == DataType::Float32 => {
                    ConstantData::Floats(value.values::<f32>().iter().map(|&value| f64::from(value)).collect())
                }
                None => {
                    kept.push(tensor);
                    dynamic.push(position);
                    continue;
                }
            });
            raw.initializers.push(tensor);
        } else {
            kept.push(tensor);
            dynamic.push(position);
        }
    }
    raw.inputs = kept;
    (raw, dynamic)
}

fn differs(result: &Tensor, expected: &Tensor) -> Option<String> {
    if result.data_type != expected.data_type || result.shape != expected.shape {
        return Some(format!("{} {:?}, expected {} {:?}", result.data_type, result.shape, expected.data_type, expected.shape));
    }
    if result.data_type != DataType::Float32 {
        return (result.bytes() != expected.bytes()).then(|| "other values".to_owned());
    }
    for (index, (&one, &other)) in result.values::<f32>().iter().zip(expected.values::<f32>()).enumerate() {
        let same = one == other || one.is_nan() && other.is_nan();
        // The package's own runner allows a thousandth: some of its expected values are written with four digits.
        if !same && (one.is_nan() || other.is_nan() || (one - other).abs() > 1e-5 + 1e-3 * other.abs()) {
            return Some(format!("element {index} is {one}, expected {other}"));
        }
    }
    None
}

fn check(directory: &Path) -> Outcome {
    let refused = |why: &str| Outcome::Refused(why.to_owned());
    let Ok(bytes) = std::fs::read(directory.join("model.onnx")) else { return refused("no model") };
    let Ok(raw) = read_raw_bytes("model", &bytes, &ReadOptions::default()) else { return refused("not read") };
    let data = directory.join("test_data_set_0");
    let tensors = |kind: &str, count: usize| -> Option<Vec<Tensor>> {
        (0..count).map(|index| read(&data.join(format!("{kind}_{index}.pb")))).collect()
    };
    let (Some(inputs), Some(expected)) = (tensors("input", raw.inputs.len()), tensors("output", raw.outputs.len())) else {
        return refused("data not read");
    };
    let (raw, dynamic) = with_constants(raw, &inputs);
    let graph: Graph = match raw.build() {
        Ok(graph) => graph,
        Err(_) => return refused("no valid graph"),
    };
    let Ok(unit) = Unit::of_model(&graph, &Weights::drawn()) else { return refused("weights") };
    let mut processor = open();
    if let Err(error) = processor.support(&graph) {
        assert_eq!(error.kind, ProcessorErrorKind::Unsupported);
        return Outcome::Refused(error.message);
    }
    let given: Vec<Tensor> = dynamic.iter().map(|&position| inputs[position].clone()).collect();
    match run(&mut processor, &unit, &given) {
        Err(error) => Outcome::Failed(error.to_string()),
        Ok(results) => match results.iter().zip(&expected).find_map(|(result, expected)| differs(result, expected)) {
            None => Outcome::Passed,
            Some(problem) => Outcome::Failed(problem),
        },
    }
}

#[test]
#[ignore = "needs the onnx package: set ONNX_NODE_TESTS to its node test directory"]
fn node_models_of_the_onnx_package() {
    let root = std::env::var("ONNX_NODE_TESTS").expect("ONNX_NODE_TESTS names a directory");
    let mut directories: Vec<_> =
        std::fs::read_dir(root).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    directories.sort();
    let (mut passed, mut refused, mut failed) = (0, 0, Vec::new());
    for directory in directories {
        let name = directory.file_name().expect("a name").to_string_lossy().into_owned();
        match check(&directory) {
            Outcome::Passed => passed += 1,
            Outcome::Refused(why) => {
                refused += 1;
                if std::env::var_os("ONNX_NODE_REFUSALS").is_some() {
                    eprintln!("refused {name}: {why}");
                }
            }
            Outcome::Failed(problem) => failed.push(format!("{name}: {problem}")),
        }
    }
    eprintln!("{passed} passed, {refused} refused, {} failed", failed.len());
    assert!(failed.is_empty(), "{passed} passed, {refused} refused, {} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(passed > 250, "only {passed} passed");
}
