//! What strategies schedule and the engine runs: tasks over data items, with what each costs on each worker.

mod builder;
mod costs;
mod fusion;
mod kernel;
mod lower;
mod rows;
pub mod settings;
mod split;
mod window;

pub use builder::{TaskGraphBuilder, TaskGraphError};
pub use costs::{CostTable, KernelCost, PartCost, PartialCost};
pub use fusion::{PATTERNS, Pattern, PatternError, PatternRule, Patterns};
pub use kernel::kernel_work;
pub use lower::{LoweredModel, Lowering, Placement, TaskInfo};
pub use rows::RowAccess;
pub(crate) use rows::boundary;
pub use settings::Settings;
pub use split::Splits;

use crate::graph::OperatorWork;
use crate::identifiers::{DataId, TaskId};
use crate::plan::Part;

/// A directed acyclic graph of tasks. A task is one kernel launch: an operator, or a fused group of operators.
///
/// Tasks are numbered in a topological order. Data items connect them: each is made by one task, or comes with the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskGraph {
    /// Bytes of each data item.
    bytes: Vec<u64>,
    /// Task that makes each data item; `None` for request inputs.
    producer: Vec<Option<TaskId>>,
    /// Whether the data item is wanted by the requester, in the host's memory.
    output: Vec<bool>,
    /// `inputs[input_start[t]..input_start[t + 1]]`: what task `t` reads, each once.
    input_start: Vec<u32>,
    inputs: Vec<DataId>,
    /// What each task makes, in the same form.
    made_start: Vec<u32>,
    made: Vec<DataId>,
    /// Tasks that read each data item, in the same form.
    reader_start: Vec<u32>,
    readers: Vec<TaskId>,
    /// How finely each task can be cut; empty where none can.
    splits: Vec<Splits>,
    /// Which rows of each of `inputs` a row needs; missing at the end where all.
    row_access: Vec<RowAccess>,
    /// Rows of each data item; 0, or missing at the end, where it has none or they are not known.
    rows: Vec<u32>,
    /// The work of each task's leading operator; `None`, or missing at the end, where no model stands behind a task.
    work: Vec<Option<OperatorWork>>,
}

impl TaskGraph {
    /// Number of tasks.
    #[inline]
    pub fn task_count(&self) -> usize {
        self.input_start.len() - 1
    }

    /// Number of data items.
    #[inline]
    pub fn data_count(&self) -> usize {
        self.bytes.len()
    }

    /// All tasks, in topological order.
    pub fn tasks(&self) -> impl DoubleEndedIterator<Item = TaskId> + use<> {
        (0..self.task_count()).map(TaskId::from_index)
    }

    /// All data items.
    pub fn data(&self) -> impl Iterator<Item = DataId> + use<> {
        (0..self.data_count()).map(DataId::from_index)
    }

    /// What a task reads.
    #[inline]
    pub fn inputs(&self, task: TaskId) -> &[DataId] {
        row(&self.input_start, &self.inputs, task.index())
    }

    /// What a task makes.
    #[inline]
    pub fn made(&self, task: TaskId) -> &[DataId] {
        row(&self.made_start, &self.made, task.index())
    }

    /// Who reads a data item.
    #[inline]
    pub fn readers(&self, data: DataId) -> &[TaskId] {
        row(&self.reader_start, &self.readers, data.index())
    }

    /// Bytes of a data item.
    #[inline]
    pub fn bytes(&self, data: DataId) -> u64 {
        self.bytes[data.index()]
    }

    /// Who makes a data item; `None` if it comes with the request.
    #[inline]
    pub fn producer(&self, data: DataId) -> Option<TaskId> {
        self.producer[data.index()]
    }

    /// Whether the requester wants the data item.
    #[inline]
    pub fn is_output(&self, data: DataId) -> bool {
        self.output[data.index()]
    }

    /// How finely a task can be cut.
    #[inline]
    pub fn splits(&self, task: TaskId) -> Splits {
        self.splits.get(task.index()).copied().unwrap_or_default()
    }

    /// Rows of a data item; 0 where it has none or they are not known.
    #[inline]
    pub fn rows(&self, data: DataId) -> u32 {
        self.rows.get(data.index()).copied().unwrap_or(0)
    }

    /// Which rows a task needs of the input at a position of [`Self::inputs`].
    #[inline]
    pub fn row_access(&self, task: TaskId, position: usize) -> RowAccess {
        self.row_access.get(self.input_start[task.index()] as usize + position).copied().unwrap_or_default()
    }

    /// The output rows that a part of a task stands for; `None` where it is not a part by rows of a task that has them.
    pub fn output_rows(&self, task: TaskId, part: Part) -> Option<(u32, u32)> {
        let rows = self.splits(task).rows;
        match part {
            Part::Rows { begin, end, of } if rows > 0 => Some((boundary(rows, begin, of), boundary(rows, end, of))),
            _ => None,
        }
    }

    /// The rows that a part of a task needs of the input at a position of [`Self::inputs`]; `None` where it may need all.
    pub fn rows_read(&self, task: TaskId, position: usize, part: Part) -> Option<(u32, u32)> {
        let RowAccess::Window { .. } = self.row_access(task, position) else { return None };
        let rows = self.rows(self.inputs(task)[position]);
        let output = self.output_rows(task, part)?;
        (rows > 0).then(|| self.row_access(task, position).rows(output, rows))
    }

    /// The work of a task's leading operator; `None` where no model stands behind it.
    #[inline]
    pub fn work(&self, task: TaskId) -> Option<&OperatorWork> {
        self.work.get(task.index()).and_then(Option::as_ref)
    }

    /// Tasks that make something this task reads; a task may repeat where two data items lead from it.
    pub fn predecessors(&self, task: TaskId) -> impl Iterator<Item = TaskId> + '_ {
        self.inputs(task).iter().filter_map(|&data| self.producer(data))
    }

    /// Tasks that read something this task makes; a task may repeat.
    pub fn successors(&self, task: TaskId) -> impl Iterator<Item = TaskId> + '_ {
        self.made(task).iter().flat_map(|&data| self.readers(data).iter().copied())
    }
}

#[inline]
fn row<'a, T>(start: &[u32], items: &'a [T], index: usize) -> &'a [T] {
    &items[start[index] as usize..start[index + 1] as usize]
}
