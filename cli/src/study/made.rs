//! Parts of the study, made one after the other.

use std::time::Instant;

use runner::Watch;
use study::{Context, Made, Part, StudyError};

use crate::failure::Failure;
use crate::run::{Interrupt, Progress, Watched, thread_pool};

/// Parts, with what was read for them.
pub(crate) struct Study {
    /// The parts.
    pub(crate) parts: Vec<Made>,
    /// Every file that was read.
    pub(crate) inputs: Vec<results::InputEntry>,
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Run(error) => error.into(),
            error => Self::input(error),
        }
    }
}

/// Makes parts on some threads, and gives each to `done` when it is made.
pub(crate) fn make(
    parts: &'static [Part],
    wanted: impl Fn(&Part) -> bool,
    full: bool,
    threads: Option<u16>,
    quiet: bool,
    mut done: impl FnMut(&Made) -> Result<(), Failure>,
) -> Result<Study, Failure> {
    let pool = thread_pool(threads)?;
    let progress = Progress::new("steps", quiet);
    let interrupt = Interrupt::listen()?;
    let watched = Watched { progress: &progress, interrupt: &interrupt };
    let context = Context::new(full, &watched);
    let wanted: Vec<&'static Part> = parts.iter().filter(|part| wanted(part)).collect();
    let mut made = Vec::new();
    for (index, &part) in wanted.iter().enumerate() {
        let begun = Instant::now();
        progress.say(&format!("{} ({} of {})", part.name, index + 1, wanted.len()));
        let data = pool.install(|| (part.make)(&context))?;
        if watched.is_interrupted() {
            return Err(Failure::interrupted());
        }
        progress.log(&format!("{}: {:.1} s", part.name, begun.elapsed().as_secs_f64()));
        let one = Made { part, data };
        done(&one)?;
        made.push(one);
    }
    Ok(Study { parts: made, inputs: context.inputs() })
}
