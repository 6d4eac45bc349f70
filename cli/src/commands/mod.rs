//! One function a command.

pub(crate) mod calibrate;
mod capacity;
mod diff;
mod execute;
mod explain;
mod figure;
mod fit;
mod import;
mod inspect;
mod list;
mod optimize;
mod predict;
mod refine;
mod replay;
mod report;
mod run;
mod study;
mod sweep;
mod validate;

use scenarios::schema as schemas;

pub(crate) use calibrate::{calibrate, check, restart_confined};
pub(crate) use capacity::capacity;
pub(crate) use execute::{execute, observe};
pub(crate) use explain::explain;
pub(crate) use figure::figure;
pub(crate) use fit::fit;
pub(crate) use import::import;
pub(crate) use inspect::inspect;
pub(crate) use list::list;
pub(crate) use optimize::optimize;
pub(crate) use predict::predict;
pub(crate) use refine::refine;
pub(crate) use replay::replay;
pub(crate) use report::report;
pub(crate) use run::run;
pub(crate) use study::study;
pub(crate) use sweep::{merge, sweep};
pub(crate) use validate::validate;

use crate::arguments::Format;
use crate::failure::{Outcome, Status};
use crate::output::print;

/// `socrates schema`.
pub(crate) fn schema(format: Format) -> Outcome {
    print(&match format {
        Format::Scenario => schemas::scenario(),
        Format::Profile => schemas::profile(),
        Format::Sweep => schemas::sweep(),
    })?;
    Ok(Status::Done)
}
