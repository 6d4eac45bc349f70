//! What one more kind of operator in the list of an accelerator would buy.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use runner::{Inputs, Loader, jobs, simulate};
use scenarios::profile::ProcessorKind;
use scenarios::{Profile, Scenario};
use sim::graph::Graph;
use sim::identifiers::OperatorId;
use sim::platform::{Support as Answer, SupportRule};

use super::device::{PHONES, on};
use super::{TIE, npu, signed_percent};
use crate::chart::Cell as HeatCell;
use crate::parts::common::short;
use crate::{
    Chart, Context, Curve, CurvePoint, Figure, HeatMap, Kind, Lines, Loaded, Panel, PartData, StudyError, Support, Table,
    Verdict, Width,
};

/// Phones taken if not all are: two with the list of `TFLite`'s GPU delegate, two with that of MACE.
const DEVICES: [&str; 4] = ["pixel4", "iphonexs", "xiaomi9_sd855", "honor_v30_pro_kirin990"];

/// Kinds that the figure shows.
const SHOWN: usize = 10;

/// Times of one model with some list of operators.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    /// The faster of the two ways of falling back, if the accelerator can be used at all.
    delegate_ms: Option<f64>,
    /// The fastest strategy.
    best_ms: Option<f64>,
    /// Share of the delegate's kernel time that is extrapolated.
    extrapolated: Option<f64>,
}

/// What an operator added to the list does for a model.
#[derive(Clone, Debug, PartialEq)]
struct Gain {
    device: String,
    model: String,
    /// ONNX type; `None` for all that are refused.
    added: Option<String>,
    /// Operators of that type in the model.
    count: usize,
    before: Times,
    after: Times,
}

impl Gain {
    /// Share of the delegate's time that goes.
    fn of_delegate(&self) -> Option<f64> {
        Some(1.0 - self.after.delegate_ms? / self.before.delegate_ms?)
    }

    /// Share of the fastest strategy's time that goes.
    fn of_best(&self) -> Option<f64> {
        Some(1.0 - self.after.best_ms? / self.before.best_ms?)
    }
}

/// Delegate times as operators are added one after the other, each time the one that gains most.
#[derive(Clone, Debug, PartialEq)]
struct Path {
    device: String,
    model: String,
    /// What was added, and the delegate's time then; first nothing.
    steps: Vec<(String, f64)>,
    cpu_ms: Option<f64>,
}

pub(super) fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-support")?;
    let devices: &[&str] = if context.full { &PHONES } else { &DEVICES };
    let scenarios: Vec<Scenario> = devices.iter().map(|device| on(&scenario, device)).collect::<Result<_, _>>()?;
    let loaded = context.load(scenarios)?;
    let mut gains = Vec::new();
    let mut paths = Vec::new();
    for loaded in &loaded {
        let (of_device, of_paths) = what_if(context, &Loader::default(), loaded)?;
        gains.extend(of_device);
        paths.extend(of_paths);
    }
    let mut data = PartData {
        caption: format!(
            "{} models with operators that GPUs refuse, on {} phones: the list of TFLite's GPU delegate or that of MACE, as the profile has it, with one ONNX operator type added \
             at a time. Delegate: the faster of falling back by partitions and by operator. What the GPU would take for operators that it refuses today is \
             extrapolated from operators like them. Without errors of the cost models.",
            scenario.streams.len(),
            devices.len(),
        ),
        tables: vec![table(&gains), path_table(&paths)],
        figures: vec![heat(&gains, devices), path_figure(&paths, devices)],
        ..PartData::default()
    };
    say(&gains, &paths, &mut data);
    npu::add(context, &scenario, &mut data)?;
    Ok(data)
}

/// Operator types that some accelerator refuses, each with how many operators of a model are of it.
fn refused(graph: &Graph, inputs: &Inputs) -> BTreeMap<String, usize> {
    let device = &inputs.device;
    let rank = |operator: OperatorId| {
        let operator = graph.operator(operator);
        let tensors = operator.inputs.iter().flatten().chain(&operator.outputs).map(|&tensor| graph.tensor(tensor));
        tensors.filter(|tensor| tensor.role.is_dynamic()).map(|tensor| tensor.shape.len() as u32).max().unwrap_or(0)
    };
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for operator in graph.operators().iter().filter(|operator| !graph.is_static(operator.id)) {
        let says_no = |worker: &sim::platform::Worker| {
            worker.kind != sim::platform::ProcessorKind::CpuCluster
                && worker.support.check(&operator.op_type, graph.work(operator.id), rank(operator.id)) != Answer::Supported
        };
        if device.workers().iter().any(says_no) {
            *refused.entry(operator.op_type.clone()).or_default() += 1;
        }
    }
    refused
}

/// The profile with operator types added to the lists of its accelerators.
fn with_support(profile: &Profile, types: &[String]) -> Profile {
    let mut profile = profile.clone();
    let is_cpu = |name: &String| profile.processors.iter().any(|it| it.name == *name && it.kind == ProcessorKind::Cpu);
    let accelerators = profile.workers.iter().filter(|worker| !worker.cores.keys().any(is_cpu));
    let lists: Vec<String> = accelerators.filter_map(|worker| worker.support.clone()).collect();
    for (_, rules) in profile.support.iter_mut().filter(|(name, _)| lists.contains(name)) {
        let rule = |op_type: &String| SupportRule {
            op_type: Some(op_type.clone()),
            kind: None,
            maximum_rank: None,
            supported: true,
            reason: String::new(),
        };
        rules.rules.splice(0..0, types.iter().map(rule));
    }
    profile
}

/// Times of some of the models with these types added.
fn times(
    files: &Loader,
    loaded: &Loaded,
    types: &[String],
    models: &[usize],
    strategies: Option<&[String]>,
) -> Result<Vec<Times>, StudyError> {
    let mut scenario = loaded.scenario.clone();
    scenario.streams = models.iter().map(|&model| loaded.scenario.streams[model].clone()).collect();
    if let Some(strategies) = strategies {
        scenario.strategies = strategies.to_vec();
    }
    let mut profile = loaded.inputs.profile.as_ref().clone();
    profile.value = with_support(&profile.value, types);
    let inputs = files.inputs_on(&scenario, &Arc::new(profile))?;
    let one = |job: &runner::Job| {
        let report = simulate(job, &scenario, &inputs, scenario.seed).ok()?.report;
        Some((crate::median_ms(&report)?, report.totals.extrapolated_share))
    };
    let all: Vec<Option<(f64, Option<f64>)>> = jobs(&scenario, &inputs).iter().map(one).collect();
    let of_model = |runs: &[Option<(f64, Option<f64>)>]| {
        let named = |delegate: bool| {
            let of = scenario
                .strategies
                .iter()
                .zip(runs)
                .filter(move |(name, _)| !delegate || name.starts_with("gpu") || name.starts_with("npu"));
            of.filter_map(|(_, run)| *run).min_by(|one, other| one.0.total_cmp(&other.0))
        };
        let delegate = named(true);
        Times {
            delegate_ms: delegate.map(|(ms, _)| ms),
            best_ms: named(false).map(|(ms, _)| ms),
            extrapolated: delegate.and_then(|(_, share)| share),
        }
    };
    Ok(all.chunks(scenario.strategies.len()).map(of_model).collect())
}

fn what_if(context: &Context<'_>, files: &Loader, loaded: &Loaded) -> Result<(Vec<Gain>, Vec<Path>), StudyError> {
    let models: Vec<usize> = (0..loaded.inputs.models.len()).collect();
    let refused: Vec<BTreeMap<String, usize>> =
        loaded.inputs.models.iter().map(|model| refused(&model.graph, &loaded.inputs)).collect();
    let before = times(files, loaded, &[], &models, None)?;
    let mut types: Vec<Option<String>> = refused.iter().flat_map(|of_model| of_model.keys().cloned()).map(Some).collect();
    types.sort_unstable();
    types.dedup();
    types.push(None);
    context.begin(types.len() + models.len());
    let one = |added: &Option<String>| {
        context.check()?;
        let concerned =
            |model: &usize| added.as_ref().map_or(!refused[*model].is_empty(), |added| refused[*model].contains_key(added));
        let models: Vec<usize> = models.iter().copied().filter(concerned).collect();
        let mut all = Vec::new();
        if !models.is_empty() {
            let mut list: Vec<String> = added.iter().cloned().collect();
            if added.is_none() {
                list = types.iter().flatten().cloned().collect();
            }
            for (&model, after) in models.iter().zip(times(files, loaded, &list, &models, None)?) {
                let of = &refused[model];
                all.push(Gain {
                    device: loaded.inputs.device.name().to_owned(),
                    model: loaded.inputs.models[model].name.clone(),
                    count: added.as_ref().map_or_else(|| of.values().sum(), |added| of[added]),
                    added: added.clone(),
                    before: before[model],
                    after,
                });
            }
        }
        context.advance();
        Ok(all)
    };
    let gains: Vec<Result<Vec<Gain>, StudyError>> = types.par_iter().map(one).collect();
    let gains: Vec<Gain> = gains.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let path = |&model: &usize| {
        let path = greedy(context, files, loaded, model, &refused[model])?;
        context.advance();
        Ok(path)
    };
    let paths: Vec<Result<Option<Path>, StudyError>> = models.par_iter().map(path).collect();
    let paths: Vec<Option<Path>> = paths.into_iter().collect::<Result<_, _>>()?;
    Ok((gains, paths.into_iter().flatten().collect()))
}

/// Adds one operator type after the other, each time the one after which the delegate is fastest.
fn greedy(
    context: &Context<'_>,
    files: &Loader,
    loaded: &Loaded,
    model: usize,
    refused: &BTreeMap<String, usize>,
) -> Result<Option<Path>, StudyError> {
    let delegates: Vec<String> =
        loaded.scenario.strategies.iter().filter(|name| name.starts_with("gpu") || name.starts_with("npu")).cloned().collect();
    let time = |types: &[String]| {
        Ok::<_, StudyError>(times(files, loaded, types, &[model], Some(&delegates))?.first().and_then(|times| times.delegate_ms))
    };
    let mut list: Vec<String> = Vec::new();
    let Some(base_ms) = time(&list)? else { return Ok(None) };
    let mut steps = vec![(String::new(), base_ms)];
    let mut left: Vec<String> = refused.keys().cloned().collect();
    while !left.is_empty() {
        context.check()?;
        let mut best: Option<(f64, usize)> = None;
        for (index, op_type) in left.iter().enumerate() {
            let tried: Vec<String> = list.iter().cloned().chain([op_type.clone()]).collect();
            if let Some(ms) = time(&tried)?
                && best.is_none_or(|(least, _)| ms < least)
            {
                best = Some((ms, index));
            }
        }
        let Some((ms, index)) = best else { break };
        let added = left.remove(index);
        steps.push((added.clone(), ms));
        list.push(added);
    }
    let cpu = times(files, loaded, &[], &[model], Some(&["cpu".to_owned()]))?;
    let (device, model) = (loaded.inputs.device.name().to_owned(), loaded.inputs.models[model].name.clone());
    Ok(Some(Path { device, model, steps, cpu_ms: cpu.first().and_then(|times| times.best_ms) }))
}

fn table(gains: &[Gain]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("added", "", Kind::Text),
        ("operators", "", Kind::Count),
        ("delegate_before", "ms", Kind::Number),
        ("delegate_after", "ms", Kind::Number),
        ("delegate_saved", "%", Kind::Number),
        ("best_before", "ms", Kind::Number),
        ("best_after", "ms", Kind::Number),
        ("best_saved", "%", Kind::Number),
        ("extrapolated", "", Kind::Number),
    ];
    let mut table = Table::new(
        "",
        "Times before and after one operator type is added to the list of the accelerator; `all` for all that are refused.",
        &columns,
    );
    for gain in gains {
        table.push([
            (&gain.device).into(),
            (&gain.model).into(),
            gain.added.as_deref().unwrap_or("all").into(),
            gain.count.into(),
            gain.before.delegate_ms.into(),
            gain.after.delegate_ms.into(),
            gain.of_delegate().map(|share| share * 100.0).into(),
            gain.before.best_ms.into(),
            gain.after.best_ms.into(),
            gain.of_best().map(|share| share * 100.0).into(),
            gain.after.extrapolated.into(),
        ]);
    }
    table
}

fn path_table(paths: &[Path]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("step", "", Kind::Count),
        ("added", "", Kind::Text),
        ("delegate", "ms", Kind::Number),
        ("cpu", "ms", Kind::Number),
    ];
    let mut table = Table::new(
        "order",
        "Operator types added one after the other, each time the one after which the delegate is fastest.",
        &columns,
    );
    for path in paths {
        for (step, (added, ms)) in path.steps.iter().enumerate() {
            let added = if step == 0 { "–" } else { added };
            table.push([
                (&path.device).into(),
                (&path.model).into(),
                step.into(),
                added.into(),
                (*ms).into(),
                path.cpu_ms.into(),
            ]);
        }
    }
    table
}

/// Types by what they save of the delegate's time where they save something, summed over models and devices; the best first.
fn ranked(gains: &[Gain]) -> Vec<(String, f64, usize)> {
    let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for gain in gains {
        if let (Some(added), Some(saved)) = (&gain.added, gain.of_delegate()) {
            let (sum, count) = sums.entry(added).or_default();
            *sum += saved.max(0.0);
            *count += 1;
        }
    }
    let mut ranked: Vec<(String, f64, usize)> =
        sums.into_iter().map(|(name, (sum, count))| (name.to_owned(), sum, count)).collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    ranked
}

fn models(gains: &[Gain]) -> Vec<String> {
    let mut models: Vec<String> = Vec::new();
    for gain in gains.iter().filter(|gain| gain.added.is_none() && !models.contains(&gain.model)).collect::<Vec<_>>() {
        if !models.contains(&gain.model) {
            models.push(gain.model.clone());
        }
    }
    models
}

fn heat(gains: &[Gain], devices: &[&str]) -> Figure {
    let models = models(gains);
    let panel = |(number, device): (usize, &&str)| {
        let of: Vec<Gain> = gains.iter().filter(|gain| gain.device == *device).cloned().collect();
        let mut rows: Vec<Option<String>> = ranked(&of).into_iter().take(SHOWN).map(|(name, ..)| Some(name)).collect();
        rows.push(None);
        let cell = |added: &Option<String>, model: &String| {
            let gain = of.iter().find(|gain| gain.added == *added && gain.model == *model)?;
            // The map is for gains: what gets slower is in the table.
            Some(HeatCell { value: (gain.of_delegate()? * 1000.0).round().max(0.0) / 10.0, group: None })
        };
        let chart = HeatMap {
            title: format!("What one more operator saves on {device}"),
            quantity: "time of the delegate saved, % (0: none, or it takes longer)".to_owned(),
            cells: rows.iter().map(|added| models.iter().map(|model| cell(added, model)).collect()).collect(),
            rows: rows.iter().map(|added| added.clone().unwrap_or_else(|| "all refused".to_owned())).collect(),
            columns: models.clone(),
            logarithmic: false,
            width: Width::Single,
        };
        let letter = char::from(b'a' + number as u8);
        Panel::new(format!("{letter}  {}", short(device)), Chart::Heat(chart))
    };
    let caption = "Share of the delegate's time that goes if one more operator type ran on the GPU, those that save most first, and if all did. A dash: the model has \
                   none that is refused; 0: nothing gained, or slower.";
    Figure::grid("", caption, 2, devices.iter().enumerate().map(panel).collect())
}

fn path_figure(paths: &[Path], devices: &[&str]) -> Figure {
    let panel = |(number, device): (usize, &&str)| {
        let curve = |path: &Path| {
            let base = path.steps.first().map_or(1.0, |(_, ms)| *ms);
            let point =
                |(step, (_, ms)): (usize, &(String, f64))| CurvePoint { x: step as f64, y: ms / base * 100.0, interval: None };
            Curve { name: path.model.clone(), points: path.steps.iter().enumerate().map(point).collect(), steps: false }
        };
        let chart = Lines {
            title: format!("Delegate's time as operators are added on {device}"),
            across: "operator types added".to_owned(),
            quantity: "time of the delegate, %".to_owned(),
            curves: paths.iter().filter(|path| path.device == *device).map(curve).collect(),
            logarithmic: false,
            logarithmic_across: false,
            from_zero: true,
            width: Width::Single,
        };
        let letter = char::from(b'a' + number as u8);
        Panel::new(format!("{letter}  {}", short(device)), Chart::Lines(chart))
    };
    let caption = "Time of the delegate as operator types are added, each time the one that helps most, as a share of that with today's list.";
    Figure::grid("order", caption, 2, devices.iter().enumerate().map(panel).collect())
}

fn say(gains: &[Gain], paths: &[Path], data: &mut PartData) {
    let ranked = ranked(gains);
    let most = |name: &str| {
        let of = gains.iter().filter(|gain| gain.added.as_deref() == Some(name));
        of.filter_map(|gain| Some((gain.of_delegate()?, gain))).max_by(|one, other| one.0.total_cmp(&other.0))
    };
    let told: Vec<String> = ranked
        .iter()
        .take(3)
        .filter_map(|(name, ..)| {
            let (saved, gain) = most(name)?;
            Some(format!("`{name}` ({} at most: {}, {})", signed_percent(-saved), gain.model, gain.device))
        })
        .collect();
    data.findings.push(format!("Single types that save most of the delegate's time: {}.", told.join(", ")));
    let singles: Vec<f64> = gains.iter().filter(|gain| gain.added.is_some()).filter_map(Gain::of_delegate).collect();
    let none = singles.iter().filter(|saved| saved.abs() <= TIE).count();
    let slower = singles.iter().filter(|saved| **saved < -TIE).count();
    data.findings.push(format!(
        "One type alone often buys nothing: {none} of {} additions change the delegate's time by 2 % or less, {slower} \
         make it slower by more.",
        singles.len()
    ));
    let mut saved: Vec<(f64, f64, &Gain)> = gains
        .iter()
        .filter(|gain| gain.added.is_none())
        .filter_map(|gain| Some((gain.of_delegate()?, gain.of_best()?, gain)))
        .collect();
    saved.sort_by(|one, other| other.0.total_cmp(&one.0));
    if let (Some((most, best, gain)), Some((least, _, last))) = (saved.first(), saved.last()) {
        data.findings.push(format!(
            "Everything supported, the delegate takes {} ({}, {}) to {} ({}, {}) less or more; the fastest strategy, which avoids the GPU where it has to, {} in the first of these.",
            signed_percent(-most),
            gain.model,
            gain.device,
            signed_percent(-least),
            last.model,
            last.device,
            signed_percent(-best),
        ));
    }
    let behind: Vec<&Path> = paths
        .iter()
        .filter(|path| path.cpu_ms.zip(path.steps.first()).is_some_and(|(cpu, (_, first))| *first > cpu * (1.0 + TIE)))
        .collect();
    let overtakes = behind.iter().filter_map(|path| {
        let cpu_ms = path.cpu_ms?;
        path.steps.iter().position(|(_, ms)| *ms < cpu_ms * (1.0 - TIE))
    });
    let overtakes: Vec<usize> = overtakes.collect();
    let told = if overtakes.is_empty() {
        "never".to_owned()
    } else {
        format!("after {} to {} types", overtakes.iter().min().unwrap_or(&0), overtakes.iter().max().unwrap_or(&0))
    };
    data.findings.push(format!(
        "In {} of {} cases the delegate is slower than the CPU alone with today's list; adding what helps most, it overtakes the CPU in {} of them, {told}.",
        behind.len(),
        paths.len(),
        overtakes.len(),
    ));
    let ratio =
        format!("falling back leaves the delegate slower than the CPU alone in {} of {} cases", behind.len(), paths.len());
    data.verdicts.push(Verdict::new("H2", Support::of(behind.len(), paths.len()), ratio));
}

#[cfg(test)]
mod tests {
    use runner::Unwatched;
    use scenarios::Reference;

    use super::*;

    fn loaded() -> Vec<Loaded> {
        let mut scenario = Scenario::open(&Reference::BuiltIn("study-support".to_owned())).expect("of the library").value;
        scenario.streams.truncate(2);
        let context = Context::new(false, &Unwatched);
        context.load(vec![scenario.clone(), on(&scenario, "xiaomi9_sd855").expect("moved")]).expect("loads")
    }

    #[test]
    fn what_is_added_is_no_longer_refused_and_nothing_else_changes() {
        for loaded in loaded() {
            let profile = &loaded.inputs.profile.value;
            assert_eq!(&with_support(profile, &[]), profile);
            for model in 0..loaded.inputs.models.len() {
                let before = refused(&loaded.inputs.models[model].graph, &loaded.inputs);
                for added in before.keys() {
                    let mut document = loaded.inputs.profile.as_ref().clone();
                    document.value = with_support(profile, std::slice::from_ref(added));
                    let inputs = Loader::default().inputs_on(&loaded.scenario, &Arc::new(document)).expect("loads");
                    let mut expected = before.clone();
                    expected.remove(added);
                    assert_eq!(refused(&inputs.models[model].graph, &inputs), expected, "{added}");
                }
            }
        }
    }

    #[test]
    fn the_last_step_supports_everything() {
        let context = Context::new(false, &Unwatched);
        let loaded = &loaded()[0];
        let refused = refused(&loaded.inputs.models[0].graph, &loaded.inputs);
        let path = greedy(&context, &Loader::default(), loaded, 0, &refused).expect("runs").expect("the delegate has a plan");
        let all: Vec<String> = refused.keys().cloned().collect();
        let everything = times(&Loader::default(), loaded, &all, &[0], None).expect("runs")[0];
        assert_eq!(path.steps.last().map(|(_, ms)| *ms), everything.delegate_ms);
        assert_eq!(path.steps.len(), refused.len() + 1);
    }
}
