//! Devices that were never measured here: profiles from what `CoDL` (`MobiSys` 2022) publishes about one processor alone, and
//! predictions of what it publishes about two together.
//!
//! Fitted to: the latencies of five networks on the CPU alone and on the GPU alone, of one system on chip at a time. Taken as published:
//! what sharing costs, that convolutions take 3.5 times as long on buffers as on images, the operators of the networks. Assumed:
//! everything else, as said where it is. Nothing is fitted to a column in which both processors compute.

mod costs;
mod energy;
mod models;
mod predict;
mod profile;
mod systems;

use std::collections::BTreeMap;

use scenarios::profile::Profile;
use sim::graph::Graph;
use thiserror::Error;

use crate::linear::LinearError;
use crate::table::{Source, Table, TableError};

pub use energy::EnergyPrediction;
pub use predict::{COLUMNS, Prediction, Summary};
pub use systems::{SYSTEMS, System};

/// Why published behaviour cannot be predicted.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PublishedError {
    /// The data are refused.
    #[error(transparent)]
    Data(#[from] TableError),
    /// A fit has no solution.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// A list of operators is no network.
    #[error("network `{model}`: {why}")]
    Network {
        /// The network.
        model: String,
        /// Why.
        why: String,
    },
    /// A fitted profile is refused.
    #[error("profile of `{system}`: {why}")]
    Profile {
        /// The system on chip.
        system: String,
        /// Why.
        why: String,
    },
    /// A plan cannot be made or simulated.
    #[error("`{strategy}` on `{system}`: {why}")]
    Simulation {
        /// The strategy.
        strategy: String,
        /// The system on chip.
        system: String,
        /// Why.
        why: String,
    },
}

/// The files in `hwcal/data`.
#[derive(Clone, Copy, Debug)]
pub struct PublishedData<'a> {
    /// Operators of the networks.
    pub models: Source<'a>,
    /// Latencies.
    pub latencies: Source<'a>,
}

impl PublishedData<'static> {
    /// The data that come with the source code.
    pub fn built_in() -> Self {
        Self {
            models: Source { file: "hwcal/data/codl_models.csv", text: include_str!("../../data/codl_models.csv") },
            latencies: Source { file: "hwcal/data/codl_published.csv", text: include_str!("../../data/codl_published.csv") },
        }
    }
}

/// Everything that was published and is used.
#[derive(Debug)]
pub struct Published {
    /// The networks, in the order of the file.
    pub networks: Vec<Graph>,
    /// Milliseconds by system, network and column.
    pub latency_ms: BTreeMap<(String, String, String), f64>,
}

impl Published {
    /// Reads the data.
    pub fn read(data: PublishedData<'_>) -> Result<Self, PublishedError> {
        let table = Table::read(data.latencies, &["soc", "model", "column", "latency_ms"])?;
        let mut latency_ms = BTreeMap::new();
        for row in table.rows() {
            let key = (row.text("soc")?.to_owned(), row.text("model")?.to_owned(), row.text("column")?.to_owned());
            latency_ms.insert(key, row.positive("latency_ms")?);
        }
        Ok(Self { networks: models::networks(data.models)?, latency_ms })
    }

    /// A published latency in milliseconds.
    pub fn latency_ms(&self, system: &str, model: &str, column: &str) -> Option<f64> {
        self.latency_ms.get(&(system.to_owned(), model.to_owned(), column.to_owned())).copied()
    }

    /// The profile of a system on chip, fitted to what each processor takes alone.
    pub fn calibrate(&self, system: &System) -> Result<Profile, PublishedError> {
        profile::of(self, system)
    }
}
