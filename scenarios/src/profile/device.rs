//! From a profile to the device that the simulator takes.

use sim::identifiers::{ChannelId, MemoryId, ProcessorId, WorkerId};
use sim::platform::{self, Device, DeviceBuilder, DeviceError, SupportRules};

use crate::profile::{Link, ProcessorKind, Profile, Worker, power_convert};

/// Builds the device; errors where the profile's names or numbers do not hold.
pub(super) fn build(profile: &Profile) -> Result<Device, Vec<DeviceError>> {
    let mut builder = DeviceBuilder::new(&profile.name);
    for processor in &profile.processors {
        builder.processor(&processor.name, processor.kind.simulated(), processor.cores, processor.frequencies_khz.clone());
    }
    for memory in &profile.memories {
        builder.memory(memory);
    }
    for channel in &profile.channels {
        builder.channel(&channel.name, channel.bytes_per_second);
    }
    let find = Find { profile };
    let mut errors = Vec::new();
    for worker in &profile.workers {
        match find.worker(worker) {
            Ok(found) => {
                let id = builder.worker(found);
                if let Some(patterns) = worker.fuses {
                    builder.fuses(id, patterns);
                }
                if let Some(curve) = &worker.slowdown {
                    builder.slowdown(id, curve.clone());
                }
                if worker.memory_share > 0.0 {
                    builder.memory_share(id, worker.memory_share);
                }
            }
            Err(error) => errors.push(error),
        }
    }
    for link in &profile.links {
        match find.link(link) {
            Ok(link) => drop(builder.link(link)),
            Err(error) => errors.push(error),
        }
    }
    match find.memory(&profile.name, &profile.host) {
        Ok(host) => drop(builder.host(host)),
        Err(error) => errors.push(error),
    }
    if let Some(dram) = &profile.dram {
        match find.channel(&profile.name, dram) {
            Ok(dram) => drop(builder.dram(dram)),
            Err(error) => errors.push(error),
        }
    }
    if let Some(power) = &profile.power {
        match power_convert::simulated_power(profile, power) {
            Ok(power) => drop(builder.power(power)),
            Err(error) => errors.push(error),
        }
    }
    if let Some(thermal) = &profile.thermal {
        match power_convert::simulated_thermal(profile, thermal) {
            Ok(thermal) => drop(builder.thermal(thermal)),
            Err(error) => errors.push(error),
        }
    }
    builder.decision_ns(profile.decision_ns);
    if let Some(bytes) = profile.memory_limit_bytes {
        builder.memory_limit_bytes(bytes);
    }
    // Without errors, workers stand in the order of the profile.
    for (index, _) in profile.workers.iter().enumerate().filter(|(_, worker)| worker.repacks_weights) {
        builder.repacks_weights(WorkerId::from_index(index));
    }
    for (index, worker) in profile.workers.iter().enumerate() {
        if let Some(name) = &worker.falls_back_to {
            match profile.workers.iter().position(|other| other.name == *name) {
                Some(cpu) => drop(builder.falls_back_to(WorkerId::from_index(index), WorkerId::from_index(cpu))),
                None => errors.push(dangling("worker to fall back to", &worker.name)),
            }
        }
    }
    if errors.is_empty() { builder.build() } else { Err(errors) }
}

/// Looks names up; identifiers are positions in the profile.
struct Find<'a> {
    profile: &'a Profile,
}

impl Find<'_> {
    fn memory(&self, owner: &str, name: &str) -> Result<MemoryId, DeviceError> {
        let index = self.profile.memories.iter().position(|memory| memory == name);
        index.map(MemoryId::from_index).ok_or_else(|| dangling("memory", owner))
    }

    fn channel(&self, owner: &str, name: &str) -> Result<ChannelId, DeviceError> {
        let index = self.profile.channels.iter().position(|channel| channel.name == name);
        index.map(ChannelId::from_index).ok_or_else(|| dangling("channel", owner))
    }

    fn worker(&self, worker: &Worker) -> Result<platform::Worker, DeviceError> {
        let mut demands = Vec::new();
        for (name, &cores) in &worker.cores {
            let index = self.profile.processors.iter().position(|processor| processor.name == *name);
            demands.push((ProcessorId::from_index(index.ok_or_else(|| dangling("processor", &worker.name))?), cores));
        }
        demands.sort_unstable();
        let first = demands.first().ok_or_else(|| dangling("processor", &worker.name))?.0;
        let support = match &worker.support {
            None => SupportRules::ALL,
            Some(name) => self.profile.support.get(name).ok_or_else(|| dangling("support rules", &worker.name))?.clone(),
        };
        Ok(platform::Worker {
            name: worker.name.clone(),
            kind: self.profile.processors[first.index()].kind.simulated(),
            demands,
            memory: self.memory(&worker.name, &worker.memory)?,
            invocation_ns: worker.invocation_ns,
            support,
            costs: self.profile.costs.get(&worker.name).ok_or_else(|| dangling("cost models", &worker.name))?.clone().into(),
        })
    }

    fn link(&self, link: &Link) -> Result<platform::Link, DeviceError> {
        let mut channels = Vec::new();
        for (name, bytes_per_byte) in &link.channels {
            channels.push((self.channel(&link.name, name)?, *bytes_per_byte));
        }
        let blocks = match &link.blocks {
            None => None,
            Some(name) => {
                let index = self.profile.workers.iter().position(|worker| worker.name == *name);
                Some(WorkerId::from_index(index.ok_or_else(|| dangling("blocked worker", &link.name))?))
            }
        };
        Ok(platform::Link {
            name: link.name.clone(),
            from: self.memory(&link.name, &link.from)?,
            to: self.memory(&link.name, &link.to)?,
            fixed_ns: link.fixed_ns,
            synchronization_ns: link.synchronization_ns,
            ns_per_byte: link.ns_per_byte,
            bytes_per_second: link.bytes_per_second.unwrap_or(f64::INFINITY),
            channels,
            blocks,
        })
    }
}

fn dangling(what: &'static str, owner: &str) -> DeviceError {
    DeviceError::Dangling { what, owner: owner.to_owned() }
}

impl ProcessorKind {
    fn simulated(self) -> platform::ProcessorKind {
        match self {
            Self::Cpu => platform::ProcessorKind::CpuCluster,
            Self::Gpu => platform::ProcessorKind::Gpu,
            Self::Npu => platform::ProcessorKind::Npu,
            Self::Dsp => platform::ProcessorKind::Dsp,
        }
    }
}
