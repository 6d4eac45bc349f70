//! Work that depends on the input: which variant of a model a request is of.

use crate::identifiers::ModelId;
use crate::random;

/// Models of which each request is of one, by its input: one model at several sequence lengths, say.
#[derive(Clone, Debug, PartialEq)]
pub struct Variants {
    models: Vec<(ModelId, f64)>,
}

impl Variants {
    /// Models with weights. `None` unless weights are finite and not negative, and one is above 0.
    pub fn new(models: Vec<(ModelId, f64)>) -> Option<Self> {
        let is_right = |&(_, weight): &(ModelId, f64)| weight.is_finite() && weight >= 0.0;
        let any = models.iter().any(|&(_, weight)| weight > 0.0);
        (any && models.iter().all(is_right)).then_some(Self { models })
    }

    /// The models with their weights.
    pub fn models(&self) -> &[(ModelId, f64)] {
        &self.models
    }

    /// The model of request `ordinal` of a stream: the same whatever else the run does.
    pub(super) fn model(&self, seed: u64, stream: u64, ordinal: u64) -> ModelId {
        let mut random = random::Stream::new(seed, random::Purpose::Input, stream, ordinal);
        super::arrivals::choose(&self.models, random.uniform())
    }
}
