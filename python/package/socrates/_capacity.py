"""The largest load that meets a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from socrates import _native
from socrates._native import InputError
from socrates._scenario import AnyScenario, scenario_of


class Capacity(NamedTuple):
    """The capacity under one strategy: requests per second, or copies of the stream."""

    strategy: str
    #: That of each replicate; 0 where no load meets the target.
    values: list[float]
    mean: float | None
    #: Interval of the mean.
    low: float | None
    high: float | None
    #: Runs that it took.
    runs: int
    #: Whether nothing larger was tried.
    is_bounded_by_search: bool


def capacity(
    scenario: AnyScenario,
    *,
    stream: str | None = None,
    vary: str = "rate",
    deadline_miss: float | None = None,
    p50_ms: float | None = None,
    p90_ms: float | None = None,
    p95_ms: float | None = None,
    p99_ms: float | None = None,
    strategies: Sequence[str] | None = None,
    replicates: int = 5,
    precision: float = 0.005,
    threads: int | None = None,
) -> list[Capacity]:
    """The largest request rate of a stream (`vary="rate"`), or number of streams like it (`"copies"`), that meets a target, as `socrates capacity`.

    The target is a share of deadlines missed (`deadline_miss=0.01`) or a quantile of latency (`p99_ms=50`).
    """
    if vary not in ("rate", "copies"):
        raise InputError(f"`vary` cannot be `{vary}`: write `rate` or `copies`")
    quantiles = {0.5: p50_ms, 0.9: p90_ms, 0.95: p95_ms, 0.99: p99_ms}
    latencies = [(quantile, round(limit * 1e6)) for quantile, limit in quantiles.items() if limit is not None]
    if len(latencies) > 1:
        raise InputError("two quantiles are two targets: give one")
    latency = latencies[0] if latencies else None
    of = scenario_of(scenario)
    chosen = None if strategies is None else list(strategies)
    rows = _native.capacity(of._native, chosen, stream, vary == "copies", deadline_miss, latency, replicates, precision, threads)
    return [Capacity(*row) for row in rows]
