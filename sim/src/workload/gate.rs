//! The gate of a stream: how many of its requests are worked on, how many wait, and which are dropped.

use std::collections::VecDeque;

use crate::workload::Incoming;

/// What a stream lets in. Requests wait in order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRule {
    /// Requests worked on at once, from entering to their end; at least 1.
    pub in_flight: u32,
    /// Requests that wait to enter; `None` for any number.
    pub bound: Option<u32>,
    /// Which request is dropped where one too many would wait.
    pub when_full: WhenFull,
    /// Whether a request is dropped whose deadline has passed when its turn comes.
    pub drop_late: bool,
}

/// Which request is dropped where one too many would wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The one that arrives.
    #[default]
    DropNewest,
    /// The one that has waited longest; the one that arrives where none may wait.
    DropOldest,
}

/// A queue rule with those who wait by it.
#[derive(Debug)]
pub(super) struct Gate {
    rule: QueueRule,
    in_flight: u32,
    waiting: VecDeque<Incoming>,
}

impl Gate {
    pub(super) fn new(rule: QueueRule) -> Self {
        Self { rule: QueueRule { in_flight: rule.in_flight.max(1), ..rule }, in_flight: 0, waiting: VecDeque::new() }
    }

    /// A request arrives: who enters, who is dropped.
    pub(super) fn arrive(&mut self, incoming: Incoming) -> (Option<Incoming>, Option<Incoming>) {
        if self.in_flight < self.rule.in_flight {
            self.in_flight += 1;
            return (Some(incoming), None);
        }
        let is_full = self.rule.bound.is_some_and(|bound| self.waiting.len() >= bound as usize);
        let dropped = match self.rule.when_full {
            _ if !is_full => None,
            WhenFull::DropNewest => return (None, Some(incoming)),
            WhenFull::DropOldest => match self.waiting.pop_front() {
                None => return (None, Some(incoming)),
                oldest => oldest,
            },
        };
        self.waiting.push_back(incoming);
        (None, dropped)
    }

    /// A request that had entered has ended.
    pub(super) fn leave(&mut self) {
        self.in_flight -= 1;
    }

    /// Who is next, if there is room: enters (`true`), or is dropped for being late (`false`).
    pub(super) fn next(&mut self, now_ns: u64) -> Option<(Incoming, bool)> {
        if self.in_flight >= self.rule.in_flight {
            return None;
        }
        let next = self.waiting.pop_front()?;
        let is_late = self.rule.drop_late && next.deadline_ns.is_some_and(|deadline_ns| now_ns > deadline_ns);
        self.in_flight += u32::from(!is_late);
        Some((next, !is_late))
    }

    /// Those who wait, when the run ends.
    pub(super) fn waiting(&mut self) -> VecDeque<Incoming> {
        std::mem::take(&mut self.waiting)
    }
}
