//! Long kernels of the GPU in slices, so that frames need not wait for their ends.

use crate::engine::dynamics::Dynamics;
use crate::engine::run::Engine;
use crate::environment::{Interface, Slicing};
use crate::platform::Device;
use crate::record::Recorder;
use crate::task::KernelCost;

/// What is left of the kernel that a worker runs.
#[derive(Clone, Copy, Debug)]
struct Slices {
    left: u32,
    cost: KernelCost,
    duration_ns: u64,
}

/// For each worker, how its kernels are cut.
#[derive(Debug)]
pub(super) struct Cutting {
    slicing: Slicing,
    is_cut: Vec<bool>,
    workers: Vec<Slices>,
}

impl Cutting {
    pub(super) fn new(interface: &Interface, device: &Device) -> Option<Self> {
        let none = Slices { left: 0, cost: KernelCost { duration_ns: 0, memory_bytes: 0 }, duration_ns: 0 };
        let needs_gpu =
            device.workers().iter().map(|worker| worker.demands.iter().any(|&(processor, _)| processor == interface.gpu));
        let is_cut: Vec<bool> = needs_gpu.collect();
        Some(Self { slicing: interface.slicing?, workers: vec![none; is_cut.len()], is_cut })
    }
}

impl Dynamics {
    /// The first slice of a kernel; the whole kernel where it is not cut.
    #[cold]
    pub(in crate::engine) fn first_slice(&mut self, worker: u16, cost: KernelCost, duration_ns: u64) -> (KernelCost, u64) {
        let Some(cutting) = &mut self.cutting else {
            return (cost, duration_ns);
        };
        let slices = &mut cutting.workers[worker as usize];
        slices.left = 0;
        let count = duration_ns.div_ceil(cutting.slicing.slice_ns);
        if count < 2 || !cutting.is_cut[worker as usize] {
            return (cost, duration_ns);
        }
        let each_ns = duration_ns.div_ceil(count) + cutting.slicing.overhead_ns;
        let memory_bytes = cost.memory_bytes.div_ceil(count);
        *slices = Slices { left: count as u32 - 1, cost: KernelCost { memory_bytes, ..cost }, duration_ns: each_ns };
        (slices.cost, each_ns)
    }
}

impl<R: Recorder> Engine<'_, R> {
    /// What a worker ran has ended: whether it was a slice that others follow. A frame may come before the next.
    #[cold]
    pub(in crate::engine) fn slice_ended(&mut self, worker: u16, slot: u32) -> bool {
        let cutting = self.dynamics.as_ref().and_then(|dynamics| dynamics.cutting.as_ref());
        if cutting.is_none_or(|cutting| cutting.workers[worker as usize].left == 0) {
            return false;
        }
        if !self.frame_between(worker) {
            self.next_slice_or_kernel(worker, slot);
        }
        true
    }

    /// After a pause or a slice: the next slice of the kernel, or the next kernel.
    pub(super) fn next_slice_or_kernel(&mut self, worker: u16, slot: u32) {
        let cutting = self.dynamics.as_mut().and_then(|dynamics| dynamics.cutting.as_mut());
        if let Some(slices) = cutting.map(|cutting| &mut cutting.workers[worker as usize]).filter(|slices| slices.left > 0) {
            slices.left -= 1;
            let (cost, duration_ns) = (slices.cost, slices.duration_ns);
            self.work_starts(worker, cost, duration_ns);
        } else {
            self.kernel_starts(worker, slot);
        }
    }
}
