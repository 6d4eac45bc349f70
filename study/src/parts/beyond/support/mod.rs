//! What one more kind of operator in the list of an accelerator would buy.

mod findings;
mod lists;
mod map;
mod order;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use runner::{Loader, jobs, simulate};
use scenarios::Scenario;

use self::lists::{refused, with_support};
use self::order::{Path, greedy};
use super::device::{PHONES, on};
use super::{TIE, npu, signed_percent};
use crate::{Context, Loaded, PartData, StudyError};

/// Phones taken if not all are: two with the list of `TFLite`'s GPU delegate, two with that of MACE.
const DEVICES: [&str; 4] = ["pixel4", "iphonexs", "xiaomi9_sd855", "honor_v30_pro_kirin990"];

/// Times of one model with some list of operators.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    /// The faster of the two ways of falling back, if the accelerator can be used at all.
    delegate_ms: Option<f64>,
    /// The fastest strategy.
    best_ms: Option<f64>,
    /// Share of the delegate's kernel time that is extrapolated.
    extrapolated: Option<f64>,
}

/// What an operator added to the list does for a model.
#[derive(Clone, Debug, PartialEq)]
struct Gain {
    device: String,
    model: String,
    /// ONNX type; `None` for all that are refused.
    added: Option<String>,
    /// Operators of that type in the model.
    count: usize,
    before: Times,
    after: Times,
}

impl Gain {
    /// Share of the delegate's time that goes.
    fn of_delegate(&self) -> Option<f64> {
        Some(1.0 - self.after.delegate_ms? / self.before.delegate_ms?)
    }

    /// Share of the fastest strategy's time that goes.
    fn of_best(&self) -> Option<f64> {
        Some(1.0 - self.after.best_ms? / self.before.best_ms?)
    }
}

pub(super) fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-support")?;
    let devices: &[&str] = if context.full { &PHONES } else { &DEVICES };
    let scenarios: Vec<Scenario> = devices.iter().map(|device| on(&scenario, device)).collect::<Result<_, _>>()?;
    let loaded = context.load(scenarios)?;
    let mut gains = Vec::new();
    let mut paths = Vec::new();
    for loaded in &loaded {
        let (of_device, of_paths) = what_if(context, &Loader::default(), loaded)?;
        gains.extend(of_device);
        paths.extend(of_paths);
    }
    let mut data = PartData {
        caption: format!(
            "{} models with operators that GPUs refuse, on {} phones: the list of TFLite's GPU delegate or that of MACE, as the profile has it, with one ONNX operator type added \
             at a time. Delegate: the faster of falling back by partitions and by operator. What the GPU would take for operators that it refuses today is \
             extrapolated from operators like them. Without errors of the cost models.",
            scenario.streams.len(),
            devices.len(),
        ),
        tables: vec![map::table(&gains), order::path_table(&paths)],
        figures: vec![map::heat(&gains, devices), order::path_figure(&paths, devices)],
        ..PartData::default()
    };
    findings::say(&gains, &paths, &mut data);
    npu::add(context, &scenario, &mut data)?;
    Ok(data)
}

/// Times of some of the models with these types added.
fn times(
    files: &Loader,
    loaded: &Loaded,
    types: &[String],
    models: &[usize],
    strategies: Option<&[String]>,
) -> Result<Vec<Times>, StudyError> {
    let mut scenario = loaded.scenario.clone();
    scenario.streams = models.iter().map(|&model| loaded.scenario.streams[model].clone()).collect();
    if let Some(strategies) = strategies {
        scenario.strategies = strategies.to_vec();
    }
    let mut profile = loaded.inputs.profile.as_ref().clone();
    profile.value = with_support(&profile.value, types);
    let inputs = files.inputs_on(&scenario, &Arc::new(profile))?;
    let one = |job: &runner::Job| {
        let report = simulate(job, &scenario, &inputs, scenario.seed).ok()?.report;
        Some((crate::median_ms(&report)?, report.totals.extrapolated_share))
    };
    let all: Vec<Option<(f64, Option<f64>)>> = jobs(&scenario, &inputs).iter().map(one).collect();
    let of_model = |runs: &[Option<(f64, Option<f64>)>]| {
        let named = |delegate: bool| {
            let of = scenario
                .strategies
                .iter()
                .zip(runs)
                .filter(move |(name, _)| !delegate || name.starts_with("gpu") || name.starts_with("npu"));
            of.filter_map(|(_, run)| *run).min_by(|one, other| one.0.total_cmp(&other.0))
        };
        let delegate = named(true);
        Times {
            delegate_ms: delegate.map(|(ms, _)| ms),
            best_ms: named(false).map(|(ms, _)| ms),
            extrapolated: delegate.and_then(|(_, share)| share),
        }
    };
    Ok(all.chunks(scenario.strategies.len()).map(of_model).collect())
}

fn what_if(context: &Context<'_>, files: &Loader, loaded: &Loaded) -> Result<(Vec<Gain>, Vec<Path>), StudyError> {
    let models: Vec<usize> = (0..loaded.inputs.models.len()).collect();
    let refused: Vec<BTreeMap<String, usize>> =
        loaded.inputs.models.iter().map(|model| refused(&model.graph, &loaded.inputs)).collect();
    let before = times(files, loaded, &[], &models, None)?;
    let mut types: Vec<Option<String>> = refused.iter().flat_map(|of_model| of_model.keys().cloned()).map(Some).collect();
    types.sort_unstable();
    types.dedup();
    types.push(None);
    context.begin(types.len() + models.len());
    let one = |added: &Option<String>| {
        context.check()?;
        let concerned =
            |model: &usize| added.as_ref().map_or(!refused[*model].is_empty(), |added| refused[*model].contains_key(added));
        let models: Vec<usize> = models.iter().copied().filter(concerned).collect();
        let mut all = Vec::new();
        if !models.is_empty() {
            let mut list: Vec<String> = added.iter().cloned().collect();
            if added.is_none() {
                list = types.iter().flatten().cloned().collect();
            }
            for (&model, after) in models.iter().zip(times(files, loaded, &list, &models, None)?) {
                let of = &refused[model];
                all.push(Gain {
                    device: loaded.inputs.device.name().to_owned(),
                    model: loaded.inputs.models[model].name.clone(),
                    count: added.as_ref().map_or_else(|| of.values().sum(), |added| of[added]),
                    added: added.clone(),
                    before: before[model],
                    after,
                });
            }
        }
        context.advance();
        Ok(all)
    };
    let gains: Vec<Result<Vec<Gain>, StudyError>> = types.par_iter().map(one).collect();
    let gains: Vec<Gain> = gains.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let path = |&model: &usize| {
        let path = greedy(context, files, loaded, model, &refused[model])?;
        context.advance();
        Ok(path)
    };
    let paths: Vec<Result<Option<Path>, StudyError>> = models.par_iter().map(path).collect();
    let paths: Vec<Option<Path>> = paths.into_iter().collect::<Result<_, _>>()?;
    Ok((gains, paths.into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use runner::Unwatched;
    use scenarios::Reference;

    use super::*;

    fn loaded() -> Vec<Loaded> {
        let mut scenario = Scenario::open(&Reference::BuiltIn("study-support".to_owned())).expect("of the library").value;
        scenario.streams.truncate(2);
        let context = Context::new(false, &Unwatched);
        context.load(vec![scenario.clone(), on(&scenario, "xiaomi9_sd855").expect("moved")]).expect("loads")
    }

    #[test]
    fn what_is_added_is_no_longer_refused_and_nothing_else_changes() {
        for loaded in loaded() {
            let profile = &loaded.inputs.profile.value;
            assert_eq!(&with_support(profile, &[]), profile);
            for model in 0..loaded.inputs.models.len() {
                let before = refused(&loaded.inputs.models[model].graph, &loaded.inputs);
                for added in before.keys() {
                    let mut document = loaded.inputs.profile.as_ref().clone();
                    document.value = with_support(profile, std::slice::from_ref(added));
                    let inputs = Loader::default().inputs_on(&loaded.scenario, &Arc::new(document)).expect("loads");
                    let mut expected = before.clone();
                    expected.remove(added);
                    assert_eq!(refused(&inputs.models[model].graph, &inputs), expected, "{added}");
                }
            }
        }
    }

    #[test]
    fn the_last_step_supports_everything() {
        let context = Context::new(false, &Unwatched);
        let loaded = &loaded()[0];
        let refused = refused(&loaded.inputs.models[0].graph, &loaded.inputs);
        let path = greedy(&context, &Loader::default(), loaded, 0, &refused).expect("runs").expect("the delegate has a plan");
        let all: Vec<String> = refused.keys().cloned().collect();
        let everything = times(&Loader::default(), loaded, &all, &[0], None).expect("runs")[0];
        assert_eq!(path.steps.last().map(|(_, ms)| *ms), everything.delegate_ms);
        assert_eq!(path.steps.len(), refused.len() + 1);
    }
}
