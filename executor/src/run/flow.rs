//! Requests: arrival, what becomes available to whom, completion. The rules are those of the simulator (`docs/semantics.md`).

use std::sync::Arc;

use sim::engine::StopReason;
use sim::identifiers::{DataId, LinkId, MemoryId, RequestId, TensorId, WorkerId};
use sim::plan::{NO_SEGMENT, OUTPUT};
use sim::record::{ArrivalRecord, Outcome, Record, RequestRecord};
use sim::strategy::Arriving;
use sim::workload::{Incoming, Source};

use crate::run::blocks::BlockKey;
use crate::run::layout::{Space, Thing};
use crate::run::state::{Arrival, Occupation, RequestState, State};
use crate::tensor::Tensor;

impl State<'_> {
    /// An arrival to come.
    pub(super) fn expect_arrival(&mut self, source: usize, at_ns: u64) {
        let order = self.orders;
        self.orders += 1;
        self.arrivals.push(std::cmp::Reverse(Arrival { at_ns, order, source }));
    }

    /// Lets every arrival happen whose time has come; the time of the next one.
    pub(super) fn arrive(&mut self) -> Option<u64> {
        loop {
            let next = self.arrivals.peek()?.0;
            if next.at_ns > self.now_ns() || next.at_ns >= self.horizon_ns || self.stop.is_some() {
                return Some(next.at_ns);
            }
            self.arrivals.pop();
            self.events += 1;
            let id = RequestId(self.arrived as u32);
            self.arrived += 1;
            // The request is there when the workload says, however late this thread woke up: lateness is latency.
            let incoming = self.sources[next.source].arrive(id, next.at_ns);
            let (stream, model) = (incoming.stream, incoming.model);
            self.record(Record::Arrival(ArrivalRecord { request: id, stream, model, at_ns: next.at_ns }));
            if let Some(at_ns) = self.sources[next.source].after_arrival(next.at_ns) {
                self.expect_arrival(next.source, at_ns);
            }
            self.at_gate(incoming);
        }
    }

    /// A request that its stream has let in starts, or waits for memory.
    pub(super) fn enter(&mut self, incoming: Incoming) {
        if self.in_flight < self.most_in_flight {
            self.admit(incoming);
        } else {
            self.outside.push_back(incoming);
        }
    }

    /// Gives a request a slot and starts it.
    fn admit(&mut self, incoming: Incoming) {
        let Incoming { request: id, stream, ordinal, model, arrived_ns, origin_ns, deadline_ns } = incoming;
        let priority = self.sources[stream.index()].stream.priority;
        if self.interest.arrival {
            self.arriving.push(Arriving { request: id, model, arrived_ns, deadline_ns, priority });
            self.asked = true;
            self.decide();
            self.arriving.clear();
        }
        let version = Arc::clone(&self.versions[model.index()]);
        let program = &version.program;
        let priority = priority.saturating_add(program.priority());
        let request = RequestState {
            id,
            model,
            stream,
            ordinal,
            arrived_ns,
            origin_ns,
            deadline_ns,
            priority,
            left: program.segment_count() as u32 + program.output_count(),
            given_up: false,
            running: 0,
            missing: program.missing().to_vec(),
            placed: program.workers().collect(),
            present: vec![0; program.fragments().len()],
            in_flight: vec![0; program.fragments().len()],
            requested_ns: std::collections::BTreeMap::new(),
            unmade: (0..program.segment_count() as u32).map(|segment| program.needs(segment).len() as u32).collect(),
            version: Arc::clone(&version),
        };
        self.in_flight += 1;
        let slot = self.free.pop().unwrap_or(self.requests.len() as u32);
        if slot as usize == self.requests.len() {
            self.requests.push(request);
        } else {
            self.requests[slot as usize] = request;
        }
        self.host.begin(slot, &version);
        for &segment in version.program.first_segments() {
            self.segment_ready(slot, segment);
        }
        for &fragment in version.program.request_fragments() {
            self.made(slot, fragment, self.device.host());
        }
        if self.requests[slot as usize].left == 0 {
            self.complete(slot);
        }
    }

    /// A segment waits for nothing more: it joins its worker's queue, or the strategy will be asked.
    fn segment_ready(&mut self, slot: u32, segment: u32) {
        let request = &self.requests[slot as usize];
        match request.placed[segment as usize] {
            Some(worker) => self.join(worker, Occupation::Segment { slot, segment }, request.priority),
            None => self.offer(slot, segment),
        }
    }

    fn offer(&mut self, slot: u32, segment: u32) {
        let ready = self.ready_of(slot, segment);
        self.ready.push(ready);
        self.asked = true;
    }

    /// A fragment has come into being in a memory: readers there have it, others get a copy once their worker is known.
    fn made(&mut self, slot: u32, fragment: u32, memory: MemoryId) {
        let request = &mut self.requests[slot as usize];
        request.present[fragment as usize] |= Self::memory_bit(memory);
        let version = Arc::clone(&request.version);
        let program = &version.program;
        for &reader in program.readers(fragment) {
            if reader == OUTPUT {
                if memory == self.device.host() {
                    self.requests[slot as usize].left -= 1;
                } else {
                    self.want_copy(slot, fragment, memory, self.device.host());
                }
                continue;
            }
            let request = &mut self.requests[slot as usize];
            request.unmade[reader as usize] -= 1;
            match request.placed[reader as usize] {
                None if request.unmade[reader as usize] == 0 => self.offer(slot, reader),
                None => {}
                Some(worker) => {
                    let destination = self.device.worker(worker).memory;
                    if destination == memory {
                        self.satisfy(slot, reader);
                    } else {
                        self.want_copy(slot, fragment, memory, destination);
                    }
                }
            }
        }
    }

    /// A copy of a fragment has arrived in a memory: readers placed there have it.
    pub(super) fn copied(&mut self, slot: u32, fragment: u32, memory: MemoryId) {
        if self.requests[slot as usize].given_up {
            return self.ended_of_given_up(slot);
        }
        let request = &mut self.requests[slot as usize];
        request.present[fragment as usize] |= Self::memory_bit(memory);
        request.in_flight[fragment as usize] &= !Self::memory_bit(memory);
        let version = Arc::clone(&request.version);
        for &reader in version.program.readers(fragment) {
            let there = if reader == OUTPUT {
                memory == self.device.host()
            } else {
                let worker = self.requests[slot as usize].placed[reader as usize];
                worker.is_some_and(|worker| self.device.worker(worker).memory == memory)
            };
            if there {
                self.satisfy(slot, reader);
            }
        }
        if self.requests[slot as usize].left == 0 {
            self.complete(slot);
        }
    }

    /// One thing less that a segment (or the requester) waits for.
    fn satisfy(&mut self, slot: u32, reader: u32) {
        let request = &mut self.requests[slot as usize];
        if reader == OUTPUT {
            request.left -= 1;
            return;
        }
        request.missing[reader as usize] -= 1;
        if request.missing[reader as usize] == 0
            && let Some(worker) = request.placed[reader as usize]
        {
            let priority = request.priority;
            self.join(worker, Occupation::Segment { slot, segment: reader }, priority);
        }
    }

    /// A segment has ended on a worker: what it made is in the worker's memory.
    pub(super) fn segment_ended(&mut self, slot: u32, segment: u32, worker: WorkerId) {
        self.events += 1;
        if self.requests[slot as usize].given_up {
            return self.ended_of_given_up(slot);
        }
        let memory = self.device.worker(worker).memory;
        let version = Arc::clone(&self.requests[slot as usize].version);
        for &fragment in version.program.made(segment) {
            self.made(slot, fragment, memory);
        }
        let next = version.program.next_in_sequence(segment);
        if next != NO_SEGMENT {
            self.satisfy(slot, next);
        }
        let request = &mut self.requests[slot as usize];
        request.left -= 1;
        if request.left == 0 {
            self.complete(slot);
        }
    }

    /// One copy, however many readers, by the worker that the link blocks.
    pub(super) fn want_copy(&mut self, slot: u32, fragment: u32, from: MemoryId, to: MemoryId) {
        let now_ns = self.now_ns();
        let request = &mut self.requests[slot as usize];
        if request.in_flight[fragment as usize] & Self::memory_bit(to) != 0 {
            return;
        }
        request.in_flight[fragment as usize] |= Self::memory_bit(to);
        request.requested_ns.insert((fragment, to.0), now_ns);
        let priority = request.priority;
        let link = self.device.route(from, to).expect("the device was checked: its memories are connected");
        let worker = self.device.link(link).blocks.expect("the device was checked: a worker carries out each copy");
        self.join(worker, Occupation::Copy { slot, fragment, link }, priority);
    }

    /// The cheapest link into a memory from one that holds the fragment.
    pub(super) fn best_source(&self, present: u32, to: MemoryId, bytes: u64) -> Option<(MemoryId, LinkId)> {
        (0..self.device.memories().len() as u32)
            .map(MemoryId)
            .filter(|&from| present & Self::memory_bit(from) != 0)
            .filter_map(|from| self.device.route(from, to).map(|link| (from, link)))
            .min_by_key(|&(from, link)| (self.device.link(link).solo_ns(bytes), from))
    }

    fn complete(&mut self, slot: u32) {
        self.completed += 1;
        self.record_request(slot, Outcome::Completed);
        self.keep_outputs(slot);
        self.end_request(slot, Outcome::Completed);
    }

    /// The slot is free, the client of a closed loop goes on, and who waits outside comes in.
    pub(super) fn end_request(&mut self, slot: u32, outcome: Outcome) {
        self.in_flight -= 1;
        let request = &self.requests[slot as usize];
        let (source, ordinal, origin_ns) = (request.stream.index(), request.ordinal, request.origin_ns);
        self.free.push(slot);
        let now_ns = self.now_ns();
        if let Some(at_ns) = self.sources[source].after_completion(now_ns) {
            self.expect_arrival(source, at_ns);
        }
        if let Some(incoming) = self.outside.pop_front() {
            self.admit(incoming);
        }
        self.consequences(source, ordinal, origin_ns, outcome);
        self.arrive();
        if self.is_drained() {
            self.stop(StopReason::Drained);
        }
    }

    /// Keeps the outputs of the first request of a model that completes.
    #[expect(unsafe_code, reason = "the request has completed: nobody writes to its outputs until its slot is used again")]
    fn keep_outputs(&mut self, slot: u32) {
        let index = self.requests[slot as usize].model.index();
        if self.outputs[index].is_some() {
            return;
        }
        let model = &self.models[index];
        let version = &self.requests[slot as usize].version;
        let output = |&tensor: &TensorId| {
            let data = DataId::from_index(model.lowered.tensors.iter().position(|&known| known == tensor)?);
            let info = model.graph.tensor(tensor);
            let window = version.layout().and_then(|layout| {
                let window = layout.windows[layout.window(Space::HOST, Thing::Data(data))? as usize];
                Some(self.host.window(slot, version, layout, window))
            });
            let key = BlockKey::Data(slot, index as u32, data.0);
            let block = window.unwrap_or_else(|| self.host.apart(key, info.bytes() as usize, None));
            // SAFETY: under the lock, and no worker has been given the slot again.
            let bytes = unsafe { block.bytes() };
            Some(Tensor::new(info.data_type, &info.shape, bytes))
        };
        self.outputs[index] = model.graph.outputs().iter().map(output).collect();
    }

    pub(super) fn record_request(&mut self, slot: u32, outcome: Outcome) {
        let request = &self.requests[slot as usize];
        let ended_ns = if outcome == Outcome::Unfinished { self.end_ns } else { self.now_ns() };
        let record = RequestRecord {
            request: request.id,
            stream: request.stream,
            model: request.model,
            arrived_ns: request.arrived_ns,
            ended_ns,
            deadline_ns: request.deadline_ns,
            outcome,
        };
        self.record(Record::Request(record));
    }

    /// Requests that had arrived and not ended when the run stopped, in order of arrival.
    pub(super) fn report_unfinished(&mut self) {
        let mut slots: Vec<u32> = (0..self.requests.len() as u32).filter(|&slot| self.requests[slot as usize].left > 0).collect();
        slots.sort_unstable_by_key(|&slot| self.requests[slot as usize].id);
        for slot in slots {
            self.record_request(slot, Outcome::Unfinished);
        }
        let mut outside = Vec::from(std::mem::take(&mut self.outside));
        outside.extend(self.sources.iter_mut().flat_map(Source::waiting));
        outside.sort_unstable_by_key(|incoming| incoming.request);
        for incoming in outside {
            self.record_outside(incoming, self.end_ns.max(incoming.arrived_ns), Outcome::Unfinished);
        }
    }
}
