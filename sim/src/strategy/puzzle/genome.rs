//! Candidates: where models are cut, where the parts run, which model goes first.

use crate::identifiers::{SegmentId, TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::random::Stream as Random;
use crate::strategy::Job;

/// One model's genes, by task in topological order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chromosomes {
    /// Whether a part begins with the task.
    cut: Vec<bool>,
    /// The worker that a part which begins with the task runs on.
    mapping: Vec<u8>,
    priority: i32,
}

/// Genes of all models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate(Vec<Chromosomes>);

/// What genes may be: for each model and task the workers that can run it, as indices.
pub(super) struct Genes {
    able: Vec<Vec<Vec<u8>>>,
}

impl Genes {
    pub(super) fn new(strategy: &str, jobs: &[Job<'_>], workers: &[WorkerId]) -> Result<Self, PlanError> {
        let able = |job: &Job<'_>, task: TaskId| -> Result<Vec<u8>, PlanError> {
            let able: Vec<u8> =
                (0..workers.len()).filter(|&index| job.costs.supports(task, workers[index])).map(|index| index as u8).collect();
            let unplaceable = PlanError::Unplaceable { strategy: strategy.to_owned(), task: task.0 };
            if able.is_empty() { Err(unplaceable) } else { Ok(able) }
        };
        let of_job = |job: &Job<'_>| job.tasks.tasks().map(|task| able(job, task)).collect::<Result<Vec<_>, _>>();
        Ok(Self { able: jobs.iter().map(of_job).collect::<Result<_, _>>()? })
    }

    /// Every model on one worker, what that cannot run on the first that can.
    pub(super) fn whole_on(&self, worker: usize) -> Candidate {
        let of_model = |able: &Vec<Vec<u8>>| Chromosomes {
            cut: vec![false; able.len()],
            mapping: able.iter().map(|able| if able.contains(&(worker as u8)) { worker as u8 } else { able[0] }).collect(),
            priority: 0,
        };
        let mut candidate = Candidate(self.able.iter().map(of_model).collect());
        for chromosomes in &mut candidate.0 {
            // Back on the worker as soon as it can go on.
            for task in 1..chromosomes.cut.len() {
                chromosomes.cut[task] = chromosomes.mapping[task] != chromosomes.mapping[task - 1];
            }
        }
        candidate
    }

    /// The placement of another strategy's plans, of whole tasks.
    pub(super) fn of_plans(
        &self,
        jobs: &[Job<'_>],
        workers: &[WorkerId],
        mut plan: impl FnMut(&Job<'_>) -> Result<Plan, PlanError>,
    ) -> Result<Candidate, PlanError> {
        let mut candidate = self.whole_on(0);
        for ((job, chromosomes), able) in jobs.iter().zip(&mut candidate.0).zip(&self.able) {
            let plan = plan(job)?;
            for (index, segment) in plan.segments().iter().enumerate() {
                for piece in plan.pieces(SegmentId::from_index(index)) {
                    let able = &able[piece.task.index()];
                    let wanted = workers.iter().position(|&worker| Some(worker) == segment.worker).map(|index| index as u8);
                    chromosomes.mapping[piece.task.index()] = wanted.filter(|index| able.contains(index)).unwrap_or(able[0]);
                }
            }
            for task in 1..chromosomes.cut.len() {
                chromosomes.cut[task] = chromosomes.mapping[task] != chromosomes.mapping[task - 1];
            }
        }
        Ok(candidate)
    }

    /// Few cuts, any workers.
    pub(super) fn drawn(&self, random: &mut Random) -> Candidate {
        let mut of_model = |able: &Vec<Vec<u8>>| {
            let parts = 1.0 + below(random, 4) as f64;
            Chromosomes {
                cut: able.iter().map(|_| random.uniform() < parts / able.len() as f64).collect(),
                mapping: able.iter().map(|able| able[below(random, able.len())]).collect(),
                priority: below(random, self.able.len()) as i32,
            }
        };
        Candidate(self.able.iter().map(&mut of_model).collect())
    }

    /// Each model's beginning from one parent, its end from the other; its priority from either.
    pub(super) fn crossed(one: &Candidate, other: &Candidate, random: &mut Random) -> Candidate {
        let of_model = |(one, other): (&Chromosomes, &Chromosomes)| {
            let at = below(random, one.cut.len() + 1);
            let mut child = one.clone();
            child.cut[at..].copy_from_slice(&other.cut[at..]);
            child.mapping[at..].copy_from_slice(&other.mapping[at..]);
            if random.uniform() < 0.5 {
                child.priority = other.priority;
            }
            child
        };
        Candidate(one.0.iter().zip(&other.0).map(of_model).collect())
    }

    /// In one model: a cut more or less, a part elsewhere, or another priority.
    pub(super) fn mutate(&self, candidate: &mut Candidate, random: &mut Random) {
        let model = below(random, candidate.0.len());
        let (chromosomes, able) = (&mut candidate.0[model], &self.able[model]);
        let count = chromosomes.cut.len();
        if count == 0 {
            return;
        }
        match below(random, if self.able.len() > 1 { 4 } else { 3 }) {
            0 => {
                let at = below(random, count);
                chromosomes.cut[at] = !chromosomes.cut[at];
            }
            1 => {
                // The part around a task moves.
                let at = below(random, count);
                let begin = (0..=at).rev().find(|&task| chromosomes.cut[task]).unwrap_or(0);
                chromosomes.mapping[begin] = able[begin][below(random, able[begin].len())];
            }
            2 => {
                // A stretch becomes a part of its own, elsewhere.
                let (one, other) = (below(random, count), below(random, count));
                let (begin, end) = (one.min(other), one.max(other));
                chromosomes.cut[begin..=end].fill(false);
                chromosomes.cut[begin] = true;
                if end + 1 < count && !chromosomes.cut[end + 1] {
                    chromosomes.cut[end + 1] = true;
                }
                chromosomes.mapping[begin] = able[begin][below(random, able[begin].len())];
            }
            _ => chromosomes.priority = below(random, self.able.len()) as i32,
        }
    }

    /// The plans of a candidate: parts in topological order. A part ends, too, before a task that its worker cannot run.
    pub(super) fn plans(&self, candidate: &Candidate, workers: &[WorkerId]) -> Vec<Plan> {
        let of_model = |(chromosomes, able): (&Chromosomes, &Vec<Vec<u8>>)| {
            let mut plan = Plan::new();
            plan.priority = chromosomes.priority;
            let mut begin = 0;
            for end in 1..=able.len() {
                let worker = chromosomes.mapping[begin];
                if end == able.len() || chromosomes.cut[end] || !able[end].contains(&worker) {
                    plan.segment(Some(workers[worker as usize]), (begin..end).map(TaskId::from_index));
                    begin = end;
                }
            }
            plan
        };
        candidate.0.iter().zip(&self.able).map(of_model).collect()
    }
}

fn below(random: &mut Random, limit: usize) -> usize {
    ((random.uniform() * limit as f64) as usize).min(limit.saturating_sub(1))
}
