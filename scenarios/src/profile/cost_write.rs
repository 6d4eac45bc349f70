//! From cost models to the raw section that spells them.

use sim::cost::{ClassModel, CostModels, Dimension, FitRange, Forest, Provenance, Residuals, ShapeTable, TreeNode};

use crate::profile::cost::{RawClass, RawClassName, RawClassProvenance, RawCoefficient, RawCosts, RawRange, RawResiduals};
use crate::text::At;

/// The raw section of one worker.
pub(super) fn raw(models: &CostModels) -> RawCosts {
    RawCosts {
        element_bytes: Some(At::from(models.element_bytes())),
        scale: Some(At::from(models.scale())),
        otherwise: None,
        class: Some(models.classes().iter().map(|model| At::from(class(model))).collect()),
    }
}

fn class(model: &ClassModel) -> RawClass {
    let coefficients = model
        .coefficients
        .iter()
        .map(|(feature, coefficient)| (At::from(feature.name().to_owned()), At::from(RawCoefficient(*coefficient))));
    RawClass {
        name: Some(At::from(RawClassName(model.class.name().to_owned()))),
        provenance: Some(model.provenance.into()),
        minimum_ns: above_zero(model.minimum_ns),
        tree_limit: above_zero(model.forest_limit),
        coefficients: Some(coefficients.collect()),
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
