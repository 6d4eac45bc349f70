//! Changes a plan step by step as long as that makes it faster: moves runs of tasks on one worker to others, moves their ends, and takes
//! shared tasks whole or whole ones shared.

use crate::identifiers::{SegmentId, TaskId, WorkerId};
use crate::plan::{Part, Plan};
use crate::strategy::socrates::evaluate::{Evaluator, Subject};
use crate::strategy::socrates::forms::{Form, plan_of};
use crate::strategy::socrates::options::{Choice, Options};
use crate::task::TaskGraph;

/// What changes of a plan are judged by.
pub(super) struct Improvement<'a, 'b> {
    pub(super) subject: Subject<'a>,
    pub(super) workers: Vec<WorkerId>,
    pub(super) options: &'a Options,
    pub(super) evaluator: &'a mut Evaluator<'b>,
}

impl<'b> Improvement<'_, 'b> {
    /// The same, for other options.
    pub(super) fn with<'c>(&'c mut self, options: &'c Options) -> Improvement<'c, 'b> {
        Improvement { subject: self.subject, workers: self.workers.clone(), options, evaluator: self.evaluator }
    }

    /// See [`Evaluator::worth`].
    fn worth(&mut self, choices: &[Choice], form: Form) -> Option<u64> {
        self.evaluator.worth(self.subject, &plan_of(choices, self.subject.tasks, form))
    }

    /// The best choices found by simulating so many kernels.
    pub(super) fn improve(&mut self, mut choices: Vec<Choice>, form: Form, kernels: u64) -> Vec<Choice> {
        let limit = self.evaluator.kernels + kernels;
        let mut best = self.worth(&choices, form);
        let mut again = true;
        while again && self.evaluator.kernels < limit {
            again = false;
            let mut begin = 0;
            while begin < choices.len() && self.evaluator.kernels < limit {
                let mut end = begin + 1;
                while end < choices.len() && choices[end] == choices[begin] {
                    end += 1;
                }
                for (range, choice) in moves(&choices, begin, end, &self.workers, self.options) {
                    let supported = |task: usize| match choice {
                        Choice::Whole(worker) => self.subject.costs.supports(TaskId::from_index(task), worker),
                        Choice::Shared(_) => true,
                    };
                    if self.evaluator.kernels >= limit || !range.clone().all(supported) {
                        continue;
                    }
                    let before = choices[range.clone()].to_vec();
                    choices[range.clone()].fill(choice);
                    let changed = self.worth(&choices, form);
                    if changed.is_some_and(|changed| best.is_none_or(|best| changed < best)) {
                        (best, again) = (changed, true);
                    } else {
                        choices[range].copy_from_slice(&before);
                    }
                }
                begin = end;
            }
        }
        choices
    }
}

/// The choices of a plan of whole tasks, each placed; `None` of any other.
pub(super) fn choices_of(plan: &Plan, tasks: &TaskGraph) -> Option<Vec<Choice>> {
    let mut choices = vec![None; tasks.task_count()];
    for (index, segment) in plan.segments().iter().enumerate() {
        for piece in plan.pieces(SegmentId::from_index(index)) {
            choices[piece.task.index()] = Some(Choice::Whole(segment.worker.filter(|_| piece.part == Part::Whole)?));
        }
    }
    choices.into_iter().collect()
}

/// What can be done with the run `begin..end`.
fn moves(
    choices: &[Choice],
    begin: usize,
    end: usize,
    workers: &[WorkerId],
    options: &Options,
) -> Vec<(std::ops::Range<usize>, Choice)> {
    let mut moves = Vec::new();
    let now = choices[begin];
    for &worker in workers {
        let choice = Choice::Whole(worker);
        if choice != now {
            moves.push((begin..end, choice));
            if end - begin > 2 {
                moves.push((begin..begin + 1, choice));
                moves.push((end - 1..end, choice));
            }
        }
    }
    // Its ends become part of the neighbours'.
    if let Some(after) = choices.get(end).filter(|after| matches!(after, Choice::Whole(_))) {
        moves.push((end - 1..end, *after));
    }
    for task in begin..end {
        for shared in options.shared.get(task).into_iter().flatten() {
            let choice = Choice::Shared(shared.halves);
            if choice != now {
                moves.push((task..task + 1, choice));
            }
        }
    }
    moves
}
