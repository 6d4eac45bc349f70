//! Tables with typed columns and units, written as CSV and shown as Markdown.

use std::fmt::Write as _;

use serde::Serialize;

/// A table: one row a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Stem of its file name, within its part: `latencies`.
    pub name: String,
    /// What it shows, on what; one sentence.
    pub caption: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows, each with a value a column.
    pub rows: Vec<Vec<Value>>,
    /// Whether the page shows it; others are only written as CSV.
    pub shown: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name, for programs: `latency_p50`.
    pub name: String,
    /// Unit; empty for text, counts and ratios.
    pub unit: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds; any value may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Words.
    Text,
    /// Finite numbers.
    Number,
    /// Whole numbers from 0.
    Count,
    /// Yes or no.
    Flag,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A finite number.
    Number(f64),
    /// A whole number.
    Count(u64),
    /// Yes or no.
    Flag(bool),
    /// Nothing: it does not exist, or could not be computed.
    Missing,
}

impl Table {
    /// A table without rows. Columns are given as name, unit, kind.
    pub fn new(name: &str, caption: impl Into<String>, columns: &[(&str, &str, Kind)]) -> Self {
        let column = |&(name, unit, kind): &(&str, &str, Kind)| Column { name: name.to_owned(), unit: unit.to_owned(), kind };
        let columns = columns.iter().map(column).collect();
        Self { name: name.to_owned(), caption: caption.into(), columns, rows: Vec::new(), shown: false }
    }

    /// The table, shown on the page.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.shown = true;
        self
    }

    /// Adds a row. Numbers that are not finite become missing.
    ///
    /// # Panics
    /// If it has not a value of the right kind for each column: a fault of the program, not of its input.
    pub fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        let row: Vec<Value> = row.into_iter().collect();
        let fits = |(column, value): (&Column, &Value)| value.kind().is_none_or(|kind| kind == column.kind);
        let right = row.len() == self.columns.len() && self.columns.iter().zip(&row).all(fits);
        assert!(right, "table `{}`: {row:?} does not fit {:?}", self.name, self.columns);
        self.rows.push(row);
    }

    /// The table as CSV, after RFC 4180, with units in the header: `latency_p50_ms`. Missing values are empty.
    pub fn csv(&self) -> String {
        let heading = |column: &Column| match column.unit.as_str() {
            "" => column.name.clone(),
            unit => format!("{}_{}", column.name, unit.replace('/', "_per_").replace('%', "percent").replace(' ', "_")),
        };
        let mut text = String::new();
        let mut line = |cells: Vec<String>| {
            text.push_str(&cells.join(","));
            text.push('\n');
        };
        line(self.columns.iter().map(heading).collect());
        for row in &self.rows {
            line(row.iter().map(|value| quoted(&value.exact())).collect());
        }
        text
    }

    /// The table as Markdown, its caption above; text is flush left, the rest right.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let heading = |column: &Column| {
            let name = column.name.replace('_', " ");
            if column.unit.is_empty() { name } else { format!("{name}, {}", column.unit) }
        };
        let header: Vec<String> = self.columns.iter().map(heading).collect();
        let rule = |column: &Column| if column.kind == Kind::Text { "---" } else { "---:" }.to_owned();
        let rule: Vec<String> = self.columns.iter().map(rule).collect();
        let mut text = format!("{}\n\n{}{}", self.caption, line(&header), line(&rule));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|value| value.to_string().replace('|', "\\|")).collect();
            // Writing to a string cannot fail.
            let _ = write!(text, "{}", line(&cells));
        }
        text
    }
}

/// A cell of CSV, in quotes where it must be.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

impl Value {
    /// Its kind; `None` of nothing.
    const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Text(_) => Some(Kind::Text),
            Self::Number(_) => Some(Kind::Number),
            Self::Count(_) => Some(Kind::Count),
            Self::Flag(_) => Some(Kind::Flag),
            Self::Missing => None,
        }
    }

    /// For programs: numbers in as many digits as tell them from all others.
    fn exact(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Count(count) => count.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Missing => String::new(),
        }
    }
}

/// For readers: numbers in three digits.
impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Number(number) => formatter.write_str(&rounded(*number)),
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Flag(flag) => formatter.write_str(if *flag { "yes" } else { "no" }),
            Self::Missing => formatter.write_str("–"),
        }
    }
}

/// A number in three digits, more if it is whole: `0.0123`, `1.23`, `12.3`, `1234`.
pub(crate) fn rounded(number: f64) -> String {
    let size = number.abs();
    let decimals = match size {
        0.0 => 0,
        _ if size < 0.001 => 6,
        _ if size < 0.01 => 5,
        _ if size < 0.1 => 4,
        _ if size < 1.0 => 3,
        _ if size < 9.995 => 2,
        _ if size < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        if number.is_finite() { Self::Number(number) } else { Self::Missing }
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = [("strategy", "", Kind::Text), ("latency", "ms", Kind::Number), ("copies", "", Kind::Count)];
        let mut table = Table::new("t", "Latencies.", &columns);
        table.push(["gpu[fallback=operator, window=1]".into(), 12.345_6.into(), 3_u64.into()]);
        table.push(["a|\"b\"".into(), f64::NAN.into(), Value::Missing]);
        table
    }

    #[test]
    fn csv_is_exact_and_quoted() {
        let expected = "strategy,latency_ms,copies\n\"gpu[fallback=operator, window=1]\",12.3456,3\n\"a|\"\"b\"\"\",,\n";
        assert_eq!(table().csv(), expected);
    }

    #[test]
    fn markdown_is_rounded_and_aligned() {
        let expected = "Latencies.\n\n| strategy | latency, ms | copies |\n| --- | ---: | ---: |\n\
                        | gpu[fallback=operator, window=1] | 12.3 | 3 |\n| a\\|\"b\" | – | – |\n";
        assert_eq!(table().markdown(), expected);
    }

    #[test]
    fn numbers_have_three_digits() {
        for (number, text) in
            [(0.0, "0"), (0.012_34, "0.0123"), (0.5, "0.500"), (9.996, "10.0"), (99.96, "100"), (12345.6, "12346")]
        {
            assert_eq!(rounded(number), text, "{number}");
        }
    }

    #[test]
    #[should_panic(expected = "does not fit")]
    fn rows_must_fit() {
        table().push(["gpu".into(), "fast".into(), 1_u64.into()]);
    }
}
