//! A processor of known speed, on a clock that only it moves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use executor::{
    BufferId, Completion, Description, HostBuffer, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Region,
    Transfer, Unit,
};
use sim::graph::{Graph, OperatorWork};

use crate::host::clock::Clock;
use crate::host::design::hash;

/// Time and steal time of a machine.
#[derive(Debug, Default)]
pub(super) struct Time {
    now_ns: AtomicU64,
    ticks: AtomicU64,
}

#[derive(Clone, Debug)]
pub(super) struct FakeClock(pub(super) Arc<Time>);

impl Clock for FakeClock {
    fn now_ns(&self) -> u64 {
        self.0.now_ns.load(Ordering::SeqCst)
    }

    fn unix_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }

    fn sleep(&self, duration_ns: u64) {
        self.0.now_ns.fetch_add(duration_ns, Ordering::SeqCst);
    }

    fn waited_ns(&self) -> Option<u64> {
        None
    }

    fn stolen_ticks(&self) -> u64 {
        self.0.ticks.load(Ordering::SeqCst)
    }
}

/// How a fake processor behaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Behaviour {
    /// Largest relative addition to a duration.
    pub(super) noise: f64,
    /// Every so many launches a hypervisor takes ten times the launch's duration.
    pub(super) stolen_every: Option<u64>,
    /// From when until when all takes twice as long.
    pub(super) slow_ns: Option<(u64, u64)>,
    /// Launches, over all times that it was opened, at which the device is lost.
    pub(super) lost_at: Vec<u64>,
    /// Bytes of its memory.
    pub(super) capacity: Option<u64>,
    /// An operator type that it has no kernel for.
    pub(super) unsupported: &'static str,
    /// How tensors get there.
    pub(super) transfer: Option<Transfer>,
}

/// How long an operator takes on a fake processor.
pub(super) fn duration_ns(work: &OperatorWork) -> u64 {
    1_000 + work.macs / 16 + (work.input_bytes + work.output_bytes + work.weight_bytes) / 8
}

pub(super) struct FakeProcessor {
    description: Description,
    behaviour: Behaviour,
    time: Arc<Time>,
    launches: Arc<AtomicU64>,
    units: BTreeMap<u32, u64>,
    buffers: BTreeMap<u32, u64>,
    next: u32,
    is_lost: bool,
    most_bytes: Arc<Mutex<u64>>,
}

impl FakeProcessor {
    pub(super) fn new(behaviour: Behaviour, time: Arc<Time>, launches: Arc<AtomicU64>, most_bytes: Arc<Mutex<u64>>) -> Self {
        let description = Description {
            hardware: "fake".to_owned(),
            kernels: "none".to_owned(),
            driver: String::new(),
            cores: vec![],
            offsets: false,
            transfer: behaviour.transfer.unwrap_or(Transfer::None),
            window_alignment_bytes: None,
        };
        let (units, buffers) = (BTreeMap::new(), BTreeMap::new());
        Self { description, behaviour, time, launches, units, buffers, next: 0, is_lost: false, most_bytes }
    }

    fn error<T>(kind: ProcessorErrorKind, message: &str) -> Result<T, ProcessorError> {
        Err(ProcessorError::new(kind, "fake", message))
    }

    fn alive(&self) -> Result<(), ProcessorError> {
        if self.is_lost { Self::error(ProcessorErrorKind::Lost, "it is gone") } else { Ok(()) }
    }

    fn buffer(&mut self, bytes: u64) -> Result<BufferId, ProcessorError> {
        self.alive()?;
        let used: u64 = self.buffers.values().sum();
        if self.behaviour.capacity.is_some_and(|capacity| used + bytes > capacity) {
            return Self::error(ProcessorErrorKind::OutOfMemory, "it is full");
        }
        let mut most_bytes = self.most_bytes.lock().expect("no panic");
        *most_bytes = (*most_bytes).max(used + bytes);
        self.next += 1;
        self.buffers.insert(self.next, bytes);
        Ok(BufferId(self.next))
    }

    fn pass(&mut self, duration_ns: u64) -> Result<(), ProcessorError> {
        self.alive()?;
        let launch = self.launches.fetch_add(1, Ordering::SeqCst);
        if self.behaviour.lost_at.contains(&launch) {
            self.is_lost = true;
            return Self::error(ProcessorErrorKind::Lost, "it fell off the bus");
        }
        let draw = (hash(&launch.to_le_bytes()) >> 40) as f64 / (1_u64 << 24) as f64;
        // Disturbances only ever add, and small ones are more frequent.
        let mut passed_ns = duration_ns + (duration_ns as f64 * self.behaviour.noise * draw.powi(3)) as u64;
        let now_ns = self.time.now_ns.load(Ordering::SeqCst);
        if self.behaviour.slow_ns.is_some_and(|(begin_ns, end_ns)| (begin_ns..end_ns).contains(&now_ns)) {
            passed_ns *= 2;
        }
        if self.behaviour.stolen_every.is_some_and(|every| launch.is_multiple_of(every)) {
            passed_ns *= 10;
            self.time.ticks.fetch_add(1, Ordering::SeqCst);
        }
        self.time.now_ns.fetch_add(passed_ns, Ordering::SeqCst);
        Ok(())
    }
}

impl Processor for FakeProcessor {
    fn description(&self) -> &Description {
        &self.description
    }

    fn support(&self, graph: &Graph) -> Result<(), ProcessorError> {
        match graph.operators().iter().find(|operator| operator.op_type == self.behaviour.unsupported) {
            Some(refused) => Self::error(ProcessorErrorKind::Unsupported, &format!("no kernel for `{}`", refused.name)),
            None => Ok(()),
        }
    }

    fn prepare(&mut self, unit: &Unit) -> Result<PreparedId, ProcessorError> {
        self.alive()?;
        let works = unit.graph.operators().iter().map(|operator| unit.graph.work(operator.id));
        self.next += 1;
        self.units.insert(self.next, works.map(duration_ns).sum());
        Ok(PreparedId(self.next))
    }

    fn discard(&mut self, prepared: PreparedId) {
        assert!(self.units.remove(&prepared.0).is_some(), "discarded once");
    }

    fn allocate(&mut self, bytes: usize) -> Result<BufferId, ProcessorError> {
        self.buffer(bytes as u64)
    }

    fn share(&mut self, buffer: &Arc<HostBuffer>) -> Result<BufferId, ProcessorError> {
        self.buffer(buffer.len() as u64)
    }

    fn release(&mut self, buffer: BufferId) {
        assert!(self.buffers.remove(&buffer.0).is_some(), "released once");
    }

    fn upload(&mut self, _: &HostBuffer, from: Region, _: BufferId, _: Region) -> Result<(), ProcessorError> {
        self.pass(from.bytes() as u64)
    }

    fn download(&mut self, _: BufferId, from: Region, _: &HostBuffer, _: Region) -> Result<(), ProcessorError> {
        self.pass(2 * from.bytes() as u64)
    }

    fn copy(&mut self, _: BufferId, from: Region, _: BufferId, _: Region) -> Result<(), ProcessorError> {
        self.pass(3 * from.bytes() as u64)
    }

    fn map(&mut self, _: BufferId) -> Result<(), ProcessorError> {
        self.pass(700)
    }

    fn unmap(&mut self, _: BufferId) -> Result<(), ProcessorError> {
        self.pass(300)
    }

    fn launch(&mut self, prepared: PreparedId, _: &[Operand], _: &[Operand]) -> Result<(), ProcessorError> {
        self.pass(self.units[&prepared.0])
    }

    fn wait(&mut self) -> Result<Completion, ProcessorError> {
        self.alive()?;
        Ok(Completion::default())
    }
}
