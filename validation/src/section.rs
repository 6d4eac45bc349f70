//! A part of the validation, as data: text, tables, and pairs of predicted and measured for figures.

use std::fmt::Write as _;

use serde::Serialize;

/// A part of the validation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Paragraphs before the tables.
    pub text: Vec<String>,
    /// Tables.
    pub tables: Vec<Table>,
    /// What figures are drawn from.
    pub comparisons: Vec<Comparison>,
    /// Where the model is wrong: the worst cases and their measured cause, a paragraph each.
    pub findings: Vec<String>,
}

/// A table with as many cells in each row as in the header.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// What it shows, on what; one sentence.
    pub caption: String,
    /// Headings, with units.
    pub header: Vec<String>,
    /// Cells; numbers already formatted.
    pub rows: Vec<Vec<String>>,
}

/// Pairs of predicted and measured values, for a scatter, a cumulative distribution of errors, or boxes by group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// File name stem of its figures.
    pub name: String,
    /// Caption: what, on what, and whether anything was fitted to it.
    pub caption: String,
    /// Unit of both values, such as `ms`.
    pub unit: String,
    /// The pairs.
    pub pairs: Vec<Pair>,
}

/// A prediction and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// What it is of.
    pub label: String,
    /// Group within the comparison, such as a network or a processor.
    pub group: String,
    /// Predicted.
    pub predicted: f64,
    /// Measured.
    pub measured: f64,
}

impl Section {
    /// The section as Markdown: a heading of the second level, then everything but the comparisons.
    pub fn markdown(&self) -> String {
        let mut page = format!("## {}\n\n", self.title);
        for paragraph in &self.text {
            let _ = writeln!(page, "{paragraph}\n");
        }
        for table in &self.tables {
            let _ = writeln!(page, "{}", table.markdown());
        }
        if !self.findings.is_empty() {
            let _ = writeln!(page, "### Where the model is wrong\n");
            for finding in &self.findings {
                let _ = writeln!(page, "- {finding}");
            }
            page.push('\n');
        }
        page
    }
}

impl Table {
    /// The table as Markdown, its caption above; the first column is flush left, the others right.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> =
            (0..self.header.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}\n\n{}{}{rows}", self.caption, line(&self.header), line(&rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_markdown() {
        let words = |all: &[&str]| -> Vec<String> { all.iter().map(|&word| word.to_owned()).collect() };
        let table =
            Table { caption: "Errors.".into(), header: words(&["model", "MAPE %"]), rows: vec![words(&["alexnet", "3.1"])] };
        let section = Section {
            title: "A".into(),
            text: words(&["Text."]),
            tables: vec![table],
            findings: words(&["Late."]),
            ..Section::default()
        };
        let expected = "## A\n\nText.\n\nErrors.\n\n| model | MAPE % |\n| --- | ---: |\n| alexnet | 3.1 |\n\n\
                        ### Where the model is wrong\n\n- Late.\n\n";
        assert_eq!(section.markdown(), expected);
    }
}
