//! How far whole models were from their measurements, when nothing of them had been fitted to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{At, Diagnostics};

/// Errors of whole models on one worker, from a cross-validation: intervals of predictions rest on them.
///
/// A model is *familiar* where at least half of its kernels have a shape that occurs in other models of the data, else *new*.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelErrors {
    /// Models that were left out and predicted.
    #[schemars(range(min = 1))]
    pub models: u32,
    /// Share of models whose measured / predicted lies between the lows and the highs.
    #[schemars(range(min = 0, max = 1))]
    pub coverage: f64,
    /// Lower end of measured / predicted, familiar models.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub familiar_low: f64,
    /// Upper end.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub familiar_high: f64,
    /// Lower end of measured / predicted, new models.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub new_low: f64,
    /// Upper end.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub new_high: f64,
    /// Mean absolute percentage error with models left out at random.
    #[schemars(range(min = 0))]
    pub random_percent: f64,
    /// Mean absolute percentage error with whole families of models left out.
    #[schemars(range(min = 0))]
    pub family_percent: f64,
}

impl ModelErrors {
    /// The interval of measured / predicted.
    pub fn interval(&self, is_familiar: bool) -> [f64; 2] {
        if is_familiar { [self.familiar_low, self.familiar_high] } else { [self.new_low, self.new_high] }
    }

    /// Reports intervals that are none.
    pub(super) fn check(at: &At<Self>, diagnostics: &mut Diagnostics) -> Self {
        let errors = at.value;
        for (what, [low, high]) in [("familiar", errors.interval(true)), ("new", errors.interval(false))] {
            if low > high {
                let message = format!("`{what}_low` ({low}) is above `{what}_high` ({high})");
                diagnostics.error(at.span.clone(), message).hint("the low end is the smaller ratio of measured to predicted");
            }
        }
        errors
    }
}
