//! What goes wrong is an error of the right kind, and the processor can be used on.

use std::process::Command;

use executor::vulkan::{VulkanProcessor, devices};
use executor::{
    HostBuffer, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Region, Tensor, Unit, weights::Weights,
};
use sim::graph::{AttributeValue, Attributes, DataType, RawGraph};

use super::{device_or_skip, run};

fn doubled() -> Unit {
    let raw = RawGraph::new("doubled").with_input("x", &[8]).with_operator("Add", &["x", "x"], &["y"], Attributes::new());
    Unit::of_model(&raw.with_output("y").build().unwrap(), &Weights::drawn()).unwrap()
}

fn expect<T: std::fmt::Debug>(result: Result<T, ProcessorError>, kind: ProcessorErrorKind, part: &str) {
    let error = result.unwrap_err();
    assert!(error.kind == kind && error.to_string().contains(part), "{:?} `{error}`: {kind:?} `{part}` expected", error.kind);
}

/// The processor still computes.
pub(crate) fn check_usable(processor: &mut VulkanProcessor) {
    let input = Tensor::floats(&[8], &[1.5; 8]);
    let (results, _) = run(processor, &doubled(), &[input]).unwrap();
    assert_eq!(results[0].values::<f32>(), [3.0; 8]);
}

#[test]
fn a_missing_driver_or_device_is_reported() {
    if std::env::var_os("SOCRATES_TEST_WITHOUT_DRIVER").is_some() {
        assert_eq!(devices(), []);
        return expect(VulkanProcessor::open(0), ProcessorErrorKind::Missing, "no device: neither a GPU's driver nor Lavapipe");
    }
    // The loader reads its environment once, so another process is needed.
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "failures::a_missing_driver_or_device_is_reported"])
        .envs([("VK_ICD_FILENAMES", "/nonexistent"), ("VK_DRIVER_FILES", "/nonexistent")])
        .env("SOCRATES_TEST_WITHOUT_DRIVER", "1")
        .status()
        .unwrap();
    assert!(status.success());
    if device_or_skip().is_some() {
        expect(VulkanProcessor::open(1000), ProcessorErrorKind::Missing, "no device 1000: there are");
    }
}

#[test]
fn unsupported_operators_are_named_with_the_reason() {
    let Some(processor) = device_or_skip() else { return };
    let check = |raw: RawGraph, part: &str| {
        let graph = raw.with_output("y").build().unwrap();
        expect(processor.support(&graph), ProcessorErrorKind::Unsupported, part);
    };
    let base = || RawGraph::new("test").with_input("x", &[1, 2, 3, 4]);
    let none = Attributes::new;
    check(
        base().with_operator("Erf", &["x"], &["y"], none()),
        "operator `y` of type Erf: there is no Vulkan kernel for this type",
    );
    let axis = none().with("axis", AttributeValue::Integer(1));
    check(base().with_operator("Softmax", &["x"], &["y"], axis), "type Softmax: only its last axis is supported, not 1");
    let channels = none().with("axes", AttributeValue::Integers(vec![1]));
    check(base().with_operator("ReduceMean", &["x"], &["y"], channels), "only trailing axes are supported, not [1]");
    let raw = base().with_input("e", &[1]).with_operator("Pow", &["x", "e"], &["y"], none());
    check(raw, "its exponent must be a constant");
    let raw = base().with_input("w", &[8, 2, 1, 1]).with_operator("Conv", &["x", "w"], &["y"], none());
    check(raw, "type Conv: its filter and its bias must be constants");
    let raw = RawGraph::new("test").with_input("x", &[1, 2, 3, 4, 5]).with_weight("w", &[8, 2, 1, 1, 1]);
    check(raw.with_operator("Conv", &["x", "w"], &["y"], none()), "its window has 3 dimensions");
    let raw = RawGraph::new("test").with_typed_input("x", DataType::Int64, &[4]);
    check(raw.with_operator("Abs", &["x"], &["y"], none()), "`x` is int64, but Vulkan kernels compute in float32");
    // 2^29 elements: more than Lavapipe binds, and than most GPUs do.
    let raw = RawGraph::new("test").with_input("x", &[1 << 29]);
    let graph = raw.with_operator("Relu", &["x"], &["y"], none()).with_output("y").build().unwrap();
    if let Err(error) = processor.support(&graph) {
        assert!(error.to_string().contains("bytes, but a kernel of this device can address only"), "{error}");
    }
}

#[test]
fn memory_that_is_not_there_is_refused() {
    let Some(mut processor) = device_or_skip() else { return };
    for bytes in [1 << 50, usize::MAX >> 1] {
        expect(processor.allocate(bytes), ProcessorErrorKind::OutOfMemory, &format!("a buffer of {bytes} bytes"));
    }
    check_usable(&mut processor);
}

#[test]
fn memory_that_the_system_refuses_is_an_error() {
    const BYTES: usize = 256 << 20;
    if std::env::var_os("SOCRATES_TEST_ALONE").is_none() {
        // Limits of a process hold for all its tests. Software drivers take the memory of the process.
        let test = "failures::memory_that_the_system_refuses_is_an_error";
        let command = format!("ulimit -v 3000000; exec '{}' --exact {test}", std::env::current_exe().unwrap().display());
        let status = Command::new("sh").args(["-c", &command]).env("SOCRATES_TEST_ALONE", "1").status().unwrap();
        return assert!(status.success());
    }
    let Some(mut processor) = device_or_skip() else { return };
    if processor.description().cores.is_empty() {
        return eprintln!("skipped: device 0 is no software");
    }
    let mut buffers = Vec::new();
    let error = loop {
        match processor.allocate(BYTES) {
            Ok(buffer) => buffers.push(buffer),
            Err(error) => break error,
        }
        assert!(buffers.len() < 20, "more than the process may have");
    };
    assert_eq!(error.kind, ProcessorErrorKind::OutOfMemory, "{error}");
    for buffer in buffers {
        processor.release(buffer);
    }
    check_usable(&mut processor);
}

#[test]
fn misuse_is_refused() {
    let Some(mut processor) = device_or_skip() else { return };
    let misuse = |result: Result<(), ProcessorError>, part: &str| expect(result, ProcessorErrorKind::Misuse, part);
    let unit = processor.prepare(&doubled()).unwrap();
    let (small, one, two) = (processor.allocate(8).unwrap(), processor.allocate(32).unwrap(), processor.allocate(32).unwrap());
    let operands = |buffers: &[executor::BufferId]| buffers.iter().map(|&buffer| buffer.into()).collect::<Vec<Operand>>();
    let mut launch = |inputs: &[Operand], outputs: &[Operand], part: &str| misuse(processor.launch(unit, inputs, outputs), part);
    launch(&operands(&[one, two]), &operands(&[two]), "unit `doubled`: 2 inputs and 1 outputs, but it has 1 and 1");
    launch(&operands(&[small]), &operands(&[two]), "`x` has 32 bytes, its buffer only 8");
    launch(&operands(&[one]), &operands(&[one]), "output `y` has the buffer of `x`");
    launch(&operands(&[executor::BufferId(999)]), &operands(&[one]), "there is no buffer 999");
    launch(&[Operand { buffer: one, offset_bytes: 4 }], &operands(&[two]), "`x` at offset 4");
    misuse(processor.launch(PreparedId(999), &[], &[]), "there is no unit 999");
    let host = HostBuffer::zeroed(16);
    let whole = Region::whole;
    misuse(processor.upload(&host, whole(32), one, whole(32)), "ends at 32, but there are only 16 bytes");
    misuse(processor.upload(&host, whole(16), small, whole(16)), "ends at 16, but there are only 8 bytes");
    misuse(processor.upload(&host, whole(16), one, whole(8)), "differ in size");
    misuse(processor.download(one, whole(3), &host, whole(3)), "whole elements of 4 bytes");
    misuse(processor.copy(one, whole(8), one, Region { offset_bytes: 16, ..whole(8) }), "two buffers are needed");
    misuse(processor.map(one), "not mapped");
    misuse(processor.unmap(one), "not mapped");
    expect(processor.share(&host), ProcessorErrorKind::Unsupported, "not shared");
    processor.release(one);
    misuse(processor.copy(one, whole(8), two, whole(8)), "there is no buffer");
    processor.discard(unit);
    misuse(processor.launch(unit, &[], &[]), "there is no unit");
    check_usable(&mut processor);
}

#[test]
fn regions_are_copied_there_and_back() {
    let Some(mut processor) = device_or_skip() else { return };
    let values: Vec<f32> = (0..24).map(|value| value as f32).collect();
    let source = HostBuffer::from_bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
    // Rows 1..3 of the middle axis of 2 x 4 x 3 elements, by way of two buffers.
    let slice = Region::of_slice(&[2, 4, 3], 4, 1, 1, 3);
    let dense = Region::whole(slice.bytes());
    let (one, two) = (processor.allocate(96).unwrap(), processor.allocate(96).unwrap());
    processor.upload(&source, slice, one, dense).unwrap();
    processor.copy(one, dense, two, slice).unwrap();
    let target = HostBuffer::zeroed(96);
    processor.download(two, slice, &target, slice).unwrap();
    let got = target.into_bytes().unwrap();
    let got: Vec<f32> = got.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    let expected: Vec<f32> = (0..24).map(|index| if (3..9).contains(&(index % 12)) { index as f32 } else { 0.0 }).collect();
    assert_eq!(got, expected);
}
