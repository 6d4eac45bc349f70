"""Sweeps: a scenario over a grid or a sample of its fields, on this machine or on a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

from socrates import _native
from socrates._native import InputError
from socrates._scenario import Reference
from socrates._table import Table


@dataclass(frozen=True)
class SweepResult:
    """What a sweep came to."""

    #: What `sweep.json` says: design, axes, provenance.
    about: dict[str, Any]
    #: Runs that were simulated.
    simulated: int
    #: Runs, or on a cluster those of whole shards, that were there already.
    cached: int
    #: Damaged parts of the cache: what they held was simulated again.
    damaged: list[str]
    #: Why rows have no figures, with their number.
    failures: list[tuple[str, int]]
    _points: _native.Points = field(repr=False, compare=False)

    def points(self) -> Table:
        """One row for each point, case, strategy, replicate and stream."""
        return Table(parquet=self._points.to_bytes())

    def write(self, directory: Reference) -> Path:
        """Writes `sweep.json` and `points.parquet`, as `socrates sweep` does."""
        self._points.write(os.fspath(directory))
        return Path(directory)


AnySweep = Union[Reference, "dict[str, Any]"]


def sweep(
    sweep: AnySweep,
    *,
    engine: str = "local",
    threads: int | None = None,
    cache: Reference | None = None,
    output: Reference | None = None,
    folder: Reference = "",
    address: str | None = None,
    shards: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SweepResult:
    """Runs a sweep: a file, or a dictionary laid out as one, whose relative paths start at `folder`.

    With `engine="ray"` shards are tasks of a Ray cluster: the one at `address` (`"auto"` finds it), the one that is connected already, or one of `threads`
    processors on this machine. Lost workers are made up for; files that the sweep refers to by relative paths are sent along. Results are equal,
    byte for byte, wherever and in however many `shards` they are made. `cache` is a folder of results to go on from: of runs, on a cluster of
    whole shards. `progress` is told of shards done and in all.
    """
    if isinstance(sweep, dict):
        text, name, start = _native.Scenario.toml_of(sweep), "sweep.toml", os.fspath(folder)
    else:
        path = os.fspath(sweep)
        name, start = os.path.basename(path), os.path.dirname(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read sweep `{path}`: {error}") from error
    plan = _native.SweepPlan.from_toml(text, name, start)
    kept = None if cache is None else os.fspath(cache)
    if engine == "ray":
        from socrates import _ray

        points, cached = _ray.run(plan, text, name, start, kept, address, threads, shards, progress)
        total = plan.points * plan.runs_of_point
        result = SweepResult(json.loads(points.about_json()), total - cached, cached, [], [], points)
    elif engine == "local":
        if shards is not None or address is not None:
            raise InputError("`shards` and `address` are for `engine=\"ray\"`")
        points = plan.run_shard(0, 1, threads, kept)
        simulated, cached, damaged, failures = points.tally
        result = SweepResult(json.loads(points.about_json()), simulated, cached, damaged, failures, points)
    else:
        raise InputError(f"no engine `{engine}`: write `local` or `ray`")
    if output is not None:
        result.write(output)
    return result
