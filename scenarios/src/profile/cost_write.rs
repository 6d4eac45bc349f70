//! From cost models to the raw section that spells them.

use std::collections::BTreeMap;

use sim::cost::{
    ClassModel, CostModels, Dimension, Feature, FitRange, Forest, Overhead, Provenance, Residuals, ShapeTable, TreeNode,
};

use crate::profile::cost::{
    RawClass, RawClassName, RawClassProvenance, RawCoefficient, RawCosts, RawFused, RawOverhead, RawRange, RawResiduals,
};
use crate::text::At;

/// The raw section of one worker.
pub(super) fn raw(models: &CostModels) -> RawCosts {
    RawCosts {
        element_bytes: Some(At::from(models.element_bytes())),
        scale: Some(At::from(models.scale())),
        alone_ns: above_zero(models.alone_ns()),
        turn: overhead(models.overheads().turn),
        merge: overhead(models.overheads().merge),
        merges_all: models.overheads().merges_all.then_some(true),
        preparation: overhead(models.overheads().preparation),
        machine_log_deviation: coefficient(models.shared_errors().machine_log_deviation),
        worker_log_deviation: coefficient(models.shared_errors().worker_log_deviation),
        class_log_deviation: coefficient(models.shared_errors().class_log_deviation),
        fused: fused(models),
        otherwise: None,
        class: Some(models.classes().iter().chain(models.operators()).map(|model| At::from(class(model))).collect()),
    }
}

fn overhead(overhead: Overhead) -> Option<RawOverhead> {
    let raw = RawOverhead { fixed_ns: coefficient(overhead.fixed_ns), byte_ns: coefficient(overhead.byte_ns) };
    (!overhead.is_none()).then_some(raw)
}

/// A number, left out where it is 0.
fn coefficient(value: f64) -> Option<RawCoefficient> {
    (value > 0.0).then_some(RawCoefficient(value))
}

fn fused(models: &CostModels) -> Option<BTreeMap<String, RawFused>> {
    let ns = coefficient;
    let costs = models.fused().iter();
    let raw: BTreeMap<_, _> = costs
        .map(|(operator, cost)| (operator.clone(), RawFused { launch_ns: ns(cost.launch_ns), element_ns: ns(cost.element_ns) }))
        .collect();
    if raw.is_empty() { None } else { Some(raw) }
}

fn class(model: &ClassModel) -> RawClass {
    let named = |coefficients: &[(Feature, f64)]| -> BTreeMap<_, _> {
        let name = |feature: Feature| At::from(feature.name().to_owned());
        coefficients.iter().map(|&(feature, value)| (name(feature), At::from(RawCoefficient(value)))).collect()
    };
    RawClass {
        name: Some(At::from(RawClassName(model.class.name().to_owned()))),
        operator: model.operator.clone(),
        provenance: Some(model.provenance.into()),
        minimum_ns: above_zero(model.minimum_ns),
        tree_limit: above_zero(model.forest_limit),
        // A factor of 1 is what its absence means.
        in_segment: ((model.in_segment - 1.0).abs() > 0.0).then(|| At::from(model.in_segment)),
        coefficients: Some(named(&model.coefficients)),
        memory_coefficients: Some(named(&model.memory_coefficients)).filter(|named| !named.is_empty()),
        fit_range: model.range.as_ref().map(|range| At::from(fit_range(range))),
        residuals: if model.residuals == Residuals::default() { None } else { Some(residuals(&model.residuals)) },
        trees: trees(&model.forest),
        shapes: shapes(&model.shapes),
    }
}

fn above_zero(value: f64) -> Option<At<f64>> {
    if value > 0.0 { Some(At::from(value)) } else { None }
}

fn fit_range(range: &FitRange) -> RawRange {
    let bounds = range.minimum.iter().zip(&range.maximum);
    let named = Dimension::ALL.iter().zip(bounds).map(|(dimension, (&least, &most))| {
        let bounds = [least, most].map(|bound| At::from(RawCoefficient(bound)));
        (At::from(dimension.name().to_owned()), At::from(bounds.to_vec()))
    });
    named.collect()
}

fn residuals(residuals: &Residuals) -> RawResiduals {
    RawResiduals {
        samples: Some(residuals.samples),
        seen_log_deviation: Some(residuals.seen_log_deviation),
        new_log_deviation: Some(residuals.new_log_deviation),
        median_error_percent: Some(residuals.median_error_percent),
        p90_error_percent: Some(residuals.p90_error_percent),
    }
}

/// One text for each tree.
fn trees(forest: &Forest) -> Option<Vec<At<String>>> {
    let mut texts = Vec::new();
    let (mut words, mut open) = (Vec::new(), 1_usize);
    for node in forest.nodes() {
        match node {
            TreeNode::Split { feature, threshold } => {
                words.push(format!("{feature}:{threshold}"));
                open += 1;
            }
            TreeNode::Leaf(value) => {
                words.push(value.to_string());
                open -= 1;
            }
        }
        if open == 0 {
            texts.push(At::from(words.join(" ")));
            words.clear();
            open = 1;
        }
    }
    if texts.is_empty() { None } else { Some(texts) }
}

fn shapes(table: &ShapeTable) -> Option<Vec<At<String>>> {
    let row = |(key, duration_ns): &([u32; 7], f64)| {
        let key: Vec<String> = key.iter().map(u32::to_string).collect();
        At::from(format!("{} = {duration_ns}", key.join(" ")))
    };
    if table.rows().is_empty() { None } else { Some(table.rows().iter().map(row).collect()) }
}

impl From<Provenance> for RawClassProvenance {
    fn from(provenance: Provenance) -> Self {
        match provenance {
            Provenance::Measured => Self::Measured,
            Provenance::Fitted => Self::Fitted,
            Provenance::Assumed => Self::Assumed,
        }
    }
}
