//! Charts of runs, from the files of a results directory.

mod graph;
mod over_time;
mod timeline;

use std::path::Path;

use results::tables::{Row, read_table};
use results::{ResultsError, RunFile, read_run};
use thiserror::Error;

pub(crate) use graph::short_kind;
pub use graph::task_graph;
pub use over_time::{STATES, latencies, states};
pub use timeline::timeline;
pub(crate) use timeline::{FRAMES, SKIPPED, frame_spans, is_late};

/// Why there is no chart.
#[derive(Debug, Error)]
pub enum RunError {
    /// The directory cannot be read.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// Nothing of the run is what was asked for.
    #[error("nothing of {what} `{wanted}`: there is {}", there.join(", "))]
    Nothing {
        /// What was asked for.
        what: &'static str,
        /// Its name.
        wanted: String,
        /// What there is.
        there: Vec<String>,
    },
    /// A file is not there, or is not what it should be; says which and why.
    #[error("{0}")]
    Damaged(String),
    /// The run has nothing of the kind.
    #[error("the run has no {0}")]
    None(&'static str),
}

/// Which run of a results directory, and which model of it; the first of what is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Name of the case.
    pub case: Option<String>,
    /// Name of the strategy.
    pub strategy: Option<String>,
    /// Name of the model.
    pub model: Option<String>,
}

/// A run that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Name of the case.
    pub case: String,
    /// Name of the strategy.
    pub strategy: String,
    /// How many other runs there are.
    pub others: usize,
}

impl Chosen {
    /// Finds a run.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn find(directory: &Path, choice: &Choice) -> Result<Self, RunError> {
        let file: RunFile = read_run(directory)?;
        let fits = |wanted: &Option<String>, name: &String| wanted.as_ref().is_none_or(|wanted| wanted == name);
        let of_model = |name: &String| fits(&choice.model, name);
        let mut found = file.cases.iter().filter(|it| fits(&choice.case, &it.case) && fits(&choice.strategy, &it.strategy));
        let with_model = found.clone().find(|it| it.report.models.iter().any(|model| of_model(&model.name)));
        if let Some(case) = with_model {
            return Ok(Self { case: case.case.clone(), strategy: case.strategy.clone(), others: file.cases.len() - 1 });
        }
        let names = |name: &dyn Fn(&results::CaseSummary) -> String| {
            let mut names: Vec<String> = file.cases.iter().map(|it| format!("`{}`", name(it))).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let known = |wanted: &Option<String>, name: &dyn Fn(&results::CaseSummary) -> String| {
            wanted.as_ref().is_none_or(|wanted| file.cases.iter().any(|it| name(it) == *wanted))
        };
        let (case, strategy) = (|it: &results::CaseSummary| it.case.clone(), |it: &results::CaseSummary| it.strategy.clone());
        let text = |wanted: &Option<String>| wanted.clone().unwrap_or_default();
        Err(if file.cases.is_empty() {
            RunError::None("runs")
        } else if !known(&choice.case, &case) {
            RunError::Nothing { what: "case", wanted: text(&choice.case), there: names(&case) }
        } else if !known(&choice.strategy, &strategy) || found.next().is_none() {
            RunError::Nothing { what: "strategy", wanted: text(&choice.strategy), there: names(&strategy) }
        } else {
            let mut there: Vec<String> =
                file.cases.iter().flat_map(|it| &it.report.models).map(|model| format!("`{}`", model.name)).collect();
            there.sort_unstable();
            there.dedup();
            RunError::Nothing { what: "model", wanted: text(&choice.model), there }
        })
    }

    /// The rows of a table that are of the run.
    pub(crate) fn rows<R: Row>(&self, directory: &Path, of: impl Fn(&R) -> (&String, &String)) -> Result<Vec<R>, RunError> {
        let mut rows = read_table::<R>(directory)?;
        rows.retain(|row| of(row) == (&self.case, &self.strategy));
        Ok(rows)
    }
}

/// Milliseconds of nanoseconds.
pub(crate) fn ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 * 1e-6
}
