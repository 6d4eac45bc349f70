//! Scenarios: which models run on which device under which strategies, and how requests arrive.

mod arrivals;
mod environment;
mod others;
mod raw;
mod raw_arrivals;
mod raw_work;
mod stream;
mod trace;
mod validate;
mod validate_arrivals;
mod watchdog;

pub use arrivals::Arrivals;
pub use environment::{Environment, RawEnvironment, RawFixed, RawFrequencies, RawGovernor, RawSchedutil};
pub use others::{
    NamedLoad, Others, RawBursts, RawFixedFrame, RawFrameWork, RawHog, RawInterface, RawLoad, RawOnOutage, RawOutage,
    RawPrecedence, RawRandomOutage,
};
pub use raw::{FusedPatterns, RawDeadlineFrom, RawScenario, RawSize, RawStream, RawVariation, Score, StreamsRun};
pub use raw_arrivals::{
    RawAfter, RawArrivals, RawClosedLoop, RawCount, RawDaily, RawDailyPoint, RawFixedCount, RawJitter, RawMeanCount,
    RawModulated, RawModulatedState, RawPeriodic, RawPoisson, RawRecorded, RawThink, RawWeight,
};
pub use raw_work::{RawQueue, RawWhenFull, RawWork};
pub use stream::{StreamDefinition, Work};
pub use trace::Trace;

use std::path::Path;

use sim::engine::{Options, Variation};
use sim::environment::EnvironmentError;
use sim::frontend::Passes;
use sim::platform::Device;
use sim::strategy::Rewrite;
use sim::task::{Lowering, Patterns};

use crate::library;
use crate::read::{Document, ReadError, Reference};
use crate::text::{self, Diagnostics, FileErrors};

/// The version of the scenario format.
pub const SCHEMA_VERSION: u32 = 1;

/// A validated scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Name: letters, digits, `.`, `_` and `-`, not dots alone.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The device.
    pub device: Reference,
    /// Seed of every random stream.
    pub seed: u64,
    /// Descriptions of the strategies to compare; each one can be built.
    pub strategies: Vec<String>,
    /// Which streams share a run.
    pub streams_run: StreamsRun,
    /// Latest simulated time.
    pub horizon_ns: Option<u64>,
    /// Most memory that the models of a run may need together; what the device allows if absent.
    pub memory_limit_bytes: Option<u64>,
    /// Frontend passes that all models go through first, whatever the strategy.
    pub passes: Option<Passes>,
    /// Patterns of operators that run as one kernel, whatever the strategy.
    pub patterns: FusedPatterns,
    /// How durations vary.
    pub variation: Variation,
    /// What changes about the device.
    pub environment: Environment,
    /// A score of the whole that is shown.
    pub score: Option<Score>,
    /// Runs of everything, each with a seed of its own; at least 1.
    pub replicates: u32,
    /// Streams of requests; at least one.
    pub streams: Vec<StreamDefinition>,
}

impl Scenario {
    /// Opens a scenario of the library or a file.
    pub fn open(reference: &Reference) -> Result<Document<Self>, ReadError> {
        Document::open("scenario", reference, library::scenarios(), Self::parse)
    }

    /// Validates the text of a scenario. `file` names it in messages; paths in it are relative to `folder`.
    pub fn parse(file: &str, text: &str, folder: &Path) -> Result<Self, FileErrors> {
        let mut diagnostics = Diagnostics::default();
        let raw = text::read::<RawScenario>(text, &mut diagnostics);
        let scenario = raw.and_then(|raw| validate::scenario(&raw, folder, &mut diagnostics));
        diagnostics.finish(file, text, scenario)
    }

    /// Settings of the simulator for a run of this scenario.
    ///
    /// # Errors
    /// If the device lacks what the scenario's environment needs.
    pub fn options(&self, device: &Device) -> Result<Options, EnvironmentError> {
        Ok(Options {
            seed: self.seed,
            horizon_ns: self.horizon_ns,
            variation: self.variation,
            environment: self.environment.simulated(device)?,
            ..Options::default()
        })
    }

    /// What all models go through first; `None` where they stay as they are.
    pub fn rewrite(&self) -> Option<Rewrite> {
        if self.passes.is_none() && self.patterns == FusedPatterns::Profile {
            return None;
        }
        let patterns = match self.patterns {
            FusedPatterns::Profile => Patterns::default(),
            FusedPatterns::All => Patterns::ALL,
        };
        Some(Rewrite { name: "scenario", passes: self.passes.clone().unwrap_or_default(), lowering: Lowering { patterns } })
    }

    /// The seed of a replicate: that of the scenario for the first.
    pub fn replicate_seed(&self, replicate: u32) -> u64 {
        sim::random::replicate_seed(self.seed, replicate)
    }

    /// The groups of streams that share a run, by index.
    pub fn cases(&self) -> Vec<Vec<usize>> {
        match self.streams_run {
            StreamsRun::Separately => (0..self.streams.len()).map(|index| vec![index]).collect(),
            StreamsRun::Together => vec![(0..self.streams.len()).collect()],
        }
    }
}
