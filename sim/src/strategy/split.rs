//! `split`: two workers share operators, each by a share of its rows or channels.
//!
//! Source: the plainest form of co-execution, as a baseline for those that the literature refines (`mulayer`, `codl`).
//! Rule: operators in topological order; each whole on one of two workers, or cut in two along rows or channels, whichever is expected
//! to be ready soonest, counting the copies of what it reads and bringing the other's part back to the host. A given share is applied
//! to every operator that can be cut, without asking the costs.
//! Ignores: what comes after an operator, parallel branches, contention for bandwidth, other requests.

use crate::identifiers::{MemoryId, TaskId, WorkerId};
use crate::plan::{Part, Piece, Plan, PlanError};
use crate::platform::Device;
use crate::strategy::list::independent_workers;
use crate::strategy::parameters::{Parameter, ParameterKind, worker_named};
use crate::strategy::registry::{Entry, StrategyError};
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "split",
    summary: "co-execution: each operator on one of two workers, or shared by both",
    granularity: "part of an operator",
    optimises: "the end of each operator, shared or not",
    ignores: "what follows, branches, bandwidth, load",
    accelerator: None,
    parameters: &[
        Parameter {
            name: "workers",
            kind: ParameterKind::Workers,
            default: "auto",
            summary: "two workers joined by `+`; `auto` takes the first two that never compete for a core",
        },
        Parameter {
            name: "by",
            kind: ParameterKind::Plain,
            default: "best",
            summary: "`rows`, `channels`, or `best`: the one that is expected to be sooner",
        },
        Parameter {
            name: "share",
            kind: ParameterKind::Plain,
            default: "best",
            summary: "of the first worker, `60%`; `best` is what is expected to be soonest, operator by operator",
        },
    ],
    build: |parameters| {
        let share = match parameters.text("share") {
            "best" => None,
            text => Some(percent(text).ok_or_else(|| StrategyError::BadValue {
                strategy: "split".to_owned(),
                name: "share".to_owned(),
                value: text.to_owned(),
                right: "must be `best`, or a share above 0 and below 100, `60%`".to_owned(),
            })?),
        };
        let by = parameters.choice("by", &[("best", By::Best), ("rows", By::Rows), ("channels", By::Channels)])?;
        Ok(Box::new(Split { workers: parameters.names("workers"), by, share }))
    },
};

fn percent(text: &str) -> Option<f64> {
    let share: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    (share > 0.0 && share < 100.0).then_some(share / 100.0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Best,
    Rows,
    Channels,
}

struct Split {
    workers: Vec<String>,
    by: By,
    share: Option<f64>,
}

/// Shares that are tried where none is given.
const TRIED: [f64; 17] = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9];

/// How a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Whole(WorkerId),
    Shared(Part, Part),
}

impl Strategy for Split {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let pair = self.pair(view.device)?;
        let mut planner =
            Planner { job, device: view.device, pair, present: vec![Vec::new(); job.tasks.data_count()], last: None };
        for data in job.tasks.data().filter(|&data| job.tasks.producer(data).is_none()) {
            planner.present[data.index()].push(view.device.host());
        }
        let mut plan = Plan::new();
        // Consecutive whole tasks on one worker are one segment.
        let mut run: Vec<TaskId> = Vec::new();
        for task in job.tasks.tasks() {
            let choice = self.choose(&planner, task)?;
            let goes_on = matches!(choice, Choice::Whole(worker) if planner.last == Some(worker));
            if !goes_on && !run.is_empty() {
                plan.segment(planner.last, run.drain(..));
            }
            planner.settle(task, choice);
            match choice {
                Choice::Whole(_) => run.push(task),
                Choice::Shared(one, other) => {
                    plan.segment_of_pieces(Some(pair.0), [Piece { task, part: one }]);
                    plan.segment_of_pieces(Some(pair.1), [Piece { task, part: other }]);
                }
            }
        }
        if !run.is_empty() {
            plan.segment(planner.last, run);
        }
        Ok(plan)
    }
}

impl Split {
    fn pair(&self, device: &Device) -> Result<(WorkerId, WorkerId), PlanError> {
        let workers = match self.workers[..] {
            [] => independent_workers(device),
            _ => self.workers.iter().map(|name| worker_named(ENTRY.name, device, name)).collect::<Result<_, _>>()?,
        };
        match workers[..] {
            [one, other, ..] if one != other && (self.workers.is_empty() || workers.len() == 2) => Ok((one, other)),
            _ => Err(PlanError::Missing {
                strategy: ENTRY.name.to_owned(),
                needs: "two different workers".to_owned(),
                device: device.name().to_owned(),
            }),
        }
    }

    fn choose(&self, planner: &Planner<'_>, task: TaskId) -> Result<Choice, PlanError> {
        let shared = self.shared(planner, task);
        if self.share.is_some()
            && let Some((_, choice)) = shared
        {
            return Ok(choice);
        }
        let whole = [planner.pair.0, planner.pair.1].into_iter().filter_map(|worker| {
            let duration_ns = planner.job.costs.duration_ns(task, worker)?;
            let enter_ns = if planner.last == Some(worker) { 0 } else { planner.device.worker(worker).invocation_ns };
            Some((planner.fetch_ns(task, worker) + enter_ns + duration_ns, Choice::Whole(worker)))
        });
        let best = whole.chain(shared).min_by_key(|&(ready_ns, _)| ready_ns);
        best.map(|(_, choice)| choice).ok_or(PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: task.0 })
    }

    /// The best way to cut a task in two, if there is one.
    fn shared(&self, planner: &Planner<'_>, task: TaskId) -> Option<(u64, Choice)> {
        let splits = planner.job.tasks.splits(task);
        let rows = (splits.rows, true, self.by != By::Channels);
        let channels = (splits.channels, false, self.by != By::Rows);
        let shares = self.share.as_ref().map_or(&TRIED[..], std::slice::from_ref);
        let mut best: Option<(u64, Choice)> = None;
        for (of, by_rows, _) in [rows, channels].into_iter().filter(|&(of, _, wanted)| wanted && of > 1) {
            for &share in shares {
                let at = (libm::round(f64::from(of) * share) as u32).clamp(1, of - 1);
                let part = |begin, end| if by_rows { Part::Rows { begin, end, of } } else { Part::Channels { begin, end, of } };
                let parts = (part(0, at), part(at, of));
                let one = planner.part_ns(task, parts.0, planner.pair.0);
                let other = planner.part_ns(task, parts.1, planner.pair.1);
                if let (Some(one), Some(other)) = (one, other) {
                    let ready_ns = one.max(other);
                    if best.is_none_or(|(known_ns, _)| ready_ns < known_ns) {
                        best = Some((ready_ns, Choice::Shared(parts.0, parts.1)));
                    }
                }
            }
        }
        best
    }
}

/// What is known while tasks are placed one after the other.
struct Planner<'a> {
    job: &'a Job<'a>,
    device: &'a Device,
    pair: (WorkerId, WorkerId),
    /// Memories that hold each data item whole.
    present: Vec<Vec<MemoryId>>,
    /// The worker of the segment that whole tasks are being added to.
    last: Option<WorkerId>,
}

impl Planner<'_> {
    /// Time to bring what a task reads into a worker's memory.
    fn fetch_ns(&self, task: TaskId, worker: WorkerId) -> u64 {
        let memory = self.device.worker(worker).memory;
        let copy_ns = |&data: &crate::identifiers::DataId| {
            let present = &self.present[data.index()];
            if present.contains(&memory) {
                return 0;
            }
            let bytes = self.job.tasks.bytes(data);
            present.iter().map(|&from| self.device.copy_ns(from, memory, bytes)).min().unwrap_or(0)
        };
        self.job.tasks.inputs(task).iter().map(copy_ns).sum()
    }

    /// Time until a worker's part of a task is in the host's memory.
    fn part_ns(&self, task: TaskId, part: Part, worker: WorkerId) -> Option<u64> {
        let worker_of = self.device.worker(worker);
        let duration_ns = self.job.costs.part(task, part, worker)?.duration_ns;
        let bytes: u64 = self.job.tasks.made(task).iter().map(|&data| part.share(self.job.tasks.bytes(data))).sum();
        let back_ns = self.device.copy_ns(worker_of.memory, self.device.host(), bytes);
        Some(self.fetch_ns(task, worker) + worker_of.invocation_ns + duration_ns + back_ns)
    }

    /// Notes where a task has run, and where its data are now.
    fn settle(&mut self, task: TaskId, choice: Choice) {
        let place = |worker: WorkerId| self.device.worker(worker).memory;
        let (workers, made) = match choice {
            Choice::Whole(worker) => (vec![worker], place(worker)),
            Choice::Shared(..) => (vec![self.pair.0, self.pair.1], self.device.host()),
        };
        for &data in self.job.tasks.inputs(task) {
            for memory in workers.iter().map(|&worker| place(worker)) {
                if !self.present[data.index()].contains(&memory) {
                    self.present[data.index()].push(memory);
                }
            }
        }
        for &data in self.job.tasks.made(task) {
            self.present[data.index()] = vec![made];
        }
        self.last = match choice {
            Choice::Whole(worker) => Some(worker),
            Choice::Shared(..) => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::registry;

    #[test]
    fn shares_are_percentages_between_nothing_and_all() {
        for (text, expected) in
            [("60%", Some(0.6)), ("0.5 %", Some(0.005)), ("0%", None), ("100%", None), ("60", None), ("x%", None)]
        {
            assert_eq!(percent(text), expected, "{text}");
        }
        assert!(registry::build("split[share=120%]").is_err());
        assert!(registry::build("split[by=columns]").is_err());
        assert!(registry::build("split[workers=a+b, by=rows, share=40%]").is_ok());
    }
}
