//! Parts by rows that overlap: who of them may write to the host's copy of the whole.

use sim::identifiers::{DataId, WorkerId};
use sim::plan::{NO_SEGMENT, Part, Program};

/// The first data item that two workers would write to the same rows of, in host memory and at any time.
///
/// A copy to the host moves the rows that parts standing before it in the plan lack. So of two parts that overlap, one made in host
/// memory has to stand before one made elsewhere: else the copy writes rows that the other's worker writes too.
pub(super) fn written_twice(program: &Program, is_on_host: &dyn Fn(WorkerId) -> bool) -> Option<DataId> {
    let made = |index: usize| {
        let fragment = &program.fragments()[index];
        let is_made = fragment.maker != NO_SEGMENT;
        is_made.then(|| (program.kernel(fragment.kernel()).part, program.worker(fragment.maker)))
    };
    let overlap = |one: Part, other: Part| {
        let ((begin, end, of), (other_begin, other_end, other_of)) = (one.range(), other.range());
        // Boundaries in parts of `of * other_of`.
        let at = |boundary: u32, by: u32| u64::from(boundary) * u64::from(by);
        at(begin, other_of) < at(other_end, of) && at(other_begin, of) < at(end, other_of)
    };
    for index in 0..program.fragments().len() {
        let data = program.fragments()[index].data;
        let Some((first @ Part::Rows { .. }, before)) = made(index) else { continue };
        let same = (index + 1..program.fragments().len()).take_while(|&other| program.fragments()[other].data == data);
        for other in same {
            let Some((part, after)) = made(other) else { continue };
            let is_safe = match (before, after) {
                (Some(before), Some(after)) => before == after || is_on_host(before) || !is_on_host(after),
                // Where it runs is not known yet.
                _ => false,
            };
            if !is_safe && overlap(first, part) {
                return Some(data);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use sim::plan::{Piece, Plan};
    use sim::task::{CostTable, KernelCost, TaskGraphBuilder};

    use super::*;

    const HOST: WorkerId = WorkerId(0);

    /// One task of ten rows in two parts.
    fn check(parts: [(Option<u32>, u32, u32); 2], expected: bool) {
        let mut builder = TaskGraphBuilder::new();
        let input = builder.request_input(100);
        let (task, made) = builder.task(&[input], &[100]);
        builder.output(made);
        let tasks = builder.build().expect("valid");
        let costs = CostTable::new(2, vec![Some(KernelCost::of_duration(1)); 2]);
        let mut plan = Plan::new();
        for (worker, begin, end) in parts {
            let part = Part::Rows { begin, end, of: 10 };
            plan.segment_of_pieces(worker.map(WorkerId), [Piece { task, part }]);
        }
        let program = Program::compile(&plan, &tasks, &costs).expect("covered");
        let found = written_twice(&program, &|worker| worker == HOST);
        assert_eq!(found, expected.then_some(made), "{parts:?}");
    }

    #[test]
    fn what_the_host_makes_stands_first_where_parts_overlap() {
        check([(Some(0), 0, 6), (Some(1), 4, 10)], false);
        check([(Some(1), 0, 6), (Some(0), 4, 10)], true);
        check([(Some(1), 0, 5), (Some(0), 5, 10)], false);
        check([(Some(1), 0, 6), (Some(1), 4, 10)], false);
        check([(None, 0, 6), (Some(0), 4, 10)], true);
        check([(None, 0, 5), (Some(0), 5, 10)], false);
    }
}
