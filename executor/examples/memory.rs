//! Memory that plans need and runs take: the simulator's plan, the executor's arenas, and what it allocated before it had any.
//!
//!     cargo run --release -p socrates-executor --example memory [MODEL ...]
//!
//! For each model whole on the CPU, whole on the GPU (OpenCL, by copies), and every task that can be cut shared by both, in MB:
//!
//! - *tensors* for one request: `plan` the simulator's arena (every tensor of every kernel, also those that stay inside of a unit, in
//!   place where it can), `bound` the bytes that are alive at once in any case;
//! - *between launches*: `arena` what the executor allocated in arenas for one slot, `bound` the bytes alive at once, `separate` what
//!   the same would take if each had a place of its own, as it was before there were arenas, `apart` what has no place (inputs);
//! - *in units*: `scratch` what processors hold for tensors inside of units (ONNX Runtime: the most that its arena held in use), `weights`
//!   what they hold of constants in memory or layouts of their own, beside the host's copy;
//! - *process*: growth of the resident set over the run, all of the above and code, kernels and graphs included. What one run has
//!   freed the next may use again without growth, so each run is in a process of its own.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints")]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use executor::weights::Weights;
use executor::{ModelToRun, Opener, Settings, Specification, execute, open};
use scenarios::onnx::{ReadOptions, read_bytes};
use sim::cost::{ClassModel, CostModels, Feature, KernelClass, Provenance};
use sim::identifiers::ModelId;
use sim::memory::{MemoryOptions, MemoryPlan};
use sim::plan::Program;
use sim::platform::{Device, DeviceBuilder, Link, ProcessorKind, SupportRules, Worker};
use sim::strategy::registry;
use sim::task::LoweredModel;
use sim::workload::{Arrivals, Stream};

const MODELS: [&str; 8] =
    ["squeezenet1_1", "mobilenet_v2", "resnet18", "resnet50", "googlenet", "shufflenet_v2_x1_0", "vgg16", "bert_tiny_4x312"];
const STRATEGIES: [&str; 3] = ["cpu", "gpu", "split[by=rows, share=50%]"];
const PROCESSORS: [&str; 2] = ["cpu[cores=0]", "opencl[transfer=copy]"];
const REQUESTS: u64 = 3;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, model, strategy] = &words[..]
        && flag == "--one"
    {
        return println!("{}", row(model, strategy));
    }
    println!(
        "{:<20} {:<26} | {:>7} {:>7} | {:>7} {:>7} {:>8} {:>6} | {:>7} {:>8} | {:>8}",
        "model", "strategy", "plan", "bound", "arena", "bound", "separate", "apart", "scratch", "weights", "process"
    );
    let models = if words.is_empty() { MODELS.map(str::to_owned).to_vec() } else { words };
    let own = std::env::current_exe().expect("this program has a file");
    for model in &models {
        for strategy in STRATEGIES {
            let output = Command::new(&own).args(["--one", model, strategy]).output().expect("starts");
            let (line, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            if output.status.success() { print!("{line}") } else { eprintln!("{model} {strategy}: {errors}") }
        }
    }
}

/// One run: its line of the table.
fn row(name: &str, text: &str) -> String {
    let bytes = scenarios::zoo::bytes(name).unwrap_or_else(|| panic!("no model `{name}` in the zoo"));
    let graph = read_bytes(name, bytes, &ReadOptions::default()).expect("reads");
    let device = device();
    let lowered = LoweredModel::of(&graph, &device);
    let weights = Weights::drawn().of_model(&graph).expect("drawn");
    let models = [ModelToRun { name, graph: &graph, lowered: &lowered, weights: &weights }];
    let streams = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(REQUESTS))];
    let openers = PROCESSORS.map(|text| -> Opener<'_> {
        let specification: Specification = text.parse().expect("valid");
        Box::new(move || open(&specification))
    });
    let mut strategy = registry::build(text).expect("known");
    let plan = planned(&device, &lowered, text);
    // The library and the driver are loaded, and all weights drawn.
    for text in PROCESSORS {
        drop(open(&text.parse().expect("valid")).expect("opens"));
    }
    let before = resident_bytes();
    let interrupt = AtomicBool::new(false);
    let executed =
        execute(&device, &models, streams, strategy.as_mut(), openers.into(), &Settings::default(), &interrupt).expect("runs");
    let grown = most_resident_bytes().saturating_sub(before);
    assert_eq!(executed.summary.completed, REQUESTS, "{:?}", executed.summary.stop);
    let memory = &executed.memory;
    let between = memory.planned[0].expect("placed by the plan");
    let megabytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1e6);
    format!(
        "{name:<20} {text:<26} | {:>7} {:>7} | {:>7} {:>7} {:>8} {:>6} | {:>7} {:>8} | {:>8}",
        megabytes(plan.arena_bytes()),
        megabytes(plan.lower_bound_bytes()),
        megabytes(memory.arena_bytes()),
        megabytes(between.lower_bound_bytes),
        megabytes(between.separate_bytes),
        megabytes(memory.apart_bytes()),
        megabytes(memory.scratch_bytes()),
        megabytes(memory.constant_bytes()),
        megabytes(grown),
    )
}

/// The simulator's plan of the same program.
fn planned(device: &Device, lowered: &LoweredModel, text: &str) -> MemoryPlan {
    let mut strategy = registry::build(text).expect("known");
    let models = [sim::engine::Model { name: "model", tasks: &lowered.tasks, costs: &lowered.costs }];
    let programs = sim::engine::plan_all(device, &models, strategy.as_mut(), &sim::engine::Options::default()).expect("plans");
    let program: &Program = &programs[0];
    MemoryPlan::of_program(program, &lowered.tasks, device, MemoryOptions::default()).expect("all placed")
}

/// Bytes of this process in memory now.
fn resident_bytes() -> u64 {
    status_bytes("VmRSS:")
}

/// The most bytes of this process that were in memory at once.
fn most_resident_bytes() -> u64 {
    status_bytes("VmHWM:")
}

/// A line of `/proc/self/status` in bytes; 0 where there is none.
fn status_bytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kibibytes| 1024 * kibibytes)
}

/// A CPU core and a GPU with memory of its own, of made-up costs: what is measured here does not depend on them.
fn device() -> Device {
    let class = |class| {
        let coefficients = vec![(Feature::Macs, 0.05), (Feature::TouchedElements, 0.3)];
        ClassModel::linear(class, Provenance::Assumed, coefficients)
    };
    let costs = Arc::new(CostModels::new(4, 1.0, KernelClass::ALL.into_iter().map(class).collect()).expect("complete"));
    let mut builder = DeviceBuilder::new("memory");
    let host = builder.memory("host");
    builder.host(host);
    let own = builder.memory("gpu");
    for (name, kind, memory) in [("cpu", ProcessorKind::CpuCluster, host), ("gpu", ProcessorKind::Gpu, own)] {
        let processor = builder.processor(name, kind, 1, Vec::new());
        let worker = builder.worker(Worker {
            name: name.to_owned(),
            kind,
            demands: vec![(processor, 1)],
            memory,
            invocation_ns: 1000,
            support: SupportRules::ALL,
            costs: Arc::clone(&costs),
        });
        if memory != host {
            for (from, to, name) in [(host, own, "to_gpu"), (own, host, "from_gpu")] {
                builder.link(Link {
                    name: name.to_owned(),
                    from,
                    to,
                    fixed_ns: 5000,
                    synchronization_ns: 0,
                    ns_per_byte: 0.1,
                    bytes_per_second: f64::INFINITY,
                    channels: Vec::new(),
                    blocks: Some(worker),
                });
            }
        }
    }
    builder.build().expect("valid")
}
