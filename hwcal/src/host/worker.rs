//! A thread for each worker: it opens the processor, and does with it what it is given.

use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};

use executor::{Description, Processor, ProcessorError, ProcessorErrorKind};

use crate::host::clock::{Clock, ClockMaker};

/// Opens a processor, on the thread that will drive it.
pub type Opener = Box<dyn Fn() -> Result<Box<dyn Processor>, ProcessorError> + Send>;

/// What a worker's thread holds.
pub(crate) struct Station {
    opener: Opener,
    processor: Option<Box<dyn Processor>>,
    pub(crate) clock: Rc<dyn Clock>,
}

impl Station {
    /// The processor and the clock. The processor is opened again if it was lost.
    pub(crate) fn parts(&mut self) -> Result<(&mut dyn Processor, &dyn Clock), ProcessorError> {
        let processor = match self.processor.take() {
            Some(processor) => processor,
            None => (self.opener)()?,
        };
        Ok((&mut **self.processor.insert(processor), &*self.clock))
    }

    /// Does something; a processor that it loses is opened again next time.
    pub(crate) fn watch<T>(&mut self, task: impl FnOnce(&mut Self) -> Result<T, ProcessorError>) -> Result<T, ProcessorError> {
        let result = task(self);
        if matches!(&result, Err(error) if error.kind == ProcessorErrorKind::Lost) {
            self.lose();
        }
        result
    }

    /// Drops the processor: the next call opens it again.
    pub(crate) fn lose(&mut self) {
        self.processor = None;
    }
}

type Task<'env> = Box<dyn FnOnce(&mut Station) + Send + 'env>;

/// A handle to a worker's thread; the thread ends when the handle is dropped.
pub(crate) struct Worker<'env> {
    tasks: Sender<Task<'env>>,
    /// What the processor is.
    pub(crate) description: Description,
}

/// The thread is gone: it panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl<'env> Worker<'env> {
    /// Starts the thread, which opens the processor.
    pub(crate) fn start<'scope>(
        scope: &'scope Scope<'scope, 'env>,
        opener: Opener,
        clock: ClockMaker<'env>,
        cores: Vec<usize>,
    ) -> Result<Self, ProcessorError>
    where
        'env: 'scope,
    {
        let (tasks, received): (Sender<Task<'env>>, Receiver<Task<'env>>) = channel();
        let (answer, answered) = channel();
        let _thread: ScopedJoinHandle<'scope, ()> = scope.spawn(move || {
            let processor = match opener() {
                Ok(processor) => processor,
                Err(error) => {
                    let _ = answer.send(Err(error));
                    return;
                }
            };
            let _ = answer.send(Ok(processor.description().clone()));
            let mut station = Station { opener, processor: Some(processor), clock: clock(&cores).into() };
            for task in received {
                task(&mut station);
            }
        });
        let gone = || ProcessorError::new(ProcessorErrorKind::Failed, "hwcal", "the thread that opens the processor panicked");
        let description = answered.recv().map_err(|_| gone())??;
        Ok(Self { tasks, description })
    }

    /// Lets the thread do something; the result comes through the receiver.
    pub(crate) fn begin<T: Send + 'env>(&self, task: impl FnOnce(&mut Station) -> T + Send + 'env) -> Receiver<T> {
        let (result, receiver) = channel();
        // A thread that is gone drops the task, and with it the result's sender.
        let _ = self.tasks.send(Box::new(move |station| {
            let _ = result.send(task(station));
        }));
        receiver
    }

    /// Lets the thread do something, and waits for it.
    pub(crate) fn call<T: Send + 'env>(&self, task: impl FnOnce(&mut Station) -> T + Send + 'env) -> Result<T, Gone> {
        self.begin(task).recv().map_err(|_| Gone)
    }
}
