//! From values to places along an axis, and where ticks stand: a coordinate of `plotters`.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::number::si;

/// Beyond these nothing is drawn.
const LARGEST: f64 = 1e100;

/// From values to places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Least and most value; they differ.
    pub domain: (f64, f64),
    /// Whether equal ratios are equally long, or equal differences.
    pub logarithmic: bool,
    /// About how many labelled ticks there are at most: of 1 only the first has a label, of 0 there are none.
    pub most_ticks: usize,
}

/// A mark at an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Its value.
    pub value: f64,
    /// What it says; empty of a minor tick.
    pub label: String,
}

/// Whether a value can be drawn.
pub(crate) fn drawable(value: f64, logarithmic: bool) -> bool {
    value.is_finite() && value.abs() <= LARGEST && (!logarithmic || value >= 1.0 / LARGEST)
}

/// Least and most of what can be drawn.
fn extent(values: impl IntoIterator<Item = f64>, logarithmic: bool) -> Option<(f64, f64)> {
    values.into_iter().filter(|value| drawable(*value, logarithmic)).fold(None, |extent, value| {
        let (low, high) = extent.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// A domain for values on a linear axis, a little wider than they are; an end at 0 stays there. `None` if there are none.
pub(crate) fn linear_domain(values: impl IntoIterator<Item = f64>, from_zero: bool) -> Option<(f64, f64)> {
    let (mut low, mut high) = extent(values, false)?;
    if from_zero {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    let margin = if high > low { 0.05 * (high - low) } else { 0.5 * high.abs().max(1e-12) };
    let keep = |end: f64, moved: f64| if from_zero && end.abs() < f64::MIN_POSITIVE { end } else { moved };
    let domain = (keep(low, low - margin), keep(high, high + margin));
    Some(if domain.1 > domain.0 { domain } else { (0.0, 1.0) })
}

/// A domain for values on a logarithmic axis, wider by `margin` of its length on both sides. `None` if no value is above 0.
pub(crate) fn logarithmic_domain(values: impl IntoIterator<Item = f64>, margin: f64) -> Option<(f64, f64)> {
    let (low, high) = extent(values, true)?;
    let (low, high) = if high / low < 1.5 { (low / 1.25, high * 1.25) } else { (low, high) };
    let factor = libm::pow(high / low, margin);
    Some((low / factor, high * factor))
}

impl Scale {
    /// Where a value is: 0 at the least, 1 at the most.
    pub fn share(&self, value: f64) -> f64 {
        let place = |value: f64| if self.logarithmic { libm::log10(value) } else { value };
        let (low, high) = (place(self.domain.0), place(self.domain.1));
        (place(value) - low) / (high - low)
    }

    /// Whether the domain holds a value, up to rounding.
    fn holds(&self, value: f64) -> bool {
        let share = self.share(value);
        share.is_finite() && (-1e-8..=1.0 + 1e-8).contains(&share)
    }

    /// Labelled ticks, and minor ones between them on a logarithmic axis.
    pub fn ticks(&self) -> Vec<Tick> {
        if self.most_ticks == 0 {
            return Vec::new();
        }
        let most = self.most_ticks.max(2);
        let mut ticks = if self.logarithmic { self.logarithmic_ticks(most) } else { self.linear_ticks(most) };
        if self.most_ticks == 1 {
            for tick in ticks.iter_mut().filter(|tick| !tick.label.is_empty()).skip(1) {
                tick.label.clear();
            }
        }
        ticks
    }

    fn linear_ticks(&self, most: usize) -> Vec<Tick> {
        let (low, high) = self.domain;
        let raw = (high - low) / most as f64;
        let decade = libm::pow(10.0, libm::floor(libm::log10(raw)));
        let nice = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|nice| nice * decade >= raw * (1.0 - 1e-9)).unwrap_or(10.0);
        let step = nice * decade;
        let first = libm::ceil(low / step - 1e-6);
        let values = (0..=2 * most).map(|index| (first + index as f64) * step);
        let values: Vec<f64> = values.filter(|value| self.holds(*value)).collect();
        let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        // As many digits as tell neighbours apart.
        let digits = 1 + libm::ceil(libm::log10((largest / step).max(1.0)) + 1e-9) as usize + usize::from(nice.fract() > 0.0);
        let label = |value: f64| prefixed(value, largest, digits);
        values.into_iter().map(|value| Tick { value, label: label(value) }).collect()
    }

    fn logarithmic_ticks(&self, most: usize) -> Vec<Tick> {
        let (low, high) = self.domain;
        let decades = libm::log10(high / low);
        if decades < 0.8 {
            return self.linear_ticks(most);
        }
        let (first, last) = (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
        let labelled: &[f64] = if decades * 3.0 <= most as f64 {
            &[1.0, 2.0, 5.0]
        } else if decades < 1.7 {
            &[1.0, 3.0]
        } else {
            &[1.0]
        };
        // Powers, where plain numbers would be long.
        let plain = first >= -3 && last <= 5;
        let label = |digit: i32, decade: i32| if plain { power_free(digit, decade) } else { power(digit, decade) };
        let every = (decades / most as f64).max(1.0);
        let every = libm::ceil(every) as i32;
        let mut ticks = Vec::new();
        for decade in first..=last {
            let size = libm::pow(10.0, f64::from(decade));
            for digit in 1..10_i32 {
                let value = f64::from(digit) * size;
                let has_label = decade.rem_euclid(every) == 0 && labelled.iter().any(|it| (it - f64::from(digit)).abs() < 0.1);
                if self.holds(value) && (has_label || every == 1) {
                    let label = if has_label { label(digit, decade) } else { String::new() };
                    ticks.push(Tick { value, label });
                }
            }
        }
        ticks
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let (from, to) = (f64::from(from), f64::from(to));
        libm::round(from + self.share(*value) * (to - from)) as i32
    }

    /// The ticks; only those with a label if light ones are not wanted.
    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let light = hint.weight().allow_light_points();
        let few = Self { most_ticks: self.most_ticks.min(hint.max_num_points()), ..*self };
        few.ticks().into_iter().filter(|tick| light || !tick.label.is_empty()).map(|tick| tick.value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.domain.0..self.domain.1
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(value: &f64) -> String {
        si(*value, 4)
    }

    /// What the tick at a value says; nothing of a minor one.
    fn format_ext(&self, value: &f64) -> String {
        let here = |tick: &Tick| tick.value.total_cmp(value).is_eq();
        self.ticks().into_iter().find(here).map_or_else(|| Self::format(value), |tick| tick.label)
    }
}

/// `0.02`, `3000`.
fn power_free(digit: i32, decade: i32) -> String {
    let decimals = (-decade).max(0) as usize;
    format!("{:.decimals$}", f64::from(digit) * libm::pow(10.0, f64::from(decade)))
}

/// `10⁻⁴`, `3·10⁶`.
fn power(digit: i32, decade: i32) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = decade.abs().to_string();
    let raised: String = digits.chars().filter_map(|it| it.to_digit(10)).map(|it| RAISED[it as usize]).collect();
    let sign = if decade < 0 { "⁻" } else { "" };
    let factor = if digit == 1 { String::new() } else { format!("{digit}·") };
    format!("{factor}10{sign}{raised}")
}

/// A number with the SI prefix of the largest at its axis, so that neighbours have the same.
fn prefixed(value: f64, largest: f64, digits: usize) -> String {
    if value.abs() < 1e-9 * largest {
        return "0".to_owned();
    }
    let (size, prefix) = match largest {
        it if (1e-2..1e4).contains(&it) => (1.0, ""),
        it if !(1e-9..1e12).contains(&it) => return si(value, digits),
        it if it >= 1e9 => (1e9, " G"),
        it if it >= 1e6 => (1e6, " M"),
        it if it >= 1e4 => (1e3, " k"),
        it if it >= 1e-3 => (1e-3, " m"),
        it if it >= 1e-6 => (1e-6, " µ"),
        _ => (1e-9, " n"),
    };
    let whole = libm::floor(libm::log10(largest / size) + 1e-9) as i64 + 1;
    let decimals = (digits as i64 - whole).clamp(0, 9) as usize;
    let text = format!("{:.decimals$}", value / size);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{}{prefix}", text.replace('-', "−"))
}

#[cfg(test)]
mod tests {
    use plotters::coord::ranged1d::BoldPoints;

    use super::*;

    fn labels(domain: (f64, f64), logarithmic: bool, most: usize) -> Vec<String> {
        let scale = Scale { domain, logarithmic, most_ticks: most };
        scale.ticks().into_iter().map(|tick| tick.label).filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn ticks_by_hand() {
        let cases: [(_, _, _, &[&str]); 10] = [
            ((0.0, 100.0), false, 5, &["0", "20", "40", "60", "80", "100"]),
            ((0.0, 1.0), false, 4, &["0", "0.25", "0.5", "0.75", "1"]),
            ((-3.0, 3.0), false, 6, &["−3", "−2", "−1", "0", "1", "2", "3"]),
            ((0.0, 60_000.0), false, 3, &["0", "20 k", "40 k", "60 k"]),
            ((0.0, 1e6), false, 2, &["0", "0.5 M", "1 M"]),
            ((1.0, 1000.0), true, 4, &["1", "10", "100", "1000"]),
            ((0.01, 20_000.0), true, 8, &["0.01", "0.1", "1", "10", "100", "1000", "10000"]),
            ((3e-5, 1.0), true, 8, &["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]),
            ((10.0, 100.0), true, 4, &["10", "20", "50", "100"]),
            ((20.0, 60.0), true, 4, &["20", "30", "40", "50", "60"]),
        ];
        for (domain, logarithmic, most, expected) in cases {
            assert_eq!(labels(domain, logarithmic, most), expected, "{domain:?}");
        }
    }

    #[test]
    fn ticks_are_within_few_and_different() {
        for exponent in -90..90 {
            for (low, high) in [(1.0, 1.3), (1.0, 7.0), (0.0, 3.3), (-2.0, 5.0), (1.0, 900.0), (1.0, 1e9), (1e-6, 1e8)] {
                let unit = libm::pow(10.0, f64::from(exponent));
                for logarithmic in [false, true] {
                    if logarithmic && low <= 0.0 {
                        continue;
                    }
                    let scale = Scale { domain: (low * unit, high * unit), logarithmic, most_ticks: 6 };
                    let ticks = scale.ticks();
                    let labels: Vec<&String> = ticks.iter().map(|tick| &tick.label).filter(|label| !label.is_empty()).collect();
                    assert!((2..=13).contains(&labels.len()), "{scale:?}: {labels:?}");
                    assert!(ticks.iter().all(|tick| scale.holds(tick.value)));
                    assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{scale:?}: {labels:?}");
                }
            }
        }
    }

    /// As a coordinate of plotters: places by hand, both ways along; its key points are the ticks.
    #[test]
    fn scales_are_coordinates() {
        let scale = |domain, logarithmic| Scale { domain, logarithmic, most_ticks: 5 };
        let cases = [
            (scale((0.0, 10.0), false), 2.5, (100, 300), 150),
            (scale((0.0, 10.0), false), 2.5, (300, 100), 250),
            (scale((-1.0, 1.0), false), 2.0, (0, 100), 150),
            (scale((1.0, 1000.0), true), 10.0, (0, 300), 100),
            (scale((1.0, 1e300), true), 1e150, (0, i32::MAX), i32::MAX / 2 + 1),
        ];
        for (scale, value, limit, expected) in cases {
            assert_eq!(scale.map(&value, limit), expected, "{value} on {scale:?}");
        }
        let scale = scale((1.0, 100.0), true);
        assert_eq!(scale.key_points(BoldPoints(5)), [1.0, 10.0, 100.0]);
        assert_eq!(scale.key_points(5).len(), 19, "minor ones too");
        assert_eq!(scale.key_points(BoldPoints(1)), [1.0]);
        assert!(scale.key_points(0).is_empty());
        assert_eq!([10.0, 20.0, 0.5].map(|value| scale.format_ext(&value)), ["10", "", "0.5"]);
    }

    #[test]
    fn domains_hold_what_can_be_drawn() {
        assert_eq!(linear_domain([f64::NAN, f64::INFINITY], true), None);
        assert_eq!(logarithmic_domain([0.0, -1.0], 0.1), None);
        let (low, high) = linear_domain([3.0], false).expect("one");
        assert!(low < 3.0 && high > 3.0);
        let (low, high) = linear_domain([0.0, 10.0], true).expect("two");
        assert!(low.abs() < 1e-12 && high > 10.0);
        let (low, high) = logarithmic_domain([1.0, 100.0], 0.1).expect("two");
        assert!(low < 1.0 && high > 100.0);
    }
}
