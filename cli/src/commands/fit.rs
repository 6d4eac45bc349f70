//! `socrates calibrate fit`.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use anyhow::Context;
use hwcal::table::Source;
use hwcal::usc::{self, CalibrationData};
use hwcal::{ncnn, npu, rk3399pro};
use scenarios::library;

use crate::arguments::{FitArguments, RK3399PRO};
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
    if arguments.device == RK3399PRO {
        drop(progress);
        return board(arguments);
    }
    let has_npu = npu::find(&arguments.device);
    if arguments.data.is_some() && (has_npu.is_some() || ncnn::find(&arguments.device).is_some()) {
        return Err(Failure::input(anyhow::anyhow!(
            "`--data` is for phones with single operators measured, `{}` is none",
            arguments.device
        )));
    }
    if let Some(device) = has_npu {
        let fitted = pool.install(|| npu::fit(device));
        drop(progress);
        let fitted = fitted.map_err(Failure::input)?;
        let errors = format!("{}\n{}\n{}", fitted.validation, fitted.fallback, fitted.boards);
        return finish(arguments, &fitted.profile, &errors);
    }
    if let Some(board) = ncnn::find(&arguments.device) {
        let fitted = pool.install(|| ncnn::fit(board));
        drop(progress);
        let fitted = fitted.map_err(Failure::input)?;
        return finish(arguments, &fitted.profile, &fitted.validation);
    }
    let own = arguments.data.as_deref().map(OwnData::read).transpose()?;
    let data = match &own {
        None => CalibrationData::built_in(),
        Some(own) => own.sources(),
    };
    let derived = usc::derived(&arguments.device);
    let name = derived.map_or(arguments.device.as_str(), |derived| derived.from);
    let campaign =
        usc::campaign(name).ok_or_else(|| Failure::input(anyhow::anyhow!("`{name}` has no measurements to fit to")))?;
    let fitted = pool.install(|| usc::fit(campaign, data, &|done, total| progress.set(done, total)));
    drop(progress);
    let mut fitted = fitted.map_err(Failure::input)?;
    if let Some(derived) = derived {
        fitted.profile = usc::derived::text(derived, &fitted.profile).map_err(Failure::input)?;
    }
    finish(arguments, &fitted.profile, &fitted.validation)
}

/// Writes a profile, tells its errors and whether it is the built-in one.
fn finish(arguments: &FitArguments, profile: &str, validation: &dyn Display) -> Outcome {
    if let Some(path) = &arguments.output {
        results::write_atomic(path, profile.as_bytes())?;
    }
    let built_in = library::devices().iter().find(|entry| entry.name == arguments.device);
    let is_built_in = built_in.is_some_and(|entry| entry.text == profile);
    let verdict = if is_built_in { "The profile is the built-in one." } else { "The profile differs from the built-in one." };
    print(&format!("{validation}\n{verdict}\n"))?;
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
