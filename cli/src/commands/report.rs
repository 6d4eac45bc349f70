//! `socrates report`: one page on results directories, or on a study.

use plots::report::page;
use results::write_atomic;

use crate::arguments::ReportArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;

pub(crate) fn report(arguments: &ReportArguments) -> Outcome {
    let page = page(&arguments.directories).map_err(Failure::input)?;
    write_atomic(&arguments.output, page.as_bytes())?;
    print(&format!(
        "{}: {} {}, {} kB\n",
        arguments.output.display(),
        arguments.directories.len(),
        if arguments.directories.len() == 1 { "directory" } else { "directories" },
        page.len() / 1_000
    ))?;
    Ok(Status::Done)
}
