//! An observation, loaded: its scenario on a profile, and its runs as jobs.

use std::path::{Path, PathBuf};

use executor::Specification;
use results::{Observation, ObservedRun};
use scenarios::{Document, ProfileInfo, Reference, Scenario};

use crate::execute::{Beside, BesideFrames, frames_on};
use crate::failure::Failure;
use crate::run::{Inputs, Job, Model, jobs};

/// An observation on a profile.
pub(crate) struct Observed {
    pub(crate) observation: Observation,
    pub(crate) scenario: Document<Scenario>,
    pub(crate) inputs: Inputs,
    /// UI frames, if there were any.
    frames: Option<Model>,
    processors: Vec<(String, Specification)>,
}

impl Observed {
    /// Loads an observation. Without `device`, its own profile has to be as it was.
    pub(crate) fn load(directory: &Path, device: Option<&str>) -> Result<Self, Failure> {
        let observation = results::read_observation(directory).map_err(Failure::input)?;
        let folder = PathBuf::from(&observation.scenario_folder);
        let parsed = Scenario::parse(&observation.scenario, &observation.scenario_text, &folder);
        let mut value = parsed.map_err(|errors| Failure::from(scenarios::ReadError::from(errors)))?;
        value.device = Reference::of(device.unwrap_or(&observation.profile), Path::new(""));
        (value.seed, value.strategies) = (observation.seed, observation.strategies.clone());
        let inputs = Inputs::load(&value)?;
        let fingerprint = ProfileInfo::of(&inputs.profile).fingerprint;
        if device.is_none() && fingerprint != observation.profile_fingerprint {
            return Err(Failure::input(anyhow::anyhow!(
                "profile `{}` is not the one that `{}` was observed with: its fingerprint is {}, that of the observation {}\nhint: name \
                 the profile to be used with `--device`",
                observation.profile,
                directory.display(),
                short(&fingerprint),
                short(&observation.profile_fingerprint)
            )));
        }
        let frames = observation.frames.as_ref().map(|&(_, _, layers)| frames_on(&inputs, layers));
        let opened = inputs.profile.value.workers.iter().filter_map(|worker| {
            let specification = worker.opens.as_ref()?.parse().ok()?;
            Some((worker.name.clone(), specification))
        });
        let processors = opened.collect();
        let scenario = Document { name: observation.scenario.clone(), text: observation.scenario_text.clone(), value };
        Ok(Self { observation, scenario, inputs, frames, processors })
    }

    /// What ran beside the runs.
    pub(crate) fn beside(&self) -> Beside<'_> {
        let frames = self.observation.frames.as_ref().zip(self.frames.as_ref()).and_then(|((worker, rate_hz, _), model)| {
            let worker = self.inputs.device.worker_named(worker)?;
            Some(BesideFrames { model, worker, period_ns: (1e9 / rate_hz).round() as u64 })
        });
        Beside::of(&self.processors, &self.inputs, &self.observation.cpu_loads, frames)
    }

    /// The job of a run.
    pub(crate) fn job(&self, run: &ObservedRun) -> Result<Job, Failure> {
        let all = jobs(&self.scenario.value, &self.inputs);
        let found = all.into_iter().find(|job| job.case == run.case && job.strategy == run.strategy);
        let wrong = |why: String| Failure::input(anyhow::anyhow!("run `{}` under `{}`: {why}", run.case, run.strategy));
        let mut job = found.ok_or_else(|| wrong("the scenario has no such case".to_owned()))?;
        let fits = run.variants.len() == self.inputs.models.len()
            && run.variants.iter().zip(&self.inputs.models).all(|(&variant, model)| variant <= model.rewritten.len());
        if !fits {
            return Err(wrong("its models have other variants than those of the scenario".to_owned()));
        }
        job.variants.clone_from(&run.variants);
        Ok(job)
    }
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}
