//! The page of the study, in Markdown.

use std::fmt::Write as _;

use crate::{CLAIMS, Part, PartData, Verdict};

/// A part with what came out of it.
pub struct Made {
    /// The part.
    pub part: &'static Part,
    /// What came out.
    pub data: PartData,
}

const HEAD: &str = "\
# The study

Written by `socrates study`; `socrates study --check` tells whether it is fresh. Every number and every sentence under *What it says* is computed
from simulated runs; nothing here is copied from the paper.

The body of \"Deep Learning Inference on Heterogeneous Mobile Processors: Potentials and Pitfalls\" was not at hand when this was made: only its
abstract, summaries by others, and captions. Its devices, models and numbers are unknown to us, so the devices, models and workloads here are
our own choice, and where we agree with the paper, we agree in kind, not in numbers. How well the simulator predicts measurements is in
`validation.md`.

";

impl Made {
    /// Stem of the files of a figure or a table of this part: `fig2`, or `fig2-regret`.
    pub fn stem(&self, name: &str) -> String {
        if name.is_empty() { self.part.name.to_owned() } else { format!("{}-{name}", self.part.name) }
    }

    /// The part as Markdown; figures lie in `folder`, which is empty or ends in a slash.
    pub fn markdown(&self, folder: &str) -> String {
        let Self { part, data } = self;
        let mut page = format!("## {}\n\n{}\n\n", heading(part), data.caption);
        for figure in data.figures.iter().filter(|figure| !figure.aside) {
            let stem = self.stem(&figure.name);
            // Writing to a string cannot fail.
            let _ = writeln!(page, "![{}]({folder}{stem}.svg)\n", figure.caption);
        }
        for table in data.tables.iter().filter(|table| table.shown) {
            let _ = writeln!(page, "{}", table.markdown());
        }
        if !data.findings.is_empty() {
            page.push_str("What it says:\n\n");
            for finding in &data.findings {
                let _ = writeln!(page, "- {finding}");
            }
            page.push('\n');
        }
        let files: Vec<String> = data.tables.iter().map(|table| format!("`{}.csv`", self.stem(&table.name))).collect();
        let _ = write!(page, "Made by `socrates figure {}` ({}).", part.name, part.determinism.label());
        if !part.scenarios.is_empty() {
            let runs: Vec<String> = part.scenarios.iter().map(|name| format!("`socrates run {name}`")).collect();
            let _ = write!(page, " Scenarios: {}.", runs.join(", "));
        }
        if !files.is_empty() {
            let _ = write!(page, " Data: {}.", files.join(", "));
        }
        page.push_str("\n\n");
        page
    }
}

/// `Figure 2: latency on ...`.
fn heading(part: &Part) -> String {
    let digits = part.name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    if part.name.starts_with("fig") && !digits.is_empty() {
        format!("Figure {digits}: {}", part.title)
    } else if part.name.starts_with("table") && !digits.is_empty() {
        format!("Table {digits}: {}", part.title)
    } else {
        let mut letters = part.title.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

/// The whole page; figures lie in `folder`, which is empty or ends in a slash.
pub fn page(parts: &[Made], folder: &str) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("## What the study claims, and what our numbers say\n\n");
    page.push_str("| | claim | our numbers | because |\n| --- | --- | --- | --- |\n");
    for claim in CLAIMS {
        let of_part = |made: &'_ Made| -> Vec<(&'static str, Verdict)> {
            let verdicts = made.data.verdicts.iter().filter(|verdict| verdict.claim == claim.name);
            verdicts.map(|verdict| (made.part.name, verdict.clone())).collect()
        };
        let verdicts: Vec<(&str, Verdict)> = parts.iter().flat_map(of_part).collect();
        let mut words: Vec<&str> = verdicts.iter().map(|(_, verdict)| verdict.support.name()).collect();
        words.dedup();
        let words = if words.is_empty() { "not tested here".to_owned() } else { words.join("; ") };
        let because: Vec<String> = verdicts.iter().map(|(part, verdict)| format!("{} ({part})", verdict.because)).collect();
        let because = because.join("; ").replace('|', "\\|");
        let _ = writeln!(page, "| {} | {} | {words} | {because} |", claim.name, claim.claim);
    }
    page.push('\n');
    for made in parts {
        page.push_str(&made.markdown(folder));
    }
    while page.ends_with("\n\n") {
        page.pop();
    }
    page
}
