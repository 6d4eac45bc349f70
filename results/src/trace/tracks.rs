//! The tree of tracks of a run.

use std::collections::BTreeMap;

use sim::platform::Device;
use sim::record;

use super::counters::{Counter, Quantity};
use super::schema::{CounterDescriptor, EXPLICIT, ProcessDescriptor, TracePacket, TrackDescriptor, UNIT_COUNT};
use super::slices::Group;
use crate::RunResult;

/// The tracks of a run: a tree with the process at its root.
pub(super) struct Tracks<'a> {
    run: &'a RunResult<'a>,
    base: u64,
    pub(super) packets: Vec<TracePacket>,
    lanes: BTreeMap<(Group, usize), u64>,
    counters: BTreeMap<Quantity, u64>,
}

impl<'a> Tracks<'a> {
    pub(super) fn new(run: &'a RunResult<'a>, number: u32) -> Self {
        let (lanes, counters) = (BTreeMap::new(), BTreeMap::new());
        let mut tracks = Self { run, base: u64::from(number) << 32, packets: Vec::new(), lanes, counters };
        let name = format!("{} | {} | {}", run.case, run.strategy, run.origin.name());
        let process = ProcessDescriptor { pid: i32::try_from(number).ok(), process_name: Some(name) };
        tracks.push(TrackDescriptor { process: Some(process), ..TrackDescriptor::default() });
        tracks
    }

    fn root(&self) -> u64 {
        self.base
    }

    /// Adds a track; its number among all of the run is its rank.
    fn push(&mut self, descriptor: TrackDescriptor) -> u64 {
        let uuid = self.base + self.packets.len() as u64;
        let rank = i32::try_from(self.packets.len()).ok();
        let descriptor =
            TrackDescriptor { uuid: Some(uuid), child_ordering: Some(EXPLICIT), sibling_order_rank: rank, ..descriptor };
        self.packets.push(TracePacket { track_descriptor: Some(descriptor), ..TracePacket::default() });
        uuid
    }

    fn child(&mut self, parent: u64, name: &str) -> u64 {
        self.push(TrackDescriptor { name: Some(name.to_owned()), parent_uuid: Some(parent), ..TrackDescriptor::default() })
    }

    pub(super) fn add_all(&mut self, lane_counts: &BTreeMap<Group, usize>, counters: &[Counter]) {
        let device = self.run.device;
        for (&group, &count) in lane_counts.iter().filter(|(group, _)| matches!(group, Group::Requests(_))) {
            self.add_lanes(self.root(), group, count);
        }
        for (index, processor) in device.processors().iter().enumerate() {
            let parent = self.child(self.root(), &processor.name);
            for counter in counters.iter().filter(|counter| counter.quantity.processor() == Some(index)) {
                self.add_counter(parent, counter.quantity);
            }
            let own = |group: &Group| matches!(group, Group::Worker(processor, _) if processor.index() == index);
            for (&group, &count) in lane_counts.iter().filter(|(group, _)| own(group)) {
                self.add_lanes(parent, group, count);
            }
        }
        let rest = |group: &Group| matches!(group, Group::Link(_) | Group::Strategy | Group::Frames(_));
        for (&group, &count) in lane_counts.iter().filter(|(group, _)| rest(group)) {
            self.add_lanes(self.root(), group, count);
        }
        for counter in counters.iter().filter(|counter| counter.quantity.processor().is_none()) {
            self.add_counter(self.root(), counter.quantity);
        }
    }

    fn add_lanes(&mut self, parent: u64, group: Group, count: usize) {
        let (device, models) = (self.run.device, self.run.models);
        let name = match group {
            Group::Requests(model) => format!("requests of {}", models[model.index()].model.name),
            Group::Worker(_, worker) => format!("worker {}", device.worker(worker).name),
            Group::Link(link) => format!("link {}", device.link(link).name),
            Group::Strategy => "strategy".to_owned(),
            Group::Frames(processor) => format!("frames on {}", device.processor(processor).name),
        };
        for lane in 0..count {
            let uuid = self.child(parent, &name);
            self.lanes.insert((group, lane), uuid);
        }
    }

    fn add_counter(&mut self, parent: u64, quantity: Quantity) {
        let device = self.run.device;
        let (name, unit, unit_name) = match quantity {
            Quantity::BusyCores(processor) => {
                (format!("busy cores of {}", device.processor(processor).name), Some(UNIT_COUNT), None)
            }
            Quantity::Queue(_, worker) => (format!("queue of {}", device.worker(worker).name), Some(UNIT_COUNT), None),
            Quantity::Traffic(channel) => {
                (format!("traffic on {}", device.channels()[channel.index()].name), None, Some("GB/s".to_owned()))
            }
            Quantity::State(quantity) => {
                let (name, unit) = of_state(device, quantity);
                (name, None, Some(unit.to_owned()))
            }
        };
        let counter = Some(CounterDescriptor { unit, unit_name });
        let (name, parent_uuid) = (Some(name), Some(parent));
        let uuid = self.push(TrackDescriptor { name, parent_uuid, counter, ..TrackDescriptor::default() });
        self.counters.insert(quantity, uuid);
    }

    pub(super) fn lane(&self, group: Group, lane: usize) -> u64 {
        self.lanes[&(group, lane)]
    }

    pub(super) fn counter(&self, quantity: Quantity) -> u64 {
        self.counters[&quantity]
    }
}

impl Quantity {
    fn processor(self) -> Option<usize> {
        match self {
            Self::BusyCores(processor)
            | Self::Queue(processor, _)
            | Self::State(
                record::Quantity::Frequency(processor)
                | record::Quantity::Cap(processor)
                | record::Quantity::Availability(processor),
            ) => Some(processor.index()),
            Self::Traffic(_) | Self::State(_) => None,
        }
    }
}

/// Name and unit of what is recorded as it is.
fn of_state(device: &Device, quantity: record::Quantity) -> (String, &'static str) {
    match quantity {
        record::Quantity::Frequency(processor) => (format!("frequency of {}", device.processor(processor).name), "kHz"),
        record::Quantity::Cap(processor) => (format!("points off by heat of {}", device.processor(processor).name), "points"),
        record::Quantity::Temperature(node) => {
            let node = device.thermal().and_then(|thermal| thermal.nodes.get(node as usize));
            (format!("temperature of {}", node.map_or("a node", |node| node.name.as_str())), "C")
        }
        record::Quantity::Power => ("power".to_owned(), "W"),
        record::Quantity::Availability(processor) => (format!("availability of {}", device.processor(processor).name), "there"),
        record::Quantity::LostWork(processor) => (format!("work lost on {}", device.processor(processor).name), "s"),
        record::Quantity::Timeouts => ("kernels that took too long".to_owned(), "kernels"),
        record::Quantity::OutageDrops => ("requests dropped by outages".to_owned(), "requests"),
        record::Quantity::ActiveEnergy(_)
        | record::Quantity::IdleEnergy(_)
        | record::Quantity::MemoryEnergy
        | record::Quantity::BaseEnergy => ("energy".to_owned(), "J"),
    }
}
