//! Predictions beside a table of measured models.

use std::collections::{BTreeMap, BTreeSet};

use hwcal::usc::Campaign;
use scenarios::onnx::ReadOptions;
use scenarios::{Reference, model};
use serde::Serialize;

use crate::models::measured::{JudgeError, MeasuredModel};
use crate::models::operators::OperatorLists;
use crate::models::prediction::{ModelPrediction, Predictor, cores_of, worker_of};
use crate::section::{Comparison, Pair, Section, Table};
use crate::summary::Summary;

/// Ratios of measured to predicted beyond this are of another unit.
const ANOTHER_UNIT: f64 = 200.0;
/// Names of a refusal that are listed.
const NAMES_SHOWN: usize = 8;

/// Errors on one processor and core set; shares and errors in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// `cpu` or `gpu`.
    pub processor: String,
    /// Core set, such as `1large1med`; `gpu` for the GPU.
    pub cores: String,
    /// Models judged.
    pub n: usize,
    /// Of them, models that the profile was fitted to.
    pub fitted_on: usize,
    /// Mean absolute percentage error.
    pub mape: f64,
    /// Its 95 % bootstrap interval.
    pub mape_interval: [f64; 2],
    /// Share within 10 %.
    pub within_10: f64,
    /// Median absolute percentage error.
    pub median: f64,
    /// 90th percentile.
    pub p90: f64,
    /// Median signed error: above 0 where predictions are too high.
    pub bias: f64,
    /// Share of measurements inside of the predicted intervals; none where the profile gives no interval.
    pub coverage: Option<f64>,
    /// Mean absolute percentage error of a plain baseline on the same campaign: models left out at random, families left out.
    pub baseline: Option<[f64; 2]>,
}

/// Rows that were not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Why.
    pub reason: String,
    /// How many.
    pub rows: usize,
    /// Some of the models.
    pub models: Vec<String>,
}

/// What a table says of a profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The device.
    pub device: String,
    /// Errors, in the order of the profile's workers.
    pub groups: Vec<Group>,
    /// Rows left aside.
    pub refused: Vec<Refused>,
    /// Predicted and measured of every judged row.
    #[serde(skip)]
    pub pairs: Vec<Pair>,
}

/// Rows of one worker.
#[derive(Default)]
struct Rows {
    predicted: Vec<f64>,
    measured: Vec<f64>,
    fitted_on: usize,
    inside: Option<usize>,
}

/// Judges a table. `fitted_on` names the models that the profile was fitted to, `campaign` the baseline.
///
/// # Errors
/// If a latency is of another unit, or no row can be judged.
pub fn judge(
    file: &str,
    rows: &[MeasuredModel],
    predictor: &Predictor,
    operators: &OperatorLists,
    fitted_on: &BTreeSet<String>,
    campaign: Option<&Campaign>,
) -> Result<Judgement, JudgeError> {
    let profile = predictor.profile();
    let mut by_worker: BTreeMap<usize, Rows> = BTreeMap::new();
    let mut refused: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    let mut pairs = Vec::new();
    for row in rows {
        let (worker, known) = match place(row, predictor, operators) {
            Ok(found) => found,
            Err(reason) => {
                let (count, models) = refused.entry(reason).or_default();
                *count += 1;
                models.insert(row.model.clone());
                continue;
            }
        };
        let prediction = match known {
            Known::List(list) => predictor.list(worker, list),
            Known::Graph(prediction) => *prediction,
        };
        check_unit(file, row, prediction.latency_ms)?;
        let of = by_worker.entry(worker).or_default();
        of.predicted.push(prediction.latency_ms);
        of.measured.push(row.mean_ms);
        of.fitted_on += usize::from(fitted_on.contains(&row.model));
        if let (Some(low), Some(high)) = (prediction.low_ms, prediction.high_ms) {
            *of.inside.get_or_insert(0) += usize::from((low..=high).contains(&row.mean_ms));
        }
        pairs.push(Pair {
            label: row.model.clone(),
            group: cores_of(&prediction.worker),
            predicted: prediction.latency_ms,
            measured: row.mean_ms,
        });
    }
    let refused: Vec<Refused> = refused
        .into_iter()
        .map(|(reason, (rows, models))| Refused { reason, rows, models: models.into_iter().take(NAMES_SHOWN).collect() })
        .collect();
    if by_worker.is_empty() {
        let why: Vec<String> = refused.iter().map(|it| format!("{} rows: {}", it.rows, it.reason)).collect();
        return Err(JudgeError::Nothing { file: file.to_owned(), device: profile.name.clone(), why: why.join("; ") });
    }
    let group = |(worker, rows): (usize, Rows)| group(&profile.workers[worker].name, &rows, campaign);
    let groups = by_worker.into_iter().map(group).collect::<Result<_, _>>()?;
    Ok(Judgement { device: profile.name.clone(), groups, refused, pairs })
}

/// What is known of a model.
enum Known<'a> {
    /// Its operators.
    List(&'a [sim::graph::OperatorWork]),
    /// It is of the zoo, and this is predicted of its graph.
    Graph(Box<ModelPrediction>),
}

/// The worker and what is known of a row's model, or why it cannot be judged.
fn place<'a>(row: &MeasuredModel, predictor: &Predictor, operators: &'a OperatorLists) -> Result<(usize, Known<'a>), String> {
    let profile = predictor.profile();
    if row.device != profile.name {
        return Err(format!("device `{}`", row.device));
    }
    let Some(worker) = worker_of(profile, &row.processor, &row.cores) else {
        return Err(format!("`{}` has no worker of processor `{}`, cores `{}`", profile.name, row.processor, row.cores));
    };
    let dtype = if profile.costs[&profile.workers[worker].name].element_bytes() == 1 { "quant" } else { "float" };
    if row.dtype != dtype {
        return Err(format!("dtype `{}`: the profile is of `{dtype}`", row.dtype));
    }
    if let Some(kernels) = &profile.workers[worker].kernels
        && !kernels.to_lowercase().contains(&row.framework.to_lowercase())
    {
        return Err(format!("framework `{}`: the profile is of {kernels}", row.framework));
    }
    let list = operators.get(&row.model).filter(|list| !list.is_empty()).map(|list| Known::List(list.as_slice()));
    // Lists are those of other frameworks; NPUs are fitted to whole graphs.
    let is_listed_first = row.processor != "npu";
    let list = match list {
        Some(list) if is_listed_first => return Ok((worker, list)),
        other => other,
    };
    let loaded = match (model::load(&Reference::BuiltIn(row.model.clone()), &ReadOptions::default()), list) {
        (Ok(loaded), _) => loaded,
        (Err(_), Some(list)) => return Ok((worker, list)),
        (Err(_), None) => return Err("operators of the model not known: give them with `--operators`".to_owned()),
    };
    let prediction = predictor.graph(worker, &loaded.graph);
    let prediction = prediction.map_err(|(operator, reason)| format!("operator `{operator}` of the zoo's model: {reason}"))?;
    Ok((worker, Known::Graph(Box::new(prediction))))
}

fn check_unit(file: &str, row: &MeasuredModel, predicted_ms: f64) -> Result<(), JudgeError> {
    let ratio = row.mean_ms / predicted_ms;
    let guess = if ratio > ANOTHER_UNIT {
        "about 1000 times too much, as if in microseconds"
    } else if ratio < 1.0 / ANOTHER_UNIT {
        "about 1000 times too little, as if in seconds"
    } else {
        return Ok(());
    };
    Err(JudgeError::Unit { file: file.to_owned(), line: row.line, measured_ms: row.mean_ms, predicted_ms, guess })
}

fn group(worker: &str, rows: &Rows, campaign: Option<&Campaign>) -> Result<Group, JudgeError> {
    let failed =
        |error: sim::statistics::StatisticsError| JudgeError::Summary { group: worker.to_owned(), reason: error.to_string() };
    let summary = Summary::of(&rows.predicted, &rows.measured).map_err(failed)?;
    let baseline = campaign.and_then(|campaign| campaign.baseline_models.iter().find(|row| row.0 == worker));
    let tenth = |percent: f64| libm::round(percent * 100.0) / 100.0;
    Ok(Group {
        processor: if worker.starts_with("cpu") { "cpu" } else { worker }.to_owned(),
        cores: cores_of(worker),
        n: summary.count,
        fitted_on: rows.fitted_on,
        mape: tenth(summary.mape_percent),
        mape_interval: [tenth(summary.mape_low_percent), tenth(summary.mape_high_percent)],
        within_10: tenth(summary.within_10_percent),
        median: tenth(summary.median_percent),
        p90: tenth(summary.p90_percent),
        bias: tenth(summary.bias_percent),
        coverage: rows.inside.map(|inside| tenth(100.0 * inside as f64 / summary.count as f64)),
        baseline: baseline.map(|&(_, random, family)| [random, family]),
    })
}

impl Judgement {
    /// The judgement as a part of the validation.
    pub fn section(&self, file: &str) -> Section {
        let header = [
            "processor",
            "cores",
            "models",
            "fitted on",
            "MAPE %",
            "95 % interval",
            "median %",
            "p90 %",
            "within 10 %",
            "bias %",
            "held %",
        ];
        let row = |it: &Group| {
            vec![
                it.processor.clone(),
                it.cores.clone(),
                it.n.to_string(),
                it.fitted_on.to_string(),
                format!("{:.2}", it.mape),
                format!("{:.2} to {:.2}", it.mape_interval[0], it.mape_interval[1]),
                format!("{:.2}", it.median),
                format!("{:.2}", it.p90),
                format!("{:.0}", it.within_10),
                format!("{:+.2}", it.bias),
                it.coverage.map_or_else(String::new, |share| format!("{share:.0}")),
            ]
        };
        let table = Table {
            caption: format!(
                "Errors of the profile `{}` on {file}; `held`: share of measurements in the predicted 90 % intervals.",
                self.device
            ),
            header: header.map(str::to_owned).to_vec(),
            rows: self.groups.iter().map(row).collect(),
        };
        let refused =
            self.refused.iter().map(|it| format!("Not judged, {} rows: {} ({} ...).", it.rows, it.reason, it.models.join(", ")));
        Section {
            title: format!("Models on {}", self.device),
            text: refused.collect(),
            tables: vec![table],
            comparisons: vec![Comparison {
                name: format!("models-{}", self.device),
                caption: format!("Whole models on {}, {file}.", self.device),
                unit: "ms".to_owned(),
                pairs: self.pairs.clone(),
            }],
            findings: Vec::new(),
        }
    }
}
