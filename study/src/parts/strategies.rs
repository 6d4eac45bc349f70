//! Table 1: the strategies, by what they optimise and what they ignore.

use sim::strategy::registry::STRATEGIES;

use crate::{Context, Determinism, Kind, Part, PartData, StudyError, Table};

pub(crate) const PART: Part = Part {
    name: "table1",
    title: "the strategies, by what they optimise and ignore",
    determinism: Determinism::Deterministic,
    scenarios: &[],
    make,
};

const COLUMNS: &[(&str, &str, Kind)] = &[
    ("strategy", "", Kind::Text),
    ("places", "", Kind::Text),
    ("optimises", "", Kind::Text),
    ("ignores", "", Kind::Text),
    ("parameters", "", Kind::Text),
];

#[expect(clippy::unnecessary_wraps, reason = "parts that run scenarios can fail")]
fn make(_: &Context<'_>) -> Result<PartData, StudyError> {
    let mut table = Table::new("", "Strategies of the program.", COLUMNS).shown();
    for entry in STRATEGIES {
        let parameters: Vec<&str> = entry.parameters.iter().map(|parameter| parameter.name).collect();
        let parameters = parameters.join(", ");
        table.push([
            entry.name.into(),
            entry.granularity.into(),
            entry.optimises.into(),
            entry.ignores.into(),
            (!parameters.is_empty()).then_some(parameters).into(),
        ]);
    }
    let all = STRATEGIES.len();
    let blind = STRATEGIES.iter().filter(|entry| entry.ignores.contains("load")).count();
    let bandwidth = STRATEGIES.iter().filter(|entry| entry.ignores.contains("bandwidth")).count();
    let caption = format!(
        "The {all} strategies of the program, built as published: what each places as one, what it optimises, and what it does not see. Sources are in \
         the documentation of each."
    );
    let findings =
        vec![format!("{blind} of {all} do not see the load of the device, {bandwidth} not the bandwidth that processors share.")];
    Ok(PartData { caption, tables: vec![table], findings, ..PartData::default() })
}
