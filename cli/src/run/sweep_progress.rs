//! Progress of many runs, with what is left: a bar for people, a line now and then for logs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use runner::Watch;

use crate::run::Interrupt;

/// Time between two lines where standard error is no terminal.
const PAUSE: Duration = Duration::from_secs(15);

/// Shows progress and hears interrupts.
pub(crate) struct SweepProgress {
    bar: ProgressBar,
    quiet: bool,
    interrupt: Interrupt,
    total: AtomicUsize,
    done: AtomicUsize,
    /// When it began, and when the last line was said.
    times: Mutex<(Instant, Instant)>,
}

impl SweepProgress {
    /// Nothing to do yet.
    pub(crate) fn new(interrupt: Interrupt, quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {per_sec:.0}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let now = Instant::now();
        let (total, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { bar, quiet, interrupt, total, done, times: Mutex::new((now, now)) }
    }

    /// Nothing more to come.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for SweepProgress {
    fn begin(&self, steps: usize) {
        self.bar.set_length(steps as u64);
        self.bar.reset();
        self.total.store(steps, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        let now = Instant::now();
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = (now, now);
    }

    #[expect(clippy::print_stderr, reason = "messages to the user")]
    fn advance(&self) {
        self.bar.inc(1);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.quiet || !self.bar.is_hidden() {
            return;
        }
        // Whoever does not get it at once has nothing to say.
        let Ok(mut times) = self.times.try_lock() else { return };
        if times.1.elapsed() < PAUSE {
            return;
        }
        times.1 = Instant::now();
        let total = self.total.load(Ordering::Relaxed);
        let left_s = times.0.elapsed().as_secs_f64() / done as f64 * total.saturating_sub(done) as f64;
        eprintln!("{done} of {total} runs, about {left_s:.0} s left");
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.is_wanted()
    }
}
