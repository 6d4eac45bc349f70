//! The page of a study: its claims, its figures, its tables, all in one file.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::RunError;

/// The file that makes a directory a study.
const FILE: &str = "study.json";

/// Rows of a table on the page; all are in its file.
const MOST_ROWS: usize = 1_000;

/// What of `study.json` the page shows as it is, and what it refers to.
#[derive(Deserialize)]
struct Study {
    schema_version: u32,
    provenance: Value,
    claims: Value,
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    name: String,
    title: String,
    determinism: String,
    scenarios: Vec<String>,
    caption: String,
    tables: Vec<Table>,
    figures: Vec<Figure>,
    findings: Vec<String>,
    verdicts: Value,
}

#[derive(Deserialize)]
struct Table {
    file: String,
    caption: String,
    columns: Value,
}

#[derive(Deserialize)]
struct Figure {
    stem: String,
    caption: String,
}

/// What the script gets.
#[derive(Serialize)]
pub(super) struct Page {
    provenance: Value,
    claims: Value,
    parts: Vec<PagePart>,
}

#[derive(Serialize)]
struct PagePart {
    name: String,
    heading: String,
    short: String,
    determinism: String,
    scenarios: Vec<String>,
    caption: String,
    tables: Vec<PageTable>,
    figures: Vec<PageFigure>,
    findings: Vec<String>,
    verdicts: Value,
}

#[derive(Serialize)]
struct PageTable {
    file: String,
    caption: String,
    columns: Value,
    rows: Vec<Vec<String>>,
    /// Rows of the file.
    of: usize,
}

#[derive(Serialize)]
struct PageFigure {
    caption: String,
    /// The drawing as a data URI.
    source: String,
}

/// Whether a directory holds a complete study.
pub(super) fn is_study(directory: &Path) -> bool {
    directory.join(FILE).is_file()
}

impl Page {
    /// Reads a study with all its figures and tables.
    pub(super) fn read(directory: &Path) -> Result<Self, RunError> {
        let path = directory.join(FILE);
        let wrong = |why: String| RunError::Damaged(format!("`{}`: {why}", path.display()));
        let study: Study = serde_json::from_slice(&bytes(&path)?).map_err(|error| wrong(error.to_string()))?;
        if study.schema_version != 1 {
            return Err(wrong(format!("schema version {} is not known: this program reads version 1", study.schema_version)));
        }
        let parts: Result<Vec<PagePart>, RunError> = study.parts.into_iter().map(|part| page_part(directory, part)).collect();
        Ok(Self { provenance: study.provenance, claims: study.claims, parts: parts? })
    }
}

fn page_part(directory: &Path, part: Part) -> Result<PagePart, RunError> {
    let (heading, short) = headings(&part.name, &part.title);
    let figure = |figure: Figure| {
        let svg = bytes(&directory.join(format!("{}.svg", figure.stem)))?;
        Ok(PageFigure { caption: figure.caption, source: data_uri(&svg) })
    };
    let table = |table: Table| {
        let path = directory.join(&table.file);
        let (rows, of) = rows(&path)?;
        Ok(PageTable { file: table.file, caption: table.caption, columns: table.columns, rows, of })
    };
    Ok(PagePart {
        heading,
        short,
        name: part.name,
        determinism: part.determinism,
        scenarios: part.scenarios,
        caption: part.caption,
        tables: part.tables.into_iter().map(table).collect::<Result<_, RunError>>()?,
        figures: part.figures.into_iter().map(figure).collect::<Result<_, RunError>>()?,
        findings: part.findings,
        verdicts: part.verdicts,
    })
}

/// `Figure 2: latency on ...` and `Figure 2`; for other parts the title, and the name in words.
fn headings(name: &str, title: &str) -> (String, String) {
    for (prefix, word) in [("fig", "Figure"), ("table", "Table")] {
        if let Some(digits) = name.strip_prefix(prefix).filter(|rest| rest.parse::<u32>().is_ok()) {
            return (format!("{word} {digits}: {title}"), format!("{word} {digits}"));
        }
    }
    (capital(title), capital(&name.replace('-', " ")))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn bytes(path: &Path) -> Result<Vec<u8>, RunError> {
    fs::read(path).map_err(|error| RunError::Damaged(format!("cannot read `{}`: {error}", path.display())))
}

/// The first rows below the heading, and how many there are.
fn rows(path: &Path) -> Result<(Vec<Vec<String>>, usize), RunError> {
    let text = bytes(path)?;
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let (mut rows, mut count) = (Vec::new(), 0);
    for record in reader.records() {
        let record = record.map_err(|error| RunError::Damaged(format!("`{}`: {error}", path.display())))?;
        if count < MOST_ROWS {
            rows.push(record.iter().map(str::to_owned).collect());
        }
        count += 1;
    }
    Ok((rows, count))
}

/// An SVG as a data URI: what would end it or be taken for something else is escaped (RFC 3986, section 2.1).
fn data_uri(svg: &[u8]) -> String {
    let mut uri = String::from("data:image/svg+xml,");
    for &byte in svg {
        match byte {
            b' ' | b'!' | b'\''..=b'/' | b'0'..=b';' | b'=' | b'?'..=b'Z' | b'_' | b'a'..=b'z' => uri.push(char::from(byte)),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
                uri.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_parts() {
        assert_eq!(headings("fig2", "latency"), ("Figure 2: latency".to_owned(), "Figure 2".to_owned()));
        assert_eq!(headings("table3", "load"), ("Table 3: load".to_owned(), "Table 3".to_owned()));
        assert_eq!(headings("what-if", "an NPU's support"), ("An NPU's support".to_owned(), "What if".to_owned()));
    }

    #[test]
    fn uris_hold_what_they_are_made_of() {
        assert_eq!(data_uri(b"<svg a=\"#1\">%</svg>"), "data:image/svg+xml,%3Csvg a=%22%231%22%3E%25%3C/svg%3E");
    }
}
