//! The experiments on one worker, stratum by stratum.

use std::collections::BTreeSet;
use std::sync::Arc;

use executor::Transfer;
use sim::graph::work::KernelKind;
use sim::graph::{Attributes, Graph, OperatorWork, RawGraph};
use sim::plan::Part;

use super::jobs::{Job, Measurement, Source, What, bytes_of, expected_launch_ns};
use super::order::Stratum;
use super::points::{self, KINDS};
use super::sequence::{Halton, spread};
use super::zoo::Model;
use super::{CORNER, NEAR, WorkerShape, hash, near};
use crate::host::sample::{Bound, CopyDirection, Experiment, LaunchMode, SliceDimension, WorkRecord};

/// Repetitions that are expected.
const REPETITIONS: f64 = 20.0;
/// Beyond it a gap before the launch makes no difference.
const LONG_LAUNCH_NS: f64 = 1e7;
/// One in so many operators is measured after a gap too.
const ALONE: u64 = 8;
/// Operators of other sizes for each task of the zoo that is no dense convolution; of those there are enough with one.
const RELATIVES: u64 = 2;
/// Second measurements of a worker in a row.
const TOGETHER: usize = 4;
/// Longest launch in a quick run.
const QUICK_LAUNCH_NS: f64 = 1.5e7;
/// Most weights in a quick run: they have to be drawn and packed.
const QUICK_BYTES: u64 = 80_000_000;

/// Everything that is measured on a worker, but for the noise.
pub(super) fn strata(worker: usize, workers: &[WorkerShape], models: &[Model], is_quick: bool, seed: u64) -> Vec<Stratum> {
    let maker = Maker { worker, workers, is_quick, seed };
    let tasks = zoo_tasks(models);
    let mut operators = maker.operators(&tasks);
    let (slices, wholes) = maker.slices(&tasks);
    // What slices are compared with comes first.
    for stratum in &mut operators {
        stratum.jobs.sort_by_key(|job| !job.keys().any(|key| wholes.contains(key)));
    }
    let mut strata = operators;
    strata.push(Stratum { share: 0.14, jobs: slices });
    strata.push(Stratum { share: if is_quick { 0.35 } else { 0.20 }, jobs: maker.segments(models) });
    strata.push(Stratum { share: 0.06, jobs: maker.copies() });
    strata.push(Stratum { share: 0.05, jobs: maker.launches() });
    strata.push(Stratum { share: 0.20, jobs: maker.contention() });
    strata.push(Stratum { share: 0.10, jobs: maker.long_runs() });
    strata
}

/// Second measurements of early jobs of every worker, of as many kinds as there are.
pub(super) fn noise(workers: &[WorkerShape], jobs: &[Job], is_quick: bool) -> Vec<Job> {
    let count = if is_quick { 24 } else { 100 };
    let mut closing: Vec<Vec<Job>> = Vec::new();
    for (worker, shape) in workers.iter().enumerate() {
        // What users run, evenly from all that there is of it.
        let is_early = |job: &&Job| {
            let What::Unit { source, measurements } = &job.what else { return false };
            let of_zoo = matches!(measurements.first().map(|it| &it.experiment), Some(Experiment::Operator { source, .. }) if source != CORNER);
            job.worker == worker && of_zoo && source.lead().is_some()
        };
        let own: Vec<&Job> = jobs.iter().filter(is_early).collect();
        let own = &own[..if is_quick { own.len() * 2 / 3 } else { own.len() }];
        let turns = (0..count).filter_map(|place| own.get(place * own.len() / count).copied());
        let mut of_worker = Vec::new();
        for job in turns {
            let What::Unit { source, measurements } = &job.what else { continue };
            let Some(measurement) = measurements.last() else { continue };
            let name = measurement.key.split_once('/').map_or("", |(_, name)| name);
            of_worker.push(Job {
                worker,
                what: What::Noise {
                    key: format!("{}/noise/{name}", shape.name),
                    of: measurement.key.clone(),
                    source: source.clone(),
                    launch: measurement.launch,
                },
                expected_ns: job.expected_ns / measurements.len() as f64,
                bytes: job.bytes,
                attempts: 0,
            });
        }
        closing.push(of_worker);
    }
    // A few of each worker in turn: each at another time.
    let longest = closing.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..longest.div_ceil(TOGETHER)).flat_map(|turn| {
        let at = |jobs: &Vec<Job>| jobs.chunks(TOGETHER).nth(turn).unwrap_or(&[]).to_vec();
        closing.iter().flat_map(at).collect::<Vec<Job>>()
    });
    turns.collect()
}

/// A distinct task of the zoo.
struct ZooTask<'a> {
    model: &'a Model,
    task: usize,
    /// Tells tasks of different work apart.
    name: String,
}

/// Distinct tasks of all models, each where it is seen first.
fn zoo_tasks(models: &[Model]) -> Vec<ZooTask<'_>> {
    let mut known = BTreeSet::new();
    let all = models.iter().flat_map(|model| (0..model.tasks.len()).map(move |task| (model, task)));
    all.map(|(model, task)| ZooTask { model, task, name: task_name(model, task) })
        .filter(|task| known.insert(task.name.clone()))
        .collect()
}

/// Names an operator by its type, by what is fused into it, by its work, and by the bytes of all that it reads and makes: what is
/// fused into it may read more than it makes.
fn operator_name(op_type: &str, fused: &[String], work: &WorkRecord, request_bytes: u64) -> String {
    let work = serde_json::to_string(work).unwrap_or_default();
    let identity = format!("{op_type}+{}: {work}, {request_bytes}", fused.join("+"));
    format!("{}/{:016x}", op_type.to_lowercase(), hash(identity.as_bytes()))
}

fn task_name(model: &Model, task: usize) -> String {
    let operator = model.graph.operator(model.tasks[task].lead);
    operator_name(&operator.op_type, &model.fused(task), &WorkRecord::from(model.work(task)), model.request_bytes(task))
}

const fn mode_name(launch: LaunchMode) -> &'static str {
    match launch {
        LaunchMode::Alone => "alone",
        LaunchMode::BackToBack => "back_to_back",
    }
}

struct Maker<'a> {
    worker: usize,
    workers: &'a [WorkerShape],
    is_quick: bool,
    seed: u64,
}

impl Maker<'_> {
    fn shape(&self) -> &WorkerShape {
        &self.workers[self.worker]
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.shape().name)
    }

    fn job(&self, what: What, expected_ns: f64, bytes: u64) -> Job {
        Job { worker: self.worker, what, expected_ns, bytes, attempts: 0 }
    }

    /// A job that runs a unit; `None` where it is too much for a quick run.
    fn unit(&self, source: Source, measurements: Vec<Measurement>, launch_ns: f64, bytes: u64) -> Option<Job> {
        if self.is_quick && (launch_ns > QUICK_LAUNCH_NS || bytes > QUICK_BYTES) {
            return None;
        }
        let of_mode = |measurement: &Measurement| match measurement.launch {
            LaunchMode::Alone => 600_000.0 + launch_ns,
            LaunchMode::BackToBack => launch_ns.max(250_000.0),
        };
        let modes: f64 = measurements.iter().map(of_mode).sum();
        let preparation_ns = 3e6 + 3.0 * launch_ns + 2.0 * bytes as f64;
        Some(self.job(What::Unit { source, measurements }, preparation_ns + REPETITIONS * modes, bytes))
    }

    /// One operator back to back; one in four in both modes, but for the longest.
    fn operator(&self, source: Source, name: &str, fused: &[String], from: &str, work: &OperatorWork, bytes: u64) -> Option<Job> {
        let launch_ns = expected_launch_ns([work]) + bytes.saturating_sub(bytes_of(work)) as f64 / 5.0;
        let (op_type, _) = source.lead()?;
        let is_in_both = launch_ns <= LONG_LAUNCH_NS && hash(name.as_bytes()).is_multiple_of(ALONE);
        let modes: &[LaunchMode] =
            if is_in_both { &[LaunchMode::Alone, LaunchMode::BackToBack] } else { &[LaunchMode::BackToBack] };
        let measurement = |&launch: &LaunchMode| Measurement {
            key: self.key(&format!("operator/{name}/{}", mode_name(launch))),
            launch,
            experiment: Experiment::Operator {
                work: WorkRecord::from(work),
                op_type: op_type.clone(),
                fused: fused.to_vec(),
                source: from.to_owned(),
                launch,
            },
        };
        self.unit(source, modes.iter().map(measurement).collect(), launch_ns, bytes)
    }

    /// A stratum for each kind of kernel: tasks of the zoo, others like them, and points of the whole space in turn.
    fn operators(&self, tasks: &[ZooTask<'_>]) -> Vec<Stratum> {
        let strata = KernelKind::ALL.into_iter().map(|kind| {
            let of_zoo = tasks.iter().filter(|task| task.model.work(task.task).kind == kind).filter_map(|task| {
                let operator = &task.model.graph.operator(task.model.tasks[task.task].lead).name;
                let source = Source::Tasks { model: task.model.clone(), first: task.task, count: 1 };
                let from = format!("{}/{operator}", task.model.graph.name);
                let bytes = task.model.request_bytes(task.task) + task.model.work(task.task).weight_bytes;
                self.operator(source, &task.name, &task.model.fused(task.task), &from, task.model.work(task.task), bytes)
            });
            let others = alternate(by_cost(self.near(kind, tasks)), by_cost(self.points(kind)));
            let jobs = in_turns(by_cost(of_zoo.collect()), if self.is_quick { 3 } else { 1 }, others);
            Stratum { share: share(kind), jobs }
        });
        strata.filter(|stratum| !stratum.jobs.is_empty()).collect()
    }

    /// For each task of the zoo some of other sizes.
    fn near(&self, kind: KernelKind, tasks: &[ZooTask<'_>]) -> Vec<Job> {
        let of_kind = tasks.iter().filter(|task| task.model.work(task.task).kind == kind);
        let relatives = if self.is_quick || kind == KernelKind::Convolution { 1 } else { RELATIVES };
        of_kind
            .flat_map(|task| (0..relatives).map(move |relative| (task, relative)))
            .filter_map(|(task, relative)| {
                let seed = self.seed.wrapping_add(relative << 32);
                let model = near::near(task.model, task.task, &task.name, seed)?;
                let operator = &task.model.graph.operator(task.model.tasks[task.task].lead).name;
                let from = format!("{NEAR}/{}/{operator}", task.model.graph.name);
                let (name, fused, work) = (task_name(&model, 0), model.fused(0), model.work(0).clone());
                let bytes = model.request_bytes(0) + work.weight_bytes;
                let source = Source::Tasks { model, first: 0, count: 1 };
                self.operator(source, &name, &fused, &from, &work, bytes)
            })
            .collect()
    }

    fn points(&self, kind: KernelKind) -> Vec<Job> {
        let count = KINDS.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| *count);
        let count = if self.is_quick { count / 8 } else { count / 2 };
        let graphs = points::points(kind, self.seed, count).into_iter().filter_map(|raw| raw.build().ok());
        graphs
            .filter_map(|graph| {
                let graph = Arc::new(graph);
                let operator = graph.operators().first()?;
                let work = graph.work(operator.id).clone();
                let name = operator_name(&operator.op_type, &[], &WorkRecord::from(&work), work.input_bytes + work.output_bytes);
                self.operator(Source::Graph(Arc::clone(&graph)), &name, &[], CORNER, &work, bytes_of(&work))
            })
            .collect()
    }

    /// Tenths of convolutions and matrix products of all sizes, by rows and by channels, from either end; and keys of the wholes.
    fn slices(&self, tasks: &[ZooTask<'_>]) -> (Vec<Job>, BTreeSet<String>) {
        let kinds = [
            (KernelKind::Convolution, 20),
            (KernelKind::DepthwiseConvolution, 6),
            (KernelKind::FullyConnected, 4),
            (KernelKind::GroupedConvolution, 2),
        ];
        let (mut jobs, mut wholes) = (Vec::new(), BTreeSet::new());
        for (kind, count) in kinds {
            let worth_it = |task: &&ZooTask<'_>| {
                let launch_ns = expected_launch_ns([task.model.work(task.task)]);
                let is_single = task.model.tasks[task.task].wanted.len() == 1;
                task.model.work(task.task).kind == kind && is_single && (2e5..1.5e7).contains(&launch_ns)
            };
            let mut chosen: Vec<&ZooTask<'_>> = tasks.iter().filter(worth_it).collect();
            chosen.sort_by_key(|task| task.model.work(task.task).macs);
            for task in spread(chosen).into_iter().take(if self.is_quick { count / 2 } else { count }) {
                let of_task = self.slices_of(task);
                if !of_task.is_empty() {
                    wholes.insert(self.key(&format!("operator/{}/back_to_back", task.name)));
                }
                jobs.push(of_task);
            }
        }
        // A few ratios of every task, then more of every task.
        let longest = jobs.iter().map(Vec::len).max().unwrap_or(0);
        let turns =
            (0..longest.div_ceil(6)).flat_map(|turn| jobs.iter().flat_map(move |jobs| jobs.chunks(6).nth(turn).unwrap_or(&[])));
        (turns.cloned().collect(), wholes)
    }

    fn slices_of(&self, task: &ZooTask<'_>) -> Vec<Job> {
        let work = task.model.work(task.task);
        let whole_key = self.key(&format!("operator/{}/back_to_back", task.name));
        let mut jobs = Vec::new();
        let mut known = BTreeSet::new();
        for tenth in spread((1_u64..10).collect()) {
            for dimension in [SliceDimension::Rows, SliceDimension::Channels] {
                let (name, of) = match dimension {
                    SliceDimension::Rows => ("rows", work.geometry.out_height),
                    SliceDimension::Channels => ("channels", work.geometry.out_channels),
                };
                let at = of * tenth / 10;
                // Small parts from the begin, large ones up to the end: with tenths on both sides every split has its two parts.
                let (begin, end) = if tenth % 2 == 1 { (0, at) } else { (at, of) };
                if begin == end || end - begin == of || !known.insert((name, begin, end)) {
                    continue;
                }
                let (Ok(first), Ok(last), Ok(all)) = (u32::try_from(begin), u32::try_from(end), u32::try_from(of)) else {
                    continue;
                };
                let part = match dimension {
                    SliceDimension::Rows => Part::Rows { begin: first, end: last, of: all },
                    SliceDimension::Channels => Part::Channels { begin: first, end: last, of: all },
                };
                if task.model.part_unit(task.task, part).is_err() {
                    continue;
                }
                let measurement = Measurement {
                    key: self.key(&format!("slice/{}/{name}/{begin}-{end}", task.name)),
                    launch: LaunchMode::BackToBack,
                    experiment: Experiment::Slice {
                        work: WorkRecord::from(work),
                        dimension,
                        begin,
                        end,
                        of,
                        whole_key: whole_key.clone(),
                    },
                };
                let launch_ns = expected_launch_ns([work]) * (end - begin) as f64 / of as f64;
                let source = Source::Part { model: task.model.clone(), task: task.task, part };
                jobs.extend(self.unit(
                    source,
                    vec![measurement],
                    launch_ns,
                    task.model.request_bytes(task.task) + work.weight_bytes,
                ));
            }
        }
        jobs
    }

    /// Windows of all models, and all models whole.
    fn segments(&self, models: &[Model]) -> Vec<Job> {
        let mut windows = Vec::new();
        let mut whole = Vec::new();
        let mut halton = Halton::new(self.seed, "segments");
        for model in models {
            let tasks = model.tasks.len();
            for _ in 0..(if self.is_quick { 4 } else { 6 }) {
                let point = halton.next();
                let count = (libm::exp2(1.0 + 4.0 * point[0]) as usize).clamp(2, tasks.max(2));
                let first = ((tasks.saturating_sub(count) + 1) as f64 * point[1]) as usize;
                if first + count <= tasks && count < tasks {
                    windows.extend(self.segment(model, first, count));
                }
            }
            whole.extend(self.segment(model, 0, tasks));
        }
        alternate(by_cost(windows), by_cost(whole))
    }

    fn segment(&self, model: &Model, first: usize, count: usize) -> Option<Job> {
        let tasks = first..first + count;
        let works: Vec<&OperatorWork> = tasks.clone().map(|task| model.work(task)).collect();
        let launch_ns = expected_launch_ns(works.iter().copied());
        let weights: u64 = works.iter().map(|work| work.weight_bytes).sum();
        let largest = works.iter().map(|work| work.input_bytes + work.output_bytes).max().unwrap_or(0);
        let measurement = Measurement {
            key: self.key(&format!("segment/{}/{first}+{count}", model.graph.name)),
            launch: LaunchMode::BackToBack,
            experiment: Experiment::Segment {
                model: model.graph.name.clone(),
                first_task: first,
                tasks: works.iter().map(|&work| WorkRecord::from(work)).collect(),
                task_keys: tasks.map(|task| self.key(&format!("operator/{}/back_to_back", task_name(model, task)))).collect(),
            },
        };
        let is_too_long = launch_ns > if self.is_quick { 6e7 } else { 3e8 };
        if is_too_long || (self.is_quick && weights > QUICK_BYTES) {
            return None;
        }
        let expected_ns = 5e6 + REPETITIONS * launch_ns.max(250_000.0) + 2.0 * weights as f64;
        let source = Source::Tasks { model: model.clone(), first, count };
        Some(self.job(What::Unit { source, measurements: vec![measurement] }, expected_ns, weights + 2 * largest))
    }

    /// 1 KiB to 16 MiB in every direction that the worker has.
    fn copies(&self) -> Vec<Job> {
        let directions: &[CopyDirection] = match self.shape().transfer {
            Transfer::Map => {
                &[CopyDirection::Map, CopyDirection::Unmap, CopyDirection::Upload, CopyDirection::Download, CopyDirection::Within]
            }
            Transfer::None | Transfer::Copy => &[CopyDirection::Upload, CopyDirection::Download, CopyDirection::Within],
        };
        let exponents: Vec<u32> = if self.is_quick { (10..=24).step_by(2).collect() } else { (10..=24).collect() };
        let sizes = spread(exponents.into_iter().map(|exponent| 1_u64 << exponent).collect());
        let all = sizes.iter().flat_map(|&bytes| directions.iter().map(move |&direction| (bytes, direction)));
        all.map(|(bytes, direction)| {
            let name = match direction {
                CopyDirection::Upload => "upload",
                CopyDirection::Download => "download",
                CopyDirection::Map => "map",
                CopyDirection::Unmap => "unmap",
                CopyDirection::Within => "within",
            };
            let key = self.key(&format!("copy/{name}/{bytes}"));
            self.job(What::Copy { key, direction, bytes }, 1e6 + 60.0 * (20_000.0 + bytes as f64 / 5.0), 2 * bytes)
        })
        .collect()
    }

    /// A unit with next to no work, and the hand-over to the worker's thread.
    fn launches(&self) -> Vec<Job> {
        let modes = [LaunchMode::Alone, LaunchMode::BackToBack];
        let measurement = |launch| Measurement {
            key: self.key(&format!("launch/{}", mode_name(launch))),
            launch,
            experiment: Experiment::Launch { launch },
        };
        let unit = self.unit(Source::Graph(minimal()), modes.into_iter().map(measurement).collect(), 3_000.0, 8);
        let wake_up = self.job(What::WakeUp { key: self.key("wake_up") }, 60.0 * 600_000.0, 0);
        unit.into_iter().chain([wake_up]).collect()
    }

    /// Against every worker that this one shares no core with.
    fn contention(&self) -> Vec<Job> {
        let bounds = [Bound::Memory, Bound::Compute];
        let pairs = bounds.into_iter().flat_map(|own| bounds.into_iter().map(move |other| (own, other)));
        let name = |bound| match bound {
            Bound::Compute => "compute",
            Bound::Memory => "memory",
        };
        let mut jobs = Vec::new();
        for (own, other) in pairs {
            for (with, worker) in self.workers.iter().enumerate() {
                if with != self.worker && worker.is_apart_from(self.shape()) {
                    let key = self.key(&format!("contention/{}/{}-{}", worker.name, name(own), name(other)));
                    jobs.push(self.job(What::Contention { key, with, own, other }, 8e8, 96 << 20));
                }
            }
        }
        jobs
    }

    /// Sustained load, frequency and power: the latter two where they can be read.
    fn long_runs(&self) -> Vec<Job> {
        let duration_ns = if self.is_quick { 2_000_000_000 } else { 10_000_000_000 };
        let what = What::Sustained { key: self.key("sustained"), duration_ns };
        let mut jobs = vec![self.job(what, duration_ns as f64, 1 << 20)];
        for &core in &self.shape().readable_cores {
            jobs.push(self.job(What::Frequency { key: self.key(&format!("frequency/{core}")), core }, 1e8, 1 << 20));
        }
        if self.shape().has_power_counter {
            jobs.push(self.job(What::Power { key: self.key("power") }, 1.5e9, 1 << 20));
        }
        jobs
    }
}

/// Shares of the kinds of kernels: what models spend their time in has more.
const fn share(kind: KernelKind) -> f64 {
    match kind {
        KernelKind::Convolution => 0.25,
        KernelKind::DepthwiseConvolution | KernelKind::FullyConnected => 0.06,
        KernelKind::GroupedConvolution
        | KernelKind::TransposedConvolution
        | KernelKind::MatrixMultiply
        | KernelKind::Elementwise
        | KernelKind::Activation
        | KernelKind::Concatenate
        | KernelKind::DataMovement => 0.03,
        _ => 0.02,
    }
}

fn by_cost(mut jobs: Vec<Job>) -> Vec<Job> {
    jobs.sort_by(|one, other| one.expected_ns.total_cmp(&other.expected_ns));
    // The few that are expected to take half a second and more come last: each costs as much as ten others.
    let heavy = jobs.split_off(jobs.partition_point(|job| job.expected_ns < 5e8));
    let mut jobs = spread(jobs);
    jobs.extend(heavy);
    jobs
}

/// One of each in turn.
fn alternate(one: Vec<Job>, other: Vec<Job>) -> Vec<Job> {
    in_turns(one, 1, other)
}

/// Some of the first, then one of the other, over and over.
fn in_turns(first: Vec<Job>, some: usize, other: Vec<Job>) -> Vec<Job> {
    let mut merged = Vec::with_capacity(first.len() + other.len());
    let (mut first, mut other) = (first.into_iter(), other.into_iter());
    while first.len() + other.len() > 0 {
        merged.extend(first.by_ref().take(some));
        merged.extend(other.next());
    }
    merged
}

/// The rectification of one number.
fn minimal() -> Arc<Graph> {
    let raw = RawGraph::new("minimal").with_input("x", &[1, 1, 1, 1]).with_operator("Relu", &["x"], &["y"], Attributes::new());
    Arc::new(raw.with_output("y").build().expect("a valid graph"))
}
