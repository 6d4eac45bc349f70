//! From a raw cost-model section to cost models.

use std::collections::BTreeMap;

use sim::cost::{
    ClassModel, CostModels, DIMENSIONS, Dimension, Feature, FitRange, Forest, FusedCost, KernelClass, Overhead, Overheads,
    Provenance, Residuals, ShapeKey, ShapeTable, SharedErrors, TREE_FEATURES, TreeNode,
};

use crate::profile::cost::{RawClass, RawClassProvenance, RawCoefficient, RawCosts, RawOverhead, RawRange, RawResiduals};
use crate::text::{At, Diagnostics};

type RawCoefficients = BTreeMap<At<String>, At<RawCoefficient>>;

/// Validates the cost models of one worker. Absent if anything is wrong with them, which has been reported then.
pub(super) fn costs(worker: &At<String>, raw: &RawCosts, diagnostics: &mut Diagnostics) -> Option<CostModels> {
    let structure_is_right = diagnostics.is_empty();
    let otherwise = raw.otherwise.as_ref().map(|raw| coefficients(&raw.value, diagnostics));
    let listed: Vec<&At<RawClass>> = raw.class.iter().flatten().collect();
    let mut classes: Vec<ClassModel> = Vec::new();
    for at in listed {
        let Some(model) = class(at, diagnostics) else { continue };
        if classes.iter().any(|other| (other.class, &other.operator) == (model.class, &model.operator)) {
            let operator = model.operator.as_ref().map_or_else(String::new, |operator| format!(" for operator `{operator}`"));
            let message = format!("duplicate class `{}`{operator}", model.class.name());
            diagnostics.error(at.span.clone(), message).hint("one model of a class is right");
            continue;
        }
        classes.push(model);
    }
    if let Some(coefficients) = otherwise {
        for class in KernelClass::ALL {
            if !classes.iter().any(|model| model.class == class && model.operator.is_none()) {
                classes.push(ClassModel::linear(class, Provenance::Assumed, coefficients.clone()));
            }
        }
    }
    let scale = raw.scale.as_ref().map_or(1.0, |scale| scale.value);
    let models = CostModels::new(raw.element_bytes.as_ref()?.value, scale, classes)
        .and_then(|models| models.with_alone_ns(raw.alone_ns.as_ref().map_or(0.0, |at| at.value)))
        .and_then(|models| models.with_fused(fused(raw)))
        .and_then(|models| models.with_overheads(overheads(raw)))
        .and_then(|models| models.with_shared_errors(shared_errors(raw)));
    match models {
        Ok(models) => Some(models),
        Err(error) if structure_is_right => {
            let hint = "add an `otherwise` with coefficients for the classes that are not listed";
            diagnostics.error(worker.span.clone(), error.to_string()).hint(hint);
            None
        }
        Err(_) => None,
    }
}

fn number(raw: Option<RawCoefficient>) -> f64 {
    raw.map_or(0.0, |value| value.0)
}

fn overheads(raw: &RawCosts) -> Overheads {
    let of = |raw: Option<RawOverhead>| {
        raw.map_or_else(Overhead::default, |raw| Overhead { fixed_ns: number(raw.fixed_ns), byte_ns: number(raw.byte_ns) })
    };
    Overheads {
        turn: of(raw.turn),
        merge: of(raw.merge),
        merges_all: raw.merges_all.unwrap_or(false),
        preparation: of(raw.preparation),
    }
}

fn shared_errors(raw: &RawCosts) -> SharedErrors {
    SharedErrors {
        machine_log_deviation: number(raw.machine_log_deviation),
        worker_log_deviation: number(raw.worker_log_deviation),
        class_log_deviation: number(raw.class_log_deviation),
    }
}

fn class(at: &At<RawClass>, diagnostics: &mut Diagnostics) -> Option<ClassModel> {
    let raw = &at.value;
    let class = raw.name.as_ref().and_then(|name| KernelClass::from_name(&name.value.0));
    let mut priced = |raw: &Option<RawCoefficients>| raw.as_ref().map(|raw| coefficients(raw, diagnostics));
    let (coefficients, memory_coefficients) = (priced(&raw.coefficients), priced(&raw.memory_coefficients));
    let range = raw.fit_range.as_ref().map(|raw| fit_range(raw, diagnostics));
    let trees: Vec<Option<Vec<TreeNode>>> = raw.trees.iter().flatten().map(|text| tree(text, diagnostics)).collect();
    let rows: Vec<Option<(ShapeKey, f64)>> = raw.shapes.iter().flatten().map(|text| shape(text, diagnostics)).collect();
    let trees: Vec<Vec<TreeNode>> = trees.into_iter().collect::<Option<_>>()?;
    let forest = match Forest::new(trees.concat()) {
        Ok(forest) => forest,
        Err(error) => {
            let hint = "write a split as `feature:threshold`, followed by its lower and its upper branch";
            diagnostics.error(at.span.clone(), error.to_string()).hint(hint);
            return None;
        }
    };
    let class = class?;
    let shapes = match ShapeTable::new(class, rows.into_iter().collect::<Option<_>>()?) {
        Ok(shapes) => shapes,
        Err(error) => {
            diagnostics.error(at.span.clone(), error.to_string());
            return None;
        }
    };
    Some(ClassModel {
        class,
        operator: raw.operator.clone(),
        provenance: raw.provenance?.into(),
        coefficients: coefficients?,
        memory_coefficients: memory_coefficients.unwrap_or_default(),
        minimum_ns: raw.minimum_ns.as_ref().map_or(0.0, |at| at.value),
        forest,
        forest_limit: raw.tree_limit.as_ref().map_or(0.0, |at| at.value),
        shapes,
        range: range.flatten(),
        in_segment: raw.in_segment.as_ref().map_or(1.0, |at| at.value),
        residuals: raw.residuals.as_ref().map_or(Some(Residuals::default()), residuals)?,
    })
}

fn fused(raw: &RawCosts) -> BTreeMap<String, FusedCost> {
    let ns = |coefficient: Option<RawCoefficient>| coefficient.map_or(0.0, |coefficient| coefficient.0);
    let costs = raw.fused.iter().flatten();
    costs
        .map(|(operator, raw)| (operator.clone(), FusedCost { launch_ns: ns(raw.launch_ns), element_ns: ns(raw.element_ns) }))
        .collect()
}

/// Coefficients in the order of the features: sums of floating-point numbers depend on it.
fn coefficients(raw: &RawCoefficients, diagnostics: &mut Diagnostics) -> Vec<(Feature, f64)> {
    let mut known = Vec::new();
    for (name, coefficient) in raw {
        match Feature::from_name(&name.value) {
            Some(feature) => known.push((feature, coefficient.value.0)),
            None => diagnostics.unknown("feature", name, Feature::ALL.iter().map(|feature| feature.name())),
        }
    }
    known.sort_by_key(|&(feature, _)| feature);
    known
}

fn fit_range(raw: &At<RawRange>, diagnostics: &mut Diagnostics) -> Option<FitRange> {
    let mut range = FitRange { minimum: [0.0; DIMENSIONS], maximum: [0.0; DIMENSIONS] };
    let mut found = [false; DIMENSIONS];
    for (name, bounds) in &raw.value {
        let Some(index) = Dimension::ALL.iter().position(|dimension| dimension.name() == name.value) else {
            diagnostics.unknown("dimension", name, Dimension::ALL.iter().map(|dimension| dimension.name()));
            continue;
        };
        found[index] = true;
        match bounds.value.as_slice() {
            [least, most] if 0.0 < least.value.0 && least.value.0 <= most.value.0 => {
                (range.minimum[index], range.maximum[index]) = (least.value.0, most.value.0);
            }
            _ => {
                let error = diagnostics.error(bounds.span.clone(), format!("`{}` is not a range", name.value));
                error.hint("write the smallest and the largest value, e.g. [1.0, 224.0]");
            }
        }
    }
    let missing = Dimension::ALL.iter().zip(found).find(|(_, found)| !found);
    if let Some((dimension, _)) = missing {
        diagnostics
            .error(raw.span.clone(), format!("the fit range lacks `{}`", dimension.name()))
            .hint("all dimensions are needed");
        return None;
    }
    Some(range)
}

/// One tree: `3:1.5 0.1 -0.2` splits feature 3 at 1.5 into two leaves.
fn tree(text: &At<String>, diagnostics: &mut Diagnostics) -> Option<Vec<TreeNode>> {
    let node = |word: &str| match word.split_once(':') {
        None => word.parse().ok().filter(|value: &f64| value.is_finite()).map(TreeNode::Leaf),
        Some((feature, threshold)) => {
            let feature = feature.parse().ok().filter(|&feature| usize::from(feature) < TREE_FEATURES)?;
            let threshold = threshold.parse().ok().filter(|value: &f64| value.is_finite())?;
            Some(TreeNode::Split { feature, threshold })
        }
    };
    let mut nodes = Vec::new();
    for word in text.value.split_whitespace() {
        let Some(node) = node(word) else {
            let message = format!("`{word}` is neither a split nor a leaf");
            let hint = format!("write `feature:threshold` with a feature below {TREE_FEATURES}, or a number");
            diagnostics.error(text.span.clone(), message).hint(hint);
            return None;
        };
        nodes.push(node);
    }
    Some(nodes)
}

/// One measured shape: `112 32 112 64 1 1 32 = 812500`.
fn shape(text: &At<String>, diagnostics: &mut Diagnostics) -> Option<(ShapeKey, f64)> {
    let row = || {
        let (key, duration) = text.value.split_once('=')?;
        let key: Vec<u32> = key.split_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let duration_ns: f64 = duration.trim().parse().ok()?;
        Some((ShapeKey::try_from(key).ok()?, duration_ns)).filter(|_| duration_ns.is_finite() && duration_ns > 0.0)
    };
    let row = row();
    if row.is_none() {
        let message = format!("`{}` is not a measured shape", text.value);
        diagnostics.error(text.span.clone(), message).hint("write e.g. \"112 32 112 64 1 1 32 = 812500\"");
    }
    row
}

fn residuals(raw: &RawResiduals) -> Option<Residuals> {
    Some(Residuals {
        samples: raw.samples?,
        seen_log_deviation: raw.seen_log_deviation?,
        new_log_deviation: raw.new_log_deviation?,
        median_error_percent: raw.median_error_percent?,
        p90_error_percent: raw.p90_error_percent?,
    })
}

impl From<RawClassProvenance> for Provenance {
    fn from(raw: RawClassProvenance) -> Self {
        match raw {
            RawClassProvenance::Measured => Self::Measured,
            RawClassProvenance::Fitted => Self::Fitted,
            RawClassProvenance::Assumed => Self::Assumed,
        }
    }
}
