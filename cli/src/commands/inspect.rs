//! `socrates model inspect`: what a model is made of, and what a device does not support.

use std::fmt::Write;
use std::path::Path;

use scenarios::{Profile, Reference, model};
use serde::Serialize;
use sim::graph::Graph;
use sim::platform::Device;
use sim::task::LoweredModel;

use super::diff::{diff, rendered as rendered_diff};
use crate::arguments::InspectArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::table::{Align, Table};
use runner::{device_of, grouped};

/// What is printed.
#[derive(Debug, Serialize)]
struct Inspection {
    model: String,
    sha256: String,
    operators: Vec<Operator>,
    macs: u64,
    parameters: u64,
    weight_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Support>,
}

#[derive(Debug, Serialize)]
struct Operator {
    name: String,
    op_type: String,
    kind: &'static str,
    output_shapes: Vec<Vec<u64>>,
    macs: u64,
    parameters: u64,
    input_bytes: u64,
    output_bytes: u64,
    weight_bytes: u64,
}

/// What a device makes of a model.
#[derive(Debug, Serialize)]
struct Support {
    device: String,
    workers: Vec<WorkerSupport>,
}

#[derive(Debug, Serialize)]
struct WorkerSupport {
    worker: String,
    supported_tasks: u64,
    tasks: u64,
    /// Sum over the tasks that it can run, with nothing else running and without copies.
    expected_ns: u64,
    /// Tasks whose cost lies outside what the profile was fitted on.
    extrapolated_tasks: u64,
    unsupported: Vec<Unsupported>,
}

#[derive(Debug, Serialize)]
struct Unsupported {
    task: String,
    kind: &'static str,
    reason: String,
}

pub(crate) fn inspect(arguments: &InspectArguments) -> Outcome {
    let here = Path::new("");
    let model = model::load(&Reference::of(&arguments.model, here), &arguments.shapes.options())?;
    let device = match &arguments.device {
        Some(name) => Some(device_of(&Profile::open(&Reference::of(name, here))?)?),
        None => None,
    };
    if arguments.diff {
        let (_, diff) = diff(&model.graph, &arguments.passes, device.as_ref())?;
        print(&if arguments.json { json(&diff)? } else { rendered_diff(&model.name, &diff) })?;
        return Ok(Status::Done);
    }
    let inspection = Inspection {
        model: model.name,
        sha256: model.sha256,
        operators: operators(&model.graph),
        macs: model.graph.total_macs(),
        parameters: model.graph.total_parameters(),
        weight_bytes: model.graph.total_weight_bytes(),
        device: device.map(|device| support(&model.graph, &device)),
    };
    print(&if arguments.json { json(&inspection)? } else { rendered(&inspection) })?;
    Ok(Status::Done)
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value).map_err(Failure::output)?))
}

fn operators(graph: &Graph) -> Vec<Operator> {
    let described = |&id: &_| {
        let (operator, work) = (graph.operator(id), graph.work(id));
        Operator {
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            kind: work.kind.name(),
            output_shapes: operator.outputs.iter().map(|&output| graph.tensor(output).shape.clone()).collect(),
            macs: work.macs,
            parameters: work.parameters,
            input_bytes: work.input_bytes,
            output_bytes: work.output_bytes,
            weight_bytes: work.weight_bytes,
        }
    };
    graph.topological_order().iter().map(described).collect()
}

fn support(graph: &Graph, device: &Device) -> Support {
    let lowered = LoweredModel::of(graph, device);
    let workers = device.worker_ids().map(|worker| {
        let mut found = WorkerSupport {
            worker: device.worker(worker).name.clone(),
            supported_tasks: 0,
            tasks: lowered.info.len() as u64,
            expected_ns: 0,
            extrapolated_tasks: 0,
            unsupported: Vec::new(),
        };
        for (task, info) in lowered.tasks.tasks().zip(&lowered.info) {
            let placement = lowered.placement(task, worker);
            if let Some(reason) = &placement.unsupported {
                let unsupported = Unsupported { task: info.name.clone(), kind: info.kind.name(), reason: reason.clone() };
                found.unsupported.push(unsupported);
                continue;
            }
            found.supported_tasks += 1;
            found.expected_ns += lowered.costs.duration_ns(task, worker).unwrap_or(0);
            found.extrapolated_tasks += u64::from(!placement.in_range);
        }
        found
    });
    Support { device: device.name().to_owned(), workers: workers.collect() }
}

fn rendered(inspection: &Inspection) -> String {
    let mut table = Table::new(&[
        ("operator", Align::Left),
        ("type", Align::Left),
        ("kind", Align::Left),
        ("output shapes", Align::Left),
        ("MACs", Align::Right),
        ("parameters", Align::Right),
        ("input bytes", Align::Right),
        ("output bytes", Align::Right),
    ]);
    for operator in &inspection.operators {
        let shapes: Vec<String> = operator.output_shapes.iter().map(|shape| dimensions(shape)).collect();
        let words = [operator.name.clone(), operator.op_type.clone(), operator.kind.to_owned(), shapes.join(" ")];
        let numbers = [operator.macs, operator.parameters, operator.input_bytes, operator.output_bytes];
        table.row(words.into_iter().chain(numbers.map(grouped)));
    }
    let mut text = table.render();
    let count = inspection.operators.len();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "\n{}: {count} operators, {} MACs, {} parameters, {} bytes of weights",
        inspection.model,
        grouped(inspection.macs),
        grouped(inspection.parameters),
        grouped(inspection.weight_bytes)
    );
    if let Some(support) = &inspection.device {
        text.push_str(&rendered_support(support));
    }
    text
}

fn rendered_support(support: &Support) -> String {
    let mut table = Table::new(&[
        ("worker", Align::Left),
        ("supported", Align::Right),
        ("in all ms", Align::Right),
        ("extrapolated", Align::Right),
        ("unsupported task", Align::Left),
        ("kind", Align::Left),
        ("reason", Align::Left),
    ]);
    for worker in &support.workers {
        let supported = format!("{} of {}", worker.supported_tasks, worker.tasks);
        let expected = crate::table::milliseconds(worker.expected_ns as f64);
        table.row([worker.worker.clone(), supported, expected, worker.extrapolated_tasks.to_string()]);
        for unsupported in &worker.unsupported {
            let blank = [const { String::new() }; 4];
            let words = [unsupported.task.clone(), unsupported.kind.to_owned(), unsupported.reason.clone()];
            table.row(blank.into_iter().chain(words));
        }
    }
    format!("\non {}, operators fused into tasks:\n\n{}", support.device, table.render())
}

/// `1x3x224x224`; `scalar` for no dimension.
fn dimensions(shape: &[u64]) -> String {
    if shape.is_empty() {
        return "scalar".to_owned();
    }
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}
