//! Binds threads to cores of this machine.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Binds the calling thread, and the threads that it starts later, to some cores.
///
/// Fails where a core does not exist or is not allowed to this thread now (by the operating system, a container, or an earlier
/// pinning), and for no cores at all; the thread then stays where it was.
pub fn pin_current_thread(cores: &[usize]) -> io::Result<()> {
    let allowed = current_affinity()?;
    let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
    if cores.is_empty() {
        return Err(invalid("no core to pin the thread to: name at least one".to_owned()));
    }
    let mut set = CpuSet::new();
    for &core in cores {
        if !allowed.contains(&core) {
            let allowed = allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(invalid(format!("core {core} does not exist or this thread may not use it: it may use {allowed}")));
        }
        set.set(core);
    }
    sched_setaffinity(None, &set)?;
    Ok(())
}

/// The cores that the calling thread may run on, in ascending order.
pub fn current_affinity() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a thread of its own, so that other tests keep their cores.
    fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(work).join().expect("no panic"))
    }

    #[test]
    fn a_thread_runs_on_its_core_and_so_do_its_children() {
        alone(|| {
            let before = current_affinity().expect("known");
            let last = *before.last().expect("at least one core");
            pin_current_thread(&[last]).expect("allowed");
            assert_eq!(current_affinity().expect("known"), [last]);
            assert_eq!(alone(|| current_affinity().expect("known")), [last]);
        });
    }

    #[test]
    fn cores_that_are_not_there_are_refused() {
        let check = |cores: &[usize], expected: &str| {
            let before = current_affinity().expect("known");
            let error = pin_current_thread(cores).expect_err("not allowed").to_string();
            assert!(error.contains(expected), "{error}");
            assert_eq!(current_affinity().expect("known"), before);
        };
        check(&[1_000_000], "core 1000000 does not exist or this thread may not use it: it may use ");
        check(&[], "name at least one");
    }
}
