//! Who looks on while something runs.

/// Is told of progress, and may stop the work. Called from several threads.
pub trait Watch: Sync {
    /// A stage begins, of so many steps.
    fn begin(&self, steps: usize);

    /// One more step is done.
    fn advance(&self);

    /// Whether to stop before the next step.
    fn is_interrupted(&self) -> bool;
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: usize) {}

    fn advance(&self) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}
