//! Cost models of a worker, checked when built.

use crate::cost::{CostModelError, Feature, FitRange, Forest, KernelClass, Provenance, ShapeTable};

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
/// `duration = max(sum(coefficient x feature), minimum) x exp(trees)`, unless the exact shape was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassModel {
    /// The class.
    pub class: KernelClass,
    /// Fitted to measurements, or derived from other classes by reasoning.
    pub provenance: Provenance,
    /// Nanoseconds per unit of each feature, non-negative.
    pub coefficients: Vec<(Feature, f64)>,
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
    /// Errors.
    pub residuals: Residuals,
}

impl ClassModel {
    /// A linear model without correction, table and range.
    pub fn linear(class: KernelClass, provenance: Provenance, coefficients: Vec<(Feature, f64)>) -> Self {
        Self {
            class,
            provenance,
            coefficients,
            minimum_ns: 0.0,
            forest: Forest::default(),
            forest_limit: 0.0,
            shapes: ShapeTable::default(),
            range: None,
            residuals: Residuals::default(),
        }
    }
}

/// Cost models of one worker, one for each class. The default has none and predicts zeros: for devices whose costs are given
/// as a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CostModels {
    pub(super) element_bytes: u32,
    pub(super) scale: f64,
    /// By class, in the order of [`KernelClass::ALL`]; empty or complete.
    pub(super) classes: Vec<ClassModel>,
}

impl CostModels {
    /// Checks and combines the models of all classes.
    ///
    /// `element_bytes` is the size of an element in the worker's arithmetic; `scale` multiplies every duration (operators
    /// that run alone under a profiler against operators inside a whole model).
    pub fn new(element_bytes: u32, scale: f64, mut classes: Vec<ClassModel>) -> Result<Self, CostModelError> {
        if !(1..=8).contains(&element_bytes) {
            let value = f64::from(element_bytes);
            return Err(CostModelError::WorkerOutOfRange { what: "bytes of an element", value, right: "from 1 to 8" });
        }
        if !(scale.is_finite() && scale > 0.0) {
            let right = "finite and above 0";
            return Err(CostModelError::WorkerOutOfRange { what: "scale of durations", value: scale, right });
        }
        classes.sort_by_key(|model| model.class);
        for pair in classes.windows(2) {
            if pair[0].class == pair[1].class {
                return Err(CostModelError::Twice { class: pair[0].class.name() });
            }
        }
        for class in KernelClass::ALL {
            if classes.binary_search_by_key(&class, |model| model.class).is_err() {
                return Err(CostModelError::Missing { class: class.name() });
            }
        }
        classes.iter().try_for_each(check)?;
        Ok(Self { element_bytes, scale, classes })
    }

    /// The model of a class.
    pub fn class(&self, class: KernelClass) -> Option<&ClassModel> {
        self.classes.get(class as usize)
    }

    /// All models, in the order of the classes.
    pub fn classes(&self) -> &[ClassModel] {
        &self.classes
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

fn check(model: &ClassModel) -> Result<(), CostModelError> {
    let class = model.class.name();
    let not_negative = |what: &str, value: f64| {
        if value.is_finite() && value >= 0.0 {
            Ok(())
        } else {
            Err(CostModelError::OutOfRange { what: what.to_owned(), class, value, right: "finite and at least 0" })
        }
    };
    for &(feature, coefficient) in &model.coefficients {
        not_negative(&format!("coefficient of `{}`", feature.name()), coefficient)?;
    }
    not_negative("smallest duration", model.minimum_ns)?;
    not_negative("limit of the correction", model.forest_limit)?;
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
