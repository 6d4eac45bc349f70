//! Streams that let in some of their requests only, and streams that follow others.

use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::Event;
use crate::identifiers::StreamId;
use crate::record::{Outcome, Recorder};
use crate::workload::Incoming;

impl<R: Recorder> Engine<'_, R> {
    /// A request arrives at the gate of its stream: it enters, waits or is dropped, and may push another out.
    pub(super) fn at_gate(&mut self, incoming: Incoming) {
        let (enters, dropped) = self.sources[incoming.stream.index()].at_gate(incoming);
        if let Some(dropped) = dropped {
            self.turned_away(dropped);
        }
        if let Some(enters) = enters {
            self.enter(enters);
        }
    }

    /// A request of a linked stream has ended: who waits at the gate enters, and completed work brings about requests of other streams.
    pub(super) fn consequences(&mut self, slot: u32, outcome: Outcome) {
        let request = &self.requests.items[slot as usize];
        let (source, ordinal, origin_ns) = (request.source as usize, request.ordinal, request.origin_ns);
        if outcome == Outcome::Completed {
            for index in 0..self.sources[source].followers().len() {
                let follower = self.sources[source].followers()[index];
                let (at_ns, count) = self.sources[follower].brought_about(self.now_ns, ordinal, origin_ns);
                for _ in 0..count {
                    self.queue.schedule(at_ns, Class::Arrival, Event::Arrival { source: follower as u32 }.packed());
                }
            }
        }
        self.sources[source].leave();
        self.open_gate(StreamId::from_index(source));
    }

    /// Lets in those for whom there is room.
    fn open_gate(&mut self, stream: StreamId) {
        let is_first = self.let_in.is_empty();
        while let Some((incoming, enters)) = self.sources[stream.index()].next_at_gate(self.now_ns) {
            if enters {
                self.let_in.push(incoming);
            } else {
                self.turned_away(incoming);
            }
        }
        // A request without work ends as it enters, and opens the gate again: one loop, not one call inside the other.
        if is_first {
            let mut next = 0;
            while let Some(&incoming) = self.let_in.get(next) {
                next += 1;
                self.enter(incoming);
            }
            self.let_in.clear();
        }
    }

    /// A request that never started is dropped.
    fn turned_away(&mut self, incoming: Incoming) {
        self.dropped += 1;
        if self.observed() {
            self.record_outside(incoming, Outcome::Dropped);
        }
    }
}
