//! Operator chains: consecutive tasks cut by rows in two, each half with the halo that it needs, so that neither asks the other
//! for anything between its first kernel and its last.

use crate::identifiers::TaskId;
use crate::plan::{Part, Piece};
use crate::task::TaskGraph;

/// The pieces of both halves of a chain of tasks in topological order; the first half has `share` of each task's rows, rounded.
///
/// Backwards from the last task, a half computes of each task its own rows and those that its own later tasks read. So the halves
/// overlap by the halo. `None` where a task cannot be cut by rows, a half would be empty, or a task of the chain may read all
/// rows of another.
pub fn cut_chain(tasks: &TaskGraph, chain: &[TaskId], share: f64) -> Option<[Vec<Piece>; 2]> {
    let half = |is_first: bool| {
        let mut rows = chain.iter().map(|&task| own_rows(tasks, task, share, is_first)).collect::<Option<Vec<_>>>()?;
        for (index, &task) in chain.iter().enumerate().rev() {
            let of = tasks.splits(task).rows;
            let part = Part::Rows { begin: rows[index].0, end: rows[index].1, of };
            for (position, &data) in tasks.inputs(task).iter().enumerate() {
                let Some(maker) = tasks.producer(data).and_then(|maker| chain[..index].iter().position(|&it| it == maker)) else {
                    continue;
                };
                let read = tasks.rows_read(task, position, part)?;
                if read.0 < read.1 {
                    rows[maker] = (rows[maker].0.min(read.0), rows[maker].1.max(read.1));
                }
            }
        }
        let piece = |(&task, &(begin, end))| Piece { task, part: Part::Rows { begin, end, of: tasks.splits(task).rows } };
        Some(chain.iter().zip(&rows).map(piece).collect::<Vec<Piece>>())
    };
    Some([half(true)?, half(false)?])
}

/// The rows of one half of a task, without halo.
fn own_rows(tasks: &TaskGraph, task: TaskId, share: f64, is_first: bool) -> Option<(u32, u32)> {
    let rows = tasks.splits(task).rows;
    let at = libm::round(f64::from(rows) * share) as u32;
    (at > 0 && at < rows).then_some(if is_first { (0, at) } else { (at, rows) })
}
