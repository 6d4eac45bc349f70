//! When requests arrive, of which model, and which of them are let in: streams of requests, each with a source that keeps its progress.

mod arrivals;
mod daily;
mod gate;
mod jitter;
mod modulated;
mod source;
mod work;

pub use arrivals::{Arrivals, Count};
pub use daily::Daily;
pub use gate::{QueueRule, WhenFull};
pub use jitter::{Jitter, Jittered};
pub use modulated::{Modulated, ModulatedState};
pub use source::{Incoming, Source};
pub use work::Variants;

use thiserror::Error;

use crate::identifiers::ModelId;

/// A stream of requests for one model, or for variants of one.
pub struct Stream {
    /// The model; with variants, what [`Variants::models`] says instead.
    pub model: ModelId,
    /// When its requests arrive.
    pub arrivals: Arrivals,
    /// Requests in all; `None` for as many as fit before the horizon.
    pub limit: Option<u64>,
    /// Time a request is allowed, from [`Self::deadline_from`].
    pub deadline_ns: Option<u64>,
    /// From when the deadline counts.
    pub deadline_from: DeadlineFrom,
    /// Higher runs first where requests wait for one worker.
    pub priority: i32,
    /// How many of its requests may be worked on and wait; `None` lets all in when they arrive.
    pub queue: Option<QueueRule>,
    /// Models that its requests choose among, by their input; `None` for [`Self::model`] always.
    pub variants: Option<Variants>,
}

/// From when a deadline counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeadlineFrom {
    /// From the arrival of the request itself.
    #[default]
    Arrival,
    /// From the arrival of the first request of the chain that brought it about; the same for a request that no other brought about.
    Origin,
}

impl Stream {
    /// A stream of `limit` requests without deadline, of priority 0, all let in.
    pub fn new(model: ModelId, arrivals: Arrivals, limit: Option<u64>) -> Self {
        Self {
            model,
            arrivals,
            limit,
            deadline_ns: None,
            deadline_from: DeadlineFrom::Arrival,
            priority: 0,
            queue: None,
            variants: None,
        }
    }

    /// Every model that its requests may be of.
    pub fn models(&self) -> impl Iterator<Item = ModelId> {
        let variants = self.variants.iter().flat_map(|variants| variants.models().iter().map(|&(model, _)| model));
        variants.chain(self.variants.is_none().then_some(self.model))
    }
}

/// Why streams cannot run together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// It follows a stream that is not there.
    #[error("stream {stream} follows stream {follows}, but there are {count} streams")]
    UnknownStream {
        /// The stream.
        stream: usize,
        /// What it follows.
        follows: usize,
        /// Streams there are.
        count: usize,
    },
    /// It follows itself, by way of others or not.
    #[error("stream {stream} follows itself, through the streams that it follows")]
    Cycle {
        /// The stream.
        stream: usize,
    },
    /// A closed loop bounds its requests by its clients, and a client whose request is turned away at once would ask for ever.
    #[error("stream {stream} is a closed loop with a queue rule: its clients bound it already")]
    ClosedLoopQueue {
        /// The stream.
        stream: usize,
    },
}

/// Sources of the streams of a run, each of which knows those that follow it.
///
/// # Errors
/// If a stream follows one that is not there, or itself, or a closed loop has a queue rule.
pub fn sources(streams: Vec<Stream>, seed: u64) -> Result<Vec<Source>, StreamError> {
    let count = streams.len();
    let followed: Vec<Option<usize>> = streams.iter().map(|stream| stream.arrivals.follows()).collect();
    for (stream, of) in streams.iter().enumerate() {
        if of.queue.is_some() && of.arrivals.is_closed() {
            return Err(StreamError::ClosedLoopQueue { stream });
        }
        let mut at = stream;
        for _ in 0..=count {
            match followed[at] {
                None => break,
                Some(follows) if follows >= count => return Err(StreamError::UnknownStream { stream: at, follows, count }),
                Some(follows) if follows == stream => return Err(StreamError::Cycle { stream }),
                Some(follows) => at = follows,
            }
        }
    }
    let mut sources: Vec<Source> =
        streams.into_iter().enumerate().map(|(index, stream)| Source::new(stream, seed, index)).collect();
    for (index, follows) in followed.into_iter().enumerate() {
        if let Some(follows) = follows {
            sources[follows].add_follower(index);
        }
    }
    Ok(sources)
}
