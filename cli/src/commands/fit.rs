//! `socrates calibrate fit`.

use hwcal::pixel4::{self, CalibrationData};
use scenarios::library;

use crate::arguments::{Calibrated, FitArguments};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::run::{Progress, thread_pool};

pub(crate) fn fit(arguments: &FitArguments) -> Outcome {
    let pool = thread_pool(arguments.threads)?;
    let progress = Progress::new("steps", arguments.quiet);
    let Calibrated::Pixel4 = arguments.device;
    let fitted = pool.install(|| pixel4::fit(CalibrationData::built_in(), &|done, total| progress.set(done, total)));
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
