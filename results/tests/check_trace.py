"""Checks DIRECTORY/trace.pftrace against Perfetto's official schema and against DIRECTORY/run.json.

Usage: python results/tests/check_trace.py DIRECTORY
"""

import json
import sys
from collections import Counter
from pathlib import Path

from google.protobuf.unknown_fields import UnknownFieldSet
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent


def check_no_unknown_fields(message, path="Trace"):
    """Every field that was written is known to the schema, with its type."""
    unknown = UnknownFieldSet(message)
    assert len(unknown) == 0, f"{path} has unknown fields {[field.field_number for field in unknown]}"
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for child in value if field.is_repeated else [value]:
            check_no_unknown_fields(child, f"{path}.{field.name}")


def read_tracks(trace):
    """Tracks by identifier; parents stand before their children."""
    tracks = {}
    for packet in trace.packet:
        if not packet.HasField("track_descriptor"):
            continue
        track = packet.track_descriptor
        assert track.uuid not in tracks, f"two tracks {track.uuid}"
        assert not track.HasField("parent_uuid") or track.parent_uuid in tracks, f"track `{track.name}` before its parent"
        tracks[track.uuid] = track
    return tracks


def root_of(tracks, uuid):
    while tracks[uuid].HasField("parent_uuid"):
        uuid = tracks[uuid].parent_uuid
    return tracks[uuid]


def check_events(trace, tracks):
    """Times ascend, slices nest, arrows leave once and then arrive once; counts slices by (process, category)."""
    open_slices, before, left, arrived, counts = {}, Counter(), set(), set(), Counter()
    for packet in trace.packet:
        if not packet.HasField("track_event"):
            continue
        sequence, event = packet.trusted_packet_sequence_id, packet.track_event
        assert sequence > 0, "an event without a sequence"
        assert packet.timestamp >= before[sequence], f"time runs backwards at {packet.timestamp} ns"
        before[sequence] = packet.timestamp
        track = tracks[event.track_uuid]
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            assert event.track_uuid not in open_slices, f"`{event.name}` begins inside another slice of `{track.name}`"
            open_slices[event.track_uuid] = packet.timestamp
            counts[root_of(tracks, track.uuid).process.process_name, event.categories[0]] += 1
        elif event.type == TrackEvent.TYPE_SLICE_END:
            assert open_slices.pop(event.track_uuid) <= packet.timestamp, f"a slice of `{track.name}` ends before it begins"
        else:
            assert event.type == TrackEvent.TYPE_COUNTER and track.HasField("counter"), f"`{track.name}` is no counter"
        for flow in event.terminating_flow_ids:
            assert flow in left and flow not in arrived, f"arrow {flow} arrives twice, or before it leaves"
            arrived.add(flow)
        for flow in event.flow_ids:
            assert flow not in left, f"arrow {flow} leaves twice"
            left.add(flow)
    assert not open_slices, f"slices without an end on {[tracks[uuid].name for uuid in open_slices]}"
    assert left == arrived, f"arrows that never arrive: {sorted(left - arrived)}"
    return counts, len(left)


def check_counts(counts, run):
    """As many kernels, copies, invocations and requests as `run.json` says."""
    for case in run["cases"]:
        process = f"{case['case']} | {case['strategy']} | {case['origin']}"
        report = case["report"]
        expected = {
            "kernel": report["totals"]["kernels"],
            "copy": report["totals"]["copies"],
            "invocation": report["totals"]["invocations"],
            "decision": report["totals"]["decisions"],
            "request": report["requests"]["completed"] + report["requests"]["dropped"] + report["requests"]["unfinished"],
        }
        for category, count in expected.items():
            found = counts[process, category]
            assert found == count, f"`{process}` has {found} slices of category {category}, run.json says {count}"


def main(directory):
    trace = Trace.FromString((directory / "trace.pftrace").read_bytes())
    run = json.loads((directory / "run.json").read_text())
    check_no_unknown_fields(trace)
    tracks = read_tracks(trace)
    counts, arrows = check_events(trace, tracks)
    check_counts(counts, run)
    print(f"{len(trace.packet)} packets, {len(tracks)} tracks, {sum(counts.values())} slices, {arrows} arrows: fine")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
