//! Slices, arrows and counters as Perfetto packets.

use std::collections::BTreeMap;
use std::io::{self, Write};

use prost::Message;
use sim::platform::Device;
use sim::record;

use super::counters::{Counter, Quantity, counters};
use super::flows::flows;
use super::lanes::lanes;
use super::links::{Link, Side, links};
use super::schema::{
    COUNTER, CounterDescriptor, DebugAnnotation, EXPLICIT, ProcessDescriptor, SLICE_BEGIN, SLICE_END, Trace, TracePacket,
    TrackDescriptor, TrackEvent, UNIT_COUNT,
};
use super::slices::{Annotation, Category, Group, Slice, describe, slices};
use crate::RunResult;

/// Writes one run; `number` counts from 1 and keeps its identifiers apart from other runs'.
pub(super) fn run(run: &RunResult<'_>, number: u32, out: &mut impl Write) -> io::Result<()> {
    let mut packets = Packets { out, trace: Trace::default(), bytes: Vec::new() };
    encode(run, number, &[], &mut |packet| packets.write(packet))
}

/// Writes two runs of the same requests, numbered `number` and `number + 1`, in order of time, with arrows from the one to the other.
pub(super) fn both(one: &RunResult<'_>, other: &RunResult<'_>, number: u32, out: &mut impl Write) -> io::Result<()> {
    let links = links(one, other);
    let mut all: Vec<TracePacket> = Vec::new();
    for (run, number, side) in [(one, number, Side::One), (other, number + 1, Side::Other)] {
        let ends = ends(&links, side, number - u32::from(side == Side::Other));
        encode(run, number, &ends, &mut |packet| {
            all.push(packet);
            Ok(())
        })?;
    }
    // Tracks first; of one time the first run, from which arrows leave then.
    all.sort_by_key(|packet| packet.timestamp);
    let mut packets = Packets { out, trace: Trace::default(), bytes: Vec::new() };
    all.into_iter().try_for_each(|packet| packets.write(packet))
}

/// Ends of arrows between two runs, for the arrows of one of them: record, identifier, whether it leaves there.
fn ends(links: &[Link], side: Side, number: u32) -> Vec<(usize, u64, bool)> {
    // Above all identifiers of arrows within a run, which are fewer than half of what 32 bits hold.
    let base = (u64::from(number) << 32) + (1 << 31);
    let end = |(index, link): (usize, &Link)| match side {
        Side::One => (link.one, base + index as u64, link.leaves == Side::One),
        Side::Other => (link.other, base + index as u64, link.leaves == Side::Other),
    };
    links.iter().enumerate().map(end).collect()
}

/// Hands over the packets of a run in order; `ends` are arrows from and to another run.
fn encode(
    run: &RunResult<'_>,
    number: u32,
    ends: &[(usize, u64, bool)],
    write: &mut dyn FnMut(TracePacket) -> io::Result<()>,
) -> io::Result<()> {
    let slices = slices(run);
    let (lane_of, lane_counts) = lanes(&slices);
    let counters = counters(run);
    let mut tracks = Tracks::new(run, number);
    tracks.add_all(&lane_counts, &counters);
    for packet in std::mem::take(&mut tracks.packets) {
        write(packet)?;
    }
    let arrows = Arrows::new(run, number, ends);
    for moment in moments(&slices, &counters) {
        let track_event = match moment.what {
            What::Begin => {
                let slice = &slices[moment.index];
                begin(run, tracks.lane(slice.group, lane_of[moment.index]), slice, &arrows)
            }
            What::End => {
                let track_uuid = Some(tracks.lane(slices[moment.index].group, lane_of[moment.index]));
                TrackEvent { r#type: Some(SLICE_END), track_uuid, ..TrackEvent::default() }
            }
            What::Value(value) => {
                let quantity = counters[moment.index].quantity;
                sample(tracks.counter(quantity), quantity, value)
            }
        };
        write(TracePacket {
            timestamp: Some(moment.at_ns),
            trusted_packet_sequence_id: Some(number),
            track_event: Some(track_event),
            ..TracePacket::default()
        })?;
    }
    Ok(())
}

/// Packets on their way out, one after the other.
struct Packets<'a, W> {
    out: &'a mut W,
    trace: Trace,
    bytes: Vec<u8>,
}

impl<W: Write> Packets<'_, W> {
    fn write(&mut self, packet: TracePacket) -> io::Result<()> {
        self.trace.packet.clear();
        self.trace.packet.push(packet);
        self.bytes.clear();
        self.trace.encode(&mut self.bytes).map_err(io::Error::other)?;
        self.out.write_all(&self.bytes)
    }
}

/// What happens on a track at one time.
#[derive(Clone, Copy, Debug)]
enum What {
    Begin,
    End,
    Value(f64),
}

/// Something that happens, to the slice or counter of an index.
#[derive(Clone, Copy, Debug)]
struct Moment {
    at_ns: u64,
    index: usize,
    what: What,
}

impl Moment {
    fn key(&self) -> (u64, usize, u8) {
        match self.what {
            What::Begin => (self.at_ns, self.index, 0),
            What::End => (self.at_ns, self.index, 1),
            What::Value(_) => (self.at_ns, usize::MAX, 2),
        }
    }
}

/// All that happens, in order of time, then of what ends first, then begin before end.
///
/// So every packet is at or after the one before it, each track's slices begin and end in turn, and an arrow leaves before it
/// arrives.
fn moments(slices: &[Slice], counters: &[Counter]) -> Vec<Moment> {
    let mut moments = Vec::with_capacity(2 * slices.len());
    for (index, slice) in slices.iter().enumerate() {
        moments.push(Moment { at_ns: slice.start_ns, index, what: What::Begin });
        moments.push(Moment { at_ns: slice.end_ns, index, what: What::End });
    }
    for (index, counter) in counters.iter().enumerate() {
        moments.extend(counter.values.iter().map(|&(at_ns, value)| Moment { at_ns, index, what: What::Value(value) }));
    }
    moments.sort_by_key(Moment::key);
    moments
}

fn begin(run: &RunResult<'_>, track: u64, slice: &Slice, arrows: &Arrows) -> TrackEvent {
    let (name, annotations) = describe(run, &run.records[slice.record]);
    let (flow_ids, terminating_flow_ids) = arrows.of(slice);
    TrackEvent {
        r#type: Some(SLICE_BEGIN),
        track_uuid: Some(track),
        name: Some(name),
        categories: vec![slice.category.name().to_owned()],
        debug_annotations: annotations.into_iter().map(annotation).collect(),
        flow_ids,
        terminating_flow_ids,
        ..TrackEvent::default()
    }
}

fn sample(track: u64, quantity: Quantity, value: f64) -> TrackEvent {
    let whole = matches!(quantity, Quantity::BusyCores(_) | Quantity::Queue(..));
    TrackEvent {
        r#type: Some(COUNTER),
        track_uuid: Some(track),
        counter_value: whole.then_some(value as i64),
        double_counter_value: (!whole).then_some(value),
        ..TrackEvent::default()
    }
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

/// Arrows by the record they leave and the record they arrive at.
struct Arrows {
    leaving: Vec<(usize, u64)>,
    arriving: Vec<(usize, u64)>,
}

impl Arrows {
    fn new(run: &RunResult<'_>, number: u32, ends: &[(usize, u64, bool)]) -> Self {
        let base = u64::from(number) << 32;
        let (mut leaving, mut arriving) = (Vec::new(), Vec::new());
        for (index, (from, to)) in flows(run).into_iter().enumerate() {
            leaving.push((from, base + index as u64));
            arriving.push((to, base + index as u64));
        }
        for &(record, arrow, leaves) in ends {
            if leaves { &mut leaving } else { &mut arriving }.push((record, arrow));
        }
        leaving.sort_unstable();
        arriving.sort_unstable();
        Self { leaving, arriving }
    }

    /// Arrows that leave and arrive at a slice; the slice of a blocked worker has none, its copy's has them.
    fn of(&self, slice: &Slice) -> (Vec<u64>, Vec<u64>) {
        if slice.category == Category::Blocked {
            return (Vec::new(), Vec::new());
        }
        (of_record(&self.leaving, slice.record), of_record(&self.arriving, slice.record))
    }
}

fn of_record(arrows: &[(usize, u64)], record: usize) -> Vec<u64> {
    let begin = arrows.partition_point(|arrow| arrow.0 < record);
    arrows[begin..].iter().take_while(|arrow| arrow.0 == record).map(|arrow| arrow.1).collect()
}

fn annotation(annotation: Annotation) -> DebugAnnotation {
    let (name, uint_value, string_value) = match annotation {
        Annotation::Number(name, value) => (name, Some(value), None),
        Annotation::Text(name, value) => (name, None, Some(value)),
    };
    DebugAnnotation { name: Some(name.to_owned()), uint_value, string_value }
}
