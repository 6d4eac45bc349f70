//! Slices, arrows and counters as Perfetto packets.

use std::collections::BTreeMap;
use std::io::{self, Write};

use prost::Message;

use super::counters::{Counter, Quantity, counters};
use super::flows::flows;
use super::lanes::lanes;
use super::schema::{
    COUNTER, CounterDescriptor, DebugAnnotation, EXPLICIT, ProcessDescriptor, SLICE_BEGIN, SLICE_END, Trace, TracePacket,
    TrackDescriptor, TrackEvent, UNIT_COUNT,
};
use super::slices::{Annotation, Group, Slice, slices};
use crate::RunResult;

/// Writes one run; `number` counts from 1 and keeps its identifiers apart from other runs'.
pub(super) fn run(run: &RunResult<'_>, number: u32, out: &mut impl Write) -> io::Result<()> {
    let slices = slices(run);
    let (lane_of, lane_counts) = lanes(&slices);
    let counters = counters(run);
    let mut tracks = Tracks::new(run, number);
    tracks.add_all(&lane_counts, &counters);
    let mut events = Events { sequence: number, events: Vec::with_capacity(2 * slices.len()) };
    let mut arrows = Arrows::new(run, number);
    for (order, (slice, lane)) in slices.iter().zip(&lane_of).enumerate() {
        let track = tracks.lane(slice.group, *lane);
        let (leaving, arriving) = arrows.of(slice);
        events.slice(order, track, slice, leaving, arriving);
    }
    for counter in &counters {
        events.counter(tracks.counter(counter.quantity), counter);
    }
    write_packets(tracks.packets, out)?;
    write_packets(events.into_packets(), out)
}

fn write_packets(packets: impl IntoIterator<Item = TracePacket>, out: &mut impl Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut trace = Trace { packet: Vec::with_capacity(1) };
    for packet in packets {
        trace.packet.clear();
        trace.packet.push(packet);
        bytes.clear();
        trace.encode(&mut bytes).map_err(io::Error::other)?;
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// The tracks of a run: a tree with the process at its root.
struct Tracks<'a> {
    run: &'a RunResult<'a>,
    base: u64,
    packets: Vec<TracePacket>,
    lanes: BTreeMap<(Group, usize), u64>,
    counters: BTreeMap<Quantity, u64>,
}

impl<'a> Tracks<'a> {
    fn new(run: &'a RunResult<'a>, number: u32) -> Self {
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

    fn add_all(&mut self, lane_counts: &BTreeMap<Group, usize>, counters: &[Counter]) {
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
        let rest = |group: &Group| matches!(group, Group::Link(_) | Group::Strategy);
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
        };
        let counter = Some(CounterDescriptor { unit, unit_name });
        let (name, parent_uuid) = (Some(name), Some(parent));
        let uuid = self.push(TrackDescriptor { name, parent_uuid, counter, ..TrackDescriptor::default() });
        self.counters.insert(quantity, uuid);
    }

    fn lane(&self, group: Group, lane: usize) -> u64 {
        self.lanes[&(group, lane)]
    }

    fn counter(&self, quantity: Quantity) -> u64 {
        self.counters[&quantity]
    }
}

impl Quantity {
    fn processor(self) -> Option<usize> {
        match self {
            Self::BusyCores(processor) | Self::Queue(processor, _) => Some(processor.index()),
            Self::Traffic(_) => None,
        }
    }
}

/// Arrows by the record they leave and the record they arrive at.
struct Arrows {
    leaving: Vec<(usize, u64)>,
    arriving: Vec<(usize, u64)>,
}

impl Arrows {
    fn new(run: &RunResult<'_>, number: u32) -> Self {
        let base = u64::from(number) << 32;
        let (mut leaving, mut arriving) = (Vec::new(), Vec::new());
        for (index, (from, to)) in flows(run).into_iter().enumerate() {
            leaving.push((from, base + index as u64));
            arriving.push((to, base + index as u64));
        }
        leaving.sort_unstable();
        arriving.sort_unstable();
        Self { leaving, arriving }
    }

    /// Arrows that leave and arrive at a slice; the slice of a blocked worker has none, its copy's has them.
    fn of(&mut self, slice: &Slice) -> (Vec<u64>, Vec<u64>) {
        if slice.category == "blocked" {
            return (Vec::new(), Vec::new());
        }
        (of_record(&self.leaving, slice.record), of_record(&self.arriving, slice.record))
    }
}

fn of_record(arrows: &[(usize, u64)], record: usize) -> Vec<u64> {
    let begin = arrows.partition_point(|arrow| arrow.0 < record);
    arrows[begin..].iter().take_while(|arrow| arrow.0 == record).map(|arrow| arrow.1).collect()
}

/// Events with the key they are sorted by: time, then what ended first, then begin before end.
///
/// So every packet is at or after the one before it, each track's slices begin and end in turn, and an arrow leaves before it
/// arrives.
struct Events {
    sequence: u32,
    events: Vec<((u64, usize, u8), TrackEvent)>,
}

impl Events {
    fn slice(&mut self, order: usize, track: u64, slice: &Slice, leaving: Vec<u64>, arriving: Vec<u64>) {
        let begin = TrackEvent {
            r#type: Some(SLICE_BEGIN),
            track_uuid: Some(track),
            name: Some(slice.name.clone()),
            categories: vec![slice.category.to_owned()],
            debug_annotations: slice.annotations.iter().map(annotation).collect(),
            flow_ids: leaving,
            terminating_flow_ids: arriving,
            ..TrackEvent::default()
        };
        let end = TrackEvent { r#type: Some(SLICE_END), track_uuid: Some(track), ..TrackEvent::default() };
        self.events.push(((slice.start_ns, order, 0), begin));
        self.events.push(((slice.end_ns, order, 1), end));
    }

    fn counter(&mut self, track: u64, counter: &Counter) {
        let whole = !matches!(counter.quantity, Quantity::Traffic(_));
        for &(at_ns, value) in &counter.values {
            let event = TrackEvent {
                r#type: Some(COUNTER),
                track_uuid: Some(track),
                counter_value: whole.then_some(value as i64),
                double_counter_value: (!whole).then_some(value),
                ..TrackEvent::default()
            };
            self.events.push(((at_ns, usize::MAX, 2), event));
        }
    }

    fn into_packets(mut self) -> impl Iterator<Item = TracePacket> {
        self.events.sort_by_key(|event| event.0);
        let sequence = self.sequence;
        self.events.into_iter().map(move |((at_ns, _, _), event)| TracePacket {
            timestamp: Some(at_ns),
            trusted_packet_sequence_id: Some(sequence),
            track_event: Some(event),
            ..TracePacket::default()
        })
    }
}

fn annotation(annotation: &Annotation) -> DebugAnnotation {
    match annotation {
        Annotation::Number(name, value) => {
            DebugAnnotation { name: Some((*name).to_owned()), uint_value: Some(*value), string_value: None }
        }
        Annotation::Text(name, value) => {
            DebugAnnotation { name: Some((*name).to_owned()), uint_value: None, string_value: Some(value.clone()) }
        }
    }
}
