"""Shards of sweeps as tasks of a Ray cluster.

A shard is a pure function of the files and its number: a task that is lost with its node is run again somewhere else, and gives the same bytes. What
comes back is put on disk whole, under the digest of the sweep, before it counts as done: a driver that dies goes on from there.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from socrates import _native
from socrates._native import InputError, SocratesError

#: How often the same shard may be lost with its worker.
RETRIES = 8
#: Shards for each processor, unless told: so that the last to end are not waited for long.
SHARDS_PER_PROCESSOR = 4

Files = dict[str, bytes]


def run(
    plan: _native.SweepPlan,
    text: str,
    name: str,
    folder: str,
    cache: str | None,
    address: str | None,
    threads: int | None,
    shards: int | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[_native.Points, int]:
    """All shards of a sweep, merged, and how many runs were there already."""
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise InputError("`ray` is not installed: `pip install ray`, or install socrates with its extra `ray`") from error
    files, sweep_file = gathered(text, name, folder)
    is_ours = not ray.is_initialized()
    if is_ours:
        options: dict[str, Any] = {"address": address} if address else {"num_cpus": threads, "include_dashboard": False}
        ray.init(log_to_driver=False, **options)
    try:
        if shards is None:
            processors = int(ray.cluster_resources().get("CPU", 1))
            shards = max(1, min(plan.points, processors * SHARDS_PER_PROCESSOR))
        done = _Done(plan, shards, cache)
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(shard)
        sent = ray.put(files)
        waiting = {
            task.remote(sent, sweep_file, plan.digest, index, shards): index for index in range(shards) if index not in done.parts
        }
        total = shards
        while waiting:
            if progress:
                progress(total - len(waiting), total)
            ready, _ = ray.wait(list(waiting), num_returns=1)
            for reference in ready:
                done.keep(waiting.pop(reference), _gotten(ray, reference))
        if progress:
            progress(total, total)
    finally:
        if is_ours:
            ray.shutdown()
    of_cached = sum(len(range(index, plan.points, shards)) for index in done.found) * plan.runs_of_point
    return _native.Points.merge(list(done.parts.values())), of_cached


def _gotten(ray: Any, reference: Any) -> bytes:
    try:
        found: bytes = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        raise cause if isinstance(cause, SocratesError) else error from error
    return found


class _Done:
    """Shards that are done: in memory, and on disk where there is a cache."""

    def __init__(self, plan: _native.SweepPlan, count: int, cache: str | None) -> None:
        self.parts: dict[int, _native.Points] = {}
        self.found: list[int] = []
        self._folder = None if cache is None else Path(cache) / "shards" / f"{plan.digest}-{count}"
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            path = self._folder / f"{index}.parquet"
            try:
                self.parts[index] = _native.Points.from_bytes(str(path), path.read_bytes())
                self.found.append(index)
            except (OSError, SocratesError):
                # Not there, or damaged: it is run again.
                continue

    def keep(self, index: int, data: bytes) -> None:
        """A shard is done."""
        self.parts[index] = _native.Points.from_bytes(f"shard {index}", data)
        if self._folder is not None:
            _native.write_atomic(str(self._folder / f"{index}.parquet"), data)


#: The sweep that this worker is at, and the folder of its files.
_current: dict[str, tuple[_native.SweepPlan, Any]] = {}


def shard(files: Files, sweep_file: str, digest: str, index: int, count: int) -> bytes:
    """One shard, on some node."""
    if digest not in _current:
        folder = tempfile.TemporaryDirectory(prefix="socrates-")
        for relative, data in files.items():
            path = Path(folder.name) / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        plan = _native.SweepPlan.load(os.path.join(folder.name, sweep_file))
        if plan.digest != digest:
            raise InputError("a worker finds another sweep: it has another version of socrates, or other files at absolute paths")
        _current.clear()
        _current[digest] = plan, folder
    return _current[digest][0].run_shard(index, count, 1, None).to_bytes()


def gathered(text: str, name: str, folder: str) -> tuple[Files, str]:
    """The files that a sweep refers to by relative paths, by their place under a common root; and the place of the sweep itself."""
    found: dict[str, bytes] = {os.path.abspath(os.path.join(folder, name)): text.encode()}
    _gather(text, os.path.abspath(folder), found)
    root = os.path.commonpath([os.path.dirname(path) for path in found])
    files = {os.path.relpath(path, root): data for path, data in found.items()}
    return files, os.path.relpath(os.path.join(os.path.abspath(folder), name), root)


def _gather(text: str, folder: str, found: dict[str, bytes]) -> None:
    for value in _texts(_native.toml_to_dict(text)):
        path = os.path.normpath(os.path.join(folder, value))
        if os.path.isabs(value) or path in found or len(value) > 4096 or "\n" in value or not os.path.isfile(path):
            continue
        found[path] = Path(path).read_bytes()
        if path.endswith(".toml"):
            _gather(found[path].decode(), os.path.dirname(path), found)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []
