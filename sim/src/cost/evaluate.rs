//! Evaluating cost models.

use crate::cost::{ClassModel, CostModels, Feature, KernelClass, KernelShape, tree_features};
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
    /// Duration, launched on its own, in turn with others.
    pub duration_ns: f64,
    /// Duration inside a segment of several kernels, without what launching the segment costs.
    pub segment_ns: f64,
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
    /// Predicts one operator of any type, or slice of one. Views cost nothing.
    pub fn predict(&self, work: &OperatorWork) -> Prediction {
        self.predict_kernel("", &[], work)
    }

    /// Predicts a kernel, or a slice of one: a leading operator of an ONNX type, with the types of those fused into it.
    pub fn predict_kernel(&self, op_type: &str, fused: &[&str], work: &OperatorWork) -> Prediction {
        let nothing = Prediction {
            duration_ns: 0.0,
            segment_ns: 0.0,
            memory_bytes: 0.0,
            log_deviation: 0.0,
            in_range: true,
            provenance: Provenance::Assumed,
        };
        let Some(class) = KernelClass::of(work) else {
            return nothing;
        };
        let Some(model) = self.of_operator(class, op_type) else {
            return Prediction { in_range: false, ..nothing };
        };
        if work.output_elements == 0 {
            return nothing;
        }
        let shape = KernelShape::of_kernel(work, fused);
        // Of a table only the rows looked up are read, and they are as large as the output.
        let weights = if work.kind == KernelKind::Embedding { shape.output_elements } else { work.parameters as f64 };
        let elements = shape.input_elements + shape.output_elements + weights;
        let memory_bytes = elements * f64::from(self.element_bytes);
        let residuals = &model.residuals;
        let joined = fused.iter().filter_map(|&op_type| self.fused.get(op_type));
        let fused_ns: f64 = joined.map(|cost| cost.launch_ns + cost.element_ns * shape.output_elements).sum();
        let turn_ns = self.overheads.turn.duration_ns(memory_bytes);
        let in_segment = |duration_ns: f64| model.in_segment * (duration_ns - self.alone_ns).max(0.0);
        if let Some(duration_ns) = model.shapes.find(class, work, &shape) {
            let duration_ns = duration_ns * self.scale + fused_ns;
            return Prediction {
                duration_ns: duration_ns + turn_ns,
                segment_ns: in_segment(duration_ns),
                memory_bytes,
                log_deviation: residuals.seen_log_deviation,
                in_range: true,
                provenance: Provenance::Measured,
            };
        }
        let octaves_outside = model.range.as_ref().map(|range| range.octaves_outside(&shape));
        let duration_ns = model.duration_ns(&shape, octaves_outside.unwrap_or(0.0)) * self.scale + fused_ns;
        Prediction {
            duration_ns: duration_ns + turn_ns,
            segment_ns: in_segment(duration_ns),
            memory_bytes,
            log_deviation: residuals.new_log_deviation,
            in_range: octaves_outside.is_some_and(|octaves| octaves <= 0.0) && !is_dilated(work),
            provenance: model.provenance,
        }
    }
}

impl ClassModel {
    /// The physical part: the longer arm of the roofline.
    pub fn linear_ns(&self, shape: &KernelShape) -> f64 {
        let sum = |coefficients: &[(Feature, f64)]| -> f64 {
            coefficients.iter().map(|&(feature, coefficient)| coefficient * feature.value(shape)).sum()
        };
        sum(&self.coefficients).max(sum(&self.memory_coefficients)).max(self.minimum_ns)
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
