//! The cost-model section of a profile, as written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sim::cost::KernelClass;

use crate::text::At;

/// What kernels cost on one worker: `max(sum of coefficient x feature, sum of memory coefficient x feature, minimum_ns)
/// x exp(sum of tree leaves) x scale`, or the measured duration where the exact shape was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCosts {
    /// Bytes of an element in the worker's arithmetic.
    #[schemars(required, range(min = 1, max = 8), extend("examples" = [4]))]
    pub element_bytes: Option<At<u32>>,
    /// What every duration is multiplied by; 1 if absent.
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<At<f64>>,
    /// Fixed part, in nanoseconds, of a kernel that is launched on its own: a segment of several pays it once. None if absent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alone_ns: Option<At<f64>>,
    /// What a launch takes beyond one that repeats the launch before it, with code and data in the caches: once a launch, and for each byte
    /// that the kernel moves. Nothing if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<RawOverhead>,
    /// What putting a part in its place in the whole takes, for each byte of it. Nothing if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<RawOverhead>,
    /// Whether that is done with all parts; if absent, with those by rows of several channels, which lie apart in the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merges_all: Option<bool>,
    /// What preparing a unit of a plan that is made at run time takes: for each of its kernels, and for each byte of their weights. Nothing if
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preparation: Option<RawOverhead>,
    /// By how much durations are off together on all workers, as the machine is in one state or another: one standard deviation of the
    /// logarithm. None if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_log_deviation: Option<RawCoefficient>,
    /// By how much durations of all kernels are off together, throughout a run: one standard deviation of the logarithm. That of the
    /// profile if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_log_deviation: Option<RawCoefficient>,
    /// By how much those of a class are off together, besides. None if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_log_deviation: Option<RawCoefficient>,
    /// What operators add to the kernel that they are fused into, by ONNX type; those that are not listed add nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fused: Option<BTreeMap<String, RawFused>>,
    /// Nanoseconds per unit of each feature, assumed for every class that is not listed. Without it all must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<At<BTreeMap<At<String>, At<RawCoefficient>>>>,
    /// Models of kernel classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Vec<At<RawClass>>>,
}

/// Something that takes `fixed_ns + byte_ns x bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOverhead {
    /// Nanoseconds each time; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ns: Option<RawCoefficient>,
    /// Nanoseconds for each byte; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte_ns: Option<RawCoefficient>,
}

/// What an operator adds to the kernel that it is fused into.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFused {
    /// Nanoseconds once a kernel; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_ns: Option<RawCoefficient>,
    /// Nanoseconds for each element that the kernel's leading operator makes; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element_ns: Option<RawCoefficient>,
}

/// The model of one kernel class, or of one operator type of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawClass {
    /// The class.
    #[schemars(required)]
    pub name: Option<At<RawClassName>>,
    /// ONNX type of the leading operators that the model is about; all without a model of their own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Fitted to measurements, or assumed.
    #[schemars(required)]
    pub provenance: Option<RawClassProvenance>,
    /// Smallest duration of the linear part, in nanoseconds; none if absent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_ns: Option<At<f64>>,
    /// Largest absolute value of the sum of tree leaves; 0 if absent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree_limit: Option<At<f64>>,
    /// What a kernel takes inside a segment of several, as a factor on what it takes alone beyond `alone_ns`; 1 if absent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_segment: Option<At<f64>>,
    /// Nanoseconds per unit of each feature.
    #[schemars(required)]
    pub coefficients: Option<BTreeMap<At<String>, At<RawCoefficient>>>,
    /// The other arm of a roofline; one sum if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_coefficients: Option<BTreeMap<At<String>, At<RawCoefficient>>>,
    /// Smallest and largest value of each dimension in the training data; never in range if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit_range: Option<At<RawRange>>,
    /// How far predictions were from measurements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residuals: Option<RawResiduals>,
    /// Regression trees in pre-order: a split is `feature:threshold`, a leaf a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trees: Option<Vec<At<String>>>,
    /// Measured shapes: seven whole numbers and the duration in nanoseconds, `112 32 112 64 1 1 32 = 812500`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shapes: Option<Vec<At<String>>>,
}

/// Smallest and largest value of each dimension, by its name.
pub type RawRange = BTreeMap<At<String>, At<Vec<At<RawCoefficient>>>>;

/// A number that is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RawCoefficient(#[schemars(range(min = 0))] pub f64);

/// Where the model of a class comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawClassProvenance {
    /// Measured directly.
    Measured,
    /// Fitted to measurements of the class.
    Fitted,
    /// Derived from other classes by reasoning.
    Assumed,
}

/// How far predictions were from measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawResiduals {
    /// Measurements behind the model.
    #[schemars(required, extend("examples" = [1000]))]
    pub samples: Option<u32>,
    /// Standard deviation of `ln(measured / predicted)` for shapes that were measured in another model.
    #[schemars(required, range(min = 0), extend("examples" = [0.05]))]
    pub seen_log_deviation: Option<f64>,
    /// The same for shapes that were not.
    #[schemars(required, range(min = 0), extend("examples" = [0.1]))]
    pub new_log_deviation: Option<f64>,
    /// Median absolute percentage error with whole families left out.
    #[schemars(required, range(min = 0), extend("examples" = [5.0]))]
    pub median_error_percent: Option<f64>,
    /// 90th percentile of the same.
    #[schemars(required, range(min = 0), extend("examples" = [20.0]))]
    pub p90_error_percent: Option<f64>,
}

/// The name of a kernel class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawClassName(pub String);

impl JsonSchema for RawClassName {
    fn schema_name() -> Cow<'static, str> {
        "KernelClass".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": KernelClass::ALL.map(KernelClass::name) })
    }
}
