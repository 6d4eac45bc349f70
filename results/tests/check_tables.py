"""Checks that pyarrow reads the Parquet tables of DIRECTORY, and that they say what DIRECTORY/run.json says.

Usage: python results/tests/check_tables.py DIRECTORY
"""

import hashlib
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TEXT = {"case", "strategy", "model", "outcome", "name", "kind", "part", "worker", "processors"}
TEXT |= {"link", "from_memory", "to_memory", "quantity", "of"}
REAL = {"value"}
OPTIONAL = {"deadline_ns", "producer_task"}


def read(directory, name):
    path = directory / f"{name}.parquet"
    table = pq.read_table(path)
    for field in table.schema:
        expected = pa.string() if field.name in TEXT else pa.float64() if field.name in REAL else pa.int64()
        assert field.type == expected, f"{name}.{field.name} is {field.type}, expected {expected}"
        assert field.nullable == (field.name in OPTIONAL), f"{name}.{field.name}: nullable is {field.nullable}"
    metadata = pq.read_metadata(path).metadata
    assert metadata[b"socrates.schema_version"] == b"4", metadata
    return table


def of_case(table, case):
    return table.filter((pc.field("case") == case["case"]) & (pc.field("strategy") == case["strategy"]))


def total(column):
    return pc.sum(column).as_py() or 0


def main(directory):
    run = json.loads((directory / "run.json").read_text())
    names = ["requests", "operators", "copies", "frames", "states"]
    requests, operators, copies, frames, states = (read(directory, name) for name in names)
    for entry in run["files"]:
        contents = (directory / entry["name"]).read_bytes()
        assert hashlib.sha256(contents).hexdigest() == entry["sha256"], entry["name"]
        assert len(contents) == entry["bytes"], entry["name"]
    rows = {entry["name"]: entry["rows"] for entry in run["files"]}
    for name, table in zip(names, [requests, operators, copies, frames, states]):
        assert rows[f"{name}.parquet"] == len(table), name
    for case in run["cases"]:
        totals, counts = case["report"]["totals"], case["report"]["requests"]
        mine = of_case(requests, case)
        for outcome in ["completed", "dropped", "unfinished"]:
            assert len(mine.filter(pc.field("outcome") == outcome)) == counts[outcome], outcome
        mine = of_case(operators, case)
        assert len(mine) == totals["kernels"]
        assert total(pc.subtract(mine["end_ns"], mine["start_ns"])) == totals["kernel_ns"]
        assert total(mine["solo_ns"]) == totals["kernel_solo_ns"]
        mine = of_case(copies, case)
        assert len(mine) == totals["copies"]
        assert total(mine["size_bytes"]) == totals["copy_bytes"]
        interface = case["report"].get("interface")
        mine = of_case(frames, case)
        assert (interface is None) == (len(mine) == 0)
        if interface is not None:
            for outcome in ["shown", "skipped", "unfinished"]:
                assert len(mine.filter(pc.field("outcome") == outcome)) == interface[outcome], outcome
        device = case["report"].get("device") or {}
        for node in device.get("temperatures", []):
            mine = of_case(states, case).filter((pc.field("quantity") == "temperature_celsius") & (pc.field("of") == node["node"]))
            assert abs(mine["value"][-1].as_py() - node["end_celsius"]) < 1e-9, node
        for model in case["report"]["models"]:
            done = of_case(requests, case).filter((pc.field("model") == model["name"]) & (pc.field("outcome") == "completed"))
            if model["latency"] is None:
                assert len(done) == 0
                continue
            latency = pc.subtract(done["ended_ns"], done["arrived_ns"])
            # pyarrow's linear interpolation is the quantile of type 7.
            for name, probability in [("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99)]:
                found = pc.quantile(latency, q=probability, interpolation="linear")[0].as_py()
                assert abs(found - model["latency"][name]) <= 1e-9 * found, (name, found, model["latency"])
    print(f"{len(requests)} requests, {len(operators)} kernels, {len(copies)} copies, {len(frames)} frames, {len(states)} states: fine")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
