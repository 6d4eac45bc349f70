//! The graph of a model's tasks, from `placement.json`.

use std::path::Path;

use results::placement::{Placement, TaskPlacement, read_placements};

use super::{Choice, Chosen, RunError};
use crate::charts::{Task, TaskGraph};
use crate::style::Width;

/// Where the tasks of a model ran and how long.
///
/// # Errors
/// If the directory has no placements, or nothing of the choice.
pub fn task_graph(directory: &Path, choice: &Choice) -> Result<(Chosen, TaskGraph), RunError> {
    let chosen = Chosen::find(directory, choice)?;
    let placements = read_placements(directory)?;
    let fits = |it: &&Placement| {
        it.case == chosen.case && it.strategy == chosen.strategy && choice.model.as_ref().is_none_or(|model| *model == it.model)
    };
    let placement = placements.iter().find(fits).ok_or(RunError::None("placement of that model"))?;
    let title = format!("Tasks of {} under {}", placement.model, placement.strategy);
    let tasks = placement.tasks.iter().map(task).collect();
    Ok((chosen, TaskGraph { title, tasks, unit: "ms".to_owned(), width: Width::Double }))
}

/// A task as the graph shows it.
fn task(task: &TaskPlacement) -> Task {
    let ran: Vec<(String, f64)> = task.ran.iter().map(|ran| (ran.worker.clone(), ran.run_ns * 1e-6)).collect();
    let times: Vec<String> =
        task.ran.iter().map(|ran| format!("{} ({}) {:.3} ms", ran.worker, ran.part, ran.run_ns * 1e-6)).collect();
    let hint = format!("{} {}, {}: {}. {}", task.task, task.name, task.kind, times.join(", "), task.why.sentence());
    Task {
        label: short_kind(&task.kind).to_owned(),
        hint,
        ran,
        fallback: task.fallback.is_some(),
        reads: task.reads.iter().map(|task| *task as usize).collect(),
    }
}

/// A kernel kind, short enough to be written on a task.
pub(crate) fn short_kind(kind: &str) -> &str {
    match kind {
        "convolution" => "conv",
        "depthwise_convolution" => "dw conv",
        "grouped_convolution" => "group conv",
        "transposed_convolution" => "up conv",
        "fully_connected" | "fully_connected_rows" => "linear",
        "single_pixel_convolution" => "1×1 conv",
        "matrix_multiply" => "matmul",
        "data_movement" => "move",
        "concatenate" => "concat",
        "average_pool" => "avg pool",
        "max_pool" => "max pool",
        "global_pool" => "global pool",
        other => other,
    }
}
