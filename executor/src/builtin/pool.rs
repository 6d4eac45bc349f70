//! Threads on cores that do the parts of one piece of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crate::pinning::pin_current_thread;

/// Rounds of waiting before a thread lets others run.
const SPINS: usize = 4000;

/// Something that every thread of a pool takes part in.
pub(super) trait Work: Sync {
    /// Does the part of a thread; may call [`Meeting::meet`], every thread as often.
    fn part(&self, index: usize, meeting: &Meeting);
}

/// Where threads wait for each other.
#[derive(Debug)]
pub(super) struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
}

impl Meeting {
    pub(super) fn of(threads: usize) -> Self {
        Self { threads, arrived: AtomicUsize::new(0), round: AtomicUsize::new(0) }
    }

    /// How many threads there are.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Waits until all threads are here.
    pub(super) fn meet(&self) {
        if self.threads == 1 {
            return;
        }
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while self.round.load(Ordering::Acquire) == round {
            spins += 1;
            if spins > SPINS { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}

/// A pointer to work that outlives its use: `run` returns only when no thread has it any more.
#[derive(Clone, Copy)]
struct Pointer(*const (dyn Work + 'static));

// SAFETY: what it points to may be used by several threads, and lives until all have met.
unsafe impl Send for Pointer {}

struct Shared {
    meeting: Meeting,
    work: std::sync::Mutex<Option<Pointer>>,
    round: AtomicUsize,
    ends: AtomicBool,
}

/// Threads, of which the one that owns the pool is the first.
pub(super) struct Pool {
    shared: Arc<Shared>,
    others: Vec<JoinHandle<()>>,
}

/// Keeps the calling thread on a core. Says why it cannot.
fn pin(core: usize) -> Result<(), String> {
    pin_current_thread(&[core]).map_err(|error| error.to_string())
}

impl Pool {
    /// One thread on each of the cores after the first; the calling thread stays on the first.
    pub(super) fn on(cores: &[usize]) -> Result<Self, String> {
        let shared = Arc::new(Shared {
            meeting: Meeting::of(cores.len().max(1)),
            work: std::sync::Mutex::new(None),
            round: AtomicUsize::new(0),
            ends: AtomicBool::new(false),
        });
        let mut pool = Self { shared, others: Vec::new() };
        if let Some(&core) = cores.first() {
            pin(core)?;
        }
        for (index, &core) in cores.iter().enumerate().skip(1) {
            let shared = Arc::clone(&pool.shared);
            let (sender, receiver) = std::sync::mpsc::channel();
            let thread = std::thread::Builder::new().name(format!("kernels on core {core}")).spawn(move || {
                let pinned = pin(core);
                let goes_on = pinned.is_ok();
                if sender.send(pinned).is_ok() && goes_on {
                    shared.serve(index);
                }
            });
            pool.others.push(thread.map_err(|error| format!("no thread for core {core}: {error}"))?);
            receiver.recv().map_err(|_| format!("thread of core {core} ended"))??;
        }
        Ok(pool)
    }

    /// Lets every thread do its part, and returns when all have.
    pub(super) fn run(&self, work: &dyn Work) {
        if self.others.is_empty() {
            work.part(0, &self.shared.meeting);
            return;
        }
        let pointer: *const (dyn Work + '_) = work;
        // SAFETY: only the lifetime changes; no thread uses the pointer after the meeting below.
        #[expect(clippy::transmute_ptr_to_ptr, reason = "a cast cannot change the lifetime of a trait object")]
        let pointer: *const (dyn Work + 'static) = unsafe { std::mem::transmute(pointer) };
        if let Ok(mut place) = self.shared.work.lock() {
            *place = Some(Pointer(pointer));
        }
        self.shared.round.fetch_add(1, Ordering::Release);
        for thread in &self.others {
            thread.thread().unpark();
        }
        work.part(0, &self.shared.meeting);
        self.shared.meeting.meet();
    }
}

impl Shared {
    fn serve(&self, index: usize) {
        let mut seen = 0;
        loop {
            let mut spins = 0;
            while self.round.load(Ordering::Acquire) == seen {
                if self.ends.load(Ordering::Acquire) {
                    return;
                }
                spins += 1;
                if spins > SPINS { std::thread::park() } else { std::hint::spin_loop() }
            }
            seen = seen.wrapping_add(1);
            let work = self.work.lock().ok().and_then(|work| *work);
            if let Some(Pointer(work)) = work {
                // SAFETY: it lives until all threads have met.
                unsafe { &*work }.part(index, &self.meeting);
            }
            self.meeting.meet();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Release);
        for thread in self.others.drain(..) {
            thread.thread().unpark();
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Count(Vec<AtomicUsize>);

    impl Work for Count {
        fn part(&self, index: usize, meeting: &Meeting) {
            for round in 0..100 {
                assert_eq!(self.0[index].fetch_add(1, Ordering::Relaxed), round);
                meeting.meet();
                assert!(self.0.iter().all(|count| count.load(Ordering::Relaxed) > round));
                meeting.meet();
            }
        }
    }

    #[test]
    fn all_threads_do_their_part_and_meet() {
        let cores = vec![0; 3];
        let pool = Pool::on(&cores).expect("core 0 is there");
        for _ in 0..3 {
            let count = Count((0..3).map(|_| AtomicUsize::new(0)).collect());
            pool.run(&count);
            assert!(count.0.iter().all(|count| count.load(Ordering::Relaxed) == 100));
        }
    }

    #[test]
    fn cores_that_are_not_there_are_named() {
        let error = Pool::on(&[1000]).err().expect("no such core");
        assert!(error.contains("core 1000"), "{error}");
    }
}
