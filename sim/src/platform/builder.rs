//! Building a [`Device`]: every check in one place, every error named.

mod check;

use thiserror::Error;

use crate::identifiers::{ChannelId, LinkId, MemoryId, ProcessorId, WorkerId};
use crate::platform::power::{check_power, check_thermal};
use crate::platform::{Channel, Clock, Device, Link, Memory, Power, Processor, ProcessorKind, SlowdownCurve, Thermal, Worker};
use crate::task::Patterns;

/// Why a device cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// Two things of one kind with one name.
    #[error("duplicate {what} `{name}`: names must be unique")]
    Duplicate {
        /// What kind of thing.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// An identifier that names nothing.
    #[error("{what} of `{owner}` does not exist in the device")]
    Dangling {
        /// What was referred to.
        what: &'static str,
        /// Who refers to it.
        owner: String,
    },
    /// A number out of range.
    #[error("{what} of `{owner}` is {value}: must be {right}")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Whose.
        owner: String,
        /// Its value.
        value: String,
        /// What would be right.
        right: &'static str,
    },
    /// No link between two memories that workers use.
    #[error("no link from memory `{from}` to memory `{to}`: add one, or put their workers in one memory")]
    NoRoute {
        /// Source.
        from: String,
        /// Destination.
        to: String,
    },
    /// Two links for one ordered pair of memories.
    #[error("two links from memory `{from}` to memory `{to}`: one is enough")]
    TwoRoutes {
        /// Source.
        from: String,
        /// Destination.
        to: String,
    },
    /// A slowdown by what others ask of nothing.
    #[error(
        "worker `{worker}` slows down with the load on `dram`, which the device does not name: name the channel that all kernels share"
    )]
    NoDram {
        /// The worker.
        worker: String,
    },
    /// A device without workers.
    #[error("the device has no worker: work could be placed nowhere")]
    NoWorker,
}

/// Collects the parts of a device; [`DeviceBuilder::build`] checks them.
#[derive(Clone, Debug, Default)]
pub struct DeviceBuilder {
    name: String,
    processors: Vec<Processor>,
    workers: Vec<Worker>,
    memories: Vec<Memory>,
    channels: Vec<Channel>,
    links: Vec<Link>,
    dram: Option<ChannelId>,
    host: Option<MemoryId>,
    decision_ns: u64,
    repacking: Vec<WorkerId>,
    fallbacks: Vec<(WorkerId, WorkerId)>,
    memory_limit_bytes: Option<u64>,
    fuses: Vec<(WorkerId, Patterns)>,
    memory_shares: Vec<(WorkerId, f64)>,
    slowdowns: Vec<(WorkerId, SlowdownCurve)>,
    power: Option<Power>,
    thermal: Option<Thermal>,
}

impl DeviceBuilder {
    /// An empty device.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a processor.
    pub fn processor(
        &mut self,
        name: impl Into<String>,
        kind: ProcessorKind,
        cores: u32,
        frequencies_khz: Vec<u64>,
    ) -> ProcessorId {
        self.processors.push(Processor { name: name.into(), kind, cores, frequencies_khz });
        ProcessorId::from_index(self.processors.len() - 1)
    }

    /// Adds a memory. The first one added is the host's unless [`Self::host`] says otherwise.
    pub fn memory(&mut self, name: impl Into<String>) -> MemoryId {
        self.memories.push(Memory { name: name.into() });
        MemoryId::from_index(self.memories.len() - 1)
    }

    /// Adds a shared bandwidth.
    pub fn channel(&mut self, name: impl Into<String>, bytes_per_second: f64) -> ChannelId {
        self.channels.push(Channel { name: name.into(), bytes_per_second });
        ChannelId::from_index(self.channels.len() - 1)
    }

    /// Adds a worker.
    pub fn worker(&mut self, worker: Worker) -> WorkerId {
        self.workers.push(worker);
        WorkerId::from_index(self.workers.len() - 1)
    }

    /// Says which patterns of operators a worker's runtime fuses; by default [`Patterns::default`].
    pub fn fuses(&mut self, worker: WorkerId, patterns: Patterns) -> &mut Self {
        self.fuses.push((worker, patterns));
        self
    }

    /// Says in which share of their time a worker's kernels wait for memory, whatever the worker's clock; by default 0.
    pub fn memory_share(&mut self, worker: WorkerId, share: f64) -> &mut Self {
        self.memory_shares.push((worker, share));
        self
    }

    /// Says how much of its speed a worker keeps while others draw on the bandwidth that all kernels share, instead of sharing it
    /// max-min fairly.
    pub fn slowdown(&mut self, worker: WorkerId, curve: SlowdownCurve) -> &mut Self {
        self.slowdowns.push((worker, curve));
        self
    }

    /// Says what the device draws and can run at. There is one clock for each processor; missing ones have no operating points.
    pub fn power(&mut self, power: Power) -> &mut Self {
        self.power = Some(power);
        self
    }

    /// Says how the device heats up.
    pub fn thermal(&mut self, thermal: Thermal) -> &mut Self {
        self.thermal = Some(thermal);
        self
    }

    /// Adds a link.
    pub fn link(&mut self, link: Link) -> LinkId {
        self.links.push(link);
        LinkId::from_index(self.links.len() - 1)
    }

    /// Names the bandwidth that all kernels share.
    pub fn dram(&mut self, channel: ChannelId) -> &mut Self {
        self.dram = Some(channel);
        self
    }

    /// Names the memory in which requests arrive.
    pub fn host(&mut self, memory: MemoryId) -> &mut Self {
        self.host = Some(memory);
        self
    }

    /// Sets the cost of one scheduling decision.
    pub fn decision_ns(&mut self, decision_ns: u64) -> &mut Self {
        self.decision_ns = decision_ns;
        self
    }

    /// Says that a worker keeps weights in a layout of its own.
    pub fn repacks_weights(&mut self, worker: WorkerId) -> &mut Self {
        self.repacking.push(worker);
        self
    }

    /// Says which CPU worker takes what a worker's runtime cannot run on it; by default whoever is fastest.
    pub fn falls_back_to(&mut self, worker: WorkerId, cpu: WorkerId) -> &mut Self {
        self.fallbacks.push((worker, cpu));
        self
    }

    /// Sets the most bytes that the models of a run may need together.
    pub fn memory_limit_bytes(&mut self, bytes: u64) -> &mut Self {
        self.memory_limit_bytes = Some(bytes);
        self
    }

    /// Checks everything; all errors found are returned together.
    pub fn build(mut self) -> Result<Device, Vec<DeviceError>> {
        let mut errors = Vec::new();
        self.check_names(&mut errors);
        self.check_workers(&mut errors);
        self.check_links(&mut errors);
        let routes = self.routes(&mut errors);
        let host = self.host.unwrap_or(MemoryId(0));
        if host.index() >= self.memories.len() {
            errors.push(DeviceError::Dangling { what: "host memory", owner: self.name.clone() });
        }
        if self.dram.is_some_and(|channel| channel.index() >= self.channels.len()) {
            errors.push(DeviceError::Dangling { what: "dram channel", owner: self.name.clone() });
        }
        if self.fuses.iter().any(|(worker, _)| worker.index() >= self.workers.len()) {
            errors.push(DeviceError::Dangling { what: "worker that fuses", owner: self.name.clone() });
        }
        self.check_memory_shares(&mut errors);
        self.check_slowdowns(&mut errors);
        self.check_fallbacks(&mut errors);
        if let Some(power) = &mut self.power {
            power.clocks.resize(self.processors.len(), Clock::default());
            let owners: Vec<&str> = self.processors.iter().map(|processor| processor.name.as_str()).collect();
            check_power(power, &owners, &mut errors);
        }
        if let Some(thermal) = &self.thermal {
            check_thermal(thermal, self.processors.len(), &mut errors);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        for link in &mut self.links {
            for &(channel, bytes_per_byte) in &link.channels {
                let alone = self.channels[channel.index()].bytes_per_second / bytes_per_byte;
                link.bytes_per_second = link.bytes_per_second.min(alone);
            }
        }
        let mut fuses = vec![Patterns::default(); self.workers.len()];
        for (worker, patterns) in self.fuses {
            fuses[worker.index()] = patterns;
        }
        let mut fallbacks = vec![None; self.workers.len()];
        for (worker, cpu) in self.fallbacks {
            fallbacks[worker.index()] = Some(cpu);
        }
        let mut memory_shares = vec![0.0; self.workers.len()];
        for (worker, share) in self.memory_shares {
            memory_shares[worker.index()] = share;
        }
        let mut slowdowns = vec![None; self.workers.len()];
        for (worker, curve) in self.slowdowns {
            slowdowns[worker.index()] = Some(curve);
        }
        Ok(Device {
            name: self.name,
            processors: self.processors,
            workers: self.workers,
            memories: self.memories,
            channels: self.channels,
            links: self.links,
            routes,
            dram: self.dram,
            host,
            decision_ns: self.decision_ns,
            repacking: self.repacking,
            fallbacks,
            memory_limit_bytes: self.memory_limit_bytes,
            fuses,
            memory_shares,
            slowdowns,
            power: self.power,
            thermal: self.thermal,
        })
    }
}

fn out_of_range(what: &'static str, owner: &str, value: impl std::fmt::Display, right: &'static str) -> DeviceError {
    DeviceError::OutOfRange { what, owner: owner.to_owned(), value: format!("{value}"), right }
}
