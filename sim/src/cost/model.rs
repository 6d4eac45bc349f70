//! Cost models of a worker, checked when built.

use std::collections::BTreeMap;

use crate::cost::{CostModelError, Feature, FitRange, Forest, KernelClass, Overheads, Provenance, ShapeTable, SharedErrors};

/// How far predictions of a class were from measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Residuals {
    /// Measurements behind the model; 0 for assumed models.
    pub samples: u32,
    /// Standard deviation of `ln(measured / predicted)` for shapes that were measured in another model.
    pub seen_log_deviation: f64,
    /// The same for shapes that were not.
    pub new_log_deviation: f64,
    /// Median absolute percentage error of the cross-validation with whole families left out.
    pub median_error_percent: f64,
    /// 90th percentile of the same.
    pub p90_error_percent: f64,
}

/// The model of one class on one worker.
///
/// `duration = max(sum(coefficient x feature), sum(memory coefficient x feature), minimum) x exp(trees)`, unless the exact shape was
/// measured.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassModel {
    /// The class.
    pub class: KernelClass,
    /// ONNX type of the leading operator that the model is about; `None` for all of the class that have no model of their own.
    pub operator: Option<String>,
    /// Fitted to measurements, or derived from other classes by reasoning.
    pub provenance: Provenance,
    /// Nanoseconds per unit of each feature, non-negative.
    pub coefficients: Vec<(Feature, f64)>,
    /// The same for the other arm of a roofline: what moving the data takes. Empty for a model of one sum.
    pub memory_coefficients: Vec<(Feature, f64)>,
    /// Smallest duration of the linear part.
    pub minimum_ns: f64,
    /// Correction of `ln(duration)`.
    pub forest: Forest,
    /// Largest absolute value of the correction.
    pub forest_limit: f64,
    /// Measured shapes.
    pub shapes: ShapeTable,
    /// Range of the training data; `None` for assumed models, which are never in range.
    pub range: Option<FitRange>,
    /// What a kernel takes inside a segment of several, as a factor on what it takes alone beyond [`CostModels::alone_ns`].
    pub in_segment: f64,
    /// Errors.
    pub residuals: Residuals,
}

impl ClassModel {
    /// A linear model without correction, table and range.
    pub fn linear(class: KernelClass, provenance: Provenance, coefficients: Vec<(Feature, f64)>) -> Self {
        Self {
            class,
            operator: None,
            provenance,
            coefficients,
            memory_coefficients: Vec::new(),
            minimum_ns: 0.0,
            forest: Forest::default(),
            forest_limit: 0.0,
            shapes: ShapeTable::default(),
            range: None,
            in_segment: 1.0,
            residuals: Residuals::default(),
        }
    }
}

/// What an operator adds to the kernel that it is fused into.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FusedCost {
    /// Once a kernel.
    pub launch_ns: f64,
    /// For each element that the kernel's leading operator makes.
    pub element_ns: f64,
}

/// Cost models of one worker, one for each class. The default has none and predicts zeros: for devices whose costs are given
/// as a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CostModels {
    pub(super) element_bytes: u32,
    pub(super) scale: f64,
    /// Fixed part of a kernel that is launched on its own.
    pub(super) alone_ns: f64,
    /// By class, in the order of [`KernelClass::ALL`]; empty or complete.
    pub(super) classes: Vec<ClassModel>,
    /// Models of single ONNX operator types, by class and type.
    pub(super) operators: Vec<ClassModel>,
    /// By ONNX operator type; types that are not listed add nothing.
    pub(super) fused: BTreeMap<String, FusedCost>,
    pub(super) overheads: Overheads,
    pub(super) shared_errors: SharedErrors,
}

impl CostModels {
    /// Checks and combines the models of all classes.
    ///
    /// `element_bytes` is the size of an element in the worker's arithmetic; `scale` multiplies every duration (operators
    /// that run alone under a profiler against operators inside a whole model).
    pub fn new(element_bytes: u32, scale: f64, classes: Vec<ClassModel>) -> Result<Self, CostModelError> {
        if !(1..=8).contains(&element_bytes) {
            let value = f64::from(element_bytes);
            return Err(CostModelError::WorkerOutOfRange { what: "bytes of an element", value, right: "from 1 to 8" });
        }
        if !(scale.is_finite() && scale > 0.0) {
            let right = "finite and above 0";
            return Err(CostModelError::WorkerOutOfRange { what: "scale of durations", value: scale, right });
        }
        let (mut operators, mut classes): (Vec<_>, Vec<_>) = classes.into_iter().partition(|model| model.operator.is_some());
        classes.sort_by_key(|model| model.class);
        operators.sort_by(|one, other| (one.class, &one.operator).cmp(&(other.class, &other.operator)));
        for pair in classes.windows(2).chain(operators.windows(2)) {
            if pair[0].class == pair[1].class && pair[0].operator == pair[1].operator {
                return Err(CostModelError::Twice { class: pair[0].class.name() });
            }
        }
        for class in KernelClass::ALL {
            if classes.binary_search_by_key(&class, |model| model.class).is_err() {
                return Err(CostModelError::Missing { class: class.name() });
            }
        }
        classes.iter().chain(&operators).try_for_each(check)?;
        Ok(Self { element_bytes, scale, classes, operators, ..Self::default() })
    }

    /// Sets the fixed part of a kernel that is launched on its own: a segment of several pays it once. 0 unless it is set.
    pub fn with_alone_ns(mut self, alone_ns: f64) -> Result<Self, CostModelError> {
        worker_not_negative("fixed part of a kernel alone", alone_ns)?;
        self.alone_ns = alone_ns;
        Ok(self)
    }

    /// Sets what fused operators add, by ONNX type. Nothing unless it is set.
    pub fn with_fused(mut self, fused: BTreeMap<String, FusedCost>) -> Result<Self, CostModelError> {
        for cost in fused.values() {
            worker_not_negative("cost of a fused operator", cost.launch_ns)?;
            worker_not_negative("cost of a fused operator for each element", cost.element_ns)?;
        }
        self.fused = fused;
        Ok(self)
    }

    /// Sets what launches cost beyond their kernels. Nothing unless it is set.
    pub fn with_overheads(mut self, overheads: Overheads) -> Result<Self, CostModelError> {
        overheads.check()?;
        self.overheads = overheads;
        Ok(self)
    }

    /// Sets by how much the models are wrong about many kernels in the same way. Nothing unless it is set.
    pub fn with_shared_errors(mut self, errors: SharedErrors) -> Result<Self, CostModelError> {
        errors.check()?;
        self.shared_errors = errors;
        Ok(self)
    }

    /// What launches cost beyond their kernels.
    pub fn overheads(&self) -> Overheads {
        self.overheads
    }

    /// By how much the models are wrong about many kernels in the same way.
    pub fn shared_errors(&self) -> SharedErrors {
        self.shared_errors
    }

    /// The model of a class.
    pub fn class(&self, class: KernelClass) -> Option<&ClassModel> {
        self.classes.get(class as usize)
    }

    /// The model of an ONNX operator type of a class, or else of the class.
    pub fn of_operator(&self, class: KernelClass, op_type: &str) -> Option<&ClassModel> {
        let key = (class, Some(op_type));
        let found = self.operators.binary_search_by(|model| (model.class, model.operator.as_deref()).cmp(&key));
        found.map_or_else(|_| self.class(class), |index| Some(&self.operators[index]))
    }

    /// The models of all classes, in their order.
    pub fn classes(&self) -> &[ClassModel] {
        &self.classes
    }

    /// The models of single ONNX operator types, by class and type.
    pub fn operators(&self) -> &[ClassModel] {
        &self.operators
    }

    /// Fixed part of a kernel that is launched on its own.
    pub fn alone_ns(&self) -> f64 {
        self.alone_ns
    }

    /// What fused operators add, by ONNX type.
    pub fn fused(&self) -> &BTreeMap<String, FusedCost> {
        &self.fused
    }

    /// Bytes of an element in the worker's arithmetic.
    pub fn element_bytes(&self) -> u32 {
        self.element_bytes
    }

    /// What every duration is multiplied by.
    pub fn scale(&self) -> f64 {
        self.scale
    }
}

fn worker_not_negative(what: &'static str, value: f64) -> Result<(), CostModelError> {
    let is_right = value.is_finite() && value >= 0.0;
    if is_right { Ok(()) } else { Err(CostModelError::WorkerOutOfRange { what, value, right: "finite and at least 0" }) }
}

fn check(model: &ClassModel) -> Result<(), CostModelError> {
    let class = model.class.name();
    let not_negative = |what: &str, value: f64| {
        if value.is_finite() && value >= 0.0 {
            Ok(())
        } else {
            Err(CostModelError::OutOfRange { what: what.to_owned(), class, value, right: "finite and at least 0" })
        }
    };
    for &(feature, coefficient) in model.coefficients.iter().chain(&model.memory_coefficients) {
        not_negative(&format!("coefficient of `{}`", feature.name()), coefficient)?;
    }
    not_negative("smallest duration", model.minimum_ns)?;
    not_negative("limit of the correction", model.forest_limit)?;
    not_negative("factor in a segment", model.in_segment)?;
    let residuals = &model.residuals;
    not_negative("deviation of seen shapes", residuals.seen_log_deviation)?;
    not_negative("deviation of new shapes", residuals.new_log_deviation)?;
    not_negative("median error", residuals.median_error_percent)?;
    not_negative("90th percentile of the error", residuals.p90_error_percent)?;
    if let Some(range) = &model.range {
        for (&minimum, &maximum) in range.minimum.iter().zip(&range.maximum) {
            let right = "finite, above 0 and at most the maximum";
            if !(minimum.is_finite() && minimum > 0.0 && maximum.is_finite() && minimum <= maximum) {
                let what = "minimum of the fit range".to_owned();
                return Err(CostModelError::OutOfRange { what, class, value: minimum, right });
            }
        }
    }
    Ok(())
}
