//! The device profile of a board.

use std::collections::BTreeMap;

use scenarios::profile::{Origin, Processor, ProcessorKind, Profile, Provenance, Source, Worker};
use sim::cost::{CostModels, Feature, FitRange, KernelClass, KernelShape, Provenance as Basis};

use crate::ncnn::fit::{self, CategoryReport, RunReport, TERMS, Validation};
use crate::ncnn::{Board, Category, Measurements, Run};
use crate::power;
use crate::usc::FitError;
use crate::whole::{Errors, model_errors};

const FRAMEWORK: &str = "ncnn";

/// The text of the profile.
pub(super) fn text(board: &Board, measured: &Measurements, validation: &Validation) -> Result<String, FitError> {
    let features = fit::features(measured);
    let (mut workers, mut costs) = (Vec::new(), BTreeMap::new());
    for report in &validation.runs {
        let run = &measured.runs[report.run];
        if run.device != board.device {
            continue;
        }
        let category = Category::ALL.iter().position(|category| *category == run.category).unwrap_or_default();
        let summary = &validation.categories[category];
        let alike: Vec<&Run> = measured.runs.iter().filter(|other| other.category == run.category).collect();
        let coefficients = fit::own(run, &features, &fit::shared(&alike, &features, None)?, None)?;
        workers.push(worker(run, report, summary, coefficients[0]));
        costs.insert(run.worker(), cost_models(measured, run, summary, report, &coefficients)?);
    }
    let processor = |name: &str, kind, cores, frequencies_khz| Processor {
        name: name.to_owned(),
        kind,
        cores,
        frequencies_khz,
        origin: Some(Origin::Published),
    };
    let mut processors = vec![processor("cpu", ProcessorKind::Cpu, board.cores, vec![board.khz])];
    if workers.iter().any(|worker| worker.name == "gpu") {
        processors.push(processor("gpu", ProcessorKind::Gpu, 1, Vec::new()));
    }
    let description = format!(
        "{} ncnn, least latency of its benchmark. No power, no costs of sharing: the GPU's copies are part of its latency.",
        board.description
    );
    let profile = Profile {
        name: board.device.to_owned(),
        description,
        host: "host".to_owned(),
        dram: None,
        decision_ns: 0,
        memory_limit_bytes: None,
        thermal: None,
        power: None,
        provenance: provenance(board, measured),
        processors,
        memories: vec!["host".to_owned()],
        channels: Vec::new(),
        links: Vec::new(),
        workers,
        support: BTreeMap::new(),
        costs,
    };
    profile.to_toml().map_err(|error| FitError::Write(error.to_string()))
}

fn provenance(board: &Board, measured: &Measurements) -> Provenance {
    let own: usize = measured.runs.iter().filter(|run| run.device == board.device).map(|run| run.measured_ns.len()).sum();
    Provenance {
        tool: Some(format!("socrates {}", env!("CARGO_PKG_VERSION"))),
        command: Some(format!("socrates calibrate fit --device {}", board.device)),
        fitted_on: Some(format!("{own} latencies of whole models on it, and {} runs of all devices", measured.runs.len())),
        sources: vec![Source {
            name: "Tencent/ncnn".to_owned(),
            licence: "BSD-3-Clause".to_owned(),
            location: Some(
                "https://github.com/Tencent/ncnn, commit a4d2ea1d4422c9e849f166fd7a4aefb52f942f6a, benchmark/README.md"
                    .to_owned(),
            ),
            note: Some("least latency of each model; layers of the models; see hwcal/data/README.md".to_owned()),
        }],
        ..Provenance::default()
    }
}

fn worker(run: &Run, report: &RunReport, summary: &CategoryReport, constant_ns: f64) -> Worker {
    let (processor, cores) = if run.category == Category::Gpu { ("gpu", 1) } else { ("cpu", run.threads) };
    Worker {
        name: run.worker(),
        cores: BTreeMap::from([(processor.to_owned(), cores)]),
        memory: "host".to_owned(),
        invocation_ns: libm::round(constant_ns) as u64,
        support: None,
        slowdown: None,
        model_errors: Some(model_errors(&report.errors, summary.interval)),
        memory_share: power::MEMORY_SHARE,
        repacks_weights: false,
        falls_back_to: None,
        fuses: None,
        opens: None,
        hardware: None,
        kernels: Some(FRAMEWORK.to_owned()),
        driver: None,
        origin: Some(Origin::Fitted),
    }
}

/// What no term prices, by another class's prices.
const ASSUMED: [(KernelClass, KernelClass); 5] = [
    (KernelClass::TransposedConvolution, KernelClass::GroupedConvolution),
    (KernelClass::Reduce, KernelClass::Elementwise),
    (KernelClass::Embedding, KernelClass::Elementwise),
    (KernelClass::Recurrent, KernelClass::FullyConnected),
    (KernelClass::Other, KernelClass::Elementwise),
];

fn cost_models(
    measured: &Measurements,
    run: &Run,
    summary: &CategoryReport,
    report: &RunReport,
    coefficients: &[f64],
) -> Result<CostModels, FitError> {
    let priced = |class: KernelClass| -> Vec<(Feature, f64)> {
        let terms = TERMS.iter().zip(coefficients);
        let of_class = terms.flat_map(|(term, coefficient)| {
            let of_class = term.prices.iter().filter(move |price| price.0 == class);
            of_class.map(move |&(_, feature, factor)| (feature, factor * coefficient))
        });
        of_class.filter(|&(_, coefficient)| coefficient > 0.0).collect()
    };
    let shapes = |class: KernelClass| -> Vec<KernelShape> {
        let layers = run.measured_ns.iter().flat_map(|&(model, _)| &measured.layers[model]);
        layers.filter(|work| KernelClass::of(work) == Some(class)).map(KernelShape::of).collect()
    };
    let errors = Errors { models: &report.errors, log_deviation: summary.log_deviation };
    let model = |class: KernelClass| {
        let stands_in = ASSUMED.iter().find(|row| row.0 == class);
        let basis = if stands_in.is_some() { Basis::Assumed } else { Basis::Fitted };
        let shapes = shapes(class);
        let costs = priced(stands_in.map_or(class, |row| row.1));
        errors.model(class, basis, costs, FitRange::around(&shapes), shapes.len() as u32)
    };
    let classes = KernelClass::ALL.into_iter().map(model).collect::<Result<_, FitError>>()?;
    Ok(CostModels::new(4, 1.0, classes)?)
}
