//! Placements from a run.

use std::collections::BTreeSet;

use sim::frontend::analysis::{Conversions, RoundTrip};
use sim::identifiers::{DataId, MemoryId, ModelId, TaskId, WorkerId};
use sim::plan::Part;

use crate::placement::cost::{ModelSums, TaskSums};
use crate::placement::{FallbackCost, LayoutConversions, LayoutRoundTrip, Placement, Ran, TaskPlacement, Why, WorkerOption};
use crate::{ModelInfo, RunResult};

/// The placement of each model of a run.
///
/// # Panics
/// If the records name models, tasks, workers or links that the run does not have.
pub fn placements(run: &RunResult<'_>) -> Vec<Placement> {
    (0..run.models.len()).map(|index| of_model(run, ModelId::from_index(index))).collect()
}

fn of_model(run: &RunResult<'_>, model: ModelId) -> Placement {
    let info = &run.models[model.index()];
    let sums = ModelSums::of(run, model);
    let builder = Builder { run, info, homes: sums.tasks.iter().map(TaskSums::home).collect(), sums: &sums };
    let tasks: Vec<TaskPlacement> = info.model.tasks.tasks().map(|task| builder.task(task)).collect();
    Placement {
        case: run.case.to_owned(),
        strategy: run.strategy.to_owned(),
        origin: run.origin,
        model: info.model.name.to_owned(),
        primary: info.primary.iter().map(|&worker| run.device.worker(worker).name.clone()).collect(),
        requests: sums.requests,
        account: sums.account,
        fallback: total(tasks.iter().filter_map(|task| task.fallback)),
        conversions: builder.conversions(),
        tasks,
    }
}

struct Builder<'a> {
    run: &'a RunResult<'a>,
    info: &'a ModelInfo<'a>,
    /// Where each task mostly ran.
    homes: Vec<Option<WorkerId>>,
    sums: &'a ModelSums,
}

impl Builder<'_> {
    fn task(&self, task: TaskId) -> TaskPlacement {
        let sums = &self.sums.tasks[task.index()];
        let options: Vec<WorkerOption> = self.run.device.worker_ids().map(|worker| self.option(task, worker)).collect();
        TaskPlacement {
            task: task.0,
            name: self.info.task_name(task.index()),
            kind: self.info.task_kind(task.index()).to_owned(),
            operators: self.info.tasks.get(task.index()).map_or_else(Vec::new, |info| info.operators.clone()),
            reads: self.reads(task),
            ran: self.ran(sums),
            copies_in: sums.copies_in.for_each_of(self.sums.requests),
            copies_out: sums.copies_out.for_each_of(self.sums.requests),
            why: self.why(sums, &options),
            fallback: self.fallback(sums, &options),
            options,
        }
    }

    fn reads(&self, task: TaskId) -> Vec<u32> {
        let graph = self.info.model.tasks;
        let makers: BTreeSet<u32> =
            graph.inputs(task).iter().filter_map(|&data| graph.producer(data)).map(|maker| maker.0).collect();
        makers.into_iter().collect()
    }

    fn ran(&self, sums: &TaskSums) -> Vec<Ran> {
        let mean = |sum: u64, kernels: u64| sum as f64 / kernels as f64;
        let of_worker = |(&(worker, part), sums): (&(WorkerId, Part), &super::cost::KernelSums)| Ran {
            worker: self.run.device.worker(worker).name.clone(),
            part: part_text(part),
            kernels: sums.kernels,
            queued_ns: mean(sums.queued_ns, sums.kernels),
            invocation_ns: mean(sums.invocation_ns, sums.kernels),
            run_ns: mean(sums.run_ns, sums.kernels),
            solo_ns: mean(sums.solo_ns, sums.kernels),
        };
        sums.kernels.iter().map(of_worker).collect()
    }

    fn option(&self, task: TaskId, worker: WorkerId) -> WorkerOption {
        let choice = self.info.choice(task.index(), worker);
        let (device, graph) = (self.run.device, self.info.model.tasks);
        let own = device.worker(worker).memory;
        let copies_in_ns = graph.inputs(task).iter().map(|&data| device.copy_ns(self.origin(data), own, graph.bytes(data))).sum();
        let copies_out_ns = graph
            .made(task)
            .iter()
            .flat_map(|&data| self.destinations(data).into_iter().map(move |to| (data, to)))
            .map(|(data, to)| device.copy_ns(own, to, graph.bytes(data)))
            .sum();
        WorkerOption {
            worker: device.worker(worker).name.clone(),
            refusal: choice.refusal,
            expected_ns: choice.expected_ns,
            extrapolated: choice.extrapolated,
            copies_in_ns,
            copies_out_ns,
        }
    }

    /// Memory in which a data item came into being.
    fn origin(&self, data: DataId) -> MemoryId {
        let maker = self.info.model.tasks.producer(data).and_then(|task| self.homes[task.index()]);
        maker.map_or(self.run.device.host(), |worker| self.run.device.worker(worker).memory)
    }

    /// Memories in which a data item was wanted, each once.
    fn destinations(&self, data: DataId) -> BTreeSet<MemoryId> {
        let graph = self.info.model.tasks;
        let homes = graph.readers(data).iter().filter_map(|reader| self.homes[reader.index()]);
        let mut memories: BTreeSet<MemoryId> = homes.map(|worker| self.run.device.worker(worker).memory).collect();
        if graph.is_output(data) {
            memories.insert(self.run.device.host());
        }
        memories
    }

    fn conversions(&self) -> Option<LayoutConversions> {
        let (device, graph) = (self.run.device, self.info.model.tasks);
        let one_place = |sums: &TaskSums| matches!(sums.kernels.keys().collect::<Vec<_>>()[..], [(_, part)] if part.is_whole());
        let workers: Option<Vec<WorkerId>> = self.homes.iter().copied().collect();
        let found = Conversions::of(graph, &workers.filter(|_| self.sums.tasks.iter().all(one_place))?, device);
        let round_trip = |trip: &RoundTrip| LayoutRoundTrip {
            task: trip.task.0,
            memory: device.memories()[trip.memory.index()].name.clone(),
            saved_ns: trip.saved_ns,
        };
        Some(LayoutConversions {
            conversions: found.placed.len() as u64,
            by_reader: found.by_reader as u64,
            convert_ns: found.duration_ns(),
            round_trips: found.round_trips.iter().map(round_trip).collect(),
        })
    }

    fn why(&self, sums: &TaskSums, options: &[WorkerOption]) -> Why {
        let workers: BTreeSet<WorkerId> = sums.kernels.keys().map(|&(worker, _)| worker).collect();
        let names = || workers.iter().map(|&worker| self.run.device.worker(worker).name.clone()).collect();
        let split = sums.kernels.keys().any(|(_, part)| !part.is_whole());
        match workers.first() {
            None => Why::NeverRan,
            Some(_) if split => Why::Split(names()),
            Some(&worker) if workers.len() == 1 => Why::of(worker, &self.info.primary, options),
            Some(_) => Why::Dynamic(names()),
        }
    }

    fn fallback(&self, sums: &TaskSums, options: &[WorkerOption]) -> Option<FallbackCost> {
        let primary = *self.info.primary.first()?;
        let elsewhere = || sums.kernels.iter().filter(|((worker, _), _)| !self.info.primary.contains(worker));
        elsewhere().next()?;
        let requests = self.sums.requests as f64;
        let invocation_ns: u64 = elsewhere().map(|(_, sums)| sums.invocation_ns).sum();
        let slower_ns = options[primary.index()].expected_ns.map(|whole_ns| {
            let difference = |(&(_, part), sums): (&(WorkerId, Part), &super::cost::KernelSums)| {
                sums.run_ns as f64 - part.share(whole_ns) as f64 * sums.kernels as f64
            };
            elsewhere().map(difference).sum::<f64>() / requests
        });
        Some(FallbackCost {
            tasks: 1,
            copies: sums.primary_copies.for_each_of(self.sums.requests),
            invocation_ns: invocation_ns as f64 / requests,
            slower_ns,
        })
    }
}

fn total(costs: impl Iterator<Item = FallbackCost>) -> Option<FallbackCost> {
    costs.reduce(|mut sum, cost| {
        sum.tasks += cost.tasks;
        sum.copies.copies += cost.copies.copies;
        sum.copies.bytes += cost.copies.bytes;
        sum.copies.copy_ns += cost.copies.copy_ns;
        sum.invocation_ns += cost.invocation_ns;
        sum.slower_ns = sum.slower_ns.zip(cost.slower_ns).map(|(sum, one)| sum + one);
        sum
    })
}

fn part_text(part: Part) -> String {
    match part {
        Part::Whole => "whole".to_owned(),
        Part::Rows { begin, end, of } => format!("rows {begin}..{end} of {of}"),
        Part::Channels { begin, end, of } => format!("channels {begin}..{end} of {of}"),
    }
}
