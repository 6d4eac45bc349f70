//! Reading measurement tables: CSV text with a header, every number checked.

use thiserror::Error;

/// Why a table is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TableError {
    /// A column is missing.
    #[error("{file}:1: column `{column}` is missing: the header must name {expected}")]
    MissingColumn {
        /// The file.
        file: String,
        /// The column.
        column: &'static str,
        /// All columns, as text.
        expected: String,
    },
    /// A line that is no CSV, or has the wrong number of fields.
    #[error("{file}:{line}: {reason}")]
    BadLine {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// What the CSV reader says.
        reason: String,
    },
    /// A field that is not what its column asks for.
    #[error("{file}:{line}: {column} is `{value}`: must be {right}")]
    BadField {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// The column.
        column: &'static str,
        /// Its text.
        value: String,
        /// What would be right.
        right: &'static str,
    },
    /// No line at all, or none of a kind that is needed.
    #[error("{file}: no {what}: at least {least} are needed")]
    TooFew {
        /// The file.
        file: String,
        /// What there is too little of.
        what: String,
        /// How many are needed.
        least: usize,
    },
}

/// A named text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Name of the file, for messages.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// A parsed table with the wanted columns.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    file: &'a str,
    columns: Vec<&'static str>,
    rows: Vec<(u64, Vec<String>)>,
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub struct TableRow<'a> {
    table: &'a Table<'a>,
    line: u64,
    fields: &'a [String],
}

impl<'a> Table<'a> {
    /// Reads the wanted columns; others are ignored.
    pub fn read(source: Source<'a>, columns: &[&'static str]) -> Result<Self, TableError> {
        let file = source.file;
        let mut reader = csv::Reader::from_reader(source.text.as_bytes());
        let bad_line = |line: u64, error: &csv::Error| TableError::BadLine {
            file: file.to_owned(),
            line: error.position().map_or(line, csv::Position::line),
            reason: error.to_string(),
        };
        let header = reader.headers().map_err(|error| bad_line(1, &error))?.clone();
        let mut positions = Vec::with_capacity(columns.len());
        for &column in columns {
            let missing = || TableError::MissingColumn { file: file.to_owned(), column, expected: columns.join(", ") };
            positions.push(header.iter().position(|name| name.trim() == column).ok_or_else(missing)?);
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| bad_line(0, &error))?;
            let line = record.position().map_or(0, csv::Position::line);
            let fields = positions.iter().map(|&position| record.get(position).unwrap_or_default().trim().to_owned()).collect();
            rows.push((line, fields));
        }
        if rows.is_empty() {
            return Err(TableError::TooFew { file: file.to_owned(), what: "rows".to_owned(), least: 1 });
        }
        Ok(Self { file, columns: columns.to_vec(), rows })
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = TableRow<'_>> {
        self.rows.iter().map(|(line, fields)| TableRow { table: self, line: *line, fields })
    }
}

impl TableRow<'_> {
    /// Whether a field is blank.
    pub fn is_empty(&self, column: &'static str) -> bool {
        self.raw(column).is_empty()
    }

    /// A field; must not be empty.
    pub fn text(&self, column: &'static str) -> Result<&str, TableError> {
        let text = self.raw(column);
        if text.is_empty() { Err(self.refuse(column, "a name")) } else { Ok(text) }
    }

    /// A finite number above 0.
    pub fn positive(&self, column: &'static str) -> Result<f64, TableError> {
        let number = self.raw(column).parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        number.ok_or_else(|| self.refuse(column, "a finite number above 0"))
    }

    /// A finite number of at least 0.
    pub fn not_negative(&self, column: &'static str) -> Result<f64, TableError> {
        let number = self.raw(column).parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        number.ok_or_else(|| self.refuse(column, "a finite number of at least 0"))
    }

    /// A whole number from 1 to a million; 1 where the field is empty.
    pub fn size(&self, column: &'static str) -> Result<u64, TableError> {
        let text = self.raw(column);
        if text.is_empty() {
            return Ok(1);
        }
        let number = text.parse::<u64>().ok().filter(|number| (1..=1_000_000).contains(number));
        number.ok_or_else(|| self.refuse(column, "a whole number from 1 to 1000000, or empty"))
    }

    /// A whole number from 0 to a million.
    pub fn index(&self, column: &'static str) -> Result<u64, TableError> {
        let number = self.raw(column).parse::<u64>().ok().filter(|number| *number <= 1_000_000);
        number.ok_or_else(|| self.refuse(column, "a whole number from 0 to 1000000"))
    }

    /// Line of the file.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// An error about a field of this row.
    pub fn refuse(&self, column: &'static str, right: &'static str) -> TableError {
        let (file, value) = (self.table.file.to_owned(), self.raw(column).to_owned());
        TableError::BadField { file, line: self.line, column, value, right }
    }

    fn raw(&self, column: &'static str) -> &str {
        let position = self.table.columns.iter().position(|name| *name == column);
        position.and_then(|position| self.fields.get(position)).map_or("", String::as_str)
    }
}
