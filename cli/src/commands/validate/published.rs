//! `socrates validate published`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hwcal::usc::{self, CAMPAIGNS, CalibrationData};
use hwcal::{ncnn, npu};
use plots::charts;
use plots::style::Width;
use rayon::ThreadPool;
use validation::{Comparison, Section, mappings, models, published};

use crate::arguments::PublishedArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::run::{Progress, thread_pool};

/// A file of the page.
struct Page {
    path: PathBuf,
    bytes: Vec<u8>,
}

const HEAD: &str = "\
# Predicted against measured

Written by `socrates validate published`; `--check` tells whether it is fresh. Errors are `predicted / measured - 1`. MAPE is the mean of their
absolute values, its interval the 95 % percentile bootstrap. What was fitted to what is said with each table; nothing is judged on what it was
fitted to unless the table says so.

";

pub(crate) fn published(arguments: &PublishedArguments) -> Outcome {
    let progress = Progress::new("sections", arguments.quiet);
    let sections = sections(&thread_pool(arguments.threads)?, &progress)?;
    drop(progress);
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&sections).map_err(Failure::output)?))?;
        return Ok(Status::Done);
    }
    let pages = pages(&sections, &arguments.output)?;
    if arguments.check {
        return check(&pages);
    }
    for page in &pages {
        if let Some(folder) = page.path.parent() {
            fs::create_dir_all(folder).map_err(Failure::output)?;
        }
        results::write_atomic(&page.path, &page.bytes)?;
    }
    let figures = pages.len() - 1;
    print(&format!("{} sections in `{}`, {figures} figures beside it\n", sections.len(), arguments.output.display()))?;
    Ok(Status::Done)
}

/// All parts, in the order of the page.
fn sections(pool: &ThreadPool, progress: &Progress) -> Result<Vec<Section>, Failure> {
    progress.set(0, 5 + CAMPAIGNS.len());
    let mut sections = vec![mappings::section().map_err(Failure::input)?];
    progress.advance();
    for campaign in &CAMPAIGNS {
        let fitted = pool.install(|| usc::fit(campaign, CalibrationData::built_in(), &|_, _| ()));
        sections.push(models::section(campaign, &fitted.map_err(Failure::input)?.validation));
        progress.advance();
    }
    let measured = ncnn::Measurements::read().map_err(Failure::input)?;
    let boards = pool.install(|| ncnn::fit(&ncnn::BOARDS[0]));
    sections.push(models::boards::section(&measured, &boards.map_err(Failure::input)?.validation));
    progress.advance();
    let npus = pool.install(|| {
        [npu::Precision::Float16, npu::Precision::Int8]
            .into_iter()
            .map(|precision| Ok((precision, npu::validate(&npu::Measurements::read(precision)?)?)))
            .collect::<Result<Vec<_>, usc::FitError>>()
    });
    sections.push(models::npus::section(&npus.map_err(Failure::input)?));
    progress.advance();
    let data = npu::FallbackData::read().map_err(Failure::input)?;
    let fallback = pool.install(|| npu::validate_fallback(&data));
    sections.push(models::fallback::section(&fallback.map_err(Failure::input)?));
    progress.advance();
    sections.extend(published::sections().map_err(Failure::input)?);
    progress.advance();
    Ok(sections)
}

/// The page, then its figures.
fn pages(sections: &[Section], path: &Path) -> Result<Vec<Page>, Failure> {
    let folder = path.with_extension("");
    let stem = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut text = HEAD.to_owned();
    for section in sections {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "- [{}](#{})", section.title, anchor(&section.title));
    }
    text.push('\n');
    let mut figures = Vec::new();
    for section in sections {
        text.push_str(&section.markdown());
        for comparison in &section.comparisons {
            for (kind, scene) in drawn(comparison)?.figures(Width::Single) {
                let name = format!("{}-{kind}.svg", comparison.name);
                let _ = writeln!(text, "![{} ({kind})]({stem}/{name})", comparison.caption);
                figures.push(Page { path: folder.join(name), bytes: scene.svg().into_bytes() });
            }
            text.push('\n');
        }
    }
    let mut pages = vec![Page { path: path.to_owned(), bytes: text.into_bytes() }];
    pages.extend(figures);
    Ok(pages)
}

/// A comparison as figures take it.
fn drawn(comparison: &Comparison) -> Result<charts::Comparison, Failure> {
    let value = serde_json::to_value(comparison).map_err(Failure::output)?;
    serde_json::from_value(value).map_err(Failure::output)
}

/// The anchor that Markdown gives a heading.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn check(pages: &[Page]) -> Outcome {
    let stale: Vec<String> = pages
        .iter()
        .filter(|page| fs::read(&page.path).ok().as_deref() != Some(page.bytes.as_slice()))
        .map(|page| page.path.display().to_string())
        .collect();
    if stale.is_empty() {
        print(&format!("{} files are fresh\n", pages.len()))?;
        return Ok(Status::Done);
    }
    print(&format!("stale: {}; refresh with `socrates validate published`\n", stale.join(", ")))?;
    Ok(Status::Incomplete)
}
