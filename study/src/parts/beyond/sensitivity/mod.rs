//! Which number of a profile a conclusion hangs on.

mod figures;
mod findings;

use std::sync::Arc;

use rayon::prelude::*;
use runner::{Inputs, Loader, jobs, simulate};
use scenarios::{Profile, Scenario};

use super::device::{PHONES, on};
use super::perturb::{Parameter, perturbed};
use super::{TIE, signed_percent};
use crate::{Context, Kind, PartData, StudyError, Table};

/// Factors by which parameters are moved, ascending; 1 is the profile as it is.
const FACTORS: [f64; 8] = [0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0];

/// Factors of the tornado: as close to 20 % as equal ratios allow.
const LOWERED: usize = 2;

const RAISED: usize = 5;

/// Phones taken if not all are: those that say what they draw.
const DEVICES: [&str; 4] = ["pixel4", "xiaomi9_sd855", "redmi_k30_pro_sd865", "honor_v30_pro_kirin990"];

/// What a conclusion is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Objective {
    Latency,
    Energy,
}

impl Objective {
    const ALL: [Self; 2] = [Self::Latency, Self::Energy];

    const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Energy => "energy",
        }
    }
}

/// Latency in ms and energy of an inference in mJ, each where there is one, by model and strategy.
type Costs = Vec<Vec<[Option<f64>; 2]>>;

/// A conclusion: which strategy is best for a model on a device.
#[derive(Clone, Debug, PartialEq)]
struct Case {
    device: String,
    model: String,
    objective: Objective,
    best: usize,
    /// The best of those that are more than a tie behind, if there is one.
    runner_up: Option<usize>,
    /// Costs of all strategies as the profile is.
    base: Vec<Option<f64>>,
    /// Costs of all strategies by parameter and factor.
    moved: Vec<Vec<Vec<Option<f64>>>>,
}

impl Case {
    /// Whom the conclusion flips to: the best, if the nominal best is more than a tie behind it.
    fn flips_to(&self, parameter: usize, factor: usize) -> Option<usize> {
        let costs = &self.moved[parameter][factor];
        let best = least(costs)?;
        let nominal = costs[self.best].unwrap_or(f64::INFINITY);
        (nominal > costs[best]? * (1.0 + TIE)).then_some(best)
    }

    /// The smallest move that flips the conclusion: position in [`FACTORS`], and to whom.
    fn first_flip(&self, parameter: usize) -> Option<(usize, usize)> {
        let mut order: Vec<usize> = (0..FACTORS.len()).collect();
        let size = |factor: usize| libm::log(FACTORS[factor]).abs();
        order.sort_by(|&one, &other| size(one).total_cmp(&size(other)));
        order.into_iter().find_map(|factor| Some((factor, self.flips_to(parameter, factor)?)))
    }

    /// Cost of the runner-up over that of the best.
    fn margin(&self, costs: &[Option<f64>]) -> Option<f64> {
        Some(costs[self.runner_up?]? / costs[self.best]?)
    }
}

fn least(costs: &[Option<f64>]) -> Option<usize> {
    let known = (0..costs.len()).filter(|&index| costs[index].is_some());
    known.min_by(|&one, &other| costs[one].unwrap_or(f64::INFINITY).total_cmp(&costs[other].unwrap_or(f64::INFINITY)))
}

pub(super) fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-sensitivity")?;
    let devices: &[&str] = if context.full { &PHONES } else { &DEVICES };
    let cases = run(context, &scenario, devices)?;
    let strategies = &scenario.strategies;
    let mut data = PartData {
        caption: format!(
            "{} phones, {} models, {} published strategies that all know the profile as it is moved: one parameter at a time times {} to {}. A conclusion (which strategy \
             is best for a model on a phone) flips when its strategy is more than 2 % behind another. Latency of a request alone on the device, and energy of \
             an inference where the profile says what the phone draws; without errors of the cost models. Bandwidth is raised when its factor is above 1, \
             all else costs more.",
            devices.len(),
            scenario.streams.len(),
            strategies.len(),
            FACTORS[0],
            FACTORS[FACTORS.len() - 1],
        ),
        tables: vec![table(&cases, strategies)],
        figures: vec![figures::flips(&cases), figures::tornados(&cases, strategies)],
        ..PartData::default()
    };
    findings::say(&cases, strategies, &mut data);
    Ok(data)
}

fn run(context: &Context<'_>, scenario: &Scenario, devices: &[&str]) -> Result<Vec<Case>, StudyError> {
    let mut scenarios = Vec::new();
    for device in devices {
        let mut moved = on(scenario, device)?;
        moved.environment.energy = Profile::open(&moved.device)?.value.power.is_some();
        scenarios.push(moved);
    }
    let loaded = context.load(scenarios)?;
    context.begin(devices.len() * Parameter::ALL.len() * FACTORS.len());
    let mut cases = Vec::new();
    for loaded in &loaded {
        let files = Loader::default();
        let base = costs(&loaded.scenario, &loaded.inputs);
        let changes: Vec<(Parameter, f64)> =
            Parameter::ALL.into_iter().flat_map(|parameter| FACTORS.map(|factor| (parameter, factor))).collect();
        let one = |&(parameter, factor): &(Parameter, f64)| {
            context.check()?;
            let mut profile = loaded.inputs.profile.as_ref().clone();
            let failed = |why: String| StudyError::Part { part: "sensitivity", why: format!("{}: {why}", parameter.name()) };
            profile.value = perturbed(&profile.value, parameter, factor).map_err(|error| failed(error.to_string()))?;
            let inputs = files.inputs_on(&loaded.scenario, &Arc::new(profile))?;
            context.advance();
            Ok(costs(&loaded.scenario, &inputs))
        };
        let all: Vec<Result<Costs, StudyError>> = changes.par_iter().map(one).collect();
        let all: Vec<Costs> = all.into_iter().collect::<Result<_, _>>()?;
        for (model, name) in loaded.inputs.models.iter().map(|model| &model.name).enumerate() {
            for (index, objective) in Objective::ALL.into_iter().enumerate() {
                let of = |costs: &Costs| costs[model].iter().map(|cost| cost[index]).collect::<Vec<Option<f64>>>();
                let base = of(&base);
                let Some(best) = least(&base) else { continue };
                let behind = |cost: &Option<f64>| cost.filter(|&cost| Some(cost) > base[best].map(|best| best * (1.0 + TIE)));
                let runner_up = least(&base.iter().map(behind).collect::<Vec<_>>());
                let moved = all.chunks(FACTORS.len()).map(|costs| costs.iter().map(of).collect()).collect();
                let device = loaded.inputs.device.name().to_owned();
                cases.push(Case { device, model: name.clone(), objective, best, runner_up, base, moved });
            }
        }
    }
    Ok(cases)
}

/// Every strategy on every model: latency and energy of its last request.
fn costs(scenario: &Scenario, inputs: &Inputs) -> Costs {
    let one = |job: &runner::Job| {
        let Ok(simulated) = simulate(job, scenario, inputs, scenario.seed) else { return [None, None] };
        let energy = simulated.report.device.as_ref().and_then(|device| device.energy.as_ref());
        let millijoules = energy.and_then(|energy| energy.models.first()?.per_inference_j).map(|joules| joules * 1e3);
        [crate::median_ms(&simulated.report), millijoules]
    };
    let all: Vec<[Option<f64>; 2]> = jobs(scenario, inputs).iter().map(one).collect();
    all.chunks(scenario.strategies.len()).map(<[_]>::to_vec).collect()
}

fn table(cases: &[Case], strategies: &[String]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("objective", "", Kind::Text),
        ("best", "", Kind::Text),
        ("runner_up", "", Kind::Text),
        ("margin", "", Kind::Number),
        ("parameter", "", Kind::Text),
        ("change_lowered", "%", Kind::Number),
        ("change_raised", "%", Kind::Number),
        ("margin_lowered", "", Kind::Number),
        ("margin_raised", "", Kind::Number),
        ("flips_at", "", Kind::Number),
        ("flips_to", "", Kind::Text),
    ];
    let caption = format!(
        "Each conclusion and each parameter: cost of the runner-up over that of the best; by how much the cost of the best changes with the parameter times {} and \
         {}, and the margin then; the least factor that flips the conclusion.",
        FACTORS[LOWERED], FACTORS[RAISED]
    );
    let mut table = Table::new("", caption, &columns);
    for case in cases {
        for (index, parameter) in Parameter::ALL.into_iter().enumerate() {
            let change = |factor: usize| {
                let (moved, base) = (case.moved[index][factor][case.best]?, case.base[case.best]?);
                Some((moved / base - 1.0) * 100.0)
            };
            let flip = case.first_flip(index);
            table.push([
                (&case.device).into(),
                (&case.model).into(),
                case.objective.name().into(),
                (&strategies[case.best]).into(),
                case.runner_up.map(|index| strategies[index].clone()).into(),
                case.margin(&case.base).into(),
                parameter.name().into(),
                change(LOWERED).into(),
                change(RAISED).into(),
                case.margin(&case.moved[index][LOWERED]).into(),
                case.margin(&case.moved[index][RAISED]).into(),
                flip.map(|(factor, _)| FACTORS[factor]).into(),
                flip.map(|(_, to)| strategies[to].clone()).into(),
            ]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two strategies at 10 and 12; the first parameter slows the first one, the second nothing.
    fn case() -> Case {
        let moved = |factor: f64| vec![Some(10.0 * factor), Some(12.0)];
        Case {
            device: "d".to_owned(),
            model: "m".to_owned(),
            objective: Objective::Latency,
            best: 0,
            runner_up: Some(1),
            base: moved(1.0),
            moved: vec![FACTORS.map(moved).to_vec(), FACTORS.map(|_| moved(1.0)).to_vec()],
        }
    }

    #[test]
    fn a_conclusion_flips_where_its_strategy_falls_behind() {
        let case = case();
        let expected = [None, None, None, None, None, Some(1), Some(1), Some(1)];
        assert_eq!(
            std::array::from_fn(|factor| case.flips_to(0, factor)),
            expected,
            "12.5 is more than 2 % behind 12, 11 is not"
        );
        assert_eq!((case.first_flip(0), case.first_flip(1)), (Some((5, 1)), None));
        assert_eq!(case.margin(&case.base), Some(1.2));
    }

    #[test]
    fn a_strategy_without_a_plan_is_never_best() {
        assert_eq!((least(&[None, Some(2.0), Some(1.0)]), least(&[None, None])), (Some(2), None));
    }
}
