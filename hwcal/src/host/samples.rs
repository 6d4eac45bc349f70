//! A set of samples with where they come from, and its file: JSON Lines, the provenance first.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::host::facts::Provenance;
use crate::host::journal::Measured;
use crate::host::sample::{Experiment, Refusal, Sample};

/// What ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Everything was measured, as far as it can be.
    Complete,
    /// The budget was used up.
    Budget,
    /// It was interrupted.
    Interrupted,
}

/// What was measured on a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Where and how.
    pub provenance: Provenance,
    /// In the order of the design.
    pub samples: Vec<Sample>,
    /// What the workers could not do, in the order of the design.
    pub refusals: Vec<Refusal>,
    /// How many keys of the design are neither.
    pub remaining: usize,
    /// What ended the run.
    pub end: End,
}

/// Why a file of samples cannot be read.
#[derive(Debug, Error)]
pub enum SamplesError {
    /// Reading fails.
    #[error("reading samples: {0}")]
    Io(#[from] io::Error),
    /// A line is not what it has to be.
    #[error("line {line} of the samples: {error}")]
    Invalid {
        /// From 1.
        line: usize,
        /// Why.
        error: serde_json::Error,
    },
    /// No line at all.
    #[error("the file of samples is empty: its first line must hold the provenance")]
    Empty,
}

#[derive(Serialize, Deserialize)]
struct First {
    provenance: Provenance,
    remaining: usize,
    end: End,
}

impl Samples {
    /// Results in order; counts them and derives each worker's noise floor.
    pub(crate) fn new(
        mut provenance: Provenance,
        results: impl IntoIterator<Item = Measured>,
        remaining: usize,
        end: End,
    ) -> Self {
        let (mut samples, mut refusals) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Measured::Sample(sample) => samples.push(sample),
                Measured::Refusal(refusal) => refusals.push(refusal),
            }
        }
        for worker in &mut provenance.workers {
            worker.samples = samples.iter().filter(|sample| sample.worker == worker.name).count();
            worker.refusals = refusals.iter().filter(|refusal| refusal.worker == worker.name).count();
            let differences: Vec<f64> =
                samples.iter().filter(|sample| sample.worker == worker.name).filter_map(difference).collect();
            let floor = crate::statistics::quantile(&differences, 0.5);
            worker.noise_floor = (!differences.is_empty()).then_some((floor * 1e6).round() / 1e6);
        }
        Self { provenance, samples, refusals, remaining, end }
    }

    /// Writes the file.
    pub fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        let first = First { provenance: self.provenance.clone(), remaining: self.remaining, end: self.end };
        writeln!(file, "{}", serde_json::to_string(&first)?)?;
        for sample in &self.samples {
            writeln!(file, "{}", serde_json::to_string(&Measured::Sample(sample.clone()))?)?;
        }
        for refusal in &self.refusals {
            writeln!(file, "{}", serde_json::to_string(&Measured::Refusal(refusal.clone()))?)?;
        }
        Ok(())
    }

    /// Reads the file.
    pub fn read(file: &mut dyn BufRead) -> Result<Self, SamplesError> {
        let mut lines = file.lines().enumerate();
        let (_, first) = lines.next().ok_or(SamplesError::Empty)?;
        let first: First = serde_json::from_str(&first?).map_err(|error| SamplesError::Invalid { line: 1, error })?;
        let (mut samples, mut refusals) = (Vec::new(), Vec::new());
        for (index, line) in lines {
            match serde_json::from_str(&line?).map_err(|error| SamplesError::Invalid { line: index + 1, error })? {
                Measured::Sample(sample) => samples.push(sample),
                Measured::Refusal(refusal) => refusals.push(refusal),
            }
        }
        Ok(Self { provenance: first.provenance, samples, refusals, remaining: first.remaining, end: first.end })
    }
}

/// `|second / first - 1|` of something measured twice.
fn difference(sample: &Sample) -> Option<f64> {
    match sample.experiment {
        Experiment::Noise { first_ns, second_ns, .. } if first_ns > 0 => Some((second_ns as f64 / first_ns as f64 - 1.0).abs()),
        _ => None,
    }
}
