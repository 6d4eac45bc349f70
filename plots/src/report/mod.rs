//! The report: one page on results directories, or on a study, that holds everything it needs.
//!
//! The page is three files of `plots/report/` and the data as JSON; a script builds it in the browser.

mod data;
mod graphs;
mod spans;
mod study;

use std::path::PathBuf;

use serde::Serialize;

use crate::run::RunError;
use data::Page;

const PAGE: &str = include_str!("../../report/report.html");
const STYLE: &str = include_str!("../../report/report.css");
const SCRIPT: &str = include_str!("../../report/report.js");
const STUDY_PAGE: &str = include_str!("../../report/study.html");
const STUDY_SCRIPT: &str = include_str!("../../report/study.js");

/// The page on these directories, in this order; the first is what others are compared with. A study has a page of its own.
///
/// # Errors
/// If a directory cannot be read, or a study stands beside others. Tables that were not written are left out of the page.
pub fn page(directories: &[PathBuf]) -> Result<String, RunError> {
    match directories {
        [one] if study::is_study(one) => Ok(filled(STUDY_PAGE, STUDY_SCRIPT, &study::Page::read(one)?)),
        several => {
            if let Some(study) = several.iter().find(|directory| study::is_study(directory)) {
                let study = study.display();
                return Err(RunError::Damaged(format!("`{study}` is a study: it has a page of its own, name it alone")));
            }
            Ok(filled(PAGE, SCRIPT, &Page::read(several)?))
        }
    }
}

fn filled(page: &str, script: &str, data: &impl Serialize) -> String {
    // A page that cannot be serialised does not exist: all keys are names.
    let json = serde_json::to_string(data).unwrap_or_default();
    // `</script>` or `<!--` in a name must not end the script.
    let json = json.replace('<', "\\u003c");
    page.replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", script).replace("/*DATA*/", &json)
}
