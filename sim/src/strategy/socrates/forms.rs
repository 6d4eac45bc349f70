//! Plans that make the same choices: how tasks are joined to segments.

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Piece, Plan};
use crate::strategy::socrates::options::Choice;
use crate::task::TaskGraph;

/// Which tasks of one worker share a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Neighbours in topological order: fewest launches.
    Runs,
    /// A task and the only one that reads what it makes, if that reads nothing else: nobody waits for a segment longer than for the
    /// task that it needs.
    Chains,
}

/// The plan that makes these choices, one for each task in topological order.
pub(super) fn plan_of(choices: &[Choice], tasks: &TaskGraph, form: Form) -> Plan {
    match form {
        Form::Runs => runs(choices, tasks),
        Form::Chains => chains(choices, tasks),
    }
}

/// Whether the two forms can differ: on a chain they do not.
pub(super) fn has_branches(tasks: &TaskGraph) -> bool {
    tasks.tasks().any(|task| tasks.predecessors(task).count() > 1 || tasks.successors(task).count() > 1)
}

fn runs(choices: &[Choice], tasks: &TaskGraph) -> Plan {
    let mut plan = Plan::new();
    let mut run: Vec<TaskId> = Vec::new();
    let mut on: Option<WorkerId> = None;
    for (task, choice) in tasks.tasks().zip(choices) {
        let goes_on = matches!(choice, Choice::Whole(worker) if on == Some(*worker));
        if !goes_on && !run.is_empty() {
            plan.segment(on, run.drain(..));
        }
        match *choice {
            Choice::Whole(worker) => {
                on = Some(worker);
                run.push(task);
            }
            Choice::Shared(halves) => {
                on = None;
                for (worker, part) in halves {
                    plan.segment_of_pieces(Some(worker), [Piece { task, part }]);
                }
            }
        }
    }
    if !run.is_empty() {
        plan.segment(on, run);
    }
    plan
}

fn chains(choices: &[Choice], tasks: &TaskGraph) -> Plan {
    let mut groups: Vec<(Choice, Vec<TaskId>)> = Vec::new();
    let mut group_of = vec![0; choices.len()];
    for (task, &choice) in tasks.tasks().zip(choices) {
        let joined = only(tasks.predecessors(task)).filter(|&before| {
            let leads_here_only =
                only(tasks.successors(before)) == Some(task) && !tasks.made(before).iter().any(|&data| tasks.is_output(data));
            leads_here_only && matches!(choice, Choice::Whole(_)) && choices[before.index()] == choice
        });
        let group = joined.map_or(groups.len(), |before| group_of[before.index()]);
        if group == groups.len() {
            groups.push((choice, Vec::new()));
        }
        groups[group].1.push(task);
        group_of[task.index()] = group;
    }
    let mut plan = Plan::new();
    for (choice, group) in groups {
        match choice {
            Choice::Whole(worker) => {
                plan.segment(Some(worker), group);
            }
            Choice::Shared(halves) => {
                for (worker, part) in halves {
                    plan.segment_of_pieces(Some(worker), [Piece { task: group[0], part }]);
                }
            }
        }
    }
    plan
}

/// The only task there is, however often it is named.
fn only(mut tasks: impl Iterator<Item = TaskId>) -> Option<TaskId> {
    let first = tasks.next()?;
    tasks.all(|other| other == first).then_some(first)
}
