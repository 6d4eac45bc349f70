//! Numbers as people read them.

/// A number with few digits and an SI prefix where it is large or small: `0`, `0.05`, `12`, `1500`, `20 k`, `3.5 M`, `40 µ`.
///
/// `digits` is how many significant digits are kept; zeros at the end of fractions are dropped.
pub fn si(value: f64, digits: usize) -> String {
    const PREFIXES: [(f64, &str); 9] =
        [(1e-9, " n"), (1e-6, " µ"), (1e-3, " m"), (1.0, ""), (1e3, " k"), (1e6, " M"), (1e9, " G"), (1e12, " T"), (1e15, " P")];
    if !value.is_finite() {
        return "–".to_owned();
    }
    let magnitude = value.abs();
    if magnitude < f64::MIN_POSITIVE {
        return "0".to_owned();
    }
    if !(1e-9..1e18).contains(&magnitude) {
        let places = digits.saturating_sub(1);
        return format!("{value:.places$e}").replace('-', "−");
    }
    let plain = (1e-3..1e4).contains(&magnitude);
    let fits = |&&(size, _): &&(f64, &str)| magnitude >= 0.999_999_9 * size;
    let (size, prefix) = if plain { (1.0, "") } else { *PREFIXES.iter().rev().find(fits).unwrap_or(&PREFIXES[0]) };
    let scaled = value / size;
    let whole = libm::floor(libm::log10(scaled.abs()) + 1e-9) as i64 + 1;
    let decimals = (digits as i64 - whole).max(0) as usize;
    let text = format!("{scaled:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{}{prefix}", text.replace('-', "−"))
}

/// How the numbers of one table are written: all with as many decimals, whole ones with none.
///
/// The least has three figures where the largest then has no more than four, and there are no more than two decimals unless all is
/// small. `percent`: one decimal, and none of 0 and 100, which are exact. Where the largest is plain neither as it is nor with two
/// decimals, each is written by itself, with three digits.
pub(crate) fn alike(values: impl IntoIterator<Item = f64>, percent: bool) -> impl Fn(f64) -> String {
    let all: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).map(f64::abs).collect();
    let is_whole = |value: &f64| (value - libm::round(*value)).abs() < 1e-9;
    let most = all.iter().copied().fold(0.0, f64::max);
    let least = all.iter().copied().filter(|value| *value > 0.0).fold(most, f64::min);
    // Figures before the point; below 1 as many fewer as there are zeros after it.
    let figures = |value: f64| libm::floor(libm::log10(value.max(1e-9)) + 1e-9) as i64 + 1;
    let decimals = match () {
        () if all.iter().all(is_whole) => 0,
        () if percent => 1,
        () => (3 - figures(least)).min(4 - figures(most)).clamp(0, 2).max(2 - figures(most)),
    } as usize;
    let plain = most == 0.0 || (1e-3..1e4).contains(&most);
    move |value| match value {
        _ if !plain || !value.is_finite() => si(value, 3),
        _ if percent && (value.abs() < 1e-9 || (value - 100.0).abs() < 1e-9) => format!("{value:.0}"),
        _ => format!("{value:.decimals$}").replace('-', "−"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_table_have_equally_many_decimals() {
        let check = |values: &[f64], percent: bool, expected: &str| {
            let write = alike(values.iter().copied(), percent);
            let written: Vec<String> = values.iter().map(|value| write(*value)).collect();
            assert_eq!(written.join(" "), expected);
        };
        check(&[2.0, 1.0, 1.05, 8.249], false, "2.00 1.00 1.05 8.25");
        check(&[5.26, 106.0, 327.4], false, "5.3 106.0 327.4");
        check(&[1.0, 12.345], false, "1.00 12.35");
        check(&[1.0, 17.0, 75.0], false, "1 17 75");
        check(&[0.0, 3.0, 1234.0], false, "0 3 1234");
        check(&[100.0, 35.0, 48.64, 0.0156, 99.97], true, "100 35.0 48.6 0.0 100.0");
        check(&[0.0, 16.0, -18.25], true, "0 16.0 −18.2");
        check(&[100.0, 0.0, 35.0], true, "100 0 35");
        check(&[0.012, 0.5], false, "0.01 0.50");
        check(&[0.012, 0.0345], false, "0.012 0.035");
        check(&[1.5, 20_000.0], false, "1.5 20 k");
        check(&[f64::NAN, 1.5], false, "– 1.50");
        check(&[], false, "");
    }

    #[test]
    fn few_digits() {
        let cases = [
            (0.0, 3, "0"),
            (12.0, 3, "12"),
            (0.05, 2, "0.05"),
            (0.001, 2, "0.001"),
            (1_500.0, 3, "1500"),
            (20_000.0, 2, "20 k"),
            (3.5e6, 3, "3.5 M"),
            (-0.5, 1, "−0.5"),
            (4e-5, 2, "40 µ"),
            (123.456, 4, "123.5"),
            (9_999.6, 3, "10000"),
            (-2e300, 1, "−2e300"),
            (2e-300, 1, "2e−300"),
            (f64::NAN, 3, "–"),
        ];
        for (value, digits, expected) in cases {
            assert_eq!(si(value, digits), expected);
        }
    }
}
