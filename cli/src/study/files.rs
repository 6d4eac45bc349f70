//! The files of the study.

use std::fs;
use std::path::{Path, PathBuf};

use results::{FileEntry, Tool, sha256_hex};
use study::{FigureEntry, Made, PartEntry, STUDY_FILE, StudyFile, StudyProvenance, TableEntry};

use crate::failure::Failure;
use crate::study::{Study, drawn};

/// A file that is to be written.
pub(crate) struct Laid {
    /// Where.
    pub(crate) path: PathBuf,
    /// What.
    pub(crate) bytes: Vec<u8>,
}

impl Laid {
    fn new(path: PathBuf, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path, bytes: bytes.into() }
    }
}

/// Data, figures and caption of a part, with names in the directory of the study.
pub(crate) fn part_files(made: &Made, dots_per_inch: f64) -> Result<Vec<Laid>, Failure> {
    let mut files = Vec::new();
    for table in &made.data.tables {
        files.push(Laid::new(PathBuf::from(made.stem(&table.name)).with_extension("csv"), table.csv()));
    }
    for figure in &made.data.figures {
        let stem = made.stem(&figure.name);
        let scene = drawn(figure)?;
        files.push(Laid::new(PathBuf::from(&stem).with_extension("svg"), scene.svg()));
        files.push(Laid::new(PathBuf::from(&stem).with_extension("png"), scene.png(dots_per_inch).map_err(Failure::input)?));
    }
    files.push(Laid::new(PathBuf::from(made.part.name).with_extension("md"), made.markdown("")));
    Ok(files)
}

/// A page, then its figures in the folder of its name without `.md`.
pub(crate) fn page_of(study: &Study, path: &Path) -> Result<Vec<Laid>, Failure> {
    let folder = path.with_extension("");
    let stem = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut files = vec![Laid::new(path.to_owned(), study::page(&study.parts, &format!("{stem}/")))];
    for made in &study.parts {
        for figure in made.data.figures.iter().filter(|figure| !figure.aside) {
            let name = format!("{}.svg", made.stem(&figure.name));
            files.push(Laid::new(folder.join(name), drawn(figure)?.svg()));
        }
    }
    Ok(files)
}

/// `study.json`, which names all other files of the directory.
pub(crate) fn study_file(study: &Study, full: bool, files: &[FileEntry]) -> Result<Laid, Failure> {
    let mut command_line = vec!["socrates".to_owned(), "study".to_owned()];
    if full {
        command_line.push("--full".to_owned());
    }
    let file = StudyFile {
        schema_version: study::SCHEMA_VERSION,
        provenance: StudyProvenance {
            tool: Tool { name: "socrates".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), revision: None },
            command_line,
            seed: 0,
            inputs: study.inputs.clone(),
        },
        claims: study::CLAIMS.to_vec(),
        parts: study.parts.iter().map(entry).collect(),
        files: files.to_vec(),
    };
    let mut text = serde_json::to_string_pretty(&file).map_err(Failure::output)?;
    text.push('\n');
    Ok(Laid::new(PathBuf::from(STUDY_FILE), text))
}

fn entry(made: &Made) -> PartEntry {
    let Made { part, data } = made;
    let table = |table: &study::Table| TableEntry {
        file: format!("{}.csv", made.stem(&table.name)),
        caption: table.caption.clone(),
        columns: table.columns.clone(),
        rows: table.rows.len(),
    };
    let figure = |figure: &study::Figure| FigureEntry { stem: made.stem(&figure.name), caption: figure.caption.clone() };
    PartEntry {
        name: part.name.to_owned(),
        title: part.title.to_owned(),
        determinism: part.determinism,
        scenarios: part.scenarios.iter().map(|&name| name.to_owned()).collect(),
        caption: data.caption.clone(),
        tables: data.tables.iter().map(table).collect(),
        figures: data.figures.iter().map(figure).collect(),
        findings: data.findings.clone(),
        verdicts: data.verdicts.clone(),
    }
}

/// Writes files, each whole, in folders that are made for them; tells what they are.
pub(crate) fn with_folders(root: &Path, files: &[Laid]) -> Result<Vec<FileEntry>, Failure> {
    let mut entries = Vec::new();
    for Laid { path, bytes } in files {
        let target = root.join(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(Failure::output)?;
        }
        results::write_atomic(&target, bytes)?;
        entries.push(FileEntry {
            name: path.display().to_string(),
            bytes: bytes.len() as u64,
            sha256: sha256_hex(bytes),
            rows: None,
        });
    }
    Ok(entries)
}
