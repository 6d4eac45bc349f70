//! What is written down of a launch: when it ran, and which kernels.

use sim::identifiers::SegmentId;
use sim::plan::Launch as Launched;
use sim::record::{KernelRecord, Record, StepKind, StepRecord};

use crate::processor::Completion;
use crate::run::schedule::Step;
use crate::run::worker::{Driver, OfRequest};

/// A launch that has ended.
#[derive(Clone, Copy)]
pub(super) struct Launch<'a> {
    pub(super) request: &'a OfRequest,
    pub(super) segment: u32,
    pub(super) step: &'a Step,
    pub(super) times: Times,
    pub(super) ready_ns: u64,
}

/// When a launch ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

impl Times {
    /// By the device's clock where it has one, within what the host saw.
    pub(super) fn of(completion: &Completion, launched_ns: u64, known_ns: u64) -> Self {
        let start_ns = completion.queued_ns.map_or(launched_ns, |queued_ns| (launched_ns + queued_ns).min(known_ns));
        let end_ns = completion.busy_ns.map_or(known_ns, |busy_ns| (start_ns + busy_ns).min(known_ns));
        Self { start_ns, end_ns }
    }
}

impl Driver<'_> {
    /// Writes down the kernels of a launch.
    pub(super) fn kernel_records(&self, launch: &Launch<'_>, completion: &Completion, records: &mut Vec<Record>) {
        let Launch { request, segment, step, times, ready_ns } = *launch;
        let costs = &self.models[request.model.index()].lowered.costs;
        let solo_ns = |kernel: usize| {
            let piece = step.kernels[kernel];
            costs.kernel_ns(piece, Launched::Own, self.worker).unwrap_or(0)
        };
        let mut put = |kernel: usize, kernels: u32, solo_ns: u64, ready_ns: u64, start_ns: u64, end_ns: u64| {
            records.push(Record::Kernel(KernelRecord {
                request: request.id,
                model: request.model,
                segment: SegmentId(segment),
                task: step.kernels[kernel].task,
                part: step.kernels[kernel].part,
                kernels,
                worker: self.worker,
                ready_ns,
                start_ns,
                end_ns,
                solo_ns,
            }));
        };
        // Where the device timed every kernel, each task gets its own record.
        let mut of_task = vec![0_u64; step.kernels.len()];
        for &(operator, duration_ns) in &completion.kernels {
            of_task[step.kernel_of_operator.get(operator).copied().unwrap_or(0)] += duration_ns;
        }
        let sum: u64 = of_task.iter().sum();
        if step.kernels.len() > 1 && sum > 0 && sum <= times.end_ns - times.start_ns {
            let mut at_ns = times.start_ns;
            let last = step.kernels.len() - 1;
            for (kernel, &duration_ns) in of_task.iter().enumerate() {
                // Gaps between kernels are the last one's: they are small, and belong to nobody.
                let end_ns = if kernel == last { times.end_ns } else { at_ns + duration_ns };
                put(kernel, 1, solo_ns(kernel), if kernel == 0 { ready_ns.min(at_ns) } else { at_ns }, at_ns, end_ns);
                at_ns = end_ns;
            }
            return;
        }
        let all_ns = (0..step.kernels.len()).map(solo_ns).sum();
        put(0, step.kernels.len() as u32, all_ns, ready_ns.min(times.start_ns), times.start_ns, times.end_ns);
        for kernel in 1..step.kernels.len() {
            put(kernel, 0, 0, times.end_ns, times.end_ns, times.end_ns);
        }
    }

    /// A step of a segment beside its kernels.
    pub(super) fn step_record(&self, request: &OfRequest, segment: u32, kind: StepKind, start_ns: u64, end_ns: u64) -> Record {
        let (worker, segment) = (self.worker, SegmentId(segment));
        Record::Step(StepRecord { request: request.id, model: request.model, segment, worker, kind, start_ns, end_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_times_stay_within_what_the_host_saw() {
        let check = |queued_ns, busy_ns, expected: (u64, u64)| {
            let times = Times::of(&Completion { queued_ns, busy_ns, kernels: Vec::new() }, 100, 200);
            assert_eq!((times.start_ns, times.end_ns), expected);
        };
        check(None, None, (100, 200));
        check(Some(10), Some(50), (110, 160));
        check(Some(10), Some(500), (110, 200));
        check(Some(500), Some(50), (200, 200));
    }
}
