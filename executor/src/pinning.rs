//! Binds threads to cores of this machine.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Binds the calling thread, and the threads that it starts later, to some cores.
///
/// Fails where a core does not exist or the system does not allow it to this process, and for no cores at all; the thread then
/// stays where it was. An earlier pinning does not matter.
pub fn pin_current_thread(cores: &[usize]) -> io::Result<()> {
    let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
    if cores.is_empty() {
        return Err(invalid("no core to pin the thread to: name at least one".to_owned()));
    }
    let before = sched_getaffinity(None)?;
    let mut wanted = CpuSet::new();
    cores.iter().filter(|&&core| core < CpuSet::MAX_CPU).for_each(|&core| wanted.set(core));
    // The system leaves cores out that it does not allow, and fails if none is left.
    let is_set = sched_setaffinity(None, &wanted).is_ok();
    let now = current_affinity()?;
    let Some(refused) = cores.iter().find(|&core| !is_set || !now.contains(core)) else { return Ok(()) };
    let allowed = widest_affinity()?;
    sched_setaffinity(None, &before)?;
    let refused = cores.iter().find(|&core| !allowed.contains(core)).unwrap_or(refused);
    let allowed = allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(invalid(format!("core {refused} does not exist or is not allowed here; allowed are: {allowed}")))
}

/// All cores that the system would allow. Leaves the calling thread on them.
fn widest_affinity() -> io::Result<Vec<usize>> {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| all.set(core));
    sched_setaffinity(None, &all)?;
    current_affinity()
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
            pin_current_thread(&before).expect("an earlier pinning does not matter");
            assert_eq!(current_affinity().expect("known"), before);
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
        check(&[1_000_000], "core 1000000 does not exist or is not allowed here; allowed are: ");
        let allowed = current_affinity().expect("known");
        check(&[allowed[0], 1023], "core 1023 does not exist or is not allowed here; allowed are: ");
        check(&[], "name at least one");
    }
}
