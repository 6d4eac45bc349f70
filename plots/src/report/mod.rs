//! The report: one page on results directories that holds everything it needs.
//!
//! The page is three files of `plots/report/` and the data as JSON; a script builds it in the browser.

mod data;
mod graphs;
mod spans;

use std::path::PathBuf;

use crate::run::RunError;
use data::Page;

const PAGE: &str = include_str!("../../report/report.html");
const STYLE: &str = include_str!("../../report/report.css");
const SCRIPT: &str = include_str!("../../report/report.js");

/// The page on these directories, in this order; the first is what others are compared with.
///
/// # Errors
/// If a directory cannot be read. Tables that were not written are left out of the page.
pub fn page(directories: &[PathBuf]) -> Result<String, RunError> {
    let data = Page::read(directories)?;
    // A page that cannot be serialised does not exist: all keys are names.
    let json = serde_json::to_string(&data).unwrap_or_default();
    // `</script>` or `<!--` in a name must not end the script.
    let json = json.replace('<', "\\u003c");
    Ok(PAGE.replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", SCRIPT).replace("/*DATA*/", &json))
}
