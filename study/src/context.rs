//! What a part runs its scenarios with.

use std::path::Path;
use std::sync::Mutex;

use rayon::prelude::*;
use results::InputEntry;
use runner::{Cause, Inputs, Job, RunError, Simulated, Watch, jobs, provenance, simulate};
use scenarios::{Document, Profile, Reference, Scenario};

use crate::{Outcome, StudyError};

/// What a part runs its scenarios with. Work goes to the pool of threads in which the part is made; results do not depend on it.
pub struct Context<'a> {
    /// Whether to take more devices, models and strategies, whatever time it takes.
    pub full: bool,
    watch: &'a dyn Watch,
    inputs: Mutex<Vec<InputEntry>>,
}

/// What was seen of each replicate of a run, or why the first that failed did.
pub type Seen<T> = Result<Vec<T>, Cause>;

/// A scenario with all that its runs read.
pub struct Loaded {
    /// The scenario.
    pub scenario: Scenario,
    /// Device and models.
    pub inputs: Inputs,
    /// Its runs.
    pub jobs: Vec<Job>,
}

impl<'a> Context<'a> {
    /// A context; `full` for more of everything.
    pub fn new(full: bool, watch: &'a dyn Watch) -> Self {
        Self { full, watch, inputs: Mutex::new(Vec::new()) }
    }

    /// A scenario of the library. A part may change its device, strategies or anything else before it runs it.
    ///
    /// # Errors
    /// If there is none of that name, or it is wrong.
    pub fn scenario(&self, name: &str) -> Result<Scenario, StudyError> {
        let document = Scenario::open(&Reference::of(name, Path::new("")))?;
        self.note(vec![InputEntry::of("scenario", document.name.clone(), document.text.as_bytes())]);
        Ok(document.value)
    }

    /// Loads scenarios side by side.
    ///
    /// # Errors
    /// If a device or a model cannot be read, or a strategy names a worker that the device lacks.
    pub fn load(&self, scenarios: Vec<Scenario>) -> Result<Vec<Loaded>, StudyError> {
        self.watch.begin(scenarios.len());
        let one = |scenario: Scenario| {
            self.check()?;
            let inputs = Inputs::load(&scenario)?;
            let jobs = jobs(&scenario, &inputs);
            self.watch.advance();
            Ok(Loaded { scenario, inputs, jobs })
        };
        let loaded: Vec<Result<Loaded, StudyError>> = scenarios.into_par_iter().map(one).collect();
        let loaded: Vec<Loaded> = loaded.into_iter().collect::<Result<_, _>>()?;
        for Loaded { scenario, inputs, .. } in &loaded {
            let document = Document { name: scenario.name.clone(), text: String::new(), value: scenario.clone() };
            let mut entries = provenance(Vec::new(), &document, inputs).inputs;
            // The scenario itself was noted when it was read, before a part changed it.
            entries.retain(|entry| entry.role != "scenario");
            self.note(entries);
        }
        Ok(loaded)
    }

    /// Simulates every run of some scenarios, in every replicate, and keeps what `see` takes from each.
    ///
    /// The result holds, for each scenario, for each of its jobs, what was seen of each replicate, or why the first that failed did.
    ///
    /// # Errors
    /// If someone wants to stop.
    pub fn simulate<T: Send>(
        &self,
        loaded: &[Loaded],
        see: impl Fn(&Job, &Loaded, Simulated<'_>) -> T + Sync,
    ) -> Result<Vec<Vec<Seen<T>>>, StudyError> {
        let of = |loaded: &'_ Loaded| loaded.jobs.len() * loaded.scenario.replicates as usize;
        self.watch.begin(loaded.iter().map(of).sum());
        let one = |loaded: &Loaded, job: &Job, replicate: u32| {
            self.check()?;
            let Loaded { scenario, inputs, .. } = loaded;
            let result = simulate(job, scenario, inputs, scenario.replicate_seed(replicate));
            self.watch.advance();
            Ok(result.map(|simulated| see(job, loaded, simulated)))
        };
        let of_job = |loaded: &Loaded, job: &Job| -> Result<Seen<T>, StudyError> {
            let replicates = (0..loaded.scenario.replicates).into_par_iter();
            let all: Vec<Result<Result<T, Cause>, StudyError>> =
                replicates.map(|replicate| one(loaded, job, replicate)).collect();
            all.into_iter().collect::<Result<Vec<_>, _>>().map(|all| all.into_iter().collect())
        };
        let of_scenario = |loaded: &Loaded| loaded.jobs.par_iter().map(|job| of_job(loaded, job)).collect::<Result<Vec<_>, _>>();
        loaded.par_iter().map(of_scenario).collect()
    }

    /// Loads and simulates scenarios, and keeps the reports: scenario by scenario, case by case, strategy by strategy.
    ///
    /// # Errors
    /// If a scenario cannot be loaded, or someone wants to stop. A run that fails is an outcome.
    pub fn run(&self, scenarios: Vec<Scenario>) -> Result<Vec<Outcome>, StudyError> {
        let loaded = self.load(scenarios)?;
        let reports = self.simulate(&loaded, |_, _, simulated| simulated.report)?;
        let mut outcomes = Vec::new();
        for (index, (loaded, reports)) in loaded.iter().zip(reports).enumerate() {
            for (job, reports) in loaded.jobs.iter().zip(reports) {
                outcomes.push(Outcome {
                    scenario: index,
                    device: loaded.inputs.device.name().to_owned(),
                    case: job.case.clone(),
                    strategy: job.strategy.clone(),
                    reports,
                });
            }
        }
        Ok(outcomes)
    }

    /// Notes a profile that was read without a scenario.
    pub fn note_profile(&self, document: &Document<Profile>) {
        self.note(vec![InputEntry::of("profile", document.name.clone(), document.text.as_bytes())]);
    }

    /// Every file that was read so far, in order of role and name.
    pub fn inputs(&self) -> Vec<InputEntry> {
        let mut entries = self.inputs.lock().map(|entries| entries.clone()).unwrap_or_default();
        entries.sort_by(|one, other| (&one.role, &one.name, &one.sha256).cmp(&(&other.role, &other.name, &other.sha256)));
        entries.dedup();
        entries
    }

    /// A stage of so many steps begins; for parts with work of their own.
    pub fn begin(&self, steps: usize) {
        self.watch.begin(steps);
    }

    /// One more step is done.
    pub fn advance(&self) {
        self.watch.advance();
    }

    /// # Errors
    /// If someone wants to stop.
    pub fn check(&self) -> Result<(), StudyError> {
        if self.watch.is_interrupted() { Err(RunError::Interrupted.into()) } else { Ok(()) }
    }

    fn note(&self, entries: Vec<InputEntry>) {
        if let Ok(mut known) = self.inputs.lock() {
            for entry in entries {
                if !known.contains(&entry) {
                    known.push(entry);
                }
            }
        }
    }
}
