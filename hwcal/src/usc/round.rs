//! Rounding of fitted numbers to the digits that a profile keeps.

use sim::cost::{ClassModel, CostModelError, Feature, FitRange, Forest, ShapeTable, TreeNode};

/// A number rounded to significant digits.
pub(crate) fn significant(value: f64, digits: usize) -> f64 {
    format!("{value:.precision$e}", precision = digits.saturating_sub(1)).parse().unwrap_or(value)
}

/// A model rounded to what is written: six digits of coefficients and durations, four of leaves and errors.
pub(crate) fn rounded(model: &ClassModel) -> Result<ClassModel, CostModelError> {
    let node = |node: &TreeNode| match *node {
        TreeNode::Leaf(value) => TreeNode::Leaf(significant(value, 4)),
        TreeNode::Split { feature, threshold } => TreeNode::Split { feature, threshold: significant(threshold, 6) },
    };
    let range = |range: &FitRange| FitRange {
        // Outwards, so that the training data stay inside.
        minimum: range.minimum.map(|value| libm::floor(value * 1e3) / 1e3),
        maximum: range.maximum.map(|value| libm::ceil(value * 1e3) / 1e3),
    };
    let mut residuals = model.residuals;
    for number in [
        &mut residuals.seen_log_deviation,
        &mut residuals.new_log_deviation,
        &mut residuals.median_error_percent,
        &mut residuals.p90_error_percent,
    ] {
        *number = significant(*number, 4);
    }
    let six_digits = |coefficients: &[(Feature, f64)]| -> Vec<(Feature, f64)> {
        coefficients.iter().map(|&(feature, value)| (feature, significant(value, 6))).collect()
    };
    Ok(ClassModel {
        class: model.class,
        operator: model.operator.clone(),
        provenance: model.provenance,
        coefficients: six_digits(&model.coefficients),
        memory_coefficients: six_digits(&model.memory_coefficients),
        in_segment: significant(model.in_segment, 4),
        minimum_ns: significant(model.minimum_ns, 6),
        forest: Forest::new(model.forest.nodes().iter().map(node).collect())?,
        forest_limit: significant(model.forest_limit, 4),
        shapes: ShapeTable::new(model.class, model.shapes.rows().iter().map(|&(key, ns)| (key, significant(ns, 6))).collect())?,
        range: model.range.as_ref().map(range),
        residuals,
    })
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn significant_digits() {
        let check = |value: f64, digits: usize, expected: &str| assert_eq!(significant(value, digits).to_string(), expected);
        check(123_456.7, 3, "123000");
        check(0.000_123_456, 4, "0.0001235");
        check(-2.5, 1, "-2");
        check(0.0, 3, "0");
    }
}
