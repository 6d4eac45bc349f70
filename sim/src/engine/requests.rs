//! Requests: arrival, what becomes available to whom, completion.

use std::rc::Rc;

use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::{Event, Occupation, RequestState, UNPLACED};
use crate::identifiers::{RequestId, SegmentId, StreamId};
use crate::plan::OUTPUT;
use crate::record::{ArrivalRecord, Outcome, Record, Recorder, RequestRecord};
use crate::strategy::{Arriving, InFlight, Ready};
use crate::workload::{Incoming, Source};

impl<R: Recorder> Engine<'_, R> {
    pub(super) fn arrival(&mut self, source: u32) {
        let now_ns = self.now_ns;
        let from = &mut self.sources[source as usize];
        if let Some(at_ns) = from.after_arrival(now_ns) {
            self.queue.schedule(at_ns, Class::Arrival, Event::Arrival { source }.packed());
        }
        let id = RequestId(self.arrived as u32);
        self.arrived += 1;
        let from = &mut self.sources[source as usize];
        let incoming = from.arrive(id, now_ns);
        let is_gated = from.is_gated();
        if self.observed() {
            let (stream, model) = (incoming.stream, incoming.model);
            self.record(&Record::Arrival(ArrivalRecord { request: id, stream, model, at_ns: now_ns }));
        }
        if is_gated {
            self.at_gate(incoming);
        } else {
            self.enter(incoming);
        }
    }

    /// A request starts, or waits for the strategy to be asked.
    pub(super) fn enter(&mut self, incoming: Incoming) {
        if !self.interest.arrival {
            self.admit(incoming);
            return;
        }
        let priority = self.sources[incoming.stream.index()].stream.priority;
        let Incoming { request, model, arrived_ns, deadline_ns, .. } = incoming;
        self.arriving.push(Arriving { request, model, arrived_ns, deadline_ns, priority });
        self.entering.push(incoming);
        self.ask();
    }

    /// Requests that waited for the strategy to be asked start, by the plans that are in force now.
    pub(super) fn admit_arriving(&mut self) {
        self.arriving.clear();
        for incoming in std::mem::take(&mut self.entering) {
            self.admit(incoming);
        }
    }

    fn admit(&mut self, incoming: Incoming) {
        let model = incoming.model;
        let stream = &self.sources[incoming.stream.index()].stream;
        let priority = stream.priority.saturating_add(self.programs[model.index()].priority());
        let slot = self.requests.take(RequestState::default);
        let program = &self.programs[model.index()];
        let request = &mut self.requests.items[slot as usize];
        request.id = incoming.request;
        request.model = model;
        request.program = Rc::clone(program);
        request.source = incoming.stream.0;
        request.ordinal = incoming.ordinal;
        request.arrived_ns = incoming.arrived_ns;
        request.origin_ns = incoming.origin_ns;
        request.deadline_ns = incoming.deadline_ns;
        request.priority = priority;
        request.left = program.segment_count() as u32 + program.output_count();
        request.given_up = false;
        request.running = 0;
        request.segments_done = 0;
        request.missing.clear();
        request.missing.extend_from_slice(program.missing());
        request.placed.clear();
        request.placed.extend(program.workers().map(|worker| worker.map_or(UNPLACED, |worker| worker.0 as u16)));
        request.present.clear();
        request.present.resize(program.fragments().len(), 0);
        request.in_flight.clear();
        request.in_flight.resize(program.fragments().len(), 0);
        let open = program.is_open();
        request.unmade.clear();
        if open {
            let segments = 0..program.segment_count() as u32;
            request.unmade.extend(segments.map(|segment| program.needs(segment).len() as u32));
        }
        self.start_request(slot);
    }

    /// Segments that wait for nothing start; what came with the request goes to those who read it.
    fn start_request(&mut self, slot: u32) {
        let program = Rc::clone(&self.requests.items[slot as usize].program);
        for &segment in program.first_segments() {
            if self.requests.items[slot as usize].placed[segment as usize] == UNPLACED {
                self.offer(slot, segment);
            } else {
                self.segment_ready(slot, segment);
            }
        }
        for &fragment in program.request_fragments() {
            self.made(slot, fragment, self.layout.host);
        }
        if self.requests.items[slot as usize].left == 0 {
            self.complete(slot);
        }
    }

    /// A fragment has come into being in a memory: readers there have it, others get a copy once their worker is known.
    pub(super) fn made(&mut self, slot: u32, fragment: u32, memory: u8) {
        let request = &mut self.requests.items[slot as usize];
        request.present[fragment as usize] |= 1 << memory;
        let program = Rc::clone(&request.program);
        for &reader in program.readers(fragment) {
            let request = &mut self.requests.items[slot as usize];
            if reader == OUTPUT {
                if memory == self.layout.host {
                    request.left -= 1;
                } else {
                    self.want_copy(slot, fragment, memory, self.layout.host);
                }
                continue;
            }
            let worker = request.placed[reader as usize];
            if program.is_open() {
                request.unmade[reader as usize] -= 1;
                if worker == UNPLACED {
                    if request.unmade[reader as usize] == 0 {
                        self.offer(slot, reader);
                    }
                    continue;
                }
            }
            let destination = self.layout.memory[worker as usize];
            if destination != memory {
                self.want_copy(slot, fragment, memory, destination);
                continue;
            }
            let missing = &mut request.missing[reader as usize];
            *missing -= 1;
            if *missing == 0 {
                let priority = request.priority;
                self.join(worker, Occupation::Segment { slot, segment: reader }, priority);
            }
        }
    }

    /// A copy of a fragment has arrived in a memory: readers placed there have it.
    pub(super) fn copied(&mut self, slot: u32, fragment: u32, memory: u8) {
        let request = &mut self.requests.items[slot as usize];
        request.present[fragment as usize] |= 1 << memory;
        request.in_flight[fragment as usize] &= !(1 << memory);
        let program = Rc::clone(&request.program);
        for &reader in program.readers(fragment) {
            let there = if reader == OUTPUT {
                memory == self.layout.host
            } else {
                let worker = self.requests.items[slot as usize].placed[reader as usize];
                worker != UNPLACED && self.layout.memory[worker as usize] == memory
            };
            if there {
                self.satisfy(slot, reader);
            }
        }
    }

    /// One thing less that a segment (or the requester) waits for.
    #[inline]
    pub(super) fn satisfy(&mut self, slot: u32, reader: u32) {
        let request = &mut self.requests.items[slot as usize];
        if reader == OUTPUT {
            request.left -= 1;
            return;
        }
        let missing = &mut request.missing[reader as usize];
        *missing -= 1;
        if *missing == 0 && request.placed[reader as usize] != UNPLACED {
            self.segment_ready(slot, reader);
        }
    }

    /// A segment without worker could start: the strategy will be asked.
    fn offer(&mut self, slot: u32, segment: u32) {
        let request = &self.requests.items[slot as usize];
        self.ready.push(Ready {
            in_flight: InFlight(slot),
            request: request.id,
            model: request.model,
            segment: SegmentId(segment),
            arrived_ns: request.arrived_ns,
            deadline_ns: request.deadline_ns,
            priority: request.priority,
        });
        self.ask();
    }

    /// A segment has ended on a worker.
    pub(super) fn segment_ended(&mut self, slot: u32, segment: u32, memory: u8) {
        if self.requests.items[slot as usize].given_up {
            return self.ended_of_given_up(slot);
        }
        let program = Rc::clone(&self.requests.items[slot as usize].program);
        let next = program.next_in_sequence(segment);
        for &fragment in program.made(segment) {
            self.made(slot, fragment, memory);
        }
        if next != crate::plan::NO_SEGMENT {
            self.satisfy(slot, next);
        }
        let request = &mut self.requests.items[slot as usize];
        request.segments_done += 1;
        request.left -= 1;
        if request.left == 0 {
            self.complete(slot);
        }
    }

    pub(super) fn complete(&mut self, slot: u32) {
        self.completed += 1;
        self.end_request(slot, Outcome::Completed);
    }

    /// The slot is free, and the client of a closed loop goes on.
    pub(super) fn end_request(&mut self, slot: u32, outcome: Outcome) {
        if self.observed() {
            self.record_request(slot, outcome);
        }
        self.requests.release(slot);
        let source = self.requests.items[slot as usize].source;
        if let Some(at_ns) = self.sources[source as usize].after_completion(self.now_ns) {
            self.queue.schedule(at_ns, Class::Arrival, Event::Arrival { source }.packed());
        }
        if self.sources[source as usize].is_linked() {
            self.consequences(slot, outcome);
        }
    }

    fn record_request(&mut self, slot: u32, outcome: Outcome) {
        let request = &self.requests.items[slot as usize];
        let record = RequestRecord {
            request: request.id,
            stream: StreamId(request.source),
            model: request.model,
            arrived_ns: request.arrived_ns,
            ended_ns: self.now_ns,
            deadline_ns: request.deadline_ns,
            outcome,
        };
        self.record(&Record::Request(record));
    }

    /// A request that never started has ended.
    pub(super) fn record_outside(&mut self, incoming: Incoming, outcome: Outcome) {
        let Incoming { request, stream, model, arrived_ns, deadline_ns, .. } = incoming;
        let ended_ns = self.now_ns;
        self.record(&Record::Request(RequestRecord { request, stream, model, arrived_ns, ended_ns, deadline_ns, outcome }));
    }

    /// Requests still in flight when the run stops, in order of arrival.
    pub(super) fn report_unfinished(&mut self) {
        if !self.observed() || self.completed + self.dropped == self.arrived {
            return;
        }
        let mut slots: Vec<u32> =
            (0..self.requests.items.len() as u32).filter(|&slot| self.requests.items[slot as usize].left > 0).collect();
        slots.sort_unstable_by_key(|&slot| self.requests.items[slot as usize].id);
        for slot in slots {
            self.record_request(slot, Outcome::Unfinished);
        }
        let mut outside = std::mem::take(&mut self.entering);
        outside.extend(self.sources.iter_mut().flat_map(Source::waiting));
        outside.sort_unstable_by_key(|incoming| incoming.request);
        for incoming in outside {
            self.record_outside(incoming, Outcome::Unfinished);
        }
    }
}
