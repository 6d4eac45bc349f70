//! Launches of an observed run beside what a profile says of them.

use std::collections::BTreeMap;

use hwcal::host::{ObservedCopy, ObservedLaunch};
use results::{ObservedKernel, ObservedRun, PlanRecord};
use sim::cost::KernelClass;
use sim::identifiers::{LinkId, WorkerId};
use sim::plan::{Launch, Piece, Plan};
use sim::statistics::median;
use sim::task::kernel_work;

use crate::run::{Inputs, Job, Model};

/// What tells launches of one kind apart: model, plan, segment, first piece, pieces, worker.
type Kind = (u32, usize, u32, usize, usize, u32);

/// Distinct launches of a run, each with the median of what it took and the prediction of the inputs' profile.
pub(crate) fn launches(job: &Job, inputs: &Inputs, run: &ObservedRun) -> Vec<ObservedLaunch> {
    let used = job.used(inputs);
    let mut of_segments: BTreeMap<(u32, u32), Vec<&ObservedKernel>> = BTreeMap::new();
    for kernel in &run.kernels {
        of_segments.entry((kernel.request, kernel.segment)).or_default().push(kernel);
    }
    let mut measured: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
    for kernels in of_segments.values() {
        let Some(first) = kernels.first() else { continue };
        let plan = plan_of(run, first);
        let mut at = 0;
        while at < kernels.len() {
            let kernel = kernels[at];
            let count = kernels[at + 1..].iter().take_while(|next| next.kernels == 0).count() + 1;
            let kind = (kernel.model, plan, kernel.segment, at, count, kernel.worker);
            measured.entry(kind).or_default().push(kernel.end_ns.saturating_sub(kernel.start_ns) as f64);
            at += count;
        }
    }
    let plans = Plans::of(run);
    let launch = |((model, plan, segment, first, count, worker), durations): (Kind, Vec<f64>)| {
        let of = job.model(inputs, *used.get(model as usize)?);
        let pieces = plans.pieces(model as usize, plan, segment)?;
        Some(ObservedLaunch {
            worker: inputs.device.workers().get(worker as usize)?.name.clone(),
            predicted_ns: predicted(of, &pieces, first..first + count, WorkerId(worker)),
            measured_ns: median(&durations).ok()?,
        })
    };
    measured.into_iter().filter_map(launch).collect()
}

/// Copies of a run by link and size.
pub(crate) fn copies(inputs: &Inputs, run: &ObservedRun) -> Vec<ObservedCopy> {
    let mut measured: BTreeMap<(u32, u64), Vec<f64>> = BTreeMap::new();
    for copy in &run.copies {
        measured.entry((copy.link, copy.bytes)).or_default().push(copy.end_ns.saturating_sub(copy.start_ns) as f64);
    }
    let copy = |((link, bytes), durations): ((u32, u64), Vec<f64>)| {
        let link = ((link as usize) < inputs.device.links().len()).then(|| inputs.device.link(LinkId(link)))?;
        let measured_ns = median(&durations).ok()?;
        Some(ObservedCopy { link: link.name.clone(), predicted_ns: link.solo_ns(bytes) as f64, measured_ns })
    };
    measured.into_iter().filter_map(copy).collect()
}

/// Which plan a kernel's request followed: 0 for the first, else one more than the index of what replaced it.
pub(super) fn plan_of(run: &ObservedRun, kernel: &ObservedKernel) -> usize {
    let is_in_force = |replaced: &results::Replaced| replaced.model == kernel.model && replaced.from_request <= kernel.request;
    run.choices.replaced.iter().rposition(is_in_force).map_or(0, |index| index + 1)
}

/// All plans of a run.
pub(super) struct Plans {
    first: Vec<Option<Plan>>,
    replaced: Vec<Option<Plan>>,
}

impl Plans {
    pub(super) fn of(run: &ObservedRun) -> Self {
        let first = run.choices.plans.iter().map(PlanRecord::plan).collect();
        Self { first, replaced: run.choices.replaced.iter().map(|replaced| replaced.plan.plan()).collect() }
    }

    /// The pieces of a segment.
    pub(super) fn pieces(&self, model: usize, plan: usize, segment: u32) -> Option<Vec<Piece>> {
        let plan = if plan == 0 { self.first.get(model)? } else { self.replaced.get(plan - 1)? }.as_ref()?;
        let is_there = (segment as usize) < plan.segments().len();
        is_there.then(|| plan.pieces(sim::identifiers::SegmentId(segment)).to_vec())
    }
}

/// What kernels of a segment are expected to take, by class.
fn predicted(model: &Model, pieces: &[Piece], range: std::ops::Range<usize>, worker: WorkerId) -> Vec<(KernelClass, f64)> {
    let costs = &model.lowered.costs;
    let kernels = Launch::of_segment(pieces.iter().copied()).enumerate().filter(|(index, _)| range.contains(index));
    let kernel = |(_, (piece, launch)): (usize, (Piece, Launch))| {
        let info = &model.lowered.info[piece.task.index()];
        let class = KernelClass::of(&kernel_work(&model.graph, &info.operators, info.lead))?;
        Some((class, costs.kernel_ns(piece, launch, worker)? as f64))
    };
    kernels.filter_map(kernel).collect()
}
