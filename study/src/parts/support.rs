//! Fig. 3: which operators processors support, and what falling back costs.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;
use runner::{Inputs, Loader, Model};
use scenarios::Document;
use sim::identifiers::{OperatorId, WorkerId};
use sim::platform::ProcessorKind;
use sim::record::Record;

use crate::parts::common::{geometric_mean, on, percent};
use crate::{
    Cell, Chart, Context, Determinism, Figure, HeatMap, Kind, Loaded, Panel, Part, PartData, StudyError, Support, Table, Verdict,
    Width, median_ms,
};

pub(crate) const PART: Part = Part {
    name: "fig3",
    title: "operators that processors support, and what falling back costs",
    determinism: Determinism::Deterministic,
    scenarios: &["study-fig3"],
    make,
};

/// Phones by `TFLite`'s rules, then by MACE's. Profiles of ncnn's boards have no rules: nothing is known of what they refuse.
const DEVICES: [&str; 5] = ["pixel4", "s10", "iphonexs", "redmi_k30_pro_sd865", "honor_v30_pro_kirin990"];

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
    fn share(&self) -> f64 {
        self.supported as f64 / self.operators.max(1) as f64
    }

    fn cost(&self) -> Option<f64> {
        Some(self.latency_ms? / self.all_supported_ms?)
    }
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-fig3")?;
    let all: Vec<&str> = scenarios::devices().iter().map(|entry| entry.name).collect();
    let devices = if context.full { all } else { DEVICES.to_vec() };
    let loaded = context.load(devices.iter().map(|device| on(&scenario, device)).collect())?;
    let loaded: Vec<Loaded> = loaded.into_iter().filter(|it| accelerator(&it.inputs).is_some()).collect();
    let freed: Result<Vec<Loaded>, StudyError> = loaded.par_iter().map(all_supported).collect();
    let freed = freed?;
    let latencies = |loaded: &[Loaded]| {
        context.simulate(loaded, |_, loaded, simulated| {
            let segments = accelerator(&loaded.inputs).map_or(0, |worker| segments(worker, &simulated.records));
            (simulated.report, segments)
        })
    };
    let (as_is, without) = (latencies(&loaded)?, latencies(&freed)?);
    let mut rows = Vec::new();
    for (at, loaded) in loaded.iter().enumerate() {
        let Some(worker) = accelerator(&loaded.inputs) else { continue };
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
    let caption = format!(
        "{} models on the GPUs of {} phones, by the rules of TFLite's GPU delegate (Pixel 4, S10, iPhone XS) and of MACE (Redmi, Honor): share of operators and of multiply-accumulates that the GPU runs; \
         how often it is entered for an inference that falls back operator by operator; and what that costs: expected latency over what it would be if the \
         GPU ran everything, at the cost that its profile tells for such kernels.",
        scenario.streams.len(),
        loaded.len(),
    );
    let (findings, verdicts) = judged(&rows);
    Ok(PartData { caption, tables: vec![table(&rows)], figures: vec![figure(&rows)], findings, verdicts })
}

/// Segments that the first request ran on a worker: how often it was entered.
fn segments(worker: WorkerId, records: &[Record]) -> usize {
    let of = records.iter().filter_map(|record| match record {
        Record::Kernel(it) if it.worker == worker && it.request.index() == 0 => Some(it.segment),
        _ => None,
    });
    of.collect::<BTreeSet<_>>().len()
}

/// The first accelerator.
fn accelerator(inputs: &Inputs) -> Option<WorkerId> {
    inputs.device.worker_ids().find(|&worker| inputs.device.worker(worker).kind != ProcessorKind::CpuCluster)
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
        processor: match device.worker(worker).kind {
            ProcessorKind::CpuCluster => "CPU",
            ProcessorKind::Gpu => "GPU",
            ProcessorKind::Npu => "NPU",
            ProcessorKind::Dsp => "DSP",
        },
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

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(
        "",
        "Support of each model's operators by the accelerator of each device, and the cost of falling back.",
        &[
            ("device", "", Kind::Text),
            ("processor", "", Kind::Text),
            ("model", "", Kind::Text),
            ("operators", "", Kind::Count),
            ("supported", "", Kind::Count),
            ("operator_share", "", Kind::Number),
            ("mac_share", "", Kind::Number),
            ("partitions", "", Kind::Number),
            ("latency", "ms", Kind::Number),
            ("latency_if_supported", "ms", Kind::Number),
            ("cost_of_fallback", "", Kind::Number),
            ("refused", "", Kind::Text),
        ],
    );
    for row in rows {
        table.push([
            (&row.device).into(),
            row.processor.into(),
            (&row.model).into(),
            row.operators.into(),
            row.supported.into(),
            row.share().into(),
            row.mac_share.into(),
            row.partitions.into(),
            row.latency_ms.into(),
            row.all_supported_ms.into(),
            row.cost().into(),
            row.why.join("; ").into(),
        ]);
    }
    table
}

fn figure(rows: &[Row]) -> Figure {
    let devices = crate::parts::common::distinct(rows.iter().map(|row| &row.device));
    let models = crate::parts::common::distinct(rows.iter().map(|row| &row.model));
    let panel = |label: &str, quantity: &str, logarithmic: bool, value: &dyn Fn(&Row) -> Option<f64>| {
        let cell = |model: &String, device: &String| {
            let row = rows.iter().find(|row| row.model == *model && row.device == *device)?;
            Some(Cell { value: value(row)?, group: None })
        };
        let chart = HeatMap {
            title: quantity.to_owned(),
            quantity: quantity.to_owned(),
            rows: models.clone(),
            columns: devices.clone(),
            cells: models.iter().map(|model| devices.iter().map(|device| cell(model, device)).collect()).collect(),
            logarithmic,
            width: Width::Single,
        };
        Panel::new(label, Chart::Heat(chart))
    };
    let panels = vec![
        panel("a  operators that the GPU runs", "share of operators, %", false, &|row| Some(100.0 * row.share())),
        panel("b  work that the GPU runs", "share of multiply-accumulates, %", false, &|row| Some(100.0 * row.mac_share)),
        panel("c  partitions", "times that the GPU is entered", true, &|row| row.partitions),
        panel("d  cost of falling back", "latency over that with full support", true, &Row::cost),
    ];
    Figure::grid("", "Operators that GPUs support, partitions, and the cost of falling back, by model and device.", 2, panels)
}

fn judged(rows: &[Row]) -> (Vec<String>, Vec<Verdict>) {
    let all = rows.len();
    let partly = rows.iter().filter(|row| row.supported < row.operators).count();
    let costs: Vec<f64> = rows.iter().filter(|row| row.supported < row.operators).filter_map(Row::cost).collect();
    let mean = geometric_mean(&costs).unwrap_or(1.0);
    let worst = rows.iter().filter_map(|row| Some((row.cost()?, row))).max_by(|one, other| one.0.total_cmp(&other.0));
    let cheap = rows.iter().filter(|row| row.supported < row.operators && row.mac_share > 0.99).count();
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
    let because = format!("{partly} of {all} pairs of model and GPU fall back somewhere, at {mean:.2} times the latency");
    let support = if partly * 2 >= all { Support::Supported } else { Support::of(partly, all) };
    (findings, vec![Verdict::new("F2", support, because)])
}
