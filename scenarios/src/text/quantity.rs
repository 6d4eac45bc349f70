//! Numbers with units: `"33ms"`, `"14.2GB/s"`, `"3MiB"`, `"2841.6MHz"`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// A number alone.
    #[error("`{0}` has no unit")]
    MissingUnit(String),
    /// A number with something else.
    #[error("`{unit}` is not a unit of {what}")]
    UnknownUnit {
        /// What was written.
        unit: String,
        /// Of what it should be a unit.
        what: &'static str,
    },
    /// Not a number.
    #[error("`{text}` is not a {what}")]
    NotANumber {
        /// What was written.
        text: String,
        /// What it should be.
        what: &'static str,
    },
    /// Below zero.
    #[error("`{0}` is negative")]
    Negative(String),
    /// Beyond what can be represented.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

/// A kind of quantity: its units, each with its size in base units, smallest first.
struct Kind {
    what: &'static str,
    example: &'static str,
    units: &'static [(&'static str, u64)],
}

impl Kind {
    fn hint(&self) -> String {
        let units: Vec<&str> = self.units.iter().map(|&(unit, _)| unit).collect();
        format!("write e.g. \"{}\" (units: {})", self.example, units.join(", "))
    }

    /// Splits a text into its number and the size of its unit.
    fn split<'a>(&self, text: &'a str) -> Result<(&'a str, u64), QuantityError> {
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(QuantityError::Negative(text.to_owned()));
        }
        let end = trimmed.find(|letter: char| !(letter.is_ascii_digit() || letter == '.')).unwrap_or(trimmed.len());
        let (number, unit) = (&trimmed[..end], trimmed[end..].trim_start());
        if !number.starts_with(|letter: char| letter.is_ascii_digit()) {
            return Err(QuantityError::NotANumber { text: text.to_owned(), what: self.what });
        }
        if unit.is_empty() {
            return Err(QuantityError::MissingUnit(text.to_owned()));
        }
        match self.units.iter().find(|(name, _)| *name == unit) {
            Some(&(_, size)) => Ok((number, size)),
            None => Err(QuantityError::UnknownUnit { unit: unit.to_owned(), what: self.what }),
        }
    }

    /// The quantity in base units, rounded to the nearest.
    fn whole(&self, text: &str) -> Result<u64, QuantityError> {
        let (number, size) = self.split(text)?;
        let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
        let not_a_number = || QuantityError::NotANumber { text: text.to_owned(), what: self.what };
        let too_large = || QuantityError::TooLarge(text.to_owned());
        if fraction.len() > 18 || (fraction.is_empty() && number.contains('.')) || fraction.contains('.') {
            return Err(not_a_number());
        }
        let scale = 10_u128.pow(fraction.len() as u32);
        let integer: u64 = integer.parse().map_err(|_| too_large())?;
        let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| not_a_number())? };
        let size = u128::from(size);
        let base = u128::from(integer) * size + (u128::from(fraction) * size + scale / 2) / scale;
        u64::try_from(base).map_err(|_| too_large())
    }

    /// The quantity in base units.
    fn real(&self, text: &str) -> Result<f64, QuantityError> {
        let (number, size) = self.split(text)?;
        let value = number.parse::<f64>().map_err(|_| QuantityError::NotANumber { text: text.to_owned(), what: self.what })?
            * size as f64;
        if value.is_finite() { Ok(value) } else { Err(QuantityError::TooLarge(text.to_owned())) }
    }

    /// The shortest text of a whole quantity: the largest unit not above it, as many decimals as it takes.
    fn write_whole(&self, base: u64) -> String {
        let (unit, size) = self.units.iter().rev().copied().find(|&(_, size)| size <= base).unwrap_or(self.units[0]);
        let decimal = size.is_multiple_of(10) || size == 1;
        if base.is_multiple_of(size) {
            format!("{}{unit}", base / size)
        } else if decimal {
            let digits = size.ilog10() as usize;
            let fraction = format!("{:0digits$}", base % size);
            format!("{}.{}{unit}", base / size, fraction.trim_end_matches('0'))
        } else {
            format!("{base}{}", self.units[0].0)
        }
    }

    /// A text that reads back as exactly `base`: the largest unit not above it for which that holds.
    fn write_real(&self, base: f64) -> String {
        let candidates = self.units.iter().rev().filter(|&&(_, size)| size as f64 <= base);
        candidates
            .map(|&(unit, size)| format!("{}{unit}", base / size as f64))
            .find(|text| self.real(text).is_ok_and(|value| value.to_bits() == base.to_bits()))
            .unwrap_or_else(|| format!("{base}{}", self.units[0].0))
    }
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $number:ty, $parse:ident, $write:ident, $what:literal, $example:literal, $units:expr, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(
            /// As written.
            pub String,
        );

        impl $name {
            const KIND: Kind = Kind { what: $what, example: $example, units: $units };

            /// The number in base units.
            pub fn parse(&self) -> Result<$number, QuantityError> {
                Self::KIND.$parse(&self.0)
            }

            /// The text of a number in base units; it reads back as the same number.
            pub fn write(base: $number) -> Self {
                Self(Self::KIND.$write(base))
            }

            /// How to write one.
            pub fn hint() -> String {
                Self::KIND.hint()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "title": $what, "pattern": $pattern, "examples": [$example] })
            }
        }
    };
}

quantity! {
    /// A duration; base unit nanosecond.
    Duration, u64, whole, write_whole, "duration", "33ms",
    &[("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)],
    r"^\s*[0-9]+(\.[0-9]+)?\s*(ns|us|ms|s)\s*$"
}

quantity! {
    /// A number of bytes.
    Bytes, u64, whole, write_whole, "number of bytes", "3MiB",
    &[("B", 1), ("kB", 1_000), ("KiB", 1_024), ("MB", 1_000_000), ("MiB", 1_048_576), ("GB", 1_000_000_000), ("GiB", 1_073_741_824)],
    r"^\s*[0-9]+(\.[0-9]+)?\s*(B|kB|KiB|MB|MiB|GB|GiB)\s*$"
}

quantity! {
    /// A bandwidth; base unit byte per second, decimal prefixes.
    Bandwidth, f64, real, write_real, "bandwidth", "14.2GB/s",
    &[("B/s", 1), ("kB/s", 1_000), ("MB/s", 1_000_000), ("GB/s", 1_000_000_000)],
    r"^\s*[0-9]+(\.[0-9]+)?\s*(B|kB|MB|GB)/s\s*$"
}

quantity! {
    /// A frequency; base unit hertz.
    Frequency, u64, whole, write_whole, "frequency", "2841.6MHz",
    &[("Hz", 1), ("kHz", 1_000), ("MHz", 1_000_000), ("GHz", 1_000_000_000)],
    r"^\s*[0-9]+(\.[0-9]+)?\s*(Hz|kHz|MHz|GHz)\s*$"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, expected: Result<u64, &str>| {
            let parsed = Duration(text.to_owned()).parse().map_err(|error| error.to_string());
            assert_eq!(parsed, expected.map_err(str::to_owned), "{text}");
        };
        check("33ms", Ok(33_000_000));
        check("1.5ms", Ok(1_500_000));
        check("250 us", Ok(250_000));
        check("0s", Ok(0));
        check("0.1ns", Ok(0));
        check("33", Err("`33` has no unit"));
        check("33min", Err("`min` is not a unit of duration"));
        check("-1ms", Err("`-1ms` is negative"));
        check("nan", Err("`nan` is not a duration"));
        check("NaNms", Err("`NaNms` is not a duration"));
        check("inf s", Err("`inf s` is not a duration"));
        check("1e3ms", Err("`e3ms` is not a unit of duration"));
        check("1.2.3ms", Err("`1.2.3ms` is not a duration"));
        check("1.ms", Err("`1.ms` is not a duration"));
        check("99999999999s", Err("`99999999999s` is too large"));
        check("99999999999999999999999999999999999ms", Err("`99999999999999999999999999999999999ms` is too large"));
        check("", Err("`` is not a duration"));
    }

    #[test]
    fn texts_are_short() {
        assert_eq!(Duration::write(1_500_000).0, "1.5ms");
        assert_eq!(Duration::write(0).0, "0ns");
        assert_eq!(Bytes::write(3 << 20).0, "3MiB");
        assert_eq!(Bandwidth::write(14.2e9).0, "14.2GB/s");
        assert_eq!(Frequency::write(2_841_600_000).0, "2.8416GHz");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(whole in any::<u64>(), real in 1e-3_f64..1e18) {
            prop_assert_eq!(Duration::write(whole).parse(), Ok(whole));
            prop_assert_eq!(Bytes::write(whole).parse(), Ok(whole));
            prop_assert_eq!(Frequency::write(whole).parse(), Ok(whole));
            prop_assert_eq!(Bandwidth::write(real).parse(), Ok(real));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC*") {
            let _ = Duration(text.clone()).parse();
            let _ = Bandwidth(text).parse();
        }
    }
}
