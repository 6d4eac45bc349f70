//! What a strategy decides: segments of kernels, their workers, their order.

mod chain;
mod compile;
mod parts;
mod program;
mod settings;

pub use chain::cut_chain;
pub use program::{Fragment, NO_SEGMENT, OUTPUT, Program};
pub use settings::ProgramSettings;

use thiserror::Error;

use crate::identifiers::{SegmentId, TaskId, WorkerId};
use crate::task::settings::SettingId;

/// The part of a task that one kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All of it.
    Whole,
    /// Output rows `begin..end` of `of`. Parts by rows of one task may overlap: what two need is computed twice.
    Rows {
        /// First row.
        begin: u32,
        /// One past the last row.
        end: u32,
        /// Rows in all.
        of: u32,
    },
    /// Output channels `begin..end` of `of`.
    Channels {
        /// First channel.
        begin: u32,
        /// One past the last channel.
        end: u32,
        /// Channels in all.
        of: u32,
    },
}

impl Part {
    /// Whether it is all of the task.
    #[inline]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Whole)
    }

    /// `(begin, end, of)`; the whole is `(0, 1, 1)`.
    pub const fn range(self) -> (u32, u32, u32) {
        match self {
            Self::Whole => (0, 1, 1),
            Self::Rows { begin, end, of } | Self::Channels { begin, end, of } => (begin, end, of),
        }
    }

    /// This part's share of `amount`, such that the shares of parts that tile the whole add up to it exactly.
    pub const fn share(self, amount: u64) -> u64 {
        let (begin, end, of) = self.range();
        cut(amount, end, of) - cut(amount, begin, of)
    }
}

const fn cut(amount: u64, at: u32, of: u32) -> u64 {
    (amount as u128 * at as u128 / of as u128) as u64
}

/// One kernel launch: a part of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The task.
    pub task: TaskId,
    /// The part of it.
    pub part: Part,
}

impl Piece {
    /// Whether two pieces that follow each other in a segment are of one unit: whole tasks, or rows of different tasks in the
    /// order of the tasks (a chain).
    #[inline]
    pub const fn joins(self, next: Self) -> bool {
        match (self.part, next.part) {
            (Part::Whole, Part::Whole) => true,
            (Part::Rows { .. }, Part::Rows { .. }) => self.task.0 < next.task.0,
            _ => false,
        }
    }
}

/// How a piece is launched, which decides what it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Launch {
    /// On its own.
    #[default]
    Own,
    /// As the first of several pieces that are one unit: bears the launch of all of them.
    First,
    /// As a later one of them.
    Joined,
}

impl Launch {
    /// The pieces of a segment with how each is launched: those that [join](Piece::joins) each other together, others on their own.
    pub fn of_segment<I: Iterator<Item = Piece>>(pieces: I) -> impl Iterator<Item = (Piece, Self)> {
        let mut pieces = pieces.peekable();
        let mut is_joined = false;
        std::iter::from_fn(move || {
            let piece = pieces.next()?;
            let goes_on = pieces.peek().is_some_and(|&next| piece.joins(next));
            let launch = match (is_joined, goes_on) {
                (true, _) => Self::Joined,
                (false, true) => Self::First,
                (false, false) => Self::Own,
            };
            is_joined = goes_on;
            Some((piece, launch))
        })
    }
}

/// The unit of dispatch: kernels that one worker runs back to back, once all that they read from outside is in its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it runs; `None` leaves the choice to the strategy's `dispatch` at run time.
    pub worker: Option<WorkerId>,
    /// Index of its first piece.
    first_piece: u32,
    /// One past the index of its last piece.
    end_piece: u32,
}

/// Why a plan cannot be made or carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The device lacks what the strategy needs.
    #[error("strategy `{strategy}` needs {needs}, which device `{device}` does not have")]
    Missing {
        /// The strategy.
        strategy: String,
        /// What it needs.
        needs: String,
        /// The device.
        device: String,
    },
    /// No worker can run a task.
    #[error("task {task} can run on no worker that strategy `{strategy}` uses")]
    Unplaceable {
        /// The strategy.
        strategy: String,
        /// The task.
        task: u32,
    },
    /// A segment is placed on a worker that cannot run one of its tasks.
    #[error("segment {segment} places task {task} on worker {worker}, which cannot run it")]
    Unsupported {
        /// The segment.
        segment: u32,
        /// The task.
        task: u32,
        /// The worker.
        worker: u32,
    },
    /// A segment is placed on a worker that does not exist.
    #[error("segment {segment} is placed on worker {worker}, but there are {count} workers")]
    UnknownWorker {
        /// The segment.
        segment: u32,
        /// The worker.
        worker: u32,
        /// Workers there are.
        count: usize,
    },
    /// A task is not computed, or not in one way.
    #[error("task {task} is not computed once: it must be whole, or parts must cover its rows or tile its channels")]
    NotCovered {
        /// The task.
        task: u32,
    },
    /// A segment reads what a later segment makes.
    #[error("segment {segment} reads what a later segment makes: segments must stand in topological order")]
    Order {
        /// The segment.
        segment: u32,
    },
    /// A segment without kernels.
    #[error("segment {segment} has no kernel")]
    EmptySegment {
        /// The segment.
        segment: u32,
    },
    /// A segment asks for a setting of clocks that its worker does not have for its tasks.
    #[error("segment {segment} asks for setting {setting} of the clocks of worker {worker}: no costs are known there")]
    NoSetting {
        /// The segment.
        segment: u32,
        /// The setting.
        setting: u16,
        /// The worker.
        worker: u32,
    },
    /// The search for a plan was given up.
    #[error("strategy `{strategy}` found no plan: {why}")]
    NotFound {
        /// The strategy.
        strategy: String,
        /// Why.
        why: String,
    },
}

/// Segments in topological order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    segments: Vec<Segment>,
    pieces: Vec<Piece>,
    /// For each segment the setting that it asks for; empty, or missing at the end, where it asks for none.
    settings: Vec<Option<SettingId>>,
    /// Whether the segments of one worker run in the order in which they stand here; else in the order in which they get ready.
    pub sequenced: bool,
    /// Added to the priority of the model's requests: higher runs first where segments wait for one worker.
    pub priority: i32,
}

impl Plan {
    /// A plan without segments.
    pub fn new() -> Self {
        Self::default()
    }

    /// A plan without segments, with room for `segments` of one kernel each.
    pub fn with_capacity(segments: usize) -> Self {
        Self { segments: Vec::with_capacity(segments), pieces: Vec::with_capacity(segments), ..Self::default() }
    }

    /// Adds a segment of whole tasks.
    pub fn segment(&mut self, worker: Option<WorkerId>, tasks: impl IntoIterator<Item = TaskId>) -> SegmentId {
        self.segment_of_pieces(worker, tasks.into_iter().map(|task| Piece { task, part: Part::Whole }))
    }

    /// Adds a segment of pieces.
    pub fn segment_of_pieces(&mut self, worker: Option<WorkerId>, pieces: impl IntoIterator<Item = Piece>) -> SegmentId {
        let first_piece = self.pieces.len() as u32;
        self.pieces.extend(pieces);
        self.segments.push(Segment { worker, first_piece, end_piece: self.pieces.len() as u32 });
        SegmentId::from_index(self.segments.len() - 1)
    }

    /// Asks for a setting of the clocks of a segment's worker, in force when it runs; see [`Settings`](crate::task::Settings).
    pub fn at(&mut self, segment: SegmentId, setting: SettingId) {
        let count = self.settings.len().max(segment.index() + 1);
        self.settings.resize(count, None);
        self.settings[segment.index()] = Some(setting);
    }

    /// The setting that a segment asks for.
    pub fn setting(&self, segment: SegmentId) -> Option<SettingId> {
        self.settings.get(segment.index()).copied().flatten()
    }

    /// Whether any segment asks for a setting.
    pub fn has_settings(&self) -> bool {
        self.settings.iter().any(Option::is_some)
    }

    /// The segments.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The kernels of a segment, in order.
    pub fn pieces(&self, segment: SegmentId) -> &[Piece] {
        let segment = &self.segments[segment.index()];
        &self.pieces[segment.first_piece as usize..segment.end_piece as usize]
    }

    /// All kernels, segment after segment.
    pub fn all_pieces(&self) -> &[Piece] {
        &self.pieces
    }
}
