//! What the simulator says of a job: median latency, its interval, and the distribution of latencies.

use results::Choices;
use scenarios::Scenario;
use sim::engine::Variation;
use sim::random::replicate_seed;
use sim::statistics::{Sorted, median};
use validation::host::Prediction;

use crate::execute::{Again, Beside, Decider, How, again, arrivals_ns, interest, latencies_ns};
use crate::run::{Inputs, Job};

/// Replicates behind an interval.
const REPLICATES: u32 = 100;
/// Quantiles that are kept of a distribution.
const QUANTILES: usize = 100;

/// Predictions of the models of a job in order (none for one without a request that completed), and the run without variation.
pub(super) fn predict<'a>(
    job: &Job,
    scenario: &Scenario,
    inputs: &'a Inputs,
    beside: &Beside<'a>,
    choices: &Choices,
) -> Result<(Vec<Option<Prediction>>, Again<'a>), String> {
    let wanted = interest(&job.strategy);
    // Choices at run time depend on how the run goes: the strategy makes its own.
    let decider = if wanted.dispatch || wanted.arrival { Decider::Strategy } else { Decider::Choices(choices) };
    let how = How { decider, seed: scenario.seed, variation: Variation::None, arrivals_ns: None };
    let plain = again(job, scenario, inputs, beside, how)?;
    let count = job.used(inputs).len();
    let arrivals = arrivals_ns(&plain.records, job.streams.len());
    let mut medians: Vec<Vec<f64>> = vec![Vec::new(); count];
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); count];
    for replicate in 0..REPLICATES {
        // The same arrivals each time: they are known.
        let seed = replicate_seed(scenario.seed, replicate);
        let how = How { seed, variation: Variation::ModelErrorAndNoise, arrivals_ns: Some(&arrivals), ..how };
        let varied = again(job, scenario, inputs, beside, how)?;
        for (model, own) in latencies_ns(&varied.records, count).into_iter().enumerate() {
            let own: Vec<f64> = own.into_iter().map(|ns| ns as f64).collect();
            medians[model].extend(median(&own).ok());
            all[model].extend(own);
        }
    }
    let of_model = |(model, latencies): (usize, Vec<u64>)| {
        let latencies: Vec<f64> = latencies.into_iter().map(|ns| ns as f64).collect();
        let (of_runs, sorted) = (Sorted::new(medians[model].clone()).ok()?, Sorted::new(all[model].clone()).ok()?);
        let quantiles = (0..=QUANTILES).map(|at| sorted.quantile(at as f64 / QUANTILES as f64));
        Some(Prediction {
            median_ns: median(&latencies).ok()?,
            interval_ns: [of_runs.quantile(0.05).ok()?, of_runs.quantile(0.95).ok()?],
            quantiles_ns: quantiles.collect::<Result<Vec<_>, _>>().ok()?.into_iter().map(f64::round).collect(),
        })
    };
    let predictions = latencies_ns(&plain.records, count).into_iter().enumerate().map(of_model).collect();
    Ok((predictions, plain))
}
