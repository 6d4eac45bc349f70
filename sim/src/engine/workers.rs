//! Workers: queues, gangs of cores, kernels one after the other.

use crate::engine::Variation;
use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::{Event, Flow, Occupation, Waiting};
use crate::identifiers::{SegmentId, WorkerId};
use crate::record::{InvocationRecord, KernelRecord, Record, Recorder};
use crate::task::KernelCost;

impl<R: Recorder> Engine<'_, R> {
    /// A placed segment has all that it reads: it joins its worker's queue, or starts.
    pub(super) fn segment_ready(&mut self, slot: u32, segment: u32) {
        let request = &self.requests.items[slot as usize];
        let worker = request.placed[segment as usize];
        let priority = request.priority;
        self.join(worker, Occupation::Segment { slot, segment }, priority);
    }

    /// Something waits for a worker, behind what came before with the same priority; a free worker takes it at once.
    pub(super) fn join(&mut self, worker: u16, occupation: Occupation, priority: i32) {
        if self.dynamics.is_some() {
            self.may_be_stranded(worker);
        }
        let state = &self.workers[worker as usize];
        if state.running.is_none() && state.waiting.is_empty() && self.fits(worker) {
            self.start(worker, occupation, self.now_ns);
            return;
        }
        let (ticket, since_ns) = (self.tickets, self.now_ns);
        self.tickets += 1;
        let queue = &mut self.workers[worker as usize].waiting;
        if self.one_priority || queue.back().is_none_or(|last| last.priority >= priority) {
            queue.push_back(Waiting { occupation, priority, ticket, since_ns });
            return;
        }
        let waiting = Waiting { occupation, priority, ticket, since_ns };
        let behind = queue.iter().rev().take_while(|other| other.priority < priority).count();
        queue.insert(queue.len() - behind, waiting);
    }

    #[inline]
    pub(super) fn fits(&self, worker: u16) -> bool {
        self.layout.exclusive[worker as usize]
            || self.layout.demands[worker as usize].iter().all(|&(processor, cores)| self.free_cores[processor.index()] >= cores)
    }

    fn start(&mut self, worker: u16, occupation: Occupation, ready_ns: u64) {
        if !self.layout.exclusive[worker as usize] {
            for &(processor, cores) in &self.layout.demands[worker as usize] {
                self.free_cores[processor.index()] -= cores;
            }
        }
        if self.dynamics.is_some() {
            self.occupied(worker, occupation);
        }
        let state = &mut self.workers[worker as usize];
        state.running = Some(occupation);
        state.ready_ns = ready_ns;
        state.start_ns = self.now_ns;
        match occupation {
            Occupation::Copy { copy } => self.copy_starts(copy),
            Occupation::Frame => self.frame_drawn(),
            Occupation::Preparation { number } => self.preparation_starts(worker, number),
            Occupation::Segment { slot, segment } => {
                let request = &self.requests.items[slot as usize];
                let kernels = request.program.kernel_range(segment);
                (state.kernel, state.kernel_end) = (kernels.start, kernels.end);
                let invocation_ns = self.layout.invocation_ns[worker as usize];
                // A worker that goes on with the same request, without a pause, has been entered already.
                state.in_invocation = invocation_ns > 0 && state.last_segment_end != Some((request.id, self.now_ns));
                if !self.settable.is_empty() {
                    self.enter_at_settings(worker, slot, segment);
                    return;
                }
                if state.in_invocation {
                    self.invocation_starts(worker, invocation_ns);
                } else {
                    self.kernel_starts(worker, slot);
                }
            }
        }
    }

    /// A worker is being entered for so long.
    #[inline]
    pub(super) fn invocation_starts(&mut self, worker: u16, invocation_ns: u64) {
        let state = &mut self.workers[worker as usize];
        state.generation = state.generation.wrapping_add(1);
        let event = Event::Worker { worker, generation: state.generation };
        self.queue.schedule(self.now_ns.saturating_add(invocation_ns), Class::Completion, event.packed());
    }

    /// The segment that a worker runs goes on with its next kernel, unless a frame comes between.
    #[inline]
    fn next_kernel(&mut self, worker: u16, slot: u32) {
        if self.dynamics.is_none() || !self.frame_between(worker) {
            self.kernel_starts(worker, slot);
        }
    }

    pub(super) fn kernel_starts(&mut self, worker: u16, slot: u32) {
        let mut cost = self.kernel_cost(worker, slot);
        if !self.settable.is_empty() {
            cost = self.cost_at_clocks(worker, slot, cost);
        }
        let state = &mut self.workers[worker as usize];
        state.start_ns = self.now_ns;
        state.solo_ns = cost.duration_ns;
        let duration_ns = match self.options.variation {
            Variation::None => cost.duration_ns,
            _ => self.vary(worker, slot, cost.duration_ns),
        };
        let (cost, duration_ns) = match &mut self.dynamics {
            None => (cost, duration_ns),
            Some(dynamics) => dynamics.first_slice(worker, cost, duration_ns),
        };
        self.work_starts(worker, cost, duration_ns);
    }

    /// A worker computes for so long, and moves the bytes of a cost.
    #[inline]
    pub(super) fn work_starts(&mut self, worker: u16, cost: KernelCost, duration_ns: u64) {
        let state = &mut self.workers[worker as usize];
        state.generation = state.generation.wrapping_add(1);
        state.shares_bandwidth = false;
        let (rate, paced_ns) = match &mut self.dynamics {
            None => (1.0, duration_ns),
            Some(dynamics) => {
                if let Some((at_ns, event)) = dynamics.watch(worker, self.now_ns) {
                    self.queue.schedule(at_ns, Class::Environment, event.packed());
                }
                dynamics.kernel_starts(worker, &cost, duration_ns, self.now_ns)
            }
        };
        if !self.layout.curves.is_empty() && self.slowed_work_starts(worker, cost, duration_ns, (rate, paced_ns)) {
            return;
        }
        let state = &mut self.workers[worker as usize];
        if cost.memory_bytes > 0
            && duration_ns > 0
            && let Some(dram) = self.device.dram()
        {
            state.shares_bandwidth = true;
            let seconds = duration_ns as f64 * 1e-9;
            // More than the channel could carry in the kernel's own time came from caches: alone, it takes its solo time.
            let bytes = (cost.memory_bytes as f64).min(self.device.channel(dram).bytes_per_second * seconds);
            let limit = bytes / seconds;
            if let Some(dynamics) = &mut self.dynamics {
                dynamics.speeds.moves(worker, limit);
            }
            let full_speed = (limit * rate, paced_ns);
            self.sharing.join(self.now_ns, Flow::Worker(worker), bytes, full_speed, std::iter::once((dram.0, 1.0)));
            self.settle();
            return;
        }
        let generation = state.generation;
        self.queue.schedule(
            self.now_ns.saturating_add(paced_ns),
            Class::Completion,
            Event::Worker { worker, generation }.packed(),
        );
    }

    /// The same for a worker whose slowdown was measured; false if it has no curve.
    #[cold]
    fn slowed_work_starts(&mut self, worker: u16, cost: KernelCost, duration_ns: u64, (rate, paced_ns): (f64, u64)) -> bool {
        let Some((curve, dram)) = self.layout.curves[worker as usize].zip(self.device.dram()).filter(|_| duration_ns > 0) else {
            return false;
        };
        self.workers[worker as usize].shares_bandwidth = true;
        let seconds = duration_ns as f64 * 1e-9;
        let moved = (cost.memory_bytes as f64).min(self.device.channel(dram).bytes_per_second * seconds);
        // Of a kernel that moves nothing but is slowed by others, the nanoseconds are what progresses.
        let (bytes, uses) = if moved > 0.0 { (moved, Some((dram.0, 1.0))) } else { (duration_ns as f64, None) };
        let limit = bytes / seconds;
        if let Some(dynamics) = &mut self.dynamics {
            dynamics.speeds.moves(worker, limit);
        }
        self.sharing.join(self.now_ns, Flow::Worker(worker), bytes, (limit * rate, paced_ns), uses.into_iter());
        self.sharing.slow(Flow::Worker(worker), curve);
        self.settle();
        true
    }

    #[inline]
    fn kernel_cost(&self, worker: u16, slot: u32) -> KernelCost {
        let request = &self.requests.items[slot as usize];
        let program = &request.program;
        let kernel = self.workers[worker as usize].kernel;
        if let Some(cost) = program.planned_cost(kernel) {
            return cost;
        }
        let costs = self.models[request.model.index()].costs;
        costs
            .piece(program.kernel(kernel), program.launch(kernel), WorkerId(u32::from(worker)))
            .expect("dispatch refuses workers that cannot run a segment")
    }

    pub(super) fn worker_event(&mut self, worker: u16) {
        let state = &mut self.workers[worker as usize];
        let Some(Occupation::Segment { slot, segment }) = state.running else {
            return;
        };
        if state.in_invocation {
            state.in_invocation = false;
            if self.observed() {
                self.record_invocation(worker, slot, segment);
            }
            self.workers[worker as usize].ready_ns = self.now_ns;
            self.next_kernel(worker, slot);
            return;
        }
        if state.shares_bandwidth {
            self.sharing.leave(Flow::Worker(worker));
        }
        let shared = state.shares_bandwidth;
        state.shares_bandwidth = false;
        if self.dynamics.is_some() && self.slice_ended(worker, slot) {
            if shared {
                self.settle();
            }
            return;
        }
        if self.observed() {
            self.record_kernel(worker, slot, segment);
        }
        let state = &mut self.workers[worker as usize];
        state.ready_ns = self.now_ns;
        state.kernel += 1;
        if state.kernel < state.kernel_end {
            self.next_kernel(worker, slot);
        } else {
            // The successors join their queues before the worker takes the next from its own.
            state.last_segment_end = Some((self.requests.items[slot as usize].id, self.now_ns));
            self.segment_ended(slot, segment, self.layout.memory[worker as usize]);
            self.release(worker);
        }
        if shared {
            self.settle();
        }
    }

    /// A worker has ended what it did: it, or a worker that waits for the same cores, starts the next.
    pub(super) fn release(&mut self, worker: u16) {
        self.workers[worker as usize].running = None;
        if self.dynamics.is_some() {
            self.vacated(worker);
        }
        if self.layout.exclusive[worker as usize] {
            if let Some(next) = self.workers[worker as usize].waiting.pop_front() {
                self.start(worker, next.occupation, next.since_ns);
            }
        } else {
            for &(processor, cores) in &self.layout.demands[worker as usize] {
                self.free_cores[processor.index()] += cores;
            }
            while let Some(next) = self.next_contender(worker) {
                let waiting = self.workers[next as usize].waiting.pop_front().expect("a contender has something waiting");
                self.start(next, waiting.occupation, waiting.since_ns);
            }
        }
        if !self.ready.is_empty() {
            self.ask();
        }
    }

    /// Among the workers that could start now, the one whose head is most urgent, then waits longest.
    fn next_contender(&self, worker: u16) -> Option<u16> {
        self.layout.contenders[worker as usize]
            .iter()
            .copied()
            .filter(|&other| self.workers[other as usize].running.is_none() && self.fits(other))
            .filter_map(|other| self.workers[other as usize].waiting.front().map(|head| (-head.priority, head.ticket, other)))
            .min()
            .map(|(_, _, other)| other)
    }

    /// Allocates shared bandwidth anew and schedules the ends that moved.
    pub(super) fn settle(&mut self) {
        let (queue, workers, copies) = (&mut self.queue, &mut self.workers, &mut self.copies.items);
        self.sharing.settle(self.now_ns, |due| {
            let event = match due.key {
                Flow::Worker(worker) => {
                    let state = &mut workers[worker as usize];
                    state.generation = state.generation.wrapping_add(1);
                    Event::Worker { worker, generation: state.generation }
                }
                Flow::Copy(copy) => {
                    let state = &mut copies[copy as usize];
                    state.generation = state.generation.wrapping_add(1);
                    Event::Copy { copy, generation: state.generation }
                }
                Flow::Hog(_) => return,
            };
            // What stands still ends at no time.
            if due.at_ns < u64::MAX {
                queue.schedule(due.at_ns, Class::Completion, event.packed());
            }
        });
    }

    fn record_invocation(&mut self, worker: u16, slot: u32, segment: u32) {
        let (state, request) = (&self.workers[worker as usize], &self.requests.items[slot as usize]);
        let record = InvocationRecord {
            request: request.id,
            model: request.model,
            segment: SegmentId(segment),
            worker: WorkerId(u32::from(worker)),
            ready_ns: state.ready_ns,
            start_ns: state.start_ns,
            end_ns: self.now_ns,
        };
        self.record(&Record::Invocation(record));
    }

    fn record_kernel(&mut self, worker: u16, slot: u32, segment: u32) {
        let (state, request) = (&self.workers[worker as usize], &self.requests.items[slot as usize]);
        let piece = request.program.kernel(state.kernel);
        let record = KernelRecord {
            request: request.id,
            model: request.model,
            segment: SegmentId(segment),
            task: piece.task,
            part: piece.part,
            kernels: 1,
            worker: WorkerId(u32::from(worker)),
            ready_ns: state.ready_ns,
            start_ns: state.start_ns,
            end_ns: self.now_ns,
            solo_ns: state.solo_ns,
        };
        self.record(&Record::Kernel(record));
    }
}
