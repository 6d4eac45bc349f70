//! Progress on standard error, if a person is there to see it.

use indicatif::{ProgressBar, ProgressStyle};

/// Counts finished runs. Hidden where standard error is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for so many runs.
    pub(crate) fn new(runs: usize, quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(runs as u64) };
        let style =
            ProgressStyle::with_template("{bar:40} {pos}/{len} runs {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        Self { bar }
    }

    /// One run is over.
    pub(crate) fn finished(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
