//! What several parts do.

use scenarios::{Reference, Scenario};

use crate::{Bar, Outcome};

/// The scenario on a device of the library.
pub(crate) fn on(scenario: &Scenario, device: &str) -> Scenario {
    Scenario { device: Reference::BuiltIn(device.to_owned()), ..scenario.clone() }
}

/// Mean of the natural logarithms of ratios, as a ratio; `None` of none.
pub(crate) fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    let sum: f64 = ratios.iter().map(|ratio| libm::log(*ratio)).sum();
    (!ratios.is_empty()).then(|| libm::exp(sum / ratios.len() as f64))
}

/// A mean with its interval, as a bar.
pub(crate) fn bar(interval: &results::Interval) -> Option<Bar> {
    Some(Bar { value: interval.mean?, interval: interval.low.zip(interval.high) })
}

/// The outcome of a case under a strategy on a device.
pub(crate) fn find<'a>(outcomes: &'a [Outcome], device: &str, case: &str, strategy: &str) -> Option<&'a Outcome> {
    outcomes.iter().find(|it| it.device == device && it.case == case && it.strategy == strategy)
}

/// Values in their order, each once.
pub(crate) fn distinct<'a>(all: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for one in all {
        if !seen.contains(one) {
            seen.push(one.clone());
        }
    }
    seen
}

/// `a, b and c`.
pub(crate) fn listed(words: &[String]) -> String {
    match words {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// A share as a whole number of percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
