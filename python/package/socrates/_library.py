"""What comes with Socrates."""

from __future__ import annotations

from typing import NamedTuple

from socrates import _native


class Parameter(NamedTuple):
    """A parameter of a strategy."""

    name: str
    default: str
    summary: str


class StrategyInfo(NamedTuple):
    """A strategy of the registry: write `name` or `name[parameter=value, ...]`."""

    name: str
    summary: str
    parameters: list[Parameter]


def devices() -> list[str]:
    """Names of the devices of the library."""
    return _native.devices()


def models() -> list[str]:
    """Names of the models of the zoo."""
    return _native.models()


def scenarios() -> list[str]:
    """Names of the scenarios of the library."""
    return _native.scenarios()


def strategies() -> dict[str, StrategyInfo]:
    """The strategies of the registry, by name."""
    rows = _native.strategies()
    return {name: StrategyInfo(name, summary, [Parameter(*row) for row in rows_of]) for name, summary, rows_of in rows}
