//! The cost-model section of a profile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::profile::Origin;
use crate::profile::raw::RawKind;
use crate::text::At;

/// What kernels of one kind cost on one worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCost {
    /// The worker.
    #[schemars(required, extend("examples" = ["gpu"]))]
    pub worker: Option<At<String>>,
    /// The kind of kernel.
    #[schemars(required)]
    pub kind: Option<At<RawKind>>,
    /// Measurements that the fit saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Where the numbers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}
