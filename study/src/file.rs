//! `study.json`: what was made, from what.

use results::{FileEntry, InputEntry, Tool};
use serde::Serialize;

use crate::{Claim, Column, Determinism, Verdict};

/// Name of the file that makes a directory a study.
pub const STUDY_FILE: &str = "study.json";

/// The contents of `study.json`. It is written last: a directory that has it is complete.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyFile {
    /// [`crate::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// From what the study was made.
    pub provenance: StudyProvenance,
    /// What the study claims.
    pub claims: Vec<Claim>,
    /// The parts.
    pub parts: Vec<PartEntry>,
    /// The other files of the directory.
    pub files: Vec<FileEntry>,
}

/// From what a study was made; equal provenance means equal data, but for parts that are measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyProvenance {
    /// The program.
    pub tool: Tool,
    /// The command line, without what does not change results.
    pub command_line: Vec<String>,
    /// Seed of every scenario.
    pub seed: u64,
    /// Every file that was read: scenarios, profiles, models.
    pub inputs: Vec<InputEntry>,
}

/// A part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartEntry {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// Whether it comes out alike each time.
    pub determinism: Determinism,
    /// Scenarios of the library that it ran.
    pub scenarios: Vec<String>,
    /// What is shown.
    pub caption: String,
    /// Its tables.
    pub tables: Vec<TableEntry>,
    /// Its figures.
    pub figures: Vec<FigureEntry>,
    /// What the numbers say.
    pub findings: Vec<String>,
    /// What they say about the study's claims.
    pub verdicts: Vec<Verdict>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableEntry {
    /// Its file.
    pub file: String,
    /// What it shows.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: usize,
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureEntry {
    /// Stem of its files, which end in `.svg` and `.png`.
    pub stem: String,
    /// What it shows.
    pub caption: String,
}
