//! `socrates list`: what comes with the program.

use scenarios::onnx::ReadOptions;
use scenarios::{Profile, Reference, Scenario, library, model, zoo};
use sim::frontend::PASSES;
use sim::strategy::registry;

use crate::arguments::Listed;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use runner::grouped;

use crate::table::{Align, Table};

pub(crate) fn list(what: Listed) -> Outcome {
    let table = match what {
        Listed::Devices => devices()?,
        Listed::Models => models()?,
        Listed::Strategies => strategies(),
        Listed::Scenarios => scenarios()?,
        Listed::Passes => passes(),
    };
    print(&table.render())?;
    Ok(Status::Done)
}

fn devices() -> Result<Table, Failure> {
    let mut table = Table::new(&[("name", Align::Left), ("workers", Align::Left), ("description", Align::Left)]);
    for entry in library::devices() {
        let profile = Profile::open(&Reference::BuiltIn(entry.name.to_owned()))?.value;
        let workers: Vec<&str> = profile.workers.iter().map(|worker| worker.name.as_str()).collect();
        table.row([entry.name.to_owned(), workers.join(" "), profile.description]);
    }
    Ok(table)
}

fn models() -> Result<Table, Failure> {
    let columns = [("name", Align::Left), ("operators", Align::Right), ("MACs", Align::Right), ("parameters", Align::Right)];
    let mut table = Table::new(&columns);
    for name in zoo::names() {
        let graph = model::load(&Reference::BuiltIn(name.to_owned()), &ReadOptions::default())?.graph;
        let numbers = [graph.operators().len() as u64, graph.total_macs(), graph.total_parameters()];
        table.row(std::iter::once(name.to_owned()).chain(numbers.map(grouped)));
    }
    Ok(table)
}

fn strategies() -> Table {
    let mut table = Table::new(&[("name", Align::Left), ("parameter", Align::Left), ("what it does", Align::Left)]);
    for entry in registry::STRATEGIES {
        table.row([entry.name.to_owned(), String::new(), entry.summary.to_owned()]);
        for parameter in entry.parameters {
            let setting = format!("{}={}", parameter.name, parameter.default);
            table.row([String::new(), setting, parameter.summary.to_owned()]);
        }
    }
    table
}

fn passes() -> Table {
    let columns = [("name", Align::Left), ("outputs", Align::Left), ("parameter", Align::Left), ("what it does", Align::Left)];
    let mut table = Table::new(&columns);
    for pass in PASSES {
        let outputs = if pass.is_exact { "same" } else { "change" };
        table.row([pass.name.to_owned(), outputs.to_owned(), String::new(), pass.summary.to_owned()]);
        for parameter in pass.parameters {
            let setting = format!("{}={}", parameter.name, parameter.default);
            table.row([String::new(), String::new(), setting, parameter.summary.to_owned()]);
        }
    }
    table
}

fn scenarios() -> Result<Table, Failure> {
    let mut table = Table::new(&[("name", Align::Left), ("device", Align::Left), ("description", Align::Left)]);
    for entry in library::scenarios() {
        let scenario = Scenario::open(&Reference::BuiltIn(entry.name.to_owned()))?.value;
        table.row([entry.name.to_owned(), scenario.device.to_string(), scenario.description]);
    }
    Ok(table)
}
