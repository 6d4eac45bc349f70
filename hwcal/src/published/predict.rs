//! What the simulator says about two processors together, beside what was published.

use std::fmt::{self, Display, Formatter};

use scenarios::profile::Profile;
use sim::engine::{Model, Options, simulate};
use sim::graph::Graph;
use sim::identifiers::ModelId;
use sim::platform::Device;
use sim::record::NoRecorder;
use sim::strategy::registry;
use sim::task::LoweredModel;
use sim::workload::{Arrivals, Stream};

use crate::published::{Published, PublishedError, System};

/// Columns of the publication, each with the strategy that stands for it; `ideal` is no strategy.
///
/// The publication ran `CoDL` on buffers with the plans that it had made for images (its scripts give both the same fixed plans).
/// `mulayer_image` is no column of it: what `mulayer` takes if it plans for images too. It was added after the column had been seen.
pub const COLUMNS: [(&str, &str); 10] = [
    ("cpu", "cpu"),
    ("gpu", "gpu"),
    ("mulayer", "mulayer[workers=cpu+gpu_buffer]"),
    ("codl_buffer", "codl[workers=cpu+gpu_buffer, planned_for=gpu]"),
    ("codl", "codl[workers=cpu+gpu]"),
    ("ideal", ""),
    ("codl_rows", "codl[workers=cpu+gpu, by=rows, chains=off]"),
    ("codl_channels", "codl[workers=cpu+gpu, by=channels, chains=off]"),
    ("mulayer_image", "mulayer[workers=cpu+gpu_buffer, planned_for=gpu]"),
    ("codl_no_chains", "codl[workers=cpu+gpu, chains=off]"),
];

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// System on chip.
    pub system: &'static str,
    /// Network.
    pub model: String,
    /// Column.
    pub column: &'static str,
    /// What the simulator says.
    pub predicted_ms: f64,
    /// What was published, where it is known here.
    pub published_ms: Option<f64>,
}

impl Prediction {
    /// How far the prediction is off, in percent of what was published.
    pub fn error_percent(&self) -> Option<f64> {
        self.published_ms.map(|published_ms| 100.0 * (self.predicted_ms / published_ms - 1.0))
    }
}

impl Published {
    /// Every column of every network on a calibrated system.
    pub fn predict(&self, system: &System, profile: &Profile) -> Result<Vec<Prediction>, PublishedError> {
        let refuse = |why: String| PublishedError::Profile { system: system.name.to_owned(), why };
        let device = profile.device().map_err(|errors| refuse(format!("{errors:?}")))?;
        let mut predictions = Vec::new();
        for network in &self.networks {
            let lowered = LoweredModel::of(network, &device);
            for (column, strategy) in COLUMNS {
                if strategy.contains("gpu_buffer") && !system.has_images && column != "mulayer" {
                    continue;
                }
                // A system without images has buffers only.
                let strategy = if system.has_images { strategy.to_owned() } else { strategy.replace("gpu_buffer", "gpu") };
                let predicted_ms = match column {
                    "ideal" => ideal_ms(&lowered, &device),
                    _ => simulated_ms(network, &lowered, &device, &strategy).map_err(|why| PublishedError::Simulation {
                        strategy,
                        system: system.name.to_owned(),
                        why,
                    })?,
                };
                let solo = if column == "gpu" && !system.has_images { "gpu_buffer" } else { column };
                let solo = if column == "mulayer_image" { "mulayer" } else { solo };
                let published_ms = self.latency_ms(system.name, &network.name, solo);
                let (system, model) = (system.name, network.name.clone());
                predictions.push(Prediction { system, model, column, predicted_ms, published_ms });
            }
        }
        Ok(predictions)
    }
}

/// Every operator shared so that both end at the same time, at no cost.
fn ideal_ms(lowered: &LoweredModel, device: &Device) -> f64 {
    let (Some(cpu), Some(gpu)) = (device.worker_named("cpu"), device.worker_named("gpu")) else { return f64::NAN };
    let of_task = |task| match (lowered.costs.duration_ns(task, cpu), lowered.costs.duration_ns(task, gpu)) {
        (Some(one), Some(other)) if one + other > 0 => one as f64 * other as f64 / (one + other) as f64,
        (Some(only), None) | (None, Some(only)) => only as f64,
        _ => 0.0,
    };
    lowered.tasks.tasks().map(of_task).sum::<f64>() * 1e-6
}

fn simulated_ms(network: &Graph, lowered: &LoweredModel, device: &Device, strategy: &str) -> Result<f64, String> {
    let models = [Model { name: &network.name, tasks: &lowered.tasks, costs: &lowered.costs }];
    let mut strategy = registry::build(strategy).map_err(|error| error.to_string())?;
    let streams = vec![Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), Some(1))];
    let run = simulate(device, &models, streams, strategy.as_mut(), &Options::default(), &mut NoRecorder);
    run.map(|summary| summary.end_ns as f64 * 1e-6).map_err(|error| error.to_string())
}

/// How good predictions are where something was published.
#[derive(Clone, Debug)]
pub struct Summary<'a> {
    /// All predictions of all systems.
    pub predictions: &'a [Prediction],
}

impl Summary<'_> {
    /// All cells as CSV, predictions to a tenth of a millisecond.
    pub fn csv(&self) -> String {
        let cell = |cell: &Prediction| format!("{},{},{},{:.1}\n", cell.system, cell.model, cell.column, cell.predicted_ms);
        std::iter::once("soc,model,column,predicted_ms\n".to_owned()).chain(self.predictions.iter().map(cell)).collect()
    }

    /// Mean absolute error in percent over the cells of some columns, and their number.
    pub fn mean_error_percent(&self, columns: &[&str]) -> (f64, usize) {
        let wanted = self.predictions.iter().filter(|cell| columns.contains(&cell.column));
        let errors: Vec<f64> = wanted.filter_map(Prediction::error_percent).map(f64::abs).collect();
        (errors.iter().sum::<f64>() / (errors.len() as f64).max(1.0), errors.len())
    }

    /// For each system and network with all of `columns`: whether the fastest is named right, and the rank correlation (Spearman).
    pub fn rankings(&self, columns: &[&str]) -> Vec<(&'static str, String, bool, f64)> {
        let mut rankings = Vec::new();
        let cells = |system: &str, model: &str| -> Vec<(f64, f64)> {
            let of = |column: &&str| {
                let same = |cell: &&Prediction| cell.system == system && cell.model == model && cell.column == *column;
                let cell = self.predictions.iter().find(same)?;
                Some((cell.predicted_ms, cell.published_ms?))
            };
            columns.iter().filter_map(of).collect()
        };
        for cell in self.predictions.iter().filter(|cell| cell.column == columns[0]) {
            let cells = cells(cell.system, &cell.model);
            if cells.len() == columns.len() {
                let fastest = |of: fn(&(f64, f64)) -> f64| {
                    (0..cells.len()).min_by(|&one, &two| of(&cells[one]).total_cmp(&of(&cells[two])))
                };
                let (predicted, published): (Vec<f64>, Vec<f64>) = cells.iter().copied().unzip();
                let is_right = fastest(|cell| cell.0) == fastest(|cell| cell.1);
                let correlation = sim::statistics::spearman(&predicted, &published).unwrap_or(f64::NAN);
                rankings.push((cell.system, cell.model.clone(), is_right, correlation));
            }
        }
        rankings
    }
}

impl Display for Summary<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "Predicted ms (error in percent of what was published)")?;
        write!(formatter, "{:<9} {:<20}", "system", "network")?;
        for (column, _) in COLUMNS {
            write!(formatter, " {column:>15}")?;
        }
        writeln!(formatter)?;
        for ideal in self.predictions.iter().filter(|cell| cell.column == "ideal") {
            write!(formatter, "{:<9} {:<20}", ideal.system, ideal.model)?;
            for (column, _) in COLUMNS {
                let same = |cell: &&Prediction| (cell.system, &cell.model, cell.column) == (ideal.system, &ideal.model, column);
                let text = self.predictions.iter().find(same).map_or_else(
                    || "-".to_owned(),
                    |cell| {
                        let error = cell.error_percent().map_or_else(String::new, |error| format!(" ({error:+.0})"));
                        format!("{:.0}{error}", cell.predicted_ms)
                    },
                );
                write!(formatter, " {text:>15}")?;
            }
            writeln!(formatter)?;
        }
        writeln!(formatter)?;
        for (what, columns) in [
            ("calibrated (cpu, gpu)", &["cpu", "gpu"][..]),
            ("mulayer", &["mulayer"]),
            ("mulayer_image (after the fact)", &["mulayer_image"]),
            ("codl_buffer", &["codl_buffer"]),
            ("codl", &["codl"]),
            ("ideal", &["ideal"]),
            ("mulayer, codl, ideal", &["mulayer", "codl", "ideal"]),
            ("all four predicted", &["mulayer", "codl_buffer", "codl", "ideal"]),
            ("without chains (Fig. 18)", &["codl_rows", "codl_channels", "codl_no_chains"]),
        ] {
            let (error, count) = self.mean_error_percent(columns);
            writeln!(formatter, "{what:<30} mean error {error:>5.1} % over {count} cells")?;
        }
        let rankings = self.rankings(&["mulayer", "cpu", "gpu", "codl_buffer", "codl"]);
        let right = rankings.iter().filter(|ranking| ranking.2).count();
        let mean = rankings.iter().map(|ranking| ranking.3).sum::<f64>() / rankings.len().max(1) as f64;
        writeln!(formatter, "best of five strategies named right in {right} of {} cases", rankings.len())?;
        let each: Vec<String> = rankings.iter().map(|(system, model, _, rank)| format!("{system}/{model} {rank:.2}")).collect();
        writeln!(formatter, "rank correlation over five strategies: mean {mean:.2}; {}", each.join(", "))
    }
}
