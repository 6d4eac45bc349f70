//! What must hold between the parts of a device.

use super::{DeviceBuilder, DeviceError, out_of_range};
use crate::identifiers::{LinkId, MemoryId};
use crate::platform::ProcessorKind;

impl DeviceBuilder {
    pub(super) fn check_memory_shares(&self, errors: &mut Vec<DeviceError>) {
        for &(worker, share) in &self.memory_shares {
            match self.workers.get(worker.index()) {
                None => errors.push(DeviceError::Dangling { what: "worker with a memory share", owner: self.name.clone() }),
                Some(worker) if !(0.0..=1.0).contains(&share) => {
                    errors.push(out_of_range("memory share", &worker.name, share, "between 0 and 1"));
                }
                Some(_) => {}
            }
        }
    }

    pub(super) fn check_slowdowns(&self, errors: &mut Vec<DeviceError>) {
        for &(worker, _) in &self.slowdowns {
            let Some(worker) = self.workers.get(worker.index()) else {
                errors.push(DeviceError::Dangling { what: "worker with a slowdown", owner: self.name.clone() });
                continue;
            };
            if self.dram.is_none() {
                errors.push(DeviceError::NoDram { worker: worker.name.clone() });
            }
        }
    }

    pub(super) fn check_fallbacks(&self, errors: &mut Vec<DeviceError>) {
        for &(worker, cpu) in &self.fallbacks {
            let Some(worker) = self.workers.get(worker.index()) else {
                errors.push(DeviceError::Dangling { what: "worker that falls back", owner: self.name.clone() });
                continue;
            };
            match self.workers.get(cpu.index()) {
                None => errors.push(DeviceError::Dangling { what: "worker to fall back to", owner: worker.name.clone() }),
                Some(cpu) if cpu.kind != ProcessorKind::CpuCluster || cpu.name == worker.name => {
                    errors.push(out_of_range("worker to fall back to", &worker.name, &cpu.name, "another one, of a CPU"));
                }
                Some(_) => {}
            }
        }
    }

    pub(super) fn check_names(&self, errors: &mut Vec<DeviceError>) {
        let mut check = |what: &'static str, names: Vec<&str>| {
            let mut sorted = names;
            sorted.sort_unstable();
            for pair in sorted.windows(2) {
                if pair[0] == pair[1] {
                    errors.push(DeviceError::Duplicate { what, name: pair[0].to_owned() });
                }
            }
        };
        check("processor", self.processors.iter().map(|it| it.name.as_str()).collect());
        check("worker", self.workers.iter().map(|it| it.name.as_str()).collect());
        check("memory", self.memories.iter().map(|it| it.name.as_str()).collect());
        check("channel", self.channels.iter().map(|it| it.name.as_str()).collect());
        check("link", self.links.iter().map(|it| it.name.as_str()).collect());
    }

    pub(super) fn check_workers(&self, errors: &mut Vec<DeviceError>) {
        if self.workers.is_empty() {
            errors.push(DeviceError::NoWorker);
        }
        for processor in &self.processors {
            if processor.cores == 0 {
                errors.push(out_of_range("number of cores", &processor.name, 0, "at least 1"));
            }
        }
        for worker in &self.workers {
            if worker.demands.is_empty() {
                errors.push(out_of_range("number of processors", &worker.name, 0, "at least 1"));
            }
            for &(processor, cores) in &worker.demands {
                match self.processors.get(processor.index()) {
                    None => errors.push(DeviceError::Dangling { what: "processor", owner: worker.name.clone() }),
                    Some(processor) if cores == 0 || cores > processor.cores => {
                        errors.push(out_of_range("number of cores", &worker.name, cores, "from 1 to the processor's cores"));
                    }
                    Some(_) => {}
                }
            }
            if !worker.demands.is_sorted_by(|one, next| one.0 < next.0) {
                errors.push(out_of_range("order of processors", &worker.name, "mixed", "ascending, each processor once"));
            }
            if worker.memory.index() >= self.memories.len() {
                errors.push(DeviceError::Dangling { what: "memory", owner: worker.name.clone() });
            }
        }
    }

    pub(super) fn check_links(&self, errors: &mut Vec<DeviceError>) {
        for channel in &self.channels {
            if !(channel.bytes_per_second.is_finite() && channel.bytes_per_second > 0.0) {
                errors.push(out_of_range("bandwidth", &channel.name, channel.bytes_per_second, "finite and above 0"));
            }
        }
        for link in &self.links {
            if link.bytes_per_second.is_nan() || link.bytes_per_second <= 0.0 {
                errors.push(out_of_range("bandwidth", &link.name, link.bytes_per_second, "above 0"));
            }
            if !(link.ns_per_byte.is_finite() && link.ns_per_byte >= 0.0) {
                errors.push(out_of_range("transformation cost per byte", &link.name, link.ns_per_byte, "finite and at least 0"));
            }
            for &(channel, bytes_per_byte) in &link.channels {
                if channel.index() >= self.channels.len() {
                    errors.push(DeviceError::Dangling { what: "channel", owner: link.name.clone() });
                }
                if !(bytes_per_byte.is_finite() && bytes_per_byte > 0.0) {
                    errors.push(out_of_range("channel use per byte", &link.name, bytes_per_byte, "finite and above 0"));
                }
            }
            if !link.channels.is_empty() && !link.bytes_per_second.is_finite() {
                errors.push(out_of_range("bandwidth", &link.name, "infinite", "finite where the link draws on a shared channel"));
            }
            if link.blocks.is_some_and(|worker| worker.index() >= self.workers.len()) {
                errors.push(DeviceError::Dangling { what: "blocked worker", owner: link.name.clone() });
            }
        }
    }

    pub(super) fn routes(&self, errors: &mut Vec<DeviceError>) -> Vec<Option<LinkId>> {
        let count = self.memories.len();
        let mut routes = vec![None; count * count];
        let name = |memory: usize| self.memories[memory].name.clone();
        for (index, link) in self.links.iter().enumerate() {
            let (from, to) = (link.from.index(), link.to.index());
            if from >= count || to >= count {
                errors.push(DeviceError::Dangling { what: "memory", owner: link.name.clone() });
            } else if from == to {
                errors.push(out_of_range("destination", &link.name, name(to), "another memory than the source"));
            } else if routes[from * count + to].replace(LinkId::from_index(index)).is_some() {
                errors.push(DeviceError::TwoRoutes { from: name(from), to: name(to) });
            }
        }
        let mut used: Vec<usize> =
            self.workers.iter().map(|worker| worker.memory.index()).filter(|&index| index < count).collect();
        used.push(self.host.unwrap_or(MemoryId(0)).index().min(count.saturating_sub(1)));
        used.sort_unstable();
        used.dedup();
        for &from in &used {
            for &to in &used {
                if from != to && routes[from * count + to].is_none() {
                    errors.push(DeviceError::NoRoute { from: name(from), to: name(to) });
                }
            }
        }
        routes
    }
}
