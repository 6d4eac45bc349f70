//! Two networks at once on a GPU and an accelerator: HaX-CoNN's tables and slowdown curves.

use sim::cost::CostModels;
use sim::engine::{Model, Options, plan_all, simulate_programs};
use sim::identifiers::{MemoryId, ModelId, WorkerId};
use sim::plan::{Plan, Program};
use sim::platform::{Device, DeviceBuilder, Link, ProcessorKind, SlowdownCurve, SupportRules, Worker};
use sim::record::NoRecorder;
use sim::strategy::registry;
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

use crate::published::{Cell, PublishedError, Standing, table};
use crate::section::Section;

/// A network by layer groups: milliseconds, and share of the memory bandwidth asked for in percent, on the GPU and on the accelerator.
struct Network {
    name: &'static str,
    gpu: [(f64, f64); 10],
    accelerator: [(f64, f64); 10],
}

/// Repository `ismetdagli/HaX-CoNN`, `src/z3_solver_multi_dnn.py` (a Xavier AGX). The script calls its shares and transitions made up; a time of
/// its second network reads `0,28`, which is taken as 0.28.
const NETWORKS: [Network; 2] = [
    Network {
        name: "googlenet",
        gpu: [
            (0.35, 30.0),
            (0.15, 35.0),
            (0.20, 41.0),
            (0.11, 53.0),
            (0.12, 61.0),
            (0.13, 52.0),
            (0.15, 49.0),
            (0.19, 66.0),
            (0.12, 66.0),
            (0.20, 41.0),
        ],
        accelerator: [
            (0.75, 25.0),
            (0.34, 28.0),
            (0.45, 33.0),
            (0.37, 38.0),
            (0.31, 49.0),
            (0.33, 45.0),
            (0.31, 41.0),
            (0.35, 44.0),
            (0.27, 58.0),
            (0.36, 29.0),
        ],
    },
    Network {
        name: "resnet",
        gpu: [
            (0.14, 50.0),
            (0.11, 68.0),
            (0.39, 71.0),
            (0.58, 49.0),
            (1.4, 53.0),
            (0.9, 62.0),
            (0.75, 55.0),
            (0.52, 48.0),
            (0.59, 66.0),
            (0.07, 42.0),
        ],
        accelerator: [
            (0.28, 38.0),
            (0.15, 49.0),
            (1.99, 43.0),
            (1.73, 37.0),
            (2.8, 27.0),
            (1.9, 39.0),
            (1.41, 32.0),
            (0.99, 30.0),
            (1.14, 51.0),
            (0.15, 29.0),
        ],
    },
];

const GPU: WorkerId = WorkerId(0);
const ACCELERATOR: WorkerId = WorkerId(1);
/// Bytes a second that stand for all of the bandwidth.
const CAPACITY: f64 = 1e9;
/// Of the transitions that the repository measured on `GoogLeNet` (`output_expected/transition_results.json`), the medians.
const LEAVE_GPU_NS: u64 = 28_000;
const LEAVE_ACCELERATOR_NS: u64 = 50_000;

fn device() -> Result<Device, String> {
    let mut builder = DeviceBuilder::new("xavier-agx");
    let dram = builder.channel("dram", CAPACITY);
    builder.dram(dram);
    let kinds = [("gpu", ProcessorKind::Gpu), ("accelerator", ProcessorKind::Npu)];
    for (index, (name, kind)) in kinds.into_iter().enumerate() {
        let processor = builder.processor(name, kind, 1, Vec::new());
        builder.memory(name);
        builder.worker(Worker {
            name: name.to_owned(),
            kind,
            demands: vec![(processor, 1)],
            memory: MemoryId::from_index(index),
            invocation_ns: 0,
            support: SupportRules::ALL,
            costs: CostModels::default().into(),
        });
    }
    for (name, from, to, fixed_ns) in [("gpu-accelerator", 0, 1, LEAVE_GPU_NS), ("accelerator-gpu", 1, 0, LEAVE_ACCELERATOR_NS)] {
        builder.link(Link {
            name: name.to_owned(),
            from: MemoryId(from),
            to: MemoryId(to),
            fixed_ns,
            synchronization_ns: 0,
            ns_per_byte: 0.0,
            bytes_per_second: f64::INFINITY,
            channels: Vec::new(),
            blocks: None,
        });
    }
    builder.slowdown(GPU, SlowdownCurve::haxconn_gpu());
    builder.slowdown(ACCELERATOR, SlowdownCurve::haxconn_accelerator());
    builder.build().map_err(|errors| format!("{errors:?}"))
}

fn lowered(network: &Network) -> Result<(TaskGraph, CostTable), String> {
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(0);
    for _ in network.gpu {
        data = builder.task(&[data], &[0]).1;
    }
    builder.output(data);
    let cost = |(milliseconds, percent): (f64, f64)| {
        let duration_ns = (milliseconds * 1e6) as u64;
        Some(KernelCost { memory_bytes: (percent / 100.0 * CAPACITY * milliseconds * 1e-3) as u64, duration_ns })
    };
    let costs = network.gpu.iter().zip(network.accelerator).flat_map(|(&gpu, accelerator)| [cost(gpu), cost(accelerator)]);
    Ok((builder.build().map_err(|error| error.to_string())?, CostTable::new(2, costs.collect())))
}

/// Milliseconds until both have ended, each on the worker given, or as `haxconn` places them, and how.
fn together_ms(workers: Option<[WorkerId; 2]>) -> Result<(f64, String), String> {
    let device = device()?;
    let networks: Vec<(TaskGraph, CostTable)> = NETWORKS.iter().map(lowered).collect::<Result<_, _>>()?;
    let models: Vec<Model<'_>> =
        NETWORKS.iter().zip(&networks).map(|(network, (tasks, costs))| Model { name: network.name, tasks, costs }).collect();
    let programs = if let Some(workers) = workers {
        let compiled = models.iter().zip(workers).map(|(model, worker)| {
            let mut plan = Plan::new();
            plan.segment(Some(worker), model.tasks.tasks());
            Program::compile(&plan, model.tasks, model.costs).map_err(|error| error.to_string())
        });
        compiled.collect::<Result<Vec<_>, _>>()?
    } else {
        let mut strategy = registry::build("haxconn").map_err(|error| error.to_string())?;
        plan_all(&device, &models, strategy.as_mut(), &Options::default()).map_err(|error| error.to_string())?
    };
    let placed = programs.iter().zip(&NETWORKS).map(|(program, network)| {
        let of = |worker: Option<WorkerId>| match worker {
            Some(GPU) => "GPU",
            _ => "accelerator",
        };
        let leg = |segment: u32| {
            let groups = program.kernel_range(segment).len();
            format!("{groups} group{} on the {}", if groups == 1 { "" } else { "s" }, of(program.worker(segment)))
        };
        let legs: Vec<String> = (0..program.segment_count() as u32).map(leg).collect();
        format!("{}: {}", network.name, legs.join(", then "))
    });
    let placed = placed.collect::<Vec<_>>().join("; ");
    let streams = (0..models.len()).map(|model| Stream::new(ModelId::from_index(model), Arrivals::Recorded(vec![0]), Some(1)));
    let summary = simulate_programs(&device, &models, programs, streams.collect(), None, &Options::default(), &mut NoRecorder);
    summary.map(|summary| (summary.end_ns as f64 * 1e-6, placed)).map_err(|error| error.to_string())
}

pub(super) fn section() -> Result<Section, PublishedError> {
    let failed = |why| PublishedError::Scenario { scenario: "HaX-CoNN's pair".to_owned(), why };
    let run = |workers| together_ms(workers).map_err(failed);
    let (gpu_ms, _) = run(Some([GPU, GPU]))?;
    let (resnet_gpu_ms, _) = run(Some([ACCELERATOR, GPU]))?;
    let (resnet_accelerator_ms, _) = run(Some([GPU, ACCELERATOR]))?;
    let (found_ms, placed) = run(None)?;
    let best_ms = gpu_ms.min(resnet_gpu_ms).min(resnet_accelerator_ms);
    let cell = |what: &str, published: &str, ours: String| Cell::new(what, published, ours, Standing::Predicted);
    let gain = |baseline: f64, found: f64| format!("{:.0} %", 100.0 * (baseline / found - 1.0));
    Ok(Section {
        title: "Contention for memory: a GPU and an accelerator".to_owned(),
        text: vec![
            "HaX-CoNN (PPoPP 2024) on a Xavier AGX: two networks that start together. Layer times and slowdown curves are those of the repository's \
             scheduler script, which calls its bandwidth shares made up; the published times are those that its README expects of GoogLeNet and \
             ResNet-101. Other published pairs (Inception with ResNet-152 18.1 → 14.4 ms, AlexNet with ResNet-101 13.4 → 8.4, VGG-19 with \
             ResNet-152 15.6 → 13.6) have no public layer times: nothing to predict them from."
                .to_owned(),
            format!("`haxconn` finds: {placed}."),
        ],
        tables: vec![table(
            "Milliseconds until both networks have ended.",
            vec![
                cell("both on the GPU", "12.6", format!("{gpu_ms:.1}")),
                cell("ResNet on the GPU, GoogLeNet on the accelerator", "12.4", format!("{resnet_gpu_ms:.1}")),
                cell("ResNet on the accelerator, GoogLeNet on the GPU", "14.3", format!("{resnet_accelerator_ms:.1}")),
                cell("`haxconn`", "7.9", format!("{found_ms:.1}")),
                cell("gain over the best of the three", &gain(12.4, 7.9), gain(best_ms, found_ms)),
            ],
        )],
        comparisons: Vec::new(),
        findings: vec![
            "`haxconn` gains nothing over the best whole placement here, where 57 % were measured: the time of the second network on the GPU alone \
             is all but the length of that placement, so there is nothing left to move."
                .to_owned(),
            "The script's layer times do not add up to the published ones: on the GPU alone they make 7.2 ms for both networks, where 12.6 were \
             measured. Either they are of another ResNet, or two contexts of TensorRT on one GPU slow each other 1.8 times."
                .to_owned(),
        ],
    })
}
