//! A run of consecutive tasks of a model as a model of its own: small enough to search whole, with costs that are real.

use std::ops::Range;

use crate::identifiers::{DataId, TaskId};
use crate::task::{CostTable, TaskGraph, TaskGraphBuilder};

impl TaskGraph {
    /// Tasks `range` (in topological order) with what they read from outside as request inputs and what is read outside, or by nobody,
    /// as outputs; and their costs.
    ///
    /// # Panics
    /// If the range is empty or reaches beyond the tasks there are.
    pub fn window(&self, costs: &CostTable, range: Range<usize>) -> (Self, CostTable) {
        assert!(!range.is_empty() && range.end <= self.task_count(), "a range of tasks");
        let inside = |task: &TaskId| range.contains(&task.index());
        let mut builder = TaskGraphBuilder::new();
        let mut renamed: Vec<Option<DataId>> = vec![None; self.data_count()];
        for task in range.clone().map(TaskId::from_index) {
            for &data in self.inputs(task) {
                if renamed[data.index()].is_none() {
                    let input = builder.request_input(self.bytes(data));
                    builder.rows(input, self.rows(data));
                    renamed[data.index()] = Some(input);
                }
            }
            let inputs: Vec<DataId> = self.inputs(task).iter().filter_map(|data| renamed[data.index()]).collect();
            let bytes: Vec<u64> = self.made(task).iter().map(|&data| self.bytes(data)).collect();
            let (copy, first) = builder.task(&inputs, &bytes);
            for (offset, &data) in self.made(task).iter().enumerate() {
                let made = DataId::from_index(first.index() + offset);
                builder.rows(made, self.rows(data));
                renamed[data.index()] = Some(made);
            }
            builder.splits(copy, self.splits(task));
            for (position, &input) in inputs.iter().enumerate() {
                builder.row_access(copy, input, self.row_access(task, position));
            }
            if let Some(work) = self.work(task) {
                builder.work(copy, work.clone());
            }
        }
        for task in range.clone().map(TaskId::from_index) {
            for &data in self.made(task) {
                let readers = self.readers(data);
                if (self.is_output(data) || readers.is_empty() || !readers.iter().all(inside))
                    && let Some(made) = renamed[data.index()]
                {
                    builder.output(made);
                }
            }
        }
        let window = builder.build().expect("tasks were added in topological order");
        (window, costs.window(range))
    }
}
