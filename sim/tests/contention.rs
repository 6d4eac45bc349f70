//! Measured slowdown curves: what two kernels side by side take, in closed form.

mod common;

use common::simple_builder;
use proptest::prelude::*;
use sim::engine::{Model, Options, simulate_programs};
use sim::identifiers::{ChannelId, ModelId, WorkerId};
use sim::plan::{Plan, Program};
use sim::platform::{Device, ProcessorKind, SlowdownCurve};
use sim::record::Record;
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// Bytes per second of the DRAM.
const CAPACITY: f64 = 1e9;

fn device(curves: [Option<SlowdownCurve>; 2]) -> Device {
    let mut builder = simple_builder(&[ProcessorKind::Gpu, ProcessorKind::Npu], 0, 1e12);
    let dram: ChannelId = builder.channel("dram", CAPACITY);
    builder.dram(dram);
    for (worker, curve) in curves.into_iter().enumerate() {
        if let Some(curve) = curve {
            builder.slowdown(WorkerId::from_index(worker), curve);
        }
    }
    builder.build().expect("valid")
}

/// When two kernels end that start together on two workers, each with its solo time and the share of the DRAM that it asks for.
fn ends_ns(device: &Device, kernels: [(u64, f64); 2]) -> [u64; 2] {
    let mut builder = TaskGraphBuilder::new();
    let data = builder.request_input(0);
    for _ in 0..2 {
        let (_, out) = builder.task(&[data], &[0]);
        builder.output(out);
    }
    let tasks = builder.build().expect("a graph");
    let cost = |(duration_ns, share): (u64, f64)| {
        Some(KernelCost {
            memory_bytes: (share * CAPACITY * duration_ns as f64 * 1e-9) as u64,
            ..KernelCost::of_duration(duration_ns)
        })
    };
    let table = [cost(kernels[0]), cost(kernels[0]), cost(kernels[1]), cost(kernels[1])];
    let costs = CostTable::new(2, table.to_vec());
    let mut plan = Plan::new();
    for (worker, task) in tasks.tasks().enumerate() {
        plan.segment(Some(WorkerId::from_index(worker)), [task]);
    }
    let streams = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(1))];
    let mut records: Vec<Record> = Vec::new();
    let models = [Model { name: "pair", tasks: &tasks, costs: &costs }];
    let programs = vec![Program::compile(&plan, &tasks, &costs).expect("valid")];
    simulate_programs(device, &models, programs, streams, None, &Options::default(), &mut records).expect("fits");
    let mut ends = [0, 0];
    for record in &records {
        if let Record::Kernel(kernel) = record {
            ends[kernel.worker.index()] = kernel.end_ns;
        }
    }
    ends
}

/// HaX-CoNN's script by hand: the GPU at 53 % from the other runs 2.128 times as long, the accelerator at 60 % 1.617 times.
#[test]
fn haxconn_pair_by_hand() {
    let device = device([Some(SlowdownCurve::haxconn_gpu()), Some(SlowdownCurve::haxconn_accelerator())]);
    let [gpu_ns, accelerator_ns] = ends_ns(&device, [(1_000_000, 0.60), (1_000_000, 0.53)]);
    // 1 / (1 - (60 + 49) * 0.35 / 100) ms; by then the GPU has done 0.47 of that, the rest it does alone.
    assert_eq!(accelerator_ns, 1_616_815);
    assert!(gpu_ns.abs_diff(1_616_815 + 1_000_000 - 759_903) <= 2, "{gpu_ns}");
}

/// Published pairs as curves: each keeps its speed over the factor measured for it, while the other runs.
#[test]
fn a_published_pair_is_met_while_both_run() {
    // HeRo, a GPU and an NPU together: times grew by 34.7 % and 21.3 %.
    let one_point = |factor: f64| Some(SlowdownCurve::new(vec![(0.0, 1.0), (1e-9, 1.0), (1e-9, 1.0 / factor)]).expect("a curve"));
    let device = device([one_point(1.347), one_point(1.213)]);
    let [gpu_ns, npu_ns] = ends_ns(&device, [(1_000_000, 0.5), (1_347_000, 0.5)]);
    assert_eq!(gpu_ns, 1_347_000);
    let done = 1_347_000.0 / 1.213;
    assert!((npu_ns as f64 - (1_347_000.0 + 1_347_000.0 - done)).abs() <= 2.0, "{npu_ns}");
}

proptest! {
    /// In closed form: both at the speed kept until one ends, the other alone from there. A kernel that moves nothing is slowed too,
    /// and slows nobody.
    #[test]
    fn two_kernels_end_when_the_closed_form_says(
        durations in [1_000u64..2_000_000, 1_000..2_000_000],
        shares in [prop_oneof![Just(0.0), 0.01..0.99f64], prop_oneof![Just(0.0), 0.01..0.99f64]],
        kept in [0.05..1.0f64, 0.05..1.0f64],
    ) {
        let curve = |kept| Some(SlowdownCurve::new(vec![(0.0, 1.0), (1.0, kept)]).expect("a curve"));
        let ends = ends_ns(&device([curve(kept[0]), curve(kept[1])]), [(durations[0], shares[0]), (durations[1], shares[1])]);
        let asked = |worker: usize| (shares[worker] * durations[worker] as f64).floor() / durations[worker] as f64;
        let speed = |worker: usize| 1.0 + (kept[worker] - 1.0) * asked(1 - worker);
        let together = |worker: usize| durations[worker] as f64 / speed(worker);
        let first = usize::from(together(1) < together(0));
        let last = 1 - first;
        let expected_last = together(first) + durations[last] as f64 - together(first) * speed(last);
        prop_assert!((ends[first] as f64 - together(first)).abs() <= 2.0, "{} instead of {}", ends[first], together(first));
        prop_assert!((ends[last] as f64 - expected_last).abs() <= 4.0, "{} instead of {expected_last}", ends[last]);
    }
}
