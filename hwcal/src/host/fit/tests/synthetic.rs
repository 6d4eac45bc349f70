//! Samples drawn from known laws, with noise.

use std::collections::BTreeMap;

use scenarios::profile::ProcessorKind;
use sim::cost::{KernelClass, KernelShape, slice_work};
use sim::graph::work::{Access, Geometry, KernelKind, OperatorWork};
use sim::plan::Part;

use crate::host::fit::{MachineDescription, Measured, ProcessorDescription, WorkerDescription};
use crate::host::sample::{Bound, Experiment, LaunchMode, Refusal, RefusalKind, Sample, SliceDimension, Timing, WorkRecord};

/// What a kernel takes.
pub(super) type Truth = fn(&KernelShape) -> f64;

/// Samples of a machine that does not exist.
pub(super) struct Machine {
    pub(super) samples: Vec<Sample>,
    refusals: Vec<Refusal>,
    noise: f64,
    state: u64,
}

impl Machine {
    /// Durations deviate by `noise` (standard deviation of their logarithm).
    pub(super) fn new(seed: u64, noise: f64) -> Self {
        Self { samples: Vec::new(), refusals: Vec::new(), noise, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    pub(super) fn measured(&self) -> Measured<'_> {
        Measured { samples: &self.samples, refusals: &self.refusals }
    }

    /// `cpu` works on host memory; every other worker has its own.
    pub(super) fn description(&self) -> MachineDescription {
        let mut names: Vec<&str> = self.samples.iter().map(|sample| sample.worker.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let kind = |name: &str| if name == "cpu" { ProcessorKind::Cpu } else { ProcessorKind::Gpu };
        MachineDescription {
            name: "synthetic".to_owned(),
            description: "Made up.".to_owned(),
            facts: BTreeMap::from([("processor".to_owned(), "made up".to_owned())]),
            command: String::new(),
            processors: names
                .iter()
                .map(|&name| ProcessorDescription {
                    name: name.to_owned(),
                    kind: kind(name),
                    cores: 1,
                    frequencies_khz: Vec::new(),
                })
                .collect(),
            workers: names
                .iter()
                .map(|&name| WorkerDescription {
                    name: name.to_owned(),
                    cores: BTreeMap::from([(name.to_owned(), 1)]),
                    is_host_memory: name == "cpu",
                    opens: Some(format!("{name}[cores=0]")),
                    ..WorkerDescription::default()
                })
                .collect(),
        }
    }

    /// Uniform in 0 ... 1.
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as f64 / 2_147_483_648.0
    }

    /// Nearly normal: the sum of twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn between(&mut self, least: f64, most: f64) -> u64 {
        libm::floor(least * libm::pow(most / least, self.uniform())) as u64
    }

    pub(super) fn push(&mut self, worker: &str, experiment: Experiment, duration_ns: f64) -> String {
        let noise = libm::exp(self.noise * self.normal());
        let p10_ns = (duration_ns * noise) as u64;
        let key = format!("{worker}/{}", self.samples.len());
        let timing = Timing {
            p10_ns,
            median_ns: p10_ns,
            samples: 15,
            spread: 0.0,
            stolen: 0,
            interval_ns: [p10_ns; 2],
            busy_p10_ns: None,
            turn_ns: None,
            prepared_ns: None,
            visits_ns: Vec::new(),
            batches_ms: Vec::new(),
        };
        self.samples.push(Sample { key: key.clone(), worker: worker.to_owned(), experiment, timing });
        key
    }

    fn operator(&mut self, worker: &str, op_type: &str, fused: &[&str], work: &OperatorWork, truth: Truth) {
        let experiment = Experiment::Operator {
            work: WorkRecord::from(work),
            op_type: op_type.to_owned(),
            fused: fused.iter().map(|&it| it.to_owned()).collect(),
            source: "synthetic".to_owned(),
            launch: LaunchMode::BackToBack,
        };
        self.push(worker, experiment, truth(&KernelShape::of(work)));
    }

    pub(super) fn convolutions(&mut self, worker: &str, count: usize, truth: Truth) {
        for _ in 0..count {
            let work = self.convolution();
            self.operator(worker, "Conv", &[], &work, truth);
        }
    }

    pub(super) fn fused_convolutions(&mut self, worker: &str, fused: &str, count: usize, truth: Truth) {
        for _ in 0..count {
            let work = self.convolution();
            self.operator(worker, "Conv", &[fused], &work, truth);
        }
    }

    fn convolution(&mut self) -> OperatorWork {
        let (size, inputs, outputs) = (self.between(7.0, 57.0), self.between(8.0, 256.0), self.between(8.0, 256.0));
        let kernel = if self.uniform() < 0.5 { 1 } else { 3 };
        convolution(size, inputs, outputs, kernel)
    }

    pub(super) fn activations(&mut self, worker: &str, op_type: &str, count: usize, truth: Truth) {
        for _ in 0..count {
            let (size, channels) = (self.between(7.0, 112.0), self.between(8.0, 256.0));
            let work =
                OperatorWork { kind: KernelKind::Activation, macs: 0, parameters: 0, ..convolution(size, channels, channels, 1) };
            self.operator(worker, op_type, &[], &work, truth);
        }
    }

    /// Every operator so far, halved by channels.
    pub(super) fn slices(&mut self, worker: &str, truth: Truth) {
        for sample in self.samples.clone() {
            let Experiment::Operator { work, .. } = sample.experiment else { continue };
            let of = work.geometry.out_channels;
            let half = OperatorWork::from(&work);
            let half = slice_work(&half, Part::Channels { begin: 0, end: (of / 2) as u32, of: of as u32 });
            let dimension = SliceDimension::Channels;
            let experiment = Experiment::Slice { work, dimension, begin: 0, end: of / 2, of, whole_key: sample.key };
            self.push(worker, experiment, truth(&KernelShape::of(&half)));
        }
    }

    /// Segments of `length` of the operators so far, taking `alone + sum of factor x (operator - alone)`.
    pub(super) fn segments(&mut self, worker: &str, models: usize, length: usize, alone_ns: f64, factor: fn(KernelClass) -> f64) {
        let operators: Vec<Sample> =
            self.samples.iter().filter(|sample| matches!(sample.experiment, Experiment::Operator { .. })).cloned().collect();
        for index in 0..12 * models {
            let mut duration_ns = alone_ns;
            let (mut tasks, mut task_keys) = (Vec::new(), Vec::new());
            for _ in 0..length {
                let at = (self.uniform() * operators.len() as f64) as usize % operators.len();
                let Experiment::Operator { work, .. } = &operators[at].experiment else { continue };
                let class = KernelClass::of(&OperatorWork::from(work)).expect("no view");
                duration_ns += factor(class) * (operators[at].timing.p10_ns as f64 - alone_ns);
                tasks.push(work.clone());
                task_keys.push(operators[at].key.clone());
            }
            let experiment =
                Experiment::Segment { model: format!("model{}", index % models), first_task: index, tasks, task_keys };
            self.push(worker, experiment, duration_ns);
        }
    }

    /// A copy of a tensor that asks for so many bytes in a nanosecond, and takes a factor longer under pressure.
    pub(super) fn pressure(&mut self, worker: &str, with: &str, (own, other): (Bound, Bound), demand: f64, slowdown: f64) {
        let work_of = |bound: Bound| {
            let channels = if bound == Bound::Memory { 512 } else { 1 };
            OperatorWork { kind: KernelKind::Activation, macs: 0, parameters: 0, ..convolution(64, channels, channels, 1) }
        };
        let work = work_of(own);
        let bytes = 4 * (work.input_elements + work.output_elements);
        let alone_ns = (bytes as f64 / demand) as u64;
        let alone_ns = if own == Bound::Compute { 100 * alone_ns } else { alone_ns };
        let experiment = Experiment::Contention {
            with: with.to_owned(),
            own,
            other,
            work: WorkRecord::from(&work),
            other_work: WorkRecord::from(&work_of(other)),
            alone_ns,
            together_ns: (alone_ns as f64 * slowdown) as u64,
        };
        self.push(worker, experiment, alone_ns as f64 * slowdown);
    }

    /// Every operator again, apart, with the given noise.
    pub(super) fn repeat(&mut self, worker: &str, noise: f64) {
        for sample in self.samples.clone() {
            let second_ns = (sample.timing.p10_ns as f64 * libm::exp(noise * self.normal())) as u64;
            let (first_ns, apart_ns) = (sample.timing.p10_ns, 1_000_000_000);
            self.push(worker, Experiment::Noise { of: sample.key, first_ns, second_ns, apart_ns }, first_ns as f64);
        }
    }

    pub(super) fn refuse(&mut self, worker: &str, op_type: &str, work: Option<&OperatorWork>, message: &str) {
        self.refusals.push(Refusal {
            key: format!("{worker}/refused/{}", self.refusals.len()),
            worker: worker.to_owned(),
            why: RefusalKind::Unsupported,
            op_type: op_type.to_owned(),
            work: work.map(WorkRecord::from),
            message: message.to_owned(),
        });
    }
}

/// A square convolution that keeps its size.
pub(super) fn convolution(size: u64, in_channels: u64, out_channels: u64, kernel: u64) -> OperatorWork {
    let (input, output) = (size * size * in_channels, size * size * out_channels);
    let parameters = in_channels * out_channels * kernel * kernel;
    OperatorWork {
        kind: KernelKind::Convolution,
        macs: size * size * parameters,
        input_elements: input,
        output_elements: output,
        parameters,
        input_bytes: 4 * input,
        output_bytes: 4 * output,
        weight_bytes: 4 * parameters,
        input_count: 1,
        geometry: Geometry {
            batch: 1,
            in_height: size + kernel - 1,
            in_width: size + kernel - 1,
            in_channels,
            out_height: size,
            out_width: size,
            out_channels,
            kernel_height: kernel,
            kernel_width: kernel,
            stride_height: 1,
            stride_width: 1,
            dilation_height: 1,
            dilation_width: 1,
            groups: 1,
        },
        access: Access::default(),
        joined_elements: 0,
    }
}
