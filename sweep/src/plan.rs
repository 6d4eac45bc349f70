//! A sweep with everything it needs to be run.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use results::{InputEntry, Provenance, SWEEP_SCHEMA_VERSION, SweepAxis, SweepFile, Tool};
use runner::{Inputs, Loader, RunError, check_size, jobs};
use scenarios::sweep::{Axis, Design, Scalar, Setting, Unit};
use scenarios::{Document, Profile, ProfileInfo, Scenario, Sweep};
use toml::Value;

use crate::SweepError;
use crate::design::Points;
use crate::key::Keyer;

/// Listed values of an axis of which each is loaded before anything is run; of more, only the first.
const MOST_LOADED: usize = 64;

/// Profiles with values of axes in them that are kept.
const MOST_PROFILES: usize = 64;

/// A sweep that can be run: every file is read, every value of every axis tried.
pub struct Plan {
    sweep: Sweep,
    points: Points,
    pub(crate) keyer: Keyer,
    digest: String,
    provenance: Provenance,
    loader: Loader,
    /// Profiles with values of axes in them, by the profile and those values.
    profiles: Mutex<Vec<(String, Arc<Document<Profile>>)>>,
}

impl Plan {
    /// Opens a sweep file.
    ///
    /// # Errors
    /// If it, or something that it refers to, cannot be read or is wrong.
    pub fn open(path: &Path) -> Result<Self, SweepError> {
        Self::new(Sweep::open(path)?)
    }

    /// A sweep from its text; relative paths start at `folder`, and `name` stands for the file in messages and results.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, SweepError> {
        let value = Sweep::parse(name, text, folder).map_err(scenarios::ReadError::from)?;
        Self::new(Document { name: name.to_owned(), text: text.to_owned(), value })
    }

    fn new(document: Document<Sweep>) -> Result<Self, SweepError> {
        let Document { name, text, value: sweep } = document;
        let loader = Loader::default();
        let mut inputs = vec![
            InputEntry::of("sweep", name.clone(), text.as_bytes()),
            InputEntry::of("scenario", sweep.base.name.clone(), sweep.base.text.as_bytes()),
        ];
        let keyer = Keyer::new(&sweep, &loader, &mut inputs)?;
        let points = Points::new(sweep.design, sweep.axes.len());
        let digest = keyer.digest(&sweep);
        let tool = Tool { name: "socrates".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), revision: None };
        let command_line = vec!["socrates".to_owned(), "sweep".to_owned(), name];
        let provenance = Provenance { tool, command_line, inputs, ..Provenance::default() };
        let profiles = Mutex::default();
        let mut plan = Self { sweep, points, keyer, digest, provenance, loader, profiles };
        let first = plan.load_values()?;
        first.device.name().clone_into(&mut plan.provenance.device);
        plan.provenance.profile_fingerprint = Some(ProfileInfo::of(&first.profile).fingerprint);
        plan.provenance.seed = plan.keyer.seed(&plan.sweep, &plan.settings(0));
        Ok(plan)
    }

    /// Loads what listed values refer to, so that what cannot be run is told before anything is. Gives the inputs of the first point.
    fn load_values(&self) -> Result<Inputs, SweepError> {
        let first: Vec<Setting> = self.sweep.axes.iter().map(|axis| axis.setting(0.0)).collect();
        let load = |settings: &[Setting]| -> Result<Inputs, String> {
            let scenario = self.sweep.scenario(settings)?;
            let inputs = self.inputs(&scenario, settings).map_err(|error| error.to_string())?;
            check_size(&jobs(&scenario, &inputs), &scenario, &inputs).map_err(|error| error.to_string())?;
            Ok(inputs)
        };
        let inputs = load(&first).map_err(SweepError::Input)?;
        for (number, axis) in self.sweep.axes.iter().enumerate().filter(|(_, axis)| axis.range.is_none()) {
            for setting in axis.settings.iter().take(MOST_LOADED).skip(1) {
                let mut settings = first.clone();
                settings[number].clone_from(setting);
                load(&settings).map_err(|why| {
                    let value = setting.iter().map(ToString::to_string).collect::<Vec<String>>().join(", ");
                    SweepError::Value { axis: names(axis), value, why }
                })?;
            }
        }
        Ok(inputs)
    }

    /// The sweep.
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// Points of the whole sweep.
    pub fn points(&self) -> u64 {
        self.sweep.points()
    }

    /// Runs of one point: strategies times replicates.
    pub fn runs_of_point(&self) -> u64 {
        self.sweep.strategies.len() as u64 * u64::from(self.sweep.replicates)
    }

    /// Identifies everything that decides the results.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The setting of each axis at a point below [`Self::points`].
    pub fn settings(&self, point: u64) -> Vec<Setting> {
        self.points.settings(point, &self.sweep.axes)
    }

    /// What the runs of a point read.
    ///
    /// # Errors
    /// Where something cannot be loaded.
    pub(crate) fn inputs(&self, scenario: &Scenario, settings: &[Setting]) -> Result<Inputs, RunError> {
        if !self.sweep.varies_profile() {
            return self.loader.inputs(scenario);
        }
        let base = self.loader.profile(&scenario.device)?;
        let of_profile = self.sweep.axes.iter().zip(settings).filter(|(axis, _)| axis.paths.iter().any(is_of_profile));
        let values: Vec<String> = of_profile.flat_map(|(_, setting)| setting).map(Value::to_string).collect();
        let key = format!("{} {}", scenario.device, values.join(" "));
        let known = || self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().iter().find(|(other, _)| *other == key).map(|(_, profile)| Arc::clone(profile));
        let profile = if let Some(profile) = found {
            profile
        } else {
            let made = Arc::new(self.sweep.profile(&base, settings).map_err(RunError::Input)?);
            let mut known = known();
            if known.len() == MOST_PROFILES {
                known.remove(0);
            }
            known.push((key, Arc::clone(&made)));
            made
        };
        self.loader.inputs_on(scenario, &profile)
    }

    /// What `sweep.json` says of the sweep, but for its results.
    pub(crate) fn about(&self) -> SweepFile {
        let sweep = &self.sweep;
        let axis = |axis: &Axis| SweepAxis {
            paths: axis.paths.iter().map(|path| path.text.clone()).collect(),
            columns: axis.columns.clone(),
            values: told(axis),
        };
        SweepFile {
            schema_version: SWEEP_SCHEMA_VERSION,
            name: sweep.name.clone(),
            digest: self.digest.clone(),
            provenance: self.provenance.clone(),
            design: sweep.design.name().to_owned(),
            design_seed: match sweep.design {
                Design::Grid => None,
                Design::LatinHypercube { seed, .. } => Some(seed),
                Design::Sobol { shift_seed, .. } => shift_seed,
            },
            axes: sweep.axes.iter().map(axis).collect(),
            points: self.points(),
            strategies: sweep.strategies.clone(),
            replicates: sweep.replicates,
            figures: sweep.figures.clone(),
            ..SweepFile::default()
        }
    }

    /// For each column of axes, what its numbers are; `None` for texts.
    pub(crate) fn units(&self) -> Vec<Option<Unit>> {
        let of_axis = |axis: &Axis| -> Vec<Option<Unit>> { (0..axis.paths.len()).map(|index| unit_of(axis, index)).collect() };
        self.sweep.axes.iter().flat_map(of_axis).collect()
    }
}

fn is_of_profile(path: &scenarios::sweep::Path) -> bool {
    path.text.starts_with("profile.")
}

fn names(axis: &Axis) -> String {
    axis.columns.join(", ")
}

/// Values of an axis, for people.
fn told(axis: &Axis) -> String {
    const MOST: usize = 32;
    if let Some(range) = &axis.range {
        let scale = format!("{:?}", range.scale).to_lowercase();
        let count = if axis.settings.is_empty() { String::new() } else { format!(", {} values", axis.settings.len()) };
        return format!("from {} to {}, {scale}{count}", range.at(0.0), range.at(1.0));
    }
    let value = |setting: &Setting| setting.iter().map(Value::to_string).collect::<Vec<String>>().join(" ");
    let mut values: Vec<String> = axis.settings.iter().take(MOST).map(value).collect();
    if axis.settings.len() > MOST {
        values.push(format!("... ({} in all)", axis.settings.len()));
    }
    values.join(", ")
}

/// What the numbers of a column are, if it holds nothing else.
fn unit_of(axis: &Axis, index: usize) -> Option<Unit> {
    if let Some(range) = &axis.range {
        return Some(range.unit);
    }
    let mut unit: Option<Unit> = None;
    for setting in &axis.settings {
        let Scalar::Number(_, next) = Scalar::of(&setting[index]) else { return None };
        unit = Some(match (unit, next) {
            (None, next) => next,
            (Some(known), next) if known == next => known,
            (Some(Unit::Real | Unit::Whole), Unit::Real | Unit::Whole) => Unit::Real,
            _ => return None,
        });
    }
    unit
}
