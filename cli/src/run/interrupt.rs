//! Ctrl-C, or a request to terminate: once to stop between runs, twice to stop at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, Status};

/// Whether the user wants to stop.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    wanted: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let wanted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&wanted);
        ctrlc::set_handler(move || second_stops_at_once(&flag)).map_err(Failure::output)?;
        Ok(Self { wanted })
    }

    /// Whether to stop.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}

#[expect(clippy::exit, reason = "a simulation cannot be stopped halfway, and results are put in place whole or not at all")]
fn second_stops_at_once(wanted: &AtomicBool) {
    if wanted.swap(true, Ordering::Relaxed) {
        std::process::exit(i32::from(Status::Interrupted.code()));
    }
}
