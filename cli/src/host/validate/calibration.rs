//! Calibration in pieces, between which other things are measured.

use std::path::{Path, PathBuf};
use std::time::Duration;

use executor::Specification;
use hwcal::host::{self, End, Experiment, HostFit, Options, Samples};

use crate::commands::calibrate::{fit, with_flag, workers};
use crate::failure::Failure;
use crate::run::{Interrupt, MeasureProgress};

/// A calibration under way: its journal goes from piece to piece.
pub(super) struct Calibration<'a> {
    pub(super) found: &'a [(String, Specification)],
    pub(super) journal: PathBuf,
    pub(super) is_quick: bool,
    pub(super) seed: u64,
    pub(super) interrupt: &'a Interrupt,
}

impl Calibration<'_> {
    /// Measures on for some time; everything that has been measured so far.
    pub(super) fn measure(&self, seconds: f64, progress: &mut MeasureProgress) -> Result<Samples, Failure> {
        let options = Options {
            quick: self.is_quick,
            budget: Some(Duration::from_secs_f64(seconds)),
            seed: self.seed,
            journal: Some(self.journal.clone()),
        };
        let mut samples = with_flag(self.interrupt, |flag| {
            host::measure(workers(self.found), &options, &mut |state| progress.set(state), flag).map_err(Failure::input)
        })?;
        progress.finish();
        if samples.end == End::Interrupted {
            return Err(Failure::interrupted());
        }
        for facts in &mut samples.provenance.workers {
            let opens = self.found.iter().find(|(name, _)| *name == facts.name);
            facts.opens = opens.map_or_else(String::new, |(_, opens)| opens.to_string());
        }
        Ok(samples)
    }
}

/// Fits a profile to samples without the segments of some models: what is judged on whole models has seen none of them.
pub(super) fn fit_without(
    samples: &Samples,
    models: &[&str],
    found: &[(String, Specification)],
    profile: &Path,
    seed: u64,
) -> Result<HostFit, Failure> {
    let mut kept = samples.clone();
    kept.samples.retain(|sample| match &sample.experiment {
        Experiment::Segment { model, .. } => !models.contains(&model.as_str()),
        _ => true,
    });
    let fitted = fit(&kept, found, profile, seed)?;
    results::write_atomic(profile, fitted.profile.as_bytes())?;
    Ok(fitted)
}
