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

/// A device's name, short enough for a figure: maker and system on chip, or the first words.
pub(crate) fn short(device: &str) -> String {
    if !device.contains('_') {
        // `galaxy-s24-sd8gen3-int8`: the phone says what its system on chip is.
        let kept = device.split('-').enumerate().filter(|(index, word)| *index == 0 || !word.starts_with("sd"));
        return kept.map(|(_, word)| word).collect::<Vec<_>>().join(" ");
    }
    let mut words = device.split('_').filter(|word| *word != "pro");
    let first = words.next().unwrap_or_default();
    words.next_back().map_or_else(|| first.to_owned(), |last| format!("{first} {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_short_and_differ() {
        let names = ["pixel4", "xiaomi9_sd855", "redmi_k30_pro_sd865", "honor_v30_pro_kirin990"].map(short);
        assert_eq!(names, ["pixel4", "xiaomi9 sd855", "redmi sd865", "honor kirin990"]);
        assert_eq!(["galaxy-s24-sd8gen3-int8", "sd8gen2-int8"].map(short), ["galaxy s24 int8", "sd8gen2 int8"]);
        let all: Vec<String> = scenarios::devices().iter().map(|entry| short(entry.name)).collect();
        assert_eq!(distinct(all.iter()).len(), all.len(), "{all:?}");
    }
}
