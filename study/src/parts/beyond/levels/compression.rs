//! Compressed models: what placement still gains where there is less to place.

use scenarios::Scenario;
use sim::frontend::Passes;

use super::{BACKEND, DEVICES, geometric_mean, on, times};
use crate::parts::common::short;
use crate::{Bar, Bars, Chart, Context, Figure, Kind, PartData, StudyError, Table, Width};

/// Frontend passes that change what a model computes, as what-ifs.
const COMPRESSIONS: [(&str, &str); 3] =
    [("as it is", ""), ("half the rank", "exact, svd[rank=0.5]"), ("half the channels", "exact, channels[keep=0.5]")];

/// A model, compressed or not, with the latency of neither level and of the backend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Compressed {
    device: String,
    model: String,
    how: &'static str,
    alone_ms: f64,
    placed_ms: f64,
}

/// Compression is a what-if for the frontend: half the work or so, of whatever accuracy is left.
pub(super) fn compress(context: &Context<'_>, scenario: &Scenario) -> Result<Vec<Compressed>, StudyError> {
    let (mut scenarios, mut hows) = (Vec::new(), Vec::new());
    for device in DEVICES {
        for (how, passes) in COMPRESSIONS {
            let mut compressed = on(scenario, device)?;
            compressed.strategies = [0, BACKEND].iter().map(|&level: &usize| scenario.strategies[level].clone()).collect();
            compressed.variation = sim::engine::Variation::None;
            compressed.replicates = 1;
            compressed.passes = if passes.is_empty() { None } else { Passes::parse(passes).ok() };
            scenarios.push(compressed);
            hows.push(how);
        }
    }
    let outcomes = context.run(scenarios)?;
    let mut all = Vec::new();
    for pair in outcomes.chunks(2) {
        let [alone, placed] = pair else { continue };
        if let (Some(&alone_ms), Some(&placed_ms)) = (times(alone)?.first(), times(placed)?.first()) {
            let (device, model) = (alone.device.clone(), alone.case.clone());
            all.push(Compressed { device, model, how: hows[alone.scenario], alone_ms, placed_ms });
        }
    }
    Ok(all)
}

pub(super) fn table(all: &[Compressed]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("compression", "", Kind::Text),
        ("one_processor", "ms", Kind::Number),
        ("placed", "ms", Kind::Number),
        ("placement_gain", "", Kind::Number),
    ];
    let caption = "Models compressed or not, on the one processor that is fastest and placed by `socrates` without adaptation; without errors of the cost models. \
                   What accuracy is left is not modelled.";
    let mut table = Table::new("compression", caption, &columns);
    for it in all {
        table.push([
            (&it.device).into(),
            (&it.model).into(),
            it.how.into(),
            it.alone_ms.into(),
            it.placed_ms.into(),
            (it.alone_ms / it.placed_ms).into(),
        ]);
    }
    table
}

pub(super) fn gain_of_placement(all: &[Compressed], how: &str, device: Option<&str>) -> Option<f64> {
    let of = all.iter().filter(|it| it.how == how && device.is_none_or(|device| it.device == device));
    geometric_mean(of.map(|it| it.alone_ms / it.placed_ms))
}

pub(super) fn figure(all: &[Compressed]) -> Figure {
    let bar = |device: &str, how: &str| gain_of_placement(all, how, Some(device)).map(|value| Bar { value, interval: None });
    let bars = DEVICES.iter().map(|device| COMPRESSIONS.iter().map(|(how, _)| bar(device, how)).collect());
    let chart = Bars {
        title: "Gain of placement for compressed models".to_owned(),
        quantity: "time on one processor over placed".to_owned(),
        bars: bars.collect(),
        places: DEVICES.iter().map(|device| short(device)).collect(),
        series: COMPRESSIONS.iter().map(|(how, _)| (*how).to_owned()).collect(),
        width: Width::Single,
        ..Bars::default()
    };
    let caption = "What placement gains for models as they are and compressed: geometric mean over the models of the time on the fastest processor over that of the plan.";
    Figure::of("compression", caption, Chart::Bars(chart))
}

pub(super) fn say(all: &[Compressed], data: &mut PartData) {
    let gain = |how| gain_of_placement(all, how, None).unwrap_or(1.0);
    let speedup = |how: &str| {
        let ratio = |it: &Compressed| {
            let whole = all
                .iter()
                .find(|other| other.how == COMPRESSIONS[0].0 && other.device == it.device && other.model == it.model)?;
            Some(whole.alone_ms / it.alone_ms)
        };
        geometric_mean(all.iter().filter(|it| it.how == how).filter_map(ratio)).unwrap_or(1.0)
    };
    data.findings.push(format!(
        "Levels do not add up: placement makes models {:.2} times as fast as they are, {:.2} times where {} are kept (which alone makes them {:.2} times as fast), \
         {:.2} times with {} ({:.2} times alone).",
        gain(COMPRESSIONS[0].0),
        gain(COMPRESSIONS[2].0),
        COMPRESSIONS[2].0,
        speedup(COMPRESSIONS[2].0),
        gain(COMPRESSIONS[1].0),
        COMPRESSIONS[1].0,
        speedup(COMPRESSIONS[1].0),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compression_is_a_list_of_passes() {
        assert!(COMPRESSIONS.iter().skip(1).all(|(_, passes)| Passes::parse(passes).is_ok()));
    }
}
