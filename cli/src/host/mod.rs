//! This machine beside its simulation: observations, replays, validation.

mod launches;
mod observe;
mod recorded;
mod replayed;
mod validate;

pub(crate) use launches::{copies, launches};
pub(crate) use observe::{observation, observed_run};
pub(crate) use recorded::Recorded;
pub(crate) use replayed::Observed;
pub(crate) use validate::validate;
