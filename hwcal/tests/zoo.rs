//! From ONNX to latency: models of the zoo against measurements of the same architectures.
//!
//! In-sample: the architectures belong to the training data. What is checked is the way from the graph to the features (padding,
//! groups, which operators are fused), not the fit.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tables to look at; a failed unwrap is the failure")]

use std::fmt::Write;

use hwcal::usc::{CalibrationData, CoreSet, Measurements, campaign};
use scenarios::Profile;
use scenarios::onnx::ReadOptions;
use sim::cost::Provenance;
use sim::graph::{Graph, KernelKind};
use sim::identifiers::OperatorId;

/// Zoo model, measured model.
const PAIRS: [(&str, &str); 7] = [
    ("resnet18", "resnet18"),
    ("mobilenet_v1", "mobilenet_w1"),
    ("mobilenet_v2", "mobilenetv2b_w1"),
    ("squeezenet1_1", "squeezenet_v1_1"),
    ("densenet121", "densenet121"),
    ("regnet_y_400mf", "regnety004"),
    ("mnasnet1_0", "mnasnet_b1"),
];

fn load(name: &str) -> Graph {
    scenarios::zoo::load(name, &ReadOptions::default()).unwrap().unwrap()
}

fn header(names: &[&str]) -> String {
    let mut header = String::new();
    for name in names {
        write!(header, "{:>12}", name.trim_start_matches("cpu.")).unwrap();
    }
    header
}

/// The measured lists hold no element-wise operators: they are fused into the kernel before them.
fn is_kernel(kind: KernelKind) -> bool {
    !matches!(
        kind,
        KernelKind::Activation
            | KernelKind::Elementwise
            | KernelKind::Normalization
            | KernelKind::View
            | KernelKind::DataMovement
            | KernelKind::Other
            | KernelKind::Softmax
    )
}

#[test]
fn zoo_models_take_as_long_as_measured() {
    let profile = Profile::parse("pixel4.toml", include_str!("../../scenarios/devices/pixel4.toml")).unwrap();
    let measured = Measurements::read(campaign("pixel4").unwrap(), CalibrationData::built_in()).unwrap();
    let workers: Vec<&str> = ["gpu"].into_iter().chain(measured.campaign.core_sets.iter().map(|set| set.worker)).collect();
    println!("{:20}{:>9}{:>7}", "predicted/measured", "kernels", "exact");
    println!("{:36}{}", "", header(&workers));
    for (zoo, name) in PAIRS {
        let graph = load(zoo);
        let model = measured.models.iter().position(|model| model == name).unwrap();
        let kernels: Vec<_> = (0..graph.operators().len())
            .map(OperatorId::from_index)
            .filter(|&id| !graph.is_static(id))
            .map(|id| graph.work(id))
            .filter(|work| is_kernel(work.kind))
            .collect();
        let exact = kernels.iter().filter(|work| profile.costs["gpu"].predict(work).provenance == Provenance::Measured).count();
        let measured_count = measured.operators.iter().filter(|operator| operator.model == model).count();
        let mut row = format!("{zoo:20}{:>5}/{measured_count:<4}{exact:>6}", kernels.len());
        for worker in &workers {
            let costs = &profile.costs[*worker];
            let invocation = profile.workers.iter().find(|it| it.name == *worker).unwrap().invocation_ns as f64;
            let sum: f64 = kernels.iter().map(|work| costs.predict(work).duration_ns).sum();
            let set = measured.campaign.core_sets.iter().position(|set| set.worker == *worker);
            let (copies, actual) = if let Some(set) = set {
                (0.0, measured.cores[set].mean_ns[model])
            } else {
                let elements = (measured.input_elements[model], measured.output_elements[model]);
                (measured.published.copies_ns(elements.0, elements.1), measured.gpu.mean_ns[model])
            };
            let ratio = (sum + invocation + copies) / actual;
            write!(row, "{ratio:>12.3}").unwrap();
            let tolerance = if *worker == "cpu.4small" { 0.2 } else { 0.12 };
            assert!((ratio - 1.0).abs() < tolerance, "{zoo} on {worker}: {ratio}\n{row}");
        }
        println!("{row}");
    }
}

/// Zoo model, measured model. No attention was in the training data: these check the assumed models.
const TRANSFORMERS: [(&str, &str); 2] = [("vit_b_16", "vit-base-patch16-224-in21k"), ("swin_t", "swin-tiny-patch4-window7-224")];

#[test]
fn transformers_by_assumed_models_on_the_cpu() {
    let profile = Profile::parse("pixel4.toml", include_str!("../../scenarios/devices/pixel4.toml")).unwrap();
    let latencies = include_str!("../data/pixel4_transformers.csv");
    let core_sets = campaign("pixel4").unwrap().core_sets;
    println!("{}", header(&core_sets.iter().map(|set| set.name).collect::<Vec<_>>()));
    for (zoo, name) in TRANSFORMERS {
        let graph = load(zoo);
        let mut row = String::new();
        for &CoreSet { name: cores, worker, cores: counts } in core_sets {
            let line = latencies.lines().find(|line| line.starts_with(&format!("{name},{cores},"))).unwrap();
            let measured_ms: f64 = line.split(',').nth(2).unwrap().parse().unwrap();
            let dynamic = (0..graph.operators().len()).map(OperatorId::from_index).filter(|&id| !graph.is_static(id));
            let sum: f64 = dynamic.map(|id| profile.costs[worker].predict(graph.work(id)).duration_ns).sum();
            let ratio = sum / 1e6 / measured_ms;
            write!(row, "{ratio:>12.3}").unwrap();
            // One core is right within a tenth. Several cores speed attention up less than the assumed models expect.
            let range = if counts.iter().sum::<u32>() == 1 { 0.9..1.1 } else { 0.6..1.1 };
            assert!(range.contains(&ratio), "{zoo} on {worker}: {ratio}");
        }
        println!("{row} {zoo}");
    }
}
