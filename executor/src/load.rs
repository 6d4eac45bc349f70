//! Load from outside the plan, produced for real: CPU cores that are kept busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::pinning::pin_current_thread;

/// Length of one turn of work and rest.
const PERIOD: Duration = Duration::from_millis(10);

/// A thread pinned to a core that computes for a share of the time, until it is dropped.
#[derive(Debug)]
pub struct CpuLoad {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CpuLoad {
    /// Keeps `core` busy for `share` (0 to 1) of every 10 ms.
    ///
    /// # Errors
    /// If there is no such core, or no thread can be had.
    pub fn start(core: usize, share: f64) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let (report, pinned) = std::sync::mpsc::channel();
        let busy = PERIOD.mul_f64(share.clamp(0.0, 1.0));
        let thread = std::thread::Builder::new().name(format!("load on core {core}")).spawn(move || {
            let result = pin_current_thread(&[core]);
            let failed = result.is_err();
            if report.send(result).is_err() || failed {
                return;
            }
            while !flag.load(Ordering::Relaxed) {
                let begin = Instant::now();
                while begin.elapsed() < busy {
                    std::hint::spin_loop();
                }
                std::thread::sleep(PERIOD.saturating_sub(begin.elapsed()));
            }
        })?;
        pinned.recv().map_err(std::io::Error::other)??;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for CpuLoad {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that only spins does not panic.
            let _ = thread.join();
        }
    }
}
