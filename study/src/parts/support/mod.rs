//! Fig. 3: which operators processors support, and what falling back costs.

mod map;
mod measured;

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;
use runner::{Loader, Model};
use scenarios::profile::ProcessorKind;
use scenarios::{Document, Profile, Scenario};
use sim::identifiers::{OperatorId, WorkerId};
use sim::record::Record;

use crate::parts::common::{geometric_mean, on, percent, short};
use crate::{Context, Determinism, Loaded, Part, PartData, StudyError, Support, Verdict, median_ms};

pub(crate) const PART: Part = Part {
    name: "fig3",
    title: "operators that processors support, and what falling back costs",
    determinism: Determinism::Deterministic,
    scenarios: &["study-fig3"],
    make,
};

/// GPUs of phones by `TFLite`'s rules, then by MACE's; NPUs by those of Qualcomm's delegate, in half precision and in 8 bits. Profiles of ncnn's
/// boards have no rules: nothing is known of what they refuse.
const ACCELERATORS: [(&str, ProcessorKind); 7] = [
    ("pixel4", ProcessorKind::Gpu),
    ("s10", ProcessorKind::Gpu),
    ("iphonexs", ProcessorKind::Gpu),
    ("redmi_k30_pro_sd865", ProcessorKind::Gpu),
    ("honor_v30_pro_kirin990", ProcessorKind::Gpu),
    ("galaxy-s24-sd8gen3", ProcessorKind::Npu),
    ("qcs6490-int8", ProcessorKind::Npu),
];

/// A model on the accelerator of a device.
struct Row {
    device: String,
    processor: &'static str,
    model: String,
    operators: usize,
    supported: usize,
    mac_share: f64,
    /// Times that the accelerator is entered for one inference, where it falls back operator by operator.
    partitions: Option<f64>,
    latency_ms: Option<f64>,
    all_supported_ms: Option<f64>,
    why: Vec<String>,
}

impl Row {
    /// What it is called in figures.
    fn accelerator(&self) -> String {
        format!("{} {}", short(&self.device), self.processor)
    }

    fn is_whole(&self) -> bool {
        self.supported == self.operators
    }

    fn share(&self) -> f64 {
        self.supported as f64 / self.operators.max(1) as f64
    }

    fn cost(&self) -> Option<f64> {
        Some(self.latency_ms? / self.all_supported_ms?)
    }
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-fig3")?;
    let all = scenarios::devices().iter().flat_map(|entry| [(entry.name, ProcessorKind::Gpu), (entry.name, ProcessorKind::Npu)]);
    let all = if context.full { all.collect() } else { ACCELERATORS.to_vec() };
    let mut moved = Vec::new();
    for (device, kind) in all {
        let scenario = Scenario { strategies: vec![strategy(kind)], ..on(&scenario, device) };
        if has_rules(&Profile::open(&scenario.device)?.value, kind) {
            moved.push(scenario);
        }
    }
    let loaded = context.load(moved)?;
    let freed: Result<Vec<Loaded>, StudyError> = loaded.par_iter().map(all_supported).collect();
    let freed = freed?;
    let latencies = |loaded: &[Loaded]| {
        context.simulate(loaded, |_, loaded, simulated| {
            let segments = accelerator(loaded).map_or(0, |worker| segments(worker, &simulated.records));
            (simulated.report, segments)
        })
    };
    let (as_is, without) = (latencies(&loaded)?, latencies(&freed)?);
    let mut rows = Vec::new();
    for (at, loaded) in loaded.iter().enumerate() {
        let Some(worker) = accelerator(loaded) else { continue };
        for (index, job) in loaded.jobs.iter().enumerate() {
            let Some(&model) = job.used(&loaded.inputs).first() else { continue };
            let mut row = row(loaded, &loaded.inputs.models[model], worker);
            let first = as_is[at][index].as_ref().ok().and_then(|seen| seen.first());
            row.latency_ms = first.and_then(|(report, _)| median_ms(report));
            row.partitions = first.map(|(_, segments)| *segments as f64);
            let freed = without[at][index].as_ref().ok().and_then(|seen| seen.first());
            row.all_supported_ms = freed.and_then(|(report, _)| median_ms(report));
            rows.push(row);
        }
    }
    let count = |kind: &str| loaded.iter().filter(|it| it.scenario.strategies[0].starts_with(kind)).count();
    let caption = format!(
        "{} models on the GPUs of {} phones and {} NPUs, simulated: share of operators and of multiply-accumulates that the accelerator runs; how often it is entered for an inference that falls \
         back operator by operator; and what that costs: expected latency over what it would be if the accelerator ran everything, at the cost that its profile tells for such kernels. What is \
         refused is assumed: of GPUs the lists that TFLite's delegate and MACE document, for the runtime that their costs were measured with; of NPUs all but recurrent cells and what \
         depends on the values of data, because published models run so (second figure: measured). CPUs run everything; accelerators of which no rules are known are left out.",
        scenario.streams.len(),
        count("gpu"),
        count("npu"),
    );
    let measured = measured::read();
    let (mut findings, verdicts) = judged(&rows);
    let on_npu =
        |model: &str| Some(rows.iter().find(|row| row.processor == "NPU" && row.model == model).is_some_and(Row::is_whole));
    findings.extend(measured::findings(&measured, on_npu));
    let tables = vec![map::table(&rows), measured::table(&measured)];
    Ok(PartData { caption, tables, figures: vec![map::figure(&rows), measured::figure(&measured)], findings, verdicts })
}

/// What uses an accelerator and leaves what it refuses to the CPU.
fn strategy(kind: ProcessorKind) -> String {
    let name = if kind == ProcessorKind::Npu { "npu" } else { "gpu" };
    format!("{name}[fallback=operator]")
}

/// Whether a profile tells what an accelerator refuses.
fn has_rules(profile: &Profile, kind: ProcessorKind) -> bool {
    let is_of = |name: &String| profile.processors.iter().any(|processor| processor.name == *name && processor.kind == kind);
    profile.workers.iter().any(|worker| worker.support.is_some() && worker.cores.keys().any(is_of))
}

/// Segments that the first request ran on a worker: how often it was entered.
fn segments(worker: WorkerId, records: &[Record]) -> usize {
    let of = records.iter().filter_map(|record| match record {
        Record::Kernel(it) if it.worker == worker && it.request.index() == 0 => Some(it.segment),
        _ => None,
    });
    of.collect::<BTreeSet<_>>().len()
}

/// The first accelerator of the kind that the strategy uses.
fn accelerator(loaded: &Loaded) -> Option<WorkerId> {
    let device = &loaded.inputs.device;
    let wanted = if loaded.scenario.strategies[0].starts_with("npu") {
        sim::platform::ProcessorKind::Npu
    } else {
        sim::platform::ProcessorKind::Gpu
    };
    device.worker_ids().find(|&worker| device.worker(worker).kind == wanted)
}

/// The same runs where every worker supports everything.
fn all_supported(loaded: &Loaded) -> Result<Loaded, StudyError> {
    let mut profile = Document::clone(&loaded.inputs.profile);
    for worker in &mut profile.value.workers {
        worker.support = None;
    }
    let inputs = Loader::default().inputs_on(&loaded.scenario, &Arc::new(profile))?;
    Ok(Loaded { scenario: loaded.scenario.clone(), inputs, jobs: loaded.jobs.clone() })
}

fn row(loaded: &Loaded, model: &Model, worker: WorkerId) -> Row {
    let device = &loaded.inputs.device;
    let graph = &model.graph;
    let is_dynamic = |id: &OperatorId| !graph.is_static(*id);
    let all: Vec<OperatorId> = graph.operators().iter().map(|operator| operator.id).filter(is_dynamic).collect();
    let mut refused: BTreeSet<OperatorId> = BTreeSet::new();
    let mut why: Vec<String> = Vec::new();
    for (task, info) in model.lowered.tasks.tasks().zip(&model.lowered.info) {
        let Some(reason) = &model.lowered.placement(task, worker).unsupported else { continue };
        refused.extend(&info.operators);
        let lead = &graph.operator(info.lead).op_type;
        let reason = format!("{lead}: {reason}");
        if !why.contains(&reason) {
            why.push(reason);
        }
    }
    let macs = |id: &OperatorId| graph.work(*id).macs as f64;
    let total: f64 = all.iter().map(macs).sum();
    let lost: f64 = refused.iter().map(macs).sum();
    Row {
        device: device.name().to_owned(),
        processor: if device.worker(worker).kind == sim::platform::ProcessorKind::Npu { "NPU" } else { "GPU" },
        model: model.name.clone(),
        operators: all.len(),
        supported: all.len() - all.iter().filter(|id| refused.contains(id)).count(),
        mac_share: if total > 0.0 { 1.0 - lost / total } else { 1.0 },
        partitions: None,
        latency_ms: None,
        all_supported_ms: None,
        why,
    }
}

fn judged(rows: &[Row]) -> (Vec<String>, Vec<Verdict>) {
    // Of NPUs the rules refuse next to nothing, and are assumed: they would only dilute what is known of GPUs.
    let (gpus, npus): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.processor == "GPU");
    let all = gpus.len();
    let partly = gpus.iter().filter(|row| !row.is_whole()).count();
    let costs: Vec<f64> = gpus.iter().filter(|row| !row.is_whole()).filter_map(|row| row.cost()).collect();
    let mean = geometric_mean(&costs).unwrap_or(1.0);
    let worst = gpus.iter().filter_map(|row| Some((row.cost()?, row))).max_by(|one, other| one.0.total_cmp(&other.0));
    let cheap = gpus.iter().filter(|row| !row.is_whole() && row.mac_share > 0.99).count();
    let mut findings = vec![
        format!(
            "In {partly} of {all} pairs of model and GPU ({}) some operator is refused.",
            percent(partly as f64 / all.max(1) as f64)
        ),
        format!("In {cheap} of these {partly} less than 1 % of the work is refused: what falls back is rarely what is heavy."),
        format!("Where something is refused, falling back costs {mean:.2} times the latency with full support (geometric mean)."),
    ];
    if let Some((cost, row)) = worst {
        let partitions = row.partitions.unwrap_or(0.0);
        findings.push(format!(
            "The dearest is {} on {}: {cost:.1} times, with {} of its operators supported and {partitions:.0} partitions.",
            row.model,
            row.device,
            percent(row.share()),
        ));
    }
    let refused = npus.iter().filter(|row| !row.is_whole()).count();
    findings.push(format!(
        "In {refused} of {} pairs of model and NPU some operator is refused, by rules that are assumed; what was measured is below.",
        npus.len()
    ));
    let because = format!("{partly} of {all} pairs of model and GPU fall back somewhere, at {mean:.2} times the latency");
    let support = if partly * 2 >= all { Support::Supported } else { Support::of(partly, all) };
    (findings, vec![Verdict::new("F2", support, because)])
}
