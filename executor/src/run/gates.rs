//! Streams that let in some of their requests only, and streams that follow others. The rules are those of the simulator
//! (`docs/semantics.md`).

use sim::record::{Outcome, Record, RequestRecord};
use sim::workload::Incoming;

use crate::run::state::State;

impl State<'_> {
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

    /// A request has ended: who waits at the gate of its stream enters, and completed work brings about requests of other streams.
    pub(super) fn consequences(&mut self, source: usize, ordinal: u64, origin_ns: u64, outcome: Outcome) {
        let now_ns = self.now_ns();
        if outcome == Outcome::Completed {
            for index in 0..self.sources[source].followers().len() {
                let follower = self.sources[source].followers()[index];
                let (at_ns, count) = self.sources[follower].brought_about(now_ns, ordinal, origin_ns);
                for _ in 0..count {
                    self.expect_arrival(follower, at_ns);
                }
            }
        }
        self.sources[source].leave();
        while let Some((incoming, enters)) = self.sources[source].next_at_gate(now_ns) {
            if enters {
                self.enter(incoming);
            } else {
                self.turned_away(incoming);
            }
        }
    }

    /// A request that never started is dropped.
    fn turned_away(&mut self, incoming: Incoming) {
        self.dropped += 1;
        self.record_outside(incoming, self.now_ns().max(incoming.arrived_ns), Outcome::Dropped);
    }

    /// A request that never started has ended.
    pub(super) fn record_outside(&mut self, incoming: Incoming, ended_ns: u64, outcome: Outcome) {
        let Incoming { request, stream, model, arrived_ns, deadline_ns, .. } = incoming;
        self.record(Record::Request(RequestRecord { request, stream, model, arrived_ns, ended_ns, deadline_ns, outcome }));
    }
}
