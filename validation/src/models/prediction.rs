//! The latency of a whole model by a device profile, with an interval.

use scenarios::Profile;
use scenarios::profile::Worker;
use serde::Serialize;
use sim::cost::{KernelClass, Provenance};
use sim::graph::{Graph, OperatorWork};
use sim::identifiers::{TaskId, WorkerId};
use sim::plan::{Launch, Part, Piece};
use sim::platform::{Device, DeviceError};
use sim::task::LoweredModel;

use crate::models::spread::{self, Uncertain};

/// Deviation of `ln(measured / predicted)` of a kernel that is assumed, or lies outside of what was fitted: a factor of 1.5 either way.
const UNKNOWN_LOG_DEVIATION: f64 = 0.4;
/// Half of the central 90 % of a normal distribution, in deviations.
const NINETY_PERCENT: f64 = 1.645;
/// Share of kernels of a measured shape from which on a model is familiar; as in the fit.
const FAMILIAR_SHARE: f64 = hwcal::usc::intervals::FAMILIAR_SHARE;

/// A predicted latency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelPrediction {
    /// Worker.
    pub worker: String,
    /// Latency of the whole model, copies of its input and output included.
    pub latency_ms: f64,
    /// Lower end of the interval; none where the profile tells neither how far whole models were off nor how far errors are shared.
    pub low_ms: Option<f64>,
    /// Upper end.
    pub high_ms: Option<f64>,
    /// Share of measurements that the interval is meant to hold.
    pub coverage: Option<f64>,
    /// Kernels whose exact shape was measured, that a fitted model prices, and that are assumed.
    pub kernels: KernelCounts,
    /// Kernels outside of what was fitted.
    pub extrapolated: u64,
}

/// Kernels by where their costs come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KernelCounts {
    /// Exact shape measured.
    pub measured: u64,
    /// By a fitted model.
    pub fitted: u64,
    /// By an assumed model.
    pub assumed: u64,
}

/// One kernel's part.
struct Kernel {
    duration_ns: f64,
    provenance: Provenance,
    in_range: bool,
    class: Option<KernelClass>,
    log_deviation: f64,
}

/// Predicts models on one device.
#[derive(Debug)]
pub struct Predictor {
    profile: Profile,
    device: Device,
    /// Worker that knows measured shapes, by which models are familiar or not.
    witness: Option<usize>,
}

impl Predictor {
    /// Of a profile.
    ///
    /// # Errors
    /// If the profile makes no device.
    pub fn new(profile: Profile) -> Result<Self, Vec<DeviceError>> {
        let device = profile.device()?;
        let knows = |worker: &Worker| profile.costs[&worker.name].classes().iter().any(|class| !class.shapes.rows().is_empty());
        let witness = profile.workers.iter().position(knows);
        Ok(Self { profile, device, witness })
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// A list of operators, in order, element-wise ones left out; elements of 4 bytes go in and out.
    pub fn list(&self, worker: usize, operators: &[OperatorWork]) -> ModelPrediction {
        let on = |worker: usize| -> Vec<Kernel> {
            let costs = &self.profile.costs[&self.profile.workers[worker].name];
            let kernel = |work: &OperatorWork| {
                let it = costs.predict(work);
                let (class, log_deviation) = (KernelClass::of(work), it.log_deviation);
                Kernel { duration_ns: it.duration_ns, provenance: it.provenance, in_range: it.in_range, class, log_deviation }
            };
            operators.iter().map(kernel).collect()
        };
        let bytes = |elements: Option<u64>| elements.unwrap_or(0).saturating_mul(4);
        let input_bytes = bytes(operators.first().map(|work| work.input_elements));
        let output_bytes = bytes(operators.last().map(|work| work.output_elements));
        self.predict(worker, &on(worker), self.witness.map(on).as_deref(), [input_bytes, output_bytes])
    }

    /// A graph on a worker, as one unit where the profile says what units take; the first task that the worker cannot run, and why, where there is
    /// one.
    ///
    /// # Errors
    /// With the name of the task and the reason.
    pub fn graph(&self, worker: usize, graph: &Graph) -> Result<ModelPrediction, (String, String)> {
        let lowered = LoweredModel::of(graph, &self.device);
        let tasks = || (0..lowered.info.len()).map(TaskId::from_index);
        let id = WorkerId::from_index(worker);
        for task in tasks() {
            if let Some(reason) = &lowered.placement(task, id).unsupported {
                return Err((lowered.info[task.index()].name.clone(), reason.clone()));
            }
        }
        let on = |worker: usize| -> Vec<Kernel> {
            let id = WorkerId::from_index(worker);
            let kernel = |(piece, launch): (Piece, Launch)| {
                let placement = lowered.placement(piece.task, id);
                let duration_ns = lowered.costs.piece(piece, launch, id).map_or(0, |cost| cost.duration_ns) as f64;
                let class = lowered.tasks.work(piece.task).and_then(KernelClass::of);
                let log_deviation = lowered.costs.log_deviation(piece.task, id);
                Kernel { duration_ns, provenance: placement.provenance, in_range: placement.in_range, class, log_deviation }
            };
            Launch::of_segment(tasks().map(|task| Piece { task, part: Part::Whole })).map(kernel).collect()
        };
        let bytes =
            |tensors: &[sim::identifiers::TensorId]| tensors.iter().map(|&tensor| graph.tensor(tensor).bytes()).sum::<u64>();
        let ends = [bytes(graph.inputs()), bytes(graph.outputs())];
        Ok(self.predict(worker, &on(worker), self.witness.map(on).as_deref(), ends))
    }

    fn predict(&self, worker: usize, kernels: &[Kernel], witness: Option<&[Kernel]>, ends: [u64; 2]) -> ModelPrediction {
        let of = &self.profile.workers[worker];
        let (host, memory) = (self.device.host(), self.device.worker(WorkerId::from_index(worker)).memory);
        let copies_ns = if host == memory {
            0
        } else {
            self.device.copy_ns(host, memory, ends[0]).saturating_add(self.device.copy_ns(memory, host, ends[1]))
        };
        let sum = |keep: &dyn Fn(&Kernel) -> bool| kernels.iter().filter(|it| keep(it)).map(|it| it.duration_ns).sum::<f64>();
        let latency_ns = copies_ns as f64 + of.invocation_ns as f64 + sum(&|_| true);
        let unknown = sum(&|it| it.provenance == Provenance::Assumed || !it.in_range) / latency_ns.max(1.0);
        let count = |keep: &dyn Fn(&Kernel) -> bool| kernels.iter().filter(|it| keep(it)).count() as u64;
        let seen = witness.map_or(0, |kernels| kernels.iter().filter(|it| it.provenance == Provenance::Measured).count());
        let is_familiar = seen as f64 >= FAMILIAR_SHARE * kernels.len().max(1) as f64;
        // What is not known widens the interval, all of it to the same side at once.
        let spread = NINETY_PERCENT * UNKNOWN_LOG_DEVIATION * unknown;
        let end = |ratio: f64| {
            let log = libm::log(ratio);
            let far = libm::sqrt(log * log + spread * spread);
            latency_ns * libm::exp(if ratio < 1.0 { -far } else { far }) / 1e6
        };
        let of_models = of.model_errors.map(|errors| (errors.interval(is_familiar).map(end), errors.coverage));
        let of_kernels = || {
            let costs = &self.profile.costs[&of.name];
            let uncertain =
                |it: &Kernel| Uncertain { duration_ns: it.duration_ns, class: it.class, log_deviation: it.log_deviation };
            let kernels: Vec<Uncertain> = kernels.iter().map(uncertain).collect();
            let ratios = spread::interval(&kernels, latency_ns, costs.shared_errors(), self.profile.common_log_deviation())?;
            Some((ratios.map(|ratio| latency_ns * ratio / 1e6), spread::COVERAGE))
        };
        let interval = of_models.or_else(of_kernels);
        ModelPrediction {
            worker: of.name.clone(),
            latency_ms: latency_ns / 1e6,
            low_ms: interval.map(|([low, _], _)| low),
            high_ms: interval.map(|([_, high], _)| high),
            coverage: interval.map(|(_, coverage)| coverage),
            kernels: KernelCounts {
                measured: count(&|it| it.provenance == Provenance::Measured),
                fitted: count(&|it| it.provenance == Provenance::Fitted),
                assumed: count(&|it| it.provenance == Provenance::Assumed),
            },
            extrapolated: count(&|it| !it.in_range),
        }
    }
}

/// The worker that a processor and a core set, as data name them, are: `cpu` and `1large1med`, `cpu` and `4` (threads, where a
/// profile has threads, not clusters), or `gpu` and `gpu`.
pub fn worker_of(profile: &Profile, processor: &str, cores: &str) -> Option<usize> {
    let spelled = |cores: &str| {
        let cores = cores.trim().trim_start_matches("cpu.");
        if cores.contains("medium") { cores.to_owned() } else { cores.replace("med", "medium") }
    };
    let position = |name: &str| profile.workers.iter().position(|worker| worker.name == name);
    let threads = || {
        let count = cores.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        position(&format!("cpu.{count}thread")).or_else(|| position(&format!("cpu.{count}threads")))
    };
    if processor == "cpu" { position(&format!("cpu.{}", spelled(cores))).or_else(threads) } else { position(processor) }
}

/// The core set of a worker as data name it.
pub fn cores_of(worker: &str) -> String {
    worker.trim_start_matches("cpu.").replace("medium", "med")
}
