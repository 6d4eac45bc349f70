#!/usr/bin/env python3
"""A sweep on a local cluster of two nodes, of which one is killed in the middle: byte for byte the sweep of one machine.

    python python/tests/ray_cluster.py               # the check, under a minute
    python python/tests/ray_cluster.py --overhead    # also what Ray adds to shards of ten seconds, some minutes
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

import socrates

SHARDS = 12


def sweep_of(points, requests):
    """Points of about the same length."""
    return {
        "schema_version": 1,
        "name": "cluster",
        "strategies": ["heft"],
        "scenario": {
            "schema_version": 1,
            "name": "camera",
            "device": "./phone.toml",
            "stream": [{"model": "resnet50", "requests": requests}],
        },
        "axis": [{"path": "stream[0].requests", "values": [requests + index for index in range(points)]}],
    }


def alive_nodes_come_to(count, patience_s=30):
    """Ray learns of a node's end after a while."""
    end = time.monotonic() + patience_s
    while sum(node["Alive"] for node in ray.nodes()) != count and time.monotonic() < end:
        time.sleep(0.2)
    return sum(node["Alive"] for node in ray.nodes()) == count


def check(folder):
    """One node dies after the first shard; another driver then goes on from what was kept."""
    (folder / "phone.toml").write_text(socrates.Device.load("pixel4").to_toml())
    sweep = sweep_of(points=24, requests=4000)
    whole = socrates.sweep(sweep, folder=folder).points().to_parquet()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        killed = threading.Event()
        alive = []

        def progress(done, _):
            if done >= 1 and not killed.is_set():
                killed.set()
                cluster.remove_node(nodes[0], allow_graceful=False)
                alive.append(done)

        result = socrates.sweep(sweep, folder=folder, engine="ray", shards=SHARDS, cache=folder / "cache", progress=progress)
        assert killed.is_set() and alive[0] < SHARDS, "a node was killed in the middle"
        assert alive_nodes_come_to(2), f"the head and one node are left: {ray.nodes()}"
        assert result.points().to_parquet() == whole, "as on one machine"
        kept = sorted((folder / "cache" / "shards").glob("*/*.parquet"))
        assert len(kept) == SHARDS
        kept[0].unlink()
        kept[1].write_bytes(b"damaged")
        again = socrates.sweep(sweep, folder=folder, engine="ray", shards=SHARDS, cache=folder / "cache")
        assert again.points().to_parquet() == whole and again.simulated == 2 * 24 // SHARDS, "only what is missing is run"
        try:
            socrates.sweep({**sweep, "strategies": ["haft"]}, folder=folder, engine="ray")
        except socrates.InputError as error:
            assert "did you mean `heft`" in str(error)
    finally:
        ray.shutdown()
        cluster.shutdown()
    print(f"byte for byte, with a node killed after {alive[0]} of {SHARDS} shards")


def overhead(folder):
    """Ray against one process, one processor each, in turns; shards of about ten seconds."""
    (folder / "phone.toml").write_text(socrates.Device.load("pixel4").to_toml())
    probe = sweep_of(points=1, requests=20_000)
    socrates.sweep(probe, folder=folder, threads=1)
    begun = time.perf_counter()
    socrates.sweep(probe, folder=folder, threads=1)
    points = max(1, round(2 * 10 / (time.perf_counter() - begun)))
    sweep = sweep_of(points=points, requests=20_000)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    ratios = []
    try:
        socrates.sweep(probe, folder=folder, engine="ray", shards=1)
        for _ in range(3):
            begun = time.perf_counter()
            socrates.sweep(sweep, folder=folder, threads=1)
            between = time.perf_counter()
            socrates.sweep(sweep, folder=folder, engine="ray", shards=2)
            ended = time.perf_counter()
            ratios.append((ended - between) / (between - begun))
            print(f"one process {between - begun:.1f} s, two shards by Ray {ended - between:.1f} s, ratio {ratios[-1]:.3f}", flush=True)
    finally:
        ray.shutdown()
    print(f"Ray / one process: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


def main():
    """The check, and the measurement if wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--overhead", action="store_true", help="measure what Ray adds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder))
        if arguments.overhead:
            overhead(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
