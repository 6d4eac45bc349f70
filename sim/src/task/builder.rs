//! Building a [`TaskGraph`] in topological order, checked.

use thiserror::Error;

use crate::graph::OperatorWork;
use crate::identifiers::{DataId, TaskId};
use crate::task::{RowAccess, Splits, TaskGraph};

/// Why a task graph cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TaskGraphError {
    /// A task reads data that no earlier task and no request makes.
    #[error("task {task} reads data {data}, which is not made before it: add tasks in topological order")]
    ReadsUnknown {
        /// The reading task.
        task: u32,
        /// What it reads.
        data: u32,
    },
    /// A marked output does not exist.
    #[error("output data {data} does not exist: there are {count} data items")]
    UnknownOutput {
        /// The missing data item.
        data: u32,
        /// Data items there are.
        count: usize,
    },
}

/// Collects tasks in topological order.
#[derive(Clone, Debug, Default)]
pub struct TaskGraphBuilder {
    bytes: Vec<u64>,
    producer: Vec<Option<TaskId>>,
    outputs: Vec<DataId>,
    input_start: Vec<u32>,
    inputs: Vec<DataId>,
    made_start: Vec<u32>,
    made: Vec<DataId>,
    splits: Vec<Splits>,
    row_access: Vec<RowAccess>,
    rows: Vec<u32>,
    work: Vec<Option<OperatorWork>>,
    error: Option<TaskGraphError>,
}

impl TaskGraphBuilder {
    /// An empty graph.
    pub fn new() -> Self {
        Self { input_start: vec![0], made_start: vec![0], ..Self::default() }
    }

    /// Adds a data item that comes with the request.
    pub fn request_input(&mut self, bytes: u64) -> DataId {
        self.bytes.push(bytes);
        self.producer.push(None);
        DataId::from_index(self.bytes.len() - 1)
    }

    /// Adds a task that reads `inputs` (repeats are dropped) and makes one data item for each entry of `made_bytes`.
    ///
    /// Returns the task and the first of the data items it makes; the others follow it.
    pub fn task(&mut self, inputs: &[DataId], made_bytes: &[u64]) -> (TaskId, DataId) {
        let task = TaskId::from_index(self.input_start.len() - 1);
        let first = self.inputs.len();
        for &data in inputs {
            if data.index() >= self.bytes.len() && self.error.is_none() {
                self.error = Some(TaskGraphError::ReadsUnknown { task: task.0, data: data.0 });
            }
            if !self.inputs[first..].contains(&data) {
                self.inputs.push(data);
            }
        }
        self.input_start.push(self.inputs.len() as u32);
        let made = DataId::from_index(self.bytes.len());
        for &bytes in made_bytes {
            self.made.push(DataId::from_index(self.bytes.len()));
            self.bytes.push(bytes);
            self.producer.push(Some(task));
        }
        self.made_start.push(self.made.len() as u32);
        (task, made)
    }

    /// Says how finely a task can be cut; without it, not at all.
    pub fn splits(&mut self, task: TaskId, splits: Splits) {
        if splits != Splits::default() {
            let count = self.splits.len().max(task.index() + 1);
            self.splits.resize(count, Splits::default());
            self.splits[task.index()] = splits;
        }
    }

    /// Says how many rows a data item has, of a task that can be cut into them or of one that comes whole; without it, none.
    pub fn rows(&mut self, data: DataId, rows: u32) {
        if rows > 0 {
            let count = self.rows.len().max(data.index() + 1);
            self.rows.resize(count, 0);
            self.rows[data.index()] = rows;
        }
    }

    /// Says which rows of something that it reads a task needs for some of its rows; without it, all.
    pub fn row_access(&mut self, task: TaskId, data: DataId, access: RowAccess) {
        let end = self.input_start.get(task.index() + 1).map_or(0, |&end| end as usize);
        let first = self.input_start.get(task.index()).map_or(end, |&first| first as usize);
        if let Some(position) = self.inputs[first..end].iter().position(|&input| input == data) {
            let count = self.row_access.len().max(first + position + 1);
            self.row_access.resize(count, RowAccess::All);
            self.row_access[first + position] = access;
        }
    }

    /// Says what work a task's leading operator does, for strategies with predictors of their own.
    pub fn work(&mut self, task: TaskId, work: OperatorWork) {
        let count = self.work.len().max(task.index() + 1);
        self.work.resize(count, None);
        self.work[task.index()] = Some(work);
    }

    /// Marks a data item as wanted by the requester, in the host's memory.
    pub fn output(&mut self, data: DataId) {
        self.outputs.push(data);
    }

    /// Builds the graph.
    pub fn build(self) -> Result<TaskGraph, TaskGraphError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let count = self.bytes.len();
        let mut output = vec![false; count];
        for data in self.outputs {
            *output.get_mut(data.index()).ok_or(TaskGraphError::UnknownOutput { data: data.0, count })? = true;
        }
        let mut reader_start = vec![0u32; count + 1];
        for data in &self.inputs {
            reader_start[data.index() + 1] += 1;
        }
        for index in 0..count {
            reader_start[index + 1] += reader_start[index];
        }
        let mut next = reader_start.clone();
        let mut readers = vec![TaskId(0); self.inputs.len()];
        for task in 0..self.input_start.len() - 1 {
            for &data in &self.inputs[self.input_start[task] as usize..self.input_start[task + 1] as usize] {
                readers[next[data.index()] as usize] = TaskId::from_index(task);
                next[data.index()] += 1;
            }
        }
        Ok(TaskGraph {
            bytes: self.bytes,
            producer: self.producer,
            output,
            input_start: self.input_start,
            inputs: self.inputs,
            made_start: self.made_start,
            made: self.made,
            reader_start,
            readers,
            splits: self.splits,
            row_access: self.row_access,
            rows: self.rows,
            work: self.work,
        })
    }
}
