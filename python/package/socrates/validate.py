"""Predictions held against measurements. Each function gives what the command of the same name prints as JSON; errors are in per cent."""

from __future__ import annotations

import json
import os
from typing import Any, Union

from socrates import _native
from socrates._native import Device
from socrates._scenario import Reference


def models(file: Reference, device: Union[Device, Reference], *, operators: Reference | None = None) -> dict[str, Any]:
    """A table of measured models beside predictions, per processor and core set: `device`, `groups`, `refused`."""
    on = device if isinstance(device, Device) else Device.load(os.fspath(device))
    judgement: dict[str, Any] = json.loads(
        _native.validate_models(os.fspath(file), on, None if operators is None else os.fspath(operators))
    )
    return judgement


def mappings(file: Reference, *, held_out: str = "strings") -> dict[str, Any]:
    """A table of measured mappings of network blocks on the RK3399Pro; `held_out`: `strings` or `networks`."""
    report: dict[str, Any] = json.loads(_native.validate_mappings(os.fspath(file), held_out))
    return report


def published(*, threads: int | None = None) -> list[dict[str, Any]]:
    """Predictions beside every published measurement, section by section, as in `docs/validation.md`."""
    sections: list[dict[str, Any]] = json.loads(_native.validate_published(threads))
    return sections
