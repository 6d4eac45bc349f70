//! `socrates replay`: an observed run, simulated with the same arrivals, plans and choices.

use std::path::PathBuf;

use results::{Content, RunWriter};
use serde::Serialize;
use sim::engine::Variation;
use sim::statistics::{mean, median};
use validation::Summary;
use validation::statistics::kolmogorov_smirnov;

use crate::arguments::ReplayArguments;
use crate::execute::{Decider, How, again, latencies_ns};
use crate::failure::{Failure, Outcome, Status};
use crate::host::{Observed, Recorded, launches};
use crate::output::print;
use crate::run::{provenance, tell_results};
use crate::table::{Align, Table, milliseconds};

/// A model of a run, as observed and as replayed.
#[derive(Clone, Debug, Serialize)]
struct Compared {
    case: String,
    strategy: String,
    model: String,
    requests: usize,
    observed_p50_ns: f64,
    replayed_p50_ns: f64,
    /// Median absolute error over requests that ended in both, in percent.
    request_error_percent: f64,
    /// Kolmogorov-Smirnov distance between both latency distributions.
    ks: f64,
    /// Median absolute error over distinct launches of the run, in percent.
    launch_error_percent: Option<f64>,
}

/// What `--json` prints.
#[derive(Clone, Debug, Serialize)]
struct Replayed {
    schema_version: u32,
    profile: String,
    models: Vec<Compared>,
    /// Of medians of latencies, over all models of all runs.
    latency: Option<Summary>,
    /// Of launches, over all runs.
    launches: Option<Summary>,
}

pub(crate) fn replay(arguments: &ReplayArguments) -> Outcome {
    let observed = Observed::load(&arguments.directory, arguments.device.as_deref())?;
    let output = arguments.output.clone().unwrap_or_else(|| {
        let name =
            arguments.directory.file_name().map_or_else(|| "observed".to_owned(), |name| name.to_string_lossy().into_owned());
        arguments.directory.with_file_name(format!("{name}-replayed"))
    });
    let (models, pairs) = simulate(&observed, arguments, &output)?;
    let (predicted, measured): (Vec<f64>, Vec<f64>) = models.iter().map(|it| (it.replayed_p50_ns, it.observed_p50_ns)).unzip();
    let (predicted_launches, measured_launches): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let replayed = Replayed {
        schema_version: 1,
        profile: observed.inputs.profile.name.clone(),
        latency: Summary::of(&predicted, &measured).ok(),
        launches: Summary::of(&predicted_launches, &measured_launches).ok(),
        models,
    };
    if arguments.json {
        let text = serde_json::to_string_pretty(&replayed).map_err(Failure::output)?;
        print(&format!("{text}\n"))?;
    } else {
        print(&text(&observed, &replayed))?;
    }
    tell_results(&output, arguments.quiet || arguments.json);
    Ok(Status::Done)
}

/// Predicted and measured duration.
type PairNs = (f64, f64);

fn simulate(observed: &Observed, arguments: &ReplayArguments, output: &PathBuf) -> Result<(Vec<Compared>, Vec<PairNs>), Failure> {
    let (scenario, inputs, beside) = (&observed.scenario.value, &observed.inputs, observed.beside());
    let mut command_line = vec!["socrates".to_owned(), "replay".to_owned(), observed.observation.scenario.clone()];
    if let Some(device) = &arguments.device {
        command_line.extend(["--device".to_owned(), device.clone()]);
    }
    let mut writer = RunWriter::begin(output, provenance(command_line, &observed.scenario, inputs), &Content::ALL)?;
    let (mut compared, mut pairs) = (Vec::new(), Vec::new());
    for run in &observed.observation.runs {
        let job = observed.job(run)?;
        let how = How {
            decider: Decider::Choices(&run.choices),
            seed: scenario.seed,
            variation: Variation::None,
            arrivals_ns: Some(&run.arrivals_ns),
        };
        let failed = |why: &str| Failure::input(anyhow::anyhow!("`{}` under `{}`: {why}", run.case, run.strategy));
        let simulated = again(&job, scenario, inputs, &beside, how).map_err(|why| failed(&why))?;
        let recorded = Recorded::of(&job, inputs, run).map_err(|why| failed(&why))?;
        writer.add_both(&simulated.result(&job, scenario, inputs), &recorded.result(&job, scenario, inputs))?;
        let own: Vec<PairNs> = launches(&job, inputs, run)
            .into_iter()
            .map(|launch| (launch.predicted_ns.iter().map(|kernel| kernel.1).sum::<f64>(), launch.measured_ns))
            .filter(|&(predicted, measured)| predicted > 0.0 && measured > 0.0)
            .collect();
        let errors: Vec<f64> = own.iter().map(|(predicted, measured)| (predicted / measured - 1.0).abs()).collect();
        let latencies = latencies_ns(&simulated.records, run.models.len());
        for (model, (name, replayed)) in run.models.iter().zip(&latencies).enumerate() {
            let of_model = run.requests.iter().filter(|request| request.model as usize == model);
            let observed: Vec<f64> = of_model.map(|request| (request.ended_ns - request.arrived_ns) as f64).collect();
            let replayed: Vec<f64> = replayed.iter().map(|&ns| ns as f64).collect();
            let (Ok(observed_p50_ns), Ok(replayed_p50_ns)) = (median(&observed), median(&replayed)) else { continue };
            // Requests of one model end in the order of their arrival, but for priorities.
            let both = observed.iter().zip(&replayed).map(|(observed, replayed)| (replayed / observed - 1.0).abs());
            compared.push(Compared {
                case: run.case.clone(),
                strategy: run.strategy.clone(),
                model: name.clone(),
                requests: observed.len(),
                observed_p50_ns,
                replayed_p50_ns,
                request_error_percent: 100.0 * median(&both.collect::<Vec<_>>()).unwrap_or(0.0),
                ks: kolmogorov_smirnov(&replayed, &observed).unwrap_or(1.0),
                launch_error_percent: median(&errors).ok().map(|error| 100.0 * error),
            });
        }
        pairs.extend(own);
    }
    writer.commit()?;
    Ok((compared, pairs))
}

fn text(observed: &Observed, replayed: &Replayed) -> String {
    let mut table = Table::new(&[
        ("case", Align::Left),
        ("strategy", Align::Left),
        ("model", Align::Left),
        ("requests", Align::Right),
        ("observed p50 ms", Align::Right),
        ("replayed", Align::Right),
        ("ratio", Align::Right),
        ("requests off %", Align::Right),
        ("KS", Align::Right),
        ("launches off %", Align::Right),
    ]);
    for it in &replayed.models {
        table.row([
            it.case.clone(),
            it.strategy.clone(),
            if it.model == it.case { String::new() } else { it.model.clone() },
            it.requests.to_string(),
            milliseconds(it.observed_p50_ns),
            milliseconds(it.replayed_p50_ns),
            format!("{:.2}", it.replayed_p50_ns / it.observed_p50_ns),
            format!("{:.1}", it.request_error_percent),
            format!("{:.2}", it.ks),
            it.launch_error_percent.map_or_else(String::new, |error| format!("{error:.1}")),
        ]);
    }
    let ks: Vec<f64> = replayed.models.iter().map(|it| it.ks).collect();
    let line = |name: &str, summary: &Option<Summary>| {
        summary.as_ref().map_or_else(String::new, |it| {
            format!(
                "{name}: n {}, MAPE {:.1} % ({:.1} to {:.1}), median {:.1} %, p90 {:.1} %, within 10 % {:.0} %, bias {:+.1} %\n",
                it.count,
                it.mape_percent,
                it.mape_low_percent,
                it.mape_high_percent,
                it.median_percent,
                it.p90_percent,
                it.within_10_percent,
                it.bias_percent
            )
        })
    };
    format!(
        "{} on {}, replayed\n\n{}\n{}{}mean KS distance {:.2}\n",
        observed.scenario.value.name,
        observed.inputs.device.name(),
        table.render(),
        line("medians of latency", &replayed.latency),
        line("launches", &replayed.launches),
        mean(&ks).unwrap_or(0.0)
    )
}
