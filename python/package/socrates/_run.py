"""Running scenarios."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Union

from socrates import _native
from socrates._native import SimulationError
from socrates._scenario import AnyScenario, Reference, Scenario, scenario_of
from socrates._strategy import Strategy
from socrates._table import Table


class Failure(NamedTuple):
    """A run that could not be simulated."""

    case: str
    strategy: str
    reason: str


class Case(NamedTuple):
    """One run: a case under a strategy. `report` holds every figure, as `run.json` and `docs/metrics.md` name them."""

    case: str
    strategy: str
    stop: str
    events: int
    report: dict[str, Any]


class Result:
    """What a scenario came to: figures of each run, and tables of what happened."""

    def __init__(self, native: _native.Runs, scenario: Scenario) -> None:
        self._native = native
        self.scenario = scenario

    @property
    def cases(self) -> list[Case]:
        """The runs, case by case, strategy by strategy within."""
        return [
            Case(it["case"], it["strategy"], _stop(it["stop"]), it["events"], it["report"])
            for it in json.loads(self._native.cases_json())
        ]

    def case(self, strategy: str, case: str | None = None) -> Case:
        """The run of a strategy; of a case by its name where there are several."""
        for one in self.cases:
            if one.strategy == strategy and case in (None, one.case):
                return one
        raise KeyError(f"no run of `{case or 'any case'}` under `{strategy}`")

    @property
    def failures(self) -> list[Failure]:
        """Runs that could not be simulated."""
        return [Failure(*row) for row in self._native.failures]

    @property
    def replicates(self) -> dict[str, Any] | None:
        """Every figure over the replicates, with intervals, as `replicates.json` has them; `None` without replicates."""
        text = self._native.replicates_json()
        return None if text is None else json.loads(text)

    def summary(self) -> Table:
        """A row for each model of each run: latencies in ms, requests, copies, memory, energy."""
        return Table(rows=[row for case in self.cases for row in _rows(case)])

    def requests(self) -> Table:
        """One row for each request, in order of its end."""
        return Table(parquet=self._native.parquet("requests"))

    def operators(self) -> Table:
        """One row for each kernel, in order of its end."""
        return Table(parquet=self._native.parquet("operators"))

    def copies(self) -> Table:
        """One row for each copy, in order of its end."""
        return Table(parquet=self._native.parquet("copies"))

    def frames(self) -> Table:
        """One row for each frame of the user interface, in order of its end."""
        return Table(parquet=self._native.parquet("frames"))

    def states(self) -> Table:
        """One row for each change of the device: frequencies, temperatures, power, availability."""
        return Table(parquet=self._native.parquet("states"))

    def write(self, directory: Reference) -> Path:
        """Writes a results directory, whole or not at all, as `socrates run` does."""
        return Path(self._native.write(os.fspath(directory)))

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        return f"Result({self.scenario.name!r}, {len(self)} runs, {len(self.failures)} failures)"


AnyStrategy = Union[str, Strategy]


def run(
    scenario: AnyScenario,
    *,
    strategies: Sequence[AnyStrategy] | None = None,
    seed: int | None = None,
    replicates: int | None = None,
    threads: int | None = None,
    records: bool = True,
    output: Reference | None = None,
) -> Result:
    """Simulates every case of a scenario under every strategy.

    `scenario` is an object, a name of the library, a path, or a dictionary. `strategies`, `seed` and `replicates` stand in for those of the scenario;
    a strategy is a description or an object of a subclass of `Strategy`. Without `records` only figures are kept. The result is written to `output`
    if given. Equal inputs and seed give equal results, on any number of threads. Other Python threads go on meanwhile.
    """
    scenario = scenario_of(scenario)
    chosen = None if strategies is None else [_described(strategy) for strategy in strategies]
    command_line = ["socrates.run", scenario.name]
    command_line += [f"{key}={value}" for key, value in (("seed", seed), ("replicates", replicates)) if value is not None]
    command_line += [f"strategy={name}" for name, _ in chosen or []]
    native = _native.run(scenario._native, chosen, seed, replicates, threads, records, command_line)
    result = Result(native, scenario)
    failures = result.failures
    if failures:
        text = "\n".join(f"`{it.case}` under `{it.strategy}`: {it.reason}" for it in failures)
        if len(result) == 0:
            raise SimulationError(text)
        warnings.warn(text, stacklevel=2)
    if output is not None:
        result.write(output)
    return result


def _described(strategy: AnyStrategy) -> tuple[str, Strategy | None]:
    return (strategy, None) if isinstance(strategy, str) else (strategy.title(), strategy)


def _stop(stop: Any) -> str:
    """`drained`, or `stalled: why`."""
    return stop if isinstance(stop, str) else "; ".join(f"{kind}: {why}" for kind, why in stop.items())


def _rows(case: Case) -> list[dict[str, Any]]:
    report = case.report
    energies = ((report.get("device") or {}).get("energy") or {}).get("models", [])
    joules = {it["name"]: it.get("per_inference_j") for it in energies}
    rows = []
    for model in report["models"]:
        requests, latency, totals = model["requests"], model["latency"] or {}, model["totals"]
        completed = requests["completed"]
        in_ms = {f"{key}_ms": None if latency.get(f"{key}_ns") is None else latency[f"{key}_ns"] * 1e-6 for key in ("p50", "mean", "p99", "max")}
        joule = joules.get(model["name"])
        rows.append(
            {
                "case": case.case,
                "strategy": case.strategy,
                "model": model["name"],
                "arrived": requests["arrived"],
                "completed": completed,
                "missed": requests["deadline_misses"],
                **in_ms,
                "per_second": model["throughput_per_second"],
                "copies": totals["copies"] / completed if completed else None,
                "fallback_tasks": totals["fallback_tasks"],
                "memory_mb": None if report["peak_memory_bytes"] is None else report["peak_memory_bytes"] * 1e-6,
                "energy_mj": None if joule is None else joule * 1e3,
                "extrapolated": totals["extrapolated_share"],
                "stop": case.stop,
            }
        )
    return rows
