//! `socrates capacity`: the largest load that meets a target.

use std::path::Path;

use scenarios::text::suggestion;
use scenarios::{Reference, Scenario};
use sim::strategy::registry;
use sweep::{Capacity, Load, Search, Target, capacity as searched};

use crate::arguments::{CapacityArguments, Varied};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::run::{Interrupt, SweepProgress};
use crate::table::{Align, Table};

pub(crate) fn capacity(arguments: &CapacityArguments) -> Outcome {
    let mut scenario = Scenario::open(&Reference::of(&arguments.scenario, Path::new("")))?.value;
    for strategy in &arguments.strategies {
        registry::build(strategy).map_err(Failure::input)?;
    }
    if !arguments.strategies.is_empty() {
        scenario.strategies.clone_from(&arguments.strategies);
    }
    let latencies = [(0.5, arguments.p50), (0.9, arguments.p90), (0.95, arguments.p95), (0.99, arguments.p99)];
    let latency =
        latencies.into_iter().find_map(|(quantile, most_ns)| most_ns.map(|most_ns| Target::Latency { quantile, most_ns }));
    let target = arguments.deadline_miss.map(Target::MissRate).or(latency);
    let target =
        target.ok_or_else(|| Failure::input(anyhow::anyhow!("a target is missing: `--deadline-miss 1%`, `--p99 50ms`")))?;
    let load = match arguments.vary {
        Varied::Rate => Load::Rate,
        Varied::Copies => Load::Copies,
    };
    let stream = stream(&scenario, arguments.stream.as_deref())?;
    let search = Search {
        stream,
        load,
        target,
        replicates: arguments.replicates,
        precision: arguments.precision,
        threads: arguments.threads,
    };
    let watch = SweepProgress::new(Interrupt::listen()?, arguments.quiet);
    let found = searched(&scenario, &search, &watch);
    watch.finish();
    let found = found?;
    print(&table(&scenario, &search, &found))?;
    let none = found.iter().any(|of| of.values.iter().all(|&value| value == 0.0));
    Ok(if none { Status::Incomplete } else { Status::Done })
}

fn stream(scenario: &Scenario, wanted: Option<&str>) -> Result<usize, Failure> {
    let names: Vec<String> =
        scenario.streams.iter().map(|stream| stream.name.clone().unwrap_or_else(|| stream.model.to_string())).collect();
    let Some(wanted) = wanted else {
        if names.len() == 1 {
            return Ok(0);
        }
        return Err(Failure::input(anyhow::anyhow!("which stream? Write `--stream` with one of: {}", names.join(", "))));
    };
    let by_number = || wanted.parse().ok().filter(|&number: &usize| number < names.len());
    names.iter().position(|name| name == wanted).or_else(by_number).ok_or_else(|| {
        let hint = suggestion(wanted, names.iter().map(String::as_str));
        Failure::input(anyhow::anyhow!("the scenario has no stream `{wanted}`\nhint: {hint}"))
    })
}

fn table(scenario: &Scenario, search: &Search, found: &[Capacity]) -> String {
    let of = &scenario.streams[search.stream];
    let name = of.name.clone().unwrap_or_else(|| of.model.to_string());
    let (what, unit) = match search.load {
        Load::Rate => ("rate", "requests/s"),
        Load::Copies => ("number of copies", "copies"),
    };
    let target = match search.target {
        Target::MissRate(share) => format!("at most {}% of deadlines missed", share * 100.0),
        Target::Latency { quantile, most_ns } => {
            format!("p{} at most {}", quantile * 100.0, scenarios::text::Duration::write(most_ns).0)
        }
    };
    let mut table = Table::new(&[
        ("strategy", Align::Left),
        (unit, Align::Right),
        ("low", Align::Right),
        ("high", Align::Right),
        ("least", Align::Right),
        ("runs", Align::Right),
        ("", Align::Left),
    ]);
    for of in found {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
        let least = of.values.iter().copied().min_by(f64::total_cmp);
        let remark = if of.is_bounded_by_search {
            "or more: nothing larger was tried"
        } else if least == Some(0.0) {
            "0 where no load meets the target"
        } else {
            ""
        };
        table.row([
            of.strategy.clone(),
            number(of.interval.mean),
            number(of.interval.low.map(|low| low.max(0.0))),
            number(of.interval.high),
            number(least),
            of.runs.to_string(),
            remark.to_owned(),
        ]);
    }
    let percent = results::CONFIDENCE * 100.0;
    format!(
        "largest {what} of `{name}` in {} on {} with {target}: mean over {} replicates, {percent}% interval, least of them\n\n{}",
        scenario.name,
        scenario.device,
        search.replicates,
        table.render()
    )
}
