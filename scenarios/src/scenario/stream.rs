//! Streams of requests, validated.

use sim::identifiers::ModelId;
use sim::workload::{DeadlineFrom, QueueRule, Variants};

use crate::read::Reference;
use crate::scenario::Arrivals;

/// Requests for one model.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamDefinition {
    /// Name; unique where given.
    pub name: Option<String>,
    /// The model.
    pub model: Reference,
    /// How requests arrive.
    pub arrivals: Arrivals,
    /// Requests in all; `None` for as many as fit before the horizon.
    pub requests: Option<u64>,
    /// Time a request is allowed.
    pub deadline_ns: Option<u64>,
    /// From when the deadline counts.
    pub deadline_from: DeadlineFrom,
    /// Higher runs first where requests wait for one worker.
    pub priority: i32,
    /// Sizes of the model's dynamic dimensions, by name.
    pub dimensions: Vec<(String, u64)>,
    /// How many requests are worked on at once and wait.
    pub queue: Option<QueueRule>,
    /// A dimension whose size depends on the input.
    pub work: Option<Work>,
}

/// A dimension whose size differs from request to request.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The dimension.
    pub dimension: String,
    /// Its sizes with their weights; one weight is above 0.
    pub sizes: Vec<(u64, f64)>,
}

impl StreamDefinition {
    /// The stream as the simulator takes it. `models` are the models of the run that its variants are, in the order of [`Self::variants`].
    ///
    /// # Panics
    /// If there is not one model for each variant.
    pub fn stream(&self, models: &[ModelId]) -> sim::workload::Stream {
        let variants = self.work.as_ref().and_then(|work| {
            assert_eq!(models.len(), work.sizes.len(), "one model for each variant");
            Variants::new(models.iter().zip(&work.sizes).map(|(&model, &(_, weight))| (model, weight)).collect())
        });
        let mut stream = sim::workload::Stream::new(models[0], self.arrivals.simulated(), self.requests);
        stream.deadline_ns = self.deadline_ns;
        stream.deadline_from = self.deadline_from;
        stream.priority = self.priority;
        stream.queue = self.queue;
        stream.variants = variants;
        stream
    }

    /// Sizes of the model's dynamic dimensions, variant by variant: one where work does not depend on the input.
    pub fn variants(&self) -> Vec<Vec<(String, u64)>> {
        let Some(work) = &self.work else { return vec![self.dimensions.clone()] };
        let with = |&(size, _): &(u64, f64)| {
            let mut dimensions = self.dimensions.clone();
            dimensions.push((work.dimension.clone(), size));
            dimensions
        };
        work.sizes.iter().map(with).collect()
    }
}
