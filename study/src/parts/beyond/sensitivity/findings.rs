//! What the numbers say.

use super::figures::closest;
use super::{Case, FACTORS, LOWERED, Objective, RAISED, signed_percent};
use crate::PartData;
use crate::parts::beyond::perturb::Parameter;

pub(super) fn say(cases: &[Case], strategies: &[String], data: &mut PartData) {
    for objective in Objective::ALL {
        let of: Vec<&Case> = cases.iter().filter(|case| case.objective == objective).collect();
        if of.is_empty() {
            continue;
        }
        let flipped = |parameter: usize, factors: &[usize]| {
            of.iter().filter(|case| factors.iter().any(|&factor| case.flips_to(parameter, factor).is_some())).count()
        };
        let within = [LOWERED, RAISED];
        let all: Vec<usize> = (0..FACTORS.len()).collect();
        let fragile = of.iter().filter(|case| {
            (0..Parameter::ALL.len()).any(|parameter| within.iter().any(|&factor| case.flips_to(parameter, factor).is_some()))
        });
        let mut ranked: Vec<(usize, usize)> = (0..Parameter::ALL.len()).map(|index| (flipped(index, &within), index)).collect();
        ranked.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        let told: Vec<String> = ranked
            .iter()
            .filter(|(count, _)| *count > 0)
            .take(3)
            .map(|&(count, index)| format!("{} ({count})", Parameter::ALL[index].name()))
            .collect();
        let told = if told.is_empty() { "none".to_owned() } else { told.join(", ") };
        let never: Vec<&str> = (0..Parameter::ALL.len())
            .filter(|&index| flipped(index, &all) == 0 && (objective == Objective::Energy || !Parameter::ALL[index].is_power()))
            .map(|index| Parameter::ALL[index].name())
            .collect();
        let never = if never.is_empty() { "none".to_owned() } else { never.join(", ") };
        data.findings.push(format!(
            "{} of {} conclusions on {} flip when some parameter is off by a fifth to a quarter; most often it is {told}. Parameters that flip none even when off by a \
             factor of 2: {never}.",
            fragile.count(),
            of.len(),
            objective.name(),
        ));
    }
    if let Some(case) = closest(cases).first() {
        let flips: Vec<String> = (0..Parameter::ALL.len())
            .filter_map(|index| {
                let (factor, to) = case.first_flip(index)?;
                within_a_quarter(factor)
                    .then(|| format!("{} times {} (to `{}`)", Parameter::ALL[index].name(), FACTORS[factor], strategies[to]))
            })
            .collect();
        data.findings.push(format!(
            "The conclusion that hangs by the thinnest thread: {} of {} on {}, where `{}` is ahead by {}: it flips with {}.",
            case.objective.name(),
            case.model,
            case.device,
            strategies[case.best],
            signed_percent(case.margin(&case.base).unwrap_or(1.0) - 1.0),
            flips.join(", "),
        ));
    }
}

pub(super) const fn within_a_quarter(factor: usize) -> bool {
    factor >= LOWERED && factor <= RAISED
}
