//! What each kind of operator is worth to an NPU that runs nearly all of them: models if it refused one.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use runner::{Loader, jobs, simulate};
use scenarios::{Profile, Scenario};
use sim::platform::SupportRule;

use super::device::on;
use crate::chart::Cell as HeatCell;
use crate::{Chart, Context, Figure, HeatMap, Kind, PartData, StudyError, Table, Width};

/// A phone whose NPU is fitted to whole models that ran on it alone.
const DEVICE: &str = "galaxy-s24-sd8gen3";

const STRATEGIES: [&str; 3] = ["npu", "npu[fallback=operator]", "cpu"];

/// Kinds that the figure shows.
const SHOWN: usize = 12;

/// A model on the NPU, with all operators it supports and without those of one type.
#[derive(Clone, Debug, PartialEq)]
struct Loss {
    model: String,
    refused: String,
    /// Operators of the type in the model.
    count: usize,
    before_ms: f64,
    after_ms: f64,
    cpu_ms: Option<f64>,
}

impl Loss {
    fn slower(&self) -> f64 {
        self.after_ms / self.before_ms
    }
}

/// The profile with a type refused by whatever has a list.
fn without(profile: &Profile, op_type: &str) -> Profile {
    let mut profile = profile.clone();
    for rules in profile.support.values_mut() {
        let rule = SupportRule {
            op_type: Some(op_type.to_owned()),
            kind: None,
            maximum_rank: None,
            supported: false,
            reason: "what if it were refused".to_owned(),
        };
        rules.rules.insert(0, rule);
    }
    profile
}

/// Milliseconds on the NPU, by the faster way of falling back, and on the CPU alone, where there is a plan.
type Times = (Option<f64>, Option<f64>);

/// Times of every model.
fn times(files: &Loader, scenario: &Scenario, refused: Option<&str>) -> Result<Vec<Times>, StudyError> {
    let profile = files.profile(&scenario.device)?;
    let profile = refused.map_or_else(
        || Arc::clone(&profile),
        |op_type| {
            let mut changed = profile.as_ref().clone();
            changed.value = without(&changed.value, op_type);
            Arc::new(changed)
        },
    );
    let inputs = files.inputs_on(scenario, &profile)?;
    let one = |job: &runner::Job| {
        let report = simulate(job, scenario, &inputs, scenario.seed).ok()?.report;
        crate::median_ms(&report)
    };
    let all: Vec<Option<f64>> = jobs(scenario, &inputs).iter().map(one).collect();
    let of_model = |all: &[Option<f64>]| (all[..2].iter().flatten().copied().min_by(f64::total_cmp), all[2]);
    Ok(all.chunks(STRATEGIES.len()).map(of_model).collect())
}

/// Adds table, figure and finding.
pub(super) fn add(context: &Context<'_>, scenario: &Scenario, data: &mut PartData) -> Result<(), StudyError> {
    let mut scenario = on(scenario, DEVICE)?;
    scenario.strategies = STRATEGIES.map(str::to_owned).to_vec();
    let loaded = context.load(vec![scenario.clone()])?;
    let files = Loader::default();
    let before = times(&files, &scenario, None)?;
    let counts: Vec<BTreeMap<String, usize>> = loaded[0].inputs.models.iter().map(|model| counted(&model.graph)).collect();
    let mut types: Vec<&String> = counts.iter().flat_map(BTreeMap::keys).collect();
    types.sort_unstable();
    types.dedup();
    context.begin(types.len());
    let one = |op_type: &&String| {
        context.check()?;
        let mut few = scenario.clone();
        let concerned: Vec<usize> = (0..counts.len()).filter(|&model| counts[model].contains_key(*op_type)).collect();
        few.streams = concerned.iter().map(|&model| scenario.streams[model].clone()).collect();
        let after = times(&files, &few, Some(op_type))?;
        context.advance();
        let loss = |(&model, (after_ms, _)): (&usize, Times)| {
            Some(Loss {
                model: loaded[0].inputs.models[model].name.clone(),
                refused: (*op_type).clone(),
                count: counts[model][*op_type],
                before_ms: before[model].0?,
                after_ms: after_ms?,
                cpu_ms: before[model].1,
            })
        };
        Ok(concerned.iter().zip(after).filter_map(loss).collect())
    };
    let losses: Vec<Result<Vec<Loss>, StudyError>> = types.par_iter().map(one).collect();
    let losses: Vec<Loss> = losses.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    if !losses.is_empty() {
        data.tables.push(table(&losses));
        data.figures.push(figure(&losses, &scenario));
        say(&losses, data);
    }
    Ok(())
}

/// How many operators of each type run in every request.
fn counted(graph: &sim::graph::Graph) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for operator in graph.operators().iter().filter(|operator| !graph.is_static(operator.id)) {
        *counts.entry(operator.op_type.clone()).or_default() += 1;
    }
    counts
}

fn table(losses: &[Loss]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("refused", "", Kind::Text),
        ("operators", "", Kind::Count),
        ("before", "ms", Kind::Number),
        ("after", "ms", Kind::Number),
        ("slower", "", Kind::Number),
        ("cpu", "ms", Kind::Number),
    ];
    let mut table =
        Table::new("npu", "Models on an NPU before and after it refuses one operator type, and on the CPU alone.", &columns);
    for loss in losses {
        table.push([
            DEVICE.into(),
            (&loss.model).into(),
            (&loss.refused).into(),
            loss.count.into(),
            loss.before_ms.into(),
            loss.after_ms.into(),
            loss.slower().into(),
            loss.cpu_ms.into(),
        ]);
    }
    table
}

fn figure(losses: &[Loss], scenario: &Scenario) -> Figure {
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for loss in losses {
        let most = worst.entry(&loss.refused).or_insert(1.0);
        *most = most.max(loss.slower());
    }
    let mut ranked: Vec<(&str, f64)> = worst.into_iter().collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(other.0)));
    let rows: Vec<String> = ranked.into_iter().take(SHOWN).map(|(name, _)| name.to_owned()).collect();
    let columns: Vec<String> = scenario.streams.iter().map(|stream| stream.model.to_string()).collect();
    let cell = |refused: &String, model: &String| {
        let loss = losses.iter().find(|loss| loss.refused == *refused && loss.model == *model)?;
        Some(HeatCell { value: (loss.slower() * 100.0).round() / 100.0, group: None })
    };
    let chart = HeatMap {
        title: format!("What an NPU loses with each operator: {DEVICE}"),
        quantity: "times as long if the NPU refused it".to_owned(),
        cells: rows.iter().map(|refused| columns.iter().map(|model| cell(refused, model)).collect()).collect(),
        rows,
        columns,
        logarithmic: true,
        width: Width::Single,
    };
    let caption = format!(
        "How many times as long models take on the NPU of `{DEVICE}` if it refused one operator type, those that cost most first: what supporting it is worth. What is refused runs on \
         ONNX Runtime's CPU; in 16 bits only the price of its products was fitted to such runs, that of other kernels is assumed."
    );
    Figure::of("npu", caption, Chart::Heat(chart))
}

fn say(losses: &[Loss], data: &mut PartData) {
    let Some(most) = losses.iter().max_by(|one, other| one.slower().total_cmp(&other.slower())) else { return };
    let behind = losses.iter().filter(|loss| loss.cpu_ms.is_some_and(|cpu_ms| loss.after_ms > cpu_ms)).count();
    data.findings.push(format!(
        "An NPU that refuses one type: `{}` makes {} take {:.1} times as long on `{DEVICE}` ({} operators); in {behind} of {} cases one refused type makes the NPU slower than \
         the CPU alone.",
        most.refused,
        most.model,
        most.slower(),
        most.count,
        losses.len(),
    ));
}
