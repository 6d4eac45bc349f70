//! Keeps a device that computes on this machine's CPU to some of its cores.
//!
//! PoCL starts its threads at the first call of the library, as many as `POCL_MAX_PTHREAD_COUNT` says, and they inherit the
//! cores of the thread that makes this call. So the variable must be in the environment before, and that first call must come
//! from a thread pinned to the cores. `POCL_AFFINITY` must not be set: it pins thread i to core i, whatever was inherited.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use super::error::error;
use super::platform;
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// The variable that says how many threads PoCL starts.
pub const THREADS_VARIABLE: &str = "POCL_MAX_PTHREAD_COUNT";

/// The cores of the process's OpenCL devices, once they are confined.
static CONFINED: Mutex<Option<Vec<usize>>> = Mutex::new(None);

/// The cores that [`confine`] was last called with; empty before.
pub(super) fn confined() -> Vec<usize> {
    CONFINED.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
}

/// Starts this program anew, with the same arguments and the variable set that lets PoCL start one thread for each core, unless
/// it is set already. To be called first in `main`, when nothing was done that would then be done twice.
///
/// The environment of a running process cannot be changed soundly once it may have threads; a fresh process is the clean way.
#[cfg(unix)]
pub fn restart_with_threads(cores: &[usize]) -> Result<(), ProcessorError> {
    use std::os::unix::process::CommandExt;
    let wanted = cores.len().to_string();
    if cores.is_empty() || std::env::var_os(THREADS_VARIABLE).is_some_and(|value| value.to_str() == Some(&*wanted)) {
        return Ok(());
    }
    let failed = |why: std::io::Error| {
        let hint = format!("start it with {THREADS_VARIABLE}={wanted}");
        error(ProcessorErrorKind::Failed, format!("this program cannot start itself anew: {why}; {hint}"))
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut arguments = std::env::args_os();
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    Err(failed(command.args(arguments).env(THREADS_VARIABLE, &wanted).exec()))
}

/// Lets the threads of OpenCL drivers run on the given cores only. Must be called before anything else calls OpenCL; the cores of
/// the calling thread stay as they were.
///
/// Without `POCL_MAX_PTHREAD_COUNT` (see [`restart_with_threads`]) PoCL's threads keep to the cores too, but are more than the
/// cores and get in each other's way. Fails if threads of a driver are seen to run elsewhere.
pub fn confine(cores: &[usize]) -> Result<(), ProcessorError> {
    let mut confined = CONFINED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*confined {
        Some(known) if known == cores => return Ok(()),
        Some(known) => {
            let message = format!("devices are confined to cores {known:?} of this process already and cannot move to {cores:?}");
            return Err(error(ProcessorErrorKind::Misuse, message));
        }
        None if cores.is_empty() => return Ok(()),
        None => {}
    }
    let failed = |why: rustix::io::Errno| error(ProcessorErrorKind::Misuse, format!("cores {cores:?} cannot be used: {why}"));
    let mut set = CpuSet::new();
    for &core in cores {
        if core >= CpuSet::MAX_CPU {
            return Err(error(ProcessorErrorKind::Misuse, format!("there is no core {core}")));
        }
        set.set(core);
    }
    let before = threads();
    let own = sched_getaffinity(None).map_err(failed)?;
    sched_setaffinity(None, &set).map_err(failed)?;
    let found = platform::found();
    sched_setaffinity(None, &own).map_err(failed)?;
    found?;
    for thread in threads().difference(&before) {
        let Some(id) = Pid::from_raw(*thread) else { continue };
        // A thread that has ended meanwhile is none of the driver's.
        let Ok(found) = sched_getaffinity(Some(id)) else { continue };
        if let Some(core) = (0..CpuSet::MAX_CPU).find(|&core| found.is_set(core) && !set.is_set(core)) {
            let message = format!(
                "the driver's thread {thread} may run on core {core}, not only on {cores:?}; POCL_AFFINITY must not be set"
            );
            return Err(error(ProcessorErrorKind::Failed, message));
        }
    }
    *confined = Some(cores.to_vec());
    Ok(())
}

/// Threads of this process.
fn threads() -> BTreeSet<i32> {
    let entries = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
