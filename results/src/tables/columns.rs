//! Columns of values, and how fields of a row move in and out of them.

use parquet::data_type::ByteArray;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Signed 64-bit integers.
    Integer,
    /// Signed 64-bit integers, or nothing.
    OptionalInteger,
    /// 64-bit floating-point numbers.
    Real,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; a number's ends in its unit.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// The values of one column in some rows.
#[derive(Clone, Debug)]
pub enum Values {
    /// Of a [`Kind::Text`] column.
    Text(Vec<ByteArray>),
    /// Of a [`Kind::Integer`] column.
    Integer(Vec<i64>),
    /// Of a [`Kind::OptionalInteger`] column: the values present, and for each row whether there is one (1) or not (0).
    OptionalInteger(Vec<i64>, Vec<i16>),
    /// Of a [`Kind::Real`] column.
    Real(Vec<f64>),
}

impl Values {
    /// No values.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Vec::new()),
            Kind::Integer => Self::Integer(Vec::new()),
            Kind::OptionalInteger => Self::OptionalInteger(Vec::new(), Vec::new()),
            Kind::Real => Self::Real(Vec::new()),
        }
    }

    /// Removes all values.
    pub fn clear(&mut self) {
        match self {
            Self::Text(values) => values.clear(),
            Self::Integer(values) => values.clear(),
            Self::OptionalInteger(values, present) => {
                values.clear();
                present.clear();
            }
            Self::Real(values) => values.clear(),
        }
    }
}

/// A field of a row.
pub(super) trait Cell: Sized {
    /// The column it needs.
    const KIND: Kind;

    /// Appends the field to its column.
    fn put(&self, values: &mut Values);

    /// Takes fields out of their column, row by row; a value that is no such field is an error that says so.
    fn take(values: Values) -> Result<Vec<Self>, String>;
}

impl Cell for String {
    const KIND: Kind = Kind::Text;

    fn put(&self, values: &mut Values) {
        if let Values::Text(values) = values {
            // Neighbouring rows mostly hold the same text: they share one copy of it.
            let same = values.last().filter(|last| last.data() == self.as_bytes()).cloned();
            values.push(same.unwrap_or_else(|| ByteArray::from(self.as_bytes().to_vec())));
        }
    }

    fn take(values: Values) -> Result<Vec<Self>, String> {
        match values {
            Values::Text(values) => {
                values.iter().map(|value| Self::from_utf8(value.data().to_vec()).map_err(|error| error.to_string())).collect()
            }
            _ => Err("not a column of text".to_owned()),
        }
    }
}

impl Cell for u64 {
    const KIND: Kind = Kind::Integer;

    fn put(&self, values: &mut Values) {
        if let Values::Integer(values) = values {
            values.push(signed(*self));
        }
    }

    fn take(values: Values) -> Result<Vec<Self>, String> {
        match values {
            Values::Integer(values) => values.into_iter().map(unsigned).collect(),
            _ => Err("not a column of integers".to_owned()),
        }
    }
}

impl Cell for f64 {
    const KIND: Kind = Kind::Real;

    fn put(&self, values: &mut Values) {
        if let Values::Real(values) = values {
            values.push(*self);
        }
    }

    fn take(values: Values) -> Result<Vec<Self>, String> {
        match values {
            Values::Real(values) => Ok(values),
            _ => Err("not a column of floating-point numbers".to_owned()),
        }
    }
}

impl Cell for Option<u64> {
    const KIND: Kind = Kind::OptionalInteger;

    fn put(&self, values: &mut Values) {
        if let Values::OptionalInteger(values, present) = values {
            present.push(i16::from(self.is_some()));
            values.extend(self.map(signed));
        }
    }

    fn take(values: Values) -> Result<Vec<Self>, String> {
        let Values::OptionalInteger(values, present) = values else {
            return Err("not a column of optional integers".to_owned());
        };
        let mut values = values.into_iter();
        let mut next = || values.next().ok_or_else(|| "fewer values than rows that have one".to_owned()).and_then(unsigned);
        present.into_iter().map(|there| if there > 0 { next().map(Some) } else { Ok(None) }).collect()
    }
}

/// Times beyond 292 years (a deadline of "never") become the largest time there is.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> Result<u64, String> {
    u64::try_from(value).map_err(|_| format!("{value} is negative"))
}
