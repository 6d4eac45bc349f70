//! Slices, arrows and counters as Perfetto packets.

use std::io::{self, Write};

use prost::Message;

use super::arrows::Arrows;
use super::counters::{Counter, Quantity, counters};
use super::lanes::lanes;
use super::links::{Link, Side, links};
use super::schema::{COUNTER, DebugAnnotation, SLICE_BEGIN, SLICE_END, Trace, TracePacket, TrackEvent};
use super::slices::{Annotation, Slice, describe, slices};
use super::tracks::Tracks;
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

fn annotation(annotation: Annotation) -> DebugAnnotation {
    let (name, uint_value, string_value) = match annotation {
        Annotation::Number(name, value) => (name, Some(value), None),
        Annotation::Text(name, value) => (name, None, Some(value)),
    };
    DebugAnnotation { name: Some(name.to_owned()), uint_value, string_value }
}
