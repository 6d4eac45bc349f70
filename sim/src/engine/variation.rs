//! Durations drawn about their expectation.
//!
//! What is drawn for a kernel depends on the seed, its stream, the number of its request there, its task, part and worker, and on nothing
//! else: a strategy that places a task where another does sees the same duration (common random numbers).

use crate::cost::KernelClass;
use crate::engine::Variation;
use crate::engine::run::Engine;
use crate::identifiers::{ModelId, TaskId, WorkerId};
use crate::plan::Part;
use crate::random::{Purpose, Stream};
use crate::record::Recorder;

impl<R: Recorder> Engine<'_, R> {
    /// The duration of the kernel that a worker starts now.
    pub(super) fn vary(&self, worker: u16, slot: u32, expected_ns: u64) -> u64 {
        let request = &self.requests.items[slot as usize];
        let piece = request.program.kernel(self.workers[worker as usize].kernel);
        let model = request.model;
        let entity = entity(piece.task, piece.part, worker);
        let index = (u64::from(request.source) << 48) ^ request.ordinal;
        let of_kernel = || Stream::new(self.options.seed, Purpose::KernelDuration, entity, index);
        let residual = || {
            let costs = self.models[model.index()].costs;
            costs.log_deviation(piece.task, WorkerId(u32::from(worker)))
        };
        let noise = self.options.noise_log_deviation;
        let of_model = || {
            let deviation = libm::sqrt((residual() * residual() - noise * noise).max(0.0));
            let whole = self::entity(piece.task, Part::Whole, worker);
            let mut random = Stream::new(self.options.seed, Purpose::ModelError, whole, u64::from(model.0));
            self.shared_error(worker, model, piece.task) * log_normal(&mut random, deviation)
        };
        let factor = match self.options.variation {
            Variation::None => 1.0,
            Variation::Exponential => of_kernel().exponential(1.0),
            Variation::Residuals => log_normal(&mut of_kernel(), residual()),
            Variation::Noise => log_normal(&mut of_kernel(), residual().min(noise)),
            Variation::ModelError => of_model(),
            Variation::ModelErrorAndNoise => of_model() * log_normal(&mut of_kernel(), residual().min(noise)),
        };
        libm::round(expected_ns as f64 * factor) as u64
    }
}

impl<R: Recorder> Engine<'_, R> {
    /// What the model is wrong by about all tasks, about all of a worker, and about all of one class there: the same throughout a run.
    fn shared_error(&self, worker: u16, model: ModelId, task: TaskId) -> f64 {
        let errors = self.device.worker(WorkerId(u32::from(worker))).costs.shared_errors();
        let common =
            if errors.worker_log_deviation > 0.0 { errors.worker_log_deviation } else { self.options.common_log_deviation };
        let drawn = |purpose, entity, deviation| {
            if deviation > 0.0 { log_normal(&mut Stream::new(self.options.seed, purpose, entity, 0), deviation) } else { 1.0 }
        };
        let of_machine = drawn(Purpose::CommonError, u64::MAX, errors.machine_log_deviation);
        let of_worker = of_machine * drawn(Purpose::CommonError, u64::from(worker), common);
        if errors.class_log_deviation <= 0.0 {
            return of_worker;
        }
        let class = self.models[model.index()].tasks.work(task).and_then(KernelClass::of);
        // Each model by itself: what is the same in all models, segments of the calibration have told.
        let entity = class.map_or(u64::MAX, |class| u64::from(worker) << 48 | u64::from(model.0) << 16 | class as u64);
        of_worker * drawn(Purpose::ClassError, entity, errors.class_log_deviation)
    }
}

/// A log-normal number of mean 1.
fn log_normal(random: &mut Stream, deviation: f64) -> f64 {
    libm::exp(deviation * random.normal() - 0.5 * deviation * deviation)
}

/// A number that tells apart parts of tasks on workers: collisions would only make two kernels alike.
fn entity(task: TaskId, part: Part, worker: u16) -> u64 {
    let part = match part {
        Part::Whole => 0,
        Part::Rows { begin, end, .. } => (1 << 62) | (u64::from(begin) << 31) | u64::from(end),
        Part::Channels { begin, end, .. } => (2 << 62) | (u64::from(begin) << 31) | u64::from(end),
    };
    (u64::from(worker) << 32 | u64::from(task.0)) ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
