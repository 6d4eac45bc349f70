//! Evaluating cost models.

use crate::cost::{ClassModel, CostModels, KernelClass, KernelShape, tree_features};
use crate::graph::work::{KernelKind, OperatorWork};

/// Where a prediction comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// The exact shape was measured.
    Measured,
    /// A model that was fitted to measurements of this class.
    Fitted,
    /// Derived from other classes by physical reasoning.
    Assumed,
}

impl Provenance {
    /// The name used in profiles and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Fitted => "fitted",
            Self::Assumed => "assumed",
        }
    }

    /// The provenance of a given name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Measured, Self::Fitted, Self::Assumed].into_iter().find(|it| it.name() == name)
    }
}

/// What one kernel is expected to cost with nothing else running.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Duration.
    pub duration_ns: f64,
    /// Bytes moved to and from memory: inputs, outputs and weights, each once.
    pub memory_bytes: f64,
    /// Standard deviation of `ln(measured / predicted)`.
    pub log_deviation: f64,
    /// Whether the shape lies within the range of the training data.
    pub in_range: bool,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl CostModels {
    /// Predicts one operator, fused kernel (by its leading operator), or slice of one. Views cost nothing.
    pub fn predict(&self, work: &OperatorWork) -> Prediction {
        let nothing = Prediction {
            duration_ns: 0.0,
            memory_bytes: 0.0,
            log_deviation: 0.0,
            in_range: true,
            provenance: Provenance::Assumed,
        };
        let Some(class) = KernelClass::of(work) else {
            return nothing;
        };
        let Some(model) = self.class(class) else {
            return Prediction { in_range: false, ..nothing };
        };
        if work.output_elements == 0 {
            return nothing;
        }
        let shape = KernelShape::of(work);
        // Of a table only the rows looked up are read, and they are as large as the output.
        let weights = if work.kind == KernelKind::Embedding { shape.output_elements } else { work.parameters as f64 };
        let elements = shape.input_elements + shape.output_elements + weights;
        let memory_bytes = elements * f64::from(self.element_bytes);
        let residuals = &model.residuals;
        if let Some(duration_ns) = model.shapes.find(class, work, &shape) {
            return Prediction {
                duration_ns: duration_ns * self.scale,
                memory_bytes,
                log_deviation: residuals.seen_log_deviation,
                in_range: true,
                provenance: Provenance::Measured,
            };
        }
        let octaves_outside = model.range.as_ref().map(|range| range.octaves_outside(&shape));
        Prediction {
            duration_ns: model.duration_ns(&shape, octaves_outside.unwrap_or(0.0)) * self.scale,
            memory_bytes,
            log_deviation: residuals.new_log_deviation,
            in_range: octaves_outside.is_some_and(|octaves| octaves <= 0.0) && !is_dilated(work),
            provenance: model.provenance,
        }
    }
}

impl ClassModel {
    /// The linear part.
    pub fn linear_ns(&self, shape: &KernelShape) -> f64 {
        let sum: f64 = self.coefficients.iter().map(|&(feature, coefficient)| coefficient * feature.value(shape)).sum();
        sum.max(self.minimum_ns)
    }

    /// The linear part, corrected. Trees say nothing outside of their data: the correction fades to none within an octave.
    pub fn duration_ns(&self, shape: &KernelShape, octaves_outside: f64) -> f64 {
        let linear = self.linear_ns(shape);
        let weight = (1.0 - octaves_outside).max(0.0);
        if self.forest.tree_count() == 0 || weight <= 0.0 {
            return linear;
        }
        let correction = self.forest.evaluate(&tree_features(self.class, shape));
        linear * libm::exp(weight * correction.clamp(-self.forest_limit, self.forest_limit))
    }
}

fn is_dilated(work: &OperatorWork) -> bool {
    work.geometry.dilation_height > 1 || work.geometry.dilation_width > 1
}
