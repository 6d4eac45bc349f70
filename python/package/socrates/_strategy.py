"""Strategies written in Python."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod

from socrates._native import Decisions, Device, Event, Job, Plan, System


class Strategy(ABC):
    """Decides what runs where: the same interface as that of the strategies in Rust, called with pictures of the moment.

    Hand an object of a subclass to `socrates.run(..., strategies=[...])`. Each run works on a copy of its own, so that runs do not depend on each
    other. Exceptions come out of `run`. Decisions must not depend on clocks, or on random numbers other than by `job.seed`.
    """

    #: Shown in results; that of the class if empty.
    name: str = ""

    #: Whether `dispatch` is also called for requests that have arrived, before they start.
    wants_arrivals: bool = False

    @abstractmethod
    def plan(self, job: Job, device: Device) -> Plan:
        """Offline: what runs where, in which pieces. Called once for each model."""

    def dispatch(self, system: System, decisions: Decisions) -> None:
        """Online: places ready segments that the plan left open, drops requests, or replaces plans. Called only if overridden."""

    def observe(self, event: Event) -> None:
        """What happened. Called only if overridden."""

    def clone(self) -> Strategy:
        """A copy for one run."""
        return copy.deepcopy(self)

    def interest(self) -> tuple[bool, bool, bool]:
        """Which calls are wanted: of `dispatch`, of `dispatch` for arrivals, of `observe`."""
        dispatches = type(self).dispatch is not Strategy.dispatch
        return dispatches, dispatches and self.wants_arrivals, type(self).observe is not Strategy.observe

    def title(self) -> str:
        """The name in results."""
        return self.name or type(self).__name__
