//! The processors of this machine, found without being told.

use crate::opencl::{self, DeviceKind};
use crate::pinning::current_affinity;
use crate::processor::Transfer;
use crate::specification::{DeviceMemory, Kernels, Specification};

/// Workers by name, each with the processor behind it: the first of the cores that this process may use, all of them together
/// where there are several, and a GPU where there is one. A GPU whose driver computes on the CPU gets the last core for itself.
///
/// Must be called before anything else calls OpenCL: drivers that compute on the CPU start their threads then.
pub fn discover() -> Vec<(String, Specification)> {
    let mut cores = current_affinity().unwrap_or_else(|_| vec![0]);
    let mut found = Vec::new();
    if let Some(gpu) = opencl_device(&mut cores) {
        found.push(("gpu".to_owned(), gpu));
    }
    let cpu = |cores: &[usize]| Specification::Cpu { cores: cores.to_vec(), kernels: Kernels::Best };
    if cores.len() > 1 {
        found.insert(0, ("cpu.all".to_owned(), cpu(&cores)));
    }
    found.insert(0, ("cpu".to_owned(), cpu(&cores[..1])));
    found
}

/// The best device that OpenCL offers: a real GPU before the CPU as one, which takes the last of several cores for itself.
fn opencl_device(cores: &mut Vec<usize>) -> Option<Specification> {
    let last = cores.last().copied().filter(|_| cores.len() > 1);
    if let Some(last) = last {
        opencl::confine(&[last]).ok()?;
    }
    let devices = opencl::devices().ok()?;
    let gpu = devices.iter().position(|device| device.kind != DeviceKind::Cpu);
    let (device, own) = match (gpu, last) {
        (Some(device), _) => (device, Vec::new()),
        (None, Some(last)) => {
            cores.pop();
            (0, vec![last])
        }
        (None, None) => return None,
    };
    Some(Specification::OpenCl { device, cores: own, memory: DeviceMemory::Buffer, transfer: Transfer::Copy })
}
