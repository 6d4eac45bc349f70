//! Recorded arrivals: a column of a CSV or Parquet file.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::profile::fingerprint;
use crate::text::suggestion;

/// Most arrivals of a trace.
const MOST_ARRIVALS: usize = 10_000_000;

/// Latest arrival, 1,000,000 s.
const LATEST_NS: f64 = 1e15;

/// A file that arrivals are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its name, without the path to it.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its contents, hexadecimal.
    pub sha256: String,
}

/// What is wrong with a trace, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: String,
}

fn wrong(message: impl Into<String>, hint: impl Into<String>) -> Wrong {
    Wrong { message: message.into(), hint: hint.into() }
}

/// Arrival times in a column of a file, each multiplied by `scale`; ascending.
pub(super) fn read(path: &Path, column: &str, scale: f64) -> Result<(Vec<u64>, Trace), Wrong> {
    let unit_ns = unit_ns(column)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    opened.map_err(|error| {
        wrong(format!("cannot read trace `{shown}`: {error}"), "paths are relative to the folder of this file")
    })?;
    let is_parquet = bytes.starts_with(b"PAR1");
    let place = |at: usize| if is_parquet { format!("row {at}") } else { format!("line {}", line_of(&bytes, at)) };
    let cells = if is_parquet { from_parquet(&bytes, &shown, column)? } else { from_csv(&bytes, &shown, column)? };
    if cells.is_empty() || cells.len() > MOST_ARRIVALS {
        let hint = format!("a trace has 1 to {MOST_ARRIVALS} arrivals");
        return Err(wrong(format!("trace `{shown}` has {} arrivals", cells.len()), hint));
    }
    let mut times_ns: Vec<u64> = Vec::with_capacity(cells.len());
    for (at, cell) in cells {
        let here = || format!("trace `{shown}`, {}", place(at));
        let number = cell.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let Some(number) = number else {
            return Err(wrong(format!("{}: `{cell}` is not a number", here()), format!("`{column}` holds arrival times")));
        };
        let at_ns = number * unit_ns * scale;
        if !(0.0..=LATEST_NS).contains(&at_ns) {
            return Err(wrong(format!("{}: `{cell}` is out of range", here()), "must be from 0 to 1000000s (about 11 days)"));
        }
        let at_ns = at_ns.round() as u64;
        if times_ns.last().is_some_and(|&before_ns| at_ns < before_ns) {
            let message = format!("{}: arrival `{cell}` is earlier than the one before it", here());
            return Err(wrong(message, "arrival times must ascend"));
        }
        times_ns.push(at_ns);
    }
    Ok((times_ns, Trace { name, bytes: bytes.len() as u64, sha256: fingerprint(&bytes) }))
}

/// The unit that the name of a column ends in.
fn unit_ns(column: &str) -> Result<f64, Wrong> {
    let units = [("_ns", 1.0), ("_us", 1e3), ("_ms", 1e6), ("_s", 1e9)];
    let unit = units.iter().find(|(ending, _)| column.ends_with(ending)).map(|&(_, size_ns)| size_ns);
    unit.ok_or_else(|| {
        wrong(format!("column `{column}` has no unit"), "its name must end in `_ns`, `_us`, `_ms` or `_s`, e.g. `arrival_ms`")
    })
}

fn missing<'a>(shown: &str, column: &str, known: impl IntoIterator<Item = &'a str>) -> Wrong {
    wrong(format!("trace `{shown}` has no column `{column}`"), suggestion(column, known))
}

/// The line, from 1, of the record that the reader began to look for at a byte: behind empty lines and comments.
fn line_of(bytes: &[u8], at: usize) -> usize {
    let begun = bytes[..at.min(bytes.len())].split(|&byte| byte == b'\n').count();
    let rest = bytes[at.min(bytes.len())..].split(|&byte| byte == b'\n');
    let skipped = rest.take_while(|line| line.trim_ascii().is_empty() || line.starts_with(b"#")).count();
    begun + skipped
}

/// Cells, with the byte where their line is looked for.
fn from_csv(bytes: &[u8], shown: &str, column: &str) -> Result<Vec<(usize, String)>, Wrong> {
    let hint = "a trace is a CSV file with a heading, or a Parquet file";
    let not_csv = |error: csv::Error| wrong(format!("trace `{shown}`: {error}"), hint);
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(Cursor::new(bytes));
    let headings = reader.headers().map_err(not_csv)?.clone();
    let index = headings.iter().position(|heading| heading.trim() == column);
    let index = index.ok_or_else(|| missing(shown, column, headings.iter()))?;
    let mut cells = Vec::new();
    for record in reader.records() {
        let record = record.map_err(not_csv)?;
        let at = record.position().map_or(0, csv::Position::byte) as usize;
        cells.push((at, record.get(index).unwrap_or_default().to_owned()));
        if cells.len() > MOST_ARRIVALS {
            break;
        }
    }
    Ok(cells)
}

/// Cells with their rows, from 1.
fn from_parquet(bytes: &[u8], shown: &str, column: &str) -> Result<Vec<(usize, String)>, Wrong> {
    let hint = "it must be readable, uncompressed or compressed with Snappy";
    let not_parquet = |error: parquet::errors::ParquetError| wrong(format!("trace `{shown}`: {error}"), hint);
    let reader = SerializedFileReader::new(prost::bytes::Bytes::copy_from_slice(bytes)).map_err(not_parquet)?;
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<String> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    if !names.iter().any(|name| name == column) {
        return Err(missing(shown, column, names.iter().map(String::as_str)));
    }
    let mut cells = Vec::new();
    for (row, record) in reader.get_row_iter(None).map_err(not_parquet)?.enumerate() {
        let record = record.map_err(not_parquet)?;
        let field = record.get_column_iter().find(|(name, _)| *name == column).map(|(_, field)| field);
        let cell = match field {
            // Whole numbers and reals write themselves as such; a real keeps all its digits.
            Some(Field::Double(value)) => value.to_string(),
            Some(Field::Float(value)) => value.to_string(),
            Some(Field::Long(value)) => value.to_string(),
            Some(Field::Int(value)) => value.to_string(),
            Some(Field::ULong(value)) => value.to_string(),
            Some(Field::UInt(value)) => value.to_string(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        cells.push((row + 1, cell));
        if cells.len() > MOST_ARRIVALS {
            break;
        }
    }
    Ok(cells)
}
