//! What the simulator says about power and energy, beside what was published.

use scenarios::profile::Profile;
use sim::engine::{Model, Options, simulate};
use sim::environment::Environment;
use sim::graph::Graph;
use sim::identifiers::ModelId;
use sim::metrics::{ModelFacts, report};
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::registry;
use sim::task::LoweredModel;
use sim::workload::{Arrivals, Stream};

use crate::power::PowerFacts;
use crate::published::{COLUMNS, Published, PublishedError, System};

/// Inferences back to back, as the publication measured.
const INFERENCES: u64 = 5;

/// Power and energy of one network under one column's strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct EnergyPrediction {
    /// Network.
    pub model: String,
    /// Column: `cpu` and `gpu` were fitted to, `mulayer` and `codl` not.
    pub column: String,
    /// Mean power, simulated.
    pub predicted_w: f64,
    /// Mean power, published.
    pub published_w: f64,
    /// Energy of an inference, simulated.
    pub predicted_j: f64,
    /// Energy of an inference, published.
    pub published_j: f64,
}

impl Published {
    /// The publication's table of power and energy (of the Snapdragon 855), simulated.
    pub fn energy(
        &self,
        system: &System,
        profile: &Profile,
        facts: &PowerFacts,
    ) -> Result<Vec<EnergyPrediction>, PublishedError> {
        let refuse = |why: String| PublishedError::Profile { system: system.name.to_owned(), why };
        let device = profile.device().map_err(|errors| refuse(format!("{errors:?}")))?;
        let mut predictions = Vec::new();
        for network in &self.networks {
            let lowered = LoweredModel::of(network, &device);
            for (model, column, published_w, published_j) in facts.published.iter().filter(|row| row.0 == network.name) {
                let strategy = COLUMNS.iter().find(|known| known.0 == column).map_or("", |known| known.1);
                let failed =
                    |why| PublishedError::Simulation { strategy: strategy.to_owned(), system: system.name.to_owned(), why };
                let (predicted_w, predicted_j) = simulated(network, &lowered, &device, strategy).map_err(failed)?;
                predictions.push(EnergyPrediction {
                    model: model.clone(),
                    column: column.clone(),
                    predicted_w,
                    published_w: *published_w,
                    predicted_j,
                    published_j: *published_j,
                });
            }
        }
        Ok(predictions)
    }
}

/// Watts, and joules an inference.
fn simulated(network: &Graph, lowered: &LoweredModel, device: &Device, strategy: &str) -> Result<(f64, f64), String> {
    let models = [Model { name: &network.name, tasks: &lowered.tasks, costs: &lowered.costs }];
    let mut strategy = registry::build(strategy).map_err(|error| error.to_string())?;
    let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(INFERENCES));
    let environment = Environment { energy: true, ..Environment::default() };
    let options = Options { environment, ..Options::default() };
    let mut records: Vec<Record> = Vec::new();
    let summary = simulate(device, &models, vec![stream], strategy.as_mut(), &options, &mut records);
    let summary = summary.map_err(|error| error.to_string())?;
    let facts = [ModelFacts { name: &network.name, ..ModelFacts::default() }];
    let report = report(device, &facts, &records, summary.end_ns).map_err(|error| error.to_string())?;
    let energy = report.device.and_then(|device| device.energy).ok_or("no energy was accounted for")?;
    let watts = energy.mean_power_w.ok_or("the run has no length")?;
    Ok((watts, energy.total_j / INFERENCES as f64))
}
