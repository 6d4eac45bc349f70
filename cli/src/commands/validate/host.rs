//! `socrates validate host`: this machine, calibrated, predicted, run and compared.

use serde::Serialize;
use validation::Section;
use validation::host::{Gate, HostRun, Judgement, gates, judge, section};

use crate::arguments::ValidateHostArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::host::validate;
use crate::output::print;

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    schema_version: u32,
    gates: &'a [Gate],
    #[serde(flatten)]
    judgement: &'a Judgement,
    section: &'a Section,
}

pub(crate) fn host(arguments: &ValidateHostArguments) -> Outcome {
    let run = match &arguments.recorded {
        None => validate(arguments)?,
        Some(path) => {
            let shown = path.display();
            let read = std::fs::read_to_string(path);
            let text = read.map_err(|error| Failure::input(anyhow::anyhow!("cannot read `{shown}`: {error}")))?;
            HostRun::read(&text).map_err(|error| Failure::input(anyhow::anyhow!("`{shown}`: {error}")))?
        }
    };
    if run.cases.is_empty() {
        let notes = run.notes.join("\n");
        return Err(Failure::input(anyhow::anyhow!("nothing could be run: there is nothing to judge\n{notes}")));
    }
    let judgement = judge(&run).map_err(Failure::input)?;
    let (gates, section) = (gates(&judgement), section(&run, &judgement));
    if arguments.recorded.is_none() {
        results::write_atomic(&arguments.output.join("report.md"), section.markdown().as_bytes())?;
        let text = serde_json::to_string(&section).map_err(Failure::output)?;
        results::write_atomic(&arguments.output.join("section.json"), text.as_bytes())?;
    }
    if arguments.json {
        let printed = Printed { schema_version: 1, gates: &gates, judgement: &judgement, section: &section };
        print(&format!("{}\n", serde_json::to_string_pretty(&printed).map_err(Failure::output)?))?;
    } else {
        print(&section.markdown())?;
    }
    tell(arguments, &gates);
    Ok(if gates.iter().any(Gate::fails) { Status::Incomplete } else { Status::Done })
}

#[expect(clippy::print_stderr, reason = "messages to the user")]
fn tell(arguments: &ValidateHostArguments, gates: &[Gate]) {
    for gate in gates.iter().filter(|gate| gate.fails()) {
        eprintln!("error: gate failed: {gate}");
    }
    if gates.iter().any(|gate| gate.is_void) {
        eprintln!(
            "warning: other processes used the cores during most runs: no gate was judged; run it again on a quieter machine"
        );
    }
    if arguments.recorded.is_none() && !arguments.quiet {
        let directory = arguments.output.display();
        eprintln!(
            "everything in `{directory}`; the same report again: `socrates validate host --recorded {directory}/host-run.json`; \
             predicted beside measured: `{directory}/run/trace.pftrace`"
        );
    }
}
