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

#[cfg(test)]
mod tests {
    use super::*;

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
