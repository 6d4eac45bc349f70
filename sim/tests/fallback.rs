//! What an accelerator refuses: who takes it, and what that costs.

mod common;

use proptest::prelude::*;
use sim::engine::{Model, Options, simulate};
use sim::identifiers::{ModelId, WorkerId};
use sim::platform::{Device, DeviceBuilder, DeviceError, ProcessorKind};
use sim::record::NoRecorder;
use sim::strategy::registry::build;
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// What a copy takes, one unit of data.
const COPY_NS: u64 = 11;

fn chain(length: usize) -> TaskGraph {
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(1);
    for _ in 0..length {
        data = builder.task(&[data], &[1]).1;
    }
    builder.output(data);
    builder.build().expect("a chain")
}

/// Two CPU workers (`w0`, `w1`) and an NPU (`w2`).
fn phone() -> DeviceBuilder {
    common::simple_builder(&[ProcessorKind::CpuCluster, ProcessorKind::CpuCluster, ProcessorKind::Npu], COPY_NS - 1, 1e9)
}

/// The latency of a chain whose kernel takes `costs[i]` on each worker.
fn latency(device: &Device, strategy: &str, costs: &[Vec<Option<u64>>]) -> u64 {
    let tasks = chain(costs.len());
    let costs = costs.iter().flatten().map(|ns| ns.map(KernelCost::of_duration)).collect();
    let costs = CostTable::new(device.workers().len(), costs);
    let models = [Model { name: "chain", tasks: &tasks, costs: &costs }];
    let stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), Some(1));
    let mut strategy = build(strategy).expect("a strategy");
    simulate(device, &models, vec![stream], strategy.as_mut(), &Options::default(), &mut NoRecorder).expect("plans").end_ns
}

#[test]
fn a_runtime_falls_back_to_its_own_kernels_and_not_to_the_fastest() {
    let costs = [vec![Some(100), Some(500), Some(10)], vec![Some(100), Some(500), None], vec![Some(100), Some(500), Some(10)]];
    // Without the middle kernel: in, kernel, out; in, kernel, out.
    let around = 4 * COPY_NS + 2 * 10;
    let check = |fallback: Option<u32>, strategy: &str, expected: u64| {
        let mut builder = phone();
        if let Some(cpu) = fallback {
            builder.falls_back_to(WorkerId(2), WorkerId(cpu));
        }
        assert_eq!(latency(&builder.build().expect("valid"), strategy, &costs), expected, "{fallback:?} {strategy}");
    };
    check(None, "npu[fallback=operator]", around + 100);
    check(Some(0), "npu[fallback=operator]", around + 100);
    // Another memory than the host's: copies on the way in and out of the NPU are the same.
    check(Some(1), "npu[fallback=operator]", around + 500);
    check(Some(1), "npu[fallback=operator,cpu=w0]", around + 100);
    // Who chooses freely is not bound by what a runtime does.
    check(Some(1), "heft", latency(&phone().build().expect("valid"), "heft", &costs));
}

#[test]
fn a_kernel_that_its_own_runtime_lacks_goes_to_whoever_has_it() {
    let mut builder = phone();
    builder.falls_back_to(WorkerId(2), WorkerId(1));
    let costs = [vec![Some(100), None, None], vec![Some(100), Some(500), Some(10)]];
    assert_eq!(latency(&builder.build().expect("valid"), "npu[fallback=operator]", &costs), 100 + 2 * COPY_NS + 10);
}

#[test]
fn whom_nobody_can_fall_back_to_is_refused() {
    let check = |worker: u32, cpu: u32, expected: &str| {
        let mut builder = phone();
        builder.falls_back_to(WorkerId(worker), WorkerId(cpu));
        let errors = builder.build().expect_err("wrong");
        assert_eq!(errors.iter().map(DeviceError::to_string).collect::<Vec<_>>(), [expected]);
    };
    check(2, 2, "worker to fall back to of `w2` is w2: must be another one, of a CPU");
    check(0, 2, "worker to fall back to of `w0` is w2: must be another one, of a CPU");
    check(0, 0, "worker to fall back to of `w0` is w0: must be another one, of a CPU");
    check(2, 7, "worker to fall back to of `w2` does not exist in the device");
    check(7, 0, "worker that falls back of `simple` does not exist in the device");
}

/// A chain with some kernels refused.
fn refused(kernels: &[(u64, u64)], refused: &[bool]) -> Vec<Vec<Option<u64>>> {
    let cost = |(&(npu, more), &refused): (&(u64, u64), &bool)| vec![Some(npu + more), None, (!refused).then_some(npu)];
    kernels.iter().zip(refused).map(cost).collect()
}

/// Runs of kernels on the NPU: each is entered and left once.
fn runs(refused: &[bool]) -> usize {
    refused.split(|&refused| refused).filter(|run| !run.is_empty()).count()
}

/// Refusing more is not always slower: what joins two pieces of the CPU saves a way through the NPU.
#[test]
fn refusing_what_lies_between_can_make_it_faster() {
    let device = phone().build().expect("valid");
    let kernels = [(10, 5); 5];
    let few = latency(&device, "npu[fallback=operator]", &refused(&kernels, &[false, true, false, true, false]));
    let more = latency(&device, "npu[fallback=operator]", &refused(&kernels, &[false, true, true, true, false]));
    assert_eq!((few, more), (5 * 10 + 2 * 5 + 6 * COPY_NS, 5 * 10 + 3 * 5 + 4 * COPY_NS));
}

proptest! {
    /// Kernels that the CPU takes no less time for, in a chain: refusing some is never faster than refusing none as long as the NPU keeps any, and
    /// refusing more is never faster unless the NPU is entered fewer times.
    #[test]
    fn refusing_more_is_never_faster_unless_the_npu_is_entered_less_often(
        kernels in prop::collection::vec((1..100u64, 0..100u64, any::<bool>(), any::<bool>()), 1..12)
    ) {
        let device = phone().build().expect("valid");
        let times: Vec<(u64, u64)> = kernels.iter().map(|it| (it.0, it.1)).collect();
        let few: Vec<bool> = kernels.iter().map(|it| it.2).collect();
        let more: Vec<bool> = kernels.iter().map(|it| it.2 || it.3).collect();
        let none = vec![false; kernels.len()];
        let of = |which: &[bool]| latency(&device, "npu[fallback=operator]", &refused(&times, which));
        if runs(&few) > 0 {
            prop_assert!(of(&few) >= of(&none));
        }
        if runs(&more) >= runs(&few) {
            prop_assert!(of(&more) >= of(&few), "{few:?} {more:?}");
        }
    }
}
