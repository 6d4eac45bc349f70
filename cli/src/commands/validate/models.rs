//! `socrates validate models`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use hwcal::table::Source;
use hwcal::usc;
use scenarios::{Profile, Reference};
use validation::models::{Group, Judgement, Predictor, fitted_on, judge, known_operators, read};

use crate::arguments::ModelsArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::table::{Align, Table};

pub(crate) fn validate_models(arguments: &ModelsArguments) -> Outcome {
    let profile = Profile::open(&Reference::of(&arguments.device, Path::new("")))?.value;
    let (shown, text) = text_of(&arguments.file)?;
    let own = arguments.operators.as_deref().map(text_of).transpose()?;
    let own = own.as_ref().map(|(file, text)| Source { file, text });
    let operators = known_operators(&profile.name, own).map_err(Failure::input)?;
    let rows = read(Source { file: &shown, text: &text }).map_err(Failure::input)?;
    let campaign = usc::campaign(&profile.name);
    let fitted_on = fitted_on(&profile.name).map_err(Failure::input)?;
    let predictor = predictor(profile)?;
    let judgement = judge(&shown, &rows, &predictor, &operators, &fitted_on, campaign).map_err(Failure::input)?;
    let json = || serde_json::to_string_pretty(&judgement).map_err(Failure::output);
    print(&if arguments.json { format!("{}\n", json()?) } else { rendered(&judgement) })?;
    Ok(Status::Done)
}

/// A file as it is shown, and its text.
pub(crate) fn text_of(path: &Path) -> Result<(String, String), Failure> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`")).map_err(Failure::input)?;
    Ok((shown, text))
}

/// A predictor of a profile that was read.
pub(crate) fn predictor(profile: Profile) -> Result<Predictor, Failure> {
    let name = profile.name.clone();
    Predictor::new(profile).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::input(anyhow::anyhow!("device profile `{name}`: {}", errors.join("; ")))
    })
}

fn rendered(judgement: &Judgement) -> String {
    let mut table = Table::new(&[
        ("processor", Align::Left),
        ("cores", Align::Left),
        ("models", Align::Right),
        ("fitted on", Align::Right),
        ("MAPE %", Align::Right),
        ("95 % interval", Align::Right),
        ("random/family base", Align::Right),
        ("median %", Align::Right),
        ("p90 %", Align::Right),
        ("within 10 %", Align::Right),
        ("bias %", Align::Right),
        ("held %", Align::Right),
    ]);
    for it in &judgement.groups {
        table.row(cells(it));
    }
    let mut text = format!("Predictions of whole models on `{}` against measurements:\n\n{}", judgement.device, table.render());
    text.push_str("\n`fitted on`: models that the profile was fitted to. `base`: a plain baseline of the same campaign, models left out at random and\n");
    text.push_str("whole families left out. `held`: share of measurements inside of the predicted 90 % intervals.\n");
    for it in &judgement.refused {
        let more = if it.models.len() < it.rows { ", ..." } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\nnot judged, {} rows: {} ({}{more})", it.rows, it.reason, it.models.join(", "));
    }
    text
}

fn cells(it: &Group) -> [String; 12] {
    [
        it.processor.clone(),
        it.cores.clone(),
        it.n.to_string(),
        it.fitted_on.to_string(),
        format!("{:.2}", it.mape),
        format!("{:.2}-{:.2}", it.mape_interval[0], it.mape_interval[1]),
        it.baseline.map_or_else(String::new, |[random, family]| format!("{random:.1}/{family:.1}")),
        format!("{:.2}", it.median),
        format!("{:.2}", it.p90),
        format!("{:.0}", it.within_10),
        format!("{:+.2}", it.bias),
        it.coverage.map_or_else(String::new, |share| format!("{share:.0}")),
    ]
}
