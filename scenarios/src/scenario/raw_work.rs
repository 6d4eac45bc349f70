//! What a stream lets in, and what its requests are like, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{RawSize, RawWeight};
use crate::text::At;

/// How many requests of a stream are worked on at once and wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawQueue {
    /// Requests worked on at once; 1 if absent.
    #[schemars(range(min = 1))]
    pub in_flight: Option<At<u32>>,
    /// Requests that wait; any number if absent.
    pub bound: Option<At<u32>>,
    /// Which request is dropped where one too many would wait; the newest if absent.
    pub when_full: Option<RawWhenFull>,
    /// Whether a request is dropped whose deadline has passed when its turn comes; it is not if absent.
    pub drop_late: Option<At<bool>>,
}

/// Which request is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawWhenFull {
    /// The one that arrives.
    #[default]
    DropNewest,
    /// The one that has waited longest.
    DropOldest,
}

/// Work that depends on the input: a dimension of the model whose size differs from request to request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWork {
    /// The dynamic dimension.
    #[schemars(required, length(min = 1), extend("examples" = ["sequence"]))]
    pub dimension: Option<At<String>>,
    /// Its sizes; each is a model of its own for strategies and in results.
    #[schemars(required, length(min = 1, max = 64), extend("examples" = [[64, 128, 256]]))]
    pub values: Option<At<Vec<At<RawSize>>>>,
    /// How often each occurs, up to a common factor; all alike if absent.
    pub weights: Option<At<Vec<At<RawWeight>>>>,
}
