//! `socrates study`: every figure and table, with data, captions and a page.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use study::{PARTS, STUDY_FILE};

use crate::arguments::StudyArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::study::{Laid, Study, make, page_of, part_files, study_file, with_folders};

/// The page that comes with the program.
const PAGE: &str = "docs/study.md";

pub(crate) fn study(arguments: &StudyArguments) -> Outcome {
    if arguments.check || arguments.page.is_some() {
        return page(arguments);
    }
    let output = &arguments.output;
    begin(output)?;
    let mut files = Vec::new();
    let study = make(
        PARTS,
        |_| true,
        arguments.full,
        arguments.threads,
        arguments.quiet,
        |made| {
            files.extend(with_folders(output, &part_files(made, arguments.dpi)?)?);
            Ok(())
        },
    )?;
    let page = Laid { path: PathBuf::from("study.md"), bytes: study::page(&study.parts, "").into_bytes() };
    files.extend(with_folders(output, &[page])?);
    let last = study_file(&study, arguments.full, &files)?;
    with_folders(output, &[last])?;
    print(&told(&study, output))?;
    Ok(Status::Done)
}

/// A directory that does not yet hold a complete study.
fn begin(output: &Path) -> Result<(), Failure> {
    fs::create_dir_all(output).with_context(|| format!("cannot make `{}`", output.display())).map_err(Failure::output)?;
    let file = output.join(STUDY_FILE);
    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::output(anyhow::Error::new(error).context(format!("cannot replace `{}`", file.display()))))
        }
        _ => Ok(()),
    }
}

/// What was made: a line a part, with what it found.
fn told(study: &Study, output: &Path) -> String {
    let mut text = String::new();
    for made in &study.parts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {}", made.part.name, made.part.title);
        for finding in &made.data.findings {
            let _ = writeln!(text, "  {finding}");
        }
    }
    let _ = writeln!(text, "\n{} parts in `{}`: begin with `study.md`", study.parts.len(), output.display());
    text
}

/// Writes a page with its figures, or holds it against what is there.
fn page(arguments: &StudyArguments) -> Outcome {
    let path = arguments.page.clone().unwrap_or_else(|| PathBuf::from(PAGE));
    let study = make(PARTS, |_| true, arguments.full, arguments.threads, arguments.quiet, |_| Ok(()))?;
    let files = page_of(&study, &path)?;
    if !arguments.check {
        with_folders(Path::new(""), &files)?;
        print(&format!("{} parts in `{}`, {} figures beside it\n", study.parts.len(), path.display(), files.len() - 1))?;
        return Ok(Status::Done);
    }
    let is_stale = |file: &&Laid| fs::read(&file.path).ok().as_deref() != Some(file.bytes.as_slice());
    let stale: Vec<String> = files.iter().filter(is_stale).map(|file| file.path.display().to_string()).collect();
    if stale.is_empty() {
        print(&format!("{} files are fresh\n", files.len()))?;
        return Ok(Status::Done);
    }
    print(&format!("stale: {}; refresh with `socrates study --page {}`\n", stale.join(", "), path.display()))?;
    Ok(Status::Incomplete)
}
