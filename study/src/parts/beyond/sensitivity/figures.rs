//! How many conclusions flip, and the ones that hang by the thinnest thread.

use super::{Case, FACTORS, LOWERED, Objective, RAISED};
use crate::chart::Cell as HeatCell;
use crate::parts::beyond::perturb::Parameter;
use crate::parts::common::short;
use crate::{Chart, Figure, HeatMap, Panel, Swing, Tornado, Width};

/// How many conclusions flip by parameter and factor.
pub(super) fn flips(cases: &[Case]) -> Figure {
    let panel = |(number, objective): (usize, Objective)| {
        let of: Vec<&Case> = cases.iter().filter(|case| case.objective == objective).collect();
        let parameters: Vec<usize> = (0..Parameter::ALL.len())
            .filter(|&index| objective == Objective::Energy || !Parameter::ALL[index].is_power())
            .collect();
        let cell = |parameter: usize, factor: usize| {
            let flipped = of.iter().filter(|case| case.flips_to(parameter, factor).is_some()).count();
            Some(HeatCell { value: flipped as f64, group: None })
        };
        let chart = HeatMap {
            title: format!("Conclusions on {} that flip", objective.name()),
            quantity: format!("factor; cells: conclusions that flip, of {}", of.len()),
            rows: parameters.iter().map(|&index| Parameter::ALL[index].name().to_owned()).collect(),
            columns: FACTORS.iter().map(ToString::to_string).collect(),
            cells: parameters
                .iter()
                .map(|&parameter| (0..FACTORS.len()).map(|factor| cell(parameter, factor)).collect())
                .collect(),
            logarithmic: false,
            width: Width::Single,
        };
        let letter = char::from(b'a' + number as u8);
        Panel::new(format!("{letter}  {}", objective.name()), Chart::Heat(chart))
    };
    let caption = "How many conclusions flip when one parameter is multiplied by a factor.";
    Figure::grid("", caption, 2, Objective::ALL.into_iter().enumerate().map(panel).collect())
}

/// The conclusions that hang by the thinnest thread: those that most parameters flip within a fifth, the narrower margin first.
pub(super) fn closest(cases: &[Case]) -> Vec<&Case> {
    let flips = |case: &Case| {
        let within = |&parameter: &usize| [LOWERED, RAISED].iter().any(|&factor| case.flips_to(parameter, factor).is_some());
        (0..Parameter::ALL.len()).filter(within).count()
    };
    let mut all: Vec<(usize, f64, &Case)> = cases
        .iter()
        .filter_map(|case| Some((flips(case), case.margin(&case.base)?, case)))
        .filter(|(flips, ..)| *flips > 0)
        .collect();
    all.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.total_cmp(&other.1)));
    let mut chosen: Vec<&Case> = Vec::new();
    for (_, _, case) in all {
        let is_new = chosen.iter().all(|known| known.device != case.device || known.objective != case.objective);
        if is_new && chosen.len() < 4 {
            chosen.push(case);
        }
    }
    chosen
}

pub(super) fn tornados(cases: &[Case], strategies: &[String]) -> Figure {
    let panel = |(number, case): (usize, &&Case)| {
        let runner_up = case.runner_up.map_or("", |index| strategies[index].as_str());
        let swing = |index: usize| {
            let margin = |factor: usize| case.margin(&case.moved[index][factor]);
            Some(Swing { name: Parameter::ALL[index].name().to_owned(), lowered: margin(LOWERED)?, raised: margin(RAISED)? })
        };
        let base = case.margin(&case.base).unwrap_or(1.0);
        let reaches = |swing: &Swing| (swing.lowered - base).abs().max((swing.raised - base).abs()) > 0.001;
        let chart = Tornado {
            title: format!("What the conclusion on {} of {} on {} hangs on", case.objective.name(), case.model, case.device),
            quantity: format!("{} of {runner_up} over that of {}", case.objective.name(), strategies[case.best]),
            base,
            parameters: (0..Parameter::ALL.len()).filter_map(swing).filter(reaches).collect(),
            flips: Some((1.0, "equal".to_owned())),
            width: Width::Single,
        };
        let letter = char::from(b'a' + number as u8);
        Panel::new(format!("{letter}  {}, {}", case.model, short(&case.device)), Chart::Tornado(chart))
    };
    let caption = format!(
        "Margin of the best strategy when one parameter is multiplied by {} or {}, for the conclusion of each phone and objective that most parameters flip: left of the \
         dashed line the runner-up is ahead.",
        FACTORS[LOWERED], FACTORS[RAISED]
    );
    let chosen = closest(cases);
    Figure::grid("tornado", caption, 2, chosen.iter().enumerate().map(panel).collect())
}
