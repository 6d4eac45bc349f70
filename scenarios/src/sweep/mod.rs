//! Sweeps: a scenario, and what about it is varied.

mod axis;
mod path;
mod raw;
mod validate;

pub use axis::{Axis, Range, Scalar, Setting, Unit};
pub use path::{Path, Step};
pub use raw::{RawAny, RawAxis, RawDesign, RawRange, RawSampled, RawScale, RawSweep};

use std::path::{Path as FilePath, PathBuf};

use toml::Table;

use crate::profile::Profile;
use crate::read::{Document, ReadError, Reference};
use crate::scenario::Scenario;
use crate::text::{self, Diagnostics, FileErrors};

/// The version of the sweep format.
pub const SCHEMA_VERSION: u32 = 1;

/// Runs of a sweep at most: each is a row in memory.
pub const MOST_RUNS: u128 = 10_000_000;

/// A validated sweep: every value of every axis, put into the scenario alone, makes a valid one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// Name: letters, digits, `.`, `_` and `-`, not dots alone.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The scenario that is varied.
    pub base: Base,
    /// Strategies that every point is run under.
    pub strategies: Vec<String>,
    /// How points are chosen.
    pub design: Design,
    /// Runs of every point, each with a seed of its own.
    pub replicates: u32,
    /// Figures beyond those of every sweep.
    pub figures: Vec<String>,
    /// What is varied; at least one.
    pub axes: Vec<Axis>,
}

/// The scenario that a sweep varies.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// Name of the library or of the file.
    pub name: String,
    /// Its text, before anything is varied.
    pub text: String,
    /// The same as a table, with the strategies and replicates of the sweep.
    pub table: Table,
    /// Where relative paths start.
    pub folder: PathBuf,
}

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// All of them.
    Grid,
    /// One in each stratum of every axis.
    LatinHypercube {
        /// Points.
        points: u64,
        /// Seed of the draw.
        seed: u64,
    },
    /// Sobol's sequence.
    Sobol {
        /// Points.
        points: u64,
        /// Seed of a random shift; `None` for none.
        shift_seed: Option<u64>,
    },
}

impl Design {
    /// As in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::LatinHypercube { .. } => "latin_hypercube",
            Self::Sobol { .. } => "sobol",
        }
    }
}

/// First part of the path of a field of the device profile.
const PROFILE: &str = "profile";

impl Sweep {
    /// Opens a sweep file.
    ///
    /// # Errors
    /// If it cannot be read, or is wrong; then with everything that is wrong with it.
    pub fn open(path: &FilePath) -> Result<Document<Self>, ReadError> {
        Document::open("sweep", &Reference::File(path.to_owned()), &[], Self::parse)
    }

    /// Validates the text of a sweep. `file` names it in messages; paths in it are relative to `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &str, text: &str, folder: &FilePath) -> Result<Self, FileErrors> {
        let mut diagnostics = Diagnostics::default();
        let raw = text::read::<RawSweep>(text, &mut diagnostics);
        let sweep = raw.and_then(|raw| validate::sweep(&raw, folder, &mut diagnostics));
        diagnostics.finish(file, text, sweep)
    }

    /// Points in all.
    pub fn points(&self) -> u64 {
        match self.design {
            // The size was checked.
            Design::Grid => self.axes.iter().map(|axis| axis.count() as u64).product(),
            Design::LatinHypercube { points, .. } | Design::Sobol { points, .. } => points,
        }
    }

    /// The scenario with some settings, one of each axis, as a table. Fields of the profile are left out.
    ///
    /// # Errors
    /// Says which part of a path leads nowhere.
    pub fn table(&self, settings: &[Setting]) -> Result<Table, String> {
        let mut table = self.base.table.clone();
        for (axis, setting) in self.axes.iter().zip(settings) {
            axis.apply(setting, false, &mut table)?;
        }
        Ok(table)
    }

    /// The scenario with some settings, one of each axis.
    ///
    /// # Errors
    /// Everything that is wrong with it, in one text.
    pub fn scenario(&self, settings: &[Setting]) -> Result<Scenario, String> {
        scenario_of(&self.table(settings)?, &self.base)
    }

    /// Whether an axis varies the device profile.
    pub fn varies_profile(&self) -> bool {
        self.axes.iter().any(|axis| axis.paths.iter().any(Axis::is_of_profile))
    }

    /// A profile with some settings.
    ///
    /// # Errors
    /// Everything that is wrong with it, in one text.
    pub fn profile(&self, base: &Document<Profile>, settings: &[Setting]) -> Result<Document<Profile>, String> {
        profile_of(base, &self.axes, settings)
    }
}

/// A table as a scenario.
fn scenario_of(table: &Table, base: &Base) -> Result<Scenario, String> {
    let text = toml::to_string(table).map_err(|error| error.to_string())?;
    Scenario::parse(&base.name, &text, &base.folder).map_err(|errors| messages(&errors))
}

fn profile_of(base: &Document<Profile>, axes: &[Axis], settings: &[Setting]) -> Result<Document<Profile>, String> {
    let mut table: Table = base.text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    for (axis, setting) in axes.iter().zip(settings) {
        axis.apply(setting, true, &mut table)?;
    }
    let text = toml::to_string(&table).map_err(|error| error.to_string())?;
    let value = Profile::parse(&base.name, &text).map_err(|errors| messages(&errors))?;
    Ok(Document { name: base.name.clone(), text, value })
}

/// What is wrong, without places: the text is none that a user wrote.
fn messages(errors: &FileErrors) -> String {
    let of = |one: &text::Diagnostic| match &one.hint {
        Some(hint) => format!("{} ({hint})", one.message),
        None => one.message.clone(),
    };
    errors.diagnostics.iter().map(of).collect::<Vec<String>>().join("; ")
}
