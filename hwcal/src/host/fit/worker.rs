//! The cost models of one worker.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use sim::cost::{ClassModel, CostModels, Feature, FusedCost, KernelClass, Provenance, ShapeKey, ShapeTable};

use crate::host::fit::class::{self, Grouped};
use crate::host::fit::family::{self, Family, Observation};
use crate::host::fit::row::Row;
use crate::host::fit::{ClassReport, FitError};
use crate::linear::{RobustFit, fit_relative};
use crate::statistics;
use crate::usc::round::{rounded, significant};

/// Bytes of an element: everything is measured in fp32.
const ELEMENT_BYTES: u32 = 4;
/// Distinct operators for an ONNX type to have a model of its own in a class of several types.
const LEAST_OF_TYPE: usize = 3;
/// Distinct operators with and without a fused type that its cost is read off.
const LEAST_FUSED: usize = 5;
/// Deviation of `ln(measured / predicted)` given to assumed models: a factor of 1.5 either way. No data behind it.
const ASSUMED_LOG_DEVIATION: f64 = 0.4;

/// Which family a class, or one ONNX type of it, was given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) class: KernelClass,
    pub(crate) operator: Option<String>,
    pub(crate) family: Family,
}

/// Models of a worker, without measured shapes and segments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FittedModels {
    pub(crate) models: CostModels,
    pub(crate) choices: Vec<Choice>,
}

/// Fits models of every class; classes without observations are assumed.
pub(crate) fn fit(rows: &[Row], seed: u64) -> Result<FittedModels, FitError> {
    let fused = fused_costs(rows)?;
    let targets: Vec<f64> = rows.iter().map(|row| lead_ns(row, &fused)).collect();
    let mut jobs: Vec<(KernelClass, Option<&str>)> = Vec::new();
    for class in KernelClass::ALL {
        let of_class = || rows.iter().filter(move |row| row.class == class);
        let types: BTreeSet<&str> = of_class().map(|row| row.op_type.as_str()).collect();
        if !types.is_empty() {
            jobs.push((class, None));
        }
        if types.len() > 1 {
            let groups = |op_type: &str| {
                of_class().filter(|row| row.op_type == op_type).map(|row| row.group).collect::<BTreeSet<_>>().len()
            };
            jobs.extend(types.iter().filter(|op_type| groups(op_type) >= LEAST_OF_TYPE).map(|&op_type| (class, Some(op_type))));
        }
    }
    let fitted: Vec<(ClassModel, Choice)> = jobs
        .par_iter()
        .map(|&(class, operator)| {
            let is_own = |row: &Row| row.class == class && operator.is_none_or(|operator| row.op_type == operator);
            let data: Vec<Grouped<'_>> = rows
                .iter()
                .zip(&targets)
                .filter(|(row, _)| is_own(row))
                .map(|(row, &duration_ns)| (row.group, Observation { shape: &row.shape, duration_ns }))
                .collect();
            let (mut model, family) = class::fit(class, &data, seed)?;
            model.operator = operator.map(str::to_owned);
            model.residuals.samples = data.len() as u32;
            Ok((rounded(&model)?, Choice { class, operator: model.operator.clone(), family }))
        })
        .collect::<Result<_, FitError>>()?;
    let (mut models, choices): (Vec<ClassModel>, Vec<Choice>) = fitted.into_iter().unzip();
    models.extend(assumed(rows, &models));
    let models = CostModels::new(ELEMENT_BYTES, 1.0, models)?.with_fused(fused)?;
    Ok(FittedModels { models, choices })
}

/// What is left of a duration for the leading operator.
fn lead_ns(row: &Row, fused: &BTreeMap<String, FusedCost>) -> f64 {
    let joined = row.fused.iter().filter_map(|op_type| fused.get(op_type));
    let joined_ns: f64 = joined.map(|cost| cost.launch_ns + cost.element_ns * row.shape.output_elements).sum();
    (row.duration_ns - joined_ns).max(0.1 * row.duration_ns)
}

/// A fused operator costs nothing unless the data say so.
const FUSED: RobustFit = RobustFit { ridge: 1e-3, ridge_target: 0.0, delta: 0.05, rounds: 10 };

/// What fused operators add for each element: read off each class that was measured both with and without them, the least of the
/// classes, and at most what an operator that only passes over elements takes on its own. A fixed part is not looked for: beside
/// long kernels it drowns, and what a long one says of it would swamp short ones.
fn fused_costs(rows: &[Row]) -> Result<BTreeMap<String, FusedCost>, FitError> {
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for class in KernelClass::ALL {
        let of_class: Vec<&Row> = rows.iter().filter(|row| row.class == class).collect();
        let groups = |wanted: &dyn Fn(&Row) -> bool| {
            of_class.iter().filter(|row| wanted(row)).map(|row| row.group).collect::<BTreeSet<_>>().len()
        };
        let types: BTreeSet<&String> = of_class.iter().flat_map(|row| &row.fused).collect();
        let types: Vec<&String> = types
            .into_iter()
            .filter(|op_type| {
                let with = groups(&|row| row.fused.contains(op_type));
                with >= LEAST_FUSED && groups(&|row| !row.fused.contains(op_type)) >= LEAST_FUSED
            })
            .collect();
        if types.is_empty() {
            continue;
        }
        let base = family::linear_features(class);
        let features: Vec<Vec<f64>> = of_class
            .iter()
            .map(|row| {
                let own = base.iter().map(|feature| feature.value(&row.shape));
                let joined = types.iter().map(|op_type| {
                    let count = row.fused.iter().filter(|fused| fused == op_type).count() as f64;
                    count * row.shape.output_elements
                });
                own.chain(joined).collect()
            })
            .collect();
        let durations: Vec<f64> = of_class.iter().map(|row| row.duration_ns).collect();
        let x = fit_relative(&features, &durations, &vec![1.0; durations.len()], &family::scales(&features, &durations), FUSED)?;
        for (op_type, &element_ns) in types.iter().zip(&x[base.len()..]) {
            let least = found.entry((*op_type).clone()).or_insert(f64::INFINITY);
            *least = least.min(element_ns);
        }
    }
    let passes = rows.iter().filter(|row| !family::multiplies(row.class));
    let rates: Vec<f64> = passes.map(|row| row.duration_ns / row.shape.output_elements).collect();
    let most_ns = if rates.is_empty() { f64::INFINITY } else { statistics::median(&rates) };
    let costs = found.into_iter().map(|(op_type, element_ns)| {
        (op_type, FusedCost { launch_ns: 0.0, element_ns: significant(element_ns.min(most_ns), 4) })
    });
    Ok(costs.filter(|(_, cost)| cost.element_ns > 0.0).collect())
}

/// Models of classes that were not measured: the worker's median rates of multiply-accumulates and of elements.
fn assumed(rows: &[Row], fitted: &[ClassModel]) -> Vec<ClassModel> {
    let rate = |multiplies: bool| {
        let of_kind = rows.iter().filter(|row| family::multiplies(row.class) == multiplies);
        let amount = |row: &Row| if multiplies { row.shape.macs } else { row.shape.input_elements + row.shape.output_elements };
        let rates: Vec<f64> = of_kind.filter(|row| amount(row) > 0.0).map(|row| row.duration_ns / amount(row)).collect();
        (!rates.is_empty()).then(|| statistics::quantile(&rates, 0.25))
    };
    // One multiply-accumulate and one element stand for each other where only one of them was measured.
    let mac_ns = rate(true).or_else(|| rate(false)).unwrap_or(1.0);
    let element_ns = rate(false).or_else(|| rate(true)).unwrap_or(1.0);
    let shortest_ns = rows.iter().map(|row| row.duration_ns).fold(f64::INFINITY, f64::min).min(1e9);
    let is_missing = |class: &KernelClass| !fitted.iter().any(|model| model.class == *class && model.operator.is_none());
    let model = |class: KernelClass| {
        let (feature, ns) =
            if family::multiplies(class) { (Feature::Macs, mac_ns) } else { (Feature::TouchedElements, element_ns) };
        let coefficients = vec![(Feature::Launch, significant(shortest_ns, 4)), (feature, significant(ns, 4))];
        let mut model = ClassModel::linear(class, Provenance::Assumed, coefficients);
        model.residuals.seen_log_deviation = ASSUMED_LOG_DEVIATION;
        model.residuals.new_log_deviation = ASSUMED_LOG_DEVIATION;
        model
    };
    KernelClass::ALL.into_iter().filter(is_missing).map(model).collect()
}

/// Adds the measured shapes and the errors on what the fit did not see.
pub(crate) fn finish(fitted: &FittedModels, rows: &[Row], reports: &[ClassReport]) -> Result<CostModels, FitError> {
    let models = &fitted.models;
    let complete = |model: &ClassModel| -> Result<ClassModel, FitError> {
        let mut model = model.clone();
        if let Some(report) = reports.iter().find(|report| report.class == model.class.name()) {
            model.residuals.seen_log_deviation = significant(report.seen_log_deviation, 4);
            model.residuals.new_log_deviation = significant(report.new_log_deviation, 4);
            model.residuals.median_error_percent = significant(report.accuracy.median_percent, 4);
            model.residuals.p90_error_percent = significant(report.accuracy.p90_percent, 4);
        }
        if has_table(model.class) {
            let own = rows.iter().filter(|row| row.class == model.class && !row.is_slice);
            let mut by_shape: BTreeMap<ShapeKey, Vec<f64>> = BTreeMap::new();
            for row in own.filter(|row| model.operator.as_ref().is_none_or(|operator| row.op_type == *operator)) {
                if let Some(key) = ShapeTable::key(row.class, &row.work, &row.shape) {
                    by_shape.entry(key).or_default().push(lead_ns(row, models.fused()));
                }
            }
            let shapes = by_shape.into_iter().map(|(key, durations)| (key, significant(statistics::median(&durations), 6)));
            model.shapes = ShapeTable::new(model.class, shapes.collect())?;
        }
        Ok(model)
    };
    let classes = models.classes().iter().chain(models.operators()).map(complete).collect::<Result<Vec<_>, _>>()?;
    Ok(CostModels::new(models.element_bytes(), models.scale(), classes)?.with_fused(models.fused().clone())?)
}

/// Classes whose kernels a key of seven dimensions tells apart.
const fn has_table(class: KernelClass) -> bool {
    matches!(
        class,
        KernelClass::Convolution
            | KernelClass::SinglePixelConvolution
            | KernelClass::FullyConnected
            | KernelClass::DepthwiseConvolution
            | KernelClass::GroupedConvolution
            | KernelClass::Pool
            | KernelClass::GlobalPool
    )
}
