//! Copies between memories: fixed and synchronisation cost, then bytes at the rate that shared bandwidth leaves.

use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::{CopyState, Event, Flow, Occupation};
use crate::identifiers::LinkId;
use crate::record::{CopyRecord, Record, Recorder};

impl<R: Recorder> Engine<'_, R> {
    /// A fragment is wanted in a memory that does not hold it: one copy, however many readers.
    pub(super) fn want_copy(&mut self, slot: u32, fragment: u32, from: u8, to: u8) {
        let request = &mut self.requests.items[slot as usize];
        if request.in_flight[fragment as usize] & (1 << to) != 0 {
            return;
        }
        request.in_flight[fragment as usize] |= 1 << to;
        let bytes = request.program.copied_bytes(fragment);
        let priority = request.priority;
        let link = self.layout.route(from, to);
        let blocks = self.device.link(link).blocks;
        let state = CopyState {
            slot,
            fragment,
            link,
            bytes,
            requested_ns: self.now_ns,
            start_ns: self.now_ns,
            blocks,
            flowing: false,
            generation: 0,
        };
        let copy = self.copies.take(|| state);
        let generation = self.copies.items[copy as usize].generation;
        self.copies.items[copy as usize] = CopyState { generation, ..state };
        match blocks {
            Some(worker) => self.join(worker.0 as u16, Occupation::Copy { copy }, priority),
            None => self.copy_starts(copy),
        }
    }

    /// A copy begins: nothing flows during its latency.
    pub(super) fn copy_starts(&mut self, copy: u32) {
        if self.dynamics.is_some() {
            self.copy_moves(copy);
        }
        let now_ns = self.now_ns;
        let state = &mut self.copies.items[copy as usize];
        state.start_ns = now_ns;
        let link = self.device.link(state.link);
        if link.channels.is_empty() || state.bytes == 0 {
            state.generation = state.generation.wrapping_add(1);
            let event = Event::Copy { copy, generation: state.generation };
            self.queue.schedule(now_ns.saturating_add(link.solo_ns(state.bytes)), Class::Completion, event.packed());
        } else {
            self.queue.schedule(
                now_ns.saturating_add(link.latency_ns(state.bytes)),
                Class::Completion,
                Event::CopyFlows { copy }.packed(),
            );
        }
    }

    pub(super) fn copy_flows(&mut self, copy: u32) {
        let state = &mut self.copies.items[copy as usize];
        state.flowing = true;
        let link = self.device.link(state.link);
        let uses = link.channels.iter().map(|&(channel, per_byte)| (channel.0, per_byte));
        let full_speed = (link.bytes_per_second, link.flow_ns(state.bytes));
        self.sharing.join(self.now_ns, Flow::Copy(copy), state.bytes as f64, full_speed, uses);
        self.settle();
    }

    pub(super) fn copy_event(&mut self, copy: u32) {
        let state = self.copies.items[copy as usize];
        if state.flowing {
            self.sharing.leave(Flow::Copy(copy));
        }
        if self.observed() {
            self.record_copy(&state);
        }
        // Slots are reused: an old event must not match the copy that takes this one.
        self.copies.items[copy as usize].generation = state.generation.wrapping_add(1);
        self.copies.release(copy);
        let memory = self.device.link(state.link).to.0 as u8;
        if self.requests.items[state.slot as usize].given_up {
            self.ended_of_given_up(state.slot);
        } else {
            self.copied(state.slot, state.fragment, memory);
            if self.requests.items[state.slot as usize].left == 0 {
                self.complete(state.slot);
            }
        }
        if let Some(worker) = state.blocks {
            self.release(worker.0 as u16);
        }
        if state.flowing {
            self.settle();
        }
    }

    /// The cheapest link into a memory from one that holds the fragment.
    pub(super) fn best_source(&self, present: u32, to: u8, bytes: u64) -> (u8, LinkId) {
        (0..self.device.memories().len() as u8)
            .filter(|&from| present & (1 << from) != 0)
            .map(|from| (from, self.layout.route(from, to)))
            .min_by_key(|&(from, link)| (self.device.link(link).solo_ns(bytes), from))
            .expect("a fragment that was made is in some memory")
    }

    fn record_copy(&mut self, state: &CopyState) {
        let request = &self.requests.items[state.slot as usize];
        let record = CopyRecord {
            request: request.id,
            model: request.model,
            data: request.program.fragments()[state.fragment as usize].data,
            bytes: state.bytes,
            link: state.link,
            requested_ns: state.requested_ns,
            start_ns: state.start_ns,
            end_ns: self.now_ns,
            solo_ns: self.device.link(state.link).solo_ns(state.bytes),
        };
        self.record(&Record::Copy(record));
    }
}
