//! The user looks on: progress on standard error, Ctrl-C to stop.

use runner::Watch;

use crate::run::{Interrupt, Progress};

/// Shows progress and hears interrupts.
pub(crate) struct Watched<'a> {
    /// Where progress is shown.
    pub(crate) progress: &'a Progress,
    /// What the user wants.
    pub(crate) interrupt: &'a Interrupt,
}

impl Watch for Watched<'_> {
    fn begin(&self, steps: usize) {
        self.progress.begin(steps);
    }

    fn advance(&self) {
        self.progress.advance();
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.is_wanted()
    }
}
