//! One experiment, ready to be measured.

use std::sync::Arc;

use executor::Unit;
use executor::unit::UnitError;
use executor::weights::Weights;
use sim::graph::{AttributeValue, Attributes, Graph, Operator, OperatorWork, RawGraph};
use sim::plan::Part;

use super::zoo::Model;
use crate::host::sample::{Bound, CopyDirection, Experiment, LaunchMode, WorkRecord};

/// What is done in one go on one worker; makes one sample for each of its keys.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Index of the worker.
    pub(crate) worker: usize,
    /// What to do.
    pub(crate) what: What,
    /// How long it may take in all on a core of 20 GMAC/s and 5 GB/s: decides the order, and how much is left.
    pub(crate) expected_ns: f64,
    /// Memory that it needs while it is prepared.
    pub(crate) bytes: u64,
    /// How often it was measured beside a disturbance.
    pub(crate) attempts: u32,
}

/// What a job does.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Runs a unit in one or both modes.
    Unit {
        /// The unit.
        source: Source,
        /// What is measured of it.
        measurements: Vec<Measurement>,
    },
    /// Runs a unit that another job has run before.
    Noise {
        /// Key.
        key: String,
        /// Key of the first measurement.
        of: String,
        /// The unit.
        source: Source,
        /// Mode of the first measurement.
        launch: LaunchMode,
    },
    /// Copies or maps.
    Copy {
        /// Key.
        key: String,
        /// Way.
        direction: CopyDirection,
        /// Bytes.
        bytes: u64,
    },
    /// Hands over nothing.
    WakeUp {
        /// Key.
        key: String,
    },
    /// Runs a unit while another worker is idle, and while it is busy.
    Contention {
        /// Key.
        key: String,
        /// Index of the other worker.
        with: usize,
        /// What this worker runs.
        own: Bound,
        /// What the other worker runs.
        other: Bound,
    },
    /// Runs a unit for long.
    Sustained {
        /// Key.
        key: String,
        /// How long.
        duration_ns: u64,
    },
    /// Runs a unit and reads the frequency of a core.
    Frequency {
        /// Key.
        key: String,
        /// The core.
        core: usize,
    },
    /// Runs a unit and reads the power counter.
    Power {
        /// Key.
        key: String,
    },
}

/// One sample of a unit.
#[derive(Clone, Debug)]
pub(crate) struct Measurement {
    /// Its key.
    pub(crate) key: String,
    /// How the unit is launched.
    pub(crate) launch: LaunchMode,
    /// What the sample says.
    pub(crate) experiment: Experiment,
}

/// Where a unit comes from. Cheap to clone: the unit is cut out, and its weights are drawn, where it is prepared.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Consecutive tasks of a model.
    Tasks {
        /// The model.
        model: Model,
        /// Index of the first.
        first: usize,
        /// How many.
        count: usize,
    },
    /// A part of a task.
    Part {
        /// The model.
        model: Model,
        /// Index of the task.
        task: usize,
        /// The part.
        part: Part,
    },
    /// A graph of its own.
    Graph(Arc<Graph>),
}

impl Source {
    /// The unit.
    pub(crate) fn unit(&self) -> Result<Unit, UnitError> {
        match self {
            Self::Tasks { model, first, count } => model.unit(*first, *count),
            Self::Part { model, task, part } => model.part_unit(*task, *part),
            Self::Graph(graph) => Unit::of_model(graph, &Weights::drawn()),
        }
    }

    /// The leading operator, where one operator leads: its ONNX type and its work.
    pub(crate) fn lead(&self) -> Option<(String, WorkRecord)> {
        let of = |model: &Model, task: usize| {
            let operator = model.graph.operator(model.tasks[task].lead);
            (operator.op_type.clone(), WorkRecord::from(model.work(task)))
        };
        match self {
            Self::Tasks { model, first, count: 1 } | Self::Part { model, task: first, .. } => Some(of(model, *first)),
            Self::Tasks { .. } => None,
            Self::Graph(graph) => {
                let operator = graph.operators().first()?;
                Some((operator.op_type.clone(), WorkRecord::from(graph.work(operator.id))))
            }
        }
    }
}

impl Source {
    /// The operator that a processor refuses, by its message: the one operator, or that of several whose name it tells.
    pub(crate) fn refused(&self, message: &str) -> Option<(String, WorkRecord)> {
        let (graph, operators) = match self {
            Self::Tasks { model, first, count } => (&model.graph, &model.tasks[*first..first + count]),
            Self::Part { model, task, .. } => (&model.graph, &model.tasks[*task..=*task]),
            Self::Graph(_) => return self.lead(),
        };
        let operators: Vec<&Operator> =
            operators.iter().flat_map(|task| &task.operators).map(|&operator| graph.operator(operator)).collect();
        let is_told = |operator: &&&Operator| message.contains(&format!("`{}`", operator.name));
        let told = operators.iter().find(is_told).or(if operators.len() == 1 { operators.first() } else { None });
        told.map(|operator| (operator.op_type.clone(), WorkRecord::from(graph.work(operator.id))))
    }
}

impl Job {
    /// Keys of its samples.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match &self.what {
            What::Unit { measurements, .. } => (None, measurements.as_slice()),
            What::Noise { key, .. }
            | What::Copy { key, .. }
            | What::WakeUp { key }
            | What::Contention { key, .. }
            | What::Sustained { key, .. }
            | What::Frequency { key, .. }
            | What::Power { key } => (Some(key.as_str()), &[][..]),
        };
        one.into_iter().chain(several.iter().map(|measurement| measurement.key.as_str()))
    }
}

/// How long one launch of some works may take on a core of 20 GMAC/s and 5 GB/s.
pub(super) fn expected_launch_ns<'a>(works: impl IntoIterator<Item = &'a OperatorWork>) -> f64 {
    let of = |work: &OperatorWork| 3_000.0 + work.macs as f64 / 20.0 + bytes_of(work) as f64 / 5.0;
    works.into_iter().map(of).sum()
}

/// Bytes that a work reads and writes.
pub(super) const fn bytes_of(work: &OperatorWork) -> u64 {
    work.input_bytes + work.output_bytes + work.weight_bytes
}

/// A unit that keeps a worker busy for about a millisecond, limited by arithmetic or by memory: a convolution of 64 channels on
/// 28 x 28 (its data are 550 KB), or the sum of two tensors of 16 MiB.
///
/// # Panics
/// Never: the graphs are valid.
pub(crate) fn load_source(bound: Bound) -> Source {
    let raw = match bound {
        Bound::Compute => {
            let attributes = Attributes::new()
                .with("kernel_shape", AttributeValue::Integers(vec![3, 3]))
                .with("pads", AttributeValue::Integers(vec![1; 4]));
            RawGraph::new("compute").with_input("x", &[1, 64, 28, 28]).with_weight("w", &[64, 64, 3, 3]).with_operator(
                "Conv",
                &["x", "w"],
                &["y"],
                attributes,
            )
        }
        Bound::Memory => {
            let shape = [1, 64, 256, 256];
            let raw = RawGraph::new("memory").with_input("x", &shape).with_input("z", &shape);
            raw.with_operator("Add", &["x", "z"], &["y"], Attributes::new())
        }
    };
    Source::Graph(Arc::new(raw.with_output("y").build().expect("a valid graph")))
}
