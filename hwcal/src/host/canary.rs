//! Two units that are measured with every batch: when they are slower than they can be, so is everything beside them.
//!
//! Whoever shares caches, memory or the other half of a core with a worker slows it down for seconds without taking a core from
//! it; neither steal time nor waiting shows that, and a whole batch falls into it.

use std::sync::Arc;

use sim::graph::{AttributeValue, Attributes, RawGraph};

use crate::host::bench::Subject;
use crate::host::design::Source;
use crate::host::rounds::Outcome;
use crate::host::sample::LaunchMode;

/// Slower than usual by this factor is disturbed: of arithmetic, and of 3 MB through the caches.
const TOLERATED: [f64; 2] = [1.08, 1.2];

/// What the canaries of a worker have shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Canaries {
    history_ns: [Vec<f64>; 2],
}

impl Canaries {
    /// The two units: a convolution whose data fit into a core's own cache, and a sum whose data do not.
    ///
    /// # Panics
    /// Never: the graphs are valid.
    pub(crate) fn subjects() -> [(Subject, Vec<LaunchMode>); 2] {
        let window = Attributes::new()
            .with("kernel_shape", AttributeValue::Integers(vec![3, 3]))
            .with("pads", AttributeValue::Integers(vec![1; 4]));
        let compute = RawGraph::new("canary of arithmetic").with_input("x", &[1, 32, 14, 14]).with_weight("w", &[32, 32, 3, 3]);
        let compute = compute.with_operator("Conv", &["x", "w"], &["y"], window);
        let shape = [1, 64, 64, 64];
        let memory = RawGraph::new("canary of memory").with_input("x", &shape).with_input("z", &shape);
        let memory = memory.with_operator("Add", &["x", "z"], &["y"], Attributes::new());
        [compute, memory].map(|raw| {
            let graph = raw.with_output("y").build().expect("a valid graph");
            (Subject::Unit(Source::Graph(Arc::new(graph))), vec![LaunchMode::BackToBack])
        })
    }

    /// Whether nothing is known yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.history_ns.iter().all(Vec::is_empty)
    }

    /// What the canary of arithmetic takes in the best quarter of the batches.
    pub(crate) fn undisturbed_ns(&self) -> Option<u64> {
        let compute = &self.history_ns[0];
        (!compute.is_empty()).then(|| crate::statistics::quantile(compute, 0.25) as u64)
    }

    /// Takes the outcomes of the two units; whether they were slower than in the best quarter of the batches so far.
    pub(crate) fn is_disturbed(&mut self, outcomes: &[Vec<Outcome>]) -> bool {
        let mut is_disturbed = false;
        for ((history_ns, outcomes), tolerated) in self.history_ns.iter_mut().zip(outcomes).zip(TOLERATED) {
            if let [Outcome::Timed(timing)] = outcomes.as_slice() {
                history_ns.push(timing.p10_ns as f64);
                is_disturbed |= timing.p10_ns as f64 > tolerated * crate::statistics::quantile(history_ns, 0.25);
            }
        }
        is_disturbed
    }
}
