//! Progress on standard error, if a person is there to see it.

use indicatif::{ProgressBar, ProgressStyle};

/// Counts what is done. Hidden where standard error is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar that counts `units`, of a total not known yet.
    pub(crate) fn new(units: &str, quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
        let template = format!("{{bar:40}} {{pos}}/{{len}} {units}");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        Self { bar }
    }

    /// So many of all are done. Calls from several threads may come out of order: the bar never goes back.
    pub(crate) fn set(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(self.bar.position().max(done as u64));
    }

    /// One more is done.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
