//! Frames of the user interface: prepared on a CPU cluster, drawn by the GPU between kernels of inference, shown at a beat.

use std::collections::VecDeque;

use crate::engine::dynamics::Trigger;
use crate::engine::dynamics::speed::{Progress, duration_ns};
use crate::engine::run::Engine;
use crate::engine::state::Occupation;
use crate::environment::{Cause, Interface, Precedence};
use crate::identifiers::ProcessorId;
use crate::platform::Device;
use crate::record::{FrameOutcome, FrameRecord, Record, Recorder};

/// A frame under way.
#[derive(Clone, Copy, Debug)]
struct Frame {
    record: FrameRecord,
    gpu_ns: u64,
}

/// One of the two stages: its progress at its present rate, and which of its events counts.
#[derive(Clone, Copy, Debug, Default)]
struct Stage {
    progress: Progress,
    rate: f64,
    generation: u32,
}

/// Generations that a trigger can hold.
const GENERATIONS: u32 = 1 << Trigger::ENTITY_BITS;

impl Stage {
    /// Work starts; when it will end.
    fn start(&mut self, left_ns: u64, rate: f64, now_ns: u64) -> u64 {
        self.generation = (self.generation + 1) % GENERATIONS;
        self.rate = rate;
        self.progress = Progress { left_ns: left_ns as f64, since_ns: now_ns };
        now_ns.saturating_add(duration_ns(left_ns as f64, rate))
    }

    /// The rate changes; when the work will end.
    fn anew(&mut self, rate: f64, now_ns: u64) -> u64 {
        let done_ns = (now_ns - self.progress.since_ns) as f64 * self.rate;
        self.generation = (self.generation + 1) % GENERATIONS;
        self.rate = rate;
        self.progress = Progress { left_ns: (self.progress.left_ns - done_ns).max(0.0), since_ns: now_ns };
        now_ns.saturating_add(duration_ns(self.progress.left_ns, rate))
    }
}

/// All frames under way.
#[derive(Debug)]
pub(super) struct Frames {
    interface: Interface,
    seed: u64,
    /// The worker whose queue frames join.
    worker: u16,
    beat: u32,
    /// On the CPU.
    prepared: Option<Frame>,
    /// In the worker's queue.
    waiting: VecDeque<Frame>,
    /// On the GPU.
    drawn: Option<Frame>,
    /// Ready to be shown.
    ready: VecDeque<Frame>,
    cpu: Stage,
    gpu: Stage,
}

impl Frames {
    pub(super) fn new(interface: &Interface, device: &Device, seed: u64) -> Option<Self> {
        Some(Self {
            interface: interface.clone(),
            seed,
            worker: interface.drawn_by(device)? as u16,
            beat: 0,
            prepared: None,
            waiting: VecDeque::new(),
            drawn: None,
            ready: VecDeque::new(),
            cpu: Stage::default(),
            gpu: Stage::default(),
        })
    }

    /// Buffers of frames begun and not yet shown.
    fn in_use(&self) -> usize {
        self.waiting.len() + self.ready.len() + usize::from(self.prepared.is_some()) + usize::from(self.drawn.is_some())
    }

    fn begun(&self, at_ns: u64) -> Frame {
        let (cpu_ns, gpu_ns) = self.interface.work.draw(self.seed, u64::from(self.beat));
        let record = FrameRecord {
            beat: self.beat,
            cpu: self.interface.cpu,
            gpu: self.interface.gpu,
            begun_ns: at_ns,
            cpu_end_ns: at_ns + cpu_ns,
            gpu_start_ns: at_ns,
            gpu_end_ns: at_ns,
            ended_ns: at_ns,
            due_ns: at_ns.saturating_add(self.interface.deadline_ns),
            period_ns: self.interface.period_ns,
            outcome: FrameOutcome::Skipped,
        };
        Frame { record, gpu_ns }
    }
}

impl<R: Recorder> Engine<'_, R> {
    fn frames(&mut self) -> Option<&mut Frames> {
        self.dynamics.as_mut().and_then(|dynamics| dynamics.frames.as_mut())
    }

    pub(super) fn frames_start(&mut self) {
        if self.frames().is_some() {
            self.schedule_environment(Trigger::Beat, 0);
        }
    }

    /// How fast a processor works on frames: load by others stands behind them.
    fn rate_of_frames(&self, processor: ProcessorId) -> f64 {
        let speeds = self.dynamics.as_ref().map(|dynamics| &dynamics.speeds);
        speeds.map_or(1.0, |it| it.factor(processor, Cause::Frequency) * it.factor(processor, Cause::Availability))
    }

    /// The display shows the next frame, and another begins if it can.
    pub(super) fn beat(&mut self) {
        let now_ns = self.now_ns;
        let Some(frames) = self.frames() else {
            return;
        };
        let shown = frames.ready.pop_front();
        let fresh = frames.begun(now_ns);
        let begins = frames.prepared.is_none() && frames.in_use() + 1 < frames.interface.buffers as usize;
        let (cpu, next_ns) = (frames.interface.cpu, now_ns.saturating_add(frames.interface.period_ns));
        if begins {
            frames.prepared = Some(fresh);
        }
        frames.beat = frames.beat.wrapping_add(1);
        if let Some(shown) = shown {
            self.record_frame(FrameRecord { ended_ns: now_ns, outcome: FrameOutcome::Shown, ..shown.record });
        }
        if begins {
            // The thread of the interface takes a core as any other thread does, and what it has it keeps.
            self.add_threads(cpu, 1, 0);
            self.others_occupy(cpu, 1.0);
            let rate = self.rate_of_frames(cpu);
            let cpu_ns = fresh.record.cpu_end_ns - fresh.record.begun_ns;
            if let Some(frames) = self.frames() {
                let end_ns = frames.cpu.start(cpu_ns, rate, now_ns);
                let trigger = Trigger::FramePrepared(frames.cpu.generation);
                self.schedule_stage(trigger, end_ns);
            }
        } else {
            self.record_frame(FrameRecord { cpu_end_ns: now_ns, ..fresh.record });
        }
        self.schedule_environment(Trigger::Beat, next_ns);
    }

    fn schedule_stage(&mut self, trigger: Trigger, at_ns: u64) {
        if at_ns < u64::MAX {
            self.schedule_environment(trigger, at_ns);
        }
    }

    /// A frame leaves the CPU for the queue of the GPU.
    pub(super) fn frame_prepared(&mut self, generation: u32) {
        let now_ns = self.now_ns;
        let Some(frames) = self.frames().filter(|frames| frames.cpu.generation == generation) else {
            return;
        };
        let Some(mut frame) = frames.prepared.take() else {
            return;
        };
        frame.record.cpu_end_ns = now_ns;
        frames.waiting.push_back(frame);
        let (worker, cpu) = (frames.worker, frames.interface.cpu);
        let priority = match frames.interface.precedence {
            Precedence::High => i32::MAX,
            Precedence::Same => 0,
        };
        self.add_threads(cpu, 0, 1);
        self.others_occupy(cpu, -1.0);
        self.join(worker, Occupation::Frame, priority);
    }

    /// The worker of the GPU takes the next frame.
    pub(in crate::engine) fn frame_drawn(&mut self) {
        let now_ns = self.now_ns;
        let Some(gpu) = self.frames().map(|frames| frames.interface.gpu) else {
            return;
        };
        self.others_occupy(gpu, 1.0);
        let rate = self.rate_of_frames(gpu);
        let Some(frames) = self.frames() else {
            return;
        };
        if let Some(mut frame) = frames.waiting.pop_front() {
            frame.record.gpu_start_ns = now_ns;
            frames.drawn = Some(frame);
            let end_ns = frames.gpu.start(frame.gpu_ns, rate, now_ns);
            let trigger = Trigger::FrameDrawn(frames.gpu.generation);
            self.schedule_stage(trigger, end_ns);
        }
    }

    /// The GPU has drawn a frame: the segment that stood back goes on, or the worker takes the next thing.
    pub(super) fn frame_ended(&mut self, generation: u32) {
        let now_ns = self.now_ns;
        let Some(frames) = self.frames().filter(|frames| frames.gpu.generation == generation) else {
            return;
        };
        let Some(mut frame) = frames.drawn.take() else {
            return;
        };
        frame.record.gpu_end_ns = now_ns;
        frames.ready.push_back(frame);
        let (worker, gpu) = (frames.worker, frames.interface.gpu);
        self.others_occupy(gpu, -1.0);
        let state = &mut self.workers[worker as usize];
        let Some(occupation @ Occupation::Segment { slot, .. }) = state.running.filter(|_| state.paused) else {
            self.release(worker);
            return;
        };
        if self.takes_frame(worker) {
            return;
        }
        self.workers[worker as usize].paused = false;
        self.occupied(worker, occupation);
        self.next_slice_or_kernel(worker, slot);
    }

    /// Between two kernels of a segment: whether a frame comes first.
    #[cold]
    pub(in crate::engine) fn frame_between(&mut self, worker: u16) -> bool {
        let Some(frames) = self.dynamics.as_ref().and_then(|dynamics| dynamics.frames.as_ref()) else {
            return false;
        };
        if frames.waiting.is_empty() || frames.worker != worker || frames.interface.precedence != Precedence::High {
            return false;
        }
        self.workers[worker as usize].paused = true;
        self.vacated(worker);
        self.takes_frame(worker)
    }

    /// The frame at the head of a worker's queue, if there is one, is drawn while its segment stands back.
    fn takes_frame(&mut self, worker: u16) -> bool {
        let waiting = &mut self.workers[worker as usize].waiting;
        if !matches!(waiting.front().map(|head| head.occupation), Some(Occupation::Frame)) {
            return false;
        }
        waiting.pop_front();
        self.frame_drawn();
        true
    }

    /// The speed of a processor changed: frames there are timed anew.
    pub(super) fn frames_anew(&mut self, processor: ProcessorId) {
        let now_ns = self.now_ns;
        if self.frames().is_none() {
            return;
        }
        let rate = self.rate_of_frames(processor);
        let Some(frames) = self.frames() else {
            return;
        };
        let prepares = frames.prepared.is_some() && frames.interface.cpu == processor;
        let draws = frames.drawn.is_some() && frames.interface.gpu == processor;
        let mut anew = Vec::new();
        if prepares && frames.cpu.rate.to_bits() != rate.to_bits() {
            let end_ns = frames.cpu.anew(rate, now_ns);
            anew.push((Trigger::FramePrepared(frames.cpu.generation), end_ns));
        }
        if draws && frames.gpu.rate.to_bits() != rate.to_bits() {
            let end_ns = frames.gpu.anew(rate, now_ns);
            anew.push((Trigger::FrameDrawn(frames.gpu.generation), end_ns));
        }
        for (trigger, end_ns) in anew {
            self.schedule_stage(trigger, end_ns);
        }
    }

    /// Frames under way when the run ends, in their order.
    pub(super) fn frames_end(&mut self) {
        let now_ns = self.now_ns;
        let Some(frames) = self.frames() else {
            return;
        };
        let mut left: Vec<FrameRecord> = frames.ready.drain(..).map(|frame| frame.record).collect();
        left.extend(frames.drawn.take().map(|frame| FrameRecord { gpu_end_ns: now_ns, ..frame.record }));
        let waiting = |frame: Frame| FrameRecord { gpu_start_ns: now_ns, gpu_end_ns: now_ns, ..frame.record };
        left.extend(frames.waiting.drain(..).map(waiting));
        let prepared = frames.prepared.take().map(waiting);
        left.extend(prepared.map(|record| FrameRecord { cpu_end_ns: now_ns, ..record }));
        for record in left {
            self.record_frame(FrameRecord { ended_ns: now_ns, outcome: FrameOutcome::Unfinished, ..record });
        }
    }

    fn record_frame(&mut self, frame: FrameRecord) {
        if self.observed() {
            self.record(&Record::Frame(frame));
        }
    }
}
