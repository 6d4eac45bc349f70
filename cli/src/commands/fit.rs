//! `socrates calibrate fit`.

use std::fs;
use std::path::Path;

use anyhow::Context;
use hwcal::pixel4::{self, CalibrationData};
use hwcal::rk3399pro;
use hwcal::table::Source;
use scenarios::library;

use crate::arguments::{Calibrated, FitArguments};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::run::{Progress, thread_pool};

/// Measurements read from a folder: `(path, text)` in the order of [`CalibrationData::FILES`].
struct OwnData([(String, String); 3]);

impl OwnData {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let read = |name: &str| {
            let path = folder.join(name);
            let shown = path.display().to_string();
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{shown}`")).map_err(Failure::input)?;
            Ok::<_, Failure>((shown, text))
        };
        let [operators, models, published] = CalibrationData::FILES;
        Ok(Self([read(operators)?, read(models)?, read(published)?]))
    }

    fn sources(&self) -> CalibrationData<'_> {
        let [operators, models, published] = &self.0;
        CalibrationData { operators: source(operators), models: source(models), published: source(published) }
    }
}

fn source((file, text): &(String, String)) -> Source<'_> {
    Source { file, text }
}

pub(crate) fn fit(arguments: &FitArguments) -> Outcome {
    let pool = thread_pool(arguments.threads)?;
    let progress = Progress::new("steps", arguments.quiet);
    if matches!(arguments.device, Calibrated::Rk3399pro) {
        drop(progress);
        return board(arguments);
    }
    let own = arguments.data.as_deref().map(OwnData::read).transpose()?;
    let data = match &own {
        None => CalibrationData::built_in(),
        Some(own) => own.sources(),
    };
    let fitted = pool.install(|| pixel4::fit(data, &|done, total| progress.set(done, total)));
    drop(progress);
    let fitted = fitted.map_err(Failure::input)?;
    if let Some(path) = &arguments.output {
        results::write_atomic(path, fitted.profile.as_bytes())?;
    }
    let built_in = library::devices().iter().find(|entry| entry.name == "pixel4");
    let is_built_in = built_in.is_some_and(|entry| entry.text == fitted.profile);
    let verdict = if is_built_in { "The profile is the built-in one." } else { "The profile differs from the built-in one." };
    print(&format!("{}\n{verdict}\n", fitted.validation))?;
    Ok(if is_built_in || !arguments.check { Status::Done } else { Status::Incomplete })
}

/// The RK3399Pro: its profile; `validate mappings` tells the errors of mappings held out.
fn board(arguments: &FitArguments) -> Outcome {
    let measurements = rk3399pro::Measurements::built_in().map_err(Failure::input)?;
    let (_, profile) = rk3399pro::fit_profile(&measurements).map_err(Failure::input)?;
    if let Some(path) = &arguments.output {
        results::write_atomic(path, profile.as_bytes())?;
    }
    let is_built_in = profile == rk3399pro::Profile::built_in_text();
    let verdict = if is_built_in { "The profile is the built-in one." } else { "The profile differs from the built-in one." };
    print(&format!("{profile}{verdict}\n"))?;
    Ok(if is_built_in || !arguments.check { Status::Done } else { Status::Incomplete })
}
