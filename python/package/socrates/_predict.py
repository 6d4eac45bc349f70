"""Predicting the latency of whole models."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple, Union

from socrates import _native
from socrates._native import Device, Model
from socrates._scenario import Reference
from socrates._table import Table


class Prediction(NamedTuple):
    """Latency of a model on one worker, copies of its input and output included, with the interval that is meant to hold `coverage`."""

    worker: str
    latency_ms: float
    low_ms: float | None
    high_ms: float | None
    coverage: float | None
    measured: int
    fitted: int
    assumed: int
    extrapolated: int


class Refusal(NamedTuple):
    """A worker that does not run a model, and why."""

    worker: str
    operator: str
    reason: str


class Predictions(NamedTuple):
    """What a device makes of a model."""

    predictions: list[Prediction]
    refused: list[Refusal]

    def table(self) -> Table:
        """A row for each prediction."""
        return Table(rows=[it._asdict() for it in self.predictions])


def predict(
    model: Union[Model, Reference],
    device: Union[Device, Reference] = "pixel4",
    *,
    processor: str | None = None,
    operators: Reference | None = None,
) -> Predictions:
    """Latency of a model on each processor and core set of a device, or on those that `processor` names (`gpu`, `cpu`, `4small`, ...).

    `model` is an object, a name of the zoo, a path, or the name of a list of operators; `operators` is a table with a list of the user's.
    """
    on = device if isinstance(device, Device) else Device.load(os.fspath(device))
    if isinstance(model, Model):
        text = _native.predict(on, model.name, model.to_onnx(), processor, None)
    else:
        text = _native.predict(on, os.fspath(model), None, processor, None if operators is None else os.fspath(operators))
    found: dict[str, Any] = json.loads(text)
    predictions = []
    for it in found["predictions"]:
        kernels = it.pop("kernels")
        predictions.append(Prediction(**it, **kernels))
    return Predictions(predictions, [Refusal(**it) for it in found["refused"]])
