//! One axis of a sweep: its fields, and the values that they take.

use toml::{Table, Value};

use crate::sweep::{PROFILE, Path, RawScale, Step};
use crate::text::{Bandwidth, Bytes, Duration, Frequency};

/// What a point gives the fields of an axis: one value for each.
pub type Setting = Vec<Value>;

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its fields; at least one.
    pub paths: Vec<Path>,
    /// Name of each field's column.
    pub columns: Vec<String>,
    /// Values in order; `None` for a range that is only sampled.
    pub settings: Vec<Setting>,
    /// The range that values are drawn from; `None` where they are listed.
    pub range: Option<Range>,
}

/// A range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Where it begins, in base units.
    pub from: f64,
    /// Where it ends, in base units; above `from`.
    pub to: f64,
    /// How values are spread.
    pub scale: RawScale,
    /// What its numbers are.
    pub unit: Unit,
}

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Itself, any.
    Real,
    /// Itself, whole.
    Whole,
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// Hertz.
    Hertz,
    /// Bytes per second.
    BytesPerSecond,
}

impl Unit {
    /// The ending of a column of such numbers.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Real | Self::Whole => "",
            Self::Nanoseconds => "_ns",
            Self::Bytes => "_bytes",
            Self::Hertz => "_hz",
            Self::BytesPerSecond => "_bytes_per_second",
        }
    }
}

/// A value as a table of results holds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A number with its unit.
    Number(f64, Unit),
    /// Anything else, as text.
    Text(String),
}

impl Scalar {
    /// Of a value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Integer(number) => Self::Number(*number as f64, Unit::Whole),
            Value::Float(number) => Self::Number(*number, Unit::Real),
            Value::String(text) => {
                quantity(text).map_or_else(|| Self::Text(text.clone()), |(number, unit)| Self::Number(number, unit))
            }
            other => Self::Text(other.to_string()),
        }
    }
}

/// The number of a text with a unit.
pub(super) fn quantity(text: &str) -> Option<(f64, Unit)> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let whole = |number: u64, unit| (number as f64, unit);
    let text = text.to_owned();
    Duration(text.clone())
        .parse()
        .map(|number| whole(number, Unit::Nanoseconds))
        .or_else(|_| Bytes(text.clone()).parse().map(|number| whole(number, Unit::Bytes)))
        .or_else(|_| Frequency(text.clone()).parse().map(|number| whole(number, Unit::Hertz)))
        .or_else(|_| Bandwidth(text).parse().map(|number| (number, Unit::BytesPerSecond)))
        .ok()
}

impl Range {
    /// The value at a share of the way, from 0 to 1.
    pub fn at(&self, share: f64) -> Value {
        let number = match self.scale {
            // Its ends exactly.
            _ if share <= 0.0 => self.from,
            _ if share >= 1.0 => self.to,
            RawScale::Linear => self.from + share * (self.to - self.from),
            RawScale::Log => self.from * libm::exp(share * (libm::log(self.to) - libm::log(self.from))),
        };
        // Neither rounding nor the exponential may lead out.
        let number = number.clamp(self.from, self.to);
        match self.unit {
            Unit::Real => Value::Float(number),
            Unit::Whole => Value::Integer(number.round() as i64),
            Unit::Nanoseconds => Value::String(Duration::write(number.round() as u64).0),
            Unit::Bytes => Value::String(Bytes::write(number.round() as u64).0),
            Unit::Hertz => Value::String(Frequency::write(number.round() as u64).0),
            Unit::BytesPerSecond => Value::String(Bandwidth::write(number).0),
        }
    }
}

impl Axis {
    /// Values in a grid.
    pub fn count(&self) -> usize {
        self.settings.len()
    }

    /// The setting of a coordinate, from 0 to below 1.
    pub fn setting(&self, coordinate: f64) -> Setting {
        if let Some(range) = &self.range {
            return vec![range.at(coordinate)];
        }
        let index = (coordinate * self.settings.len() as f64) as usize;
        self.settings.get(index.min(self.settings.len().saturating_sub(1))).cloned().unwrap_or_default()
    }

    /// Whether a path leads into the device profile.
    pub(super) fn is_of_profile(path: &Path) -> bool {
        path.steps.first() == Some(&Step::Key(PROFILE.to_owned()))
    }

    /// Puts a setting into a table: of the profile, or of the scenario.
    ///
    /// # Errors
    /// Says which part of a path leads nowhere.
    pub(super) fn apply(&self, setting: &Setting, profile: bool, table: &mut Table) -> Result<(), String> {
        for (path, value) in self.paths.iter().zip(setting) {
            if Self::is_of_profile(path) == profile {
                path.below(profile).set(table, value)?;
            }
        }
        Ok(())
    }
}
