"""Scenarios: which models run on which device under which strategies, and how requests arrive."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Union

from socrates import _native
from socrates._native import Device, InputError, Model

Reference = Union[str, "os.PathLike[str]"]


class Scenario:
    """A validated scenario. Devices and models in it may be objects: their files then belong to the scenario."""

    def __init__(self, native: _native.Scenario, folder: str, given: dict[str, Device | Model], files: Any) -> None:
        self._native = native
        self._folder = folder
        self._given = given
        # Files of the objects, for as long as the scenario is there.
        self._files = files

    @classmethod
    def load(cls, reference: Reference) -> Scenario:
        """A scenario of the library, or of a file."""
        text = os.fspath(reference)
        return cls(_native.Scenario.load(text), os.path.dirname(text), {}, None)

    @classmethod
    def from_toml(cls, text: str, *, name: str = "scenario.toml", folder: Reference = "") -> Scenario:
        """A scenario from its text; relative paths in it start at `folder`."""
        return cls._made(text, name, os.fspath(folder), {})

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, name: str = "scenario.toml", folder: Reference = "") -> Scenario:
        """A scenario from a dictionary laid out as the TOML; `device` and the `model` of streams may be objects.

        Where there are objects, other relative paths of devices, models and traces become absolute. What is absent of `schema_version` (1), `name` and `strategies` (one, `socrates`) is added.
        """
        values = {"schema_version": 1, "name": "scenario", "strategies": ["socrates"], **values}
        given: dict[str, Device | Model] = {}
        if isinstance(values.get("device"), Device):
            values["device"] = _named(values["device"], "toml", given)
        streams = [dict(stream) for stream in values.get("stream", [])]
        for stream in streams:
            if isinstance(stream.get("model"), Model):
                stream["model"] = _named(stream["model"], "onnx", given)
        values["stream"] = streams
        if given:
            _make_absolute(values, streams, os.fspath(folder), given)
        return cls._made(_native.Scenario.toml_of(values), name, os.fspath(folder), given)

    @classmethod
    def _made(cls, text: str, name: str, folder: str, given: dict[str, Device | Model]) -> Scenario:
        files = tempfile.TemporaryDirectory(prefix="socrates-") if given else None
        for written, value in given.items():
            assert files is not None
            _save(value, os.path.join(files.name, written))
        start = files.name if files is not None else folder
        return cls(_native.Scenario.from_toml(text, name, start), folder, given, files)

    def replace(self, **changes: Any) -> Scenario:
        """The same scenario with other values of top-level fields; `None` takes one away."""
        values = {**self.to_dict(), **changes}
        if "device" not in changes and values["device"] in self._given:
            values["device"] = self._given[values["device"]]
        if "stream" not in changes:
            for stream in values["stream"]:
                stream["model"] = self._given.get(stream["model"], stream["model"])
        values = {key: value for key, value in values.items() if value is not None}
        name = self._native.file if self._native.file.endswith(".toml") else "scenario.toml"
        return type(self).from_dict(values, name=name, folder=self._folder)

    def save(self, folder: Reference) -> Path:
        """Writes the scenario and the files of its objects to a folder; returns the path of the scenario.

        Other files that it refers to by relative paths stay where they are: they are not copied.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for written, value in self._given.items():
            _save(value, os.fspath(place / os.path.basename(written)))
        name = self._native.file if self._native.file.endswith(".toml") else f"{self._native.file}.toml"
        path = place / name
        partial = place / f".{name}.partial-{os.getpid()}"
        partial.write_text(self._native.to_toml(), encoding="utf-8")
        shutil.move(partial, path)
        return path

    def to_dict(self) -> dict[str, Any]:
        """The scenario as a dictionary laid out as the TOML; objects are the names of their files."""
        return copy.deepcopy(self._native.to_dict())

    def to_toml(self) -> str:
        """The text."""
        return self._native.to_toml()

    @property
    def name(self) -> str:
        """Name, shown in results."""
        return self._native.name

    @property
    def description(self) -> str:
        """What it is for."""
        return self._native.description

    @property
    def device(self) -> str:
        """The device: a name of the library, or a path."""
        return self._native.device

    @property
    def models(self) -> list[str]:
        """The model of each stream: a name of the zoo, or a path."""
        return self._native.models

    @property
    def strategies(self) -> list[str]:
        """Descriptions of the strategies."""
        return self._native.strategies

    @property
    def seed(self) -> int:
        """Seed of every random stream."""
        return self._native.seed

    @property
    def replicates(self) -> int:
        """Runs of everything, each with a seed of its own."""
        return self._native.replicates

    def __repr__(self) -> str:
        return f"Scenario({self.name!r}, device={self.device!r}, strategies={self.strategies!r})"


AnyScenario = Union[Scenario, Reference, "dict[str, Any]"]


def scenario_of(value: AnyScenario) -> Scenario:
    """A scenario from whatever names or describes one."""
    if isinstance(value, Scenario):
        return value
    if isinstance(value, dict):
        return Scenario.from_dict(value)
    return Scenario.load(value)


def _named(value: Device | Model, ending: str, given: dict[str, Device | Model]) -> str:
    """How a scenario refers to an object."""
    name = value.name if value.name.endswith(f".{ending}") else f"{value.name}.{ending}"
    written = f"./{os.path.basename(name)}"
    known = given.get(written)
    if known is not None and known is not value:
        raise InputError(f"two different objects of the scenario have the name `{value.name}`")
    given[written] = value
    return written


def _make_absolute(values: dict[str, Any], streams: list[dict[str, Any]], folder: str, given: dict[str, Device | Model]) -> None:
    """Files of the user's do not lie where those of objects do."""

    def absolute(text: Any, is_path: bool) -> Any:
        return os.path.abspath(os.path.join(folder, text)) if is_path and text not in given else text

    def looks_like_path(text: Any) -> bool:
        return isinstance(text, str) and ("/" in text or "\\" in text or text.lower().endswith((".toml", ".onnx")))

    values["device"] = absolute(values.get("device"), looks_like_path(values.get("device")))
    for stream in streams:
        stream["model"] = absolute(stream.get("model"), looks_like_path(stream.get("model")))
        recorded = (stream.get("arrivals") or {}).get("recorded")
        if recorded and "file" in recorded:
            stream["arrivals"] = {"recorded": {**recorded, "file": absolute(recorded["file"], True)}}


def _save(value: Device | Model, path: str) -> None:
    if isinstance(value, Model):
        value.save(path)
    else:
        Path(path).write_text(value.to_toml(), encoding="utf-8")
