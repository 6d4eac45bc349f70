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
        let template = format!("{{bar:40}} {{pos}}/{{len}} {units} {{msg}}");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        Self { bar }
    }

    /// So many of all are done. Calls from several threads may come out of order: the bar never goes back.
    pub(crate) fn set(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(self.bar.position().max(done as u64));
    }

    /// A stage of so many begins.
    pub(crate) fn begin(&self, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(0);
    }

    /// What is being done, beside the bar.
    pub(crate) fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// A line above the bar; nothing where there is none.
    pub(crate) fn log(&self, line: &str) {
        self.bar.println(line);
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

/// Progress of measuring this machine: a bar with what is left for people, a line now and then for logs.
pub(crate) struct MeasureProgress {
    bar: ProgressBar,
    quiet: bool,
    said: std::time::Instant,
}

impl MeasureProgress {
    /// Time between two lines where standard error is no terminal.
    const PAUSE: std::time::Duration = std::time::Duration::from_secs(15);

    pub(crate) fn new(quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        Self { bar, quiet, said: std::time::Instant::now() }
    }

    /// Where the measurement is.
    pub(crate) fn set(&mut self, state: &hwcal::host::Progress) {
        let left = format!("on {}, {} s left at most", state.worker, state.remaining_ns / 1_000_000_000);
        self.bar.set_length(state.total as u64);
        self.bar.set_position(state.done as u64);
        if self.bar.is_hidden() && self.said.elapsed() >= Self::PAUSE {
            self.said = std::time::Instant::now();
            self.say(&format!("{} of {} samples, {left}", state.done, state.total));
        }
        self.bar.set_message(left);
    }

    /// A line on standard error, unless quiet.
    #[expect(clippy::print_stderr, reason = "messages to the user")]
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }

    /// Nothing more to come.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
